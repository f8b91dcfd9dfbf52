import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_jax.problems import arithmetic, renumbering, rewording, sources
from socratic_jax.problems.expressions import equation_holds, find_equations
from socratic_jax.problems.perturbations import PERTURBATIONS, perturb
from socratic_jax.problems.problem import Problem, Step

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
real = pytest.mark.skipif(not (REAL / "gsm8k").exists(), reason="GSM8K is not here")

CLIPS = Problem(
    "clips",
    "Ann sold 48 clips in April. In May she sold half as many, and Ben's shop sold 30. How many in all?",
    "102",
    (
        Step("How many in May?", "Ann sold 48/2 = <<48/2=24>>24 clips in May."),
        Step("How many in all?", "With Ben's 30 that is 48+24+30 = <<48+24+30=102>>102 clips."),
    ),
)
places = st.tuples(
    st.sampled_from(sorted(arithmetic.LEVELS)),
    st.sampled_from(["test", "test_ood"]),
    st.integers(0, 3),
    st.integers(0, 200),
)


def generated(place):
    return arithmetic.problem(*place)


def names_in(text):
    return re.findall(r"\b[A-Z][a-z]+\b", text)


@given(places, st.sampled_from(sorted(PERTURBATIONS)))
def test_generated_problems_keep_their_ids_and_their_steps_are_executed(place, name):
    problem = generated(place)
    changed, left_out = perturb([problem], name)
    assert len(changed) + left_out == 1
    for made in changed:
        arithmetic.check(made)  # Executes the equations, up to the answer.
        assert made.id == problem.id and made.question != problem.question
        assert made.question.endswith(made.steps[-1].subquestion)


@given(places, st.sampled_from(["other_numbers", "larger_numbers", "one_more_step"]))
def test_new_plans_are_of_their_split_and_of_the_size_they_should_be(place, name):
    problem, level = generated(place), arithmetic.LEVELS[place[0]]
    for made in perturb([problem], name)[0]:
        numbers = [int(n) for equation in made.meta["equations"] for n in re.findall("[0-9]+", equation)]
        assert (max(numbers) >= level.max_value) == (name == "larger_numbers")
        more = 1 if name == "one_more_step" else 0
        assert len(made.steps) == len(problem.steps) + more
        if more:
            assert len(made.steps) == level.max_steps + 1
        else:
            assert made.meta["operations"] == problem.meta["operations"]
        assert arithmetic.is_reserved("".join(made.meta["operations"])) == (place[1] == "test_ood")


def test_new_equations_are_never_those_of_training():
    train = {tuple(p.meta["equations"]) for p in arithmetic.problems("chain2to4", "train", 0, 3000)}
    test = arithmetic.problems("chain2to4", "test", 0, 300)
    for name in PERTURBATIONS:
        assert not train & {tuple(made.meta["equations"]) for made in perturb(test, name)[0]}


@given(places)
def test_generated_people_are_renamed_one_to_one_and_nothing_else_changes(place):
    problem = generated(place)
    (made,) = perturb([problem], "renamed_people")[0]
    old, new = re.findall(r"\w+|\W", problem.question), re.findall(r"\w+|\W", made.question)
    pairs = {(a, b) for a, b in zip(old, new, strict=True) if a != b}
    assert len(dict(pairs)) == len({b for _, b in pairs}) == len(pairs) > 0
    assert (made.answer, made.meta) == (problem.answer, problem.meta)
    back = rewording.rename(made.question, {b: a for a, b in pairs})
    assert back == problem.question


@given(places)
def test_generated_facts_are_the_same_in_another_order(place):
    problem = generated(place)
    for made in perturb([problem], "reordered_facts")[0]:
        assert made.answer == problem.answer and made.meta == problem.meta
        assert sorted(re.findall("[0-9]+", made.question)) == sorted(re.findall("[0-9]+", problem.question))


@given(places)
def test_an_irrelevant_sentence_is_one_sentence_more(place):
    problem = generated(place)
    for made in perturb([problem], "irrelevant_sentence")[0]:
        before, after = rewording.sentences(problem.question), rewording.sentences(made.question)
        assert [*before[:-1], before[-1]] == [*after[:-2], after[-1]]
        assert made.steps == problem.steps and made.answer == problem.answer


@given(st.integers(0, 5), st.lists(st.integers(0, 40), min_size=1, max_size=5, unique=True))
def test_a_change_is_a_function_of_seed_and_id(seed, indices):
    problems = [arithmetic.problem("easy", "test", 0, i) for i in indices]
    for name in PERTURBATIONS:
        together, left_out = perturb(problems, name, seed=seed)
        alone = [made for problem in reversed(problems) for made in perturb([problem], name, seed=seed)[0]]
        assert together == alone[::-1] and len(together) + left_out == len(problems)
    assert perturb(problems, "other_numbers", seed=seed)[0] != perturb(problems, "other_numbers", 0, -1)[0]


def test_the_limit_counts_changed_problems():
    problems = arithmetic.problems("chain2to4", "test", 0, 60)
    changed, left_out = perturb(problems, "one_more_step", limit=7)
    assert len(changed) == 7 and left_out > 0
    assert changed == perturb(problems, "one_more_step")[0][:7]


def test_what_looks_generated_and_is_not_is_a_text():
    problem = arithmetic.problem("easy", "test", 0, 0)
    mine = dataclasses.replace(CLIPS, id=problem.id)
    assert "48/2" not in perturb([mine], "other_numbers")[0][0].steps[0].solution
    assert perturb([mine], "one_more_step") == ([], 1)


