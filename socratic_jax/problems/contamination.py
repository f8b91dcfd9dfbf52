"""Training on what is tested makes every number worthless, so it is refused before it costs anything.

Two problems are the same here if their texts are the same up to case, punctuation and white space, the
differences that one data set's problems have after they passed through another's files. The numbers
count: problems that differ in them are different problems. Names and other words count as well; a
paraphrase is not found.
"""

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Mapping

from socratic_jax.problems.problem import Problem, ProblemError

_SHOWN = 3
# Numbers as they are written; letters, of any script.
_TOKEN = re.compile(r"([0-9]+(?:,[0-9]{3}(?![0-9]))*(?:\.[0-9]+)?|\.[0-9]+)|[^\W0-9_]+")
_MINUS = re.compile(r"(?<![\w)$.])[-−](?=[$€£]?\.?[0-9])")


@dataclasses.dataclass(frozen=True, slots=True)
class Overlap:
    """A problem that two sets share: its ids in the one and in the other, and which set that is."""

    train_id: str
    test_id: str
    suite: str


def check(
    train: Iterable[Problem], suites: Mapping[str, Iterable[Problem]], train_name: str = "train"
) -> None:
    """Refuses to train on problems that are going to be scored.

    Args:
      train: the problems to train on, validation included if it chooses anything.
      suites: name -> problems, of everything that is scored. Names are for people: "svamp, split test".
      train_name: the same for the training problems.

    Raises:
      ProblemError: some are in both; one line with how many in each suite, and with both ids of the
        first few. `overlaps` lists them all.
    """
    found = overlaps(train, suites)
    if not found:
        return
    counts: dict[str, int] = {}
    for overlap in found:
        counts[overlap.suite] = counts.get(overlap.suite, 0) + 1
    where = " and ".join(f"{count:,} in {suite}" for suite, count in counts.items())
    some = ", ".join(f"{overlap.train_id} = {overlap.test_id}" for overlap in found[:_SHOWN])
    some += f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    raise ProblemError(
        f"problems of {train_name} are among those to be scored: {where} ({some}); "
        "take them out of the training data, or score another split"
    )


def overlaps(train: Iterable[Problem], suites: Mapping[str, Iterable[Problem]]) -> list[Overlap]:
    """Every training problem that is in a suite, once for each suite that it is in.

    One pass over each, with a table of the suites' texts in memory: 100,000 problems take seconds.

    Args:
      train: as in `check`.
      suites: as in `check`.

    Returns:
      In the order of `train`, then of `suites`.
    """
    scored: dict[str, list[tuple[str, str]]] = {}
    for suite, problems in suites.items():
        seen = set()
        for problem in problems:
            key = normalized(problem.question)
            if key not in seen:  # MultiArith has twenty of its problems twice.
                seen.add(key)
                scored.setdefault(key, []).append((suite, problem.id))
    return [
        Overlap(problem.id, test_id, suite)
        for problem in train
        for suite, test_id in scored.get(normalized(problem.question), ())
    ]


def without(
    train: Iterable[Problem], suites: Mapping[str, Iterable[Problem]]
) -> tuple[list[Problem], list[Overlap]]:
    """The training problems that no suite has, and what was left out.

    Args:
      train: as in `check`.
      suites: as in `check`.
    """
    train = list(train)
    found = overlaps(train, suites)
    shared = {overlap.train_id for overlap in found}
    return [problem for problem in train if problem.id not in shared], found


def normalized(text: str) -> str:
    """What two texts have to share to be the same problem.

    Lower-case letters without spaces, so that "t - shirts" is "t-shirts", and between bars the numbers:
    "She has 1,200 pens!" is "shehas|1200|pens". A text of signs alone stays as it is.
    """
    folded = _MINUS.sub("minus", unicodedata.normalize("NFC", text).casefold())
    parts = (f"|{match[1].replace(',', '')}|" if match[1] else match[0] for match in _TOKEN.finditer(folded))
    return "".join(parts) or text
