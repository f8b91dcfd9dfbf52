"""Random choices that every version of Python makes alike.

Of a seeded generator Python promises only `random()` to stay the same from version to version, so that is
all that these use.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def below(rng: random.Random, count: int) -> int:
    """A whole number from 0 to below `count`."""
    return int(rng.random() * count)


def octets(rng: random.Random, count: int) -> bytes:
    """So many random bytes."""
    return bytes([int(rng.random() * 256) for _ in range(count)])


def sample(rng: random.Random, pool: Sequence[T], count: int) -> tuple[T, ...]:
    """Up to `count` different items of a pool, in random order."""
    items = list(pool)
    count = min(count, len(items))
    for i in range(count):
        j = i + int(rng.random() * (len(items) - i))
        items[i], items[j] = items[j], items[i]
    return tuple(items[:count])
