"""How hard a teacher may be asked: side by side, per minute, and again after a fault."""

import asyncio
import dataclasses
import random
import time

from socratic_jax.teachers.faults import Fault


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a teacher is asked at most.

    Attributes:
      concurrency: calls under way at a time.
      requests_per_minute: every try counts; None is no limit. Calls are spread evenly, never sent as
        the minute's whole allowance at once.
      tokens_per_minute: input and output together; None is no limit. A call counts as its estimate
        (see `estimate.tokens`) plus max_tokens when it is sent, and as what it used once it is known.
      timeout: seconds until a call counts as lost, from sending it to the last byte of the reply.
      tries: calls for one request, the first included.
      backoff: seconds; try n waits a random time up to backoff * 2**(n - 1).
      longest_backoff: seconds that this grows to at most.
      longest_wait: seconds that one request may wait between its tries, in sum; a server that asks for
        more than is left of it ends the tries.
      give_up_after: requests in a row without an answer after which the teacher counts as gone; also the
        requests that it may refuse at the start of a run before it has answered one.
      seed: of the random waiting times.
    """

    concurrency: int = 16
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout: float = 120.0
    tries: int = 8
    backoff: float = 1.0
    longest_backoff: float = 60.0
    longest_wait: float = 600.0
    give_up_after: int = 20
    seed: int = 0

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name != "seed" and value is not None and not value > 0:
                raise ValueError(f"limits.{field.name} is {value}; it must be above 0")


class Clock:
    """Time, in a form that tests can replace."""

    def now(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def wait(self, seconds: float) -> None:
        """Sleeps, outside of coroutines."""
        time.sleep(seconds)


class Patience:
    """How long to wait before the next try of one request, and when to give up.

    Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015). The
    random times depend on the seed and the request alone, not on the order in which replies arrive.
    """

    def __init__(self, limits: Limits, key: str):
        self._limits = limits
        self._random = random.Random(f"{limits.seed}/{key}")
        self._tries = 0
        self._waited = 0.0

    def after(self, fault: Fault) -> float | None:
        """Counts a failed try. Returns the seconds to wait before the next one; None to give up."""
        limits = self._limits
        self._tries += 1
        ceiling = min(limits.longest_backoff, limits.backoff * 2.0 ** min(self._tries - 1, 60))
        wait = self._random.uniform(0.0, ceiling)
        if fault.retry_after is not None:
            # The jitter comes on top: everybody was told the same time.
            wait = fault.retry_after + min(wait, limits.backoff)
        if self._tries >= limits.tries or self._waited + wait > limits.longest_wait:
            return None
        self._waited += wait
        return wait

    def __str__(self) -> str:
        return f"no answer after {self._tries} tries and {self._waited:.0f} s of waiting"


class Pacer:
    """Spreads calls over time, so that requests and tokens per minute stay within the limits."""

    def __init__(self, limits: Limits, clock: Clock):
        self._per_request = 60.0 / limits.requests_per_minute if limits.requests_per_minute else 0.0
        self._per_token = 60.0 / limits.tokens_per_minute if limits.tokens_per_minute else 0.0
        self._clock = clock
        self._next_request = self._next_token = self._closed_until = float("-inf")

    def reserve(self, tokens: int) -> float:
        """Takes a place for a call of so many tokens. Returns the seconds until it is its turn."""
        now = self._clock.now()
        start = max(now, self._next_request, self._next_token, self._closed_until)
        self._next_request = start + self._per_request
        self._next_token = start + tokens * self._per_token
        return start - now

    def settle(self, reserved: int, used: int) -> None:
        """Corrects a reservation by what the call really used."""
        self._next_token -= (reserved - used) * self._per_token

    def close(self, seconds: float) -> None:
        """Lets nobody through for that long: what a server that is asked too much wants."""
        self._closed_until = max(self._closed_until, self._clock.now() + seconds)

    @property
    def closed(self) -> float:
        """Seconds until somebody is let through again."""
        return max(0.0, self._closed_until - self._clock.now())
