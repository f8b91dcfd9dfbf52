"""A trained student teaches another one: the whole of distillation, with no network."""

import json
import re

import numpy as np
import pytest

from socratic_jax import local, program
from socratic_jax.problems import annotations, jsonl
from tests.conftest import make_problems
from tests.test_main import small_config


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A teacher that knows half of the problems by heart, and a run that learns from it."""
    directory = tmp_path_factory.mktemp("teacher")
    known, unknown = make_problems(16, seed=0), make_problems(16, seed=11)
    config = small_config(directory)
    jsonl.write(directory / "mine_train.jsonl", known)
    config.strategies = ("cot",)
    config.train.steps = config.train.checkpoint_every = 250
    config.train.learning_rate, config.train.batch_size = 5e-3, 4
    config.evaluate.checkpoint = "latest"
    program.run(config, str(directory / "w"))

    student = small_config(directory)
    jsonl.write(directory / "mine_train.jsonl", known + unknown)
    jsonl.write(directory / "mine_validation.jsonl", known[:8])
    student.strategies = ("answer_only", "cot")
    student.annotate.cot.teacher = f"local:{directory / 'w'}:cot"
    student.annotate.temperature = 0.3
    student.annotate.samples = 3
    program.run(student, str(directory / "student"))
    return student, directory / "student", known, unknown


def test_only_right_explanations_are_learnt_from(taught):
    config, workdir, known, unknown = taught
    kept = list(annotations.read(workdir / "annotations" / "train-cot.jsonl"))
    answers = {p.id: p.answer for p in known + unknown}
    assert kept and all(a.answer == answers[a.problem] for a in kept)
    (author,) = {a.explanation.author for a in kept}
    assert re.fullmatch(re.escape(config.annotate.cot.teacher) + "@[0-9a-f]{12}", author)
    # It solves what it knows by heart far oftener than what it has never seen.
    solved = {a.problem for a in kept}
    assert len(solved & {p.id for p in known}) > 2 * len(solved & {p.id for p in unknown})


def test_every_sample_is_counted(taught, capsys):
    config, workdir, _, _ = taught
    funnel = json.loads((workdir / "annotations" / "train-cot.funnel.json").read_text())
    assert (funnel["problems"], funnel["samples"]) == (32, 96)
    dropped = sum(n for reasons in funnel["dropped"].values() for n in reasons.values())
    kept = list(annotations.read(workdir / "annotations" / "train-cot.jsonl"))
    assert funnel["kept"] == 96 - dropped == len(kept)
    program.run(config, str(workdir), "report")
    shown = capsys.readouterr().out
    assert "right answer" in shown and "cot explanations, train" in shown


def test_what_is_in_the_journal_is_not_asked_again(taught, monkeypatch):
    config, workdir, _, _ = taught
    path = workdir / "annotations" / "train-cot.jsonl"
    before = path.read_bytes()
    path.unlink()

    def refuse(*args):
        def write(requests):
            raise AssertionError("asked again")

        return write

    monkeypatch.setattr(local, "cast_writer", refuse)
    program.run(config, str(workdir), "annotate")
    assert path.read_bytes() == before


def test_a_dry_run_counts_and_asks_nobody(taught, tmp_path, capsys):
    config, _, known, unknown = taught
    program.run(config, str(tmp_path / "w"), dry_run=True)
    # Equal requests are asked once.
    calls = 3 * len({problem.question for problem in known + unknown})
    assert f"{calls} calls to make" in capsys.readouterr().out
    assert not (tmp_path / "w" / "annotations" / "train-cot.jsonl").exists()


def test_other_weights_are_another_teacher():
    params = {"a": np.zeros((2, 3), np.float32), "b": np.float32(1)}
    seen = {local.fingerprint(params)}
    for name, value in (("a", np.ones((2, 3), np.float32)), ("a", np.zeros((3, 2), np.float32)), ("b", 2.0)):
        seen.add(local.fingerprint({**params, name: np.float32(value)}))
    assert len(seen | {local.fingerprint(params, "{}")}) == 5
    assert local.fingerprint({name: value.copy() for name, value in params.items()}) in seen


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("local:/nowhere:cot", "/nowhere is no workdir of a run"),
        ("local:/nowhere", "/nowhere is not a directory"),
        ("gpt4:x", "unknown teacher 'gpt4:x'; valid: gemini"),
    ],
)
def test_unknown_teachers_are_named(tmp_path, spec, message):
    config = small_config(tmp_path)
    config.annotate.socratic.teacher = spec
    with pytest.raises(ValueError, match=message):
        program.run(config, str(tmp_path / "w"))
