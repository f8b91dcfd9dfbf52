"""The table of what selection dropped."""

import json

import pytest

from socratic_jax.teachers.funnel import STAGES, Funnel


def _funnel() -> Funnel:
    funnel = Funnel(samples=8000, problems=2000, explained=1900, rationalised=50)
    funnel.drop("replied", "cut off", 300)
    funnel.drop("readable", "no steps", 40)
    funnel.drop("readable", "no final answer", 60)
    for _ in range(1600):
        funnel.drop("right answer", "wrong answer")
    return funnel


def test_counts():
    funnel = _funnel()
    assert funnel.kept == 6000
    left = funnel.left()
    assert tuple(left) == STAGES
    assert (left["replied"], left["readable"], left["right answer"]) == (7700, 7600, 6000)
    assert left["within the cap"] == funnel.kept
    assert Funnel().kept == 0


def test_it_is_printed():
    lines = str(_funnel()).split("\n")
    assert lines[0].split() == ["samples", "8,000"]
    assert " ".join(lines[2].split()) == "readable 7,600 95.0 % no final answer 60, no steps 40"
    assert lines[3].startswith("right answer") and lines[3].endswith("75.0 %   wrong answer 1,600")
    assert lines[-1].split()[:2] == ["problems", "2,000,"]
    assert lines[-1].endswith("1,900 of them explained   95.0 %, 50 only by rationalisation")
    assert "explained" in str(Funnel())


def test_rows_are_stages_and_reasons():
    assert _funnel().rows()[:5] == [
        ("samples", "", 8000),
        ("replied", "cut off", 300),
        ("replied", "", 7700),
        ("readable", "no final answer", 60),
        ("readable", "no steps", 40),
    ]


def test_json_and_sums():
    funnel = _funnel()
    record = json.loads(json.dumps(funnel.to_dict()))
    assert record["kept"] == 6000 and record["left"]["readable"] == 7600
    assert Funnel.from_dict(record) == funnel
    total = funnel + funnel
    assert total.kept == 12_000 and total.dropped["readable"]["no steps"] == 80
    assert funnel == _funnel()  # the sum is another object
    assert funnel + Funnel() == funnel


def test_unknown_stages():
    with pytest.raises(ValueError, match="unknown stage 'voted'; the stages are replied, readable, "):
        Funnel().drop("voted", "x")
