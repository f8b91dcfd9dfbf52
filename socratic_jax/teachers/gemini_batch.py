"""Gemini's batch jobs: half the price, and a day to wait at most. For large jobs.

A job is submitted once and belongs to the vendor from then on, so what matters is never to forget one.
Before a job is created, a file with its own random name and the keys of its requests is written; once
it is created, the vendor's name for it is added. Whoever starts again finds the files: a job without
the vendor's name is looked for under its own name (the kill came between the two), and taken over or
done again. A request whose key is in such a file is waited for, not asked again. The file goes once
the replies have been handed over.
"""

import contextlib
import dataclasses
import fcntl
import json
import logging
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from socratic_jax.problems import jsonl
from socratic_jax.teachers import keys
from socratic_jax.teachers.faults import Fault, one_line
from socratic_jax.teachers.gemini import KEY_NAMES, generation_config, read_reply, teacher_name
from socratic_jax.teachers.gemini_jobs import ENDED, JobCalls
from socratic_jax.teachers.limits import Clock, Limits
from socratic_jax.teachers.remote import check_base_url
from socratic_jax.teachers.teacher import Reply, Request, TeacherError

log = logging.getLogger(__name__)

_REFUSED_CODES = (3, 400)  # INVALID_ARGUMENT in gRPC's numbering and in HTTP's


@dataclasses.dataclass
class _Job:
    path: Path
    title: str  # Ours: random, so that it can be found at the vendor's.
    name: str | None  # The vendor's.
    keys: list[str]
    # Whom to answer; of a job from an earlier run only those that are asked again.
    waiting: dict[str, list[Request]] = dataclasses.field(default_factory=dict)

    def save(self) -> None:
        record = {"title": self.title, "name": self.name, "keys": self.keys}
        jsonl.write_text(self.path, json.dumps(record))


