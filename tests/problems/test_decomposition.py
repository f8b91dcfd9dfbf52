"""Pairing sub-questions and facts that nobody aligned."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_jax.problems.decomposition import sentence, steps
from socratic_jax.problems.problem import Step

DIED, TAKEN, LAST = "When did Mozart die?", "When was the first photograph taken?", "Is #1 after #2?"
MOZART, PHOTO = "Mozart died in 1791.", "The first photograph is from the 1820s."


def test_facts_find_their_questions_in_any_order():
    expected = (Step(DIED, MOZART), Step(TAKEN, PHOTO), Step(LAST, "So the answer is no."))
    for facts in itertools.permutations([MOZART, PHOTO]):
        assert steps([DIED, TAKEN, LAST], facts, "no") == expected


def test_where_words_do_not_decide_the_order_does():
    found = steps(["What is a kiwi?", "What is an emu?", "Do #1 and #2 fly?"], ["It hops.", "It runs."], "no")
    assert [step.solution for step in found] == ["It hops.", "It runs.", "So the answer is no."]


def test_a_fact_more_goes_where_it_shares_words():
    facts = ["Mozart was a composer.", MOZART, PHOTO]
    found = steps([DIED, TAKEN, LAST], facts, "no")
    assert found[0].solution == "Mozart was a composer. Mozart died in 1791."
    found = steps(
        [DIED, TAKEN, "Could #1 see #2, or a daguerreotype?"],
        [MOZART, PHOTO, "A daguerreotype is old."],
        "no",
    )
    assert found[2].solution == "A daguerreotype is old. So the answer is no."


def test_a_question_without_a_fact_is_asked_with_the_next_and_references_follow():
    questions = ["What sport is it?", "Which body parts does #1 need?", "What is a tibia?", "Is #3 in #2?"]
    found = steps(questions, ["Sport needs body parts.", "The tibia is a bone."], "yes")
    assert found == (
        Step("What sport is it? Which body parts does that need?", "Sport needs body parts."),
        Step("What is a tibia?", "The tibia is a bone."),
        Step("Is #2 in #1?", "So the answer is yes."),
    )


def test_one_question_takes_everything():
    assert steps(["Is #1 in #7?"], ["A.", "B."], "yes") == (
        Step("Is that in #7?", "A. B. So the answer is yes."),
    )


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(st.text("ab #12?", min_size=1), min_size=1, max_size=8),
    st.lists(st.text("ab .", min_size=1), max_size=9),
)
def test_every_fact_and_every_question_is_used_once(questions, facts):
    questions = [f"{question} q{index}?" for index, question in enumerate(questions)]
    facts = [f"{fact} f{index}" for index, fact in enumerate(facts)]
    found = steps(questions, facts, "yes")
    told = " ".join(step.solution for step in found)
    asked = " ".join(step.subquestion for step in found)
    assert sorted(word for word in told.split() if word[0] == "f") == sorted(
        fact.split()[-1] for fact in facts
    )
    assert [word for word in asked.split() if word[0] == "q"] == [
        question.split()[-1] for question in questions
    ]
    assert found[-1].solution.endswith("So the answer is yes.")
    assert all(step.solution and step.subquestion for step in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Ice is cold", "Ice is cold."), ("Why?", "Why?"), ('He said "no"', 'He said "no"'), ("a;", "a.")],
)
def test_sentence(text, expected):
    assert sentence(text) == expected