def test_an_unknown_perturbation_is_named_with_those_there_are():
    with pytest.raises(
        ValueError, match="unknown perturbation 'typos'; valid: other_numbers, larger_numbers, "
    ):
        perturb([CLIPS], "typos")


@given(st.integers(0, 200))
def test_texts_are_computed_again(seed):
    for name in ("other_numbers", "larger_numbers"):
        (made,), _ = perturb([CLIPS], name, seed=seed)
        a, b = map(int, re.findall("[0-9]+", made.question))
        assert a != 48 and b != 30 and a % 2 == 0
        assert made.answer == str(a + a // 2 + b)
        assert made.steps[1].solution.startswith(
            f"With Ben's {b} that is {a}+{a // 2}+{b} = <<{a}+{a // 2}+{b}="
        )


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("48 clips", "48 clips for 2 friends", "no step uses the 2"),
        ("In May", "In 2 days", "a number word and a number say the same"),
        ("sold 30", "sold 24", "a number is also a result"),
        ("sold 30", "sold 48", "a number is there twice"),
        ("48 clips", "48% of the clips", "percent"),
        ("How many in all", "How many at most", "the size of numbers decides"),
    ],
)
def test_a_doubt_leaves_the_problem_out(old, new, why):
    changed = dataclasses.replace(CLIPS, question=CLIPS.question.replace(old, new))
    assert changed != CLIPS and renumbering.template(CLIPS) and renumbering.template(changed) is None, why


def test_false_steps_leave_the_problem_out():
    false = dataclasses.replace(CLIPS.steps[0], solution="48/2 = <<48/2=25>>25")
    assert renumbering.template(dataclasses.replace(CLIPS, steps=(false, CLIPS.steps[1]))) is None
    assert renumbering.template(dataclasses.replace(CLIPS, answer="103")) is None


def test_people_are_renamed_in_question_and_steps_alike():
    (made,), _ = perturb([CLIPS], "renamed_people")
    she, he = made.question.split()[0], re.search(r"and (\w+)'s shop", made.question)[1]
    back = {she: "Ann", he: "Ben"}
    assert rewording.rename(made.question, back) == CLIPS.question
    steps = [Step(s.subquestion, rewording.rename(s.solution, back)) for s in made.steps]
    assert tuple(steps) == CLIPS.steps and {she, he}.isdisjoint(names_in(CLIPS.question))


@pytest.mark.parametrize(
    "question",
    [
        "Bill pays the bill of 5 dollars. How much is it?",
        "Harry Potter has 5 pens. How many has he?",
        "Ann and two Anns have 5 pens. How many have they?",
        "At Papa John's they eat 5 pizzas. How many is that?",
        "Somebody has 5 pens. How many has he?",
    ],
)
def test_doubtful_names_leave_the_problem_out(question):
    assert perturb([Problem("x", question, "5")], "renamed_people") == ([], 1)
    assert perturb([Problem("x", "Did Ann meet Ben?", "yes")], "renamed_people") == ([], 1)


def test_a_name_that_ends_in_s():
    assert (
        rewording.rename("James' pen, James's cup, 'James'", {"James": "Ben"})
        == "Ben's pen, Ben's cup, 'Ben'"
    )


def test_independent_facts_are_reordered_and_no_others():
    facts = ["Ann has 3 pens.", "Ben has twice as many pens as Ann.", "Mr. Smith's name is not listed."]
    problem = Problem("x", " ".join([*facts[:2], "How many have they?"]), "9")
    (made,), _ = perturb([problem], "reordered_facts")
    assert rewording.sentences(made.question) == [facts[1], facts[0], "How many have they?"]
    for second in (
        "She buys 2 pens.",
        "Ben buys 2 pens.",
        "Ben has 3 more than Ann.",
        facts[2],
        "Ben had 2 pens.",
    ):
        other = Problem("x", f"{facts[0]} {second} How many have they?", "5")
        assert perturb([other], "reordered_facts") == ([], 1), second


def test_weather_that_matters_is_left_alone():
    (made,), _ = perturb([Problem("x", "It is cold on 3 days. How many?", "3")], "irrelevant_sentence")
    assert not re.search("degrees|cloudy|rained", made.question)
    assert rewording.sentences(made.question)[::2] == ["It is cold on 3 days.", "How many?"]


@real
def test_gsm8k_executed_with_its_own_numbers_gives_its_own_answers():
    for split in ("test", "train"):
        problems = sources.load("gsm8k", split, REAL / "gsm8k")
        found = [t for problem in problems if (t := renumbering.template(problem))]
        assert len(found) > 0.15 * len(problems)
        for template in found:
            same = template.execute({value: value for value in template.given})
            assert same == template.problem


@real
def test_shares_of_gsm8k_that_can_be_changed():
    problems = sources.load("gsm8k", "test", REAL / "gsm8k")
    originals = {problem.id: problem for problem in problems}
    least = {"other_numbers": 0.15, "larger_numbers": 0.1, "renamed_people": 0.4, "irrelevant_sentence": 0.9}
    for name in PERTURBATIONS:
        changed, left_out = perturb(problems, name)
        assert len(changed) + left_out == len(problems)
        assert len(changed) >= least.get(name, 0) * len(problems), name
        print(f"{name}: {len(changed) / len(problems):.1%}")
        for made in changed:
            original = originals[made.id]
            assert made.question != original.question
            if name == "reordered_facts":
                split = rewording.sentences
                assert sorted(split(made.question)) == sorted(split(original.question))
            if "numbers" in name:
                stated = [e for step in made.steps for e in find_equations(step.solution)]
                assert stated and all(equation_holds(*equation) for equation in stated)
                assert made.answer.isdigit() and int(made.answer) > 1
            else:
                assert made.answer == original.answer
