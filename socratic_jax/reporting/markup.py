"""Result tables for other programs and for papers: CSV, Markdown and LaTeX (booktabs)."""

import csv
import dataclasses
import io
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from socratic_jax.evaluation.results import Result
from socratic_jax.reporting.scores import Scores
from socratic_jax.reporting.summary import QuestionsRow, Row
from socratic_jax.reporting.tables import label
from socratic_jax.reporting.when import Gain

_OfSuite = TypeVar("_OfSuite", Row, Gain)
_WAY = "The operations are those of the solutions: whoever takes the gold ones is also likelier to be right."
_LATEX = {c: "\\" + c for c in "&%$#_{}"}
_LATEX |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def cells_csv(labels: Sequence[str], scores: Sequence[Scores]) -> str:
    """A line for every run, suite and strategy: its result, its condition, and the file it is from."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [field.name for field in dataclasses.fields(Result)]
    extra = [i for i, name in enumerate(labels) if name not in names]
    writer.writerow(["run", *(labels[i] for i in extra), *names, "file"])
    for s in scores:
        values = [getattr(s.result, name) for name in names]
        shown = [f"{v:.6f}" if isinstance(v, float) else v for v in values]
        writer.writerow([s.cell, *(s.condition[i] for i in extra), *shown, s.file])
    return out.getvalue()


def rows_csv(labels: Sequence[str], rows: Sequence[Any], kind: type) -> str:
    """A line for every row of a dataclass; its `condition` is first, a column for each field of the study."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [field.name for field in dataclasses.fields(kind) if field.name != "condition"]
    writer.writerow([*labels, *names])
    for row in rows:
        values = [getattr(row, name) for name in names]
        shown = [" ".join(map(str, v)) if isinstance(v, tuple) else v for v in values]
        writer.writerow([*row.condition, *(f"{v:.6f}" if isinstance(v, float) else v for v in shown)])
    return out.getvalue()


@dataclasses.dataclass(frozen=True)
class Table:
    """What Markdown and LaTeX have in common.

    Attributes:
      texts: how many of the columns are texts, which stand on the left.
      rows: the cells; where the first `key` of them change, a new group begins.
    """

    title: str
    caption: str
    head: list[str]
    texts: int
    rows: list[list[str]]
    key: int


def markdown(
    labels: Sequence[str], rows: Sequence[Row], gains: Sequence[Gain] = (), others: Sequence[Table] = ()
) -> str:
    """Tables for each suite: accuracies, and what questions gain over a chain of steps; then others."""
    text = []
    for table in [*_results(labels, rows), *_gains(labels, gains), *others]:
        rule = ["---"] * table.texts + ["---:"] * (len(table.head) - table.texts)
        text += [f"### {table.title}", "", _line(table.head), _line(rule)]
        text += [_line([cell.replace("|", "\\|") for cell in row]) for row in table.rows]
        text += ["", table.caption, ""]
    return "\n".join(text)


def latex(
    labels: Sequence[str], rows: Sequence[Row], gains: Sequence[Gain] = (), others: Sequence[Table] = ()
) -> str:
    """The same; needs the package booktabs."""
    text = ["% \\usepackage{booktabs}"]
    for table in [*_results(labels, rows), *_gains(labels, gains), *others]:
        columns = "l" * table.texts + "r" * (len(table.head) - table.texts)
        text += [
            "\\begin{table}",
            "  \\centering",
            f"  \\caption{{{_escaped(f'{table.title}. {table.caption}')}}}",
            f"  \\begin{{tabular}}{{{columns}}}",
            "    \\toprule",
            f"    {' & '.join(map(_escaped, table.head))} \\\\",
        ]
        before = None
        for row in table.rows:
            if row[: table.key] != before:
                text.append("    \\midrule")
                before = row[: table.key]
            text.append(f"    {' & '.join(map(_escaped, row))} \\\\")
        text += ["    \\bottomrule", "  \\end{tabular}", "\\end{table}", ""]
    return "\n".join(text)


def questions(labels: Sequence[str], rows: Sequence[QuestionsRow]) -> Table:
    """All rows of the questions against the gold ones."""
    head = ["BLEU", "questions", "gold", "same number, %", "same operations, %", "seeds", "problems"]
    cells = [
        [
            *row.condition,
            row.suite,
            label(row.strategy, row.oracle),
            _ranged(row, "bleu"),
            _ranged(row, "questions"),
            f"{row.gold_questions:.1f}",
            _ranged(row, "same_number", 100),
            _ranged(row, "same_operations", 100),
            str(len(row.seeds)),
            f"{row.n:,}",
        ]
        for row in rows
    ]
    caption = f"Means over seeds, with the least and the most of one. {_WAY}"
    return Table(
        "Questions against the gold ones",
        caption,
        [*labels, "suite", "strategy", *head],
        len(labels) + 2,
        cells,
        len(labels) + 1,
    )


def _ranged(row: QuestionsRow, name: str, scale: int = 1) -> str:
    mean, low, high = (getattr(row, name + end) for end in ("", "_low", "_high"))
    if mean is None:
        return ""
    spread = f" ({scale * low:.1f} – {scale * high:.1f})" if len(row.seeds) > 1 else ""
    return f"{scale * mean:.1f}{spread}"


def _results(labels: Sequence[str], rows: Sequence[Row]) -> list[Table]:
    head = [*labels, "strategy", "accuracy, %", "95 % interval", "seeds", "problems"]
    return [
        Table(suite, _caption(shown), head, len(labels) + 1, [_cells(row) for row in shown], len(labels))
        for suite, shown in _by_suite(rows)
    ]


def _gains(labels: Sequence[str], gains: Sequence[Gain]) -> list[Table]:
    """A table for each suite and each thing that problems are told apart by."""
    tables = []
    for suite, of_suite in _by_suite(gains):
        for by in dict.fromkeys(gain.by for gain in of_suite):
            head = [*labels, "Socratic – chain", by, "gain, points", "95 % interval", "seeds × problems"]
            rows = [
                [
                    *gain.condition,
                    f"{gain.socratic} – {gain.chain}",
                    gain.bin,
                    f"{100 * gain.gain:+.1f}",
                    f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}",
                    f"{gain.n:,}",
                ]
                for gain in of_suite
                if gain.by == by
            ]
            title = f"{suite}, gain of Socratic by {by}" if by != "all" else f"{suite}, gain of Socratic"
            caption = "Difference of accuracies on the same problems; the paired bootstrap's intervals."
            caption += f" {_WAY}" * (by == "questions")
            tables.append(Table(title, caption, head, len(labels) + 2, rows, len(labels) + 1))
    return tables


def _by_suite(rows: Sequence[_OfSuite]) -> list[tuple[str, list[_OfSuite]]]:
    suites = dict.fromkeys(row.suite for row in rows)
    return [(suite, [row for row in rows if row.suite == suite]) for suite in suites]


def _cells(row: Row) -> list[str]:
    return [
        *row.condition,
        label(row.strategy, row.oracle),
        f"{100 * row.accuracy:.1f}",
        f"{100 * row.low:.1f} – {100 * row.high:.1f}",
        str(len(row.seeds)),
        f"{row.n:,}",
    ]


def _caption(rows: Sequence[Row]) -> str:
    if max(len(row.seeds) for row in rows) > 1:
        return (
            "Means over seeds; the intervals are the bootstrap's, with Student's t, over seeds and problems."
        )
    return "One seed; the intervals are Wilson's, over problems."


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    text = re.sub(r"[&%$#_{}\\~^]", lambda match: _LATEX[match[0]], text)
    return text.replace(" – ", "--").replace("–", "--")
