"""The train step: however a batch is cut up or spread out, the update is the same."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from socratic_jax.sharding import make_mesh
from socratic_jax.students.gpt2 import GPT2Student
from socratic_jax.students.student import head
from socratic_jax.training.loss import loss_sums
from socratic_jax.training.optimizer import decayed, make_optimizer, make_schedule
from socratic_jax.training.step import make_steps
from socratic_jax.transcripts.examples import examples_for
from socratic_jax.transcripts.packing import pack
from socratic_jax.transcripts.strategies import STRATEGIES
from socratic_jax.transcripts.transcript import transcript

TRAIN = ConfigDict(
    dict(
        steps=50, learning_rate=3e-3, warmup=5, end_fraction=0.1, weight_decay=0.1, clip=1.0,
        b1=0.9, b2=0.98, eps=1e-8, optimizer="adamw", matrix_learning_rate=0.02,
    )
)  # fmt: skip


@functools.cache
def _mesh():
    return make_mesh((jax.device_count(), 1, 1))


@pytest.fixture(scope="module")
def rows(problems, tokenizer):
    strategy = STRATEGIES["socratic_iterative"]
    transcripts = [(p.id, transcript(p, p.gold, strategy)) for p in problems]
    examples, _ = examples_for(transcripts, strategy, "answerer", tokenizer, 96)
    return pack(examples, 96, tokenizer.pad)


def _run(student, rows, n_steps=3, **options):
    steps = make_steps(student, make_optimizer(TRAIN, TRAIN.steps), _mesh(), **options)
    state = steps.init(jax.random.key(0))
    history = []
    for k in range(n_steps):
        state, metrics = steps.train(state, steps.put(rows, np.arange(8) + k, rows.most_learnt))
        history.append(jax.device_get(metrics))
    return jax.device_get(state), history


def test_accumulated_equals_whole(student, rows):
    # Rows differ in how many tokens are learnt, so a mean of means would show.
    assert len({int(n) for n in rows.learnt_BxT[:8].sum(1)}) > 1
    whole, history = _run(student, rows)
    for accumulate in (2, 8):
        parts, parts_history = _run(student, rows, accumulate=accumulate)
        for a, b in zip(history, parts_history, strict=True):
            assert a.keys() == b.keys()
            for name in a:
                np.testing.assert_allclose(a[name], b[name], rtol=1e-5)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), whole.params, parts.params
        )


def test_loss_is_that_of_the_learnt_targets_alone(student, params, rows):
    steps = make_steps(student, make_optimizer(TRAIN, TRAIN.steps), _mesh())
    batch = rows.rows(np.arange(6))
    sums = steps.evaluate(params, steps.put(batch, np.arange(len(batch)), rows.most_learnt))
    x = student.hidden(params, batch.tokens_BxT, batch.positions_BxT, batch.segments_BxT)
    log_probs = np.asarray(jax.nn.log_softmax(head(student, params, x)))
    picked = np.take_along_axis(log_probs, batch.targets_BxT[..., None], -1)[..., 0]
    assert sums.tokens == batch.learnt_BxT.sum()
    np.testing.assert_allclose(sums.loss, -picked[batch.learnt_BxT].sum(), rtol=1e-5)
    right = log_probs.argmax(-1) == batch.targets_BxT
    assert sums.correct == right[batch.learnt_BxT].sum()


def test_room_for_too_few_targets_is_refused(rows):
    with pytest.raises(ValueError, match="more than M=8 learnt targets"):
        rows.learnt_only(8)


def test_a_run_from_given_weights_is_one_that_drew_them(student, rows):
    steps = make_steps(student, make_optimizer(TRAIN, TRAIN.steps), _mesh())
    drawn = steps.init(jax.random.key(0))
    given = steps.begin(steps.init(jax.random.key(0)).params)
    batch = steps.put(rows, np.arange(8), rows.most_learnt)
    jax.tree.map(np.testing.assert_array_equal, *(steps.train(s, batch)[0] for s in (drawn, given)))


def test_rows_of_padding_teach_nothing(student, rows):
    steps = make_steps(student, make_optimizer(TRAIN, TRAIN.steps), _mesh())
    params = steps.init(jax.random.key(0)).params
    real, padded = rows.rows(np.array([0, 1])), rows.rows(np.array([0, 1, -1, -1]))
    grad = jax.jit(jax.grad(lambda p, b: loss_sums(student, p, b)[0]))
    a, b = (
        grad(params, steps.put(batch, np.arange(len(batch)), rows.most_learnt)) for batch in (real, padded)
    )
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5), a, b)


def test_loss_falls(student, rows):
    _, history = _run(student, rows, n_steps=12)
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]


def test_muon_moves_matrices_by_orthogonal_steps_and_leaves_the_rest_to_adam(student, rows):
    config = TRAIN.copy_and_resolve_references()
    config.update(optimizer="muon", warmup=0, weight_decay=0.0)
    steps = make_steps(student, make_optimizer(config, 50), _mesh())
    state = steps.init(jax.random.key(0))
    before = jax.device_get(state.params)
    state, _ = steps.train(state, steps.put(rows, np.arange(8), rows.most_learnt))
    moved = jax.tree.map(np.subtract, jax.device_get(state.params), before)
    L, D, F = moved["blocks"]["mlp"]["up"]["kernel"].shape
    for layer in range(L):
        # All singular values of an orthogonal step are alike; Newton and Schulz get near in five rounds.
        step_DxF = moved["blocks"]["mlp"]["up"]["kernel"][layer]
        values = np.linalg.svd(step_DxF, compute_uv=False)
        assert values[-2] > 0.4 * values[0]  # The norm before it leaves one direction without a gradient.
        np.testing.assert_allclose(values.mean(), 0.02 * max(1, F / D) ** 0.5, rtol=0.3)
        qkv_DxNxHxK = moved["blocks"]["attn"]["qkv"]["kernel"][layer]
        # Three matrices side by side: each is scaled by itself, however small its gradient.
        norms_N = np.linalg.norm(np.moveaxis(qkv_DxNxHxK, 1, 0).reshape(3, -1), axis=1)
        assert norms_N.max() < 2 * norms_N.min()
    # Adam's first step is as long in every coordinate: 1.47 learning rates with Nesterov's momentum.
    bias = np.abs(moved["ln_f"]["bias"])
    np.testing.assert_allclose(bias[bias > 0], 1.47 * config.learning_rate, rtol=1e-2)


def test_unknown_optimizers_are_refused():
    config = TRAIN.copy_and_resolve_references()
    config.optimizer = "sgd"
    with pytest.raises(ValueError, match="unknown train.optimizer 'sgd'; valid: adamw, muon"):
        make_optimizer(config, 50)


def test_dropout_masks_are_a_function_of_seed_and_step(student, rows):
    dropping = GPT2Student(dataclasses.replace(student.config, dropout=0.2))
    a, b, c = (_run(dropping, rows, n_steps=2, dropout_seed=seed)[0] for seed in (1, 1, 2))
    jax.tree.map(np.testing.assert_array_equal, a, b)
    assert np.abs(a.params["wte"]["embedding"] - c.params["wte"]["embedding"]).max() > 0


def test_decay_spares_biases_and_norms(params):
    from flax.traverse_util import flatten_dict

    for name, decays in flatten_dict(decayed(params), sep="/").items():
        assert decays == (name.endswith(("kernel", "embedding"))), name


def test_schedule_warms_up_and_comes_down():
    schedule = make_schedule(1e-3, warmup=10, steps=100, end_fraction=0.1)
    assert schedule(0) == 0
    np.testing.assert_allclose([schedule(5), schedule(10), schedule(100)], [5e-4, 1e-3, 1e-4], rtol=1e-5)
    assert make_schedule(1e-3, warmup=0, steps=100, end_fraction=0.1)(0) == np.float32(1e-3)
