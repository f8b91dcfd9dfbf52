"""What is kept is right, sound, needed, distinct and not too much, and every sample is accounted for."""

import itertools
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_jax.problems import answers
from socratic_jax.problems.problem import Problem, ProblemError, Step
from socratic_jax.teachers import selection
from socratic_jax.teachers.funnel import Funnel
from socratic_jax.teachers.selection import Rules, Sample, select

PROBLEM = Problem(
    "p", "Omar has 14 marbles, Ben 9 more. How many?", "37", (Step("", "14+9=23"), Step("", "14+23=37"))
)
UNKNOWN = Problem("u", "How many?", "")


def cot(first: str = "14 + 9 = 23", last: str = "14 + 23 = 37", answer: str = "37") -> str:
    return f"1. Ben has {first} marbles.\n2. Together they have {last}.\nFinal answer: {answer}"


def sample(text: str, kind: str = "cot", problem: Problem = PROBLEM, **fields) -> Sample:
    return Sample(problem, kind, text, "m", **fields)


def run(samples, **rules):
    funnel = Funnel()
    kept = list(select(samples, Rules(**rules), funnel))
    assert funnel.kept == len(kept)
    return kept, funnel


def test_right_answers_are_kept():
    kept, funnel = run([sample(cot(), prompt="cot_2", index=3), sample(cot(answer="38")), sample("hm")])
    (annotation,) = kept
    assert (annotation.problem, annotation.answer, annotation.agreement) == ("p", "37", None)
    assert (annotation.prompt, annotation.sample, annotation.rationalised) == ("cot_2", 3, False)
    assert annotation.explanation.author == "m"
    assert funnel.dropped == {"readable": {"no steps": 1}, "right answer": {"wrong answer": 1}}
    assert (funnel.samples, funnel.problems, funnel.explained) == (3, 1, 1)


@pytest.mark.parametrize("answer", ["37", "37.0", "$37", "37 marbles"])
def test_answers_are_compared_by_value(answer):
    assert len(run([sample(cot(answer=answer))])[0]) == 1


def test_a_wrong_equation_drops_a_right_answer():
    samples = [sample(cot("14 + 9 = 24"))]
    assert run(samples)[1].dropped == {"right arithmetic": {"wrong equation": 1}}
    assert len(run(samples, arithmetic=False)[0]) == 1


def test_replies_that_did_not_end_well_are_not_read():
    samples = [sample(cot(), finish=finish) for finish in ("length", "blocked", "error", "gave_up", "stop")]
    kept, funnel = run(samples)
    assert len(kept) == 1
    assert funnel.dropped == {"replied": {"cut off": 1, "blocked": 1, "error": 1, "no reply": 1}}


@pytest.mark.parametrize(
    ("other", "equations", "text"),
    [
        (cot("14+9=23", "14 + 23 = 37 pieces"), 1, 2),  # other words, same equations
        (cot().replace("Ben has", "BEN  has,"), 1, 1),
        (cot("9 + 14 = 23"), 2, 2),
        ("1. In all 14 + 14 + 9 = 37.\nFinal answer: 37", 2, 2),
    ],
)
def test_the_same_steps_are_kept_once(other, equations, text):
    samples = [sample(cot()), sample(other)]
    assert len(run(samples)[0]) == equations
    assert len(run(samples, distinct="text")[0]) == text
    assert len(run(samples, distinct="none")[0]) == 2


def test_without_equations_the_words_decide():
    problem = Problem("q", "Could he?", "no")
    texts = [
        "1. He died in 1791.\nAnswer: no",
        "1. he died in  1791\nAnswer: No.",
        "1. He died early.\nAnswer: no",
    ]
    kept, funnel = run([sample(text, "facts", problem) for text in texts])
    assert [annotation.explanation.steps[0].solution for annotation in kept] == [
        "He died in 1791.",
        "He died early.",
    ]
    assert funnel.dropped == {"distinct": {"same steps": 1}}


def test_on_given_steps_the_questions_decide():
    texts = [
        "1. What has Ben?\n2. And both?",
        "1. How many has Ben?\n2. And both?",
        "1. what has Ben\n2. And both?",
    ]
    kept, _ = run([sample(text, "socratic_on_steps") for text in texts])
    assert [annotation.explanation.steps[0].subquestion for annotation in kept] == [
        "What has Ben?",
        "How many has Ben?",
    ]
    assert [step.solution for step in kept[0].explanation.steps] == ["14+9=23", "14+23=37"]
    assert kept[0].answer == ""


