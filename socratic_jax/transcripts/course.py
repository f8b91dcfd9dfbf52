"""What a student trains on from its first step to its last: one packing, or one for each of several phases.

A student that is weaned off a role has phases. In each of them a larger share of that role's turns is
dropped, until in the last one none is left. A turn that has been dropped does not come back.
"""

import dataclasses
import statistics
from collections.abc import Iterable, Sequence

import numpy as np

from socratic_jax.transcripts.packing import Batch
from socratic_jax.transcripts.roles import Role, Turn


@dataclasses.dataclass(frozen=True)
class Course:
    """Packed rows, phase by phase; the phases have equally many steps.

    Every process has all of it, and puts only its own rows on its devices.
    """

    phases: tuple[Batch, ...]

    def phase(self, step: int, total: int) -> Batch:
        """The rows that step `step`, counted from 0, of `total` steps takes its batch from."""
        return self.phases[step * len(self.phases) // total]

    @property
    def n_rows(self) -> float:
        """Rows of a phase, on average: what one pass over the training problems takes."""
        return statistics.fmean(map(len, self.phases))

    @property
    def context(self) -> int:
        """T, the length of a row."""
        return self.phases[0].tokens_BxT.shape[1]

    @property
    def most_learnt(self) -> int:
        """The most learnt targets in any row of any phase, so that a step is compiled once."""
        return max(phase.most_learnt for phase in self.phases)

    @property
    def visible(self) -> float:
        """As `Batch.visible`, on average."""
        return statistics.fmean(phase.visible for phase in self.phases)


def drop_turns(
    transcripts: Iterable[tuple[str, Sequence[Turn]]], roles: frozenset[Role], share: float, seed: int
) -> list[tuple[str, list[Turn]]]:
    """The transcripts with a share of the turns of some roles left out.

    Each turn has a number drawn from the seed, and is left out where the share is larger than that: a larger
    share leaves out the same turns and more.

    Args:
      transcripts: (problem id, turns) pairs.
      roles: of the turns that may go.
      share: from 0, which leaves out none, to 1, which leaves out all.
      seed: of the draws; equal transcripts, seeds and shares give equal results.
    """
    rng = np.random.default_rng(seed)
    return [
        (name, [turn for turn, u in zip(turns, rng.random(len(turns)), strict=True)
                if turn.role not in roles or u >= share])
        for name, turns in transcripts
    ]  # fmt: skip
