"""Batch jobs: submitted once, collected after any interruption, every request answered once."""

import json
import logging

import pytest
from server import PERMANENT, Server, random_plan
from wire import reply_text
from worker import make_requests

from socratic_jax.teachers import gemini_batch
from socratic_jax.teachers.annotate import annotate
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.limits import Clock, Limits
from socratic_jax.teachers.registry import make_teacher
from socratic_jax.teachers.teacher import TeacherError

pytest.importorskip("google.genai")
KEY = "AbCd+/secret-1234567890"
NAME = "gemini:m"


class Recorder(Clock):
    """A clock that is moved by waiting on it."""

    def __init__(self):
        self.waits = []

    def wait(self, seconds):
        self.waits.append(seconds)


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    with Server(key=KEY) as server:
        yield server


@pytest.fixture
def connect(server, tmp_path):
    def connect(size=10, tries=3, **options):
        return make_teacher(
            "gemini-batch:m",
            directory=tmp_path / "batches",
            size=size,
            base_url=server.url,
            limits=Limits(tries=tries, backoff=0.01, timeout=5.0),
            clock=options.pop("clock", Recorder()),
            **options,
        )

    return connect


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def run(teacher, n, path):
    with Journal(path) as journal:
        return annotate(teacher, make_requests(n), journal)


def texts(n, path):
    """The journal's replies to the first n requests, and the server's."""
    with Journal(path) as journal:
        found = [journal.get(r.key(NAME)) for r in make_requests(n)]
    return [reply and reply.text for reply in found], [
        reply_text(r.prompt, r.seed(NAME)) for r in make_requests(n)
    ]


def test_jobs_are_submitted_polled_and_collected(server, connect, path, tmp_path):
    clock = Recorder()
    server.polls = 3
    teacher = connect(size=10, clock=clock, poll=30.0)
    assert (teacher.name, teacher.batch) == (NAME, True)
    counts = run(teacher, 25, path)
    assert (counts.stop, counts.asked) == (25, 25)
    found, wanted = texts(25, path)
    assert found == wanted
    assert len(server.jobs) == 3
    assert clock.waits
    assert set(clock.waits) == {30.0}
    assert sorted(tmp_path.joinpath("batches").glob("*.json")) == []


def test_few_jobs_are_open_at_a_time(server, connect, path):
    open_, most = set(), 0

    def on_create(name):
        nonlocal most
        open_.add(name)
        still = [n for n in open_ if server.jobs[n]["polls"] < server.polls]
        most = max(most, len(still))

    server.on_create = on_create
    assert run(connect(size=3, open_jobs=2), 30, path).stop == 30
    assert len(server.jobs) == 10
    assert most == 2


def test_requests_go_out_as_they_are_sampled(server, connect, path):
    run(connect(thinking=0), 1, path)
    [source] = [job["source"] for job in server.jobs.values()]
    [request] = make_requests(1)
    record = json.loads(source)
    assert record["request"]["contents"][0]["parts"] == [{"text": request.prompt}]
    config = record["request"]["generationConfig"]
    assert config.pop("seed") == request.seed("gemini:m:thinking=0")
    thinking = {"thinkingBudget": 0}
    assert config == {"temperature": 0.7, "topP": 1.0, "maxOutputTokens": 64, "thinkingConfig": thinking}


def test_a_restart_collects_what_was_submitted(server, connect, path, tmp_path):
    server.polls = 10**9
    clock = Recorder()

    def die(seconds):
        raise Killed

    clock.wait = die
    with pytest.raises(Killed):
        run(connect(clock=clock), 25, path)
    assert len(server.jobs) == 3
    assert len(list(tmp_path.joinpath("batches").glob("*.json"))) == 3
    server.polls = 0
    # The second run asks for more: only that is new.
    counts = run(connect(), 32, path)
    assert counts.stop == 32
    found, wanted = texts(32, path)
    assert found == wanted
    assert len(server.jobs) == 4
    assert set(server.replies.values()) == {1}


def test_killed_while_collecting(server, connect, path):
    server.polls = 0
    teacher = connect(size=20)
    with Journal(path) as journal:
        append = journal.append

        def kill_at_7(*arguments):
            if len(journal) == 7:
                raise Killed
            return append(*arguments)

        journal.append = kill_at_7
        with pytest.raises(Killed):
            annotate(teacher, make_requests(20), journal)
    counts = run(connect(size=20), 20, path)
    assert (counts.cached, counts.stop) == (7, 13)
    assert len(server.jobs) == 1
    assert set(server.replies.values()) == {1}
    found, wanted = texts(20, path)
    assert found == wanted


