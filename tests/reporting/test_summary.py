import json

import numpy as np
import pytest

from socratic_jax.evaluation import predictions, statistics
from socratic_jax.evaluation.questions import compare_questions
from socratic_jax.reporting import scores, study, summary
from socratic_jax.reporting.study import StudyError
from tests.reporting.synthetic import TAUGHT, write_run, write_study


def correct(root, runs, strategy):
    files = [root / run / "predictions" / "test" / f"{strategy}.jsonl" for run in runs]
    return np.array([[json.loads(line)["correct"] for line in f.read_text().splitlines()] for f in files])


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"), n=40)


@pytest.fixture(scope="module")
def found(root):
    return summary.summarise(scores.read(study.read(root)))


def test_rows_are_what_the_files_say(root, found):
    assert len(found.rows) == 2 * len(TAUGHT)
    for row in found.rows:
        right_SxN = correct(root, [f"{row.condition[0]}-{seed}" for seed in row.seeds], row.strategy)
        assert (row.seeds, row.n) == ((0, 1), 40)
        assert row.accuracy == pytest.approx(right_SxN.mean())
        assert (row.low, row.high) == statistics.bootstrap(right_SxN)
        assert all((root / file).exists() for file in row.files) and len(row.files) == 2


def test_one_seed_has_the_interval_and_the_test_of_results_csv(tmp_path):
    path = write_run(tmp_path / "run", n=40)
    found = summary.summarise(scores.read(study.read(path)))
    a, b = (correct(tmp_path, ["run"], name)[0] for name in ("answer_only", "cot"))
    assert (found.rows[0].low, found.rows[0].high) == statistics.wilson(int(a.sum()), 40)
    pair = found.pairs[0]
    assert (pair.a, pair.b, pair.test) == ("answer_only", "cot", "McNemar")
    assert (pair.only_a, pair.only_b, pair.p) == statistics.mcnemar(a.tolist(), b.tolist())


def test_pairs_are_corrected_within_their_table(root, found):
    for condition in {pair.condition for pair in found.pairs}:
        table = [pair for pair in found.pairs if pair.condition == condition]
        assert len(table) == 3
        assert [pair.p_holm for pair in table] == statistics.holm([pair.p for pair in table])
    pair = found.pairs[0]
    runs = [f"{pair.condition[0]}-{seed}" for seed in (0, 1)]
    a, b = (correct(root, runs, name) for name in (pair.a, pair.b))
    assert (pair.difference, pair.low, pair.high, pair.p) == statistics.paired_bootstrap(a, b)


def test_steps_add_up_to_the_whole(found):
    for row in found.rows:
        steps = [s for s in found.steps if (s.condition, s.strategy) == (row.condition, row.strategy)]
        assert sum(s.n for s in steps) == row.n
        assert sum(s.n * s.accuracy for s in steps) == pytest.approx(row.n * row.accuracy)


def test_questions_are_means_of_what_each_run_has(root, found):
    """Students ask the gold questions; those that stop early ask one less."""
    assert [row.strategy for row in found.questions] == ["socratic_iterative"] * 2
    for row in found.questions:
        each = [_compared(root / f"{row.condition[0]}-{seed}") for seed in row.seeds]
        assert (row.seeds, row.n, len(row.files)) == ((0, 1), 40, 2)
        assert row.gold_questions == each[0].gold_questions
        for name in ("bleu", "questions", "same_number", "same_operations"):
            values = [getattr(one, name) for one in each]
            assert getattr(row, name) == pytest.approx(np.mean(values))
            assert (getattr(row, f"{name}_low"), getattr(row, f"{name}_high")) == (min(values), max(values))
        assert row.bleu_high < 100


def _compared(path):
    found = predictions.read(path / "predictions" / "test" / "socratic_iterative.jsonl")
    problems = study.read(path).cells[0].problems("test")
    return compare_questions("test", "socratic_iterative", list(found.values()), problems)


