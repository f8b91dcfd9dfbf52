"""The old SDK's adapter: against the real SDK where it is installed, else against a stand-in for it.

The SDK cannot share an environment with TFDS: `make test-legacy` makes one for it, and tests it there.
"""

import enum
import sys
import types

import pytest
from server import TRANSIENT, Server, scripted_plan
from wire import reply_text

from socratic_jax.teachers import keys
from socratic_jax.teachers.limits import Limits
from socratic_jax.teachers.registry import make_teacher
from socratic_jax.teachers.teacher import Request, TeacherError, Usage

KEY = "AbCd+/secret-1234567890"
PROMPT = "What is 2 + 3?"

try:
    import google.generativeai  # noqa: F401

    REAL = True
except ImportError:
    REAL = False

real = pytest.mark.skipif(not REAL, reason="google-generativeai is not installed")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    with Server(key=KEY) as server:
        yield server


def connect(server, **limits):
    limits = Limits(**dict(backoff=0.01, longest_backoff=0.02, timeout=5.0, concurrency=4) | limits)
    return make_teacher("gemini-legacy:m", base_url=server.url, limits=limits)


def ask(teacher):
    [(_, reply)] = teacher.complete([Request(PROMPT, 0.7, 0.9, 64, 0)])
    return reply


@real
def test_a_reply(server):
    reply = ask(connect(server))
    assert reply.text == reply_text(PROMPT, None)  # This SDK has no seed.
    assert (reply.finish, reply.usage) == ("stop", Usage(3, 12))
    config = server.bodies[0]["generationConfig"]
    assert config["maxOutputTokens"] == 64
    assert config["temperature"] == pytest.approx(0.7)


@real
@pytest.mark.parametrize("fault", TRANSIENT)
def test_passing_faults(server, fault):
    server.plan = scripted_plan(fault)
    assert ask(connect(server)).finish == "stop"
    assert list(server.tries.values()) == [2]  # Its own retries are off.


@real
@pytest.mark.parametrize(
    ("fault", "finish"),
    [("400", "error"), ("blocked", "blocked"), ("max-tokens", "length"), ("empty", "error")],
)
def test_lasting_faults(server, fault, finish):
    server.plan = scripted_plan(fault)
    assert ask(connect(server)).finish == finish
    assert list(server.tries.values()) == [1]


@real
def test_a_call_that_hangs_is_lost(server):
    server.plan = scripted_plan("hang")
    assert ask(connect(server, timeout=0.5)).finish == "stop"


@real
def test_thoughts_are_paid_for(server):
    server.plan = scripted_plan("thinking")
    assert ask(connect(server)).usage == Usage(3, 42)


@real
def test_a_bad_key(server, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "Wrong+/key-0987654321")
    with pytest.raises(TeacherError, match="check the API key in GEMINI_API_KEY") as caught:
        ask(connect(server))
    assert keys.HIDDEN in str(caught.value)
    assert "0987654321" not in str(caught.value)


# A stand-in with the parts of the SDK that the adapter touches.


class Finish(enum.IntEnum):
    STOP = 1
    MAX_TOKENS = 2


class Blocked(enum.IntEnum):
    NO = 0
    SAFETY = 1


class Refusal(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message, self.response = code, message, None


@pytest.fixture
def stand_in(monkeypatch):
    """Replaces the SDK; what it answers is set in `stand_in.answer`."""
    genai = types.ModuleType("google.generativeai")
    exceptions = types.ModuleType("google.api_core.exceptions")
    exceptions.GoogleAPICallError = Refusal
    api_core = types.ModuleType("google.api_core")
    api_core.exceptions = exceptions
    requests = types.ModuleType("requests")
    requests.RequestException = type("RequestException", (OSError,), {})
    genai.configure = lambda **options: setattr(genai, "options", options)

    class Model:
        def __init__(self, name):
            self.name = name

        def generate_content(self, prompt, generation_config, request_options):
            genai.called = (self.name, prompt, generation_config, request_options)
            answer = genai.answer.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    genai.GenerativeModel = Model
    for name, module in {
        "google.generativeai": genai,
        "google.api_core": api_core,
        "google.api_core.exceptions": exceptions,
        "requests": requests,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    import google

    monkeypatch.setattr(google, "generativeai", genai, raising=False)
    monkeypatch.setattr(google, "api_core", api_core, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    return genai


def response(text="5", finish=Finish.STOP, block=Blocked.NO, total=15):
    parts = [types.SimpleNamespace(text=text)] if text else []
    candidate = types.SimpleNamespace(finish_reason=finish, content=types.SimpleNamespace(parts=parts))
    return types.SimpleNamespace(
        prompt_feedback=types.SimpleNamespace(block_reason=block),
        candidates=[] if block else [candidate],
        usage_metadata=types.SimpleNamespace(
            prompt_token_count=3, candidates_token_count=2, total_token_count=total
        ),
    )


@pytest.fixture
def teacher():
    return make_teacher("gemini-legacy:m", limits=Limits(backoff=0.01))


def test_stand_in_replies(stand_in, teacher):
    stand_in.answer = [response()]
    reply = ask(teacher)
    assert (reply.text, reply.finish, reply.usage) == ("5", "stop", Usage(3, 12))
    assert stand_in.options == {"api_key": KEY, "transport": "rest", "client_options": None}
    config = {"temperature": 0.7, "top_p": 0.9, "max_output_tokens": 64}
    assert stand_in.called == ("m", PROMPT, config, {"retry": None, "timeout": 120.0})


def test_stand_in_faults(stand_in, teacher):
    stand_in.answer = [
        Refusal(503, "busy"),
        ConnectionResetError("gone"),
        response(text="", finish=Finish.MAX_TOKENS),
    ]
    assert ask(teacher).finish == "length"
    stand_in.answer = [response(block=Blocked.SAFETY)]
    assert "SAFETY" in ask(teacher).error
    stand_in.answer = [Refusal(400, f"too long, {KEY}")]
    assert ask(teacher).error == "HTTP 400: too long, [key]"
    stand_in.answer = [Refusal(403, f"not yours: {KEY}")]
    with pytest.raises(TeacherError, match=r"not yours: \[key\]; check the API key in GEMINI_API_KEY"):
        ask(teacher)


@pytest.mark.skipif(REAL, reason="google-generativeai is installed")
def test_without_the_package(teacher, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    with pytest.raises(TeacherError, match=r"pip install 'socratic_jax\[gemini-legacy\]' into"):
        ask(teacher)
