"""Every client against a server that speaks its vendor's format over HTTP and misbehaves."""

import asyncio
import logging
import threading
import time
import traceback

import pytest
from server import PERMANENT, TRANSIENT, Server, random_plan, scripted_plan
from wire import reply_text

from socratic_jax.teachers import keys
from socratic_jax.teachers.limits import Clock, Limits
from socratic_jax.teachers.registry import make_teacher
from socratic_jax.teachers.teacher import Request, TeacherError, Usage

KEY = "AbCd+/secret-1234567890"
QUICK = dict(backoff=0.005, longest_backoff=0.02, timeout=10.0)


@pytest.fixture(params=["openai", "gemini"])
def kind(request, monkeypatch):
    if request.param == "gemini":
        pytest.importorskip("google.genai")
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY" if request.param == "openai" else "GEMINI_API_KEY", KEY)
    return request.param


@pytest.fixture
def server():
    with Server(key=KEY) as server:
        yield server


class Recorder(Clock):
    """A clock that is moved by sleeping on it."""

    def __init__(self):
        self.time, self.sleeps = 0.0, []

    def now(self):
        return self.time

    async def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


def connect(kind, server, clock=None, **limits):
    url = server.url + ("/v1" if kind == "openai" else "")
    return make_teacher(f"{kind}:m", base_url=url, limits=Limits(**QUICK | limits), clock=clock)


def ask(teacher, prompt="What is 2 + 3?", **changes):
    request = Request(**dict(prompt=prompt, temperature=0.7, top_p=0.9, max_tokens=64, sample=0) | changes)
    [(answered, reply)] = teacher.complete([request])
    assert answered is request
    return reply


def test_a_reply(kind, server):
    teacher = connect(kind, server)
    reply = ask(teacher, "What is 20 + 30?", sample=3)
    seed = Request("What is 20 + 30?", 0.7, 0.9, 64, 3).seed(teacher.name)
    assert reply.text == reply_text("What is 20 + 30?", seed)
    assert (reply.finish, reply.error, reply.usage) == ("stop", None, Usage(4, 12))
    assert teacher.name == f"{kind}:m"


def test_the_sampling_goes_out(kind, server):
    ask(connect(kind, server))
    [body] = server.bodies
    if kind == "openai":
        wanted = {"model": "m", "temperature": 0.7, "top_p": 0.9, "max_tokens": 64}
        assert wanted.items() <= body.items()
        ask(connect(kind, server), temperature=1.0, top_p=1.0)
        assert not {"temperature", "top_p"} & set(server.bodies[-1])  # Reasoning models refuse them.
    else:
        wanted = {"temperature": 0.7, "topP": 0.9, "maxOutputTokens": 64}
        assert wanted.items() <= body["generationConfig"].items()


@pytest.mark.parametrize("fault", [*TRANSIENT, "crash", "drip"])
def test_passing_faults(kind, server, fault):
    server.plan = scripted_plan(fault)
    reply = ask(connect(kind, server))
    assert reply.finish == "stop"
    assert list(server.tries.values()) == [1 if fault == "drip" else 2]


@pytest.mark.parametrize("fault", ["500", "429", "drop", "crash"])
def test_one_try_is_one_call(kind, server, fault):
    # SDKs like to try again on their own account, where no limit sees it.
    server.plan = scripted_plan(fault)
    assert ask(connect(kind, server, tries=1)).finish == "gave_up"
    assert list(server.tries.values()) == [1]


def test_a_call_that_hangs_is_lost(kind, server):
    server.plan = scripted_plan("hang", "hang")
    start = time.monotonic()
    assert ask(connect(kind, server, timeout=0.3)).finish == "stop"
    assert 0.6 < time.monotonic() - start < 5


def test_dripping_for_too_long_is_hanging(kind, server):
    server.plan = scripted_plan("drip")  # A byte every 2 ms.
    assert ask(connect(kind, server, timeout=0.2)).finish == "stop"
    assert list(server.tries.values()) == [2]


