"""The equations under an arithmetic word problem, without a word of the story.

A plan is kept apart from its surface because the interesting questions about a student are asked
by changing one and not the other: new numbers in the same story, the same numbers in a new story,
one more step. So a plan has two layers: a `Skeleton` (which quantity comes from which, by which
operation) and the values that fill it. Both are plain values; a perturbed plan is a `Skeleton`
filled again, or another `Skeleton`.

Three families of skeletons cover the stories:
  chain    one quantity that changes again and again (12+5=17, 17-3=14);
  compare  quantities given relative to one another, then perhaps joined (Ben has 5 more than Ann);
  groups   several products that are joined, then changed, shared or compared (3 boxes of 4).
"""

import dataclasses
import functools
import itertools
import random
from collections.abc import Iterator, Sequence

FAMILIES = ("chain", "compare", "groups")
OPERATIONS = "+-*/"
ENDINGS = (
    "last", "together", "ahead", "behind", "net_up", "net_down", "sum", "sum_all", "diff", "change",
    "share",
)  # fmt: skip
# At most this many of one operation in a skeleton: more of them cannot stay below max_value.
_MOST = {"*": 2, "/": 2}


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A quantity: given in the text (`op` is "") or one operation on two earlier nodes.

    Attributes:
      role: of a given node, which sentence tells it ("start", "gain", ...); of a derived node,
        which question asks for it ("step", "last", "sum", ...).
      op: "", "+", "-", "*" or "/".
      left: index of the left operand in `Skeleton.nodes`; -1 for a given node.
      right: index of the right operand; -1 for a given node.
    """

    role: str
    op: str = ""
    left: int = -1
    right: int = -1


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """A plan without numbers: the nodes, dependencies first; the last one is asked for."""

    family: str
    nodes: tuple[Node, ...]

    @functools.cached_property
    def steps(self) -> tuple[int, ...]:
        """Indices of the derived nodes, in solving order."""
        return tuple(i for i, node in enumerate(self.nodes) if node.op)

    @functools.cached_property
    def told(self) -> tuple[int, ...]:
        """Indices of the given nodes that have a sentence ("each" is told with its "count")."""
        return tuple(i for i, node in enumerate(self.nodes) if not node.op and node.role != "each")

    @functools.cached_property
    def operations(self) -> str:
        """The operations in solving order, such as "+-+": what `test_ood` reserves."""
        return "".join(self.nodes[i].op for i in self.steps)

    @functools.cached_property
    def links(self) -> tuple[tuple[str, int, int], ...]:
        """(operation, left, right) of each step."""
        return tuple((node.op, node.left, node.right) for node in self.nodes if node.op)

    @functools.cached_property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """(start, stop) of each run of two or more neighbouring steps with one operation."""
        ends = [0]
        for _, run in itertools.groupby(self.operations):
            ends.append(ends[-1] + len(list(run)))
        return tuple((a, b) for a, b in itertools.pairwise(ends) if b - a > 1)

    @functools.cached_property
    def step_of(self) -> dict[int, int]:
        """For each given node the number (0, 1, ...) of the step that uses it first."""
        first: dict[int, int] = {}
        for k, i in enumerate(self.steps):
            first.setdefault(self.nodes[i].left, k)
            first.setdefault(self.nodes[i].right, k)
        return {i: k for i, k in first.items() if not self.nodes[i].op}

    @functools.cached_property
    def covers(self) -> tuple[tuple[int, ...], ...]:
        """For each node the numbers of the people (compare) or groups (groups) it counts."""
        covers: list[tuple[int, ...]] = []
        entities = 0
        for node in self.nodes:
            if node.role in ("base", "person", "product"):
                covers.append((entities,))
                entities += 1
            else:
                covers.append(covers[node.left] + covers[node.right] if node.op else ())
        return tuple(covers)

    @functools.cached_property
    def moves(self) -> tuple[tuple[int, str, int, int, bool, int, int], ...]:
        """What `fill` needs to know of each step.

        (node, operation, left, right, whether it is a product of a group, divisor of the room,
        turns). Numbers are drawn from left to right. Without the last two the first sums would take
        all the room below max_value: the divisor leaves room for products and joins to come, the
        turns for steps of the same kind.
        """
        moves = []
        for k, (op, left, right) in enumerate(self.links):
            later = [
                (o, not self.nodes[r].op, self.nodes[i].role == "product")
                for i, (o, _, r) in zip(self.steps[k + 1 :], self.links[k + 1 :], strict=True)
            ]
            growing = sum(o == "*" and fact and not product for o, fact, product in later)
            joins = sum(o == "+" and not fact for o, fact, _ in later)
            turns = 1 + sum(o == op and fact for o, fact, _ in later)
            node = self.steps[k]
            product = self.nodes[node].role == "product"
            moves.append((node, op, left, right, product, 3**growing * (1 + joins), turns))
        return tuple(moves)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A skeleton and the value of each of its nodes."""

    skeleton: Skeleton
    values: tuple[int, ...]

    @property
    def equations(self) -> list[str]:
        """The equations in solving order, such as ["12+5=17", "17-3=14"]."""
        nodes, values = self.skeleton.nodes, self.values
        return [
            f"{values[nodes[i].left]}{nodes[i].op}{values[nodes[i].right]}={values[i]}"
            for i in self.skeleton.steps
        ]

    @property
    def signature(self) -> str:
        """The canonical text of the equations; plans of different splits never share it.

        Operands of + and * are sorted, and so are neighbouring equations of one operation: the same
        work written down in another order has the same signature. The sequence of operations can
        still be read off it, so that splits told apart by that sequence share no signature.
        """
        values = self.values
        parts = []
        for op, left, right in self.skeleton.links:
            a, b = values[left], values[right]
            parts.append(f"{b}{op}{a}" if b < a and op in "+*" else f"{a}{op}{b}")
        for start, stop in self.skeleton.runs:
            parts[start:stop] = sorted(parts[start:stop])
        return ";".join(parts)


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def fact(self, role: str) -> int:
        self.nodes.append(Node(role))
        return len(self.nodes) - 1

    def step(self, role: str, op: str, left: int, right: int) -> int:
        self.nodes.append(Node(role, op, left, right))
        return len(self.nodes) - 1


