"""Files that are one JSON list."""

import pytest

from socratic_jax.problems import json_rows
from socratic_jax.problems.problem import ProblemError


def test_rows_know_where_they_are(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf[{"a": "x"},\n {"a": " y  z "}]')
    rows = json_rows.read(path)
    assert [row for _, row in rows] == [{"a": "x"}, {"a": " y  z "}]
    where, row = rows[1]
    assert where == f"{path}: row 2"
    assert json_rows.text(row, "a", where) == "y z"
    assert json_rows.texts({"b": ["p", " ", "q r"]}, "b", where) == ["p", "q r"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[{},\n", "x.json:2: broken JSON at column 1: "),
        (b"[]", "x.json: must be a JSON list of objects, with at least one"),
        (b'{"a": 1}', "x.json: must be a JSON list of objects"),
        (b"[{}, 3]", "x.json: row 2 must be an object, not int"),
        (b"\xff\xff", "x.json: not a JSON file: "),
        (b"[" * 100_000, "x.json: not a JSON file: "),
        (None, "x.json: there is no such file; check the path"),
    ],
)
def test_errors_are_one_line(tmp_path, content, message):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProblemError) as error:
        json_rows.read(path)
    assert str(error.value).startswith(f"{tmp_path}/{message}")
    assert "\n" not in str(error.value)
