"""The check that no problem is trained on and scored."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_jax.problems import contamination, gsm8k, strategyqa, suites, svamp
from socratic_jax.problems.contamination import Overlap
from socratic_jax.problems.problem import Problem, ProblemError

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"no data in {REAL}")


def problem(name: str, question: str) -> Problem:
    return Problem(name, question, "1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann has 3 pens.", "ann has 3 pens"),
        ("Ann has 3 pens.", "Ann  has\n3 pens ."),
        ("Ann's t-shirts", "Ann ' s t - shirts"),
        ("She said “no”.", 'She said "no".'),
        ("It costs $ 3", "It costs $3"),
        ("1,200 pens", "1200 pens"),
        ("caf\u00e9", "cafe\u0301"),
    ],
)
def test_the_same_problem(one, other):
    assert contamination.normalized(one) == contamination.normalized(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann has 3 pens.", "Ann has 4 pens."),
        ("Ann has 3.5 pens.", "Ann has 35 pens."),
        ("Ann has 3.5 pens.", "Ann has 3 5 pens."),
        ("Ann has 12 pens", "Ann has 1 2 pens"),
        ("It is -5 degrees", "It is 5 degrees"),
        ("Ann has 3 pens.", "Bob has 3 pens."),
        ("?!", "!?"),
        ("Привет 3", "Пока 3"),
    ],
)
def test_another_problem(one, other):
    assert contamination.normalized(one) != contamination.normalized(other)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text("aBé3 .,-$'?/"))
def test_case_and_spaces_never_matter(text):
    text = f"Ann {text}"
    key = contamination.normalized(text)
    assert contamination.normalized(text.upper()) == key
    assert contamination.normalized("  " + text.replace(" ", " \n ")) == key


def test_overlaps_name_both_and_the_suite():
    train = [problem("t1", "Two and 2?"), problem("t2", "Only here"), problem("t3", "THREE")]
    found = contamination.overlaps(
        train,
        {
            "a": [problem("a1", "three!"), problem("a2", "Three")],
            "b": [problem("b1", "two and 2"), *train[2:]],
        },
    )
    assert found == [Overlap("t1", "b1", "b"), Overlap("t3", "a1", "a"), Overlap("t3", "t3", "b")]
    assert contamination.overlaps(train, {}) == []


def test_check_refuses_and_says_which():
    train = [problem(f"t{i}", f"Problem {i}?") for i in range(6)]
    contamination.check(train, {"gsm8k, split test": [problem("s1", "Another problem")]})
    suites = {
        "svamp, split test": [problem(f"s{i}", f"problem {i}") for i in range(4)],
        "mine.jsonl": [problem("m", "PROBLEM 5")],
    }
    with pytest.raises(ProblemError) as error:
        contamination.check(train, suites, "svamp, split train")
    assert str(error.value) == (
        "problems of svamp, split train are among those to be scored: "
        "4 in svamp, split test and 1 in mine.jsonl "
        "(t0 = s0, t1 = s1, t2 = s2 and 2 more); take them out of the training data, or score another split"
    )


def test_without_takes_them_out():
    train = [problem("t1", "One"), problem("t2", "Two")]
    left, found = contamination.without(train, {"a": [problem("a1", "one?")]})
    assert left == train[1:]
    assert found == [Overlap("t1", "a1", "a")]


def test_a_hundred_thousand_problems_take_seconds():
    words = " ".join(f"word{i}" for i in range(15))
    train = [problem(f"t{i}", f"{words} {i} pens?") for i in range(100_000)]
    scored = [problem(f"s{i}", f"{words} {i} Pens") for i in range(99_999, 110_000)]
    start = time.process_time()
    assert len(contamination.overlaps(train, {"s": scored})) == 1
    assert time.process_time() - start < 20  # About 1 on an idle core.


@needs_real_data
def test_real_splits_share_nothing_but_what_is_said():
    svamp_splits = {split: svamp.load(split, REAL / "svamp") for split in svamp.SPLITS}
    gsm = {split: gsm8k.load(split, REAL / "gsm8k") for split in gsm8k.SPLITS}
    questions = {split: strategyqa.load(split, REAL / "strategyqa") for split in strategyqa.SPLITS}
    mawps = {name: suites.load(name, "test", REAL / "suites") for name in suites.FILES}
    contamination.check(
        gsm["train"] + gsm["validation"], {"test": gsm["test"], "svamp": svamp_splits["all"], **mawps}
    )
    contamination.check(gsm["train"], {"validation": gsm["validation"]})
    contamination.check(svamp_splits["train"], {"test": svamp_splits["test"], **mawps, "gsm8k": gsm["test"]})
    contamination.check(
        questions["train"], {"validation": questions["validation"], "test": questions["test"]}
    )
    contamination.check(questions["validation"], {"test": questions["test"]})
    with pytest.raises(
        ProblemError, match=r"700 in all and 163 in two_operators \(svamp/chal-1 = svamp/chal-1, "
    ):
        contamination.check(svamp_splits["train"], {s: svamp_splits[s] for s in ("all", "two_operators")})


def test_problems_need_not_be_in_memory(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(json.dumps({"q": i}) for i in range(10)))
    with path.open() as file:
        stream = (problem(f"t{i}", f"Problem {json.loads(line)['q']}") for i, line in enumerate(file))
        assert len(contamination.overlaps(stream, {"s": iter([problem("s", "problem 3")])})) == 1
