"""Several transcripts in one row, so that no compute goes into padding.

Segments keep them apart: attention stays inside a segment and positions restart in each, so a
packed transcript gives the same logits as one that is alone in its row.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from socratic_jax.transcripts.examples import Example
from socratic_jax.transcripts.roles import Role

LEARNT_MULTIPLE = 8


@dataclasses.dataclass(frozen=True)
class Batch:
    """Rows of packed transcripts; every array is (rows, T).

    Attributes:
      tokens_BxT: int32, what is read.
      targets_BxT: int32, the next token of the same segment.
      positions_BxT: int32, from 0 in every segment.
      segments_BxT: int32, from 1 in every row; 0 is padding.
      learnt_BxT: bool, where the target counts in the loss.
      roles_BxT: int8, the `Role` of the target (FORCED in padding).
    """

    tokens_BxT: np.ndarray
    targets_BxT: np.ndarray
    positions_BxT: np.ndarray
    segments_BxT: np.ndarray
    learnt_BxT: np.ndarray
    roles_BxT: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens_BxT)

    def rows(self, index: np.ndarray) -> "Batch":
        """The rows at those indices; -1 gives an empty row, which nothing is learnt from."""
        keep_Bx1 = (index >= 0)[:, None]
        fills = dict(segments_BxT=0, learnt_BxT=False, roles_BxT=int(Role.FORCED))
        picked = {field.name: getattr(self, field.name)[index] for field in dataclasses.fields(self)}
        for name, fill in fills.items():
            picked[name] = np.where(keep_Bx1, picked[name], np.asarray(fill, picked[name].dtype))
        return Batch(**picked)

    @functools.cached_property
    def most_learnt(self) -> int:
        """The most learnt targets in any row, rounded up so that few shapes are compiled."""
        most = int(self.learnt_BxT.sum(axis=1).max(initial=1))
        return min(-(-most // LEARNT_MULTIPLE) * LEARNT_MULTIPLE, self.learnt_BxT.shape[1])

    @property
    def visible(self) -> float:
        """Tokens that a token of a row sees, itself included, on average; padding sees none."""
        return float(((self.positions_BxT + 1) * (self.segments_BxT > 0)).mean()) if len(self) else 0.0

    def learnt_only(self, M: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The learnt targets alone, so that the vocabulary is only computed where it counts.

        A questioner learns a third of the tokens that it reads, an answer-only student a tenth: the
        head, which is a large part of a small model, then costs as much less.

        Args:
          M: targets a row, at least `most_learnt`.

        Returns:
          at_BxM int32, where in the row each target is predicted; targets_BxM int32; weights_BxM
          float32, 1 for a target and 0 where a row has fewer than M.
        """
        order_BxT = np.argsort(~self.learnt_BxT, axis=1, kind="stable")
        at_BxM = order_BxT[:, :M].astype(np.int32)
        weights_BxM = np.take_along_axis(self.learnt_BxT, at_BxM, axis=1).astype(np.float32)
        if weights_BxM.sum() != self.learnt_BxT.sum():
            raise ValueError(f"a row has more than M={M} learnt targets")
        return at_BxM, np.take_along_axis(self.targets_BxT, at_BxM, axis=1), weights_BxM

    def arrays(self, M: int) -> dict[str, np.ndarray]:
        """What the loss is computed from, with M learnt targets a row; see `learnt_only`."""
        at_BxM, targets_BxM, weights_BxM = self.learnt_only(M)
        return {
            "tokens": self.tokens_BxT,
            "positions": self.positions_BxT,
            "segments": self.segments_BxT,
            "at": at_BxM,
            "targets": targets_BxM,
            "weights": weights_BxM,
        }


def first_fit(lengths: Sequence[int], context: int) -> list[int]:
    """The bin of each item: the first one with room, in the items' own order.

    First-fit stays within 1.7 times the fewest bins possible (Johnson et al. 1974). How full the
    rows came out is logged: the shorter transcripts are against the context, the fuller.
    """
    room = np.empty(len(lengths) + 1, np.int64)
    bins: list[int] = []
    used = first_open = 0
    for length in lengths:
        if length > context:
            raise ValueError(f"an item of {length} tokens does not fit a context of {context}")
        # Bins before `first_open` are full to the last token and never looked at again.
        fits = np.flatnonzero(room[first_open:used] >= length)
        bin_ = first_open + int(fits[0]) if len(fits) else used
        if bin_ == used:
            room[used] = context
            used += 1
        room[bin_] -= length
        bins.append(bin_)
        while first_open < used and room[first_open] == 0:
            first_open += 1
    return bins


def pack(examples: Sequence[Example], context: int, pad: int, seed: int = 0) -> Batch:
    """Packs examples into rows of `context` tokens by first-fit, in an order drawn from the seed.

    Args:
      examples: none longer than `context` + 1 tokens (the last one is only predicted).
      context: T, the length of a row.
      pad: id that fills up rows.
      seed: of the order, which decides who shares a row with whom.
    """
    order = np.random.default_rng(seed).permutation(len(examples))
    bins = first_fit([len(examples[i].tokens_N) - 1 for i in order], context)
    n_rows = max(bins, default=-1) + 1
    shape = (n_rows, context)
    tokens, targets = np.full(shape, pad, np.int32), np.full(shape, pad, np.int32)
    positions, segments = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    learnt, roles = np.zeros(shape, bool), np.full(shape, int(Role.FORCED), np.int8)
    used, count = np.zeros(n_rows, np.int64), np.zeros(n_rows, np.int32)
    for i, row in zip(order, bins, strict=True):
        example = examples[i]
        n = len(example.tokens_N) - 1
        span = slice(used[row], used[row] + n)
        used[row] += n
        count[row] += 1
        tokens[row, span] = example.tokens_N[:-1]
        targets[row, span] = example.tokens_N[1:]
        positions[row, span] = np.arange(n)
        segments[row, span] = count[row]
        learnt[row, span] = example.learnt_N[1:]
        roles[row, span] = example.roles_N[1:]
    return Batch(tokens, targets, positions, segments, learnt, roles)


def train_rows(n_rows: int, batch_size: int, seed: int, step: int) -> np.ndarray:
    """The rows of the batch of a training step: a pure function of (seed, step).

    Rows are dealt from one endless sequence of shuffled epochs, each a permutation of all rows drawn
    from (seed, epoch); a batch may span two epochs.

    Returns:
      index_B int64.
    """
    index = np.arange(step * batch_size, (step + 1) * batch_size)
    epochs = {
        e: np.random.default_rng((seed, int(e))).permutation(n_rows) for e in np.unique(index // n_rows)
    }
    return np.array([epochs[i // n_rows][i % n_rows] for i in index], np.int64)


def eval_rows(n_rows: int, batch_size: int) -> list[np.ndarray]:
    """All rows in order, as full batches; -1 stands for the rows that the last one lacks."""
    padded = np.full(-(-n_rows // batch_size) * batch_size, -1, np.int64)
    padded[:n_rows] = np.arange(n_rows)
    return list(padded.reshape(-1, batch_size))
