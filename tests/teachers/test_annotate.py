"""Annotating: every request has its reply once, through kills, neighbours, Ctrl-C and vendors' faults."""

import collections
import json
import random
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from server import PERMANENT, TRANSIENT, Server, random_plan, scripted_plan
from wire import reply_text
from worker import make_requests, make_teacher

from socratic_jax.teachers import annotate as annotate_module
from socratic_jax.teachers.annotate import annotate
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.prices import Price
from socratic_jax.teachers.teacher import Reply, Request, TeacherError, Usage

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "test.jsonl"


class Fake:
    """A teacher that answers at once, and in its own order."""

    name, batch = "fake:m", False

    def __init__(self, reply=lambda request: Reply(f"to {request.prompt}", "stop", Usage(10, 2))):
        self.reply = reply
        self.asked = collections.Counter()

    def complete(self, requests):
        window = []
        for request in requests:
            self.asked[request] += 1
            window.append(request)
            if len(window) == 4:
                yield from ((r, self.reply(r)) for r in reversed(window))
                window = []
        yield from ((r, self.reply(r)) for r in window)


def records(path):
    """Key -> line of a journal; no key may be there twice."""
    found = {}
    for line in path.read_text().splitlines():
        record = json.loads(line)
        assert record["key"] not in found
        found[record["key"]] = record
    return found


def test_asks_what_is_missing_and_only_that(path):
    teacher = Fake()
    with Journal(path) as journal:
        first = annotate(teacher, make_requests(10), journal)
        assert (first.asked, first.cached, first.stop) == (10, 0, 10)
        second = annotate(teacher, make_requests(25), journal)
        assert (second.asked, second.cached) == (15, 10)
    with Journal(path) as journal:
        third = annotate(teacher, make_requests(25), journal)
        assert (third.asked, third.cached) == (0, 25)
        for request in make_requests(25):
            assert journal.get(request.key(teacher.name)).text == f"to {request.prompt}"
    assert set(teacher.asked.values()) == {1}
    assert len(records(path)) == 25


def test_equal_requests_are_asked_once(path):
    teacher = Fake()
    with Journal(path) as journal:
        counts = annotate(teacher, [*make_requests(8), *make_requests(8)], journal)
    assert (counts.asked, counts.cached) == (8, 8)
    assert set(teacher.asked.values()) == {1}


def test_what_went_wrong_is_counted_and_kept_except_what_was_given_up(path):
    ends = {0: "stop", 1: "length", 2: "blocked", 3: "error", 4: "gave_up"}

    def reply(request):
        finish = ends[int(request.prompt)]
        return Reply("x", finish, Usage(100, 10), None if finish == "stop" else f"why {finish}")

    requests = [Request(str(i), 0.7, 1.0, 64, 0) for i in range(5)]
    price = Price("m", 1.0, 10.0, 0.5)
    notes = []
    with Journal(path) as journal:
        counts = annotate(
            Fake(reply),
            requests,
            journal,
            accept=lambda request, reply: reply.text == "x",
            price=price,
            progress=lambda n, note: notes.append((n, note)),
        )
        assert [getattr(counts, finish) for finish in ends.values()] == [1] * 5
        assert (counts.accepted, counts.input_tokens, counts.output_tokens) == (1, 500, 50)
        assert counts.dollars == pytest.approx(5 * (100 * 1.0 + 10 * 10.0) / 1e6)
        assert counts.errors == {f"why {f}": 1 for f in ("length", "blocked", "error", "gave_up")}
        assert [n for n, _ in notes] == [1] * 5
        assert notes[-1][1] == "20 % accepted  $0.00  4 without an answer"
        assert len(journal) == 4
        # The next run asks again what was given up, and nothing else.
        again = annotate(Fake(), requests, journal)
        assert (again.asked, again.stop, again.cached) == (1, 1, 4)