def test_two_kinds_are_never_the_same():
    socratic = "Q1: What has Ben?\nA1: 14 + 9 = 23\nQ2: Both?\nA2: 14 + 23 = 37\nFinal answer: 37"
    assert len(run([sample(cot()), sample(socratic, "socratic")])[0]) == 2


def test_the_cap_keeps_the_first():
    samples = [sample(cot(f"14 + {i} + {9 - i} = 23"), index=i) for i in range(5)]
    kept, funnel = run(samples, cap=2)
    assert [annotation.sample for annotation in kept] == [0, 1]
    assert funnel.dropped == {"within the cap": {"over the cap": 3}}


def test_rationalised_samples_are_for_problems_without_others():
    hinted = sample(cot("14 + 8 + 1 = 23"), "rationalise_cot")
    kept, funnel = run([hinted, sample(cot())])
    assert [annotation.rationalised for annotation in kept] == [False]
    assert funnel.dropped == {"needed": {"rationalised, not needed": 1}}
    assert funnel.rationalised == 0
    kept, funnel = run([sample(cot(answer="1")), hinted, hinted])
    assert [annotation.rationalised for annotation in kept] == [True]
    assert (funnel.explained, funnel.rationalised) == (1, 1)


def test_the_majority_decides_where_nobody_knows():
    votes = ["37", "37", "37", "38"]
    samples = [
        sample(cot(last=f"14 + 23 + {i} - {i} = 37", answer=a), problem=UNKNOWN) for i, a in enumerate(votes)
    ]
    kept, funnel = run(samples)
    assert [(annotation.answer, annotation.agreement) for annotation in kept] == [("37", 0.75)] * 3
    assert funnel.dropped == {"right answer": {"wrong answer": 1}}
    assert run(samples, min_agreement=0.8)[0] == []
    assert run(samples, min_votes=4)[0] == []


def test_without_any_answer_nothing_is_learnt():
    problem = Problem("u", "How many?", "", PROBLEM.steps)
    text = "1. What has Ben?\n2. And both?"
    kept, funnel = run([sample(text, "socratic_on_steps", problem)])
    assert kept == [] and funnel.dropped == {"right answer": {"no answer": 1}}
    assert len(run([sample(text, "socratic_on_steps")], vote=True)[0]) == 1


@pytest.mark.parametrize("votes", [["1"], ["1", "2"], ["1", "1", "2", "2"], ["1", "1", "2", "3", "4"]])
def test_no_majority_keeps_nothing(votes):
    kept, funnel = run([sample(cot(answer=answer), problem=UNKNOWN) for answer in votes])
    assert kept == []
    assert funnel.dropped == {"right answer": {"no majority": len(votes)}}


def test_the_majority_can_be_asked_for_where_somebody_knows():
    samples = [sample(cot(last=f"40 - {i} + {i} = 40", answer="40")) for i in range(2)] + [sample(cot())]
    assert [annotation.answer for annotation in run(samples, vote=True)[0]] == ["40", "40"]
    assert [annotation.answer for annotation in run(samples)[0]] == ["37"]


def test_who_was_told_has_no_vote():
    samples = [sample(cot())] * 2 + [sample(cot(answer="40"), "rationalise_cot")] * 5
    assert [annotation.answer for annotation in run(samples, vote=True)[0]] == ["37"]


def test_samples_of_a_problem_must_be_together():
    other = Problem("q", "q", "1")
    samples = [sample(cot()), sample("x", problem=other), sample(cot())]
    with pytest.raises(ProblemError, match="samples of problem 'p' are in two places; sort them by problem"):
        run(samples)


def test_guidance():
    samples = [
        sample(text, "guidance_equations") for text in ("14+9=23; 14+23=37", "14+9=23", "14+8=23; 14+23=37")
    ]
    kept, funnel = run(samples)
    assert [annotation.explanation.steps[0].solution for annotation in kept] == ["14+9=23; 14+23=37"]
    assert funnel.dropped == {"right answer": {"wrong answer": 1}, "right arithmetic": {"wrong equation": 1}}
    kept, _ = run([sample("2 steps", "guidance_steps"), sample("2", "guidance_steps")])
    assert [annotation.explanation.steps[0].solution for annotation in kept] == ["2 steps"]


