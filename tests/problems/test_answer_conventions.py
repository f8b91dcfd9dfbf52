"""The answer parser against what others publish about GSM8K, on the table of cases and on all gold solutions.

Conventions, read in their repositories; only their regular expressions are taken:

* "marker": OpenAI's grade-school-math (grade_school_math/dataset.py), which lm-evaluation-harness calls
  strict-match (lm_eval/tasks/gsm8k/gsm8k.yaml): the first `#### (\\-?[0-9\\.\\,]+)`.
* "last number": the harness' flexible-extract: the last `(-?[$0-9.,]{2,})|(-?[0-9]+)`.

Both are then compared as text, the harness without commas, dollar signs and a dot at the end.
"""

import json
import os
import re
from fractions import Fraction
from pathlib import Path

import pytest

from socratic_jax.problems import answers

TABLE = Path(__file__).with_name("answer_cases.jsonl")
CASES = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]
FOLDER = Path(
    os.environ.get("GSM8K_DIR", Path(__file__).resolve().parents[2].parent / "shared" / "data" / "gsm8k")
)
GOLD = [FOLDER / f"{name}.jsonl" for name in ("train", "test")]

MARKER = re.compile(r"#### (\-?[0-9\.\,]+)")
LAST_NUMBER = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
IGNORED = (",", r"\$", r"\.$")

# Where we decide otherwise, and why. Every row of the table that differs names one of these.
DIFFERENCES = {
    "spelling": "72.0, 072 and 72 are one number, .5 and 0.5 another",
    "fraction": "3/4, 1 1/2 and ½ are read whole: a 3, a 1 or a 2 would be another number",
    "exponent": "1e3 is a thousand, and no 1",
    "typography": "a minus is a minus in any of its characters",
    "currency": "a currency sign is dropped after the marker, as the last number's convention does",
    "groups": "thousands may stand apart, after a currency sign or by narrow spaces",
    "decoration": "bold, brackets, quotes, a plus and an equals sign around a number are not the number",
    "dots": "an ellipsis is no part of a number",
    "sign": "in 10-5 the minus subtracts",
    "no number": "a time, an ordinal, a date, a power, a name, a list or a broken 12,34 is not an answer",
    "too long": "a digit that is repeated for ever is not an answer",
    "last marker": "who writes the marker again has changed his mind",
    "announced": "what a text calls its answer counts before the last number in it",
}

# The gold solutions without their last line, "#### 72", whose last number we read otherwise:
# file/line -> (the convention's, ours).
GOLD_DIFFERENCES = {
    "train/33": ("3", "10"),  # "10 meters after the 3rd turn"
    "train/159": ("13", "6"),  # "6 miles on the 13th day"
    "train/312": ("2", "57"),  # "57 empty seats on the bus after the 2nd stop"
    "train/920": ("3", "2950"),  # "2950 songs on her mp3 player"
    "train/2518": ("000", "100000"),  # "$100 000"
    "train/3385": ("3", "6"),  # "6 bottles of vitamin D3"
    "train/4128": ("4", "120"),  # "120 daisies were sold on the 4th day"
    "train/4350": ("00", "7"),  # "7 minutes after 6:00 AM"
    "train/5447": ("10", "2"),  # "2 minutes to get to the 10th floor"
    "train/5522": ("00", "2"),  # "<<6-4=2>>2:00 am"
    "train/5598": ("00", "3"),  # "4+3 = 7:00 pm"; the gold answer is 7
    "train/6974": ("4", "0.75"),  # "300 hours to fill the tank to 3/4"
    "train/7003": ("00", "8"),  # "18- 8 = 10:00 am"; the gold answer is 10
    "train/7140": ("4", "25"),  # "25 books in each, by the 4th step"
    "train/7242": ("2", "0.5"),  # "$75 if she can sell 1/2 of the roses"
    "train/7324": ("00", "5"),  # "<<8-3=5>>5:00 pm"
    "test/267": ("000", "118000"),  # "$118 000"
    "test/660": ("3", "1/3"),  # "$3 more than ... 1/3 pound walnuts"
    "test/1002": ("00", "2"),  # "<<5-3=2>>2:00 pm"
}


def marker(text):
    match = MARKER.search(text)
    return match and compared(match[1])


def last_number(text):
    found = LAST_NUMBER.findall(text)
    return compared((found[-1][0] or found[-1][1]).strip()) if found else None


def compared(text):
    for pattern in IGNORED:
        text = re.sub(pattern, "", text)
    return text


CONVENTIONS = {"strict": marker, "flexible": last_number}


def number(text):
    """A convention's text if it is a number at all ("...5" and "" can never be right)."""
    return text if text and re.fullmatch(r"-?(\d+(\.\d*)?|\.\d+)", text) else None


@pytest.fixture(scope="module")
def solutions():
    if not all(file.exists() for file in GOLD):
        pytest.skip(f"no GSM8K in {FOLDER}; GSM8K_DIR names its folder")
    return {
        f"{file.stem}/{place}": json.loads(line)["answer"]
        for file in GOLD
        for place, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    }


def test_the_table_is_large_and_its_reasons_are_all_used():
    assert sum(case["kind"] == "number" for case in CASES) >= 150
    assert {case["differs"] for case in CASES} - {""} == DIFFERENCES.keys()


@pytest.mark.parametrize("case", [c for c in CASES if c["kind"] == "number"], ids=lambda case: case["text"])
def test_ours_is_the_convention_except_where_the_table_says_why(case):
    theirs = number(CONVENTIONS[case["mode"]](case["text"]))
    assert (theirs == case["answer"]) == (not case["differs"])
    if case["differs"] == "spelling":
        assert Fraction(theirs) == Fraction(case["answer"])


def test_gold_solutions_are_read_as_both_conventions_do(solutions):
    for text in solutions.values():
        assert answers.extract(text, "strict") == answers.extract(text) == marker(text) == last_number(text)


def test_gold_solutions_without_the_marker_end_in_the_convention_s_number(solutions):
    differences = {}
    for place, text in solutions.items():
        body = text.rsplit("\n####", 1)[0]
        ours, theirs = answers.extract(body), last_number(body)
        if number(theirs) is None or ours is None or Fraction(theirs) != Fraction(ours):
            differences[place] = (theirs, ours)
    assert differences == GOLD_DIFFERENCES
