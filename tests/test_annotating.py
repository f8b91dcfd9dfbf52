"""The stage that asks teachers: votes, second tries, facts, and what it refuses before it asks."""

import json
import logging

import pytest

from socratic_jax import annotating, program
from socratic_jax.config import ENDPOINT
from socratic_jax.problems import annotations, jsonl
from socratic_jax.problems.problem import Problem
from socratic_jax.run import Run
from socratic_jax.teachers.teacher import Reply, Usage
from tests.conftest import make_problems
from tests.test_main import small_config


class Fake:
    """A teacher in place of one behind an API; `answer` makes the answer of (question, sample, prompt)."""

    name, batch = "gemini:gemini-2.5-flash", False

    def __init__(self, answer):
        self.answer, self.prompts = answer, []

    def complete(self, requests):
        for request in requests:
            self.prompts.append(request.prompt)
            answer = self.answer(request)
            finish = "stop" if answer else "gave_up"
            yield request, Reply(f"1. So it is.\nFinal answer: {answer}", finish, Usage(1_000_000, 0))


@pytest.fixture
def teach(tmp_path, monkeypatch):
    """Annotates the small problems' cot explanations by a fake teacher."""

    def teach_(answer, **changes):
        config = small_config(tmp_path)
        config.strategies = ("cot",)
        config.annotate.cot.teacher = "gemini:gemini-2.5-flash"
        config.update_from_flattened_dict({"annotate.rules.distinct": "none", **changes})
        return config, Fake(answer)

    def run(config, teacher, stage="annotate"):
        monkeypatch.setattr(annotating, "make_teacher", lambda spec, **options: teacher)
        program.run(config, str(tmp_path / "w"), stage)
        return Run(config, str(tmp_path / "w"))

    return teach_, run


def unanswered(problems):
    return [Problem(p.id, p.question, "") for p in problems]


def test_the_majority_decides_where_no_answer_is_known(tmp_path, teach):
    configure, run = teach
    config, teacher = configure(
        lambda request: "7" if request.sample else "8",
        **{"annotate.samples": 3, "annotate.rules.vote": True},
    )
    lines = [{"id": p.id, "question": p.question} for p in make_problems(5)]
    jsonl.write_records(tmp_path / "mine_train.jsonl", lines)
    the_run = run(config, teacher)
    kept = list(annotations.read(tmp_path / "w" / "annotations" / "train-cot.jsonl"))
    assert {(a.answer, a.agreement) for a in kept} == {("7", 2 / 3)} and len(kept) == 10
    assert {problem.answer for problem, _ in the_run.explained("train", "cot")} == {"7"}
    config.strategies = ("answer_only",)
    with pytest.raises(ValueError, match="no problem of train has an answer to learn; leave answer_only out"):
        next(Run(config, str(tmp_path / "v")).explained("train", ""))


def test_problems_without_answers_are_not_scored(tmp_path, teach):
    configure, run = teach
    config, teacher = configure(lambda request: "7")
    jsonl.write(tmp_path / "mine_test.jsonl", unanswered(make_problems(3, seed=2)))
    with pytest.raises(ValueError, match=r"mine_test\.jsonl:1: field 'answer' is empty"):
        run(config, teacher)
    jsonl.write(tmp_path / "mine_validation.jsonl", unanswered(make_problems(3, seed=1)))
    config.evaluate.suites = {"test": {"split": "validation"}}
    with pytest.raises(ValueError, match="suite 'test': problem 'p1-0' has no answer and cannot be scored"):
        run(config, teacher)
    assert not teacher.prompts


def test_second_tries_are_in_the_sum_of_money(tmp_path, teach, caplog):
    configure, run = teach
    problems = make_problems(60, seed=0) + make_problems(10, seed=1)
    answers = {p.question: p.answer for p in problems}

    def answer(request):
        told = "Right answer" in request.prompt
        return next(a for q, a in answers.items() if q in request.prompt) if told else "0"

    caplog.set_level(logging.INFO)
    run(*configure(answer, **{"annotate.rationalise": True}))
    # Every question is tried twice: a million tokens for $0.30 each.
    train, both = (2 * len({p.question for p in some}) for some in (problems[:60], problems))
    first = f"cot, train, by gemini:gemini-2.5-flash: {train} replies, 50 % accepted  ${0.3 * train:.2f}"
    assert first in caplog.messages
    assert f"annotating cost ${0.3 * both:.2f} in this attempt" in caplog.messages
    kept = list(annotations.read(tmp_path / "w" / "annotations" / "train-cot.jsonl"))
    assert len(kept) == 60 and all(annotation.rationalised for annotation in kept)


def test_nobody_is_told_an_answer_whose_first_try_is_missing(tmp_path, teach):
    configure, run = teach
    config, teacher = configure(lambda request: "", **{"annotate.rationalise": True})
    with pytest.raises(RuntimeError, match="60 requests have no reply, .* the same command asks for these"):
        run(config, teacher)
    assert len(teacher.prompts) == 60


