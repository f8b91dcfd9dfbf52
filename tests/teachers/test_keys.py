"""Keys come from the environment or a file, and show nowhere."""

import copy
import json
import pickle
import traceback
import urllib.parse

import pytest

from socratic_jax.teachers import keys
from socratic_jax.teachers.teacher import TeacherError

SECRET = "Xq7/secret+key=0123"


def test_the_first_variable_wins(monkeypatch):
    monkeypatch.setenv("B_KEY", "second-key")
    assert keys.load(("A_KEY", "B_KEY")).reveal() == "second-key"
    monkeypatch.setenv("A_KEY", " first-key\n")
    key = keys.load(("A_KEY", "B_KEY"))
    assert (key.reveal(), key.origin) == ("first-key", "A_KEY")


def test_a_file_wins_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("A_KEY", "from-the-environment")
    (tmp_path / "key").write_text(f"{SECRET}\n")
    assert keys.load(("A_KEY",), tmp_path / "key").reveal() == SECRET


def test_no_key(monkeypatch, tmp_path):
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(TeacherError, match="no API key; set A_KEY in the environment, or name a file"):
        keys.load(("A_KEY",))
    assert keys.load(("A_KEY",), required=False).reveal() == ""
    with pytest.raises(TeacherError, match="cannot be read: No such file or directory; check the path"):
        keys.load(("A_KEY",), tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(TeacherError, match="the file is empty"):
        keys.load(("A_KEY",), tmp_path / "empty")


def test_what_cannot_be_a_key_is_refused_without_showing_it(monkeypatch):
    monkeypatch.setenv("A_KEY", "abc def\nX-Header: 1")
    with pytest.raises(TeacherError, match="what is in A_KEY cannot be an API key") as caught:
        keys.load(("A_KEY",))
    assert "abc" not in str(caught.value)


def test_a_key_does_not_print():
    key = keys.ApiKey(SECRET, "A_KEY")
    assert SECRET not in f"{key} {key!r} {[key]}"
    for write in (pickle.dumps, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            write(key)


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        urllib.parse.quote(SECRET, safe=""),
        json.dumps({"error": f"bad key {SECRET}"}),
        f"https://host/v1?key={urllib.parse.quote(SECRET, safe='')}&x=1",
        f"Bearer {SECRET}",
    ],
)
def test_redact_knows_the_spellings(spelling):
    found = keys.ApiKey(SECRET, "A_KEY").redact(f"server says: {spelling}!")
    assert keys.HIDDEN in found
    assert "secret" not in found
    assert found.startswith("server says: ")


@pytest.mark.parametrize(
    "other", ["sk-proj-abcdEFGH1234", "AIzaSyA-1234567890abcdef", "sk-ab***********wxyz"]
)
def test_redact_hides_keys_that_are_not_ours(other):
    assert keys.ApiKey("", "nowhere").redact(f"key {other} is bad") == f"key {keys.HIDDEN} is bad"


def test_redact_leaves_ordinary_text():
    text = "HTTP 429: ask-me later, the task-force is busy (model EMPTY)"
    assert keys.ApiKey("EMPTY", "A_KEY").redact(text) == text


def test_scrub_cleans_a_chain():
    key = keys.ApiKey(SECRET, "A_KEY")
    try:
        try:
            raise ValueError(f"header {SECRET}")
        except ValueError as error:
            raise RuntimeError("call failed") from error
    except RuntimeError as error:
        scrubbed = key.scrub(error)
    with pytest.raises(RuntimeError, match="call failed") as caught:
        raise scrubbed from None
    text = "".join(traceback.format_exception(caught.value))
    assert SECRET not in text
    assert "test_scrub_cleans_a_chain" in text  # Where it came from is still there.


def test_scrub_leaves_clean_errors_alone():
    error = KeyError("nothing secret")
    assert keys.ApiKey(SECRET, "A_KEY").scrub(error) is error
