"""What is exported runs elsewhere, and says the same."""

import copy
import importlib.util
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from socratic_jax import program
from socratic_jax.evaluation.predictions import read
from socratic_jax.export.card import card
from socratic_jax.export.cast import export
from socratic_jax.run import open_run
from socratic_jax.sharding import make_mesh
from socratic_jax.students.huggingface import load_student
from socratic_jax.transcripts.strategies import strategy
from tests.test_main import small_config

STRATEGIES = ("socratic_iterative", "socratic_shared", "socratic_guided", "socratic_weaned")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    directory = tmp_path_factory.mktemp("export")
    config = small_config(directory)
    config.strategies = STRATEGIES
    config.train.steps, config.decode.max_steps, config.train.wean = 3, 2, (0.0, 1.0)
    config.evaluate.variants = {}
    program.run(config, str(directory / "w"))
    run = open_run(str(directory / "w"), make_mesh((1, 1, 1)))
    for name in STRATEGIES:
        export(run, strategy(name), directory / name, license="mit")
    return run, directory


def test_the_weights_are_those_of_the_run(exported):
    run, directory = exported
    theirs = run.trained_params(strategy("socratic_iterative"), "questioner")
    _, params = load_student(str(directory / "socratic_iterative" / "questioner"), run.tokenizer.padded_size)
    for ours, path in (
        (params["wte"]["embedding"], ("wte", "embedding")),
        (params["ln_f"]["scale"], ("ln_f", "scale")),
    ):
        assert np.array_equal(ours, theirs[path[0]][path[1]])


def test_the_card_says_what_was_measured(exported):
    _, directory = exported
    text = (directory / "socratic_iterative" / "README.md").read_text()
    assert text.startswith("---\nlanguage: en") and 'license: "mit"' in text
    rows = re.findall(r"\| test \| test \| 12 \| `(\w+)`( \(given gold turns\))? \|", text)
    assert rows == [("socratic_iterative", ""), ("oracle_questions", " (given gold turns)")]
    (block,) = re.findall(r"```json\n(.*?)```", text, re.S)
    assert json.loads(block) == json.loads((directory / "w" / "config.json").read_text())


@pytest.mark.parametrize(
    ("decode", "words"),
    [
        ({}, "Decoding was greedy, as in `dialogue.py`, which says the same up to rounding."),
        (
            {"calculator": True},
            "Decoding was greedy, with a calculator for the annotated arithmetic. `dialogue",
        ),
        (
            {"temperature": 0.7, "top_k": 9, "top_p": 0.9, "samples": 4, "int8": True},
            "Decoding was sampled at temperature 0.7 from the 9 likeliest tokens with top-p 0.9, with 8-bit "
            "matrices and a vote of 4 dialogues on each answer. `dialogue.py` is greedy and does nothing",
        ),
    ],
)
def test_the_card_says_how_the_accuracies_were_decoded(exported, decode, words):
    run = copy.copy(exported[0])
    run.config = run.config.copy_and_resolve_references()
    run.config.decode.update(decode)
    text = card(run, strategy("socratic_iterative"))
    assert words in text and ("says the same" in text) == (not decode)


def test_what_cannot_be_exported_is_said(exported):
    run, directory = exported
    with pytest.raises(ValueError, match="has no students of 'answer_only'; it has those of soc"):
        export(run, strategy("answer_only"), directory / "x")
    with pytest.raises(ValueError, match="is not empty; choose another"):
        export(run, strategy("socratic_shared"), directory / "socratic_shared")
    command = [sys.executable, "-m", "socratic_jax.export", f"--out={directory}/x", "--strategy=cot"]
    done = subprocess.run([*command, "--workdir=/nowhere"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: /nowhere is no workdir of a run")


@pytest.mark.parametrize("name", STRATEGIES)
def test_plain_transformers_writes_the_same_dialogues(exported, name):
    pytest.importorskip("torch")
    run, directory = exported
    spec = importlib.util.spec_from_file_location("dialogue", directory / name / "dialogue.py")
    dialogue = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dialogue)
    cast = dialogue.Cast(directory / name)
    for prediction in read(run.workdir.predictions("test", name)).values():
        (_, question), *turns = cast.solve(prediction.question)
        assert question == prediction.question
        assert turns == [(turn["role"], turn["text"]) for turn in prediction.turns]