def skeletons(
    family: str, n_steps: int, operations: Sequence[str], endings: Sequence[str]
) -> Iterator[Skeleton]:
    """All skeletons of a family with exactly `n_steps` steps.

    Args:
      family: one of `FAMILIES`.
      n_steps: number of derived quantities.
      operations: the operations that may occur, a subset of `OPERATIONS`.
      endings: what may be asked for, a subset of `ENDINGS`.

    Yields:
      Skeletons in a fixed order, in which every step is needed for the last one.
    """
    build = {"chain": _chains, "compare": _comparisons, "groups": _groups}[family]
    for nodes in build(n_steps, "".join(operations), endings):
        skeleton = Skeleton(family, tuple(nodes))
        if set(skeleton.operations) <= set(operations):
            yield skeleton


_CHANGES = {"+": "gain", "-": "loss", "*": "times", "/": "part"}
_RELATIONS = {"+": "more", "-": "fewer", "*": "times", "/": "part"}


def _chains(n_steps: int, operations: str, endings: Sequence[str]) -> Iterator[list[Node]]:
    for ending in endings:
        if ending not in ("last", "together", "ahead", "behind", "net_up", "net_down"):
            continue
        changes = n_steps - (ending != "last")
        # After a single change the net change is that change: nothing to work out.
        if changes < (2 if ending.startswith("net") else 1):
            continue
        for ops in _sequences(operations, changes):
            b = _Builder()
            start = total = b.fact("start")
            for k, op in enumerate(ops):
                given = b.fact(_CHANGES[op])
                total = b.step("last" if k == n_steps - 1 else "step", op, total, given)
            if ending == "net_up":
                b.step(ending, "-", total, start)
            elif ending == "net_down":
                b.step(ending, "-", start, total)
            elif ending != "last":
                other = b.fact("other")
                first, second = (other, total) if ending == "behind" else (total, other)
                b.step(ending, "+" if ending == "together" else "-", first, second)
            yield b.nodes


def _comparisons(n_steps: int, operations: str, endings: Sequence[str]) -> Iterator[list[Node]]:
    for ending in endings:
        derived = {"last": n_steps, "sum": n_steps - 1, "diff": n_steps - 1}.get(ending, 0)
        if ending == "sum_all" and n_steps % 2 == 0 and n_steps > 2:
            derived = n_steps // 2
        if derived < 1:
            continue
        for ops, fork in itertools.product(_sequences(operations, derived), (False, True)):
            # A fork hangs the last person on the last but two. Its two branches could be told in
            # either order; one order is enough, and keeps equal equations in one split.
            if fork and (derived < 2 or ending == "last" or ops[-2:] != tuple(sorted(ops[-2:]))):
                continue
            b = _Builder()
            people = [b.fact("base")]
            for k, op in enumerate(ops):
                parent = people[-2] if fork and k == derived - 1 else people[-1]
                people.append(b.step("person", op, parent, b.fact(_RELATIONS[op])))
            if ending == "last":
                yield b.nodes
            elif ending == "sum_all":
                total = people[0]
                for person in people[1:]:
                    total = b.step("sum", "+", total, person)
                yield b.nodes
            else:
                yield from _pairs(b.nodes, people, ending, fork)


