"""JSONL files: what is written reads back, what is wrong is named by its line."""

import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_jax.problems import jsonl
from socratic_jax.problems.problem import Problem, ProblemError, Step

GOOD = '{"id": "a", "question": "1+1?", "answer": "2"}\n'
TWO = Problem(
    "b",
    "Wie viel kostet es — 3 × 4 €?\u2028",
    "12",
    (Step("How much?", "3*4=<<3*4=12>>12"), Step("", "So 12.")),
    {"template": "price", "operators": 1},
)


def test_what_is_written_reads_back(tmp_path):
    path = tmp_path / "new" / "folder" / "problems.jsonl"
    problems = [Problem("a", "1+1?", "2"), TWO]
    jsonl.write(path, problems)
    # The line separator U+2028 would be stripped from the end of a field; the rest stays.
    assert jsonl.read(str(path)) == [
        problems[0],
        Problem("b", TWO.question.strip(), "12", TWO.steps, TWO.meta),
    ]
    assert os.listdir(path.parent) == ["problems.jsonl"]
    assert "×" in path.read_text(encoding="utf-8")


def test_answers_come_back_canonical_and_blank_lines_do_not_count(tmp_path):
    path = tmp_path / "mine.jsonl"
    records = [
        {"id": 1, "question": "a", "answer": "$1,200.00"},
        {"id": 2, "question": "b", "answer": 0.5},
        {"id": 3, "question": "c", "answer": True},
        {"id": 4, "question": "d", "answer": "No.", "source": "an unknown field"},
    ]
    path.write_text("\ufeff" + "\r\n\r\n".join(map(json.dumps, records)) + "\n \n", encoding="utf-8")
    assert [problem.answer for problem in jsonl.read(path)] == ["1200", "0.5", "yes", "no"]
    assert [line for line, _ in jsonl.read_records(path)] == [1, 3, 5, 7]


@pytest.mark.parametrize(
    ("third_line", "message"),
    [
        ('{"id": "c", "question": }', "broken JSON at column 25: Expecting value; write one complete"),
        ('{"id": "c"', "broken JSON at column 11"),
        ('  {"id": "c" "x"}', "broken JSON at column 14"),
        ('{"id": "c", "answer": NaN}', "NaN is not a JSON value"),
        ('{"id": ' + "9" * 5000 + "}", "JSON that cannot be read: Exceeds the limit"),
        ("[" * 100_000, "JSON that cannot be read"),
        ('["a"]', "must be a JSON object, not list; write"),
        ("3", "must be a JSON object, not int"),
        ('{"question": "q", "answer": "1"}', "'id' is missing; a problem is an object like {"),
        ('{"id": "c", "answer": "1"}', "'question' is missing"),
        ('{"id": "c", "question": "q"}', "'answer' is missing"),
        ('{"id": "c", "question": " ", "answer": "1"}', "'question' is empty"),
        ('{"id": "c", "question": "q", "answer": ""}', "'answer' is empty"),
        ('{"id": "c", "question": ["q"], "answer": "1"}', "'question' must be text, not list"),
        ('{"id": "c", "question": "q", "answer": null}', "'answer' must be text, not NoneType"),
        ('{"id": "c", "question": "q", "answer": "1", "steps": {}}', "'steps' must be a list"),
        ('{"id": "c", "question": "q", "answer": "1", "steps": ["s"]}', "'steps[0]' must be an object"),
        ('{"id": "c", "question": "q", "answer": "1", "steps": [{}]}', "'steps[0].solution'"),
        ('{"id": "c", "question": "q", "answer": "1", "meta": 3}', "'meta' must be an object"),
        (
            '{"id": "c", "question": "q", "answer": "5 km"}',
            "the answer '5 km' is neither a number nor yes/no; ",
        ),
        ('{"id": "c", "question": "q", "answer": "blue"}', "the answer 'blue' is neither"),
        ('{"id": "c", "question": "q", "answer": ' + "9" * 400 + "}", "number is too large; write"),
        (GOOD.strip(), "the id 'a' is already that of line 1; give"),
    ],
)
def test_an_error_names_the_line_and_what_is_wrong(tmp_path, third_line, message):
    path = tmp_path / "mine.jsonl"
    path.write_text(GOOD + "\n" + third_line + "\n", encoding="utf-8")
    with pytest.raises(ProblemError) as error:
        jsonl.read(path)
    assert str(error.value).startswith(f"{path}:3: ")
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_problems_to_learn_from_may_have_no_answer(tmp_path):
    path = tmp_path / "mine.jsonl"
    records = [{"answer": ""}, {"answer": None}, {}, {"answer": "0"}, {"answer": 0}]
    lines = [json.dumps({"id": i, "question": "q", **record}) for i, record in enumerate(records)]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert [problem.answer for problem in jsonl.read(path, answered=False)] == ["", "", "", "0", "0"]
    path.write_text('{"id": "c", "question": "q", "answer": "blue"}')
    with pytest.raises(ProblemError, match="the answer 'blue' is neither a number nor yes/no"):
        jsonl.read(path, answered=False)


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_bytes(GOOD.encode() + '{"question": "café"}'.encode("latin-1"))
    with pytest.raises(ProblemError, match=r"mine\.jsonl:2: byte 18 of the line is not UTF-8; save"):
        jsonl.read(path)
    path.write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(ProblemError, match=r"mine\.jsonl:1: byte 1 .*UTF-8"):
        jsonl.read(path)


