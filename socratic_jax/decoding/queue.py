"""Rows that are done make room for requests that wait, so that a long one holds up nobody.

The host only looks at the rows when a good part of them is done. What it then does depends on nothing
but the requests, so the same requests are always decoded in the same order and side by side with the
same others.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from socratic_jax.decoding.calculator import MAX_FORCED
from socratic_jax.decoding.engine import (
    REFILL_SPECS,
    RESUME_SPECS,
    Engine,
    empty,
    read,
    read_prefix,
    refill,
    resize,
    resume,
    run,
)
from socratic_jax.decoding.grammar import DONE, Grammar
from socratic_jax.decoding.rows import Rows, Written
from socratic_jax.sharding import REPLICATED, place

PROMPT_MULTIPLE = 64  # Prompts are padded to a multiple of this, to compile few shapes.
REFILL = 8  # Rows are filled when one in so many of a device's is done,
TOGETHER = 4  # or, for samples of one prompt, as many as there are, up to one in so many.


class Request(NamedTuple):
    """One or several transcripts to be written from one prompt, read once for all that begin together.

    Attributes:
      prompt: tokens; the first of them may differ from part to part.
      script: tokens that are given besides.
      keys: uint32, the data of a random key for each transcript, shape (n, 2).
    """

    prompt: Sequence[int]
    script: Sequence[int]
    keys: np.ndarray


class Transcript(NamedTuple):
    """What was written for a request: tokens, prompt included, the phase it ended in, and whether the step
    limit cut it short."""

    tokens_N: np.ndarray
    phase: int
    closed: bool


class _Job(NamedTuple):
    """Transcripts `first`, `first` + 1, ... of a request, that are begun together."""

    request: int
    first: int


# What the calculator puts in after the tokens of a row, [] for nothing.
Calculator = Callable[[np.ndarray], Sequence[int]]


def decode(
    engine: Engine,
    params: Sequence[Any],
    grammar: Grammar,
    requests: Sequence[Request],
    openings: Sequence[int | None],
    slots: int,
    calculator: Calculator = lambda tokens_N: (),
    shared: int = 0,
) -> Iterator[dict[int, list[Transcript]]]:
    """Writes the transcripts of requests, the longest prompts first.

    Args:
      engine: what decodes.
      params: for each part, what `prepare` makes of the parameters of its student.
      grammar: its arrays may be the host's.
      requests: with prompts shorter than the engine's capacity.
      openings: for each part, the first token of the prompts that it reads; None leaves them as they are.
      slots: rows side by side, rounded up to what the devices share evenly.
      calculator: asked for rows that wait for it.
      shared: so many tokens at the beginning of all prompts are the same, and are read once; fewer than the
        shortest prompt has.

    Yields:
      Place in `requests` -> transcripts, in the order of the keys, of requests that are done.
    """
    if not requests:
        return
    params, shards = tuple(params), engine.shards
    share = -(-slots // shards)  # Rows of a device.
    room, K = at_once(share, max(len(request.keys) for request in requests))
    G = max(1, *(len(request.script) for request in requests))
    grammar = Grammar(*place(engine.mesh, tuple(map(np.asarray, grammar)), REPLICATED))
    prefix_PxC = np.array([_opened(requests[0].prompt, opening)[:shared] for opening in openings], np.int32)
    prefix = read_prefix(engine, params, place(engine.mesh, prefix_PxC, REPLICATED))
    order = sorted(range(len(requests)), key=lambda i: (-len(requests[i].prompt), i))
    # Of the longest prompt, and room for the next token.
    reach = engine.reach_for(len(requests[order[0]].prompt) + 1)
    rows = empty(engine, params, shards * share, G, reach)
    waiting = deque(_Job(i, first) for i in order for first in range(0, len(requests[i].keys), K))
    # The request and which of its transcripts.
    owners: list[tuple[int, int] | None] = [None] * (shards * share)
    lengths_B = np.zeros(shards * share, np.int32)
    begun: dict[int, dict[int, Transcript]] = {}
    while waiting or any(owners):
        while waiting and _free(owners, shards).max() >= room:
            arrays = _fill(
                requests,
                waiting,
                owners,
                lengths_B,
                openings,
                shards,
                room // K,
                K,
                G,
                engine.capacity,
                shared,
            )
            rows, reach = _reaching(engine, rows, reach, owners, lengths_B)
            arrays = [place(engine.mesh, a, spec) for a, spec in zip(arrays, REFILL_SPECS, strict=True)]
            rows = refill(engine, params, prefix, rows, *arrays, reach)
        quorum = share - room if waiting else -1  # Nothing could be put into rows that are done.
        rows, reach = _reaching(engine, rows, reach, owners, lengths_B)
        rows = run(engine, params, grammar, rows, place(engine.mesh, np.int32(quorum), REPLICATED), reach)
        written = read(engine, rows)
        lengths_B[:] = written.lengths_B
        done = {}
        for (i, k), transcript in _take(written, owners).items():
            begun.setdefault(i, {})[k] = transcript
            if len(begun[i]) == len(requests[i].keys):
                done[i] = [transcript for _, transcript in sorted(begun.pop(i).items())]
        if done:
            yield done
        if written.waiting_B.any():
            arrays = calculate(written, calculator)
            arrays = [place(engine.mesh, a, spec) for a, spec in zip(arrays, RESUME_SPECS, strict=True)]
            rows = resume(engine, rows, *arrays)


def _reaching(engine: Engine, rows: Rows, reach: int, owners: list, lengths_B) -> tuple[Rows, int]:
    """The rows with the least reach that has room for the next token of each that goes on, and that reach."""
    longest = max(lengths_B[b] for b, owner in enumerate(owners) if owner is not None)
    new = engine.reach_for(longest + 1)
    return (rows if new == reach else resize(engine, rows, reach, new)), new


def at_once(share: int, samples: int) -> tuple[int, int]:
    """The rows that a device fills at once, of its share, and how many of them are of one prompt."""
    K = min(samples, max(share // TOGETHER, 1))
    return max(share // REFILL, K), K


def _free(owners: list, shards: int) -> np.ndarray:
    """How many rows of each device are free."""
    return (np.array([owner is None for owner in owners]).reshape(shards, -1)).sum(axis=1)


def _fill(
    requests,
    waiting: deque,
    owners: list,
    lengths_B,
    openings,
    shards: int,
    n: int,
    K: int,
    G: int,
    capacity,
    shared,
):
    """The next jobs that share a prompt shape, n for each device, in free rows; the arguments of `refill`."""
    share = len(owners) // shards

    def width(job: _Job) -> int:
        return padded(len(requests[job.request].prompt) - shared, capacity - shared)

    T = width(waiting[0])
    R = shards * n
    at_RxK = np.full((R, K), share, np.int32)  # A row that does not exist.
    prompts_PxRxT = np.zeros((len(openings), R, T), np.int32)
    lengths_R, script_RxG = np.zeros(R, np.int32), np.zeros((R, G), np.int32)
    keys_RxKx2 = np.zeros((R, K, 2), np.uint32)
    for turn in range(n):
        for shard in range(shards):
            if not waiting or width(waiting[0]) != T:
                return at_RxK, prompts_PxRxT, lengths_R, script_RxG, keys_RxKx2
            mine = range(shard * share, (shard + 1) * share)
            free = [b for b in mine if owners[b] is None]
            if len(free) < K:
                continue
            (i, first), r = waiting.popleft(), shard * n + turn
            prompt, script, keys = requests[i]
            for k, (b, key) in enumerate(zip(free, keys[first : first + K], strict=False)):
                owners[b], lengths_B[b] = (i, first + k), len(prompt)
                at_RxK[r, k], keys_RxKx2[r, k] = b - mine.start, key
            lengths_R[r], script_RxG[r, : len(script)] = len(prompt) - shared, script
            for part, opening in enumerate(openings):
                prompts_PxRxT[part, r, : lengths_R[r]] = _opened(prompt, opening)[shared:]
    return at_RxK, prompts_PxRxT, lengths_R, script_RxG, keys_RxKx2


def _opened(prompt: Sequence[int], opening: int | None) -> list[int]:
    """A prompt as a part reads it."""
    return [prompt[0] if opening is None else opening, *prompt[1:]]


def padded(length: int, capacity: int) -> int:
    """The length that prompts of that length are padded to."""
    return min(-(-length // PROMPT_MULTIPLE) * PROMPT_MULTIPLE, capacity)


def _take(written: Written, owners: list) -> dict[tuple[int, int], Transcript]:
    """The transcripts of rows that are done or full, which are free from now on."""
    S = written.tokens_BxS.shape[1]
    done = {}
    for b, owner in enumerate(owners):
        if owner is not None and (written.phases_B[b] == DONE or written.lengths_B[b] >= S):
            tokens_N = written.tokens_BxS[b, : written.lengths_B[b]]
            done[owner] = Transcript(tokens_N, int(written.phases_B[b]), bool(written.closed_B[b]))
            owners[b] = None
    return done


def calculate(written: Written, calculator: Calculator) -> tuple[np.ndarray, np.ndarray]:
    """What is put into the rows that wait; the arguments of `resume` after the rows."""
    B = len(written.waiting_B)
    forced_BxF, pending_B = np.zeros((B, MAX_FORCED), np.int32), np.zeros(B, np.int32)
    for b in np.flatnonzero(written.waiting_B):
        ids = calculator(written.tokens_BxS[b, : written.lengths_B[b]])
        pending_B[b] = len(ids)
        forced_BxF[b, MAX_FORCED - len(ids) :] = ids
    return forced_BxF, pending_B


def key_data(keys: jax.Array) -> np.ndarray:
    """The data of random keys, as `Request` takes them, uint32 (n, 2)."""
    return np.asarray(jax.random.key_data(keys))
