"""Choosing a token from logits, a row at a time."""

import dataclasses

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How tokens are chosen.

    Attributes:
      temperature: 0 is greedy.
      top_k: keep the k likeliest tokens; 0 keeps all.
      top_p: keep the fewest tokens whose probabilities add up to p (Holtzman et al. 2020); 1 keeps all.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self):
        if self.temperature < 0 or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ValueError(f"sampling needs temperature >= 0, top_k >= 0, 0 < top_p <= 1; got {self}")


GREEDY = Sampling()


def filter_logits(logits_BxV: jax.Array, sampling: Sampling) -> jax.Array:
    """Logits with temperature applied and everything outside of top-k and top-p at -inf."""
    logits_BxV = logits_BxV / sampling.temperature
    V = logits_BxV.shape[-1]
    if 0 < sampling.top_k < V:
        kth_Bx1 = jax.lax.top_k(logits_BxV, sampling.top_k)[0][:, -1:]
        logits_BxV = jnp.where(logits_BxV < kth_Bx1, -jnp.inf, logits_BxV)
    if sampling.top_p < 1:
        sorted_BxV = jnp.sort(logits_BxV, axis=-1, descending=True)
        probs_BxV = jax.nn.softmax(sorted_BxV, axis=-1)
        # Kept: every token before which less than p has been collected; so always at least one.
        kept_BxV = jnp.cumsum(probs_BxV, axis=-1) - probs_BxV < sampling.top_p
        least_Bx1 = jnp.min(jnp.where(kept_BxV, sorted_BxV, jnp.inf), axis=-1, keepdims=True)
        logits_BxV = jnp.where(logits_BxV < least_Bx1, -jnp.inf, logits_BxV)
    return logits_BxV


def sample(logits_VxB: jax.Array, keys_B: jax.Array, sampling: Sampling) -> jax.Array:
    """One token a row, int32. Each row has its own key, so its neighbours do not matter."""
    if sampling.temperature == 0:
        # argmax, the first of equals: XLA's own takes as long as the matrix product on a CPU.
        ids_Vx1 = jnp.arange(len(logits_VxB), dtype=jnp.int32)[:, None]
        largest_B = jnp.max(logits_VxB, axis=0)
        return jnp.min(jnp.where(logits_VxB == largest_B, ids_Vx1, len(logits_VxB) - 1), axis=0)
    logits_BxV = filter_logits(logits_VxB.T, sampling)
    return jax.vmap(jax.random.categorical)(keys_B, logits_BxV).astype(jnp.int32)
