"""Sampling against its definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socratic_jax.decoding.sampling import Sampling, filter_logits, sample


def _logits(B=5, V=31, seed=0):
    return 3 * jax.random.normal(jax.random.key(seed), (B, V))


@pytest.mark.parametrize("k", [1, 4, 31, 100])
def test_top_k_keeps_the_k_likeliest(k):
    kept = np.isfinite(filter_logits(_logits(), Sampling(1.0, top_k=k)))
    for row, logits in zip(kept, np.asarray(_logits()), strict=True):
        assert set(np.flatnonzero(row)) == set(np.argsort(-logits)[:k])


@pytest.mark.parametrize("p", [0.01, 0.5, 0.9, 1.0])
def test_top_p_keeps_the_fewest_that_reach_p(p):
    kept = np.isfinite(filter_logits(_logits(), Sampling(1.0, top_p=p)))
    for row, logits in zip(kept, np.asarray(_logits()), strict=True):
        order = np.argsort(-logits)
        probs = np.exp(logits - logits.max())
        probs = (probs / probs.sum())[order]
        n = 1
        while n < len(probs) and probs[:n].sum() < p:
            n += 1
        assert set(np.flatnonzero(row)) == set(order[:n])


def test_temperature_divides_logits():
    np.testing.assert_allclose(filter_logits(_logits(), Sampling(2.0)), _logits() / 2, rtol=1e-6)


def test_samples_follow_the_distribution():
    logits = jnp.log(jnp.array([[0.5, 0.3, 0.2]]))
    keys = jax.random.split(jax.random.key(0), 4000)
    draws = jax.vmap(lambda key: sample(logits.T, key[None], Sampling(1.0))[0])(keys)
    shares = np.bincount(draws, minlength=3) / 4000
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2], atol=0.03)


def test_zero_temperature_is_greedy():
    keys = jax.random.split(jax.random.key(0), 5)
    np.testing.assert_array_equal(sample(_logits().T, keys, Sampling()), jnp.argmax(_logits(), -1))


@pytest.mark.parametrize("bad", [dict(temperature=-1), dict(top_k=-1), dict(top_p=0), dict(top_p=1.5)])
def test_nonsense_is_refused(bad):
    with pytest.raises(ValueError, match="sampling needs temperature >= 0"):
        Sampling(**bad)