def test_given_questions_are_not_compared(tmp_path):
    path = write_run(tmp_path / "run", n=5, swaps=("oracle_questions",))
    found = summary.summarise(scores.read(study.read(path)))
    assert [row.strategy for row in found.questions] == ["socratic_iterative"]


def test_a_strategy_with_fewer_seeds_is_compared_on_those(tmp_path):
    write_run(tmp_path / "0", n=10, seed=0)
    write_run(tmp_path / "1", n=10, seed=1, strategies=("cot",))
    found = summary.summarise(scores.read(study.read(tmp_path)))
    assert {row.strategy: row.seeds for row in found.rows}["cot"] == (0, 1)
    assert {pair.seeds for pair in found.pairs} == {(0,)}


def test_ways_of_decoding_are_compared_with_their_own_and_with_their_like(tmp_path):
    path = write_run(tmp_path / "run", n=5)
    for name in ("cot", "socratic_iterative"):
        file = path / "predictions" / "test" / f"{name}.jsonl"
        file.with_name(f"{name}+vote.jsonl").write_text(file.read_text())
    found = summary.summarise(scores.read(study.read(path)))
    assert {(p.a, p.b) for p in found.pairs if "+" in p.a + p.b} == {
        ("cot", "cot+vote"), ("socratic_iterative", "socratic_iterative+vote"),
        ("cot+vote", "socratic_iterative+vote"),
    }  # fmt: skip


def test_baselines_are_rows_and_are_compared_with_nobody(tmp_path):
    path = write_run(tmp_path / "run", n=5)
    file = path / "predictions" / "test" / "cot.jsonl"
    for name in ("majority_answer", "untrained_cot"):
        file.with_name(f"{name}.jsonl").write_text(file.read_text())
    found = summary.summarise(scores.read(study.read(path)))
    assert [row.strategy for row in found.rows] == [*TAUGHT, "majority_answer", "untrained_cot"]
    assert {name for pair in found.pairs for name in (pair.a, pair.b)} == set(TAUGHT)
    assert len(found.pairs) == 3


def test_votes_of_fewer_dialogues_are_rows_too(tmp_path):
    path = write_run(tmp_path / "run", n=5, strategies=("cot", "socratic_iterative"))
    file = path / "predictions" / "test" / "cot.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    for i, record in enumerate(records):
        right, wrong = record["gold"], "-1"
        # Alone the first is right for some, with the next three nobody is, and all 17 are right again.
        votes = [right if i < 2 else wrong] + [wrong] * 3 + [right] * 13
        record.update(answer=right, correct=True, votes=votes)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    read = scores.read(study.read(path))
    found = summary.summarise(read)
    cot = {row.strategy: row.accuracy for row in found.rows if row.strategy != "socratic_iterative"}
    assert list(cot.items()) == [("cot@1", 0.4), ("cot@4", 0.0), ("cot@16", 1.0), ("cot", 1.0)]
    unknown = [row.strategy for row in found.rows if (row.cut_off, row.forced, row.tokens) == (None,) * 3]
    assert unknown == ["cot@1", "cot@4", "cot@16"]
    assert {row.files for row in found.rows if row.strategy in cot} == {("predictions/test/cot.jsonl",)}
    assert [(pair.a, pair.b) for pair in found.pairs] == [("cot", "socratic_iterative")]
    assert [s.strategy for s in read if s.dialogues] == ["cot", "socratic_iterative"]


def test_different_problems_of_one_condition_are_refused(tmp_path):
    write_run(tmp_path / "0", n=10, seed=0)
    write_run(tmp_path / "1", n=9, seed=1)
    with pytest.raises(StudyError, match="1/predictions/test/answer_only.jsonl: not the problems of 0/"):
        summary.summarise(scores.read(study.read(tmp_path)))


def test_a_study_without_predictions_is_refused(tmp_path):
    path = write_run(tmp_path / "run", n=2, strategies=())
    with pytest.raises(StudyError, match="no predictions in any run"):
        scores.read(study.read(path))
