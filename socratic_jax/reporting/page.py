"""report.html: a study as one file that needs no network, to look at and to read dialogues in."""

import dataclasses
import html
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from etils import epath

from socratic_jax.accounting import by_phase, goodput
from socratic_jax.evaluation.baselines import is_baseline
from socratic_jax.problems import jsonl
from socratic_jax.reporting.costs import teacher_costs
from socratic_jax.reporting.dialogues import block, first
from socratic_jax.reporting.scores import Scores, order
from socratic_jax.reporting.study import NO_AMOUNT, Cell, Study, strategy_of
from socratic_jax.reporting.summary import Summary

ASSETS = Path(__file__).with_name("assets")
SCRIPTS = (
    "dom.js",
    "charts.js",
    "results.js",
    "questions.js",
    "when.js",
    "causes.js",
    "robustness.js",
    "runs.js",
    "dialogue.js",
    "browser.js",
    "main.js",
)
MOST_POINTS = 200  # Of a curve; the file has all of them.


def write(
    file: epath.PathLike,
    study: Study,
    scores: Sequence[Scores],
    summary: Summary,
    dialogues: int | None = None,
    **sections: Any,
) -> None:
    """Writes the page; see build."""
    jsonl.write_text(file, build(study, scores, summary, dialogues, **sections))


def build(
    study: Study, scores: Sequence[Scores], summary: Summary, dialogues: int | None = None, **sections: Any
) -> str:
    """The page as text.

    Args:
      dialogues: of every predictions file, so many can be read on the page, by default all; of 0 it has no
        text of a problem.
      sections: what else is shown, by name: a dataclass or several, for a script of its own.
    """
    blocks: dict[str, str] = {}
    data = payload(study, scores, summary, blocks, dialogues)
    for name, value in sections.items():
        several = isinstance(value, Sequence)
        data[name] = [dataclasses.asdict(row) for row in value] if several else dataclasses.asdict(value)
    parts = {
        "title": html.escape(data["title"]),
        "style": (ASSETS / "page.css").read_text(encoding="utf-8"),
        "script": "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS),
        "data": _in_script(data),
        # Base64 has no character that HTML knows.
        "blocks": "\n".join(
            f'<script type="text/plain" id="{name}">{text}</script>' for name, text in blocks.items()
        ),
    }
    page = (ASSETS / "page.html").read_text(encoding="utf-8")
    # Split first, so that nothing that is put in is looked at again.
    pieces = [parts.get(piece, piece) for piece in page.split("%%")]
    return "".join(pieces)


def payload(
    study: Study, scores: Sequence[Scores], summary: Summary, blocks: dict[str, str], dialogues: int | None
) -> dict[str, Any]:
    """Everything that the page shows. Long texts go to `blocks`, by name, and the page unpacks them later."""
    # A journal that cells share is counted once.
    payers = {str(cell.journal): cell.name for cell in reversed(study.cells)}
    places = {cell.name: i for i, cell in enumerate(study.cells)}
    problems = {s.digest: s.problems for s in reversed(scores)}
    written = [s for s in scores if s.dialogues and dialogues != 0]
    for digest, texts in problems.items() if written else ():
        blocks[f"problems-{digest}"] = block([dataclasses.asdict(problem) for problem in texts[:dialogues]])
    for i, s in enumerate(written):
        blocks[f"dialogues-{i}"] = s.dialogues if dialogues is None else first(s.dialogues, dialogues)
    taught = [name for cell in study.cells for name in cell.config["strategies"]]
    names = sorted([*(row.strategy for row in summary.rows), *taught], key=order)
    return {
        "title": study.path.name,
        "fields": study.labels,
        "strategies": {name: _strategy(name) for name in dict.fromkeys(names)},
        "axes": axes(study),
        "rows": [dataclasses.asdict(row) for row in summary.rows],
        "steps": [dataclasses.asdict(row) for row in summary.steps],
        "pairs": [dataclasses.asdict(pair) for pair in summary.pairs],
        "questions": [dataclasses.asdict(row) for row in summary.questions],
        "cells": [_cell(study, cell, pays=payers[str(cell.journal)] == cell.name) for cell in study.cells],
        "curves": [
            {
                "cell": places[cell.name],
                "student": name,
                "file": _file(cell, f"students/{name}/metrics.jsonl"),
            }
            | {"values": _curve(records)}
            for cell in study.cells
            for name, records in cell.curves.items()
        ],
        "funnels": _funnels(study),
        "dialogues": [
            {
                "cell": places[s.cell],
                "suite": s.suite,
                "strategy": s.strategy,
                "file": s.file,
                "problems": s.digest,
                "correct": "".join("01"[int(c)] for c in s.correct_N[:dialogues]),
            }
            for s in written
        ],
        "kept": dialogues,
    }