def test_batch_prices(path):
    teacher = Fake()
    teacher.batch = True
    with Journal(path) as journal:
        counts = annotate(teacher, make_requests(4), journal, price=Price("m", 1.0, 10.0, 0.5))
    assert counts.dollars == pytest.approx(0.5 * 4 * (10 + 20) / 1e6)


def test_what_was_answered_before_an_error_is_kept_and_claims_are_given_up(path):
    class Broken(Fake):
        def complete(self, requests):
            for n, answer in enumerate(super().complete(requests)):
                if n == 6:
                    raise TeacherError("no more")
                yield answer

    with Journal(path) as journal:
        with pytest.raises(TeacherError, match="no more"):
            annotate(Broken(), make_requests(20), journal)
        assert len(journal) == 6
        teacher = Fake()
        assert annotate(teacher, make_requests(20), journal).asked == 14


def test_memory_does_not_grow_with_the_replies(path):
    def peak(n):
        def requests():
            return (Request(f"{i} " + "x" * 4000, 0.7, 1.0, 64, 0) for i in range(n))

        teacher = Fake(lambda request: Reply("y" * 2000, "stop"))
        teacher.asked = collections.defaultdict(int, {})
        teacher.complete = lambda requests: ((r, teacher.reply(r)) for r in requests)
        tracemalloc.start()
        with Journal(path.with_name(f"{n}.jsonl")) as journal:
            assert annotate(teacher, requests(), journal).stop == n
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    small, large = peak(300), peak(6000)
    assert large - small < 500_000  # 36 MB of texts


def expected(plan, request, seed):
    """(finish, tries) by a plan."""
    for attempt in range(100):
        fault = plan(request.prompt, seed, attempt)
        if fault not in (*TRANSIENT, "hang"):
            finishes = {"400": "error", "blocked": "blocked", "max-tokens": "length"}
            return finishes.get(fault, "stop"), attempt + 1
    raise AssertionError


def test_2000_problems_with_4_samples_and_a_tenth_of_faults(path):
    plan = random_plan(3, 0.1, TRANSIENT + PERMANENT + ("hang", "drip"))
    n = 8000
    with Server(plan) as server, Journal(path) as journal:
        teacher = make_teacher(server.url, 64, timeout=5.0, tries=30)
        counts = annotate(teacher, make_requests(n), journal)
        finishes = collections.Counter()
        for request in make_requests(n):
            seed = request.seed(teacher.name)
            finish, tries = expected(plan, request, seed)
            finishes[finish] += 1
            reply = journal.get(request.key(teacher.name))
            assert reply.finish == finish
            assert reply.text == (reply_text(request.prompt, seed) if finish == "stop" else reply.text)
            assert server.tries[request.prompt, seed] == tries
    assert (counts.asked, counts.cached) == (n, 0)
    assert {f: getattr(counts, f) for f in finishes} == finishes
    assert min(finishes.values()) > 20
    assert len(finishes) == 4
    assert len(records(path)) == n
    # Nothing was paid twice: a whole reply was sent once to whatever got one.
    assert set(server.replies.values()) == {1}


