"""What vendors say, and what follows from it."""

import email.utils
import json

import pytest

from socratic_jax.teachers.faults import (
    BLOCKED,
    FATAL,
    REFUSED,
    TRANSIENT,
    from_response,
    one_line,
    retry_after,
)

NOW = 1_700_000_000.0


def google(code, message, status, *details):
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}})


def openai(message, code):
    return json.dumps({"error": {"message": message, "type": "x", "param": None, "code": code}})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, "", TRANSIENT),
        (500, openai("oops", None), TRANSIENT),
        (503, "<html>busy</html>", TRANSIENT),
        (529, "", TRANSIENT),
        (408, "", TRANSIENT),
        (400, openai("too long", "context_length_exceeded"), REFUSED),
        (413, "", REFUSED),
        (422, "", REFUSED),
        (400, openai("no", "content_filter"), BLOCKED),
        (401, openai("bad key", "invalid_api_key"), FATAL),
        (403, google(403, "no", "PERMISSION_DENIED"), FATAL),
        (404, google(404, "no such model", "NOT_FOUND"), FATAL),
        (301, "", FATAL),
        (429, openai("pay", "insufficient_quota"), FATAL),
        # Google's 400 for a key that it does not know.
        (400, google(400, "x", "INVALID_ARGUMENT", {"reason": "API_KEY_INVALID"}), FATAL),
        (400, google(400, "API key not valid.", "INVALID_ARGUMENT"), FATAL),
        (400, google(400, "temperature", "INVALID_ARGUMENT"), REFUSED),
        (400, google(400, "location", "FAILED_PRECONDITION"), FATAL),
        (429, google(429, "x", "RESOURCE_EXHAUSTED", {"retryDelay": "3s"}), TRANSIENT),
        (429, google(429, "x", "R", {"violations": [{"quotaId": "RequestsPerDayPerProject"}]}), FATAL),
        (429, google(429, "x", "R", {"violations": [{"quotaId": "RequestsPerMinute"}]}), TRANSIENT),
    ],
)
def test_kinds(status, body, kind):
    fault = from_response(status, body, {}, NOW)
    assert fault.kind == kind
    assert str(fault).startswith(f"HTTP {status}: ")


@pytest.mark.parametrize(
    "body", ["", "[]", "[1]", "null", '"x"', "{", '{"error": "so"}', '{"error": {"details": 3}}']
)
def test_any_body_gives_a_message(body):
    assert len(str(from_response(500, body, {}, NOW))) > len("HTTP 500: ")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0.5 ", 0.5),
        ("0", 0.0),
        (email.utils.formatdate(NOW + 90, usegmt=True), 90.0),
        (email.utils.formatdate(NOW - 90, usegmt=True), 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("99999999999999999999", None),
    ],
)
def test_retry_after(value, seconds):
    assert retry_after(value, NOW) == seconds


def test_the_header_in_any_case_wins_over_the_body():
    body = google(429, "x", "R", {"retryDelay": "37s"})
    assert from_response(429, body, {}, NOW).retry_after == 37.0
    assert from_response(429, body, {"RETRY-AFTER": "5"}, NOW).retry_after == 5.0


def test_a_page_becomes_one_short_line():
    page = "<html><style>p {color: red}</style><body>\n<h1>Over&amp;loaded</h1>\x00\n" + "x" * 1000
    line = one_line(page)
    assert line.startswith("Over&loaded xxx")
    assert len(line) == 300
    assert "\n" not in line
