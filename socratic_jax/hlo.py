"""Reads what a compiled program communicates, from the compiler's text."""

import collections
import dataclasses
import math
import re
from collections.abc import Mapping

BYTES = {
    "pred": 1, "s8": 1, "u8": 1, "f8e4m3fn": 1, "f8e5m2": 1, "s16": 2, "u16": 2, "bf16": 2, "f16": 2,
    "s32": 4, "u32": 4, "f32": 4, "s64": 8, "u64": 8, "f64": 8,
}  # fmt: skip
KINDS = ("all-gather", "reduce-scatter", "all-reduce", "all-to-all", "collective-permute")

_COMPUTATION = re.compile(r"^(?:ENTRY )?%?([\w.\-]+) .*\{$")
_OP = re.compile(rf"= (.*?) ({'|'.join(KINDS)})(-start)?\(")
# Between slices TPUs hand arrays to their hosts, which communicate.
_SEND = re.compile(
    r"= (.*?) send\(.*_xla_megascale_target=\"\{([\d,:]+)\}x.*_xla_megascale_transfer_type=\"(\w+)\""
)
_CALL = re.compile(r"(?:calls|body|condition|to_apply|called_computations)=\{?%?([\w.\-]+)")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_SHAPE = re.compile(r"\b([a-z]\w*)\[([\d,]*)\]")
_LIMIT = re.compile(r"%([\w.\-]+) = [su]32\[\]\S* constant\((\d+)\)")
_COMPARE = re.compile(r"ROOT .* compare\(%[\w.\-]+, %([\w.\-]+)\), direction=LT")
_GROUPS = re.compile(r"replica_groups=(?:\[\d+,(\d+)\]|\{\{([\d,]+)\})")
_MESH_GROUPS = re.compile(r"replica_groups=mesh\[([^\]]*)\]\s*\{([^}]*)\}")
_PAIRS = re.compile(r"source_target_pairs=\{(\{[\d,{}]+\})\}")


@dataclasses.dataclass(frozen=True)
class Collective:
    """All collectives of one kind over groups of one size.

    Attributes:
      kind: one of `KINDS`.
      group: devices that take part together; between slices, slices.
      count: how often it runs, loops multiplied out.
      bytes: that pass through one device's links, summed over the runs: (n - 1) / n of the gathered or
        the scattered array, twice that for an all-reduce, all of what is permuted.
      largest: bytes of the largest array among them.
      between_slices: they go over the network of the data centre, not over links.
    """

    kind: str
    group: int
    count: int
    bytes: float
    largest: int
    between_slices: bool = False


def collectives(text: str, n_devices: int) -> list[Collective]:
    """The collectives of a program, largest first.

    A loop without a trip count that the compiler knows counts once.

    Args:
      text: `compiled.as_text()`.
      n_devices: of the program; the group of an operation that names none.
    """
    bodies = _bodies(text)
    runs = _runs(bodies, text)
    found: dict[tuple[str, int, bool], list[float]] = collections.defaultdict(lambda: [0, 0.0, 0])

    def add(kind: str, group: int, size: int, times: int, between_slices: bool = False) -> None:
        share = {"all-reduce": 2 * (group - 1) / group, "collective-permute": 1.0}
        entry = found[kind, group, between_slices]
        entry[0] += times
        entry[1] += times * size * share.get(kind, (group - 1) / group)
        entry[2] = max(entry[2], size)

    for name, lines in bodies.items():
        for line in lines:
            match, sent = _OP.search(line), _SEND.search(line)
            if sent and runs[name]:
                kind, group = sent[3].lower().replace("_", "-"), _count(sent[2])
                # A device sends its part of what is gathered.
                size = max(_sizes(sent[1])) * (group if kind == "all-gather" else 1)
                add(kind, group, size, runs[name], between_slices=True)
            if not match or not runs[name]:
                continue
            kind, group = match[2], _group(line, n_devices)
            sizes = _sizes(match[1])
            # TPUs write a reduce-scatter as a fusion of an all-reduce and a slice.
            if kind == "all-reduce" and "reduce-scatter" in name:
                kind, size = "reduce-scatter", sum(sizes)
            elif kind == "reduce-scatter":
                size = (min(sizes) if match[3] else sum(sizes)) * group
            elif match[3] and kind != "all-reduce":
                # An asynchronous start carries its operands too.
                size = max(sizes)
            else:
                size = sum(sizes)
            add(kind, group, size, runs[name])
    result = [
        Collective(kind, group, int(n), b, int(big), between_slices)
        for (kind, group, between_slices), (n, b, big) in found.items()
        if group > 1
    ]
    return sorted(result, key=lambda c: -c.bytes)


def _count(numbers: str) -> int:
    """How many there are in "1,2" or "1:4"."""
    ranges = [list(map(int, part.split(":"))) for part in numbers.split(",")]
    return sum(ends[-1] - ends[0] + 1 for ends in ranges)


def _bodies(text: str) -> dict[str, list[str]]:
    bodies, name = {}, None
    for line in text.splitlines():
        match = _COMPUTATION.match(line)
        if match and "=" not in line.split("(")[0]:
            name = match[1]
            bodies[name] = []
        elif line == "}":  # Kernels have attributes of several lines, some of which begin like that.
            name = None
        elif name is not None:
            bodies[name].append(line)
    return bodies


def _runs(bodies: Mapping[str, list[str]], text: str) -> dict[str, int]:
    """How often each computation runs."""
    entry = re.search(r"^ENTRY %?([\w.\-]+)", text, re.MULTILINE)
    runs = dict.fromkeys(bodies, 0)

    def visit(name: str, times: int) -> None:
        if name not in runs:
            return
        runs[name] += times
        for line in bodies[name]:
            trips = _trips(line, bodies)
            for called in _CALL.findall(line):
                visit(called, times * trips)

    if entry:
        visit(entry[1], 1)
    return runs


def _trips(line: str, bodies: Mapping[str, list[str]]) -> int:
    """How often a loop runs: as the compiler says, or the constant that its counter is compared with."""
    stated = _TRIPS.search(line)
    if stated:
        return int(stated[1])
    condition = re.search(r" while\(.*condition=%?([\w.\-]+)", line)
    if not condition:
        return 1
    text = "\n".join(bodies.get(condition[1], ()))
    limits, compared = dict(_LIMIT.findall(text)), _COMPARE.search(text)
    return int(limits.get(compared[1], 1)) if compared else 1


def _sizes(shapes: str) -> list[int]:
    sizes = []
    for dtype, dims in _SHAPE.findall(shapes):
        if dtype in BYTES:
            size = BYTES[dtype]
            for dim in filter(None, dims.split(",")):
                size *= int(dim)
            sizes.append(size)
    return sizes or [0]


def _group(line: str, n_devices: int) -> int:
    pairs, groups, mesh = _PAIRS.search(line), _GROUPS.search(line), _MESH_GROUPS.search(line)
    if pairs:
        return pairs[1].count("{")
    if groups:
        return int(groups[1]) if groups[1] else groups[2].count(",") + 1
    if mesh:
        axes = dict(re.findall(r"'(\w+)'=(\d+)", mesh[1]))
        return math.prod(int(axes[name]) for name in re.findall(r"'(\w+)'", mesh[2]))
    return n_devices