def start(path, url, n, concurrency=8):
    command = [sys.executable, str(WORKER), str(path), url, str(n), str(concurrency)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_kill_at_50_moments(path):
    n, plan = 4000, random_plan(5, 0.1, TRANSIENT)
    rng = random.Random(0)
    names = {r.key("openai:m"): (r.prompt, r.seed("openai:m")) for r in make_requests(n)}
    with Server(plan) as server:
        calm = path.with_name("calm.jsonl")
        with Journal(calm) as journal:
            annotate(make_teacher(server.url, 32), make_requests(n), journal)
        server.tries.clear()
        server.replies.clear()
        server.delay = 0.01
        kept = set()
        # Two at a time, so that a kill also hits a neighbour's lock, claims and half-written lines.
        for _ in range(25):
            tries = {key: server.tries[names[key]] for key in kept}
            pair = [start(path, server.url, n) for _ in range(2)]
            for process in pair:
                process.stdout.readline()
            for process in pair:
                # The moment is drawn in calls, so that a slow machine is killed at as many places.
                goal = sum(server.tries.values()) + rng.randrange(110)
                while sum(server.tries.values()) < goal:
                    time.sleep(0.001)
                time.sleep(rng.uniform(0.0, 0.005))
                process.send_signal(signal.SIGKILL)
            assert [process.wait() for process in pair] == [-signal.SIGKILL] * 2
            lines = path.read_bytes().splitlines(keepends=True)
            now = {r["key"] for r in map(json.loads, (x for x in lines if x.endswith(b"\n")))}
            assert now >= kept  # Nothing is lost,
            assert {key: server.tries[names[key]] for key in kept} == tries  # and nothing asked again.
            kept = now
        assert n / 4 < len(kept) < n  # The kills came in the middle of things.
        server.delay = 0.0
        last = start(path, server.url, n, 32)
        out, _ = last.communicate(timeout=60)
        assert out == f"ready\nasked {n - len(kept)} cached {len(kept)}\n"
        assert records(path) == records(calm)
        # What was under way at a kill is all that can be paid for twice.
        assert sum(server.replies.values()) - n <= 50 * 8


def test_two_processes_share_the_work(path):
    n = 600
    with Server() as server:
        server.delay = 0.005
        pair = [start(path, server.url, n) for _ in range(2)]
        lines = [process.communicate(timeout=60)[0].split() for process in pair]
        asked = [int(line[2]) for line in lines]
        assert sum(asked) == n
        assert min(asked) > n / 10
        assert [int(line[4]) for line in lines] == [n - a for a in asked]
        assert set(server.replies.values()) == {1}
    assert len(records(path)) == n


def test_a_neighbour_that_dies_leaves_its_requests_to_us(path, monkeypatch):
    # Fewer are put off than the neighbour has claimed: reading on has to wait, and must not lose any.
    monkeypatch.setattr(annotate_module, "_DEFERRED", 3)
    keys = [r.key(Fake.name) for r in make_requests(10)]
    code = (
        "import sys, time; from socratic_jax.teachers.journal import Journal;"
        "journal = Journal(sys.argv[1]); assert all(map(journal.claim, sys.argv[2:]));"
        "print('ready', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(path), *keys]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as neighbour:
        neighbour.stdout.readline()
        threading.Timer(0.5, neighbour.kill).start()
        teacher = Fake()
        with Journal(path) as journal:
            counts = annotate(teacher, make_requests(20), journal)
    assert (counts.asked, counts.cached) == (20, 0)
    assert set(teacher.asked.values()) == {1}


def test_ctrl_c_waits_for_what_is_under_way(path):
    with Server() as server:
        server.delay = 0.2
        process = start(path, server.url, 1000)
        process.stdout.readline()
        while not server.replies:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.wait(20)
        assert process.returncode != 0
        # Whatever was paid for is in the journal.
        assert 8 <= sum(server.tries.values()) <= 40
        assert len(records(path)) == sum(server.tries.values())


def test_the_handler_of_ctrl_c_is_put_back(path):
    before = signal.getsignal(signal.SIGINT)
    with Journal(path) as journal:
        annotate(Fake(), make_requests(4), journal)
        assert signal.getsignal(signal.SIGINT) is before
        thread = threading.Thread(target=annotate, args=(Fake(), make_requests(8), journal))
        thread.start()
        thread.join()
        assert len(journal) == 8


def test_scripted_faults_end_in_a_reply(path):
    with Server(scripted_plan(*TRANSIENT)) as server, Journal(path) as journal:
        counts = annotate(make_teacher(server.url, tries=len(TRANSIENT) + 1), make_requests(4), journal)
        assert counts.stop == 4
        assert set(server.tries.values()) == {len(TRANSIENT) + 1}
