"""Attention, and the masks that make it causal, packed or cached.

Shapes: B rows, T queries, S keys, H heads, K head width.
"""

import jax
import jax.numpy as jnp

# Large and finite: a row that sees nothing gives a uniform average, never NaN.
MASKED = -1e30


def packed_mask(segments_BxT: jax.Array) -> jax.Array:
    """Who sees whom in packed rows: earlier tokens, and itself, of the same segment. bool BxTxT."""
    T = segments_BxT.shape[1]
    causal_TxT = jnp.tril(jnp.ones((T, T), bool))
    return (segments_BxT[:, :, None] == segments_BxT[:, None, :]) & causal_TxT


def cached_mask(positions_BxT: jax.Array, S: int) -> jax.Array:
    """Who sees what in a cache whose slot s holds position s: every position up to its own. BxTxS."""
    return jnp.arange(S) <= positions_BxT[:, :, None]


def attention(q_BxTxHxK: jax.Array, k_BxHxSxK: jax.Array, v_BxHxSxK: jax.Array, mask_BxTxS: jax.Array):
    """Scaled dot-product attention; scores and softmax in f32. Returns BxTxHxK in q's dtype."""
    scale = q_BxTxHxK.shape[-1] ** -0.5
    scores_BxHxTxS = jnp.einsum(
        "BTHK,BHSK->BHTS", q_BxTxHxK * scale, k_BxHxSxK, preferred_element_type=jnp.float32
    )
    scores_BxHxTxS = jnp.where(mask_BxTxS[:, None], scores_BxHxTxS, MASKED)
    weights_BxHxTxS = jax.nn.softmax(scores_BxHxTxS, axis=-1).astype(q_BxTxHxK.dtype)
    return jnp.einsum("BHTS,BHSK->BTHK", weights_BxHxTxS, v_BxHxSxK)
