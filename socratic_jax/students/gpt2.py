"""GPT-2 in Flax Linen: one implementation for packed training and for cached decoding.

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners": pre-norm blocks, learnt
positions, tanh GELU, tied embeddings. Layers are stacked and scanned, so that compile time does not
grow with depth and a parameter has one layout for all layers.

Shapes: B rows, T tokens, S cache slots, L layers, D width, H heads, K head width, F feed-forward
width, V padded vocabulary.
"""

import dataclasses
import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from socratic_jax.sharding import constrain, context_mesh, context_platform
from socratic_jax.students.attention import attention, cached_mask, kernel
from socratic_jax.students.cache import Cache
from socratic_jax.students.layerwise import LayerwiseGPT2
from socratic_jax.students.student import LAYER_NORM_EPSILON, Decoder, Params


@dataclasses.dataclass(frozen=True)
class GPT2Config:
    """The shape of a GPT-2 and how it is computed.

    Attributes:
      vocab_size: V, rows of the embedding table, padding included.
      context: the most tokens that a sequence can have (rows of the position table).
      L, D, H: layers, width, heads.
      dropout: rate on embeddings and residual branches (attention weights are not dropped).
      dtype: of the computation, "float32" or "bfloat16"; parameters are always f32.
      remat: recompute blocks in the backward pass instead of keeping their activations.
      unroll: layers in one iteration of the scan; more compile longer and, on CPUs, run faster: a train step
        of the 124M student by a fifth. 0 is all of them on a CPU and one elsewhere.
      attention: in packed rows, a kernel of attention.py; "auto" is the device's.
    """

    vocab_size: int
    context: int = 1024
    L: int = 12
    D: int = 768
    H: int = 12
    dropout: float = 0.0
    dtype: str = "float32"
    remat: bool = False
    unroll: int = 0
    attention: str = "auto"

    def __post_init__(self):
        if self.D % self.H:
            raise ValueError(f"width D={self.D} does not divide by H={self.H} heads")

    @property
    def K(self) -> int:
        return self.D // self.H

    @property
    def F(self) -> int:
        return 4 * self.D


class Linear(nn.Module):
    """A matrix product over the axes that the einsum equation names, plus a bias.

    Factored kernels ((D, 3, H, K) for the projections to queries, keys and values) let a mesh axis
    split heads; fused ones would split in the middle of the queries.
    """

    equation: str
    kernel_shape: tuple[int, ...]
    bias_shape: tuple[int, ...]
    stddev: float
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x):
        kernel = self.param("kernel", nn.initializers.normal(self.stddev), self.kernel_shape)
        bias = self.param("bias", nn.initializers.zeros, self.bias_shape)
        y = self._product(x, kernel.astype(self.dtype))
        if self.has_variable("params", "scale"):  # See int8.py.
            y = y * self.get_variable("params", "scale").astype(self.dtype)
        return y + bias.astype(self.dtype)

    def _product(self, x, kernel):
        if context_platform() != "cpu" or _splits_heads():
            return jnp.einsum(self.equation, x, kernel)
        # The same as one matrix times another: XLA's CPU backend copies a kernel with more axes.
        inputs = math.prod(self.kernel_shape) // math.prod(self.bias_shape)
        y_NxF = x.reshape(-1, inputs) @ kernel.reshape(inputs, -1)
        return y_NxF.reshape(*x.shape[:2], *self.bias_shape)


class Attention(nn.Module):
    config: GPT2Config

    @nn.compact
    def __call__(self, x_BxTxD, cache, layer, positions_BxT, seen):
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        qkv = Linear("BTD,DNHK->BTNHK", (c.D, 3, c.H, c.K), (3, c.H, c.K), _std(c), dtype, name="qkv")
        q_BxTxHxK, k_BxTxHxK, v_BxTxHxK = (
            constrain(x_BxTxHxK, "BxTxHxK") for x_BxTxHxK in jnp.moveaxis(qkv(x_BxTxD), 2, 0)
        )
        if cache is None:
            y_BxTxHxK = kernel(c.attention).attend(q_BxTxHxK, k_BxTxHxK, v_BxTxHxK, seen)
        else:
            cache = cache.write(layer, positions_BxT, k_BxTxHxK, v_BxTxHxK)
            y_BxTxHxK = attention(q_BxTxHxK, *cache.read(layer, seen.shape[-1]), seen)
        out = Linear("BTHK,HKD->BTD", (c.H, c.K, c.D), (c.D,), _std(c, residual=True), dtype, name="out")
        return out(y_BxTxHxK), cache


class MLP(nn.Module):
    config: GPT2Config

    @nn.compact
    def __call__(self, x_BxTxD):
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        x_BxTxF = Linear("BTD,DF->BTF", (c.D, c.F), (c.F,), _std(c), dtype, name="up")(x_BxTxD)
        # Only what GELU is given is kept for its gradient; what it computes on the way is as large.
        x_BxTxF = constrain(jax.checkpoint(nn.gelu)(x_BxTxF), "BxTxF")
        return Linear("BTF,FD->BTD", (c.F, c.D), (c.D,), _std(c, residual=True), dtype, name="down")(x_BxTxF)


class Block(nn.Module):
    config: GPT2Config
    deterministic: bool

    @nn.compact
    def __call__(self, carry, layer, positions_BxT, seen):
        x_BxTxD, cache = carry
        c = self.config
        drop = nn.Dropout(c.dropout, deterministic=self.deterministic)
        y_BxTxD, cache = Attention(c, name="attn")(
            _layer_norm(c, "ln_1")(x_BxTxD), cache, layer, positions_BxT, seen
        )
        x_BxTxD = x_BxTxD + drop(y_BxTxD)
        x_BxTxD = x_BxTxD + drop(MLP(c, name="mlp")(_layer_norm(c, "ln_2")(x_BxTxD)))
        return (constrain(x_BxTxD, "BxTxD"), cache), None


