"""Explanations in files."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_jax.problems import annotations
from socratic_jax.problems.annotations import Annotation
from socratic_jax.problems.problem import (
    KINDS,
    Explanation,
    Problem,
    ProblemError,
    Step,
    explanation_from_dict,
    explanation_to_dict,
)

SOCRATIC = Explanation("socratic", (Step("How many?", "48/2 = 24"),), "gemini")
ROW = {
    "problem": "p1",
    "kind": "socratic",
    "author": "gemini",
    "steps": [{"subquestion": "How many?", "solution": "48/2 = 24"}],
}

_TEXTS = st.text(min_size=1).map(str.strip).filter(bool)
_STEPS = st.lists(st.builds(Step, _TEXTS, _TEXTS), min_size=1, max_size=4).map(tuple)
_EXPLANATIONS = st.builds(Explanation, st.sampled_from(KINDS), _STEPS, _TEXTS)
_ANNOTATIONS = st.builds(
    Annotation,
    problem=_TEXTS,
    explanation=_EXPLANATIONS,
    answer=st.sampled_from(["", "72", "-1/3", "yes"]),
    agreement=st.none() | st.floats(0.01, 1),
    rationalised=st.booleans(),
    prompt=st.text(),
    sample=st.integers(0, 99),
)


@settings(deadline=None)  # a busy machine is no failure
@given(_EXPLANATIONS)
def test_explanations_survive(explanation):
    assert explanation_from_dict(json.loads(json.dumps(explanation_to_dict(explanation)))) == explanation


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(_ANNOTATIONS, max_size=5))
def test_files_survive(tmp_path_factory, found):
    path = tmp_path_factory.mktemp("annotations") / "x.jsonl"
    annotations.write(path, found)
    assert list(annotations.read(path)) == found


def test_a_row_has_only_what_it_needs():
    assert annotations.annotation_to_dict(Annotation("p1", SOCRATIC)) == ROW
    full = Annotation("p1", SOCRATIC, "24", 0.75, True, "socratic_1", 3)
    assert annotations.annotation_to_dict(full) == ROW | {
        "answer": "24",
        "agreement": 0.75,
        "rationalised": True,
        "prompt": "socratic_1",
        "sample": 3,
    }


def test_what_people_write_is_read(tmp_path):
    row = ROW | {"kind": "cot", "steps": [{"solution": " 24 "}], "answer": "1,200", "remark": "mine"}
    (tmp_path / "x.jsonl").write_text(json.dumps(row) + "\n\n")
    assert list(annotations.read(tmp_path / "x.jsonl")) == [
        Annotation("p1", Explanation("cot", (Step("", "24"),), "gemini"), "1200")
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem": 3}, "field 'problem' is missing, or is not the id of a problem"),
        (
            {"kind": "socrates"},
            "unknown kind of explanation 'socrates'; the kinds are socratic, cot, facts, ",
        ),
        ({"kind": None}, "field 'kind' must be text"),
        ({"author": ""}, "field 'author' is empty"),
        ({"steps": []}, "field 'steps' must be a list with at least one step"),
        ({"steps": [{"solution": "x"}]}, "a step without a 'subquestion', which kind 'socratic' needs"),
        ({"steps": [{"subquestion": "x"}]}, "field 'steps[0].solution' is missing"),
        ({"answer": "many"}, "field 'answer' is 'many', which is neither a number nor yes/no"),
        ({"agreement": 2}, "field 'agreement' must be a share above 0 and up to 1, not 2"),
        ({"agreement": True}, "field 'agreement' must be a share"),
        ({"rationalised": 1}, "field 'rationalised' must be of type bool, not 1"),
        ({"sample": "1"}, "field 'sample' must be of type int, not '1'"),
    ],
)
def test_errors_name_file_and_line(tmp_path, change, message):
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in (ROW, ROW | change)))
    with pytest.raises(ProblemError) as error:
        list(annotations.read(path))
    assert str(error.value).startswith(f"{path}:2: ")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_explained_pairs_them_with_their_problems():
    problems = [Problem("p1", "q", "24"), Problem("p2", "r", "")]
    found = [Annotation("p2", SOCRATIC, "7"), Annotation("p9", SOCRATIC), Annotation("p1", SOCRATIC)]
    assert list(annotations.explained(problems, found)) == [
        (Problem("p2", "r", "7"), SOCRATIC),
        (problems[0], SOCRATIC),
    ]
