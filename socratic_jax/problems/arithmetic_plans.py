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

Splits are cut along equations, not along texts: `signature` names the equations of a plan, `bucket`
hashes the signature, and `is_reserved` keeps some sequences of operations for `test_ood`.
"""

import dataclasses
import functools
import hashlib
import itertools
import random
from collections.abc import Iterator, Sequence

FAMILIES = ("chain", "compare", "groups")
OPERATIONS = "+-*/"
ENDINGS = (
    "last", "together", "ahead", "behind", "net_up", "net_down", "change",
    "sum", "sum_all", "diff", "share",
)  # fmt: skip
BUCKETS = 20
# At most this many of one operation in a skeleton: more of them cannot stay below max_value.
_MOST = {"*": 2, "/": 2}


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A quantity: given in the text (`op` is "") or one operation on two earlier nodes.

    Attributes:
      role: of a given node, which sentence tells it ("start", "gain", ...); of a derived node, which
        question asks for it ("step", "last", "sum", ...).
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
    def budgets(self) -> dict[int, tuple[int, int]]:
        """For each derived node (divisor of the room left, steps of the same kind still to come).

        Numbers are drawn from left to right; without these two the first sums would take all the
        room below max_value and nearly every draw would be thrown away.
        """
        budgets = {}
        for k, i in enumerate(self.steps):
            later = [self.nodes[j] for j in self.steps[k + 1 :]]
            given = [self.nodes[node.right].op == "" for node in later]
            growing = sum(
                node.op == "*" and node.role != "product" and fact
                for node, fact in zip(later, given, strict=True)
            )
            joins = sum(
                node.op == "+" and not fact for node, fact in zip(later, given, strict=True)
            )
            op = self.nodes[i].op
            same = sum(
                node.op == op and fact for node, fact in zip(later, given, strict=True)
            )
            budgets[i] = (3**growing * (1 + joins), 1 + same)
        return budgets


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
        used = skeleton.operations
        if set(used) <= set(operations) and all(used.count(op) <= _MOST[op] for op in "/"):
            yield skeleton


_CHANGES = {"+": "gain", "-": "loss", "*": "times", "/": "part"}
_RELATIONS = {"+": "more", "-": "fewer", "*": "times", "/": "part"}


def _chains(n_steps: int, operations: str, endings: Sequence[str]) -> Iterator[list[Node]]:
    for ending in endings:
        if ending not in ("last", "together", "ahead", "behind", "net_up", "net_down", "change"):
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
                other = b.fact("paid" if ending == "change" else "other")
                first, second = (other, total) if ending in ("behind", "change") else (total, other)
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
            products = [
                b.step("product", "*", b.fact("count"), b.fact("each")) for _ in range(groups)
            ]
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
    nodes, top, draw = skeleton.nodes, max_value - 1, rng.random
    values = [0] * len(nodes)  # 0: not drawn yet, for no value is 0
    for i, (divisor, turns) in skeleton.budgets.items():
        node = nodes[i]
        op, left, right = node.op, values[node.left], values[node.right]
        limit = top // divisor
        if not left and not right:  # the first operand has nothing to depend on
            high = min(12, limit // 2) if node.role == "product" else limit // _FIRST[op]
            if high < 2:
                return None
            left = values[node.left] = 2 + int(draw() * (high - 1))
        low, high = 1, 0
        if not left:
            low, high = right + 1, top
        elif not right and op == "+":
            high = max(1, 2 * (limit - left) // (turns + 1)) if left < limit else 0
        elif not right and op == "-":
            high = max(1, 2 * (left - 1) // (turns + 1)) if left > 1 else 0
        elif not right and op == "*":
            # A price or a speed may be large, "7 times as many" is about what a story bears.
            low, high = 2, min(99 if node.role == "product" else 9, limit // left)
        elif not right:
            divisors = [d for d in range(2, 11) if left % d == 0 and d < left]
            if divisors:
                low = high = divisors[int(draw() * len(divisors))]
        if not left or not right:
            if high < low:
                return None
            given = low + int(draw() * (high - low + 1))
            if left:
                right = values[node.right] = given
            else:
                left = values[node.left] = given
        value = _apply(op, left, right)
        if not 0 < value <= top:
            return None
        values[i] = value
    return Plan(skeleton, tuple(values))


# A first operand that is going to grow starts in the lower part of the range.
_FIRST = {"+": 2, "-": 1, "*": 3, "/": 1}


def _apply(op: str, left: int, right: int) -> int:
    if op == "+":
        return left + right
    if op == "-":
        return left - right
    return left * right if op == "*" else left // right


def signature(equations: Sequence[str]) -> str:
    """The canonical text of equations; plans of different splits never share it.

    Operands of + and * are sorted, and so are neighbouring equations of one operation, so that the
    same work written down in another order has the same signature. The sequence of operations can
    still be read off it, which keeps `is_reserved` a function of the signature.

    Args:
      equations: in solving order, such as ["12+5=17", "17-3=14"].
    """
    parts: list[list[str]] = []
    previous = ""
    for text in equations:
        op = next(op for op in OPERATIONS if op in text)
        if op in "+*":
            formula, _, result = text.partition("=")
            left, _, right = formula.partition(op)
            if int(left) > int(right):
                text = f"{right}{op}{left}={result}"
        if op == previous:
            parts[-1].append(text)
        else:
            parts.append([text])
        previous = op
    return ";".join(";".join(sorted(part)) for part in parts)


def bucket(text: str) -> int:
    """The bucket of a signature, 0 to `BUCKETS` - 1; the same in every process and version."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) % BUCKETS


@functools.cache
def is_reserved(operations: str) -> bool:
    """Whether a sequence of operations such as "+-+" is kept for `test_ood`: about a quarter are.

    The salt was picked so that among the sequences of every length, also of + and - alone, some are
    reserved, with both of them as last operation, and most are not.
    """
    digest = hashlib.blake2b(operations.encode(), digest_size=8, salt=b"shape3194").digest()
    return int.from_bytes(digest) % 4 == 0
