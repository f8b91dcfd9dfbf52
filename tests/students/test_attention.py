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
from socratic_jax.students.blockwise import _each_pair, block_size, first_blocks


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


def _loss(name, segments, q, k, v):
    prepare, attend = kernel(name)
    y_BxTxHxK = attend(q, k, v, prepare(segments))
    return jnp.sum(jnp.sin(y_BxTxHxK)), y_BxTxHxK


def _equals_the_plain_one(name, T, K, segments, atol):
    keys = jax.random.split(jax.random.key(T), 3)
    q, k, v = (jax.random.normal(key, (len(segments), T, 3, K)) for key in keys)
    plain, other = (
        jax.jit(jax.value_and_grad(functools.partial(_loss, which, segments), (0, 1, 2), has_aux=True))(
            q, k, v
        )
        for which in ("plain", name)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=atol), other, plain)


@pytest.mark.parametrize(("T", "K"), [(128, 64), (256, 16), (96, 16)])
def test_splash_attention_equals_the_plain_one(T, K):
    segments = jnp.asarray(np.sort(np.random.default_rng(T).integers(1, 4, (2, T)), axis=1))
    _equals_the_plain_one("splash-interpreted", T, K, segments, 1e-4)


@pytest.mark.parametrize("T", [1, 8, 63, 64, 65, 160, 257])
@pytest.mark.parametrize("segments", [1, 3, 40])
def test_blockwise_attention_equals_the_plain_one(T, segments):
    rng = np.random.default_rng(T)
    lengths = np.sort(rng.integers(0, segments, (3, T)), axis=1) + 1
    lengths[1, T // 2 :] = 0  # Padding.
    _equals_the_plain_one("blockwise", T, 8, jnp.asarray(lengths), 2e-5)


def test_blocks_of_other_segments_are_not_visited():
    segments = jnp.asarray([[1] * 10 + [2] * 14 + [0] * 8, [1] * 32])
    np.testing.assert_array_equal(first_blocks(segments, 8), [[0, 0, 1, 3], [0, 0, 0, 0]])

    def mark(queries, keys, seen):
        return seen.at[queries.row, queries.start // 8, keys.start // 8].add(1)

    visited = _each_pair(8, segments, mark, jnp.zeros((2, 4, 4), int))
    np.testing.assert_array_equal(visited[0], [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(visited[1], np.tri(4, dtype=int))


@pytest.mark.parametrize("T", [1, 64, 65, 100, 160, 224, 256, 1000])
def test_blocks_are_equal_and_end_soon_behind_the_row(T):
    C = block_size(T)
    assert C <= 1.5 * 64 and C % 8 == 0 and -T % C < 8 * -(-T // C)


def test_kernels_are_chosen_by_platform_and_unknown_ones_refused():
    assert kernel("auto") is KERNELS["blockwise"]
    assert BY_PLATFORM["tpu"] == "splash" and set(BY_PLATFORM.values()) <= set(KERNELS)
    with pytest.raises(ValueError, match="unknown student.attention 'fast'; valid: auto, plain, blockwise"):
        kernel("fast")
