"""Attention, and the masks that make it causal, packed or cached.

Packed rows have a table of kernels, one for each kind of device, that all compute the same thing;
decoding uses the plain one. Shapes: B rows, T queries, S keys, H heads, K head width.
"""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from socratic_jax.sharding import ACTIVATIONS, BATCH, context_mesh, context_platform
from socratic_jax.students.blockwise import MASKED, blockwise

# Queries in a causal block, and the most blocks: more of them mean less waste and more compilation.
BLOCK = 64
MAX_BLOCKS = 8
# Splash attention works on tiles of at least this many queries and keys, and at most the second.
SPLASH_MULTIPLE, SPLASH_BLOCK = 128, 512


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


def _plain(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, mask_BxTxT):
    return attention(q_BxTxHxK, k_BxTxHxK.swapaxes(1, 2), v_BxTxHxK.swapaxes(1, 2), mask_BxTxT)


def _cudnn(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, mask_BxTxT):
    """cuDNN's flash attention; the mask of the segments is an additive bias that all heads share."""
    if q_BxTxHxK.dtype == jnp.float32:  # It only has 16-bit kernels.
        return _plain(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, mask_BxTxT)

    def local(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, mask_BxTxT):
        return jax.nn.dot_product_attention(
            q_BxTxHxK, k_BxTxHxK, v_BxTxHxK,
            mask=mask_BxTxT[:, None], is_causal=True, implementation="cudnn",
        )  # fmt: skip

    return _on_each_device(local)(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, mask_BxTxT)


def splash(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, segments_BxT, interpret: bool = False):
    """Pallas' splash attention for TPUs: tiles that the causal mask hides are never computed.

    Args:
      interpret: run the kernel step by step on any device, for tests.
    """
    if q_BxTxHxK.shape[1] % SPLASH_MULTIPLE:
        return _plain(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, packed_mask(segments_BxT))
    # Only a TPU needs this import, which takes a while.
    from jax.experimental.pallas.ops.tpu import splash_attention as pallas

    def local(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, segments_BxT):
        _, T, H, K = q_BxTxHxK.shape
        block = next(b for b in (SPLASH_BLOCK, 256, SPLASH_MULTIPLE) if T % b == 0)
        kernel = pallas.make_splash_mha(
            mask=pallas.MultiHeadMask([pallas.CausalMask((T, T))] * H),
            block_sizes=pallas.BlockSizes(
                block_q=block, block_kv=block, block_kv_compute=block,
                block_q_dkv=block, block_kv_dkv=block, block_kv_dkv_compute=block,
                block_q_dq=block, block_kv_dq=block,
            ),
            head_shards=1, q_seq_shards=1, interpret=interpret,
        )  # fmt: skip
        q, k, v = (x.swapaxes(1, 2) for x in (q_BxTxHxK * K**-0.5, k_BxTxHxK, v_BxTxHxK))
        y_BxHxTxK = jax.vmap(kernel)(q, k, v, pallas.SegmentIds(segments_BxT, segments_BxT))
        return y_BxHxTxK.swapaxes(1, 2).astype(q_BxTxHxK.dtype)

    return _on_each_device(local)(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, segments_BxT)


def _on_each_device(f: Callable) -> Callable:
    """`f` on each device's own rows and heads: the compiler cannot split a kernel by itself."""
    mesh = context_mesh()
    if mesh is None:
        return f
    heads = ACTIVATIONS["BxTxHxK"]
    return jax.shard_map(
        f, mesh=mesh, in_specs=(heads, heads, heads, PartitionSpec(*BATCH)), out_specs=heads, check_vma=False
    )


class Kernel(NamedTuple):
    """How one kind of device computes attention in packed rows.

    Attributes:
      prepare: segments_BxT -> what `attend` needs of them, once for all layers.
      attend: (q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, prepared) -> y_BxTxHxK.
    """

    prepare: Callable
    attend: Callable


def _blockwise(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, segments_BxT):
    return _on_each_device(blockwise)(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, segments_BxT)


def _as_they_are(segments_BxT):
    return segments_BxT


KERNELS: Mapping[str, Kernel] = {
    "plain": Kernel(packed_mask, _plain),
    "blockwise": Kernel(_as_they_are, _blockwise),
    "cudnn": Kernel(packed_mask, _cudnn),
    "splash": Kernel(_as_they_are, splash),
    "splash-interpreted": Kernel(_as_they_are, functools.partial(splash, interpret=True)),
}
BY_PLATFORM: Mapping[str, str] = {"cpu": "blockwise", "gpu": "cudnn", "cuda": "cudnn", "tpu": "splash"}


def kernel(name: str) -> Kernel:
    """A kernel by name; "auto" is the one for the device that is compiled for.

    Raises:
      ValueError: there is no such kernel; the message lists the valid ones.
    """
    name = BY_PLATFORM.get(context_platform(), "plain") if name == "auto" else name
    if name not in KERNELS:
        raise ValueError(f"unknown student.attention {name!r}; valid: auto, {', '.join(KERNELS)}")
    return KERNELS[name]
