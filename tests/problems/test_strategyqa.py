"""StrategyQA: the official format on small files, and the real data where it is there."""

import json
from pathlib import Path

import pytest

from socratic_jax.problems import strategyqa
from socratic_jax.problems.problem import ProblemError, Step

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "strategyqa"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"no StrategyQA files in {REAL}")


def row(number: int, **fields) -> dict:
    return {
        "qid": f"q{number}",
        "term": "Mozart",
        "description": "composer",
        "question": f"Could Mozart have owned {number} photographs?",
        "answer": bool(number % 2),
        "facts": ["The first  photograph was taken in the 1820s", "Mozart died in 1791."],
        "decomposition": ["When did Mozart die?", "When was the first photograph taken?", "Is #1 after #2?"],
        "evidence": [[[["Mozart-1"]], ["no_evidence"], ["operation"]]],
        **fields,
    }


def write(folder: Path, train: list, dev: list) -> Path:
    for name, rows in (("train", train), ("dev", dev)):
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return folder


def test_a_problem(tmp_path):
    folder = write(tmp_path, [row(1)] * 9, [row(0), row(1)])
    no, yes = strategyqa.load("test", folder)
    assert (no.answer, yes.answer) == ("no", "yes")
    assert no.id == "strategyqa/q0"
    assert no.question == "Could Mozart have owned 0 photographs?"
    assert no.gold.kind == "socratic"
    assert no.steps == (
        Step("When did Mozart die?", "Mozart died in 1791."),
        Step("When was the first photograph taken?", "The first photograph was taken in the 1820s."),
        Step("Is #1 after #2?", "So the answer is no."),
    )
    assert yes.steps[-1].solution == "So the answer is yes."
    assert no.meta == {
        "facts": ["The first photograph was taken in the 1820s.", "Mozart died in 1791."],
        "decomposition": ["When did Mozart die?", "When was the first photograph taken?", "Is #1 after #2?"],
        "term": "Mozart",
        "description": "composer",
    }


def test_validation_is_the_end_of_the_training_file(tmp_path):
    folder = write(tmp_path, [row(number) for number in range(27)], [row(0)])
    train, validation = strategyqa.load("train", folder), strategyqa.load("validation", folder)
    assert [problem.id for problem in train] == [f"strategyqa/q{number}" for number in range(24)]
    assert [problem.id for problem in validation] == [f"strategyqa/q{number}" for number in range(24, 27)]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"question": " "}, "field 'question' is missing, empty or not text"),
        ({"answer": "yes"}, "field 'answer' is missing or not true or false"),
        ({"facts": "Mozart"}, "field 'facts' is missing or not a list of texts"),
        ({"facts": [" "]}, "field 'facts' has no text in it"),
        ({"decomposition": [1]}, "field 'decomposition' is missing or not a list of texts"),
        ({"qid": "q1"}, "the qid of this row is that of an earlier one"),
    ],
)
def test_errors_name_file_and_row(tmp_path, bad, message):
    folder = write(tmp_path, [], [row(1), row(2) | bad])
    with pytest.raises(ProblemError) as error:
        strategyqa.load("test", folder)
    assert str(error.value).startswith(f"{tmp_path}/dev.json: row 2: ")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_errors_about_files_and_splits(tmp_path):
    with pytest.raises(ProblemError, match="strategyqa: no data_dir"):
        strategyqa.load("test", None)
    with pytest.raises(ProblemError, match=r"train\.json: there is no such file"):
        strategyqa.load("validation", tmp_path)
    for load in (strategyqa.load, strategyqa.load_tfds):
        with pytest.raises(ValueError, match="no split 'dev'; its splits are train, validation, test"):
            load("dev", tmp_path)


@needs_real_data
def test_real_counts():
    problems = {split: strategyqa.load(split, REAL) for split in strategyqa.SPLITS}
    assert {split: len(found) for split, found in problems.items()} == {
        "train": 1832,
        "validation": 229,
        "test": 229,
    }
    everything = [problem for found in problems.values() for problem in found]
    assert len({problem.id for problem in everything}) == 2290
    yes = sum(problem.answer == "yes" for problem in everything)
    assert round(100 * yes / 2290, 1) == 46.8
    assert sum(problem.answer == "no" for problem in problems["test"]) == 122


@needs_real_data
def test_real_steps_use_every_fact_once():
    for split in strategyqa.SPLITS:
        for problem in strategyqa.load(split, REAL):
            facts, questions = problem.meta["facts"], problem.meta["decomposition"]
            assert problem.gold.kind == "socratic"
            assert 1 <= len(problem.steps) <= len(questions)
            told = " ".join(step.solution for step in problem.steps)
            assert all(fact in told for fact in facts)
            assert len(told) == sum(len(fact) + 1 for fact in facts) + len(
                f"So the answer is {problem.answer}."
            )
            asked = sum(step.subquestion.count("?") for step in problem.steps)
            assert asked == sum(question.count("?") for question in questions)
