"""The jitted loop against a plain one, and against Hugging Face."""

from pathlib import Path

import numpy as np
import pytest

from socratic_jax.decoding.dialogue import PROMPT_TOO_LONG, STEP_LIMIT, TOKEN_LIMIT, Cast, Prompt
from socratic_jax.decoding.engine import Engine, prepare
from socratic_jax.decoding.grammar import N_PHASES, Grammar
from socratic_jax.decoding.queue import Request, decode
from socratic_jax.decoding.sampling import Sampling
from socratic_jax.evaluation.predictions import given_turns
from socratic_jax.students.huggingface import load_student
from socratic_jax.transcripts.roles import TURN_ROLES, Role
from socratic_jax.transcripts.strategies import STRATEGIES
from tests.conftest import make_problems, wide_params
from tests.decoding.reference import plain_dialogue

REFERENCE = Path(__file__).resolve().parents[1] / "data" / "gpt2_reference"
CAPACITY, MAX_STEPS = 90, 3


def _talkative(params, tokenizer, end: float):
    """Random students rarely end a turn; adding a little of the end token's row makes them."""
    table = params["wte"]["embedding"]
    bias = params["ln_f"]["bias"]
    return {**params, "ln_f": {**params["ln_f"], "bias": bias + end * table[tokenizer.end]}}


@pytest.fixture(scope="module")
def players(student, tokenizer):
    # A student for each part that a cast may have, all different.
    return [_talkative(wide_params(student, seed), tokenizer, 8.0) for seed in (1, 2, 3)]


def _cast(strategy, student, players, tokenizer, **options):
    names = list(strategy.students)
    params = tuple(players[names.index(part.student)] for part in strategy.cast)
    # A reach of 12, 23, 45 and 90 tokens: every dialogue goes through several of the engine's loops.
    defaults = {"capacity": CAPACITY, "max_steps": MAX_STEPS, "min_reach": 8}
    engine = Engine((student,) * len(strategy.cast), **{**defaults, **options})
    return Cast(strategy, engine, params, tokenizer)


def _prompts(problems, strategy=None):
    return [
        Prompt(i, p.question, given_turns(p, strategy) if strategy else ()) for i, p in enumerate(problems)
    ]


@pytest.mark.parametrize("name", STRATEGIES)
def test_device_loop_equals_plain_python_loop(name, student, players, tokenizer):
    strategy = STRATEGIES[name]
    problems = make_problems(6, seed=3)
    cast = _cast(strategy, student, players, tokenizer)
    prompts = _prompts(problems, strategy)
    dialogues = cast.solve_all(prompts, slots=4)
    statuses = set()
    for problem, dialogue in zip(problems, dialogues, strict=True):
        tokens, status = plain_dialogue(
            strategy, [(student, p) for p in cast.params], tokenizer, problem.question, CAPACITY, MAX_STEPS,
            [turn.text for turn in given_turns(problem, strategy)],
        )  # fmt: skip
        prompt = len(tokenizer.encode([problem.question])[0]) + 1
        expected = _texts(tokens[prompt:], tokenizer)
        assert [t.text for t in dialogue.turns[1:]] == expected
        assert (dialogue.status, dialogue.n_tokens) == (status, len(tokens) - prompt)
        statuses.add(status)
    # The comparison is worth nothing if all dialogues are one trivial kind.
    assert len({tuple(t.text for t in d.turns[1:]) for d in dialogues}) > 1


def _texts(tokens, tokenizer):
    texts, ids = [], None
    markers = {tokenizer.marker(r) for r in TURN_ROLES}
    for token in tokens:
        if token in markers:
            ids = []
            texts.append(ids)
        elif token != tokenizer.end:
            ids.append(token)
    return [tokenizer.decode(ids).strip() for ids in texts]


def test_greedy_equals_hugging_face_token_for_token():
    stored = np.load(REFERENCE / "reference.npz")
    student, params = load_student(str(REFERENCE), vocab_size=97)
    greedy_BxS = stored["greedy"]
    B, S = greedy_BxS.shape
    # An automaton without roles: any token may follow any, and nothing ends.
    arrays = dict(
        speaker_P=np.zeros(N_PHASES, np.int32),
        allowed_PxV=np.ones((N_PHASES, 97), bool),
        closing_PxV=np.ones((N_PHASES, 97), bool),
        class_V=np.zeros(97, np.int32),
        next_PxC=np.tile(np.arange(N_PHASES, dtype=np.int32)[:, None], (1, 8)),
        calculator_V=np.zeros(97, np.int8),
    )
    engine = Engine((student,), capacity=S, max_steps=1)
    requests = [Request(row[:12], (), np.zeros((1, 2), np.uint32)) for row in greedy_BxS]
    transcripts = {}
    for done in decode(engine, prepare(engine, (params,)), Grammar(**arrays), requests, [None], slots=B):
        transcripts |= done
    np.testing.assert_array_equal([transcripts[i][0].tokens_N for i in range(B)], greedy_BxS)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(1.0, top_k=20), Sampling(1.3, top_p=0.9)])
