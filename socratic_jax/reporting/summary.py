"""A study summed up: means over seeds with intervals, and strategies compared on the same problems."""

import concurrent.futures
import dataclasses
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from socratic_jax.evaluation import statistics
from socratic_jax.evaluation.results import mean, split_name
from socratic_jax.reporting.scores import Scores
from socratic_jax.reporting.study import StudyError

Condition = tuple[str, ...]  # The values of a study's fields.


@dataclasses.dataclass(frozen=True)
class Row:
    """One strategy in one condition, the mean over its seeds.

    Attributes:
      condition: the values of the study's fields.
      n: problems, for each seed.
      accuracy, low, high: with one seed the 95 % Wilson interval, with several the bootstrap over seeds
        and problems.
      answered, cut_off, forced, tokens: means of what Result has.
      files: that it was computed from.
    """

    suite: str
    condition: Condition
    strategy: str
    oracle: bool
    seeds: tuple[int, ...]
    n: int
    accuracy: float
    low: float
    high: float
    answered: float
    cut_off: float | None
    forced: float | None
    tokens: float | None
    files: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class StepsRow:
    """The same for the problems whose gold explanation has that many steps."""

    suite: str
    condition: Condition
    strategy: str
    steps: int
    n: int
    accuracy: float
    low: float
    high: float
    files: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two strategies on the same seeds and problems.

    Attributes:
      difference, low, high: of the accuracies a - b, with the 95 % bootstrap interval.
      only_a, only_b: (seed, problem) pairs that only one of them solved.
      test: what p is of: with one seed the exact McNemar test, with several a t test over both.
      p: as it is; p_holm: corrected for all pairs of the same suite and condition.
    """

    suite: str
    condition: Condition
    a: str
    b: str
    seeds: tuple[int, ...]
    difference: float
    low: float
    high: float
    only_a: int
    only_b: int
    test: str
    p: float
    p_holm: float
    files: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class QuestionsRow:
    """A strategy's questions against the gold ones, means over its seeds; a line of results_questions.csv.

    Attributes:
      seeds: of students that asked anything.
      n, gold_questions: as QuestionsResult has them, which are the same for all seeds.
      bleu, questions, same_number, same_operations: means of what QuestionsResult has; each _low and _high is
        the least and the most of a seed. The operations are those of the solutions, so that a false step
        counts against them as a false question does.
      files: that it was computed from.
    """

    suite: str
    condition: Condition
    strategy: str
    oracle: bool
    seeds: tuple[int, ...]
    n: int
    bleu: float
    bleu_low: float
    bleu_high: float
    questions: float
    questions_low: float
    questions_high: float
    gold_questions: float
    same_number: float
    same_number_low: float
    same_number_high: float
    same_operations: float | None
    same_operations_low: float | None
    same_operations_high: float | None
    files: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Summary:
    """All of it."""

    rows: tuple[Row, ...]
    steps: tuple[StepsRow, ...]
    pairs: tuple[Pair, ...]
    questions: tuple[QuestionsRow, ...]


def summarise(scores: Sequence[Scores]) -> Summary:
    """Sums up what was scored, over seeds.

    Raises:
      StudyError: runs of one condition were scored on different problems.
    """
    groups: dict[tuple[str, Condition], dict[str, list[Scores]]] = {}
    for s in scores:
        groups.setdefault((s.suite, s.condition), {}).setdefault(s.strategy, []).append(s)
    # Threads are enough, since drawing samples lets go of the interpreter.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        rows, steps, pairs, questions = [], [], [], []
        for group in groups.values():
            _check_same(group)
            strategies = list(group.values())
            rows += pool.map(_row, strategies)
            steps += itertools.chain.from_iterable(pool.map(_steps, strategies))
            questions += filter(None, map(_questions, strategies))
            two = itertools.combinations([seeds for seeds in strategies if seeds[0].contends], 2)
            pairs += _corrected(pool.map(lambda pair: _pair(*pair), two))
    return Summary(tuple(rows), tuple(steps), tuple(pairs), tuple(questions))


def _check_same(group: Mapping[str, Sequence[Scores]]) -> None:
    first, *others = [s for seeds in group.values() for s in seeds]
    for s in others:
        if s.digest != first.digest:
            raise StudyError(
                f"{s.file}: not the problems of {first.file}, though both are {s.suite!r} of one condition; "
                "score them on the same problems, or keep them in different studies"
            )


def _row(seeds: Sequence[Scores]) -> Row:
    correct_SxN, first = np.stack([s.correct_N for s in seeds]), seeds[0]
    low, high = statistics.interval(correct_SxN)
    each = [s.result for s in seeds]
    return Row(
        suite=first.suite,
        condition=first.condition,
        strategy=first.strategy,
        oracle=first.result.oracle,
        seeds=tuple(s.seed for s in seeds),
        n=first.result.n,
        accuracy=float(correct_SxN.mean()),
        low=low,
        high=high,
        answered=float(np.mean([r.answered for r in each])),
        cut_off=mean([r.cut_off for r in each]),
        forced=mean([r.step_limited for r in each]),
        tokens=mean([r.tokens for r in each]),
        files=tuple(s.file for s in seeds),
    )


def _steps(seeds: Sequence[Scores]) -> list[StepsRow]:
    correct_SxN, first = np.stack([s.correct_N for s in seeds]), seeds[0]
    found = []
    for k in sorted(set(first.steps_N.tolist()) - {0}):
        part_SxK = correct_SxN[:, first.steps_N == k]
        low, high = statistics.interval(part_SxK)
        found.append(
            StepsRow(
                first.suite, first.condition, first.strategy, k, part_SxK.shape[1],
                float(part_SxK.mean()), low, high, tuple(s.file for s in seeds),
            )
        )  # fmt: skip
    return found


def _questions(seeds: Sequence[Scores]) -> QuestionsRow | None:
    """None for those that ask nothing."""
    seeds = [s for s in seeds if s.questions is not None]
    if not seeds:
        return None
    first, means = seeds[0], {}
    for name in ("bleu", "questions", "same_number", "same_operations"):
        values = [getattr(s.questions, name) for s in seeds]
        # Gold steps that state no operations state none for any seed.
        found = (None, None, None) if None in values else (float(np.mean(values)), min(values), max(values))
        means |= zip((name, f"{name}_low", f"{name}_high"), found, strict=True)
    return QuestionsRow(
        suite=first.suite,
        condition=first.condition,
        strategy=first.strategy,
        oracle=first.result.oracle,
        seeds=tuple(s.seed for s in seeds),
        n=first.questions.n,
        gold_questions=first.questions.gold_questions,
        files=tuple(s.file for s in seeds),
        **means,
    )


def _pair(seeds_a: Sequence[Scores], seeds_b: Sequence[Scores]) -> Pair | None:
    """None if the two have no seed in common, or differ both in strategy and in how they were decoded."""
    ways = [split_name(seeds[0].strategy) for seeds in (seeds_a, seeds_b)]
    if ways[0][0] != ways[1][0] and ways[0][1] != ways[1][1]:
        return None
    by_seed = {s.seed: s for s in seeds_b}
    both = [(a, by_seed[a.seed]) for a in seeds_a if a.seed in by_seed]
    if not both:
        return None
    a_SxN, b_SxN = (np.stack([pair[side].correct_N for pair in both]) for side in (0, 1))
    found = statistics.compare(a_SxN, b_SxN)
    first = seeds_a[0]
    return Pair(
        suite=first.suite,
        condition=first.condition,
        a=first.strategy,
        b=seeds_b[0].strategy,
        seeds=tuple(a.seed for a, _ in both),
        difference=found.difference,
        low=found.low,
        high=found.high,
        only_a=int((a_SxN & ~b_SxN).sum()),
        only_b=int((b_SxN & ~a_SxN).sum()),
        test=found.test,
        p=found.p,
        p_holm=found.p,
        files=tuple(s.file for side in zip(*both, strict=True) for s in side),
    )


def _corrected(pairs: Iterable[Pair | None]) -> list[Pair]:
    found = [pair for pair in pairs if pair is not None]
    adjusted = statistics.holm([pair.p for pair in found])
    return [dataclasses.replace(pair, p_holm=p) for pair, p in zip(found, adjusted, strict=True)]
