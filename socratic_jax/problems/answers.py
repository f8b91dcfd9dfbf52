r"""Finding the answer in a text, and deciding whether it is the right one.

Every accuracy that is reported rests on this file, so nothing else in the package parses answers.

Two published conventions for GSM8K are the measure. OpenAI's grade-school-math reads
`#### (\-?[0-9\.\,]+)`, and lm-evaluation-harness calls that "strict-match" and the last number of
the text "flexible-extract". The modes here follow them, with these decisions (every hard case that
was thought of is in tests/problems/answer_cases.jsonl, with the reason where we differ):

* Of several "#### " markers the last one counts.
* Commas, currency signs, "%" and units are dropped, as in those conventions: "50%" is 50, because
  that is how GSM8K writes its gold answers, and "3 million" is 3.
* "3/4" is a fraction, "1 1/2" and "1½" are mixed numbers, "1e3" is 1000, "72.0" is 72, and
  "$118 000" is 118000.
* What has the looks of a number but is none is no answer and hides no answer either: a time
  ("3:30"), a list ("12,34"), a version ("1.2.3"), a power ("10^2"), a date ("1/2/2024"), an ordinal
  ("2nd"), a name ("A4", "x2"). The last number of a text is looked for past them.
* A minus belongs to a number when it touches it and nothing that could be subtracted from:
  "-5", "-$5" and "$-5" are negative, "10-5" and "10 - 5" end in 5.
* Comparison is exact over rational numbers. There is no tolerance: "0.33" is not "1/3".
"""

import dataclasses
import re
from collections.abc import Callable, Iterator
from fractions import Fraction

from socratic_jax.problems.expressions import format_number

MODES = ("strict", "flexible")
_MAX_DIGITS = 80  # of an answer; a model that repeats one digit for ever has none
_SEGMENT = 300  # characters after "the answer is" in which the answer must be

