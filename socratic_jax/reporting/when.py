"""When teaching in questions helps: its gain over a chain of steps, by what kind of problem it is."""

import concurrent.futures
import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from socratic_jax.evaluation import statistics
from socratic_jax.evaluation.questions import EARLY, GOLD, LATE, OTHER
from socratic_jax.evaluation.results import split_name
from socratic_jax.problems.distractors import unused_numbers
from socratic_jax.problems.sources import original_of
from socratic_jax.reporting.scores import Scores
from socratic_jax.reporting.study import Study, strategy_of
from socratic_jax.transcripts.roles import Role

WAY_BINS = {GOLD: "as gold", EARLY: "stopped early", LATE: "stopped late", OTHER: "another way"}
MANY = 2  # Numbers that no step uses; more of them are one bin.
ADDED = "irrelevant_sentence"  # The perturbation that adds what has to be left out.
NONE_ADDED, ONE_ADDED = "none", "one added"


@dataclasses.dataclass(frozen=True)
class Gain:
    """A Socratic strategy less a chain on a part of a suite, in one condition; a line of results_when.csv.

    The same seeds and the same problems: the interval is the paired bootstrap's over both.

    Attributes:
      suite: where the problems are from, also if they were perturbed (ONE_ADDED).
      condition: the values of the study's fields: what the gain by size or amount of data is read off.
      socratic, chain: the two strategies, decoded alike.
      by: a key of BINS: by what the problems are told apart; "all" for all of them. ADDED: the same problems
        without and with an irrelevant sentence.
      bin: which of them these are.
      seeds: that both have.
      n: pairs of a seed and a problem.
      accuracy_socratic, accuracy_chain: on them.
      quality: BLEU of the Socratic questions against the gold ones, the mean over seeds; None for a part of a
        suite, and where it is not known.
      gain, low, high: the difference of the two with its 95 % interval.
      files: that it was computed from.
    """

    suite: str
    condition: tuple[str, ...]
    socratic: str
    chain: str
    by: str
    bin: str
    seeds: tuple[int, ...]
    n: int
    accuracy_socratic: float
    accuracy_chain: float
    quality: float | None
    gain: float
    low: float
    high: float
    files: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class When:
    """All gains of a study.

    Attributes:
      rows: in the order of its scores.
      bins: the bins of each of BINS and of ADDED that occur, in their order.
    """

    rows: tuple[Gain, ...]
    bins: Mapping[str, tuple[str, ...]]


def _steps(scores: Scores) -> list[str]:
    return [str(k) if k else "" for k in scores.steps_N.tolist()]


def _distractors(scores: Scores) -> list[str]:
    counts = [min(unused_numbers(problem), MANY) if problem.steps else -1 for problem in scores.problems]
    return [["0", "1", f"{MANY} or more", ""][k] for k in counts]


def _questions(scores: Scores) -> list[str]:
    return [WAY_BINS.get(way, "") for way in scores.ways_N.tolist()]


# What problems are told apart by: the bin of each problem in the Socratic strategy's file, "" for none.
BINS: dict[str, Callable[[Scores], Sequence[str]]] = {
    "all": lambda scores: ["all"] * len(scores.problems),
    "steps": _steps,
    "distractors": _distractors,
    "questions": _questions,
}
# Bins that depend on the problem alone; those of the others are of a dialogue.
_OF_PROBLEMS = ("steps", "distractors")


def gains(study: Study, scores: Sequence[Scores]) -> When:
    """All gains of a study; none if it has no two strategies to compare.

    A strategy is Socratic if its students learn from sub-questions, and a chain if they learn steps
    without any. Oracles are left out.
    """
    bins, suites = _Bins(), {cell.name: cell.config["evaluate"]["suites"] for cell in study.cells}
    pairs = list(_pairs(scores))
    of_name = {_name(pair): pair for pair in pairs}
    jobs = []
    for socratic, chain in pairs:
        options = suites[socratic[0].cell].get(socratic[0].suite, {})
        # A number that was put in may equal a used one, so that counting misses it.
        keys = [by for by in BINS if by != "distractors" or "perturb" not in options]
        jobs += _parts(socratic, chain, keys, bins)
        if options.get("perturb") == ADDED:
            before = of_name.get(_name((socratic, chain), original_of(options)))
            jobs += _without_and_with(before, (socratic, chain)) if before else ()
    # Threads are enough, since drawing samples lets go of the interpreter.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = tuple(pool.map(lambda job: _gain(*job), jobs))
    found = {by: {row.bin for row in rows if row.by == by} for by in (*BINS, ADDED)}
    return When(rows, {by: tuple(sorted(names, key=_order)) for by, names in found.items()})