class GeminiBatchTeacher:
    """A Gemini model through batch jobs. Its replies are those of `gemini`, under the same name.

    Args:
      model: its name, as "gemini-2.5-flash".
      directory: where the jobs are remembered, best beside the journal; one process at a time.
      thinking: see GeminiTeacher.
      size: requests in a job.
      open_jobs: jobs at a time; the prompts of the open ones are held in memory.
      poll: seconds between two looks at the jobs.
      base_url, api_key_file, clock: see GeminiTeacher.
      limits: `timeout`, `tries` and the waiting apply to the calls that manage jobs.
    """

    batch = True

    def __init__(
        self,
        model: str,
        directory: str | os.PathLike[str],
        thinking: int | None = None,
        size: int = 2000,
        open_jobs: int = 4,
        poll: float = 30.0,
        base_url: str = "",
        api_key_file: str = "",
        limits: Limits | None = None,
        clock: Clock | None = None,
    ):
        self.name = teacher_name(model, thinking)
        self.limits = limits or Limits()
        self._model, self._thinking = model, thinking
        self._directory = Path(directory).expanduser()
        self._size, self._open_jobs, self._poll = size, open_jobs, poll
        self._base_url = check_base_url(base_url) if base_url else None
        self._load_key = lambda: keys.load(KEY_NAMES, api_key_file)
        self._clock = clock or Clock()

    def complete(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Reply]]:
        """Answers every request exactly once, job by job.

        Raises:
          TeacherError: a call that manages the jobs fails for good. Jobs that were submitted stay
            remembered, and the next run collects them.
        """
        key = self._load_key()
        with self._alone(), JobCalls(key, self._base_url, self.limits, self._clock, self.name) as calls:
            jobs = list(self._remembered(calls))
            owners = {key: job for job in jobs for key in job.keys}
            chunk: dict[str, list[Request]] = {}
            for request in requests:
                key_ = request.key(self.name)
                waiting = owners[key_].waiting if key_ in owners else chunk
                waiting.setdefault(key_, []).append(request)
                if len(chunk) == self._size:
                    jobs.append(self._submit(calls, chunk))
                    chunk = {}
                    while sum(bool(job.waiting) for job in jobs) >= self._open_jobs:
                        yield from self._collect_next(calls, jobs)
            if chunk:
                jobs.append(self._submit(calls, chunk))
            while any(job.waiting for job in jobs):
                yield from self._collect_next(calls, jobs)
            for job in jobs:
                log.warning("%s: nobody asks for job %s; it is kept in %s", self.name, job.name, job.path)

    def _remembered(self, calls: JobCalls) -> Iterator[_Job]:
        """The jobs of earlier runs."""
        for path in sorted(self._directory.glob("*.json")):
            try:
                record = json.loads(path.read_text())
                job = _Job(path, record["title"], record["name"], list(record["keys"]))
            except (ValueError, KeyError, TypeError) as error:
                raise TeacherError(
                    f"{path}: not a job's file ({error}); delete it if no job is open"
                ) from None
            if job.name is None:
                job.name = calls.find(job.title)
                if job.name is None:  # It was never created.
                    path.unlink()
                    continue
                job.save()
            log.info("%s: going on with job %s, %d requests", self.name, job.name, len(job.keys))
            yield job

    def _submit(self, calls: JobCalls, chunk: dict[str, list[Request]]) -> _Job:
        title = f"socratic-{uuid.uuid4().hex}"
        job = _Job(self._directory / f"{title}.json", title, None, list(chunk), chunk)
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
            for key, requests in chunk.items():
                file.write(json.dumps({"key": key, "request": self._body(requests[0])}) + "\n")
            file.flush()
            source = calls.upload(file.name, title)
        job.save()
        job.name = calls.create(self._model, source, title)
        job.save()
        log.info("%s: submitted job %s, %d requests", self.name, job.name, len(chunk))
        return job

    def _body(self, request: Request) -> dict[str, Any]:
        """A request in the format of the REST API."""
        config = generation_config(request, self.name, self._thinking)
        names = {"top_p": "topP", "max_output_tokens": "maxOutputTokens"}
        body = {names.get(name, name): value for name, value in config.items() if name != "thinking_config"}
        if self._thinking is not None:
            body["thinkingConfig"] = {"thinkingBudget": self._thinking}
        contents = [{"role": "user", "parts": [{"text": request.prompt}]}]
        return {"contents": contents, "generationConfig": body}

    def _collect_next(self, calls: JobCalls, jobs: list[_Job]) -> Iterator[tuple[Request, Reply]]:
        """Waits for the first job to end and hands over its replies."""
        while True:
            for job in jobs:
                if job.waiting:
                    state, results = calls.look(job.name)
                    if state in ENDED:
                        log.info("%s: job %s ended with %s", self.name, job.name, state)
                        yield from self._replies(calls, job, state, results)
                        job.path.unlink(missing_ok=True)
                        jobs.remove(job)
                        return
            self._clock.wait(self._poll)

    def _replies(
        self, calls: JobCalls, job: _Job, state: str, results: str | None
    ) -> Iterator[tuple[Request, Reply]]:
        if results:
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory) / "results.jsonl"
                calls.download(results, path)
                with path.open("rb") as lines:
                    for line in lines:
                        key, reply = _result(line, calls.key)
                        for request in job.waiting.pop(key, ()):
                            yield request, reply
        missing = f"job {job.name} ended with {state} and without a reply to this"
        for requests in job.waiting.values():
            for request in requests:
                yield request, Reply(None, "gave_up", error=missing)
        job.waiting = {}

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise TeacherError(
                    f"{self._directory}: another process looks after these jobs; let it finish or stop it"
                ) from None
            yield


def _result(line: bytes, key: keys.ApiKey) -> tuple[str, Reply]:
    """(key, reply) of a line of results."""
    try:
        record = json.loads(line)
        if "response" in record:
            return record["key"], read_reply(record["response"])
        error = record["error"]
        message = key.redact(one_line(f"{error.get('code')}: {error.get('message')}"))
        how = "error" if error.get("code") in _REFUSED_CODES else "gave_up"
        return record["key"], Reply(None, how, error=message)
    except Fault as fault:
        return record["key"], Reply(None, "gave_up", error=str(fault))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", Reply(None, "gave_up", error="a broken line of results")
