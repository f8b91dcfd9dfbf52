"""The same problems, changed a little: what a student that has learnt to reason should not mind.

One table from names to changes. A problem that this package generated is changed through the generator, which
knows its plan; any other one through its text and the equations of its steps, and only where that is safe.
"""

import dataclasses
import random
from collections.abc import Callable, Sequence

from socratic_jax.problems import arithmetic_variants, renumbering, rewording
from socratic_jax.problems.arithmetic_variants import Origin
from socratic_jax.problems.problem import Problem


@dataclasses.dataclass(frozen=True)
class Perturbation:
    """A way of changing a problem. Both functions return None for what they cannot change safely.

    Attributes:
      description: what is changed, in a few words.
      generated: for problems of the source "arithmetic".
      text: for all others; None if only generated ones can be changed so.
    """

    description: str
    generated: Callable[[Origin, random.Random], Problem | None]
    text: Callable[[Problem, random.Random], Problem | None] | None


PERTURBATIONS: dict[str, Perturbation] = {
    "other_numbers": Perturbation(
        "other numbers of about the same size", arithmetic_variants.other_numbers, renumbering.other_numbers
    ),
    "larger_numbers": Perturbation(
        "numbers some ten times as large", arithmetic_variants.larger_numbers, renumbering.larger_numbers
    ),
    "renamed_people": Perturbation(
        "people have other names", arithmetic_variants.renamed_people, rewording.renamed_people
    ),
    "reordered_facts": Perturbation(
        "facts in another order", arithmetic_variants.reordered_facts, rewording.reordered_facts
    ),
    "irrelevant_sentence": Perturbation(
        "one more sentence, which does not matter",
        arithmetic_variants.irrelevant_sentence,
        rewording.irrelevant_sentence,
    ),
    "one_more_step": Perturbation(
        "the longest problems, one step longer", arithmetic_variants.one_more_step, None
    ),
}


def perturb(
    problems: Sequence[Problem], name: str, limit: int = 0, seed: int = 0
) -> tuple[list[Problem], int]:
    """Changes problems in one way.

    Args:
      problems: the originals.
      name: a key of PERTURBATIONS.
      limit: stop when so many are changed; 0 is no limit.
      seed: each change is drawn from (seed, name, the problem's id) and from nothing else.

    Returns:
      The changed problems under their old ids, and how many originals were left out on the way.

    Raises:
      ValueError: there is no such perturbation; the message lists those there are.
    """
    if name not in PERTURBATIONS:
        raise ValueError(f"unknown perturbation {name!r}; valid: {', '.join(PERTURBATIONS)}")
    changed: list[Problem] = []
    left_out = 0
    for problem in problems:
        if limit and len(changed) == limit:
            break
        made = _perturbed(problem, PERTURBATIONS[name], random.Random(f"{seed}/{name}/{problem.id}"))
        if made is None:
            left_out += 1
        else:
            changed.append(made)
    return changed, left_out


def _perturbed(problem: Problem, way: Perturbation, rng: random.Random) -> Problem | None:
    origin = arithmetic_variants.origin(problem)
    if origin is not None:
        return way.generated(origin, rng)
    return way.text(problem, rng) if way.text else None