class _Bins:
    """The bins of files, each made once; those of problems once for all files with the same ones."""

    def __init__(self):
        self._made: dict[tuple[str, str], np.ndarray] = {}

    def __call__(self, by: str, scores: Scores) -> np.ndarray:
        key = (by, scores.digest if by in _OF_PROBLEMS else scores.file)
        if key not in self._made:
            self._made[key] = np.array(BINS[by](scores), str)
        return self._made[key]


_Seeds = Sequence[Scores]


def _pairs(scores: Sequence[Scores]) -> Iterator[tuple[_Seeds, _Seeds]]:
    """(Socratic, chain) of one suite and condition that are decoded alike, on the seeds that both have."""
    groups: dict[tuple, dict[str, list[Scores]]] = {}
    for s in scores:
        known = strategy_of(s.strategy)
        if s.contends and known is not None and not known.oracle and Role.SOLUTION in known.roles:
            place = (s.suite, s.condition, split_name(s.strategy)[1])
            groups.setdefault(place, {}).setdefault(s.strategy, []).append(s)
    for strategies in groups.values():
        for a, b in itertools.product(strategies.values(), repeat=2):
            if _is_socratic(a[0]) and not _is_socratic(b[0]):
                of_seed = {s.seed: s for s in b}
                both = [(s, of_seed[s.seed]) for s in a if s.seed in of_seed]
                if both:
                    yield tuple(zip(*both, strict=True))


def _name(pair: tuple[_Seeds, _Seeds], suite: str = "") -> tuple:
    (first, *_), (chain, *_) = pair
    return suite or first.suite, first.condition, first.strategy, chain.strategy


def _is_socratic(scores: Scores) -> bool:
    return strategy_of(scores.strategy).explained_by == "socratic"


_Job = tuple[_Seeds, _Seeds, str, str, np.ndarray]


def _parts(socratic: _Seeds, chain: _Seeds, keys: Sequence[str], bins: _Bins) -> Iterator[_Job]:
    for by in keys:
        bins_SxN = np.stack([bins(by, s) for s in socratic])
        found = sorted(set(bins_SxN.ravel().tolist()) - {""}, key=_order)
        # One bin alone compares nothing.
        if by == "all" or len(found) > 1:
            for name in found:
                yield socratic, chain, by, name, bins_SxN == name


def _without_and_with(before: tuple[_Seeds, _Seeds], after: tuple[_Seeds, _Seeds]) -> Iterator[_Job]:
    """The same problems, by id, and the same seeds before and after a sentence was added; both as parts of
    the suite that they are from."""
    common = set.intersection(*({p.id for p in pair[0][0].problems} for pair in (before, after)))
    seeds = {s.seed for s in before[0]} & {s.seed for s in after[0]}
    suite = before[0][0].suite
    for name, pair in ((NONE_ADDED, before), (ONE_ADDED, after)):
        socratic, chain = (
            tuple(dataclasses.replace(s, suite=suite) for s in side if s.seed in seeds) for side in pair
        )
        inside_N = np.array([p.id in common for p in pair[0][0].problems])
        if seeds and inside_N.any():
            yield socratic, chain, ADDED, name, np.tile(inside_N, (len(socratic), 1))


def _order(name: str) -> tuple[float, int]:
    """Numbers by their value, the others as they stand in their table."""
    first, names = name.split(" ")[0], [*WAY_BINS.values(), NONE_ADDED, ONE_ADDED, "all"]
    return (int(first), 0) if first.isdigit() else (0, names.index(name))


def _gain(socratic: _Seeds, chain: _Seeds, by: str, name: str, inside_SxN: np.ndarray) -> Gain:
    a_SxN, b_SxN = (np.stack([s.correct_N for s in side]) for side in (socratic, chain))
    difference, low, high, _ = statistics.paired_bootstrap(a_SxN, b_SxN, inside_SxN=inside_SxN)
    asked = [s.questions.bleu for s in socratic if s.questions is not None] if by == "all" else []
    first = socratic[0]
    return Gain(
        suite=first.suite,
        condition=first.condition,
        socratic=first.strategy,
        chain=chain[0].strategy,
        by=by,
        bin=name,
        seeds=tuple(s.seed for s in socratic),
        n=int(inside_SxN.sum()),
        accuracy_socratic=float(a_SxN[inside_SxN].mean()),
        accuracy_chain=float(b_SxN[inside_SxN].mean()),
        quality=float(np.mean(asked)) if asked else None,
        gain=difference,
        low=low,
        high=high,
        files=tuple(s.file for side in (socratic, chain) for s in side),
    )
