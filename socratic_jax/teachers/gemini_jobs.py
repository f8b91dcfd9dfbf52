"""The calls that manage Gemini's batch jobs, each tried again while that makes sense."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from socratic_jax.teachers.faults import FATAL, TRANSIENT
from socratic_jax.teachers.gemini import NEEDS, make_client, sdk_fault
from socratic_jax.teachers.keys import ApiKey
from socratic_jax.teachers.limits import Clock, Limits, Patience
from socratic_jax.teachers.remote import transport_fault
from socratic_jax.teachers.teacher import TeacherError

# What a job that nobody knows any more is taken for.
GONE = "JOB_STATE_EXPIRED"
# The states from which nothing changes any more.
ENDED = (
    "JOB_STATE_SUCCEEDED",
    "JOB_STATE_PARTIALLY_SUCCEEDED",
    "JOB_STATE_FAILED",
    "JOB_STATE_CANCELLED",
    GONE,
)


class JobCalls:
    """A client for batch jobs, to be used in a with statement.

    Args:
      key: the API key.
      base_url: of the endpoint; None is Google's.
      limits: `timeout`, `tries` and the waiting apply to every call.
      clock: for tests.
      teacher: its name, for messages.

    Every method raises TeacherError when its call fails for good.
    """

    def __init__(self, key: ApiKey, base_url: str | None, limits: Limits, clock: Clock, teacher: str):
        self.key = key
        self._base_url, self._limits, self._clock, self._teacher = base_url, limits, clock, teacher

    def __enter__(self) -> "JobCalls":
        try:
            self._client = make_client(self.key, self._base_url, timeout=self._limits.timeout)
        except ImportError:
            raise TeacherError(NEEDS) from None
        return self

    def __exit__(self, *exc) -> None:
        self._client.close()

    def upload(self, path: str, title: str) -> str:
        """Uploads a job's requests. Returns the file's name."""
        config = {"display_name": title, "mime_type": "application/jsonl"}
        return self._persist("upload", lambda: self._client.files.upload(file=path, config=config).name)

    def create(self, model: str, source: str, title: str) -> str:
        """Creates a job, once. Returns the vendor's name for it."""

        def call() -> str:
            # The answer to an earlier try may have got lost after the job was created.
            found = self._find(title)
            if found:
                return found
            config = {"display_name": title}
            return self._client.batches.create(model=model, src=source, config=config).name

        return self._persist("create", call)

    def find(self, title: str) -> str | None:
        """The vendor's name for the job of that title; None if there is none."""
        return self._persist("find", lambda: self._find(title))

    def look(self, name: str) -> tuple[str, str | None]:
        """(state, name of the file of results) of a job; the state is GONE if it is no longer known."""
        from google.genai import errors

        def call() -> tuple[str, str | None]:
            try:
                job = self._client.batches.get(name=name)
            except errors.APIError as error:
                if error.code == 404:
                    return GONE, None
                raise
            return job.state.name if job.state else "", job.dest.file_name if job.dest else None

        return self._persist("look at", call)

    def download(self, name: str, path: Path) -> None:
        """Writes a file of results to a path."""
        self._persist("download", lambda: self._client.files.download(file=name, destination=str(path)))

    def _find(self, title: str) -> str | None:
        jobs = self._client.batches.list(config={"page_size": 100})
        return next((job.name for job in jobs if job.display_name == title), None)

    def _persist(self, what: str, call: Callable[[], Any]) -> Any:
        import httpx2
        from google.genai import errors

        patience = Patience(self._limits, what)
        while True:
            try:
                return call()
            except errors.APIError as error:
                fault = sdk_fault(error)
            except (httpx2.HTTPError, OSError, ValueError, KeyError, AttributeError) as error:
                fault = transport_fault(error)
            except Exception as error:
                raise self.key.scrub(error) from None
            wait = patience.after(fault)
            if fault.kind != TRANSIENT or wait is None:
                message = self.key.redact(str(fault))
                advice = "jobs that were submitted are remembered; start again later"
                if fault.kind == FATAL:
                    advice = f"check the API key in {self.key.origin} and the model's name"
                raise TeacherError(f"{self._teacher}: cannot {what} a batch job: {message}; {advice}")
            self._clock.wait(wait)
