"""One implementation, two uses: what training and decoding compute must be the same thing."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socratic_jax.students.gpt2 import GPT2Config, GPT2Student
from socratic_jax.students.sizes import SIZES, make_student
from socratic_jax.students.student import apply, head_of_rows


def _tokens(student, shape, seed=1):
    return jax.random.randint(jax.random.key(seed), shape, 0, student.vocab_size)


def _alone(student, params, tokens_T):
    tokens_1xT = tokens_T[None]
    positions_1xT = jnp.arange(len(tokens_T))[None]
    return apply(student, params, tokens_1xT, positions_1xT, jnp.ones_like(tokens_1xT))[0]


def test_packed_equals_separate(student, params):
    lengths = (7, 12, 5)
    tokens = [_tokens(student, (n,), seed=n) for n in lengths]
    pad = 4
    packed = jnp.concatenate([*tokens, jnp.zeros(pad, jnp.int32)])[None]
    positions = jnp.concatenate([*map(jnp.arange, lengths), jnp.arange(pad)])[None]
    segments = jnp.repeat(jnp.array([1, 2, 3, 0]), jnp.array([*lengths, pad]))[None]
    logits = apply(student, params, packed, positions, segments)[0]
    start = 0
    for n, alone in zip(lengths, tokens, strict=True):
        np.testing.assert_allclose(
            logits[start : start + n], _alone(student, params, alone), atol=3e-5, rtol=1e-4
        )
        start += n


@pytest.mark.parametrize("platform", ["cpu", "tpu"])
def test_cached_equals_uncached(student, params, platform):
    tokens_BxT = _tokens(student, (3, 30))
    prompt_lengths = jnp.array([4, 9, 1])
    full = jnp.stack([_alone(student, params, row) for row in tokens_BxT])
    decoder = student.decoder(platform)
    weights, state = decoder.prepare(params), decoder.init_state(3, 40)
    x, state = jax.jit(decoder.prefill)(weights, state, tokens_BxT[:, :16], prompt_lengths)
    step = jax.jit(decoder.step)
    lengths = prompt_lengths
    rows = jnp.arange(3)
    for _ in range(20):
        logits_VxB = head_of_rows(decoder, weights, x)
        np.testing.assert_allclose(logits_VxB.T, full[rows, lengths - 1], atol=3e-5, rtol=1e-4)
        # As far as the longest row has got is enough, and nothing is lost by it.
        narrow = decoder.narrow(state, 20 if lengths.max() < 20 else 40)
        x, narrow = step(weights, narrow, tokens_BxT[rows, lengths], lengths)
        state = decoder.widen(state, narrow)
        lengths = lengths + 1


def test_a_token_does_not_see_the_future(student, params):
    tokens = _tokens(student, (12,))
    changed = tokens.at[8].set((tokens[8] + 1) % student.vocab_size)
    a, b = _alone(student, params, tokens), _alone(student, params, changed)
    np.testing.assert_array_equal(a[:8], b[:8])
    assert np.abs(a[8:] - b[8:]).max() > 1e-3


def test_remat_changes_nothing_but_memory(student, params):
    remat = GPT2Student(dataclasses.replace(student.config, remat=True))
    tokens = _tokens(student, (2, 16))
    positions, segments = jnp.arange(16)[None].repeat(2, 0), jnp.ones((2, 16), jnp.int32)

    def loss(s):
        return lambda p: jnp.sum(apply(s, p, tokens, positions, segments) ** 2)

    a, b = jax.jit(jax.grad(loss(student)))(params), jax.jit(jax.grad(loss(remat)))(params)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-4, atol=1e-2), a, b)


def test_dropout_is_a_function_of_its_key(student, params):
    dropping = GPT2Student(dataclasses.replace(student.config, dropout=0.3))
    tokens = _tokens(student, (2, 16))
    positions, segments = jnp.arange(16)[None].repeat(2, 0), jnp.ones((2, 16), jnp.int32)
    a, b, c = (dropping.hidden(params, tokens, positions, segments, jax.random.key(k)) for k in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).max() > 1e-2
    # Without a key there is no dropout at all.
    np.testing.assert_array_equal(
        dropping.hidden(params, tokens, positions, segments),
        student.hidden(params, tokens, positions, segments),
    )


def test_bfloat16_computes_what_float32_does(student, params):
    half = GPT2Student(dataclasses.replace(student.config, dtype="bfloat16"))
    tokens = _tokens(student, (16,))
    a, b = _alone(student, params, tokens), _alone(half, params, tokens)
    assert b.dtype == jnp.float32
    assert np.corrcoef(np.ravel(a), np.ravel(b))[0, 1] > 0.99


@pytest.mark.parametrize(
    ("size", "millions"),
    [("gpt2", 124.4), ("gpt2-medium", 354.8), ("gpt2-large", 774.0), ("gpt2-xl", 1557.6)],
)
def test_sizes_are_gpt2s(size, millions):
    student = make_student(size, 50257)
    shapes = jax.eval_shape(student.init, jax.random.key(0))
    n = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    assert abs(n / 1e6 - millions) < 0.06


def test_every_size_has_a_valid_shape():
    for size in SIZES:
        assert make_student(size, 512).config.K % 8 == 0


def test_unknown_size_lists_the_valid_ones():
    with pytest.raises(ValueError, match="gpt3.*valid: tiny-0.02m, .*gpt2-xl"):
        make_student("gpt3", 512)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="D=30 does not divide by H=4"):
        GPT2Config(vocab_size=8, D=30, H=4)
