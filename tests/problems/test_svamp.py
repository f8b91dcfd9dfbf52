"""SVAMP: the official format on small files, and the real data where it is there."""

import json
from pathlib import Path

import pytest

from socratic_jax.problems import svamp
from socratic_jax.problems.expressions import equation_holds, find_equations
from socratic_jax.problems.problem import ProblemError, Step

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "svamp"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"no SVAMP.json in {REAL}")


def row(number: int, equation: str = "( 8.0 - 2.0 )", answer: float = 6.0, **fields) -> dict:
    return {
        "ID": f"chal-{number}",
        "Body": f"Ann has {number} pens and loses 2.",
        "Question": "How many pens does she have?",
        "Equation": equation,
        "Answer": answer,
        "Type": "Subtraction",
        **fields,
    }


def write(folder: Path, rows: list) -> Path:
    (folder / "SVAMP.json").write_text(json.dumps(rows, indent=1))
    return folder


def test_a_problem(tmp_path):
    folder = write(tmp_path, [row(7, "( ( 8.0 - 2.0 ) * 3.0 )", 18.0, Type="Common-Divison")])
    (problem,) = svamp.load("all", folder)
    assert problem.id == "svamp/chal-7"
    assert problem.question == "Ann has 7 pens and loses 2. How many pens does she have?"
    assert problem.answer == "18"
    assert problem.steps == (Step("", "8 - 2 = 6"), Step("", "6 * 3 = 18"))
    assert problem.meta == {"operators": 2, "type": "Common-Division"}
    assert problem.gold.kind == "cot"


@pytest.mark.parametrize(
    ("equation", "answer", "steps"),
    [
        ("( 4.0 / 8.0 )", 0.5, ["4 / 8 = 0.5"]),
        ("( 6.0 / ( 1.0 / 3.0 ) )", 18, ["1 / 3 = 1/3", "6 / (1/3) = 18"]),
        ("( 2.0 - ( 3.0 - 4.0 ) )", 3.0, ["3 - 4 = -1", "2 - (-1) = 3"]),
        ("( ( 0.1 + 0.2 ) * 10.0 )", 3.0, ["0.1 + 0.2 = 0.3", "0.3 * 10 = 3"]),
        ("( 1357.0 * 223.0 )", 302611.0, ["1357 * 223 = 302611"]),
        ("8.0", 8.0, []),
        ("( ( 4.0 - 2.0 ) + 3.0 )", 1.0, []),  # the official answer contradicts the equation
    ],
)
def test_steps_are_exact_and_lead_to_the_answer(tmp_path, equation, answer, steps):
    (problem,) = svamp.load("all", write(tmp_path, [row(1, equation, answer)]))
    assert [step.solution for step in problem.steps] == steps
    for step in problem.steps:
        assert all(equation_holds(*pair) for pair in find_equations(step.solution))


@pytest.mark.parametrize(
    ("body", "question", "joined"),
    [
        ("Ann has 3 pens.", "How many?", "Ann has 3 pens. How many?"),
        ("Ann came. If she has 3 pens", "How many?", "Ann came. If she has 3 pens, how many?"),
        ("If she has 3 pens,", "What is left?", "If she has 3 pens, what is left?"),
        ("If she has 3 pens", "Ann has how many?", "If she has 3 pens, Ann has how many?"),
        ("Ann has 3 pens", "How many?", "Ann has 3 pens. How many?"),
        (
            "If it rains she reads. She has 3  books ",
            "How many?",
            "If it rains she reads. She has 3 books. How many?",
        ),
    ],
)
def test_body_and_question_are_one_text(tmp_path, body, question, joined):
    (problem,) = svamp.load("all", write(tmp_path, [row(1, Body=body, Question=question)]))
    assert problem.question == joined


def test_splits_go_by_official_id(tmp_path):
    two = ("( ( 8.0 - 2.0 ) - 3.0 )", 3.0)
    folder = write(tmp_path, [row(701), row(1, *two), row(700), row(1000, *two)])
    numbers = {
        split: [int(problem.id.split("-")[1]) for problem in svamp.load(split, folder)]
        for split in svamp.SPLITS
    }
    assert numbers == {
        "train": [1, 700],
        "test": [701, 1000],
        "all": [701, 1, 700, 1000],
        "two_operators": [1, 1000],
    }


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"Body": ""}, "field 'Body' is missing, empty or not text"),
        ({"Question": 3}, "field 'Question' is missing, empty or not text"),
        ({"ID": "12"}, "the ID '12' is not like 'chal-12'"),
        ({"Answer": None}, "field 'Answer' is missing or not a number"),
        ({"Answer": "six"}, "the answer 'six' is not a number"),
        ({"Equation": "x + 2"}, "the equation 'x + 2' is not one of numbers"),
        ({"Equation": "( 8.0 / 0.0 )"}, "is not one of numbers"),
        ({"Equation": "( 8.0 - "}, "is not one of numbers"),
        ({"Equation": "8 ** 2"}, "is not one of numbers"),
        ({"ID": "chal-1"}, "the ID of this row is that of an earlier one"),
    ],
)
def test_errors_name_file_and_row(tmp_path, bad, message):
    folder = write(tmp_path, [row(1), row(2) | bad])
    with pytest.raises(ProblemError) as error:
        svamp.load("all", folder)
    assert str(error.value).startswith(f"{tmp_path}/SVAMP.json: row 2: ")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_errors_about_files_and_splits(tmp_path):
    with pytest.raises(ProblemError, match="svamp: no data_dir; give the folder of the official SVAMP"):
        svamp.load("all", None)
    with pytest.raises(ProblemError, match=r"SVAMP\.json: there is no such file"):
        svamp.load("all", tmp_path)
    with pytest.raises(ProblemError, match="no problem of split 'test'"):
        svamp.load("test", write(tmp_path, [row(1)]))
    for load in (svamp.load, svamp.load_tfds):
        with pytest.raises(
            ValueError, match="no split 'dev'; its splits are train, test, all, two_operators"
        ):
            load("dev", tmp_path)


@needs_real_data
def test_real_counts_and_steps():
    sizes = {split: len(svamp.load(split, REAL)) for split in svamp.SPLITS}
    assert sizes == {"train": 700, "test": 300, "all": 1000, "two_operators": 237}
    problems = svamp.load("all", REAL)
    assert [problem.id for problem in problems if not problem.steps] == ["svamp/chal-555", "svamp/chal-680"]
    assert {len(problem.steps) for problem in problems} == {0, 1, 2}
    assert {problem.meta["type"] for problem in problems} == {
        "Addition",
        "Subtraction",
        "Multiplication",
        "Common-Division",
    }
    for problem in problems:
        if problem.steps:
            equations = [pair for step in problem.steps for pair in find_equations(step.solution)]
            assert len(equations) == len(problem.steps)
            assert all(equation_holds(*pair) for pair in equations)
            assert equations[-1][1] == problem.answer
