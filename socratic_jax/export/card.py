"""The model card of an exported cast: every figure in it is read from the run."""

import csv
import json

from ml_collections import ConfigDict

from socratic_jax.problems.sources import SOURCES
from socratic_jax.run import Run
from socratic_jax.teachers import gold
from socratic_jax.transcripts.strategies import STRATEGIES, Strategy


def card(run: Run, s: Strategy, license: str = "") -> str:
    """Markdown with the header that the hub reads."""
    c = run.config
    base = c.student.weights
    header = ["---", "language: en", "library_name: transformers", "pipeline_tag: text-generation"]
    header += [f"license: {json.dumps(license)}"] * bool(license)
    header += [f"base_model: {json.dumps(base)}"] * bool(base)
    header += ["tags: [socratic_jax, reasoning, distillation]", "---"]
    parts = ", ".join(f"`{name}/`" for name in s.students)
    grown = f"fine-tuned from {base}" if base else f"trained from scratch ({c.student.size})"
    sections = [
        "\n".join(header),
        f"# {s.name}: students that reason in steps",
        f"GPT-2 students, {grown}: {parts}. They read a problem and write a dialogue of turns. A marker "
        "token such as `<|question|>` opens a turn and `<|end|>` closes it; `strategy.json` says who writes "
        "which.",
        "    pip install torch transformers\n"
        '    python dialogue.py "Ann has 3 pens and buys 4. How many pens has she?"',
        f"## Measured\n\n{_measured(run, s)}",
        f"## Training data\n\n{_data(run, s)}",
        "## Limits\n\nA student of this size is right about problems like those it was trained on, as far as "
        "the table says, and about little else. Nothing checks its steps and its arithmetic when it is used.",
        f"## Configuration\n\n```json\n{json.dumps(json.loads(c.to_json_best_effort()), indent=2)}\n```",
    ]
    return "\n\n".join(sections) + "\n"


def _measured(run: Run, s: Strategy) -> str:
    file = run.workdir.path / "results.csv"
    rows = list(csv.DictReader(file.read_text().splitlines())) if file.exists() else []
    played = [name for name, other in STRATEGIES.items() if other.taught_as == s.name]
    rows = [row for row in rows if row["strategy"] in played]
    if not rows:
        return "Nothing was measured."
    lines = [
        "| suite | split | problems | strategy | accuracy, % | 95 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        accuracy, low, high = (100 * float(row[name]) for name in ("accuracy", "low", "high"))
        oracle = " (given gold turns)" if row["oracle"] == "True" else ""
        lines.append(
            f"| {row['suite']} | {row['split']} | {row['n']} | `{row['strategy']}`{oracle} | {accuracy:.1f} "
            f"| {low:.1f} – {high:.1f} |"
        )
    return "\n".join([*lines, "", f"Seed {run.config.seed}; one run. {_decoded(run.config.decode)}"])


def _decoded(decode: ConfigDict) -> str:
    """How the accuracies were decoded, and whether dialogue.py does the same."""
    words = "greedy"
    if decode.temperature:
        words = f"sampled at temperature {decode.temperature:g}"
        words += f" from the {decode.top_k} likeliest tokens" * bool(decode.top_k)
        words += f" with top-p {decode.top_p:g}" * (decode.top_p < 1)
    others = ["a calculator for the annotated arithmetic"] * decode.calculator
    others += ["8-bit matrices"] * decode.int8
    others += [f"a vote of {decode.samples} dialogues on each answer"] * (decode.samples > 1)
    if not decode.temperature and not others:
        return "Decoding was greedy, as in `dialogue.py`, which says the same up to rounding."
    words += ", with " * bool(others) + " and ".join(others)
    return (
        f"Decoding was {words}. `dialogue.py` is greedy and does nothing else, so it can say something else, "
        "and its accuracy was not measured."
    )


def _data(run: Run, s: Strategy) -> str:
    data = run.config.data
    source = SOURCES.get(data.source)
    if source is None:
        text = f"Problems of `{data.source}`, a file of the trainer's own."
    else:
        text = f"Problems: {source.description}. Licence: {source.license or 'not known'}."
    if s.explained_by:
        author = run.config.annotate[s.explained_by].teacher
        text += f" Explanations ({s.explained_by}): "
        if author == gold.AUTHOR:
            text += "those of the data set."
        else:
            text += f"written by `{author}`, whose terms may restrict what is trained on its output."
    return text
