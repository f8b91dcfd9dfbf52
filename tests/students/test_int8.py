import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socratic_jax.students.int8 import quantise
from socratic_jax.students.sizes import make_student
from socratic_jax.students.student import apply, head_of_rows


@pytest.fixture(scope="module")
def student():
    return make_student("tiny-0.2m", vocab_size=128, context=32)


def _rows(student):
    tokens = jax.random.randint(jax.random.key(1), (2, 12), 0, student.vocab_size)
    return tokens, jnp.arange(12)[None].repeat(2, 0), jnp.ones((2, 12), jnp.int32)


def _rounded(params):
    """The same numbers as floating-point kernels."""
    if "scale" not in params or "kernel" not in params:
        return {k: _rounded(v) if isinstance(v, dict) else v for k, v in params.items()}
    kernel, scale = params["kernel"].astype(jnp.float32), params["scale"]
    between = (1,) * (kernel.ndim - scale.ndim)
    return {
        "kernel": kernel * scale.reshape(scale.shape[0], *between, *scale.shape[1:]),
        "bias": params["bias"],
    }


@pytest.mark.parametrize("platform", ["cpu", "tpu"])
def test_integers_and_scales_are_the_rounded_student(student, platform):
    quantised = quantise(student.init(jax.random.key(0)))
    tokens, positions, segments = _rows(student)
    wanted = apply(student, _rounded(quantised), tokens, positions, segments)
    np.testing.assert_allclose(apply(student, quantised, tokens, positions, segments), wanted, atol=2e-5)
    decoder = student.decoder(platform)
    weights = decoder.prepare(quantised)
    x, state = decoder.prefill(weights, decoder.init_state(2, 32), tokens[:, :8], jnp.full(2, 8))
    for t in range(8, 12):
        np.testing.assert_allclose(head_of_rows(decoder, weights, x).T, wanted[:, t - 1], atol=2e-5)
        x, state = decoder.step(weights, state, tokens[:, t], jnp.full(2, t))


def test_every_weight_is_off_by_half_a_level_at_most(student):
    params = student.init(jax.random.key(0))
    quantised = quantise(params)
    for ours, theirs in zip(
        jax.tree.leaves(_rounded(quantised)["blocks"]), jax.tree.leaves(params["blocks"]), strict=True
    ):
        assert ours.shape == theirs.shape
    up, scale = params["blocks"]["mlp"]["up"]["kernel"], quantised["blocks"]["mlp"]["up"]["scale"]
    error = np.abs(_rounded(quantised)["blocks"]["mlp"]["up"]["kernel"] - up)
    assert (error <= scale[:, None] / 2 * 1.001).all()
    assert quantised["blocks"]["attn"]["qkv"]["kernel"].dtype == jnp.int8
    # An output of nothing but zeros stays one.
    zero = jax.tree.map(jnp.zeros_like, params)
    assert not np.isnan(jax.tree.leaves(_rounded(quantise(zero)))[0]).any()
