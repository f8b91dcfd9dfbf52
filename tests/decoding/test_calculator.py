"""The calculator: what it puts in, and that the device's loop does what a plain one does."""

import random

import numpy as np
import pytest

from socratic_jax.decoding.calculator import (
    CLOSES,
    EQUALS,
    OPENS,
    calculator_table,
    forced_tokens,
    right_side,
)
from socratic_jax.decoding.dialogue import Cast, Prompt
from socratic_jax.decoding.engine import Engine
from socratic_jax.decoding.sampling import Sampling
from socratic_jax.problems.expressions import evaluate
from socratic_jax.students.gpt2 import GPT2Config, GPT2Student
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import STRATEGIES
from socratic_jax.transcripts.tokenizer import train_tokenizer
from tests.conftest import make_problems, wide_params
from tests.decoding.reference import plain_dialogue

CAPACITY, MAX_STEPS = 80, 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("He sold 48/2 = <<48/2=", "24>>"),
        ("a <<1+1=2>>2 and <<.5*3=", "1.5>>"),
        ("<<100-150=", "-50>>"),
        ("<<20%*50=", "10>>"),
        ("<<(1+2)*3=", "9>>"),
        ("48/2 =", None),  # Not in an annotation.
        ("<<48/2=24>>24 =", None),
        ("<<48/2=24=", None),  # Its second equals sign.
        ("<<10/3=", None),  # No finite decimal.
        ("<<1/0=", None),
        ("<<x+1=", None),
        ("<<=", None),
        ("<<2**99=", None),
        ("<<48/2", None),
    ],
)
def test_right_side(text, value):
    assert right_side(text) == value


@pytest.fixture(scope="module")
def annotated():
    """A tokenizer that knows annotations, and students that write them all the time."""
    texts = [f"{a}+{b}=<<{a}+{b}={a + b}>>{a + b} pens" for a in range(1, 10) for b in range(1, 10)]
    texts += [p.question for p in make_problems(40)]
    tokenizer = train_tokenizer(texts, 300)
    student = GPT2Student(GPT2Config(vocab_size=tokenizer.padded_size, context=96, L=2, D=32, H=2))

    def make(seed):
        # Its position table dictates what it writes, whatever it reads: annotations of many kinds.
        params = wide_params(student, seed)
        rng = random.Random(seed)
        bits = ["<<12+3=", "7>>", "<<8*5=", "<<2-31=", "4=", "<<5/3=", "1>>", "+2", "2=<<(1+1)*9="]
        table, script = params["wte"]["embedding"], []
        while len(script) < student.context:
            script += [tokenizer.end] if rng.random() < 0.3 else tokenizer.encode([rng.choice(bits)])[0]
        script = script[: student.context]
        return {**params, "wpe": {"embedding": 50 * table[np.array(script)]}}

    return tokenizer, student, [make(seed) for seed in (1, 2)]


def _cast(annotated, name, **options):
    tokenizer, student, players = annotated
    strategy = STRATEGIES[name]
    names = list(strategy.students)
    engine = Engine((student,) * len(strategy.cast), CAPACITY, MAX_STEPS, min_reach=16, **options)
    return Cast(strategy, engine, tuple(players[names.index(p.student)] for p in strategy.cast), tokenizer)


def test_every_token_is_classed_by_its_text(annotated):
    tokenizer = annotated[0]
    table_V = calculator_table(tokenizer)
    classes = {text: table_V[tokenizer.encode([text])[0][-1]] for text in ("<<", ">>", "=", "7", "p")}
    assert classes == {"<<": OPENS, ">>": CLOSES, "=": EQUALS, "7": 0, "p": 0}
    assert not table_V[list(tokenizer.special_ids)].any()


def test_only_the_turn_that_is_being_written_counts(annotated):
    tokenizer = annotated[0]
    (before,), (now,) = tokenizer.encode(["<<2*3"]), tokenizer.encode(["7="])
    marker = tokenizer.marker(Role.SOLUTION)
    written = np.array([marker, *before, tokenizer.end, marker, *now])
    assert forced_tokens(written, tokenizer) == []
    (now,) = tokenizer.encode(["<<4+7="])
    written = np.array([marker, *before, tokenizer.end, marker, *now])
    assert tokenizer.decode(forced_tokens(written, tokenizer)) == "11>>"


@pytest.mark.parametrize("name", ["cot", "socratic_iterative"])
def test_device_loop_equals_plain_python_loop(annotated, name):
    tokenizer, student, _ = annotated
    cast = _cast(annotated, name, calculator=True)
    problems = make_problems(8, seed=3)
    prompts = [Prompt(i, p.question) for i, p in enumerate(problems)]
    dialogues = cast.solve_all(prompts, slots=4)
    computed = 0
    for problem, dialogue in zip(problems, dialogues, strict=True):
        tokens, _ = plain_dialogue(
            cast.strategy, [(student, p) for p in cast.params], tokenizer, problem.question, CAPACITY,
            MAX_STEPS, right_side=right_side,
        )  # fmt: skip
        n_prompt = len(tokenizer.encode([problem.question])[0]) + 1
        written = " ".join(t.text for t in dialogue.turns[1:])
        assert dialogue.n_tokens == len(tokens) - n_prompt
        assert written.replace(" ", "") == tokenizer.decode(tokens[n_prompt:]).replace(" ", "")
        for annotation in written.replace(" ", "").split("<<")[1:]:
            left, equals, right = annotation.partition("=")
            if right_side("<<" + left + equals) and ">>" in right:
                assert evaluate(left) == evaluate(right.partition(">>")[0])
                computed += 1
    assert computed > 5
    assert dialogues != _cast(annotated, name).solve_all(prompts, slots=4)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(1.0, top_k=20)])
def test_who_waits_holds_up_nobody_and_changes_nothing(annotated, sampling):
    cast = _cast(annotated, "socratic_iterative", calculator=True, sampling=sampling)
    prompts = [Prompt(i, p.question) for i, p in enumerate(make_problems(9, seed=4))]
    alone = [cast.solve_all([prompt], slots=1)[0] for prompt in prompts[:3]]
    assert cast.solve_all(prompts, slots=8)[:3] == alone


def test_many_samples_are_what_fewer_are_and_more(annotated):
    cast = _cast(annotated, "cot", sampling=Sampling(1.0))
    prompts = [Prompt(i, p.question) for i, p in enumerate(make_problems(5, seed=4))]

    def sample(n, slots):
        found = {i: d for batch in cast.sample(prompts, slots, samples=n) for i, d in batch.items()}
        return [found[i] for i in range(len(prompts))]

    # In 16 slots the seven dialogues of a prompt are begun in two parts, in 64 as one.
    seven = sample(7, slots=16)
    assert seven == sample(7, slots=64)
    assert [dialogues[:3] for dialogues in seven] == sample(3, slots=8)
    assert [dialogues[:1] for dialogues in seven] == [[d] for d in cast.solve_all(prompts, slots=4)]
    assert all(len({d.turns for d in dialogues}) > 1 for dialogues in seven)
