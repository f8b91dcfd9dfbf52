"""Rows that are done make room for requests that wait, so that a long one holds up nobody.

The host only looks at the rows when a good part of them is done. What it then does depends on nothing
but the requests, so the same requests are always decoded in the same order and side by side with the
same others.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from socratic_jax.decoding.engine import REFILL_SPECS, Engine, Written, empty, read, refill, run
from socratic_jax.decoding.grammar import DONE, Grammar
from socratic_jax.sharding import REPLICATED, place

PROMPT_MULTIPLE = 64  # Prompts are padded to a multiple of this, to compile few shapes.
REFILL = 4  # Rows are filled when one in so many is done.


class Request(NamedTuple):
    """One transcript to be written.

    Attributes:
      prompt: tokens; the first of them may differ from part to part.
      script: tokens that are given besides.
      key: uint32, the data of a random key, shape (2,).
    """

    prompt: Sequence[int]
    script: Sequence[int]
    key: np.ndarray


class Transcript(NamedTuple):
    """What was written for a request: tokens, prompt included, the phase it ended in, and whether the step
    limit cut it short."""

    tokens_N: np.ndarray
    phase: int
    closed: bool


def decode(
    engine: Engine,
    params: Sequence[Any],
    grammar: Grammar,
    requests: Sequence[Request],
    openings: Sequence[int | None],
    slots: int,
) -> Iterator[dict[int, Transcript]]:
    """Writes the transcripts of requests, the longest prompts first.

    Args:
      engine, params, grammar: see `Engine`; the grammar's arrays may be the host's.
      requests: with prompts shorter than the engine's capacity.
      openings: for each part, the first token of the prompts that it reads; None leaves them as they are.
      slots: rows side by side, rounded up to what the devices share evenly.

    Yields:
      Place in `requests` -> transcript, of those that are done.
    """
    if not requests:
        return
    params, shards = tuple(params), engine.shards
    share = -(-slots // shards)  # Rows of a device.
    room = max(share // REFILL, 1)  # Rows that a device fills at once.
    G = max(1, *(len(request.script) for request in requests))
    grammar = Grammar(*place(engine.mesh, tuple(map(np.asarray, grammar)), REPLICATED))
    rows = empty(engine, params, shards * share, G)
    waiting = deque(sorted(range(len(requests)), key=lambda i: (-len(requests[i].prompt), i)))
    owners = np.full((shards, share), -1)
    while waiting or (owners >= 0).any():
        while waiting and (owners < 0).sum(axis=1).min() >= min(room, share):
            arrays = _fill(requests, waiting, owners, openings, room, G, engine.capacity)
            arrays = [place(engine.mesh, a, spec) for a, spec in zip(arrays, REFILL_SPECS, strict=True)]
            rows = refill(engine, params, rows, *arrays)
        quorum = max(share - room, 0) if waiting else 0
        rows = run(engine, params, grammar, rows, place(engine.mesh, np.int32(quorum), REPLICATED))
        yield _take(read(engine, rows), owners)


def _fill(requests, waiting: deque, owners: np.ndarray, openings, room: int, G: int, capacity: int):
    """The next requests that share a prompt shape, in free rows of all devices; the arguments of `refill`."""
    shards, share = owners.shape
    T = _padded(len(requests[waiting[0]].prompt), capacity)
    R = shards * room
    at_R = np.full(R, share, np.int32)  # A row that does not exist.
    prompts_PxRxT = np.zeros((len(openings), R, T), np.int32)
    lengths_R, script_RxG = np.zeros(R, np.int32), np.zeros((R, G), np.int32)
    keys_Rx2 = np.zeros((R, 2), np.uint32)
    for turn in range(room):
        for shard in range(shards):
            if not waiting or _padded(len(requests[waiting[0]].prompt), capacity) != T:
                return at_R, prompts_PxRxT, lengths_R, script_RxG, keys_Rx2
            i, r = waiting.popleft(), shard * room + turn
            prompt, script, key = requests[i]
            at_R[r] = np.flatnonzero(owners[shard] < 0)[0]
            owners[shard, at_R[r]] = i
            prompts_PxRxT[:, r, : len(prompt)] = prompt
            for part, first in enumerate(openings):
                prompts_PxRxT[part, r, 0] = prompt[0] if first is None else first
            lengths_R[r], script_RxG[r, : len(script)], keys_Rx2[r] = len(prompt), script, key
    return at_R, prompts_PxRxT, lengths_R, script_RxG, keys_Rx2


def _padded(length: int, capacity: int) -> int:
    return min(-(-length // PROMPT_MULTIPLE) * PROMPT_MULTIPLE, capacity)


def _take(written: Written, owners: np.ndarray) -> dict[int, Transcript]:
    """The transcripts of rows that are done or full, which are free from now on."""
    S = written.tokens_BxS.shape[1]
    done = {}
    for b, i in enumerate(owners.reshape(-1)):
        if i >= 0 and (written.phases_B[b] == DONE or written.lengths_B[b] >= S):
            tokens_N = written.tokens_BxS[b, : written.lengths_B[b]]
            done[int(i)] = Transcript(tokens_N, int(written.phases_B[b]), bool(written.closed_B[b]))
            owners.reshape(-1)[b] = -1
    return done


def key_data(keys: jax.Array) -> np.ndarray:
    """The data of random keys, as `Request` takes them, uint32 (n, 2)."""
    return np.asarray(jax.random.key_data(keys))