def test_killed_between_creating_a_job_and_hearing_of_it(server, connect, path, monkeypatch):
    server.polls = 0
    create = gemini_batch.JobCalls.create

    def created_then_killed(self, *arguments):
        create(self, *arguments)
        raise Killed

    monkeypatch.setattr(gemini_batch.JobCalls, "create", created_then_killed)
    with pytest.raises(Killed):
        run(connect(), 10, path)
    monkeypatch.undo()
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert run(connect(), 10, path).stop == 10
    assert len(server.jobs) == 1


def test_killed_before_creating_a_job(server, connect, path, monkeypatch):
    def killed(self, *arguments):
        raise Killed

    monkeypatch.setattr(gemini_batch.JobCalls, "create", killed)
    with pytest.raises(Killed):
        run(connect(), 10, path)
    monkeypatch.undo()
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert len(server.jobs) == 0
    assert run(connect(), 10, path).stop == 10
    assert len(server.jobs) == 1


def test_a_job_whose_creation_is_not_heard_of_is_created_once(server, connect, path, monkeypatch):
    server.polls = 0
    answer = server._answer

    class Nowhere:
        def write(self, data):
            pass

    async def lose_the_first(writer, method, path_, headers, body):
        if path_.endswith(":batchGenerateContent") and not server.jobs:
            await answer(Nowhere(), method, path_, headers, body)
            return False
        return await answer(writer, method, path_, headers, body)

    server._answer = lose_the_first
    assert run(connect(tries=5), 10, path).stop == 10
    assert len(server.jobs) == 1


def test_what_failed_within_a_job(server, connect, path):
    plan = random_plan(1, 0.6, (*PERMANENT, "500", "missing"))
    server.plan = plan
    counts = run(connect(size=100), 100, path)
    faults = [plan(r.prompt, r.seed(NAME), 0) for r in make_requests(100)]
    assert counts.stop == faults.count("ok")
    assert counts.error == faults.count("400") > 0
    assert counts.blocked == faults.count("blocked") > 0
    assert counts.length == faults.count("max-tokens") > 0
    assert counts.gave_up == faults.count("500") + faults.count("missing") > 0
    # Those are asked again, in a job of their own.
    server.plan = lambda prompt, seed, attempt: "ok"
    again = run(connect(size=100), 100, path)
    assert (again.stop, again.cached) == (counts.gave_up, 100 - counts.gave_up)


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "EXPIRED", None])
def test_a_job_that_fails_or_is_gone_is_done_again_by_the_next_run(server, connect, path, state):
    failed = {}

    def on_create(name):
        if state is None:
            failed[name] = server.jobs.pop(name)
            server._job = lambda name: {"name": name, "metadata": {}}
        else:
            server.jobs[name]["state"] = f"BATCH_STATE_{state}"

    server.on_create = on_create
    real = server._job
    counts = run(connect(), 10, path)
    assert counts.gave_up == 10
    assert "ended with JOB_STATE_" in next(iter(counts.errors))
    server.on_create, server._job = lambda name: None, real
    assert run(connect(), 10, path).stop == 10


def test_a_forgotten_job_is_kept(server, connect, path, caplog):
    caplog.set_level(logging.WARNING)
    server.polls = 10**9
    clock = Recorder()

    def die(seconds):
        raise Killed

    clock.wait = die
    with pytest.raises(Killed):
        run(connect(clock=clock), 10, path)
    server.polls = 0
    with Journal(path) as journal:
        assert annotate(connect(), [], journal).asked == 0  # Nobody asks, nothing is opened.
        later = list(make_requests(20))[10:]
        assert annotate(connect(), later, journal).stop == 10
    assert "nobody asks for job batches/b0" in caplog.text
    assert run(connect(), 20, path).stop == 10
    assert len(server.jobs) == 2


def test_a_bad_key(server, connect, path, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "Wrong+/key-0987654321")
    with pytest.raises(
        TeacherError, match="cannot upload a batch job: HTTP 400: API key not valid"
    ) as caught:
        run(connect(), 10, path)
    assert "check the API key in GEMINI_API_KEY" in str(caught.value)
    assert "0987654321" not in str(caught.value)


def test_two_processes_do_not_look_after_the_same_jobs(server, connect, path):
    requests = list(make_requests(3))
    first = connect(size=1).complete(requests)
    next(first)
    with pytest.raises(TeacherError, match="another process looks after these jobs"):
        next(connect().complete(requests))
    first.close()


def test_a_broken_file_of_a_job(server, connect, path, tmp_path):
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches" / "x.json").write_text("{")
    with pytest.raises(TeacherError, match=r"x.json: not a job's file .*; delete it if no job is open"):
        run(connect(), 10, path)
