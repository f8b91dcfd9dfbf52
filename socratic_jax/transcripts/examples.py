"""Transcripts as token sequences in which every token knows its role."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from socratic_jax.transcripts.roles import Role, Turn
from socratic_jax.transcripts.strategies import Part, Strategy
from socratic_jax.transcripts.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One transcript as a student sees it.

    Attributes:
      tokens_N: int32, marker, text and end of every turn.
      roles_N: int8, the `Role` of each token: the turn's own for text and end; for its marker
        DECISION where the grammar left a choice, else FORCED.
      learnt_N: bool, whether the student is taught to predict that token.
    """

    tokens_N: np.ndarray
    roles_N: np.ndarray
    learnt_N: np.ndarray


@dataclasses.dataclass(frozen=True, slots=True)
class Fit:
    """How many transcripts fit into the context; `too_long` holds the ids of those that did not."""

    kept: int
    too_long: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"kept": self.kept, "too_long": list(self.too_long)}

    def __str__(self) -> str:
        if not self.too_long:
            return f"{self.kept:,} transcripts, all fit the context"
        some = ", ".join(self.too_long[:3]) + (", ..." if len(self.too_long) > 3 else "")
        return f"{self.kept:,} transcripts; {len(self.too_long):,} too long, left out ({some})"


def opening(part: Part, tokenizer: Tokenizer) -> int:
    """Id of the first token of a transcript as that part reads it."""
    return tokenizer.cue(part.name) if part.cue else tokenizer.marker(Role.PROBLEM)


def render(
    turns: Sequence[Turn], texts: Sequence[Sequence[int]], strategy: Strategy, tokenizer: Tokenizer
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and roles of a transcript, the same for every student of the cast.

    Args:
      turns: of the transcript.
      texts: the token ids of each turn's text.
      strategy: whose lessons say which markers carry a choice.
      tokenizer: gives the markers.

    Returns:
      (tokens_N int32, roles_N int8).
    """
    tokens: list[int] = []
    roles: list[int] = []
    options = 1  # The opening marker carries no choice.
    for turn, text in zip(turns, texts, strict=True):
        tokens += [tokenizer.marker(turn.role), *text, tokenizer.end]
        roles += [Role.DECISION if options > 1 else Role.FORCED] + [turn.role] * (len(text) + 1)
        options = len(strategy.lessons.get(turn.role, ()))
    return np.asarray(tokens, np.int32), np.asarray(roles, np.int8)


def examples_for(
    transcripts: Sequence[tuple[str, Sequence[Turn]]],
    strategy: Strategy,
    student: str,
    tokenizer: Tokenizer,
    context: int,
) -> tuple[list[Example], Fit]:
    """What one student of a strategy's cast trains on.

    A student that plays several parts reads every transcript once for each of them.

    Args:
      transcripts: (problem id, turns) pairs.
      strategy: whose cast the student is in.
      student: its name.
      tokenizer: to encode with.
      context: the longest sequence, in tokens, that the student can read.

    Returns:
      The examples and how many fitted. A transcript that does not fit is left out whole: a cut one
      would teach a wrong ending.
    """
    texts = iter(tokenizer.encode([turn.text for _, turns in transcripts for turn in turns]))
    parts = [part for part in strategy.cast if part.student == student]
    if not parts:
        raise ValueError(
            f"strategy {strategy.name!r} has no student {student!r}; it has {', '.join(strategy.students)}"
        )
    spoken_PxR = np.array([[role in part.speaks for role in Role] for part in parts])
    examples, too_long = [], []
    for problem_id, turns in transcripts:
        tokens_N, roles_N = render(turns, [next(texts) for _ in turns], strategy, tokenizer)
        # The last token is only ever predicted, never read.
        if len(tokens_N) - 1 > context:
            too_long.append(problem_id)
            continue
        for part, spoken_R in zip(parts, spoken_PxR, strict=True):
            cued_N = tokens_N.copy()
            cued_N[0] = opening(part, tokenizer)
            examples.append(Example(cued_N, roles_N, spoken_R[roles_N]))
    return examples, Fit(len(transcripts) - len(too_long), tuple(too_long))
