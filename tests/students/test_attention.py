"""Attention in blocks against the formula."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socratic_jax.students.attention import (
    BLOCK,
    BY_PLATFORM,
    KERNELS,
    attention,
    cached_mask,
    kernel,
    packed_mask,
)


def _formula(q, k, v, mask):
    scores = np.einsum("BTHK,BHSK->BHTS", q, k) / np.sqrt(q.shape[-1])
    scores = np.where(np.asarray(mask)[:, None], scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return np.einsum("BHTS,BHSK->BTHK", weights / weights.sum(-1, keepdims=True), v)


@pytest.mark.parametrize("T", [1, 7, BLOCK, 2 * BLOCK, 2 * BLOCK + 37, 9 * BLOCK + 1])
def test_packed_attention_is_the_formula(T):
    q, k, v = np.random.default_rng(T).normal(size=(3, 2, T, 3, 8)).astype(np.float32)
    k, v = k.swapaxes(1, 2), v.swapaxes(1, 2)
    segments = jnp.asarray(np.sort(np.random.default_rng(T).integers(0, 4, (2, T)), axis=1))
    mask = packed_mask(segments)
    expected_mask = (segments[:, :, None] == segments[:, None]) & np.tri(T, dtype=bool)
    np.testing.assert_array_equal(mask, expected_mask)
    np.testing.assert_allclose(jax.jit(attention)(q, k, v, mask), _formula(q, k, v, mask), atol=2e-6)


def test_cached_attention_is_the_formula():
    rng = np.random.default_rng(0)
    q = rng.normal(size=(3, 1, 2, 8)).astype(np.float32)
    k, v = rng.normal(size=(2, 3, 2, 40, 8)).astype(np.float32)
    mask = cached_mask(jnp.array([[0], [17], [39]]), 40)
    np.testing.assert_array_equal(mask.sum(-1)[:, 0], [1, 18, 40])
    np.testing.assert_allclose(attention(q, k, v, mask), _formula(q, k, v, mask), atol=2e-6)


@pytest.mark.parametrize(("T", "K"), [(128, 64), (256, 16), (96, 16)])
def test_splash_attention_equals_the_plain_one(T, K):
    keys = jax.random.split(jax.random.key(T), 3)
    q, k, v = (jax.random.normal(key, (2, T, 3, K)) for key in keys)
    segments = jnp.asarray(np.sort(np.random.default_rng(T).integers(1, 4, (2, T)), axis=1))

    def loss(name, q, k, v):
        prepare, attend = kernel(name)
        y_BxTxHxK = attend(q, k, v, prepare(segments))
        return jnp.sum(jnp.sin(y_BxTxHxK)), y_BxTxHxK

    plain, splash = (
        jax.value_and_grad(functools.partial(loss, name), (0, 1, 2), has_aux=True)(q, k, v)
        for name in ("plain", "splash-interpreted")
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), splash, plain)


def test_kernels_are_chosen_by_platform_and_unknown_ones_refused():
    assert kernel("auto") is KERNELS["plain"]
    assert BY_PLATFORM["tpu"] == "splash" and set(BY_PLATFORM.values()) <= set(KERNELS)
    with pytest.raises(ValueError, match="unknown student.attention 'fast'; valid: auto, plain"):
        kernel("fast")