# A run of digits and separators is taken whole and judged afterwards, so that no part of "3:30" or
# of "12,34" passes for a number.
_RUN = re.compile(
    r"""
    (?: (?<![0-9A-Za-z)%.]) (?P<sign>[-+]) )?
    (?: [$€£¥₹]\s? (?P<inner>-)? )?
    (?<![0-9A-Za-z_^]) (?<![0-9]\.)
    (?P<body>
        [0-9]+[ ][0-9]+/[0-9]+ (?![0-9.,:/^]*[0-9])
      | (?: (?<!\.)\.[0-9]+ | [0-9]+ ) (?: [.,:/^]-?\.?[0-9]+ )*
        (?: [eE][-+]?[0-9]{1,2}(?![0-9A-Za-z]) )?
    )
    (?P<ordinal> (?:st|nd|rd|th)\b )?
    """,
    re.VERBOSE,
)
_DECIMAL = re.compile(
    r"((?:[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)([eE][-+]?[0-9]+)?"
)
_DECORATION = re.compile(r"[\s*_`\"'“‘(\[{:=≈~$\\]*")
# "48 clips / 2 =" before the answer itself, but not "5 because 2+3 =", "5, as 2+3 =", "5 (2+3 =".
_WORKING = re.compile(
    r"(?: [^A-Za-z(,;] | ,(?!\s) | (?<![0-9A-Za-z]\s)\( "
    r"  | (?!(?:because|since|as|so|and|which|where|when|if|for|given)\b)[A-Za-z]+(?![A-Za-z]) )*=",
    re.IGNORECASE | re.VERBOSE,
)
_YES_NO = re.compile(r"\b(?:(not)\s+)?(yes|no|true|false)\b", re.IGNORECASE)
_EITHER = re.compile(r"\b(?:yes\s*(?:or|/)\s*no|true\s*(?:or|/)\s*false)\b", re.IGNORECASE)
# "no" decides where it is a clause of its own ("No, he can't", "so no."), not in "no apples".
_NO_ENDS = re.compile(r"\s*(?:[.,;:!?)\]}\"'”’*<—]|\n|$)|\s+-")
_NO_STARTS = frozenset('.!?:\n*>"“(')
_SUBJECT = re.compile(
    r"\s+(?:he|she|it|they|we|you|i|the|this|that|these|those|there|because|since|not)\b", re.I
)
_MARKER = {"strict": re.compile(r"#### "), "flexible": re.compile(r"####")}
_ANSWER_IS = re.compile(
    # Not "2 points/answer = 48", "the third answer was 1400".
    r"(?<!\bto )(?<!/)(?<!\bfirst )(?<!\bsecond )(?<!\bthird )(?<!\bnext )"
    r"\banswer(?:\s+(?:to|for|of|in)\s+\w+(?:\s+\w+){0,3}?)?[*_\s]*"
    r"(?:\b(?:is|was|would be|will be|must be|comes to|equals)\b|=|:)[*_]*:?\s*",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\\f?box(?:ed)?\s*\{")
_FRACTION = re.compile(r"(?:(?<=[0-9])(\s*))?\\[dt]?frac\s*\{\s*([^{}]*?)\s*\}\s*\{\s*([^{}]*?)\s*\}")
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5"}
_VULGAR |= {"⅗": "3/5", "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8"}
_VULGAR |= {"⅞": "7/8"}
_VULGAR_SIGN = re.compile(f"([0-9]?)([{''.join(_VULGAR)}])")
_MONEY_IN_GROUPS = re.compile(r"(?<=[$€£¥₹])[1-9][0-9]{0,2}(?: [0-9]{3})+(?![0-9.,:/^]*[0-9])")
_CHARACTERS = str.maketrans(dict.fromkeys("−–‐‑﹣－", "-"))


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """What an answer can be; a new kind of answer is one more row of KINDS.

    Each function takes normalised text and returns canonical answers.

    Attributes:
      whole: the answer that the text is, or None.
      leading: the answer that the text begins with, or None.
      every: every answer in the text, in order.
    """

    whole: Callable[[str], str | None]
    leading: Callable[[str], str | None]
    every: Callable[[str], Iterator[str]]


def extract(text: str, mode: str = "flexible", kind: str = "number") -> str | None:
    r"""Finds the answer that a text gives.

    Args:
      text: what a model or a person wrote.
      mode: "strict": what follows the last "#### ", and nothing else. "flexible": the first of
        these that gives an answer: the last "####"; the last "the answer is ..." or "answer: ...";
        the last \boxed{...}; the last number of the text, or the last yes, no, true or false that
        decides something.
      kind: "number" or "yes_no", what to look for.

    Returns:
      The canonical answer ("72", "-0.5", "1/3", "yes"), or None where there is none.

    Raises:
      ValueError: an unknown mode or kind; the message lists the valid ones.
    """
    if mode not in MODES:
        raise ValueError(f"unknown extraction mode {mode!r}; the modes are {', '.join(MODES)}")
    if kind not in KINDS:
        raise ValueError(f"unknown kind of answer {kind!r}; the kinds are {', '.join(KINDS)}")
    parser = KINDS[kind]
    text = _normalize(text)
    markers = list(_MARKER[mode].finditer(text))
    answer = parser.leading(text[markers[-1].end() :].split("\n", 1)[0]) if markers else None
    if mode == "strict" or answer is not None:
        return answer
    for segment in (*_said(text), *_boxed(text)):
        # "The answer is 48/2 = 24": the working comes first. "... is that she has 5": words do.
        working = _WORKING.match(segment.split(". ")[0])
        answer = parser.leading(segment[working.end() :]) if working else None
        answer = answer or next(parser.every(segment), None)
        if answer is not None:
            return answer
    found = list(parser.every(text))
    return found[-1] if found else None


def canonical(text: str) -> str | None:
    """Writes a gold answer in the one way that answers are compared in.

    Args:
      text: an answer and nothing else: "1,200", "$5.00", "50%", "1 1/2", "Yes", "True.".

    Returns:
      "1200", "5", "50", "1.5", "yes", "yes"; None where the text is not an answer of any kind
      (units are not dropped here: "5 km" in a data set is for its author to decide).
    """
    text = _normalize(text).strip()
    return next((found for kind in KINDS.values() if (found := kind.whole(text))), None)


def kind_of(answer: str) -> str:
    """The kind of a gold answer, a key of KINDS.

    Raises:
      ValueError: the answer is of no kind.
    """
    text = _normalize(answer).strip()
    for name, kind in KINDS.items():
        if kind.whole(text) is not None:
            return name
    raise ValueError(f"answer {answer!r} is of no known kind; the kinds are {', '.join(KINDS)}")


def same(predicted: str | None, gold: str) -> bool:
    """Whether a predicted answer is right.

    Exact: numbers are compared as rational numbers ("72.0" is "72", "1/2" is "0.5"), without any
    tolerance and without rounding.

    Args:
      predicted: an answer as `extract` returns it (or as a person writes it); None is never right.
      gold: the right answer.

    Raises:
      ValueError: the gold answer is of no known kind.
    """
    kind = KINDS[kind_of(gold)]
    if predicted is None:
        return False
    found = kind.whole(_normalize(predicted).strip())
    # Canonical text is the same exactly where the value is.
    return found is not None and found == canonical(gold)


def _normalize(text: str) -> str:
    """Rewrites typography and LaTeX that stands for plain characters."""
    text = text.translate(_CHARACTERS)
    text = _VULGAR_SIGN.sub(lambda m: (m[1] and m[1] + " ") + _VULGAR[m[2]], text)
    text = re.sub(r"(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))", "", text)
    # "$118 000". Without the currency two numbers can stand side by side: "all 12 345-page books".
    text = _MONEY_IN_GROUPS.sub(lambda m: m[0].replace(" ", ""), text)
    if "\\" in text:
        text = _FRACTION.sub(
            lambda match: (" " if match[1] is not None else "") + f"{match[2]}/{match[3]}", text
        )
        text = re.sub(r"\\([$%#])", r"\1", re.sub(r"\\[!,]", "", text)).replace("{,}", ",")
    return text


def _value(match: re.Match[str]) -> str | None:
    """The canonical number of a run of digits and separators; None if it is not a number."""
    body = match["body"]
    if match["ordinal"] or _digits(body) > _MAX_DIGITS:
        return None
    whole, _, rest = body.rpartition(" ")
    parts = rest.split("/")
    numbers = [_DECIMAL.fullmatch(part) for part in parts]
    if len(parts) > 2 or not all(numbers):
        return None
    values = [Fraction(number[1].replace(",", "") + (number[2] or "")) for number in numbers]
    value = values[0]
    if len(values) == 2:
        if values[1] == 0 or (whole and value >= values[1]):
            return None
        value = int(whole or 0) + value / values[1]
    answer = format_number(-value if "-" in (match["sign"], match["inner"]) else value)
    return answer if _digits(answer) <= _MAX_DIGITS else None  # 1e99


def _digits(text: str) -> int:
    return sum(char.isdigit() for char in text)


def _number_whole(text: str) -> str | None:
    match = _RUN.match(text)
    if match is None or not re.fullmatch(r"\s?[$€£¥₹%]?\.?", text[match.end() :]):
        return None
    return _value(match)


def _number_leading(text: str) -> str | None:
    match = _RUN.search(text)
    if match is None or not _DECORATION.fullmatch(text[: match.start()]):
        return None
    return _value(match)


def _number_all(text: str) -> Iterator[str]:
    return (value for match in _RUN.finditer(text) if (value := _value(match)) is not None)


def _yes_no_whole(text: str) -> str | None:
    match = _YES_NO.fullmatch(text.rstrip(".! "))
    return _decision(match) if match and not match[1] else None


def _yes_no_leading(text: str) -> str | None:
    match = _YES_NO.match(text, _DECORATION.match(text).end())
    return _decision(match) if match else None


def _yes_no_all(text: str) -> Iterator[str]:
    text = _EITHER.sub("", text)
    for match in _YES_NO.finditer(text):
        if match[2].lower() == "no" and not _NO_ENDS.match(text, match.end()):
            before = text[max(0, match.start() - 20) : match.start()].rstrip(" ")
            starts = not before or before[-1] in _NO_STARTS
            if not (starts and _SUBJECT.match(text, match.end())):
                continue
        yield _decision(match)


def _decision(match: re.Match[str]) -> str:
    positive = match[2].lower() in ("yes", "true")
    return "yes" if positive != bool(match[1]) else "no"


def _said(text: str) -> Iterator[str]:
    """What follows "the answer is", to the end of the line; the last one first."""
    for match in reversed(list(_ANSWER_IS.finditer(text))):
        yield text[match.end() : match.end() + _SEGMENT].lstrip().split("\n", 1)[0]


def _boxed(text: str) -> Iterator[str]:
    """The contents of \\boxed{...}, the last one first."""
    for match in reversed(list(_BOXED.finditer(text))):
        segment, depth = text[match.end() : match.end() + _SEGMENT], 1
        for end, char in enumerate(segment):
            depth += {"{": 1, "}": -1}.get(char, 0)
            if depth == 0:
                segment = segment[:end]
                break
        yield segment


# Order matters where a text could be both; today none can.
KINDS: dict[str, Kind] = {
    "number": Kind(_number_whole, _number_leading, _number_all),
    "yes_no": Kind(_yes_no_whole, _yes_no_leading, _yes_no_all),
}
