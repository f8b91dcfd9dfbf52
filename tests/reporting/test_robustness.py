import csv
import json
import random

import numpy as np
import pytest

from socratic_jax.evaluation import statistics
from socratic_jax.problems import sources
from socratic_jax.reporting import report, robustness, scores, study
from tests.reporting.synthetic import record, write_run

N = 24
SUITES = {
    "test": {"split": "test", "limit": N},
    "renamed": {"perturb": "renamed_people", "limit": 10},
    "longer": {"perturb": "one_more_step", "of": "test"},
    "hard": {"options": {"level": "hard"}, "limit": 5},
}


def write(path, seed):
    write_run(path, n=N, seed=seed, evil=False)
    config = json.loads((path / "config.json").read_text())
    config["evaluate"]["suites"] = SUITES
    (path / "config.json").write_text(json.dumps(config))
    for suite in ("renamed", "longer", "hard"):
        problems, _ = sources.load_suite(config["data"], SUITES, suite)
        assert problems
        for strategy in config["strategies"]:
            rng = random.Random(f"{seed}/{suite}/{strategy}")
            lines = [json.dumps(record(p, i, strategy, rng, False)) for i, p in enumerate(problems)]
            file = path / "predictions" / suite / f"{strategy}.jsonl"
            file.parent.mkdir(exist_ok=True)
            file.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    for seed in range(3):
        write(root / f"seed{seed}", seed)
    return root


def solved(root, suite, strategy):
    files = [root / f"seed{s}" / "predictions" / suite / f"{strategy}.jsonl" for s in range(3)]
    records = [[json.loads(x) for x in file.read_text().splitlines()] for file in files]
    return [{r["id"]: r["correct"] for r in seed} for seed in records]


def test_drops_are_of_the_same_problems_by_id(root):
    the_study = study.read(root)
    rows = robustness.robustness(the_study, scores.read(the_study))
    assert {row.suite for row in rows} == {"renamed", "longer", "hard"}
    for row in rows:
        new = solved(root, row.suite, row.strategy)
        new_SxN = np.array([list(seed.values()) for seed in new])
        assert row.accuracy == pytest.approx(new_SxN.mean()) and row.n == new_SxN.shape[1]
        if row.suite == "hard":  # Other problems: nothing to pair with.
            assert row.drop is None and row.perturbation == "" and row.low < row.high
            continue
        old = solved(root, "test", row.strategy)
        old_SxN = np.array([[before[name] for name in after] for before, after in zip(old, new, strict=True)])
        drop, low, high, p = statistics.paired_bootstrap(old_SxN, new_SxN)
        assert (row.original, row.drop) == (pytest.approx(old_SxN.mean()), pytest.approx(drop))
        assert (row.drop_low, row.drop_high, row.p, row.test) == (low, high, p, "t")
    adjusted = statistics.holm([row.p for row in rows if row.p is not None])
    assert [row.p_holm for row in rows if row.p is not None] == adjusted


def test_one_run_has_wilson_and_mcnemar(root):
    one = study.read(root / "seed0")
    for row in robustness.robustness(one, scores.read(one)):
        assert row.cut_off == 0
        correct = list(solved(root, row.suite, row.strategy)[0].values())
        assert (row.low, row.high) == statistics.wilson(sum(correct), len(correct))
        assert row.test == ("" if row.drop is None else "McNemar")


def test_a_perturbed_suite_without_its_original_has_no_drop(root, tmp_path):
    write(tmp_path / "run", 0)
    for file in (tmp_path / "run" / "predictions" / "test").iterdir():
        file.unlink()
    one = study.read(tmp_path / "run")
    rows = [r for r in robustness.robustness(one, scores.read(one)) if r.perturbation]
    assert rows and all(row.drop is None and row.p_holm is None and row.n for row in rows)


def test_everything_written_says_the_same(root):
    report.write(str(root))
    rows = list(csv.DictReader((root / "results_robustness.csv").open()))
    assert len(rows) == 9
    markdown, latex = (root / "results.md").read_text(), (root / "results.tex").read_text()
    # Changed problems have no plots of steps and gains of their own.
    pictures = {file.name for file in (root / "plots").iterdir() if file.suffix == ".png"}
    assert pictures == {"drops.png", "accuracy_by_steps_hard.png", "accuracy_by_steps_test.png"}
    page = (root / "report.html").read_text()
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert len(data["robustness"]) == 9 and "robustnessTable" in page
    for row, shown in zip(rows, data["robustness"], strict=True):
        assert (row["suite"], row["strategy"]) == (shown["suite"], shown["strategy"])
        if row["drop"]:
            drop = f"{100 * float(row['drop']):+.1f}"
            assert float(row["drop"]) == pytest.approx(shown["drop"], abs=1e-6)
            assert f"| {row['suite']} | {row['strategy']} |" in markdown and f"| {drop} |" in markdown
            assert drop in latex


def test_studies_without_such_suites_have_no_table(tmp_path):
    write_run(tmp_path / "run", n=4)
    report.write(str(tmp_path / "run"))
    assert not (tmp_path / "run" / "results_robustness.csv").exists()
    assert "Robustness" not in (tmp_path / "run" / "results.md").read_text()
