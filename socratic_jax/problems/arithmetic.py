"""Generated arithmetic word problems with their decomposition: the data set that is always there.

Training a reasoner needs thousands of problems whose steps are known to be right, at a difficulty
that fits the student, without a download. Here every problem is a pure function of (level, split,
seed, index): nothing is stored, a data set can grow without changing what it had, and any process
can build any row.

The plan (which numbers, which operations) and the surface (which words) come from two generators
seeded apart, so that one can be changed and the other kept. Splits are cut along plans:
  * the signature of the equations is hashed into one of 20 buckets; `train` draws until its plan
    falls in 0-15, `validation` in 16-17, `test` in 18-19, so no equations are shared, whatever the
    sizes, seeds and levels;
  * `test_ood` takes sequences of operations, phrasings, story frames and names that the other three
    never take: it asks whether a student learnt to reason or learnt the shape of its data.
"""

import dataclasses
import functools
import hashlib
import operator
import random
import re

from socratic_jax.problems import arithmetic_plans as plans
from socratic_jax.problems import arithmetic_stories as stories
from socratic_jax.problems.arithmetic_plans import Plan, Skeleton
from socratic_jax.problems.arithmetic_stories import Surface
from socratic_jax.problems.draws import below, octets, sample
from socratic_jax.problems.problem import Problem

SPLITS = ("train", "validation", "test", "test_ood")
_BUCKETS = {"train": range(16), "validation": range(16, 18), "test": range(18, 20)}
# One draw in ten falls in the buckets of a held-out split, and half of them keep the bounds.
_ATTEMPTS = 20_000
_ID = re.compile(r"arithmetic/(\w+)/(\w+)/(?:seed(-?[0-9]+)/)?([0-9]+)")


@dataclasses.dataclass(frozen=True)
class Level:
    """A difficulty.

    Attributes:
      min_steps: fewest steps; the number of steps is uniform up to `max_steps`.
      max_steps: most steps.
      operations: which of "+", "-", "*", "/" occur.
      max_value: every number, given or derived, is positive and below it.
      shuffle_facts: whether the facts are told in any order instead of the solving order.
      distractors: most irrelevant sentences in a problem.
      frames: keys of `arithmetic_stories.FRAMES`; the reserved ones serve `test_ood` only.
      endings: what may be asked for, a subset of `arithmetic_plans.ENDINGS`.
      names: how many of the common names occur; 0 for all.
      things: how many of the common nouns occur; 0 for all.
    """

    min_steps: int
    max_steps: int
    operations: tuple[str, ...]
    max_value: int
    shuffle_facts: bool = False
    distractors: int = 0
    frames: tuple[str, ...] = tuple(stories.FRAMES)
    endings: tuple[str, ...] = plans.ENDINGS
    names: int = 0
    things: int = 0


LEVELS: dict[str, Level] = {
    # Few words, no detours: what students of 0.2M parameters learn in minutes on a CPU.
    "chain2to4": Level(
        min_steps=2,
        max_steps=4,
        operations=("+", "-"),
        max_value=30,
        frames=("tally",),
        endings=("last",),
        names=20,
        things=16,
    ),
    "easy": Level(
        min_steps=2,
        max_steps=4,
        operations=("+", "-"),
        max_value=50,
        frames=("tally", "purse", "bus"),
        endings=("last", "together"),
    ),
    "medium": Level(2, 5, ("+", "-", "*"), 100, distractors=1),
    "hard": Level(2, 6, ("+", "-", "*", "/"), 1000, shuffle_facts=True, distractors=2),
}


def bucket(signature: str) -> int:
    """The bucket, 0 to 19, of a `Plan.signature`; the same in every process and version."""
    return int.from_bytes(hashlib.blake2b(signature.encode(), digest_size=8).digest()) % 20


def belongs(plan: Plan, split: str) -> bool:
    """Whether a plan with operations that a split may use is that split's, and no other's."""
    buckets = _BUCKETS.get(split)
    # Reserved operations keep the equations of test_ood out of the other splits: no bucket.
    return buckets is None or bucket(plan.signature) in buckets


@functools.cache
def is_reserved(operations: str) -> bool:
    """Whether a sequence of operations such as "+-+" is kept for `test_ood`: about a quarter are.

    The salt was picked so that among the sequences of every length, also of + and - alone, some are
    reserved, with both of them as last operation, and most are not.
    """
    digest = hashlib.blake2b(operations.encode(), digest_size=8, salt=b"shape3194").digest()
    return int.from_bytes(digest) % 4 == 0


def problem(level: str, split: str, seed: int, index: int) -> Problem:
    """The problem at a place of a split.

    Args:
      level: key of `LEVELS`.
      split: one of `SPLITS`.
      seed: another seed is another data set with the same split boundaries.
      index: place in the split, 0 or more.

    Returns:
      The problem; equal arguments give an equal problem in every process.

    Raises:
      ValueError: unknown level or split, negative index, or a generated problem fails `check`.
    """
    plan = draw_plan(level, split, seed, index)
    surface = draw_surface(level, split, seed, index, plan)
    name = f"arithmetic/{level}/{split}/{index}"
    if seed:
        name = f"arithmetic/{level}/{split}/seed{seed}/{index}"
    return compose(name, level, plan, surface)


def place(name: str) -> tuple[str, str, int, int] | None:
    """(level, split, seed, index) of the problem that `problem` gives this id; None for any other id."""
    match = _ID.fullmatch(name)
    if match is None or match[1] not in LEVELS or match[2] not in SPLITS:
        return None
    return match[1], match[2], int(match[3] or 0), int(match[4])


