"""Packing loses nothing, mixes nothing, and batches are functions of (seed, step)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_jax.transcripts.examples import Example, examples_for
from socratic_jax.transcripts.packing import eval_rows, first_fit, pack, train_rows
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import STRATEGIES
from socratic_jax.transcripts.transcript import transcript

CONTEXT = 24


def _example(length, i):
    rng = np.random.default_rng(i)
    return Example(
        rng.integers(1, 1000, length).astype(np.int32),
        rng.integers(0, 6, length).astype(np.int8),
        rng.random(length) < 0.5,
    )


@given(st.lists(st.integers(2, CONTEXT + 1), max_size=40), st.integers(0, 3))
def test_packed_rows_hold_every_example_once(lengths, seed):
    examples = [_example(n, i) for i, n in enumerate(lengths)]
    rows = pack(examples, CONTEXT, pad=0, seed=seed)
    found = []
    for b in range(len(rows)):
        for segment in range(1, rows.segments_BxT[b].max() + 1):
            (at,) = np.nonzero(rows.segments_BxT[b] == segment)
            assert (np.diff(at) == 1).all()
            np.testing.assert_array_equal(rows.positions_BxT[b, at], np.arange(len(at)))
            tokens = [*rows.tokens_BxT[b, at], rows.targets_BxT[b, at[-1]]]
            np.testing.assert_array_equal(rows.targets_BxT[b, at], tokens[1:])
            found.append((tuple(tokens), tuple(rows.learnt_BxT[b, at]), tuple(rows.roles_BxT[b, at])))
    wanted = [(tuple(e.tokens_N), tuple(e.learnt_N[1:]), tuple(e.roles_N[1:])) for e in examples]
    assert sorted(found) == sorted(wanted)
    padding = rows.segments_BxT == 0
    assert not rows.learnt_BxT[padding].any()


@given(st.lists(st.integers(1, CONTEXT), min_size=1, max_size=60))
def test_first_fit_is_first_fit(lengths):
    room: list[int] = []
    expected = []
    for n in lengths:
        at = next((i for i, free in enumerate(room) if free >= n), len(room))
        if at == len(room):
            room.append(CONTEXT)
        room[at] -= n
        expected.append(at)
    assert first_fit(lengths, CONTEXT) == expected


def test_too_long_an_item_is_refused():
    with pytest.raises(ValueError, match="25 tokens does not fit a context of 24"):
        first_fit([3, 25], CONTEXT)


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(1, 17), st.integers(0, 5))
def test_every_epoch_sees_every_row_once(n_rows, batch_size, seed):
    steps = -(-3 * n_rows // batch_size)
    index = np.concatenate([train_rows(n_rows, batch_size, seed, k) for k in range(steps)])
    epochs = index[: 3 * n_rows].reshape(3, n_rows)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(n_rows))
    if n_rows > 20:
        assert (epochs[0] != epochs[1]).any()
        assert (train_rows(n_rows, n_rows, seed + 1, 0) != epochs[0]).any()


@given(st.integers(0, 50), st.integers(1, 17))
def test_eval_rows_cover_everything_once(n_rows, batch_size):
    batches = eval_rows(n_rows, batch_size)
    assert all(len(batch) == batch_size for batch in batches)
    index = np.concatenate([np.zeros(0, int), *batches])
    np.testing.assert_array_equal(index[index >= 0], np.arange(n_rows))


def test_rows_of_minus_one_are_empty():
    rows = pack([_example(9, 0), _example(20, 1)], CONTEXT, pad=0)
    picked = rows.rows(np.array([1, -1]))
    assert picked.segments_BxT[0].any() and not picked.segments_BxT[1].any()
    assert not picked.learnt_BxT[1].any()


@pytest.mark.parametrize("name", STRATEGIES)
def test_students_learn_exactly_what_they_speak(name, problems, tokenizer):
    strategy = STRATEGIES[name]
    transcripts = [(p.id, transcript(p, p.gold, strategy)) for p in problems]
    total = None
    for part in strategy.cast:
        examples, fit = examples_for(transcripts, strategy, part.student, tokenizer, 192)
        assert fit.kept == len(problems) and not fit.too_long
        for example in examples[: len(problems)]:
            learnt = {Role(r) for r in example.roles_N[example.learnt_N]}
            assert learnt <= part.speaks | (
                {r for p in strategy.cast for r in p.speaks} if part.cue else set()
            )
            assert not example.learnt_N[example.roles_N == Role.PROBLEM].any()
            assert not example.learnt_N[example.roles_N == Role.FORCED].any()
        masks = np.concatenate([e.learnt_N for e in examples])
        total = masks if total is None else total if part.cue else total + masks
    roles = np.concatenate([e.roles_N for e in examples])
    if not strategy.given - {Role.PROBLEM} and not strategy.cast[0].cue:
        # Together, the cast learns every token that is neither given nor forced, each once.
        np.testing.assert_array_equal(total, ~np.isin(roles, [Role.PROBLEM, Role.FORCED]))


def test_shared_weights_read_every_transcript_in_both_parts(problems, tokenizer):
    strategy = STRATEGIES["socratic_shared"]
    transcripts = [(p.id, transcript(p, p.gold, strategy)) for p in problems]
    examples, _ = examples_for(transcripts, strategy, "shared", tokenizer, 96)
    assert len(examples) == 2 * len(problems)
    cues = [tokenizer.cue("questioner"), tokenizer.cue("answerer")]
    for asker, answerer in zip(examples[::2], examples[1::2], strict=True):
        assert [asker.tokens_N[0], answerer.tokens_N[0]] == cues
        np.testing.assert_array_equal(asker.tokens_N[1:], answerer.tokens_N[1:])
        assert not (asker.learnt_N & answerer.learnt_N).any()


def test_what_does_not_fit_is_counted_and_named(problems, tokenizer):
    strategy = STRATEGIES["cot"]
    transcripts = [(p.id, transcript(p, p.gold, strategy)) for p in problems]
    everything, _ = examples_for(transcripts, strategy, "solver", tokenizer, 96)
    lengths = [len(e.tokens_N) - 1 for e in everything]
    context = sorted(lengths)[len(lengths) // 2]
    examples, fit = examples_for(transcripts, strategy, "solver", tokenizer, context)
    expected = tuple(p.id for p, n in zip(problems, lengths, strict=True) if n > context)
    assert fit.too_long == expected and expected
    assert fit.kept == len(examples) == len(problems) - len(expected)
    assert f"{len(expected)} too long, left out ({expected[0]}" in str(fit)


def test_unknown_student_lists_the_valid_ones(problems, tokenizer):
    with pytest.raises(ValueError, match="no student 'solver'; it has questioner, answerer"):
        examples_for([], STRATEGIES["socratic_iterative"], "solver", tokenizer, 96)
