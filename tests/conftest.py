"""Fixtures that every room's tests share: small problems, a small tokenizer, a small student."""

import logging
import os
import random
from pathlib import Path

# Compiling is most of the time. What one test has compiled, the others and their processes need not.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).resolve().parents[1] / ".pytest_cache" / "xla")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

import jax
import pytest
from hypothesis import settings

from socratic_jax.problems.problem import Problem, Step
from socratic_jax.students.gpt2 import GPT2Config, GPT2Student
from socratic_jax.transcripts.tokenizer import train_tokenizer

logging.getLogger("absl").setLevel(logging.ERROR)
# No test is decided by a clock.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


# The files that take longest; a file is one process's, so they are begun first.
LONG = (
    "test_processes.py",
    "test_notebooks.py",
    "test_main.py",
    "test_engine.py",
    "test_loop.py",
    "test_study.py",
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def make_problems(n: int, seed: int = 0) -> list[Problem]:
    """Small problems with 1 to 3 steps and sub-questions, a function of (seed, index)."""
    problems = []
    for i in range(n):
        rng = random.Random(f"{seed}/{i}")
        total, text, steps = rng.randint(1, 9), "", []
        text = f"Ann has {total} pens."
        for _ in range(rng.randint(1, 3)):
            more = rng.randint(1, 9)
            text += f" She gets {more} more."
            steps.append(Step(f"How many after {more} more?", f"{total}+{more}={total + more}"))
            total += more
        text += " How many pens?"
        problems.append(Problem(f"p{seed}-{i}", text, str(total), tuple(steps)))
    return problems


@pytest.fixture(scope="session")
def problems():
    return make_problems(40)


@pytest.fixture(scope="session")
def tokenizer(problems):
    texts = [t for p in problems for t in (p.question, *(s.subquestion + " " + s.solution for s in p.steps))]
    return train_tokenizer(texts, 300)


@pytest.fixture(scope="session")
def student(tokenizer):
    # Two heads and two layers are the fewest in which mixing them up can show.
    return GPT2Student(GPT2Config(vocab_size=tokenizer.padded_size, context=96, L=2, D=32, H=2))


@pytest.fixture(scope="session")
def params(student):
    return wide_params(student, 0)


def wide_params(student: GPT2Student, seed: int):
    """Parameters with logits far from uniform, so that greedy choices are not ties."""
    return jax.tree.map(lambda x: 2 * x, jax.jit(student.init)(jax.random.key(seed)))
