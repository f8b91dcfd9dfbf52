"""The decoding state of attention: keys and values of everything read so far."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Cache(NamedTuple):
    """Slot s of a row holds its position s. L layers, B rows, H heads, S slots, K head width."""

    k_LxBxHxSxK: jax.Array
    v_LxBxHxSxK: jax.Array

    @classmethod
    def empty(cls, L: int, B: int, H: int, S: int, K: int, dtype) -> "Cache":
        zeros = jnp.zeros((L, B, H, S, K), jnp.dtype(dtype))
        return cls(zeros, zeros.copy())  # Two buffers: the state is donated.

    def write(self, layer, positions_BxT, k_BxTxHxK, v_BxTxHxK) -> "Cache":
        """Puts the keys and values of one layer at each row's own positions; those that there are no slots
        for are dropped."""
        B, _, H, _ = k_BxTxHxK.shape
        at = (layer, jnp.arange(B)[:, None, None], jnp.arange(H), positions_BxT[:, :, None])
        return Cache(
            self.k_LxBxHxSxK.at[at].set(k_BxTxHxK.astype(self.k_LxBxHxSxK.dtype), mode="drop"),
            self.v_LxBxHxSxK.at[at].set(v_BxTxHxK.astype(self.v_LxBxHxSxK.dtype), mode="drop"),
        )

    def read(self, layer, S: int) -> tuple[jax.Array, jax.Array]:
        """The first S keys and values of one layer, BxHxSxK each."""
        return self.k_LxBxHxSxK[layer, :, :, :S], self.v_LxBxHxSxK[layer, :, :, :S]

    def narrow(self, S: int) -> "Cache":
        """The first S slots alone."""
        return jax.tree.map(lambda x: x[:, :, :, :S], self)

    def widen(self, narrow: "Cache") -> "Cache":
        """This cache with its first slots replaced."""
        S = narrow.k_LxBxHxSxK.shape[3]
        return jax.tree.map(lambda x, new: x.at[:, :, :, :S].set(new), self, narrow)
