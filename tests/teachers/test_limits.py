"""Waiting times and pace, on a clock that takes no time."""

import statistics

import pytest

from socratic_jax.teachers.faults import TRANSIENT, Fault
from socratic_jax.teachers.limits import Clock, Limits, Pacer, Patience

FAULT = Fault(TRANSIENT, "busy")


class Hands(Clock):
    """A clock that a test sets."""

    time = 1000.0

    def now(self):
        return self.time


def waits(patience, fault=FAULT):
    return list(iter(lambda: patience.after(fault), None))


def test_backoff_doubles_with_full_jitter():
    limits = Limits(tries=12, backoff=1.0, longest_backoff=60.0, longest_wait=1e9)
    rows = [waits(Patience(limits, f"key {i}")) for i in range(400)]
    assert {len(row) for row in rows} == {11}
    for n, column in enumerate(zip(*rows, strict=True)):
        ceiling = min(60.0, 2.0**n)
        assert 0 <= min(column) < 0.1 * ceiling
        assert 0.9 * ceiling < max(column) <= ceiling
        assert statistics.mean(column) == pytest.approx(ceiling / 2, rel=0.15)


def test_waits_depend_on_seed_and_request_only():
    a, b = Limits(seed=1), Limits(seed=2)
    assert waits(Patience(a, "k")) == waits(Patience(a, "k"))
    assert waits(Patience(a, "k")) != waits(Patience(a, "l"))
    assert waits(Patience(a, "k")) != waits(Patience(b, "k"))


def test_the_server_is_given_the_time_that_it_asks_for():
    fault = Fault(TRANSIENT, "busy", retry_after=30.0)
    found = waits(Patience(Limits(tries=5, backoff=0.5), "k"), fault)
    assert len(found) == 4
    assert all(30.0 <= wait <= 30.5 for wait in found)


def test_it_ends_with_the_tries():
    assert len(waits(Patience(Limits(tries=4), "k"))) == 3
    assert waits(Patience(Limits(tries=1), "k")) == []


def test_it_ends_with_the_waiting():
    fault = Fault(TRANSIENT, "busy", retry_after=10.0)
    patience = Patience(Limits(tries=100, longest_wait=35.0), "k")
    assert len(waits(patience, fault)) == 3
    assert str(patience).startswith("no answer after 4 tries and 3")
    # A server that asks for more than that is not waited for at all.
    assert waits(Patience(Limits(longest_wait=35.0), "k"), Fault(TRANSIENT, "busy", 3600.0)) == []


def drive(pacer, clock, calls, tokens, used=None, seconds=0.1):
    """Times at which calls go out, one after the other."""
    times = []
    for _ in range(calls):
        clock.time += pacer.reserve(tokens)
        times.append(clock.time)
        clock.time += seconds
        if used is not None:
            pacer.settle(tokens, used)
    return times


def most_in_a_minute(times):
    return max(sum(start <= t < start + 60 for t in times) for start in times)


def test_requests_per_minute():
    clock = Hands()
    times = drive(Pacer(Limits(requests_per_minute=30), clock), clock, 100, 10)
    assert most_in_a_minute(times) == 30
    assert times[-1] - times[0] == pytest.approx(99 * 2.0)


def test_no_allowance_is_saved_up():
    clock = Hands()
    pacer = Pacer(Limits(requests_per_minute=60), clock)
    clock.time += 3600
    times = [clock.time + pacer.reserve(1) for _ in range(5)]
    assert [t - times[0] for t in times] == pytest.approx([0, 1, 2, 3, 4])


def test_tokens_per_minute_by_what_was_used():
    clock = Hands()
    # 1,000 reserved, 250 used: 40 calls of 250 a minute, not 10 of 1,000.
    times = drive(Pacer(Limits(tokens_per_minute=10_000), clock), clock, 200, 1000, used=250, seconds=0.0)
    assert 38 <= most_in_a_minute(times) <= 41
    clock = Hands()
    times = drive(Pacer(Limits(tokens_per_minute=10_000), clock), clock, 100, 1000)
    assert most_in_a_minute(times) == 10


def test_without_limits_nobody_waits():
    clock = Hands()
    pacer = Pacer(Limits(), clock)
    assert [pacer.reserve(10**9) for _ in range(10)] == [0.0] * 10


def test_closing_holds_everybody():
    clock = Hands()
    pacer = Pacer(Limits(), clock)
    pacer.close(30.0)
    pacer.close(5.0)
    assert pacer.reserve(1) == 30.0
    clock.time += 10
    assert pacer.closed == 20.0
    clock.time += 30
    assert pacer.closed == 0.0
    assert pacer.reserve(1) == 0.0


@pytest.mark.parametrize("name", ["concurrency", "tries", "timeout", "requests_per_minute", "longest_wait"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_are_above_zero(name, value):
    with pytest.raises(ValueError, match=f"limits.{name} is .*; it must be above 0"):
        Limits(**{name: value})
