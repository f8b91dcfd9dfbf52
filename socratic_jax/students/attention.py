"""Attention, and the masks that make it causal, packed or cached.

Shapes: B rows, T queries, S keys, H heads, K head width.
"""

import jax
import jax.numpy as jnp

# Large and finite: a row that sees nothing gives a uniform average, never NaN.
MASKED = -1e30
# Queries in a causal block, and the most blocks: more of them mean less waste and more compilation.
BLOCK = 64
MAX_BLOCKS = 8


def packed_mask(segments_BxT: jax.Array) -> jax.Array:
    """Who sees whom in packed rows: earlier tokens, and itself, of the same segment. bool BxTxT."""
    T = segments_BxT.shape[1]
    causal_TxT = jnp.tril(jnp.ones((T, T), bool))
    return (segments_BxT[:, :, None] == segments_BxT[:, None, :]) & causal_TxT


def cached_mask(positions_BxT: jax.Array, S: int) -> jax.Array:
    """Who sees what in a cache whose slot s holds position s: every position up to its own. BxTxS."""
    return jnp.arange(S) <= positions_BxT[:, :, None]


def attention(q_BxTxHxK: jax.Array, k_BxHxSxK: jax.Array, v_BxHxSxK: jax.Array, mask_BxTxS: jax.Array):
    """Scaled dot-product attention; scores and softmax in f32. Returns BxTxHxK in q's dtype.

    Where there are as many queries as keys the mask must be causal (`packed_mask` and `cached_mask` of
    positions from 0 are): queries are taken block by block, each with the keys up to its own end, which
    saves nearly half of the work and none of the result.
    """
    T, S = mask_BxTxS.shape[1:]
    if T != S or T < 2 * BLOCK:
        return _attend(q_BxTxHxK, k_BxHxSxK, v_BxHxSxK, mask_BxTxS)
    n_blocks = min(T // BLOCK, MAX_BLOCKS)
    ends = [-(-T * (i + 1) // n_blocks) for i in range(n_blocks)]
    blocks = [
        _attend(q_BxTxHxK[:, a:b], k_BxHxSxK[:, :, :b], v_BxHxSxK[:, :, :b], mask_BxTxS[:, a:b, :b])
        for a, b in zip([0, *ends], ends, strict=False)
    ]
    return jnp.concatenate(blocks, axis=1)


def _attend(q_BxTxHxK, k_BxHxSxK, v_BxHxSxK, mask_BxTxS):
    scale = q_BxTxHxK.shape[-1] ** -0.5
    scores_BxHxTxS = jnp.einsum(
        "BTHK,BHSK->BHTS", q_BxTxHxK * scale, k_BxHxSxK, preferred_element_type=jnp.float32
    )
    scores_BxHxTxS = jnp.where(mask_BxTxS[:, None], scores_BxHxTxS, MASKED)
    weights_BxHxTxS = jax.nn.softmax(scores_BxHxTxS, axis=-1).astype(q_BxTxHxK.dtype)
    return jnp.einsum("BHTS,BHSK->BTHK", weights_BxHxTxS, v_BxHxSxK)
