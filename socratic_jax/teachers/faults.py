"""What can go wrong with a call, and what follows from it: a table of causes, not of exceptions.

Vendors say the same few things in many ways. A fault is what was said, in one of these kinds:

  transient  try again later (rate limits, overload, broken connections, nonsense from a proxy)
  refused    this request is at fault, and asking again would give the same
  blocked    the vendor will not answer this prompt, for its content
  fatal      every further call would fail too: a bad key, no such model, no money left
"""

import email.utils
import html
import json
import re
from collections.abc import Mapping
from typing import Any

TRANSIENT, REFUSED, BLOCKED, FATAL = "transient", "refused", "blocked", "fatal"

_LONGEST = 300  # characters of a server's message that are kept
_TRANSIENT_4XX = {408, 409, 425, 429, 499}
_FATAL_4XX = {401, 402, 403, 404, 405, 407}
# Vendors' own words, in "code", "status", "reason" and quota ids.
_FATAL_WORDS = {"API_KEY_INVALID", "FAILED_PRECONDITION", "insufficient_quota", "billing_hard_limit_reached"}
_BLOCKED_WORDS = {"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"}


class Fault(Exception):
    """A call that gave no reply.

    Attributes:
      kind: one of the four above.
      retry_after: seconds that the server asks to wait; None if it does not say.
    """

    def __init__(self, kind: str, message: str, retry_after: float | None = None):
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after


def from_response(status: int, body: str, headers: Mapping[str, str], now: float) -> Fault:
    """The fault that an HTTP response with an error status stands for.

    Args:
      status: of the response, anything but 200.
      body: of the response, in whatever format.
      headers: of the response; names in any case.
      now: seconds since 1970, which a Retry-After date is compared with.
    """
    error = _error_object(body)
    words = _words(error)
    message = f"HTTP {status}: {_message(error, body)}"
    waits = {name.lower(): value for name, value in headers.items()}
    wait = retry_after(waits.get("retry-after"), now)
    if wait is None:
        wait = _retry_delay(error)
    # Google answers 400, not 401, to a key that it does not know.
    if words & _FATAL_WORDS or (status == 400 and "api key" in message.lower()):
        return Fault(FATAL, message)
    if words & _BLOCKED_WORDS:
        return Fault(BLOCKED, message)
    if status == 429 and any("PerDay" in word for word in words):
        return Fault(FATAL, message + " (the quota of the day is used up: go on tomorrow)")
    if status in _TRANSIENT_4XX or status >= 500:
        return Fault(TRANSIENT, message, wait)
    if status in _FATAL_4XX or status < 400:  # A redirection: the address is not that of the API.
        return Fault(FATAL, message)
    return Fault(REFUSED, message)


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait by a Retry-After header: a number of seconds, or a date.

    Args:
      value: of the header.
      now: seconds since 1970.

    Returns:
      At least 0; None if there is no such header or it makes no sense.
    """
    value = (value or "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d*)?", value):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None


def one_line(text: str) -> str:
    """A text from outside, fit for an error message: one line without markup, not too long."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    text = " ".join("".join(c if c.isprintable() else " " for c in html.unescape(text)).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _error_object(body: str) -> Mapping[str, Any]:
    """The error object of a JSON body, as Google and OpenAI write it; empty if there is none."""
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(record, list) and record:
        record = record[0]
    error = record.get("error", record) if isinstance(record, dict) else {}
    return error if isinstance(error, dict) else {"message": str(error)}


def _message(error: Mapping[str, Any], body: str) -> str:
    return one_line(str(error.get("message") or "") or body) or "no explanation"


def _words(error: Mapping[str, Any]) -> set[str]:
    """The machine-readable words of an error."""
    words = {str(error[name]) for name in ("code", "status", "type") if error.get(name)}
    for detail in _details(error):
        words |= {str(detail[name]) for name in ("reason",) if detail.get(name)}
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict) and violation.get("quotaId"):
                words.add(str(violation["quotaId"]))
    return words


def _retry_delay(error: Mapping[str, Any]) -> float | None:
    """Google's way to say it: a RetryInfo among the details, "retryDelay": "37s"."""
    for detail in _details(error):
        match = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
        if match:
            return float(match[1])
    return None


def _details(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = error.get("details")
    return [d for d in details if isinstance(d, dict)] if isinstance(details, list) else []
