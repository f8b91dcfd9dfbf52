"""Evaluation-only suites and other files of {"input", "target"} rows."""

import json
from pathlib import Path

import pytest

from socratic_jax.problems import sources, suites
from socratic_jax.problems.problem import Problem, ProblemError

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "suites"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"no suites in {REAL}")


def write(path: Path, *rows: dict) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def test_a_suite(tmp_path):
    write(tmp_path / "mawpsaddsub.jsonl", {"input": " 2 + 1 ? ", "target": 3.0}, {"input": "b", "target": 2})
    expected = [Problem("addsub/1", "2 + 1 ?", "3"), Problem("addsub/2", "b", "2")]
    assert suites.load("addsub", "test", tmp_path) == expected
    assert sources.load("addsub", "test", tmp_path) == expected
    assert sources.load("addsub", "test", tmp_path, limit=1) == expected[:1]


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        (43.0, "43"),
        (-7, "-7"),
        (9.43, "9.43"),
        (0.6666666667, "2/3"),
        (0.3333333333, "1/3"),
        (10.3333333333, "31/3"),
        (0.9166666667, "11/12"),
        (0.333333, "0.333333"),  # too short to be a division that somebody carried out
        (0.1234567891, "0.1234567891"),
        ("1,200", "1200"),
        ("3/4", "0.75"),
        ("Yes", "yes"),
        (False, "no"),
        (True, "yes"),
    ],
)
def test_targets(tmp_path, target, answer):
    path = write(tmp_path / "x.jsonl", {"input": "q", "target": target, "other": 1})
    assert suites.read(path)[0].answer == answer


def test_a_file_of_ones_own_is_a_test_set(tmp_path):
    path = write(tmp_path / "mine.jsonl", {"input": "q", "target": 1})
    assert sources.load(str(path), "test") == [Problem("mine/1", "q", "1")]
    for split in ("train", "all"):
        with pytest.raises(ValueError, match=f"no split '{split}'; its splits are test$"):
            sources.load(str(path), split)
    assert sources.load(str(tmp_path / "{split}.jsonl"), "mine") == [Problem("mine/1", "q", "1")]


def test_a_file_of_problems_is_none(tmp_path):
    path = write(tmp_path / "mine.jsonl", {"id": "1", "question": "q", "answer": "1"})
    assert not suites.is_suite(path)
    assert sources.load(str(path), "all") == [Problem("1", "q", "1")]
    assert not suites.is_suite(tmp_path / "absent.jsonl")
    with pytest.raises(ProblemError, match=r"absent\.jsonl: there is no such file"):
        sources.load(str(tmp_path / "absent.jsonl"), "all")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"target": 1}, "field 'input' is missing, empty or not text"),
        ({"input": " ", "target": 1}, "field 'input' is missing"),
        ({"input": "q"}, "field 'target' is missing"),
        ({"input": "q", "target": [1]}, "field 'target' is missing, or is no number"),
        ({"input": "q", "target": "5 km"}, "the target '5 km' is neither a number nor yes/no"),
    ],
)
def test_errors_name_file_and_line(tmp_path, row, message):
    path = write(tmp_path / "x.jsonl", {"input": "q", "target": 1}, row)
    with pytest.raises(ProblemError) as error:
        suites.read(path)
    assert str(error.value).startswith(f"{path}:2: ")
    assert message in str(error.value)


def test_errors_about_names(tmp_path):
    with pytest.raises(
        ValueError, match="unknown suite 'asdiv'; the suites are multiarith, singleeq, addsub"
    ):
        suites.load("asdiv", "test", tmp_path)
    with pytest.raises(ValueError, match="has no split 'train'"):
        suites.load("addsub", "train", tmp_path)
    with pytest.raises(ValueError, match="source 'addsub' has no split 'train'; its splits are test"):
        sources.load("addsub", "train", tmp_path)
    with pytest.raises(ProblemError, match="no data_dir"):
        suites.load("addsub", "test", None)
    with pytest.raises(ProblemError, match="no problems; a row is"):
        suites.read(write(tmp_path / "empty.jsonl"))


@needs_real_data
@pytest.mark.parametrize(
    ("name", "size", "fractions"), [("multiarith", 600, 0), ("singleeq", 508, 29), ("addsub", 395, 29)]
)
def test_real_sizes(name, size, fractions):
    problems = suites.load(name, "test", REAL)
    assert len(problems) == size
    assert len({problem.id for problem in problems}) == size
    assert sum("/" in problem.answer for problem in problems) == fractions