def test_facts_are_a_strategy(tmp_path):
    config = small_config(tmp_path)
    config.strategies = ("facts",)
    with pytest.raises(ValueError, match="a strategy learns from facts, and there is no annotate.facts in"):
        Run(config, str(tmp_path / "w"))
    config.annotate.facts = dict(teacher="gold", prompt="facts", **ENDPOINT)
    for split in ("train", "validation"):
        problem = Problem("1", f"Is {split} ice cold?", "yes", (), {"facts": ["Ice is cold.", "So is snow."]})
        jsonl.write(tmp_path / f"mine_{split}.jsonl", [problem])
    program.run(config, str(tmp_path / "w"), "annotate")
    ((_, explanation),) = Run(config, str(tmp_path / "w")).explained("train", "facts")
    assert [step.solution for step in explanation.steps] == ["Ice is cold.", "So is snow."]


def test_batch_jobs_are_remembered_in_the_workdir(tmp_path, teach, monkeypatch):
    configure, _ = teach
    config, teacher = configure(lambda request: "1")
    config.annotate.cot.teacher = "gemini-batch:gemini-2.5-flash"
    given = {}
    monkeypatch.setattr(annotating, "make_teacher", lambda spec, **options: given.update(options) or teacher)
    program.run(config, str(tmp_path / "w"), dry_run=True)
    assert given["directory"] == str(tmp_path / "w" / "annotations" / "jobs")


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        (
            {"splits": "test"},
            "evaluate.suites.mine has no option 'splits'; valid: split, limit, source, dir, opt",
        ),
        ("test", "evaluate.suites.mine is 'test'; write it as {'split': 'test'}"),
    ],
)
def test_slips_in_suites_are_named(tmp_path, suite, message):
    config = small_config(tmp_path)
    config.evaluate.suites = {"mine": suite}
    with pytest.raises(ValueError, match=message):
        Run(config, str(tmp_path / "w"))
    assert not (tmp_path / "w").exists()


def test_a_suite_of_another_source_has_options_of_its_own(tmp_path):
    config = small_config(tmp_path)
    config.data.source, config.data.options = "arithmetic", {"level": "chain2to4"}
    (tmp_path / "mawpsaddsub.jsonl").write_text('{"input": "1 + 1?", "target": 2}\n')
    config.evaluate.suites = {
        "addsub": {"source": "addsub", "dir": str(tmp_path)},
        "easy": {"limit": 3},
        "hard": {"limit": 3, "options": {"level": "chain2to4", "seed": 5}},
    }
    run = Run(config, str(tmp_path / "w"))
    assert [len(run.suite(name)) for name in config.evaluate.suites] == [1, 3, 3]
    assert run.suite("easy") != run.suite("hard")


def svamp(path):
    """Files like SVAMP's and GSM8K's, of 1,000 and 4 problems."""
    rows = [
        {
            "ID": f"chal-{i}", "Body": f"Ann has {i} pens.", "Question": "How many with 1 more?",
            "Equation": f"( {i}.0 + 1.0 )", "Answer": i + 1, "Type": "Addition",
        }
        for i in range(1, 1001)
    ]  # fmt: skip
    rows[0] |= {"Equation": "( ( 1.0 + 1.0 ) + 0.0 )"}
    (path / "SVAMP.json").write_text(json.dumps(rows))
    for split in ("train", "test", "train_socratic", "test_socratic"):
        lines = [
            json.dumps({"question": f"{split[:2]} {i}?", "answer": f"How? ** {i}+0={i}\n#### {i}"})
            for i in range(4)
        ]
        (path / f"{split}.jsonl").write_text("\n".join(lines))


def test_svamp_in_both_ways(tmp_path):
    from configs import svamp as config_file

    svamp(tmp_path)
    config = config_file.get_config("tiny")
    config.data.dir, config.cpu_devices = str(tmp_path), 1
    run = Run(config, str(tmp_path / "own"))
    sizes = len(run.train_problems), len(run.validation_problems), len(run.suite("test"))
    assert sizes == (630, 70, 300)
    annotating.check_contamination(run)
    config.evaluate.suites.all = {"split": "all"}
    with pytest.raises(ValueError, match="the training problems are among those to be scored: 630 in all"):
        annotating.check_contamination(Run(config, str(tmp_path / "refused")))

    config = config_file.get_config("tiny,all")
    config.data.dir, config.cpu_devices = str(tmp_path), 1
    for suite in config.evaluate.suites.values():
        suite.dir = str(tmp_path)
    run = Run(config, str(tmp_path / "all"))
    assert (len(run.suite("all")), len(run.suite("two_operators"))) == (1000, 1)
    with pytest.raises(ValueError, match="unknown way 'some' to use SVAMP; valid: all, or nothing"):
        config_file.get_config("tiny,some")
