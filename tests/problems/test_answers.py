"""The answer parser against hard cases by hand, and round trips by hypothesis."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_jax.problems import answers
from socratic_jax.problems.expressions import format_number

TABLE = Path(__file__).with_name("answer_cases.jsonl")
# Each with the reason if a published convention reads another answer; see test_answer_conventions.py.
CASES = [
    (row["mode"], row["kind"], row["text"], row["answer"])
    for row in map(json.loads, TABLE.read_text(encoding="utf-8").splitlines())
]


def test_there_are_many_cases():
    assert len(CASES) >= 150
    assert len({case[:3] for case in CASES}) == len(CASES)


@pytest.mark.parametrize(("mode", "kind", "text", "expected"), CASES)
def test_extract(mode, kind, text, expected):
    assert answers.extract(text, mode, kind) == expected


@pytest.mark.parametrize(("mode", "kind", "text", "expected"), [case for case in CASES if case[3]])
def test_what_is_extracted_is_canonical_and_of_its_kind(mode, kind, text, expected):
    assert answers.canonical(expected) == expected
    assert answers.kind_of(expected) == kind
    assert answers.same(answers.extract(text, mode, kind), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,200", "1200"),
        ("$5.00", "5"),
        ("5 €", "5"),
        ("50%", "50"),
        (" 72. ", "72"),
        ("72.0", "72"),
        ("-$5", "-5"),
        ("1 1/2", "1.5"),
        ("2/6", "1/3"),
        ("1e-07", "0.0000001"),
        ("Yes", "yes"),
        ("NO.", "no"),
        ("true", "yes"),
        ("False", "no"),
        ("5 km", None),
        ("72 clips", None),
        ("3:30", None),
        ("12,34", None),
        ("3 4", None),
        ("five", None),
        ("not true", None),
        ("no apples", None),
        ("#### 72", None),
        ("", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_canonical(text, expected):
    assert answers.canonical(text) == expected


@pytest.mark.parametrize(
    ("predicted", "gold", "expected"),
    [
        ("72", "72", True),
        ("72.0", "72", True),
        ("1,200", "1200", True),
        ("1/2", "0.5", True),
        ("0.33", "1/3", False),
        ("33.33", "100/3", False),
        ("71", "72", False),
        ("yes", "no", False),
        ("True", "yes", True),
        ("yes", "1", False),
        ("1", "yes", False),
        (None, "72", False),
        (None, "yes", False),
        ("seventy-two", "72", False),
        ("", "72", False),
    ],
)
def test_same(predicted, gold, expected):
    assert answers.same(predicted, gold) is expected


def test_unknown_names_are_errors_that_list_the_valid_ones():
    with pytest.raises(ValueError, match=r"mode 'lenient'.* strict, flexible$"):
        answers.extract("72", mode="lenient")
    with pytest.raises(ValueError, match=r"kind of answer 'word'.* number, yes_no$"):
        answers.extract("72", kind="word")
    with pytest.raises(ValueError, match=r"answer 'blue' .* number, yes_no$"):
        answers.kind_of("blue")
    with pytest.raises(ValueError, match="'blue'"):
        answers.same(None, "blue")


fractions = st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=10**6)


@settings(deadline=None)  # a busy machine is no failure
@given(fractions)
def test_every_number_survives_every_way_of_giving_it(value):
    text = format_number(value)
    assert answers.canonical(text) == text
    assert answers.kind_of(text) == "number"
    assert answers.extract(f"So 3 * 4.\n#### {text}", "strict") == text
    for said in (f"#### {text}", f"The answer is {text}.", f"\\boxed{{{text}}}", f"It is {text}."):
        assert answers.extract(said, "flexible") == text


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(-(10**12), 10**12))
def test_thousands_and_currency_do_not_change_a_number(value):
    sign = "-" if value < 0 else ""
    for text in (f"{value:,}", f"{sign}${abs(value):,}", f"{value:,}.00", f"{value} %"):
        assert answers.canonical(text) == str(value)
        assert answers.extract(f"#### {text}", "strict") == str(value)


@settings(deadline=None)  # a busy machine is no failure
@given(fractions, fractions)
def test_same_is_equality_of_values(left, right):
    assert answers.same(format_number(left), format_number(right)) == (left == right)
    assert answers.same(f"{left.numerator}/{left.denominator}", format_number(left))


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(), st.sampled_from(answers.MODES), st.sampled_from(list(answers.KINDS)))
def test_any_text_gives_none_or_a_canonical_answer(text, mode, kind):
    answer = answers.extract(text, mode, kind)
    assert answer is None or (answers.canonical(answer) == answer and answers.kind_of(answer) == kind)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text("0123456789 .,:/^-+$%#=xe\\{}()½\n", max_size=60))
def test_number_soup_gives_none_or_a_number(text):
    answer = answers.extract(text)
    assert answer is None or Fraction(answer) is not None


def test_a_long_text_is_no_slower_than_its_length():
    # With quadratic matching this takes minutes.
    for piece in ("1", "1,", "a ", "answer is ", "\\boxed{", "no ", "1=", " (", "####"):
        assert answers.extract(piece * 5_000) != ""
