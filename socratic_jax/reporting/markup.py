"""Result tables for other programs and for papers: CSV, Markdown and LaTeX (booktabs)."""

import csv
import dataclasses
import io
import re
from collections.abc import Sequence

from socratic_jax.evaluation.results import Result
from socratic_jax.reporting.scores import Scores
from socratic_jax.reporting.summary import Row
from socratic_jax.reporting.tables import label

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


def markdown(labels: Sequence[str], rows: Sequence[Row]) -> str:
    """A table for each suite."""
    text = []
    for suite, shown in _by_suite(rows):
        head = [*labels, "strategy", "accuracy, %", "95 % interval", "seeds", "problems"]
        text += [f"### {suite}", "", line(head), line(["---"] * (len(labels) + 1) + ["---:"] * 4)]
        text += [line([cell.replace("|", "\\|") for cell in _cells(row)]) for row in shown]
        text.append("")
    return "\n".join([*text, _caption(rows), ""])


def latex(labels: Sequence[str], rows: Sequence[Row]) -> str:
    """A table for each suite; needs the package booktabs."""
    text = ["% \\usepackage{booktabs}"]
    for suite, shown in _by_suite(rows):
        head = [*labels, "strategy", "accuracy, %", "95 % interval", "seeds", "problems"]
        text += [
            "\\begin{table}",
            "  \\centering",
            f"  \\caption{{{escaped(f'{suite}. {_caption(shown)}')}}}",
            f"  \\begin{{tabular}}{{{'l' * (len(labels) + 1)}rrrr}}",
            "    \\toprule",
            f"    {' & '.join(map(escaped, head))} \\\\",
        ]
        before = None
        for row in shown:
            if row.condition != before:
                text.append("    \\midrule")
                before = row.condition
            text.append(f"    {' & '.join(map(escaped, _cells(row)))} \\\\")
        text += ["    \\bottomrule", "  \\end{tabular}", "\\end{table}", ""]
    return "\n".join(text)


def _by_suite(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    suites = dict.fromkeys(row.suite for row in rows)
    return [(suite, [row for row in rows if row.suite == suite]) for suite in suites]


def _cells(row: Row) -> list[str]:
    return [
        *row.condition,
        label(row.strategy, row.oracle),
        f"{100 * row.accuracy:.1f}",
        f"{100 * row.low:.1f} – {100 * row.high:.1f}",
        str(len(row.seeds) or ""),
        f"{row.n:,}",
    ]


def _caption(rows: Sequence[Row]) -> str:
    if max(len(row.seeds) for row in rows) > 1:
        return "Means over seeds; the intervals are the bootstrap's over seeds and problems."
    return "One seed; the intervals are Wilson's, over problems."


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    text = re.sub(r"[&%$#_{}\\~^]", lambda match: _LATEX[match[0]], text)
    return text.replace(" – ", "--").replace("–", "--")