def test_accepts_is_what_select_keeps_of_one():
    for text in (cot(), cot(answer="1"), cot("14 + 9 = 24"), "hm", ""):
        assert selection.accepts(sample(text), Rules()) == bool(run([sample(text)])[0])
    assert selection.accepts(sample(cot(), problem=UNKNOWN), Rules())
    assert selection.accepts(sample(cot(answer="40")), Rules(vote=True))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"cap": -1}, "rules.cap is -1; it must be 0 or more"),
        ({"min_votes": 0}, "rules.min_votes is 0; it must be 1 or more"),
        ({"min_agreement": 2}, "rules.min_agreement is 2; it must be from 0 to 1"),
        ({"distinct": "words"}, "rules.distinct is 'words'; valid: equations, text, none"),
        ({"answer_kind": "text"}, "rules.answer_kind is 'text'; valid: number, yes_no"),
    ],
)
def test_rules_are_checked(rules, message):
    with pytest.raises(ValueError, match=message):
        Rules(**rules)


_REPLIES = st.tuples(
    st.sampled_from(["cot", "rationalise_cot"]),
    st.sampled_from(["stop", "stop", "stop", "length"]),
    st.integers(0, 3).map(lambda i: f"14 + {i} + {9 - i} = 23"),
    st.sampled_from(["37", "37", "38", "12"]),
    st.booleans(),
)
_RULES = st.builds(
    Rules,
    vote=st.booleans(),
    min_votes=st.integers(1, 2),
    arithmetic=st.booleans(),
    distinct=st.sampled_from(selection.DISTINCT),
    cap=st.integers(0, 3),
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.lists(_REPLIES, min_size=1, max_size=8), max_size=4), st.booleans(), _RULES)
def test_every_sample_is_kept_or_counted_once(groups, known, rules):
    samples = []
    for name, replies in enumerate(groups):
        problem = Problem(str(name), "q", "37" if known else "")
        for index, (kind, finish, first, answer, readable) in enumerate(replies):
            text = cot(first, answer=answer) if readable else "hm"
            samples.append(sample(text, kind, problem, finish=finish, index=index))
    funnel = Funnel()
    kept = list(select(iter(samples), rules, funnel))
    assert funnel.samples == len(samples) and funnel.problems == len(groups)
    assert funnel.kept == len(kept) and all(count >= 0 for count in funnel.left().values())
    for name, group in itertools.groupby(kept, key=lambda annotation: annotation.problem):
        members = list(group)
        assert len({annotation.rationalised for annotation in members}) == 1
        assert len(members) <= (rules.cap or len(samples))
        assert [a.sample for a in members] == sorted(a.sample for a in members)
        assert len({annotation.answer for annotation in members}) == 1
        if known and not rules.vote:
            assert all(answers.same(annotation.answer, "37") for annotation in members)
        else:
            votes = Counter(
                samples_answer
                for kind, finish, _, samples_answer, readable in groups[int(name)]
                if kind == "cot" and finish == "stop" and readable
            )
            assert votes.most_common(1)[0][0] == members[0].answer
            assert members[0].agreement == votes[members[0].answer] / votes.total()
        if rules.distinct != "none":
            texts = [selection.identity(annotation.explanation, rules.distinct) for annotation in members]
            assert len(texts) == len(set(texts))
    # A second pass over what was kept keeps all of it.
    again = [
        sample(
            cot(a.explanation.steps[0].solution[8:-9], answer=a.answer),
            problem=Problem(a.problem, "q", a.answer),
        )
        for a in kept
    ]
    assert len(
        list(select(again, Rules(arithmetic=rules.arithmetic, distinct=rules.distinct), Funnel()))
    ) == len(kept)


def test_memory_does_not_grow_with_the_samples():
    def samples(count):
        for number in range(count):
            problem = Problem(f"p{number}", "q", "37")
            for index in range(4):
                yield sample(cot(), problem=problem, index=index)

    peaks = []
    for count in (30, 130):
        tracemalloc.start()
        assert sum(1 for _ in select(samples(count), Rules(), Funnel())) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 100 * 500  # the names of the problems that were seen
