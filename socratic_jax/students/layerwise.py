"""GPT-2 for writing tokens on a CPU: the same arithmetic as gpt2.py, laid out for one token at a time.

A step reads every weight once and does little with it, so what counts is how weights lie in memory.
Scanned layers would be copied out of their stack at every step; here each layer's arrays are its own. And a
product with few columns runs fastest in Eigen as (outputs x inputs) times (inputs x rows), so kernels are
kept with their outputs first, and activations with their features first, from end to end.

On 2 cores the blocks of a 124M student take 36 ms instead of 45 a step for 32 rows, and 19 instead of 27 for
8; scanned, with copies, a whole step takes twice as long.

Shapes: as in gpt2.py; N = B * T tokens.
"""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from socratic_jax.students.attention import attention, cached_mask
from socratic_jax.students.cache import Cache
from socratic_jax.students.student import LAYER_NORM_EPSILON

Weights = Any


@dataclasses.dataclass(frozen=True)
class LayerwiseGPT2:
    """A `Decoder`; see student.py. `config` is a `GPT2Config`; its state has one `Cache` for each layer."""

    config: Any

    def prepare(self, params) -> Weights:
        c, blocks = self.config, params["blocks"]
        attn, mlp = blocks["attn"], blocks["mlp"]

        def linear(part, layer: int, outputs: int):
            kernel = part["kernel"][layer].reshape(-1, outputs).T
            rest = {f"{name}_F": part[name][layer].reshape(-1) for name in ("bias", "scale") if name in part}
            return {"kernel_FxD": kernel, **rest}

        layers = tuple(
            {
                "ln_1": {name: x[i] for name, x in blocks["ln_1"].items()},
                "qkv": linear(attn["qkv"], i, 3 * c.D),
                "out": linear(attn["out"], i, c.D),
                "ln_2": {name: x[i] for name, x in blocks["ln_2"].items()},
                "up": linear(mlp["up"], i, c.F),
                "down": linear(mlp["down"], i, c.D),
            }
            for i in range(c.L)
        )
        return {**{name: params[name] for name in ("wte", "wpe", "ln_f")}, "layers": layers}

    def table(self, weights):
        return weights["wte"]["embedding"]

    def init_state(self, B: int, S: int) -> tuple[Cache, ...]:
        c = self.config
        return tuple(Cache.empty(1, B, c.H, S, c.K, c.dtype) for _ in range(c.L))

    def narrow(self, state, S: int):
        return tuple(cache.narrow(S) for cache in state)

    def widen(self, state, narrow):
        return tuple(cache.widen(part) for cache, part in zip(state, narrow, strict=True))

    def prefill(self, weights, state, tokens_BxT, lengths_B, start=0):
        B, T = tokens_BxT.shape
        positions_BxT = jnp.broadcast_to(start + jnp.arange(T), (B, T))
        # What padding writes behind a row's end is overwritten before anything can attend to it.
        x_DxN, state = self._layers(weights, state, tokens_BxT, positions_BxT, start + T)
        last_B = jnp.arange(B) * T + lengths_B - 1
        return self._last(weights, x_DxN[:, last_B]), state

    def step(self, weights, state, tokens_B, positions_B):
        S = state[0].k_LxBxHxSxK.shape[3]
        x_DxB, state = self._layers(weights, state, tokens_B[:, None], positions_B[:, None], S)
        return self._last(weights, x_DxB), state

    def _layers(self, weights, state, tokens_BxT, positions_BxT, S: int):
        """The hidden states after the last layer, before its norm, and the state."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        (B, T), N = tokens_BxT.shape, tokens_BxT.size
        mask_BxTxS = cached_mask(positions_BxT, S)
        embedded = weights["wte"]["embedding"][tokens_BxT] + weights["wpe"]["embedding"][positions_BxT]
        x_DxN = embedded.reshape(N, c.D).astype(dtype).T
        caches = []
        for layer, cache in zip(weights["layers"], state, strict=True):
            qkv = _linear(layer["qkv"], _layer_norm(layer["ln_1"], x_DxN))
            qkv_3xBxTxHxK = qkv.reshape(3, c.H, c.K, B, T).transpose(0, 3, 4, 1, 2)
            cache = cache.write(0, positions_BxT, qkv_3xBxTxHxK[1], qkv_3xBxTxHxK[2])
            y_BxTxHxK = attention(qkv_3xBxTxHxK[0], *cache.read(0, S), mask_BxTxS)
            x_DxN += _linear(layer["out"], y_BxTxHxK.reshape(N, c.D).T)
            up_FxN = nn.gelu(_linear(layer["up"], _layer_norm(layer["ln_2"], x_DxN)), approximate=True)
            x_DxN += _linear(layer["down"], up_FxN)
            caches.append(cache)
        return x_DxN, tuple(caches)

    def _last(self, weights, x_DxB):
        return _layer_norm(weights["ln_f"], x_DxB).T


def _linear(layer, x_DxN):
    y_FxN = layer["kernel_FxD"].astype(x_DxN.dtype) @ x_DxN
    if "scale_F" in layer:  # See int8.py.
        y_FxN *= layer["scale_F"].astype(x_DxN.dtype)[:, None]
    return y_FxN + layer["bias_F"].astype(x_DxN.dtype)[:, None]


def _layer_norm(layer, x_DxN):
    x_DxN, dtype = x_DxN.astype(jnp.float32), x_DxN.dtype
    mean_N = jnp.mean(x_DxN, axis=0)
    variance_N = jnp.mean(jnp.square(x_DxN), axis=0) - jnp.square(mean_N)
    scale_DxN = jax.lax.rsqrt(jnp.maximum(variance_N, 0) + LAYER_NORM_EPSILON) * layer["scale"][:, None]
    return ((x_DxN - mean_N) * scale_DxN + layer["bias"][:, None]).astype(dtype)
