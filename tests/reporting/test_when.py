import csv
import json
import random

import numpy as np
import pytest

from socratic_jax.evaluation import statistics
from socratic_jax.problems import sources
from socratic_jax.reporting import report, scores, study, summary, when
from tests.reporting.synthetic import SWAPS, record, write_run, write_study


def gains(path):
    the_study = study.read(path)
    return when.gains(the_study, scores.read(the_study))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"), n=60, level="hard", swaps=SWAPS[:2])


@pytest.fixture(scope="module")
def found(root):
    return gains(root)


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


def write_with_asides(path, seed):
    """The first problems again, each with an irrelevant sentence, in another order."""
    suites = {"test": {"split": "test", "limit": 40}, "aside": {"perturb": when.ADDED, "limit": 15}}
    write_run(path, n=40, seed=seed, strategies=("cot", "socratic_iterative"), evil=False)
    config = json.loads((path / "config.json").read_text())
    config["evaluate"]["suites"] = suites
    (path / "config.json").write_text(json.dumps(config))
    problems = sources.load_suite(config["data"], suites, "aside")[0][::-1]
    for strategy in config["strategies"]:
        rng = random.Random(f"{seed}/{strategy}")
        file = path / "predictions" / "aside" / f"{strategy}.jsonl"
        file.parent.mkdir(exist_ok=True)
        lines = [json.dumps(record(p, i, strategy, rng, False)) for i, p in enumerate(problems)]
        file.write_text("\n".join(lines) + "\n")


def test_an_added_sentence_is_compared_with_the_same_problems_without_it(tmp_path):
    for seed in range(2):
        write_with_asides(tmp_path / f"seed{seed}", seed)
    found = gains(tmp_path)
    # Of the numbers that are put in some equal a used one, so that counting them would tell nothing.
    assert not [row for row in found.rows if row.by == "distractors"]
    none, one = (row for row in found.rows if row.by == when.ADDED)
    assert found.bins[when.ADDED] == (none.bin, one.bin) == (when.NONE_ADDED, when.ONE_ADDED)
    assert (none.suite, one.suite) == ("test", "test") and none.n == one.n == 30
    ids = [p["id"] for p in read(tmp_path, one.files[0])]
    for row in (none, one):
        right = [{p["id"]: p["correct"] for p in read(tmp_path, file)} for file in row.files]
        right_FxN = np.array([[file[name] for name in sorted(ids)] for file in right])
        assert row.gain == pytest.approx((right_FxN[:2] * 1.0 - right_FxN[2:]).mean())
        assert row.low <= row.gain <= row.high
    assert "/aside/" in one.files[0] and "/aside/" not in none.files[0]


def test_without_the_original_there_is_nothing_to_set_it_beside(tmp_path):
    write_with_asides(tmp_path / "run", 0)
    for file in (tmp_path / "run" / "predictions" / "test").iterdir():
        file.unlink()
    assert {row.by for row in gains(tmp_path).rows} == {"all", "steps", "questions"}


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
    assert gains(path).rows == ()
    report.write(str(path))
    assert len((path / "results_when.csv").read_text().splitlines()) == 1
