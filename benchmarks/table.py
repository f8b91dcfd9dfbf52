"""What was measured, as a page."""

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measures import Measure

PAGE = Path(__file__).parent / "page.md"


def machine() -> str:
    """What it was measured on."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
        name = models[0] if models else name
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def page(measures: Sequence[Measure], records: dict[str, dict]) -> str:
    """docs/benchmarks.md: the text of page.md with the tables in it."""
    done = [m for m in measures if m.name in records]
    machines = sorted({records[m.name]["machine"] for m in done})
    speed = [
        "| measure | contender | median (range) | ours / theirs (range) | goal |",
        "|---|---|--:|--:|--:|",
    ]
    memory = ["| measure | contender | highest memory, GB | ours / theirs | goal |", "|---|---|--:|--:|--:|"]
    for m in done:
        speed += _rows(m, records[m.name])
        memory += _memory(m, records[m.name]) if m.name.startswith("train ") else []
    shown = {"machine": "; ".join(machines), "speed": "\n".join(speed), "memory": "\n".join(memory)}
    text = PAGE.read_text()
    for name, value in shown.items():
        text = text.replace("{" + name + "}", value)
    return text


def lines(m: Measure, record: dict) -> list[str]:
    """The same for a terminal."""
    return [row.replace("|", " ").replace("  ", " ").strip() for row in _rows(m, record)]


def ratio(m: Measure, record: dict, other: str) -> tuple[float, float, float]:
    """Ours over theirs: of the medians, and the smallest and the largest of a round."""
    ours, theirs = (record["contenders"][name]["rates"] for name in (m.contenders[0].name, other))
    rounds = [a / b for a, b in zip(ours, theirs, strict=True)]
    return statistics.median(ours) / statistics.median(theirs), min(rounds), max(rounds)


def _rows(m: Measure, record: dict) -> list[str]:
    rows = []
    for k, (name, done) in enumerate(record["contenders"].items()):
        values = [1 / r for r in done["rates"]] if m.seconds else done["rates"]
        unit = m.unit if m.seconds else f"{m.unit}/s"
        scale, prefix = next((s, p) for s, p in ((1e9, "G"), (1, "")) if max(values) >= s or s == 1)
        shown = [_number(v / scale) for v in (statistics.median(values), min(values), max(values))]
        cells = [m.name if k == 0 else "", name, f"{shown[0]} ({shown[1]} to {shown[2]}) {prefix}{unit}"]
        if k:
            middle, least, most = ratio(m, record, name)
            goal = m.goals.get(name)
            cells.append(f"**{middle:.2f}** ({least:.2f} to {most:.2f})")
            cells.append("" if goal is None else f"{goal:.2f} {'met' if middle >= goal else 'missed'}")
        else:
            cells += ["", ""]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def _memory(m: Measure, record: dict) -> list[str]:
    ours = record["contenders"][m.contenders[0].name]["memory"]
    rows = []
    for k, (name, done) in enumerate(record["contenders"].items()):
        cells = [m.name if k == 0 else "", name, f"{done['memory'] / 1e9:.2f}"]
        part = ours / done["memory"]
        cells += [f"**{part:.2f}**", f"0.80 {'met' if part <= 0.8 else 'missed'}"] if k else ["", ""]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def _number(x: float) -> str:
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"