class GPT2(nn.Module):
    """The stack of blocks. `seen` says which tokens attend to which: a mask BxTxS where there is a
    cache, else what the attention kernel makes of the segments."""

    config: GPT2Config

    @nn.compact
    def __call__(self, tokens_BxT, positions_BxT, seen, cache=None, deterministic=True):
        c = self.config
        embed = dict(embedding_init=nn.initializers.normal(_std(c)), dtype=jnp.dtype(c.dtype))
        wte = nn.Embed(c.vocab_size, c.D, name="wte", **embed)
        wpe = nn.Embed(c.context, c.D, name="wpe", **embed)
        x_BxTxD = wte(tokens_BxT) + wpe(positions_BxT)
        x_BxTxD = constrain(nn.Dropout(c.dropout, deterministic=deterministic)(x_BxTxD), "BxTxD")
        # prevent_cse only matters outside of scan, where it costs optimisation barriers.
        block = nn.remat(Block, prevent_cse=False) if c.remat else Block
        blocks = nn.scan(
            block,
            variable_axes={"params": 0},
            split_rngs={"params": True, "dropout": True},
            in_axes=(0, nn.broadcast, nn.broadcast),
            length=c.L,
            unroll=min(c.unroll or (c.L if context_platform() == "cpu" else 1), c.L),
        )(c, deterministic, name="blocks")
        (x_BxTxD, cache), _ = blocks((x_BxTxD, cache), jnp.arange(c.L), positions_BxT, seen)
        return _layer_norm(c, "ln_f")(x_BxTxD), cache


@dataclasses.dataclass(frozen=True)
class GPT2Student:
    """A GPT-2 behind the `Student` interface; see student.py for what each function promises."""

    config: GPT2Config

    @property
    def context(self) -> int:
        return self.config.context

    @property
    def vocab_size(self) -> int:
        return self.config.vocab_size

    def init(self, key: jax.Array) -> Params:
        token = jnp.zeros((1, 1), jnp.int32)
        return GPT2(self.config).init(key, token, token, self._prepare(token))["params"]

    def hidden(self, params, tokens_BxT, positions_BxT, segments_BxT, dropout_key=None):
        x_BxTxD, _ = GPT2(self.config).apply(
            {"params": params},
            tokens_BxT,
            positions_BxT,
            self._prepare(segments_BxT),
            deterministic=dropout_key is None,
            rngs={} if dropout_key is None else {"dropout": dropout_key},
        )
        return x_BxTxD

    def _prepare(self, segments_BxT):
        return kernel(self.config.attention).prepare(segments_BxT)

    def table(self, params):
        return params["wte"]["embedding"]

    def forward_flops(self, visible, learnt):
        # Kaplan et al. 2020, table 1, with attention and head included. Projections take 24 D^2 a
        # layer: 6 for queries, keys and values, 2 for their output, 16 for the feed-forward part.
        c = self.config
        return c.L * (24 * c.D**2 + 4 * c.D * visible) + 2 * c.D * c.vocab_size * learnt

    def decoder(self, platform: str) -> Decoder:
        return LayerwiseGPT2(self.config) if platform == "cpu" else self

    # A decoder itself, with scanned layers: accelerators read them where they are.

    def prepare(self, params):
        return params

    def init_state(self, B: int, S: int) -> Cache:
        c = self.config
        return Cache.empty(c.L, B, c.H, S, c.K, c.dtype)

    def narrow(self, state, S: int):
        return state.narrow(S)

    def widen(self, state, narrow):
        return state.widen(narrow)

    def prefill(self, params, state, tokens_BxT, lengths_B, start=0):
        B, T = tokens_BxT.shape
        positions_BxT = jnp.broadcast_to(start + jnp.arange(T), (B, T))
        # What padding writes behind a row's end is overwritten before anything can attend to it.
        mask_BxTxS = cached_mask(positions_BxT, start + T)
        x_BxTxD, state = GPT2(self.config).apply(
            {"params": params}, tokens_BxT, positions_BxT, mask_BxTxS, state
        )
        return jnp.take_along_axis(x_BxTxD, lengths_B[:, None, None] - 1, axis=1)[:, 0], state

    def step(self, params, state, tokens_B, positions_B):
        S = state.k_LxBxHxSxK.shape[3]
        positions_Bx1 = positions_B[:, None]
        x_Bx1xD, state = GPT2(self.config).apply(
            {"params": params}, tokens_B[:, None], positions_Bx1, cached_mask(positions_Bx1, S), state
        )
        return x_Bx1xD[:, 0], state


def _splits_heads() -> bool:
    mesh = context_mesh()
    return mesh is not None and mesh.shape["tensor"] > 1


def _std(config: GPT2Config, residual: bool = False) -> float:
    # 0.02 is GPT-2's; narrower students than its 768 need wider weights to start learning at once.
    # Branches that are added up shrink with depth (Radford et al. 2019, section 2.3).
    std = 0.02 * max(1.0, (768 / config.D) ** 0.5)
    return std / (2 * config.L) ** 0.5 if residual else std


def _layer_norm(config: GPT2Config, name: str) -> nn.LayerNorm:
    return nn.LayerNorm(LAYER_NORM_EPSILON, dtype=jnp.dtype(config.dtype), name=name)
