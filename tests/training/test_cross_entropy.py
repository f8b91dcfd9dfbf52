"""Chunks and shards add up to the plain loss and its gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from socratic_jax.training import cross_entropy as module
from socratic_jax.training.cross_entropy import cross_entropy


def _case(B, M, D, V, dtype=jnp.float32):
    keys = jax.random.split(jax.random.key(0), 4)
    x_BxMxD = jax.random.normal(keys[0], (B, M, D)).astype(dtype)
    table_VxD = jax.random.normal(keys[1], (V, D))
    targets_BxM = jax.random.randint(keys[2], (B, M), 0, V)
    weights_BxM = (jax.random.uniform(keys[3], (B, M)) < 0.7).astype(jnp.float32)
    return x_BxMxD, table_VxD, targets_BxM, weights_BxM


def _plain(x_BxMxD, table_VxD, targets_BxM, weights_BxM):
    logits = jnp.einsum("BMD,VD->BMV", x_BxMxD, table_VxD.astype(x_BxMxD.dtype)).astype(jnp.float32)
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, targets_BxM)
    correct = jnp.argmax(logits, -1) == targets_BxM
    return jnp.sum(nats * weights_BxM), jnp.sum(correct * weights_BxM)


@pytest.mark.parametrize("logits", [1, 128 * 300, 1 << 30], ids=["chunks", "few chunks", "one chunk"])
def test_chunks_equal_the_whole(monkeypatch, logits):
    monkeypatch.setattr(module, "CHUNK_LOGITS", logits)
    case = _case(3, 150, 16, 300)
    a, b = (
        jax.jit(jax.value_and_grad(lambda *c, f=f: f(*c), (0, 1), has_aux=True))(*case)
        for f in (cross_entropy, _plain)
    )
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5), a, b)
    np.testing.assert_allclose(jax.jit(lambda *c: cross_entropy(*c))(*case), b[0], rtol=1e-6)


def test_the_gradient_scales_with_what_follows():
    x, table, targets, weights = _case(2, 5, 8, 20)
    grads = [
        jax.grad(lambda x, f=f: jnp.sin(3 * f(x, table, targets, weights)[0]))(x)
        for f in (cross_entropy, _plain)
    ]
    np.testing.assert_allclose(*grads, rtol=1e-4, atol=1e-5)


def test_huge_logits_stay_finite():
    x, table, targets, weights = _case(2, 5, 8, 20)
    (nats, _), grads = jax.value_and_grad(cross_entropy, (0, 1), has_aux=True)(
        1e4 * x, table, targets, weights
    )
    assert np.isfinite(nats) and all(np.isfinite(g).all() for g in grads)


def test_half_precision_in_half_precision_out():
    case = _case(2, 64, 16, 50, jnp.bfloat16)
    (_, _), (dx, dtable) = jax.value_and_grad(cross_entropy, (0, 1), has_aux=True)(*case)
    assert (dx.dtype, dtable.dtype) == (jnp.bfloat16, jnp.float32)
    _, (plain_dx, plain_dtable) = jax.value_and_grad(_plain, (0, 1), has_aux=True)(*case)
    np.testing.assert_allclose(dtable, plain_dtable, rtol=0.1, atol=0.15)
    np.testing.assert_allclose(dx.astype(jnp.float32), plain_dx.astype(jnp.float32), rtol=0.1, atol=0.1)


def test_all_logits_are_never_there_at_once(monkeypatch):
    monkeypatch.setattr(module, "CHUNK_LOGITS", 128 * 1000)
    x, table, targets, weights = _case(8, 256, 16, 1000)
    grad = jax.jit(jax.value_and_grad(cross_entropy, (0, 1), has_aux=True))
    memory = grad.lower(x, table, targets, weights).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 8 * 256 * 1000 * 4 / 2
