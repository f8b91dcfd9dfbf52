"""Attention in packed rows on CPUs: block by block, and only those blocks that a segment reaches.

A block of scores stays in a core's cache between the products and the softmax, nothing of the size T x T is
ever written to memory, and a query never meets the segments before its own. Forward and backward pass are
those of Dao et al. 2022, "FlashAttention" (arXiv 2205.14135). Which blocks there are is data: the loop over
them is one loop, compiled once.

Shapes: B rows, T tokens, H heads, K head width, N blocks of C tokens in a row.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

# Large and finite: what a mask makes of a score.
MASKED = -1e30
# Tokens of a block, about. At 64 all that is made of one pair of blocks fits into a second-level cache.
BLOCK, MULTIPLE = 64, 8


def block_size(T: int) -> int:
    """C for rows of T tokens: equal blocks of about BLOCK, with little padding."""
    n_blocks = max(round(T / BLOCK), 1)
    return -(-T // n_blocks // MULTIPLE) * MULTIPLE


def blockwise(q_BxTxHxK: jax.Array, k_BxTxHxK: jax.Array, v_BxTxHxK: jax.Array, segments_BxT: jax.Array):
    """Scaled dot-product attention of packed rows; scores and sums in f32. Returns BxTxHxK in q's dtype.

    Args:
      segments_BxT: integers that tell apart the segments of a row, which lie one behind the other. A token
        sees itself and the earlier ones of its segment.
    """
    T, K = q_BxTxHxK.shape[1], q_BxTxHxK.shape[3]
    C = block_size(T)
    padding = [(0, 0), (0, -T % C)]
    q, k, v = (
        jnp.pad(x_BxTxHxK, [*padding, (0, 0), (0, 0)]).swapaxes(1, 2)
        for x_BxTxHxK in (q_BxTxHxK * K**-0.5, k_BxTxHxK, v_BxTxHxK)
    )
    segments_BxT = jnp.pad(segments_BxT, padding, constant_values=-1)
    return _attend(C, q, k, v, segments_BxT).swapaxes(1, 2)[:, :T]


def first_blocks(segments_BxT: jax.Array, C: int) -> jax.Array:
    """The first block of keys that each block of queries needs: where the segment of its first token begins.
    int32 BxN."""
    T = segments_BxT.shape[1]
    begins_BxT = jnp.diff(segments_BxT, axis=1, prepend=segments_BxT[:, :1] - 1) != 0
    start_BxT = lax.cummax(jnp.where(begins_BxT, jnp.arange(T, dtype=jnp.int32), 0), axis=1)
    return start_BxT[:, ::C] // C


class _Block(NamedTuple):
    """C tokens of a row, as a part of arrays BxT, BxHxT or BxHxTxK."""

    row: jax.Array
    start: jax.Array
    C: int

    def tokens(self, x_BxT):
        return lax.dynamic_slice(x_BxT, (self.row, self.start), (1, self.C))[0]

    def read(self, x):
        """BxHxT... -> HxC..."""
        return lax.dynamic_slice(x, self._corner(x), (1, x.shape[1], self.C, *x.shape[3:]))[0]

    def write(self, x, part):
        return lax.dynamic_update_slice(x, part[None], self._corner(x))

    def add(self, x, part):
        return self.write(x, self.read(x) + part)

    def _corner(self, x):
        return (self.row, 0, self.start) + (0,) * (x.ndim - 3)


def _each_pair(C: int, segments_BxT: jax.Array, one: Callable[[_Block, _Block, Any], Any], carry: Any) -> Any:
    """`one(queries, keys, carry)` for every pair of blocks in which some query sees some key."""
    first_BxN = first_blocks(segments_BxT, C)
    B, N = first_BxN.shape
    first = first_BxN.reshape(-1)

    def step(state):
        n, j, carry = state
        row, i = n // N, n % N
        carry = one(_Block(row, i * C, C), _Block(row, j * C, C), carry)
        n = jnp.where(j == i, n + 1, n)
        # (Behind the last pair the index is clamped; nobody looks.)
        return n, jnp.where(j == i, first[n], j + 1), carry

    return lax.while_loop(lambda state: state[0] < B * N, step, (jnp.int32(0), first[0], carry))[2]


def _scores(q, k, segments_BxT, queries: _Block, keys: _Block):
    """HxCxC, f32."""
    scores_HxCxC = _product("HTK,HSK->HTS", queries.read(q), keys.read(k))
    same_CxC = queries.tokens(segments_BxT)[:, None] == keys.tokens(segments_BxT)
    at_C = jnp.arange(queries.C)
    earlier_CxC = (queries.start + at_C)[:, None] >= keys.start + at_C
    return jnp.where(same_CxC & earlier_CxC, scores_HxCxC, MASKED)


_product = functools.partial(jnp.einsum, preferred_element_type=jnp.float32)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _attend(C, q_BxHxTxK, k_BxHxTxK, v_BxHxTxK, segments_BxT):
    return _forward(C, q_BxHxTxK, k_BxHxTxK, v_BxHxTxK, segments_BxT)[0]


def _forward(C, q_BxHxTxK, k_BxHxTxK, v_BxHxTxK, segments_BxT):
    """The result, and what the backward pass needs of this one."""

    def one(queries, keys, carry):
        y, most, total = carry
        scores_HxCxC = _scores(q_BxHxTxK, k_BxHxTxK, segments_BxT, queries, keys)
        most_HxC = jnp.maximum(queries.read(most), jnp.max(scores_HxCxC, axis=-1))
        weights_HxCxC = jnp.exp(scores_HxCxC - most_HxC[..., None])
        # What was summed up so far was relative to the largest score so far.
        shrink_HxC = jnp.exp(queries.read(most) - most_HxC)
        y_HxCxK = _product("HTS,HSK->HTK", weights_HxCxC.astype(v_BxHxTxK.dtype), keys.read(v_BxHxTxK))
        return (
            queries.write(y, queries.read(y) * shrink_HxC[..., None] + y_HxCxK),
            queries.write(most, most_HxC),
            queries.write(total, queries.read(total) * shrink_HxC + jnp.sum(weights_HxCxC, axis=-1)),
        )

    nothing_BxHxT = jnp.zeros(q_BxHxTxK.shape[:3], jnp.float32)
    carry = (jnp.zeros(q_BxHxTxK.shape, jnp.float32), nothing_BxHxT + MASKED, nothing_BxHxT)
    y, most, total = _each_pair(C, segments_BxT, one, carry)
    y_BxHxTxK = (y / total[..., None]).astype(q_BxHxTxK.dtype)
    return y_BxHxTxK, (q_BxHxTxK, k_BxHxTxK, v_BxHxTxK, segments_BxT, y_BxHxTxK, most + jnp.log(total))


def _backward(C, kept, dy_BxHxTxK):
    q_BxHxTxK, k_BxHxTxK, v_BxHxTxK, segments_BxT, y_BxHxTxK, log_total_BxHxT = kept
    dtype = q_BxHxTxK.dtype
    # The softmax takes the mean out of its gradient: sum over keys of weight x its gradient, which is dy y.
    mean_BxHxT = jnp.sum(dy_BxHxTxK.astype(jnp.float32) * y_BxHxTxK, axis=-1)

    def one(queries, keys, carry):
        dq, dk, dv = carry
        q_HxCxK, dy_HxCxK = queries.read(q_BxHxTxK), queries.read(dy_BxHxTxK)
        # Keys first: two of three products need no transposed left side then, and not one.
        scores_HxCxC = _scores(q_BxHxTxK, k_BxHxTxK, segments_BxT, queries, keys).swapaxes(1, 2)
        weights_HxCxC = jnp.exp(scores_HxCxC - queries.read(log_total_BxHxT)[:, None])
        dweights_HxCxC = _product("HSK,HTK->HST", keys.read(v_BxHxTxK), dy_HxCxK)
        dscores_HxCxC = weights_HxCxC * (dweights_HxCxC - queries.read(mean_BxHxT)[:, None])
        dscores_HxCxC = dscores_HxCxC.astype(dtype)
        return (
            queries.add(dq, _product("HST,HSK->HTK", dscores_HxCxC, keys.read(k_BxHxTxK))),
            keys.add(dk, _product("HST,HTK->HSK", dscores_HxCxC, q_HxCxK)),
            keys.add(dv, _product("HST,HTK->HSK", weights_HxCxC.astype(dtype), dy_HxCxK)),
        )

    nothing = jnp.zeros(q_BxHxTxK.shape, jnp.float32)
    grads = _each_pair(C, segments_BxT, one, (nothing, nothing, nothing))
    return (*(grad.astype(dtype) for grad in grads), None)


_attend.defvjp(_forward, _backward)
