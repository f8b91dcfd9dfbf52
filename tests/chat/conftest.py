"""A session whose students were never taught, but end their turns and differ in what they say."""

import pytest

from socratic_jax.chat.session import Session
from socratic_jax.decoding.dialogue import Cast
from socratic_jax.decoding.engine import Engine
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import STRATEGIES
from tests.conftest import make_problems, wide_params

CAPACITY, MAX_STEPS = 90, 3


@pytest.fixture(scope="session")
def make_cast(student, tokenizer):
    def make(name, end=7.0, ask=2.0, **options):
        """A cast with shorter turns the larger `end` is, and with more of them the larger `ask` is."""
        strategy = STRATEGIES[name]
        params = []
        for part in strategy.cast:
            p = wide_params(student, 3 + strategy.students.index(part.student))
            table = p["wte"]["embedding"]
            more = table[tokenizer.marker(Role.QUESTION)] - table[tokenizer.marker(Role.ANSWER)]
            bias = p["ln_f"]["bias"] + end * table[tokenizer.end] + ask * more
            params.append({**p, "ln_f": {**p["ln_f"], "bias": bias}})
        engine = Engine((student,) * len(params), CAPACITY, MAX_STEPS, **options)
        return Cast(strategy, engine, tuple(params), tokenizer)

    return make


@pytest.fixture(scope="session")
def session(make_cast):
    return Session(make_cast("socratic_iterative"))


@pytest.fixture(scope="session")
def talkative(session):
    """A problem that is answered after two or more questions, the first two of which are not empty."""
    for problem in make_problems(60, seed=3):
        talk = session.begin(problem.question)
        list(talk.write())
        asked = [turn.text for turn in talk.turns() if turn.role == Role.QUESTION]
        if len(asked) >= 2 and all(asked[:2]) and talk.dialogue.answer is not None:
            return problem.question
    raise AssertionError("no such problem")