@pytest.mark.parametrize(
    ("fault", "finish", "error"),
    [
        ("400", "error", "HTTP 400: this is 400"),
        ("blocked", "blocked", "blocked"),
        ("max-tokens", "length", "cut off at max_tokens; allow more"),
        ("empty", "error", "an empty reply"),
    ],
)
def test_lasting_faults_are_replies_and_not_tried_again(kind, server, fault, finish, error):
    server.plan = scripted_plan(fault)
    reply = ask(connect(kind, server))
    assert reply.finish == finish
    assert error in reply.error
    assert list(server.tries.values()) == [1]
    if fault == "max-tokens":
        assert reply.usage.output_tokens == 12  # It was paid for.


def test_they_do_not_stop_the_rest(kind, server):
    plan = random_plan(0, 0.5, PERMANENT)
    server.plan = plan
    teacher = connect(kind, server)
    requests = [Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(40)]
    replies = dict(teacher.complete(requests))
    assert len(replies) == 40
    assert {r.finish for r in replies.values()} == {"stop", "error", "blocked", "length"}
    for request, reply in replies.items():
        assert (reply.finish == "stop") == (plan(request.prompt, request.seed(teacher.name), 0) == "ok")


@pytest.mark.parametrize(
    ("fault", "least", "most"), [("429-long", 7.0, 7.5), ("429-date", 7.5, 9.5), ("429-after", 0.05, 0.5)]
)
def test_retry_after_is_honoured(kind, server, fault, least, most):
    server.plan = scripted_plan(fault)
    clock = Recorder()
    assert ask(connect(kind, server, clock, backoff=0.3)).finish == "stop"
    assert least <= max(clock.sleeps) <= most


def test_who_is_not_told_backs_off_at_random(kind, server):
    server.plan = scripted_plan("429", "500", "drop")
    clock = Recorder()
    assert ask(connect(kind, server, clock, backoff=10.0, longest_backoff=30.0)).finish == "stop"
    ceilings = [10.0, 20.0, 30.0]
    assert len(clock.sleeps) == 3
    assert all(0 <= wait <= ceiling for wait, ceiling in zip(clock.sleeps, ceilings, strict=True))


def test_one_429_holds_all_workers(kind, server):
    times = []

    def plan(prompt, seed, attempt):
        times.append(time.monotonic())
        return "429-half" if (prompt, attempt) == ("p0", 0) else "ok"

    server.plan, server.delay = plan, 0.05
    requests = (Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(10))
    assert len(list(connect(kind, server, concurrency=2).complete(requests))) == 10
    assert len(times) == 11
    # Those that were under way, and at most one that slipped through; the other worker alone does nine.
    assert sum(t < times[0] + 0.5 for t in times) <= 3


def test_a_pause_that_is_too_long_for_one_request_holds_the_others_as_well(kind, server):
    server.plan = lambda prompt, seed, attempt: "429-long" if prompt == "p0" else "ok"
    clock = Recorder()
    requests = [Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(3)]
    teacher = connect(kind, server, clock, longest_wait=5.0, concurrency=1)
    replies = {request.prompt: reply for request, reply in teacher.complete(requests)}
    assert [replies[f"p{i}"].finish for i in range(3)] == ["gave_up", "stop", "stop"]
    assert server.tries["p0", requests[0].seed(teacher.name)] == 1
    assert clock.sleeps and 6.9 <= clock.sleeps[0] <= 7.0  # The second request waited for its turn.


def test_giving_up_is_not_a_reply(kind, server):
    server.plan = lambda prompt, seed, attempt: "500" if prompt == "bad" else "ok"
    requests = [Request(p, 0.7, 0.9, 64, 0) for p in ("bad", "good")]
    replies = {r.prompt: reply for r, reply in connect(kind, server, tries=3).complete(requests)}
    assert replies["good"].finish == "stop"
    assert replies["bad"].finish == "gave_up"
    assert not replies["bad"].final
    assert "no answer after 3 tries" in replies["bad"].error
    assert "HTTP 500: this is 500" in replies["bad"].error