def _pairs(nodes: list[Node], people: list[int], ending: str, fork: bool) -> Iterator[list[Node]]:
    """Ends a comparison with a sum or a difference of the last person and an earlier one."""
    last = people[-1]
    # Without a fork, the difference to the person before is the fact that was just told.
    earlier = people[-2:-1] if fork else people[: -2 if ending == "diff" else -1]
    for other in earlier:
        if ending == "sum":
            yield [*nodes, Node("sum", "+", other, last)]
        else:
            yield [*nodes, Node("diff", "-", other, last)]
            yield [*nodes, Node("diff", "-", last, other)]


def _groups(n_steps: int, operations: str, endings: Sequence[str]) -> Iterator[list[Node]]:
    for groups, ending in itertools.product((1, 2, 3), endings):
        if "*" not in operations or ending not in ("last", "change", "share", "diff"):
            continue
        tail = n_steps - groups - (groups - 1) - (ending in ("change", "share"))
        if (ending == "diff" and (groups != 2 or tail)) or not 0 <= tail <= 3:
            continue
        for ops in _sequences("".join(op for op in operations if op in "+-"), tail):
            b = _Builder()
            products = []
            for _ in range(groups):
                products.append(b.step("product", "*", b.fact("count"), b.fact("each")))
            total = products[0]
            if ending == "diff":
                b.step("diff", "-", *products)
                products = []
            for product in products[1:]:
                total = b.step("sum", "+", total, product)
            for k, op in enumerate(ops):
                role = "last" if ending == "last" and k == tail - 1 else "step"
                total = b.step(role, op, total, b.fact({"+": "extra", "-": "less"}[op]))
            if ending == "change":
                b.step("change", "-", b.fact("paid"), total)
            elif ending == "share":
                b.step("share", "/", total, b.fact("share"))
            yield b.nodes


def _sequences(operations: str, length: int) -> Iterator[tuple[str, ...]]:
    for ops in itertools.product(operations, repeat=length):
        if all(ops.count(op) <= most for op, most in _MOST.items()):
            yield ops


def fill(skeleton: Skeleton, rng: random.Random, max_value: int) -> Plan | None:
    """Draws the numbers of a skeleton.

    Args:
      skeleton: what depends on what.
      rng: consumed; the same state gives the same plan.
      max_value: every value, given or derived, is at least 1 and below this.

    Returns:
      A plan, or None where the draw ran into a bound or found no exact division: draw again.
    """
    top, draw = max_value - 1, rng.random
    values = [0] * len(skeleton.nodes)  # 0: not drawn yet, for no value is 0
    for i, op, left, right, product, divisor, turns in skeleton.moves:
        a, b = values[left], values[right]
        limit = top // divisor
        if not a and not b:  # the first operand has nothing to depend on
            high = min(12, limit // 2) if product else limit // _FIRST[op]
            # Subtracting again and again from little would crowd the answers at 1.
            low = 2 + (limit * (turns - 1) // 6 if op == "-" else 0)
            if high < low:
                return None
            a = values[left] = low + int(draw() * (high - low + 1))
        if not a:
            low, high = b + 1, top
            if high < low:
                return None
            a = values[left] = low + int(draw() * (high - low + 1))
        elif not b:
            low, high = 1, 0
            if op == "+":
                high = max(1, 2 * (limit - a) // (turns + 1)) if a < limit else 0
            elif op == "-":
                high = max(1, 2 * (a - 1) // (turns + 1)) if a > 1 else 0
            elif op == "*":
                # A price or a speed may be large, "7 times as many" is about what a story bears.
                low, high = 2, min(99 if product else 9, limit // a)
            else:
                divisors = [d for d in range(2, 11) if a % d == 0 and d < a]
                if divisors:
                    low = high = divisors[int(draw() * len(divisors))]
            if high < low:
                return None
            b = values[right] = low + int(draw() * (high - low + 1))
        if op == "+":
            value = a + b
        elif op == "-":
            value = a - b
        else:
            value = a * b if op == "*" else a // b
        if not 0 < value <= top:
            return None
        values[i] = value
    return Plan(skeleton, tuple(values))


# A first operand that is going to grow starts in the lower part of the range.
_FIRST = {"+": 2, "-": 1, "*": 3, "/": 1}
