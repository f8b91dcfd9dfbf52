"""What is written in the formats that the prompts ask for is read back; any other text is not a crash."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_jax.problems import gsm8k, strategyqa
from socratic_jax.problems.problem import Explanation, Step
from socratic_jax.teachers import prompts
from socratic_jax.teachers.parsing import Parsed, Reason, parse, sentences

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
_VOCABULARY = (
    "Ann Ben has buys sells 3 12 48 more pens marbles, $5 than at the 2.5 3/4 50% of 6 * 8 = 48 each"
)
_MARKS = """Q1: A1: Q: A: 1. 2) - * ** # #### ? = 3 48/2=24 | ``` $ \\( \\boxed{3} <think> </think> Answer:
Final answer: Step 1: yes no The answer is Problem: Question: How many?"""
_WORDS = st.sampled_from(_VOCABULARY.split())
_SENTENCES = st.lists(_WORDS, min_size=5, max_size=12).map(" ".join)
# A sentence begins with a word, as sentences do; "12. ..." would be a number of a list.
_SOLUTIONS = _SENTENCES.map(lambda text: f"Then {text} 48.")
_QUESTIONS = _SENTENCES.map(lambda text: f"How many {text}?")
_STEPS = st.lists(st.builds(Step, _QUESTIONS, _SOLUTIONS), min_size=1, max_size=6)
_ANSWERS = st.sampled_from(["72", "-3", "0.5", "1/3", "1200"])

FORMATS = {
    "cot_1": lambda steps, answer: _numbered("{}. {}", steps) + f"Final answer: {answer}",
    "cot_2": lambda steps, answer: _numbered("Step {}: {}", steps) + f"The answer is {answer}.",
    "socratic_1": lambda steps, answer: _pairs("Q{0}: {1}\nA{0}: {2}", steps) + f"Final answer: {answer}",
    "socratic_2": lambda steps, answer: (
        _pairs("Sub-question {0}: {1}\nSolution {0}: {2}", steps) + f"The answer is {answer}."
    ),
    "stars": lambda steps, answer: _pairs("{1} ** {2}", steps) + f"#### {answer}",
    "facts_1": lambda steps, answer: _numbered("Fact {}: {}", steps) + f"Answer: {answer}",
    "facts_2": lambda steps, answer: _numbered("- {1}", steps) + f"The answer is {answer}.",
}


def _numbered(form: str, steps: list[Step]) -> str:
    return "".join(form.format(i, step.solution) + "\n" for i, step in enumerate(steps, start=1))


def _pairs(form: str, steps: list[Step]) -> str:
    return "".join(form.format(i, s.subquestion, s.solution) + "\n" for i, s in enumerate(steps, start=1))


def _decorated(reply: str, decoration: str) -> str:
    if decoration == "windows":
        return reply.replace("\n", "\r\n")
    if decoration == "fence":
        return f"```\n{reply}\n```"
    if decoration == "bold" and " ** " not in reply:
        return re.sub(r"^([^:\n]+:)", r"**\1**", reply, flags=re.MULTILINE)
    if decoration == "chatter":
        return f"Sure, here it is:\n\n{reply}\n\nI hope this helps! Is there anything else?"
    if decoration == "blank lines":
        return reply.replace("\n", "\n\n")
    if decoration == "thought":
        return f"<think>\n1. {reply}\n</think>\n{reply}"
    return reply


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)  # a busy machine is no failure
@given(
    steps=_STEPS,
    answer=_ANSWERS,
    decoration=st.sampled_from(["", "windows", "fence", "bold", "chatter", "blank lines", "thought"]),
)
def test_formats_survive(name, steps, answer, decoration):
    kind = "socratic" if name == "stars" else name[:-2]
    reply = _decorated(FORMATS[name](steps, answer), decoration)
    explains = prompts.KINDS[kind].explains
    if explains != "socratic":
        steps = [Step("", step.solution) for step in steps]
    assert parse(reply, kind, "m") == (
        Explanation(explains, tuple(steps), "m"),
        answer,
    )


@settings(deadline=None)  # a busy machine is no failure
@given(
    steps=_STEPS, form=st.sampled_from(["{}. {}", "Q{}: {}", "Question {}: {}", "**{}.** {}", "- {1}", "{1}"])
)
def test_sub_questions_on_steps_survive(steps, form):
    reply = "\n".join(form.format(i, step.subquestion) for i, step in enumerate(steps, start=1))
    given_steps = [Step("old", step.solution) for step in steps]
    assert parse(reply, "socratic_on_steps", "m", given=given_steps) == (
        Explanation("socratic", tuple(steps), "m"),
        "",
    )


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(), st.sampled_from(list(prompts.KINDS)), st.sampled_from(["number", "yes_no"]))
def test_any_text_is_an_explanation_or_a_reason(text, kind, answer_kind):
    _holds(parse(text, kind, "m", answer_kind, (Step("", "1"), Step("", "2"))))


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(st.sampled_from([*_MARKS.split(), "\n", "\n\n"]), max_size=30).map(" ".join),
    st.sampled_from(list(prompts.KINDS)),
)
def test_any_mixture_of_marks_is_an_explanation_or_a_reason(text, kind):
    _holds(parse(text, kind, "m", given=(Step("", "1"),)))


def _holds(parsed):
    if isinstance(parsed, Reason):
        return
    assert isinstance(parsed, Parsed)
    assert parsed.explanation.steps
    for step in parsed.explanation.steps:
        assert step.solution == step.solution.strip() != ""
        assert bool(step.subquestion) == (parsed.explanation.kind == "socratic")
        assert "\n" not in step.solution + step.subquestion


@pytest.mark.parametrize(
    "text",
    [
        "** a" * 5000,
        "Q: " * 9000,
        "?" * 20_000,
        "1. " * 9000,
        "$" * 20_000,
        "|" * 20_000,
        "=3" * 9000,
        "(" * 9000,
    ],
)
def test_no_text_is_slow(text):
    start = time.process_time()
    for kind in ("cot", "socratic", "guidance_equations"):
        parse(text, kind, "m")
        parse(text.replace(" ", "\n"), kind, "m")
    assert time.process_time() - start < 5


def test_sentences():
    text = 'Mr. Lee has 3.5 kg, e.g. rice. He said "no." Then Dr. A. Wu left! 5 kg remain.'
    assert sentences(text) == [
        "Mr. Lee has 3.5 kg, e.g. rice.",
        'He said "no."',
        "Then Dr. A. Wu left!",
        "5 kg remain.",
    ]


def test_unknown_kinds():
    with pytest.raises(ValueError, match="unknown kind of prompt 'plan'; the kinds are cot, "):
        parse("x", "plan", "m")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no data in {REAL}")
@pytest.mark.parametrize("name", ["gsm8k", "strategyqa"])
def test_real_explanations_survive(name):
    """What people wrote, in the formats of the prompts: all but stray backticks and dollars come back."""
    load = {"gsm8k": gsm8k.load, "strategyqa": strategyqa.load}[name]
    answer_kind = {"gsm8k": "number", "strategyqa": "yes_no"}[name]
    lost = total = 0
    for problem in load("test", REAL / name):
        for form in ("cot_1", "cot_2", "socratic_1", "socratic_2", "stars"):
            kind = form.split("_")[0].replace("stars", "socratic")
            reply = FORMATS[form](problem.steps, problem.answer)
            steps = [(s.subquestion if kind == "socratic" else "", s.solution) for s in problem.steps]
            parsed = parse(reply, kind, "m", answer_kind)
            assert isinstance(parsed, Parsed) and parsed.answer == problem.answer
            found = [(step.subquestion, step.solution) for step in parsed.explanation.steps]
            total += 1
            lost += [_squeezed(pair) for pair in found] != [_squeezed(pair) for pair in steps]
    assert lost / total < 0.002


def _squeezed(pair: tuple[str, str]) -> list[list[str]]:
    return [text.split() for text in pair]