def test_an_endpoint_that_is_gone_stops_the_run(kind, server):
    server.plan = scripted_plan(*["503-html"] * 1000)
    requests = (Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(1000))
    with pytest.raises(TeacherError, match="5 requests in a row had no answer") as caught:
        list(connect(kind, server, tries=2, give_up_after=5, concurrency=2).complete(requests))
    assert "HTTP 503: 503 Over&loaded" in str(caught.value)
    assert len(server.tries) <= 12


def test_refusing_everything_from_the_start_stops_the_run(kind, server):
    server.plan = scripted_plan("400")
    requests = (Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(1000))
    with pytest.raises(TeacherError, match=r"refuses every request \(HTTP 400: this is 400\); correct that"):
        list(connect(kind, server, give_up_after=5, concurrency=2).complete(requests))
    assert len(server.tries) <= 12


def test_refusals_after_an_answer_do_not_stop_the_rest(kind, server):
    server.plan = lambda prompt, seed, attempt: "ok" if prompt == "p0" else "400"
    requests = (Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(30))
    teacher = connect(kind, server, give_up_after=5, concurrency=1)
    assert [reply.finish for _, reply in teacher.complete(requests)] == ["stop"] + ["error"] * 29


def test_nobody_listens(kind, monkeypatch):
    with Server() as server:
        pass
    with pytest.raises(TeacherError, match="in a row had no answer"):
        ask(connect(kind, server, tries=2, give_up_after=1))


def test_so_many_calls_at_a_time(kind, server):
    server.delay = 0.02
    teacher = connect(kind, server, concurrency=5)
    assert len(list(teacher.complete(Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(40)))) == 40
    assert server.busiest == 5


def test_requests_per_minute_count_tries(kind, server):
    server.plan = scripted_plan("500")
    clock = Recorder()
    teacher = connect(kind, server, clock, requests_per_minute=6, concurrency=1)
    assert len(list(teacher.complete(Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(5)))) == 5
    assert clock.time == pytest.approx(9 * 10.0, rel=0.05)


# Keys.


def printed(error):
    return "".join(traceback.format_exception(error))


