"""The answer parser against hard cases by hand, and round trips by hypothesis."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_jax.problems import answers
from socratic_jax.problems.expressions import format_number

S, F, N, Y = "strict", "flexible", "number", "yes_no"

# (mode, kind, text, expected)
CASES = [
    # Strict: what follows the last "#### ".
    (S, N, "#### 72", "72"),
    (S, N, "She sold 48/2=<<48/2=24>>24.\n#### 72", "72"),
    (S, N, "#### 72\n", "72"),
    (S, N, "#### 72 clips", "72"),
    (S, N, "#### 72.", "72"),
    (S, N, "####  72", "72"),
    (S, N, "####72", None),
    (S, N, "### 72", None),
    (S, N, "##### 72", "72"),
    (S, N, "The answer is 72", None),
    (S, N, "72", None),
    (S, N, "", None),
    (S, N, "#### ", None),
    (S, N, "#### \n72", None),
    (S, N, "#### 1\n#### 2", "2"),
    (S, N, "#### 1\n#### ", None),
    (S, N, "#### 1,200", "1200"),
    (S, N, "#### 109,200,000", "109200000"),
    (S, N, "#### 1,00,000", "100000"),
    (S, N, "#### 12,34", None),
    (S, N, "#### -5", "-5"),
    (S, N, "#### −5", "-5"),
    (S, N, "#### –5", "-5"),
    (S, N, "#### - 5", None),
    (S, N, "#### +5", "5"),
    (S, N, "#### -0", "0"),
    (S, N, "#### 007", "7"),
    (S, N, "#### $5", "5"),
    (S, N, "#### $5.00", "5"),
    (S, N, "#### $ 5", "5"),
    (S, N, "#### -$5", "-5"),
    (S, N, "#### $-5", "-5"),
    (S, N, "#### 5$", "5"),
    (S, N, "#### 5 €", "5"),
    (S, N, "#### €5", "5"),
    (S, N, "#### £1,250.50", "1250.5"),
    (S, N, "#### \\$18", "18"),
    (S, N, "#### 50%", "50"),
    (S, N, "#### 12.5 %", "12.5"),
    (S, N, "#### 0.5", "0.5"),
    (S, N, "#### .5", "0.5"),
    (S, N, "#### -.5", "-0.5"),
    (S, N, "#### 72.0", "72"),
    (S, N, "#### 72.50", "72.5"),
    (S, N, "#### 3/4", "0.75"),
    (S, N, "#### 1/3", "1/3"),
    (S, N, "#### -1/3", "-1/3"),
    (S, N, "#### 6/4", "1.5"),
    (S, N, "#### 1 1/2", "1.5"),
    (S, N, "#### -1 1/2", "-1.5"),
    (S, N, "#### 1½", "1.5"),
    (S, N, "#### ¾", "0.75"),
    (S, N, "#### 1/0", None),
    (S, N, "#### 1/2/2024", None),
    (S, N, "#### 3:30", None),
    (S, N, "#### 3:2", None),
    (S, N, "#### 1.2.3", None),
    (S, N, "#### 10^2", None),
    (S, N, "#### 1e3", "1000"),
    (S, N, "#### 2.5e-1", "0.25"),
    (S, N, "#### 1e99", None),
    (S, N, "#### 0.3333333333333333", "3333333333333333/10000000000000000"),
    (S, N, "#### 2nd", None),
    (S, N, "#### x = 72", None),
    (S, N, "#### x", None),
    (S, N, "#### seventy-two", None),
    (S, N, "#### **72**", "72"),
    (S, N, "#### (72)", "72"),
    (S, N, "#### = 72", "72"),
    (S, N, "#### 72apples", "72"),
    (S, N, "#### 5kg", "5"),
    (S, N, "#### 3 million", "3"),
    (S, N, "#### " + "9" * 81, None),
    (S, N, "#### " + "9" * 80, "9" * 80),
    (S, N, "#### yes", None),
    # Flexible: the marker first.
    (F, N, "#### 72", "72"),
    (F, N, "####72", "72"),
    (F, N, "The answer is 5.\n#### 72\nThe answer is 6.", "72"),
    (F, N, "#### 72\nThe 3 of them", "72"),
    (F, N, "The total is 72\n####", "72"),
    (F, N, "The answer is 72 #### x", "72"),
    (F, N, "#### The answer is 72", "72"),
    # Then "the answer is".
    (F, N, "The answer is 72.", "72"),
    (F, N, "the answer is 72 clips in 2 months", "72"),
    (F, N, "The answer is: 72, out of 100", "72"),
    (F, N, "So the final answer is $1,200.00.", "1200"),
    (F, N, "The answer is that she has 72 clips.", "72"),
    (F, N, "The answer is -5 degrees", "-5"),
    (F, N, "The answer is 3/4 of the 12 pies", "0.75"),
    (F, N, "The answer is 1 1/2 hours", "1.5"),
    (F, N, "The answer is 48/2 = 24 clips. All 3 agree", "24"),
    (F, N, "The answer is 48 clips / 2 = 24 clips", "24"),
    (F, N, "The answer is <<48/2=24>>24.", "24"),
    (F, N, "The answer is 48/2 = <<48/2=24>>24.", "24"),
    (F, N, "The answer is x = 24", "24"),
    (F, N, "The answer is 5 because 2+2=4", "5"),
    (F, N, "The answer is 5 (check: 2+2=4)", "5"),
    (F, N, "The answer is 5. Check: 2+2=4", "5"),
    (F, N, "The answer is **72**.", "72"),
    (F, N, "The answer is $\\boxed{72}$. 9", "72"),
    (F, N, "**Answer:** 72\n\nThis took 3 steps.", "72"),
    (F, N, "Answer: 72\n1", "72"),
    (F, N, "ANSWER:\n72\n1", "72"),
    (F, N, "Final Answer = 72 (3 parts)", "72"),
    (F, N, "The answer to the question is 72 in 3 days", "72"),
    (F, N, "The answer in dollars is 72 for 3", "72"),
    (F, N, "The answer would be 72 for 3", "72"),
    (F, N, "The answer is 5. No wait, the answer is 6. 7", "6"),
    (F, N, "The answer is unclear. I count 7", "7"),
    (F, N, "The answer is 3:30 pm, 7 hours", "7"),
    (F, N, "To answer this is hard: 3 and 4 make 7", "7"),
    (F, N, "Her answers are 3 and 7", "7"),
    # Then \boxed.
    (F, N, "\\boxed{72} and 3 more", "72"),
    (F, N, "$\\boxed{1}$ then $\\boxed{72}$ 3", "72"),
    (F, N, "\\boxed{72\\text{ clips}} 3", "72"),
    (F, N, "\\boxed{\\frac{3}{4}} 5", "0.75"),
    (F, N, "\\boxed{-\\dfrac{1}{3}} 5", "-1/3"),
    (F, N, "\\boxed{2\\frac{1}{2}} 5", "2.5"),
    (F, N, "\\boxed{\\$1{,}200} 5", "1200"),
    (F, N, "\\boxed{1\\,200} 5", "1200"),
    (F, N, "\\boxed{50\\%} 5", "50"),
    (F, N, "\\boxed{x = 72} 5", "72"),
    (F, N, "\\boxed{\\text{none}} 5", "5"),
    (F, N, "\\boxed{72", "72"),
    # Then the last number.
    (F, N, "72", "72"),
    (F, N, "48 + 24 = 72 clips", "72"),
    (F, N, "Natalia sold 48+24 = <<48+24=72>>72 clips.", "72"),
    (F, N, "She pays $1,200.", "1200"),
    (F, N, "It is -5", "-5"),
    (F, N, "It is 10-5", "5"),
    (F, N, "It is 10 - 5", "5"),
    (F, N, "It is 10–5", "5"),
    (F, N, "It is 10−$5", "5"),
    (F, N, "a - 5", "5"),
    (F, N, "It is (-5)", "-5"),
    (F, N, "= -5", "-5"),
    (F, N, "- 5 apples", "5"),
    (F, N, "He gets 5 on the 2nd day", "5"),
    (F, N, "5 kg at 3:30", "5"),
    (F, N, "5 as in A4", "5"),
    (F, N, "5 by 1/2/2024", "5"),
    (F, N, "a ratio of 3:2", None),
    (F, N, "3, 4, 5", "5"),
    (F, N, "3,4", None),
    (F, N, "5x3=15", "15"),
    (F, N, "6 m²", "6"),
    (F, N, "is...5", "5"),
    (F, N, "5...", "5"),
    (F, N, "1\u202f200 m", "1200"),
    (F, N, "no number here", None),
    (F, N, "", None),
    (F, N, "...", None),
    (F, N, "$", None),
    (F, N, "-", None),
    (F, N, "yes", None),
    # Yes and no, strict.
    (S, Y, "#### yes", "yes"),
    (S, Y, "#### No", "no"),
    (S, Y, "#### True.", "yes"),
    (S, Y, "#### FALSE", "no"),
    (S, Y, "#### **Yes**", "yes"),
    (S, Y, "#### not true", "no"),
    (S, Y, "#### 72", None),
    (S, Y, "#### nothing", None),
    (S, Y, "#### none", None),
    (S, Y, "Yes", None),
    (S, Y, "#### yes\n#### no", "no"),
    # Yes and no, flexible.
    (F, Y, "Yes", "yes"),
    (F, Y, "no", "no"),
    (F, Y, "No, he cannot.", "no"),
    (F, Y, "No he cannot.", "no"),
    (F, Y, "So no.", "no"),
    (F, Y, "Yes. There are no apples left", "yes"),
    (F, Y, "There are no more than 5. True", "yes"),
    (F, Y, "Fish have no legs.", None),
    (F, Y, "No one knows", None),
    (F, Y, "yesterday a noble falsehood", None),
    (F, Y, "Is it yes or no? Hmm", None),
    (F, Y, "Is it yes or no? It is yes", "yes"),
    (F, Y, "The answer is yes. Is that not so? No!", "yes"),
    (F, Y, "So the answer is **No**.", "no"),
    (F, Y, "Answer: true\nfalse", "yes"),
    (F, Y, "Yes\n#### no", "no"),
    (F, Y, "\\boxed{\\text{Yes}} no", "yes"),
    (F, Y, "That is not true", "no"),
    (F, Y, "That is not false", "yes"),
    (F, Y, "First yes, then no", "no"),
    (F, Y, "No - he is too tall", "no"),
    (F, Y, "the no-fly zone", None),
    (F, Y, "72", None),
    (F, Y, "", None),
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
