"""Seconds add up, over phases and over attempts; operations are those that the compiler counts."""

import json
import time

import jax
import jax.numpy as jnp
import pytest

from socratic_jax.accounting import Clock, by_phase, goodput, read_attempts
from socratic_jax.students.gpt2 import GPT2Config, GPT2Student
from socratic_jax.students.student import apply


@pytest.fixture
def clock_time(monkeypatch):
    """A clock that only moves when it is told to."""
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def sleep(seconds):
        now[0] += seconds

    return sleep


def test_inner_phases_are_not_counted_twice(clock_time, tmp_path):
    clock = Clock(tmp_path / "seconds.json")
    with clock.phase("step"):
        clock_time(5)
        with clock.phase("checkpoint"):
            clock_time(2)
        clock_time(1)
    clock_time(4)
    assert by_phase(clock.attempts) == {"step": 6, "checkpoint": 2, "other": 4}
    assert goodput(clock.attempts) == 6 / 12


def test_attempts_add_up_and_what_was_done_twice_is_no_good(clock_time, tmp_path):
    path = tmp_path / "seconds.json"
    for seconds, wasted in ((10, 0), (20, 6)):
        clock = Clock(path)
        clock.waste(wasted)
        with clock.phase("step"):
            clock_time(seconds)
        clock.flush()
        clock_time(100)  # Killed here: what was not flushed is lost.
    attempts = read_attempts(path)
    assert [a["seconds"] for a in attempts] == [{"step": 10}, {"step": 20}]
    assert by_phase(attempts) == {"step": 30}
    assert goodput(attempts) == 24 / 30


def test_a_phase_that_raises_is_counted(clock_time, tmp_path):
    clock = Clock(tmp_path / "seconds.json")
    with pytest.raises(KeyError), clock.phase("data"):
        clock_time(3)
        raise KeyError
    clock.flush()
    assert json.loads((tmp_path / "seconds.json").read_text())[0]["seconds"] == {"data": 3}


def test_unknown_phases_are_refused(tmp_path):
    with (
        pytest.raises(ValueError, match="unknown phase 'lunch'; valid: initialise"),
        Clock(None).phase("lunch"),
    ):
        pass


def test_operations_are_those_that_the_compiler_counts():
    T, B = 64, 2
    # One layer in one scan iteration, since the compiler counts a loop's body once.
    student = GPT2Student(GPT2Config(vocab_size=512, context=T, L=1, D=128, H=4, attention="plain"))
    params = jax.eval_shape(student.init, jax.random.key(0))
    row = jax.ShapeDtypeStruct((B, T), jnp.int32)
    lowered = jax.jit(lambda p, t, q, s: apply(student, p, t, q, s)).lower(params, row, row, row)
    counted = lowered.compile().cost_analysis()["flops"]
    # Without causal blocks every query is multiplied with all T keys.
    formula = B * T * student.forward_flops(visible=T, learnt=1.0)
    # The compiler also counts softmax, norms and activations.
    assert formula < counted < 1.15 * formula


def test_a_broken_file_costs_the_past_and_not_the_run(tmp_path, caplog):
    (tmp_path / "seconds.json").write_text('[{"total": 3')
    assert read_attempts(tmp_path / "seconds.json") == []
    assert f"{tmp_path / 'seconds.json'} is not JSON" in caplog.text
