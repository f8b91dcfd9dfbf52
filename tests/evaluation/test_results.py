"""From dialogues to results.csv, on dialogues written by hand."""

import csv

import pytest

from socratic_jax.decoding.dialogue import ANSWERED, PROMPT_TOO_LONG, STEP_LIMIT, TOKEN_LIMIT, Dialogue
from socratic_jax.evaluation import results
from socratic_jax.evaluation.predictions import Prediction, read, score
from socratic_jax.evaluation.statistics import holm
from socratic_jax.problems import jsonl
from socratic_jax.problems.problem import Problem, ProblemError, Step
from socratic_jax.transcripts.roles import Role, Turn

PROBLEM = Problem("p", "How many?", "72", (Step("A?", "70+2=72"),))
QUESTION = Turn(Role.PROBLEM, "How many?")


def _dialogue(text, status=ANSWERED, role=Role.ANSWER):
    return Dialogue((QUESTION, Turn(Role.SOLUTION, "70+2=72"), Turn(role, text)), status, 9)


@pytest.mark.parametrize(
    ("dialogue", "answer", "correct"),
    [
        (_dialogue("72"), "72", True),
        (_dialogue("$72.00"), "72", True),
        (_dialogue("27"), "27", False),
        (_dialogue("seventy"), None, False),
        (_dialogue(""), None, False),
        (_dialogue("72", STEP_LIMIT), "72", True),
        # An answer that was cut off may lack its last digit: it does not count.
        (_dialogue("72", TOKEN_LIMIT), None, False),
        (_dialogue("72", TOKEN_LIMIT, Role.SOLUTION), None, False),
        (Dialogue((QUESTION,), PROMPT_TOO_LONG, 0), None, False),
    ],
)
def test_scoring(dialogue, answer, correct):
    prediction = score(PROBLEM, dialogue)
    assert (prediction.answer, prediction.correct) == (answer, correct)
    assert Prediction.from_dict(prediction.to_dict()) == prediction


def _predictions(pattern: str) -> list[Prediction]:
    """r right, w wrong, t out of tokens, l step limit and right, p prompt too long."""
    dialogues = {
        "r": _dialogue("72"),
        "w": _dialogue("1"),
        "t": _dialogue("", TOKEN_LIMIT),
        "l": _dialogue("72", STEP_LIMIT),
        "p": Dialogue((QUESTION,), PROMPT_TOO_LONG, 0),
    }
    return [score(PROBLEM, dialogues[c]) for c in pattern]


LABELS = dict(suite="s", split="test", strategy="cot", size="tiny", seed=0, oracle=False)


def test_summary_counts_every_problem():
    result = results.summarise(_predictions("rrwtlprr"), **LABELS)
    assert (result.n, result.accuracy, result.answered) == (8, 5 / 8, 6 / 8)
    assert (result.truncated, result.step_limited, result.prompt_too_long) == (1 / 8, 1 / 8, 1 / 8)
    assert result.low < result.accuracy < result.high


def test_pairs_compare_the_same_problems():
    pairs = results.paired(
        "s", {"a": _predictions("rrrw"), "b": _predictions("rwww"), "c": _predictions("rrrr")}
    )
    assert [(p.a, p.b, p.only_a, p.only_b, p.difference) for p in pairs] == [
        ("a", "b", 2, 0, 0.5),
        ("a", "c", 0, 1, -0.25),
        ("b", "c", 0, 3, -0.75),
    ]
    assert [p.p_holm for p in pairs] == holm([p.p for p in pairs])


def test_pairs_leave_out_who_does_not_contend():
    names = ("cot@1", "cot@4", "cot", "facts@4", "facts", "majority_answer")
    (pair,) = results.paired("s", {name: _predictions("rrrw") for name in names})
    assert (pair.a, pair.b, pair.p_holm) == ("cot", "facts", pair.p)


def test_csv_has_the_promised_columns(tmp_path):
    path = tmp_path / "results.csv"
    results.write_csv(path, [results.summarise(_predictions("rw"), **LABELS)], results.Result)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    first = ["suite", "split", "strategy", "size", "seed", "n", "accuracy", "low", "high"]
    assert list(rows[0])[:9] == first
    assert (rows[0]["n"], float(rows[0]["accuracy"])) == ("2", 0.5)


def test_steps_are_those_of_the_gold_explanation():
    (row,) = results.by_steps(_predictions("rw"), "s", "cot")
    assert (row.steps, row.n, row.accuracy) == (1, 2, 0.5)


def test_predictions_come_back_and_a_broken_line_is_named(tmp_path):
    path = tmp_path / "p.jsonl"
    assert read(path) == {}
    scored = score(PROBLEM, _dialogue("72")).to_dict()
    jsonl.write_records(path, [{"place": 7, **scored}, {"place": 2, **scored}])
    assert list(read(path)) == [7, 2] and read(path)[2] == Prediction.from_dict(scored)
    jsonl.write_records(path, [scored, {**scored, "turns": 1}])
    with pytest.raises(ProblemError, match="p.jsonl:2: this is no prediction .*delete the file"):
        read(path)
    jsonl.write_records(path, [scored, {"id": "x"}])
    with pytest.raises(ProblemError, match="p.jsonl:2: this is no prediction .*delete the file"):
        read(path)