def test_a_rows_result_does_not_depend_on_its_neighbours(sampling, student, players, tokenizer):
    strategy = STRATEGIES["socratic_iterative"]
    cast = _cast(strategy, student, players, tokenizer, sampling=sampling)
    prompts = _prompts(make_problems(9, seed=4))
    together = cast.solve_all(prompts, slots=4, seed=5)
    shuffled = [prompts[i] for i in (8, 3, 5, 0)]
    for prompt, dialogue in zip(shuffled, cast.solve_all(shuffled, slots=4, seed=5), strict=True):
        assert dialogue == together[prompt.index]
    if sampling.temperature:
        assert cast.solve_all(prompts, slots=4, seed=6) != together


def test_every_dialogue_ends_and_says_how(student, players, tokenizer):
    strategy = STRATEGIES["cot"]
    prompts = _prompts(make_problems(4, seed=6))
    # A student that never ends a turn runs into the token limit and has no answer.
    mute = [_talkative(players[0], tokenizer, -100.0)]
    for dialogue in _cast(strategy, student, mute, tokenizer).solve_all(prompts, slots=4):
        assert dialogue.status == TOKEN_LIMIT and dialogue.answer is None
    # One that ends every turn at once and always prefers another step runs into the step limit.
    brief = _talkative(players[0], tokenizer, 1000.0)
    bias = 100.0 * (
        brief["wte"]["embedding"][tokenizer.marker(Role.SOLUTION)]
        - brief["wte"]["embedding"][tokenizer.marker(Role.ANSWER)]
    )
    brief = {**brief, "ln_f": {**brief["ln_f"], "bias": brief["ln_f"]["bias"] + bias}}
    for dialogue in _cast(strategy, student, [brief], tokenizer).solve_all(prompts, slots=4):
        assert dialogue.status == STEP_LIMIT
        assert [t.role for t in dialogue.turns[1:]] == [Role.SOLUTION] * MAX_STEPS + [Role.ANSWER]
    # A prompt that does not fit is reported, and the others are not disturbed.
    long = Prompt(9, "Ann has 1 pen. " * 40)
    mixed = _cast(strategy, student, players, tokenizer).solve_all([prompts[0], long], slots=4)
    assert mixed[1].status == PROMPT_TOO_LONG and mixed[1].answer is None
    assert mixed[0] == _cast(strategy, student, players, tokenizer).solve_all(prompts, slots=4)[0]


def test_students_of_a_cast_may_have_different_shapes(student, players, tokenizer):
    import dataclasses

    from socratic_jax.students.gpt2 import GPT2Student

    deep = GPT2Student(dataclasses.replace(student.config, L=3, D=48, H=3))
    deep_params = _talkative(wide_params(deep, 7), tokenizer, 8.0)
    strategy = STRATEGIES["socratic_iterative"]
    engine = Engine((student, deep), CAPACITY, MAX_STEPS)
    cast = Cast(strategy, engine, (players[0], deep_params), tokenizer)
    problem = make_problems(1, seed=8)[0]
    tokens, status = plain_dialogue(
        strategy,
        [(student, players[0]), (deep, deep_params)],
        tokenizer,
        problem.question,
        CAPACITY,
        MAX_STEPS,
    )
    dialogue = cast.solve_all(_prompts([problem]), slots=2)[0]
    assert dialogue.status == status
    assert [t.text for t in dialogue.turns[1:]] == _texts(
        tokens[len(tokenizer.encode([problem.question])[0]) + 1 :], tokenizer
    )


@pytest.mark.parametrize("capacity", [8, 63, 64, 90, 96])
def test_states_have_room_and_little_more(student, capacity):
    engine = Engine((student,), capacity, max_steps=1, min_reach=8)
    assert engine.reaches[-1] == capacity and engine.reaches == sorted(set(engine.reaches))
    for n in range(1, capacity + 1):
        reach = engine.reach_for(n)
        assert n <= reach
        # Half again as much at most, but for what rounding up to whole tokens adds.
        assert reach <= 1.5 * n + 2 or reach == engine.reaches[0]


def test_capacity_over_the_context_is_refused(student):
    with pytest.raises(ValueError, match="decode.capacity is 97 tokens; the student's context is 96"):
        Engine((student,), capacity=97, max_steps=1)