def test_a_bad_key_stops_at_once_and_is_not_shown(kind, server, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    wrong = "Wrong+/key-0987654321"
    monkeypatch.setenv("OPENAI_API_KEY" if kind == "openai" else "GEMINI_API_KEY", wrong)
    requests = (Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(1000))
    answered = []
    with pytest.raises(TeacherError, match=r"check the API key in (OPENAI|GEMINI)_API_KEY") as caught:
        answered += connect(kind, server, concurrency=2).complete(requests)
    assert answered == []
    assert "\n" not in str(caught.value)
    assert keys.HIDDEN in str(caught.value)  # The server has quoted it.
    for text in (printed(caught.value), caplog.text):
        assert wrong not in text
        assert "0987654321" not in text


def test_the_key_is_in_no_log_and_no_error(kind, server, caplog):
    caplog.set_level(logging.DEBUG)

    def plan(prompt, seed, attempt):
        return ("500", "drop", "truncated", "html-200", "ok")[attempt % 5] if prompt == "p1" else "400"

    server.plan = plan
    teacher = connect(kind, server)
    replies = [reply for _, reply in teacher.complete(Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(9))]
    assert server.headers["authorization" if kind == "openai" else "x-goog-api-key"].endswith(KEY)
    assert len(replies) == 9
    assert KEY not in caplog.text + repr(replies) + repr(teacher) + repr(vars(teacher))


def test_a_server_that_quotes_the_key_in_a_reply_that_lasts(kind, server):
    server.plan = scripted_plan("400-echo")
    reply = ask(connect(kind, server))
    assert reply.finish == "error"
    assert reply.error == f"HTTP 400: you sent {keys.HIDDEN}, I want something else"


def test_errors_that_nobody_foresaw_are_shown_without_the_key(kind, server, monkeypatch):
    teacher = connect(kind, server)

    async def ask_(request):
        raise ZeroDivisionError(f"with {KEY}")

    class Opened:
        async def __aenter__(self):
            return ask_

        async def __aexit__(self, *exc):
            pass

    monkeypatch.setattr(teacher, "asking", lambda key: Opened())
    with pytest.raises(RuntimeError, match=r"ZeroDivisionError: with \[key\]") as caught:
        ask(teacher)
    assert KEY not in printed(caught.value)


def test_without_a_key(kind, server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    if kind == "openai":
        # Local servers need none, OpenAI does.
        server.key = ""
        assert ask(connect(kind, server)).finish == "stop"
        assert "authorization" not in server.headers
        with pytest.raises(TeacherError, match="no API key; set OPENAI_API_KEY"):
            ask(make_teacher("openai:gpt-4o"))
    else:
        with pytest.raises(TeacherError, match="no API key; set GEMINI_API_KEY or GOOGLE_API_KEY"):
            ask(connect(kind, server))
        monkeypatch.setenv("GOOGLE_API_KEY", KEY)
        assert ask(connect(kind, server)).finish == "stop"


def test_a_key_in_a_file(kind, server, monkeypatch, tmp_path):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    (tmp_path / "key").write_text(KEY + "\n")
    url = server.url + ("/v1" if kind == "openai" else "")
    assert ask(make_teacher(f"{kind}:m", base_url=url, api_key_file=str(tmp_path / "key"))).finish == "stop"


def test_an_unknown_model_stops_at_once(kind, server):
    server.plan = scripted_plan("404")
    with pytest.raises(TeacherError, match="HTTP 404: this is 404; check the model's name and base_url"):
        ask(connect(kind, server))


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host/v1", "http://", "/v1"])
def test_addresses_that_cannot_be(kind, url):
    with pytest.raises(ValueError, match="is not an address like"):
        make_teacher(f"{kind}:m", base_url=url)


def test_no_password_in_an_address(kind):
    with pytest.raises(ValueError, match="base_url holds a user name or a password") as caught:
        make_teacher(f"{kind}:m", base_url="http://me:hunter2@host/v1")
    assert "hunter2" not in str(caught.value)


def test_no_threads_and_connections_stay_behind(kind, server, recwarn):
    before = threading.active_count()
    stream = connect(kind, server).complete(Request(f"p{i}", 0.7, 0.9, 64, 0) for i in range(100))
    next(stream)
    stream.close()
    assert threading.active_count() == before
    assert not [w for w in recwarn if issubclass(w.category, ResourceWarning)]


# What only one vendor has.


def test_thoughts_are_paid_for_and_not_read(server, monkeypatch):
    pytest.importorskip("google.genai")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    server.plan = scripted_plan("thinking")
    teacher = make_teacher("gemini:m", base_url=server.url, thinking=128)
    reply = ask(teacher)
    assert "Let me see" not in reply.text
    assert reply.usage == Usage(3, 42)
    # The SDK leaves the inner name in snake case, which Google reads as well.
    assert list(server.bodies[0]["generationConfig"]["thinkingConfig"].values()) == [128]
    # Another budget gives other replies, so it is another teacher to the journal.
    assert teacher.name == "gemini:m:thinking=128"


def test_openai_wants_the_new_name_of_max_tokens(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    request = Request("x", 1.0, 1.0, 64, 0)
    assert make_teacher("openai:gpt-5")._body(request)["max_completion_tokens"] == 64
    assert make_teacher("openai:m", base_url="http://localhost:8000/v1")._body(request)["max_tokens"] == 64


def test_no_money_left_stops_at_once(kind, server):
    server.plan = scripted_plan("quota")
    with pytest.raises(TeacherError, match="HTTP 429: pay; every further call would fail too"):
        ask(connect(kind, server))
