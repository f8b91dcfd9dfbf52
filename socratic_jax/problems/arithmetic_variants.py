"""Generated problems again, with one thing changed: through the generator, so that every step stays exact.

The id of a generated problem says how it was drawn. Drawn again, its plan (numbers, operations) and its
surface (words) can be changed one at a time. Changed plans stay in their split: no equations of training.
"""

import dataclasses
import functools
import itertools
import random
import re
from collections.abc import Callable, Sequence

from socratic_jax.problems import arithmetic, arithmetic_stories
from socratic_jax.problems import arithmetic_plans as plans
from socratic_jax.problems.arithmetic import LEVELS, Level
from socratic_jax.problems.arithmetic_plans import Plan, Skeleton
from socratic_jax.problems.arithmetic_stories import PRONOUNS, Surface
from socratic_jax.problems.draws import below, octets, sample
from socratic_jax.problems.problem import Problem

LARGER = 10  # Times the largest value of the level.
_ATTEMPTS = 2_000


@dataclasses.dataclass(frozen=True)
class Origin:
    """How a generated problem was made."""

    problem: Problem
    level: str
    split: str
    plan: Plan
    surface: Surface

    @property
    def spec(self) -> Level:
        return LEVELS[self.level]

    def changed(self, plan: Plan | None = None, surface: Surface | None = None) -> Problem:
        """The problem with another plan or surface, under its own id."""
        return arithmetic.compose(self.problem.id, self.level, plan or self.plan, surface or self.surface)


def origin(problem: Problem) -> Origin | None:
    """How a problem was made; None for one that is not from here, whatever its id looks like."""
    place = arithmetic.place(problem.id)
    if place is None:
        return None
    plan = arithmetic.draw_plan(*place)
    made = Origin(problem, place[0], place[1], plan, arithmetic.draw_surface(*place, plan))
    return made if made.changed() == problem else None


def other_numbers(made: Origin, rng: random.Random) -> Problem | None:
    """The same story with other numbers from the same range, and another answer."""
    answer = made.plan.values[-1]
    return _filled(made, (made.plan.skeleton,), rng, made.spec.max_value, lambda p: p.values[-1] != answer)


def larger_numbers(made: Origin, rng: random.Random) -> Problem | None:
    """The same story with numbers up to ten times the level's bound, at least one of them beyond it."""
    bound, limit = made.spec.max_value, arithmetic_stories.FRAMES[made.surface.frame].limit
    if 0 < limit <= bound:
        return None  # Nobody is 1,000 years old.
    return _filled(made, (made.plan.skeleton,), rng, LARGER * bound, lambda p: max(p.values) >= bound)


def one_more_step(made: Origin, rng: random.Random) -> Problem | None:
    """A plan of the same family with a step more than the level has, told with the same words.

    Only problems of the level's most steps have one, so that the pair is longest seen against longer.
    """
    longer = made.spec.max_steps + 1
    if len(made.plan.skeleton.steps) != made.spec.max_steps or not _free_names(made, longer):
        return None
    surface = made.surface
    skeletons = _skeletons(made.spec, longer, made.plan.skeleton.family, surface.frame, surface.ood)
    return _filled(made, skeletons, rng, made.spec.max_value)


def renamed_people(made: Origin, rng: random.Random) -> Problem | None:
    """The same problem with names that no training problem has, or common ones for `test_ood`."""
    surface = made.surface
    pool = iter(sample(rng, arithmetic_stories.NAMES[not surface.ood], 1_000))
    new: dict[str, list[str]] = {}
    for name in pool:
        new.setdefault(PRONOUNS[name][0], []).append(name)
    names: dict[str, str] = {}
    told = re.findall(r"\w+", made.problem.question)
    for name in surface.cast:
        if name not in told:
            continue  # There are fewer new names than a cast has.
        same = new[PRONOUNS[name][0]]
        if not same:
            return None
        names[name] = same.pop()
    asides = tuple(
        (where, re.sub(r"\w+", lambda word: names.get(word[0], word[0]), text))
        for where, text in surface.asides
    )
    cast = tuple(names.get(name, name) for name in surface.cast)
    return made.changed(surface=dataclasses.replace(surface, cast=cast, asides=asides))


def reordered_facts(made: Origin, rng: random.Random) -> Problem | None:
    """The same facts in another order, with the days or stops that keep them clear."""
    told = made.plan.skeleton.told

    def order(keys: bytes) -> Sequence[int]:
        return sorted(told, key=lambda i: keys[i]) if keys else told

    for _ in range(_ATTEMPTS):
        keys = octets(rng, 32)
        if order(keys) != list(order(made.surface.order)):
            return made.changed(surface=dataclasses.replace(made.surface, order=keys))
    return None  # A single fact has one order.


def irrelevant_sentence(made: Origin, rng: random.Random) -> Problem | None:
    """One sentence more before the question, about somebody or something outside the story."""
    surface, k = made.surface, len(made.surface.asides)
    if not _free_names(made, len(made.plan.skeleton.steps), more=1):
        return None
    # The same kind of sentence twice could contradict itself.
    taken = {text.split()[-1] for _, text in surface.asides}
    for _ in range(_ATTEMPTS):
        number = 2 + below(rng, min(40, made.spec.max_value - 2))
        sentence = arithmetic_stories.aside(
            below(rng, 256), surface.ood, surface.cast[-1 - k], surface.things[1 + k], number
        )
        if sentence.split()[-1] not in taken:
            ending = made.problem.steps[-1].subquestion
            facts = made.problem.question.removesuffix(ending)
            meta = {**made.problem.meta, "distractors": k + 1}
            return dataclasses.replace(made.problem, question=facts + f"{sentence} {ending}", meta=meta)
    return None


@functools.cache
def _skeletons(spec: Level, n_steps: int, family: str, frame: str, ood: bool) -> tuple[Skeleton, ...]:
    """The skeletons of one family that a frame can tell."""
    every = itertools.chain.from_iterable(arithmetic.skeletons_of(spec, n_steps, ood))
    tellable = (s for s in every if arithmetic_stories.tellable(s, (frame,), ood))
    return tuple(s for s in tellable if s.family == family)


def _free_names(made: Origin, n_steps: int, more: int = 0) -> bool:
    """Whether the cast suffices: somebody for each step beside the main person, then those of asides."""
    return len(made.surface.cast) >= 1 + n_steps + len(made.surface.asides) + more


def _filled(
    made: Origin,
    skeletons: Sequence[Skeleton],
    rng: random.Random,
    max_value: int,
    wanted: Callable[[Plan], bool] = lambda plan: True,
) -> Problem | None:
    """The problem with a new plan; None if no draw fits."""
    limit = arithmetic_stories.FRAMES[made.surface.frame].limit
    if not skeletons:
        return None
    for _ in range(_ATTEMPTS):
        skeleton = skeletons[below(rng, len(skeletons))]
        plan = plans.fill(skeleton, rng, min(max_value, limit or max_value))
        if plan is not None and arithmetic.belongs(plan, made.split) and wanted(plan):
            return made.changed(plan)
    return None