def problems(level: str, split: str, seed: int, count: int, start: int = 0) -> list[Problem]:
    """The problems at `start`, ..., `start + count - 1`; see `problem`."""
    return [problem(level, split, seed, index) for index in range(start, start + count)]


def draw_plan(level: str, split: str, seed: int, index: int) -> Plan:
    """The equations of `problem(level, split, seed, index)`; errors as there."""
    spec = _level(level, split, index)
    rng = random.Random(f"{seed}/{level}/{split}/{index}/plan")
    n_steps = spec.min_steps + below(rng, spec.max_steps - spec.min_steps + 1)
    families = skeletons_of(spec, n_steps, split == "test_ood")
    skeletons = families[below(rng, len(families))]
    for _ in range(_ATTEMPTS):
        skeleton = skeletons[below(rng, len(skeletons))]
        plan = plans.fill(skeleton, rng, spec.max_value)
        if plan is not None and belongs(plan, split):
            return plan
    raise ValueError(f"level {level!r} has no plan of {n_steps} steps for split {split!r}")


def draw_surface(level: str, split: str, seed: int, index: int, plan: Plan) -> Surface:
    """The words of `problem(level, split, seed, index)` for a plan; errors as there.

    Only the frame, which must be able to tell the plan, and its own nouns depend on the plan.
    """
    spec = _level(level, split, index)
    rng = random.Random(f"{seed}/{level}/{split}/{index}/surface")
    ood = split == "test_ood"
    cast = sample(rng, _first(stories.NAMES, ood, spec.names), 9)
    things = sample(rng, _first(stories.NOUNS["things"], ood, spec.things), 10)
    phrasing = octets(rng, stories.N_PHRASING)
    order = octets(rng, 32) if spec.shuffle_facts else b""
    asides = []
    choice = below(rng, 256)
    for k in range(below(rng, spec.distractors + 1)):
        where, number = below(rng, 256), 2 + below(rng, min(40, spec.max_value - 2))
        text = stories.aside(choice + k, ood, cast[-1 - k], things[1 + k], number)
        asides.append((where, text))

    names = stories.tellable(plan.skeleton, spec.frames, ood)
    frames = [stories.FRAMES[name] for name in names]
    largest = max(plan.values)
    frames = [frame for frame in frames if not 0 < frame.limit <= largest] or frames
    frame = frames[below(rng, len(frames))]
    kinds = things[3:]
    if frame.kind != "things":
        kinds = sample(rng, stories.NOUNS[frame.kind][ood], 7) if frame.kind else ()
    return Surface(frame.name, ood, cast, things, kinds, phrasing, order, tuple(asides))


def compose(name: str, level: str, plan: Plan, surface: Surface) -> Problem:
    """Puts a plan and a surface together into a problem and checks it.

    Args:
      name: the id of the problem.
      level: goes into `meta`, for reports to group by.
      plan: the quantities.
      surface: the words.

    Raises:
      ValueError: the problem fails `check`; the message names it.
    """
    question, steps = stories.tell(plan, surface)
    meta = {
        "level": level,
        "operations": list(plan.skeleton.operations),
        "template": f"{surface.frame}/{plan.skeleton.nodes[-1].role}" + "/ood" * surface.ood,
        "distractors": len(surface.asides),
        "n_steps": len(steps),
        "equations": plan.equations,
    }
    composed = Problem(name, question, str(plan.values[-1]), steps, meta)
    check(composed)
    return composed


_EQUATION = re.compile(r"(\d+)([-+*/])(\d+)=(\d+)")
_APPLY = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}


def check(problem: Problem) -> None:
    """Executes the equations of a generated problem.

    Raises:
      ValueError: an equation is malformed, false or not exact, a step does not carry its equation,
        or the last result is not the answer; the message names the problem.
    """
    equations = problem.meta["equations"]
    if not equations or len(equations) != len(problem.steps):
        raise ValueError(f"{problem.id}: {len(equations)} equations, {len(problem.steps)} steps")
    result = ""
    for equation, step in zip(equations, problem.steps, strict=True):
        match = _EQUATION.fullmatch(equation)
        if match is None:
            raise ValueError(f"{problem.id}: {equation!r} is not an equation")
        left, op, right, result = match.groups()
        a, b = int(left), int(right)
        exact = op != "/" or (b and a % b == 0)
        if not exact or _APPLY[op](a, b) != int(result):
            raise ValueError(f"{problem.id}: {equation} is false")
        if step.solution != equation:
            raise ValueError(f"{problem.id}: step {step.solution!r} does not say {equation}")
    if result != problem.answer:
        raise ValueError(f"{problem.id}: the steps give {result}, the answer is {problem.answer}")


def _level(level: str, split: str, index: int) -> Level:
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}: use {', '.join(LEVELS)}")
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: use {', '.join(SPLITS)}")
    if index < 0:
        raise ValueError(f"index must be 0 or more, not {index}")
    return LEVELS[level]


@functools.cache
def skeletons_of(level: Level, n_steps: int, ood: bool) -> tuple[tuple[Skeleton, ...], ...]:
    """The skeletons that a level may use in a split, one tuple for each family that has some."""
    families = []
    for name in plans.FAMILIES:
        candidates = plans.skeletons(name, n_steps, level.operations, level.endings)
        family = [skeleton for skeleton in candidates if is_reserved(skeleton.operations) == ood]
        families.append(tuple(s for s in family if stories.tellable(s, level.frames, ood)))
    return tuple(family for family in families if family)


@functools.cache
def _first(pools: tuple[tuple[str, ...], ...], ood: bool, count: int) -> tuple[str, ...]:
    """The reserved words, or the first `count` (0: all) of the common ones."""
    return pools[1] if ood else pools[0][: count or None]
