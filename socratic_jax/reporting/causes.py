"""Where errors come from, found by putting in the calculator and gold questions, one at a time and together.

Each wrong answer has one cause, the first of these that holds:

  format      there is no answer that can be read: the dialogue was cut off, or its answer is none
  arithmetic  with the calculator the answer is right, with gold questions it is not
  stop        gold questions make it right and the calculator does not, and the student's own solutions took
              the gold operations but were too few or too many
  question    gold questions make it right and the calculator does not, otherwise
  either      either of the two makes it right
  together    only both together make it right
  reasoning   neither of them, nor both together: the answerer went wrong by itself
  unknown     what was scored without the missing ones does not tell

Gold questions can be put in where a strategy exists that is given them and played by the same students. Those
that ask nothing have none to put in: what the calculator does not mend there is reasoning. The calculator
computes annotations (<<48/2=24>>): where dialogues have none, as on generated problems, it was not put in,
whatever was scored; how many wrong answers go wrong first at a step that states false arithmetic is counted
beside the causes. What was not put in is named as missing, and then a cause may hide in another: without gold
questions "either" is "arithmetic".
"""

import csv
import dataclasses
import io
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from socratic_jax.evaluation.questions import EARLY, LATE
from socratic_jax.evaluation.results import split_name
from socratic_jax.reporting.scores import Scores
from socratic_jax.reporting.study import Cell, Study, strategy_of
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import STRATEGIES, Strategy

CAUSES = ("format", "arithmetic", "stop", "question", "either", "together", "reasoning", "unknown")
CALCULATOR, QUESTIONS, BOTH = "the calculator", "gold questions", "both together"


@dataclasses.dataclass(frozen=True)
class Row:
    """The errors of one strategy in one condition, added up over seeds.

    Attributes:
      n: pairs of a seed and a problem.
      counts: how many of them are wrong for each cause, in the order of CAUSES.
      slips: how many of the wrong ones go wrong first at a step that states false arithmetic.
      missing: what was not put in: nobody scored it, or there was nothing for the calculator to compute.
      files: that it was computed from.
    """

    suite: str
    condition: tuple[str, ...]
    strategy: str
    seeds: tuple[int, ...]
    n: int
    counts: tuple[int, ...]
    slips: int
    missing: tuple[str, ...]
    files: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Causes:
    """All of a study.

    Attributes:
      rows: for every suite, condition and strategy that takes steps.
      of: predictions file -> the cause of each of its errors, as its place in CAUSES; "-" where it is right.
    """

    rows: tuple[Row, ...]
    of: Mapping[str, str]


def find(study: Study, scores: Sequence[Scores]) -> Causes:
    """The causes of all errors of strategies that take steps, as the run decodes them."""
    cells = {cell.name: cell for cell in study.cells}
    scored = {(s.cell, s.suite, s.strategy): s for s in scores}
    of: dict[str, str] = {}
    groups: dict[tuple, list[tuple[Scores, Counter, list[str], list[str]]]] = {}
    for s in scores:
        known, (_, how) = strategy_of(s.strategy), split_name(s.strategy)
        if not s.contends or known is None or known.oracle or how or Role.SOLUTION not in known.roles:
            continue
        found = {
            what: next((scored[s.cell, s.suite, n] for n in names if (s.cell, s.suite, n) in scored), None)
            for what, names in _swaps(cells[s.cell], known).items()
        }
        # A file about other problems says nothing about these.
        found = {what: x if x is not None and x.digest == s.digest else None for what, x in found.items()}
        # Without an annotation the calculator has not done anything.
        for what in (CALCULATOR, BOTH):
            if found.get(what) is not None and not found[what].annotates:
                found[what] = None
        causes = assign(s, {what: x and x.correct_N for what, x in found.items()})
        of[s.file] = "".join(str(CAUSES.index(c)) if c else "-" for c in causes)
        missing = [what for what, x in found.items() if x is None]
        files = [s.file, *(x.file for x in found.values() if x is not None)]
        place = (s.suite, s.condition, s.strategy)
        groups.setdefault(place, []).append((s, Counter(causes), missing, files))
    rows = [
        Row(
            *place,
            seeds=tuple(s.seed for s, *_ in seeds),
            n=sum(len(s.correct_N) for s, *_ in seeds),
            counts=tuple(sum(counts[cause] for _, counts, *_ in seeds) for cause in CAUSES),
            slips=sum(int((s.slipped_N & ~s.correct_N).sum()) for s, *_ in seeds),
            missing=tuple(dict.fromkeys(what for *_, missing, _ in seeds for what in missing)),
            files=tuple(dict.fromkeys(file for *_, files in seeds for file in files)),
        )
        for place, seeds in groups.items()
    ]
    return Causes(tuple(rows), of)


def assign(scores: Scores, mended: Mapping[str, np.ndarray | None]) -> list[str]:
    """The cause of each problem's error, "" where there is none.

    Args:
      mended: what can be put in -> which problems are right with it, None where it was not put in.
    """
    nothing = np.zeros(len(scores.correct_N), bool)
    calculator, questions, both = (
        nothing if mended.get(what) is None else mended[what] for what in (CALCULATOR, QUESTIONS, BOTH)
    )
    stopped = np.isin(scores.ways_N, (EARLY, LATE))
    told = all(right is not None for right in mended.values())
    rest = "reasoning" if told else "unknown"
    # The first that holds.
    causes = np.select(
        [
            scores.correct_N,
            ~scores.answered_N,
            calculator & questions,
            calculator,
            questions & stopped,
            questions,
            both,
        ],
        ["", "format", "either", "arithmetic", "stop", "question", "together"],
        rest,
    )
    return causes.tolist()


def to_csv(labels: Sequence[str], rows: Sequence[Row]) -> str:
    """results_causes.csv: a column for each field of the condition and for each cause."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["suite", *labels, "strategy", "seeds", "n", *CAUSES, "slips", "missing", "files"])
    for row in rows:
        seeds = " ".join(map(str, row.seeds))
        start = [row.suite, *row.condition, row.strategy, seeds, row.n]
        writer.writerow([*start, *row.counts, row.slips, "; ".join(row.missing), " ".join(row.files)])
    return out.getvalue()


def _swaps(cell: Cell, known: Strategy) -> dict[str, list[str]]:
    """What can be put in -> the names under which that may have been scored."""
    config = cell.config
    # A variant that differs in nothing but the calculator; none if dialogues have it anyway.
    ways = [f"+{name}" for name, how in config["evaluate"]["variants"].items() if how == {"calculator": True}]
    ways = [""] if config["decode"]["calculator"] else ways
    swaps = {CALCULATOR: [known.name + way for way in ways]}
    if Role.QUESTION in known.roles:
        given = [
            o.name for o in STRATEGIES.values() if o.taught_as == known.name and Role.QUESTION in o.given
        ]
        swaps |= {QUESTIONS: given, BOTH: [name + way for name in given for way in ways]}
    return swaps