def test_files_that_are_empty_missing_or_folders(tmp_path):
    path = tmp_path / "mine.jsonl"
    with pytest.raises(ProblemError, match=r"mine\.jsonl: there is no such file; check"):
        jsonl.read(path)
    for content in ("", "\n \n"):
        path.write_text(content)
        with pytest.raises(ProblemError, match=r"mine\.jsonl:1: the file has no problems; write"):
            jsonl.read(path)
        assert list(jsonl.read_records(path)) == []
    with pytest.raises(ProblemError, match="cannot be read"):
        jsonl.read(tmp_path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=5))
def test_any_records_read_back(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "records.jsonl"
    jsonl.write_records(path, records)
    assert [record for _, record in jsonl.read_records(path)] == records


def test_half_a_surrogate_pair_can_be_written(tmp_path):
    path = tmp_path / "records.jsonl"
    jsonl.write_records(path, [{"reply": "cut \ud83d"}])
    assert list(jsonl.read_records(path)) == [(1, {"reply": "cut \ud83d"})]


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_what_cannot_be_written_leaves_the_old_file(tmp_path, value):
    path = tmp_path / "records.jsonl"
    jsonl.write_records(path, [{"old": 1}])
    with pytest.raises(ProblemError, match=r"records\.jsonl:2: cannot be written as JSON"):
        jsonl.write_records(path, [{"new": 1}, {"new": value}])
    assert list(jsonl.read_records(path)) == [(1, {"old": 1})]
    assert os.listdir(tmp_path) == ["records.jsonl"]


def test_a_failing_iterator_leaves_the_old_file(tmp_path):
    def records():
        yield {"new": 1}
        raise KeyboardInterrupt

    path = tmp_path / "records.jsonl"
    jsonl.write_records(path, [{"old": 1}])
    with pytest.raises(KeyboardInterrupt):
        jsonl.write_records(path, records())
    assert list(jsonl.read_records(path)) == [(1, {"old": 1})]
    assert os.listdir(tmp_path) == ["records.jsonl"]


def test_a_killed_process_leaves_the_old_file(tmp_path):
    path = tmp_path / "records.jsonl"
    jsonl.write_records(path, [{"old": 1}])
    program = f"""
import os, signal
from socratic_jax.problems import jsonl

def records():
    for i in range(100_000):
        yield {{"new": i}}
    os.kill(os.getpid(), signal.SIGKILL)

jsonl.write_records({str(path)!r}, records())
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(jsonl.read_records(path)) == [(1, {"old": 1})]
    # What the dead process leaves behind is in nobody's way.
    jsonl.write_records(path, [{"new": 1}])
    assert list(jsonl.read_records(path)) == [(1, {"new": 1})]