def _in_script(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _strategy(name: str) -> dict[str, Any]:
    """Who says what in a strategy's dialogues, by the first letter of the role."""
    known = strategy_of(name)
    if known is None:
        return {"oracle": False, "speakers": {}, "baseline": is_baseline(name)}
    speakers = {role.name[0].lower(): part.name for part in known.cast for role in part.speaks}
    given = {role.name[0].lower(): "gold" for role in known.given if role.name != "PROBLEM"}
    return {"oracle": known.oracle, "speakers": {**speakers, **given}, "baseline": is_baseline(name)}


def axes(study: Study) -> list[dict[str, Any]]:
    """The fields that accuracy can be plotted over."""
    return [axis for i in range(len(study.fields)) if (axis := _axis(study, i))]


def _axis(study: Study, place: int) -> dict[str, Any] | None:
    """The field as a scale to plot over, if its values have an order; None if they have none."""
    field = study.fields[place]
    amounts = {study.condition(cell)[place]: study.amounts(cell)[place] for cell in study.cells}
    if len(amounts) < 2 or NO_AMOUNT in amounts.values():
        return None
    values = sorted(amounts, key=amounts.get)
    logarithmic = all(0 < amount < math.inf for amount in amounts.values())
    what = "size of the student (parameters without embeddings)" if field == "size" else study.labels[place]
    return {
        "field": place,
        "name": study.labels[place],
        "title": what.replace("train_limit", "training problems").replace("_", " "),
        "values": values,
        "amounts": [amounts[value] for value in values] if logarithmic else None,
    }


def _cell(study: Study, cell: Cell, pays: bool) -> dict[str, Any]:
    total = sum(attempt["total"] for attempt in cell.attempts)
    return {
        "name": cell.name,
        "condition": study.condition(cell),
        "seed": cell.seed,
        "attempts": len(cell.attempts),
        "total": total,
        "wasted": sum(attempt["wasted"] for attempt in cell.attempts),
        "goodput": goodput(cell.attempts),
        "phases": by_phase(cell.attempts),
        "file": _file(cell, "seconds.json"),
        "teachers": [dataclasses.asdict(cost) for cost in (teacher_costs(cell) if pays else ())],
        "journal": study.relative(cell.journal),
        "asked_for": cell.name if cell.journal.is_relative_to(cell.path) else "all runs",
    }


def _file(cell: Cell, name: str) -> str:
    return name if cell.name == "." else f"{cell.name}/{name}"


def _curve(records: Sequence[Mapping[str, Any]]) -> dict[str, list[list[float]]]:
    """Metric -> [step, value] points, thinned out evenly where there are many."""
    metrics: dict[str, list[list[float]]] = {}
    for record in records:
        for name, value in record.items():
            if name != "step" and math.isfinite(value):  # JSON has no NaN.
                metrics.setdefault(name, []).append([record["step"], float(f"{value:.5g}")])
    return {name: points[:: -(-len(points) // MOST_POINTS)] for name, points in metrics.items()}


def _funnels(study: Study) -> list[dict[str, Any]]:
    """Funnels of teachers; those of runs that share their annotations are one."""
    found: dict[str, dict[str, Any]] = {}
    for cell in study.cells:
        for title, (file, funnel) in cell.funnels.items():
            shown = {**funnel.to_dict(), "title": title, "rows": funnel.rows()}
            same = found.setdefault(json.dumps(shown, sort_keys=True), {**shown, "files": []})
            same["files"].append(study.relative(file))
    return list(found.values())
