import csv
import json

import numpy as np
import pytest

from socratic_jax.evaluation import statistics
from socratic_jax.reporting import report, scores, study, summary, when
from tests.reporting.synthetic import SWAPS, write_run, write_study


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"), n=60, level="hard", swaps=SWAPS[:2])


@pytest.fixture(scope="module")
def found(root):
    return when.gains(scores.read(study.read(root)))


def read(root, file):
    return [json.loads(line) for line in (root / file).read_text().splitlines()]


def test_gains_are_those_of_the_files(root, found):
    assert {(row.socratic, row.chain) for row in found.rows} == {
        ("socratic_iterative", "cot"), ("socratic_iterative+calculator", "cot+calculator"),
    }  # fmt: skip
    for row in found.rows:
        files = [read(root, file) for file in row.files]
        a_SxN, b_SxN = (
            np.array([[p["correct"] for p in f] for f in side]) for side in (files[:2], files[2:])
        )
        if row.by == "all":
            expected = statistics.paired_bootstrap(a_SxN, b_SxN)
            assert (row.gain, row.low, row.high) == pytest.approx(expected[:3])
        if row.by == "steps":
            inside_N = np.array([p["gold_steps"] == int(row.bin) for p in files[0]])
            expected = statistics.paired_bootstrap(a_SxN[:, inside_N], b_SxN[:, inside_N])
            assert (row.gain, row.low, row.high) == pytest.approx(expected[:3])
            assert row.n == 2 * inside_N.sum()
        assert row.gain == pytest.approx(row.accuracy_socratic - row.accuracy_chain)


def test_bins_take_every_dialogue_once(found):
    whole = {(r.condition, r.socratic): r for r in found.rows if r.by == "all"}
    for by in set(when.BINS) - {"all"}:
        for place, row in whole.items():
            parts = [r for r in found.rows if r.by == by and (r.condition, r.socratic) == place]
            assert len(parts) > 1
            assert sum(r.n for r in parts) == row.n == 120
            assert sum(r.n * r.gain for r in parts) == pytest.approx(row.n * row.gain)
    assert found.bins["steps"] == ("2", "3", "4", "5", "6")
    assert found.bins["distractors"] == ("0", "1", "2 or more")
    # Half of the dialogues are right and go the gold way; some stop a step too early.
    assert found.bins["questions"] == ("as gold", "stopped early", "another way")


def test_quality_is_of_the_questions_and_of_whole_suites(root, found):
    summed = summary.summarise(scores.read(study.read(root)))
    bleu = {(row.condition, row.strategy): row.bleu for row in summed.questions}
    for row in found.rows:
        assert row.quality == (bleu[row.condition, row.socratic] if row.by == "all" else None)


def test_tables_have_every_gain(root, found):
    report.write(str(root))
    rows = list(csv.DictReader((root / "results_when.csv").open()))
    assert [(r["size"], r["socratic"], r["by"], r["bin"]) for r in rows] == [
        (r.condition[0], r.socratic, r.by, r.bin) for r in found.rows
    ]
    caption = "The operations are those of the solutions"
    markdown, latex = (root / "results.md").read_text(), (root / "results.tex").read_text()
    for row in found.rows:
        cells = [row.bin, f"{100 * row.gain:+.1f}", f"{100 * row.low:+.1f} to {100 * row.high:+.1f}"]
        assert " | ".join(cells) in markdown and " & ".join(cells) in latex
    for text in (markdown, latex):
        parts = text.split("gain of Socratic by questions")
        assert len(parts) == 2 and caption in parts[1]


def test_one_kind_of_teaching_has_nothing_to_gain_over(tmp_path):
    path = write_run(tmp_path / "run", n=5, strategies=("answer_only", "cot"))
    assert when.gains(scores.read(study.read(path))).rows == ()
    report.write(str(path))
    assert len((path / "results_when.csv").read_text().splitlines()) == 1
