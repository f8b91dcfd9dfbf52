"""From problems to annotations, with a teacher that is right about some of them."""

import dataclasses

import pytest

from socratic_jax.config import default_config
from socratic_jax.problems.problem import Problem
from socratic_jax.teachers.funnel import Funnel
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.pipeline import make_pipeline
from socratic_jax.teachers.prices import Price
from socratic_jax.teachers.prompts import Prompt
from socratic_jax.teachers.teacher import Reply, Usage

PRICE = Price("m", 1.0, 10.0, 0.5)
PROBLEMS = [Problem(f"p{i}", f"What is {i} + 1?", str(i + 1)) for i in range(8)]


class Teacher:
    """Right about even numbers at once, and about odd ones if it is told the answer."""

    name, batch = "fake:m", False

    def complete(self, requests):
        for request in requests:
            i = int(request.tag[1:])
            total = i + 1 if i % 2 == 0 or "Hint" in request.prompt else i + 7
            text = f"1. {i} + 1 = {i + 1}\nFinal answer: {total}"
            yield request, Reply(text, "stop", Usage(100, 10))


def pipeline(**changes):
    config = default_config().annotate
    config.update(changes)
    made = make_pipeline(config, "cot", bare=False)
    second = (Prompt("rationalise_cot", "r", "{question} Hint: {answer}"),) if made.second_prompts else ()
    return dataclasses.replace(made, prompts=(Prompt("cot", "c", "{question}"),), second_prompts=second)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.jsonl") as journal:
        yield journal


def test_second_tries_are_counted_paid_and_shown_with_the_first_ones(journal):
    p, teacher, notes = pipeline(rationalise=True, samples=2), Teacher(), []
    counts = p.ask(teacher, PROBLEMS, journal, PRICE, lambda n, note: notes.append(note))
    assert (counts.asked, counts.accepted) == (16, 8)
    needy = p.needy(teacher.name, PROBLEMS, journal)
    assert [problem.id for problem in needy] == ["p1", "p3", "p5", "p7"]
    again = p.ask(teacher, needy, journal, PRICE, lambda n, note: notes.append(note), counts, second=True)
    assert again is counts and (counts.asked, counts.accepted) == (24, 16)
    assert counts.dollars == pytest.approx(PRICE.dollars(Usage(2400, 240)))
    assert len(notes) == 24 and notes[-1].startswith("67 % accepted")
    funnel = Funnel()
    kept = list(p.select(teacher.name, PROBLEMS, journal, funnel))
    assert [a.problem for a in kept if a.rationalised] == ["p1", "p3", "p5", "p7"]
    assert (funnel.explained, funnel.rationalised) == (8, 4)


def test_an_estimate_has_the_second_tries_that_may_be_needed(journal):
    p, teacher = pipeline(rationalise=True, samples=2), Teacher()
    found = p.estimate(teacher.name, PROBLEMS, journal, PRICE, batch=False)
    assert (found.calls, found.again, found.cached, found.likely_dollars) == (16, 16, 0, None)
    assert found.output_tokens == 32 * 512
    assert "16 calls to make and at most 16 second tries" in str(found)
    p.ask(teacher, PROBLEMS[:4], journal, PRICE)
    found = p.estimate(teacher.name, PROBLEMS, journal, PRICE, batch=False)
    # Two of four were wrong; the other four have not been asked, and half of them is likely to be wrong.
    assert (found.calls, found.again, found.cached) == (8, 4 + 8, 8)
    assert found.likely_output_tokens == 10 * (8 + 4 + 4)
    p.ask(teacher, PROBLEMS, journal, PRICE)
    found = p.estimate(teacher.name, PROBLEMS, journal, PRICE, batch=False)
    assert (found.calls, found.again, found.likely_output_tokens) == (0, 8, 80)
    assert not pipeline().estimate(teacher.name, PROBLEMS, journal, PRICE, batch=False).again


def test_who_has_no_answer_has_no_second_try(journal):
    unknown = [Problem("p1", "What is 1 + 1?", "")]
    p, teacher = pipeline(rationalise=True), Teacher()
    p.ask(teacher, unknown, journal)
    assert p.needy(teacher.name, unknown, journal) == []
    assert list(p.select(teacher.name, unknown, journal, Funnel())) == []  # One vote is no majority.


def test_more_prompts_than_there_are():
    with pytest.raises(ValueError, match="annotate.n_prompts is 9; there are 2 prompts of kind 'cot'"):
        pipeline(n_prompts=9)
