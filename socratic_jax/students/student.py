"""What training and decoding need of a student; nothing else of it is known to them.

A student is a value with pure functions: its parameters and its decoding state are pytrees that the
caller holds. A recurrent student would keep its recurrent state where GPT-2 keeps a key-value cache.
"""

from typing import Any, Protocol

import jax
import jax.numpy as jnp

Params = Any
Weights = Any
State = Any
LAYER_NORM_EPSILON = 1e-5


class Student(Protocol):
    """Shapes: B rows, T tokens, S capacity of the state in tokens, D width, V padded vocabulary."""

    @property
    def context(self) -> int:
        """The most tokens that one sequence can have."""

    @property
    def vocab_size(self) -> int:
        """V."""

    def init(self, key: jax.Array) -> Params:
        """Fresh parameters, f32."""

    def hidden(
        self,
        params: Params,
        tokens_BxT: jax.Array,
        positions_BxT: jax.Array,
        segments_BxT: jax.Array,
        dropout_key: jax.Array | None = None,
    ) -> jax.Array:
        """Final hidden states BxTxD of packed rows; dropout only if a key is given."""

    def table(self, params: Params) -> jax.Array:
        """VxD, f32: a row for each token; its product with a hidden state is the token's logit."""

    def forward_flops(self, visible: float, learnt: float) -> float:
        """Floating-point operations a token of a forward pass, by formula; a multiply-add is two.

        Args:
          visible: tokens that a token sees, on average; (T + 1) / 2 in a causal row of T.
          learnt: fraction of the tokens whose successor is predicted.
        """

    def decoder(self, platform: str) -> "Decoder":
        """How its tokens are written on "cpu", "gpu" or "tpu"."""


class Decoder(Protocol):
    """A student as what writes tokens. What it computes is what `Student.hidden` does, a prompt or a token
    at a time. Shapes as above."""

    def prepare(self, params: Params) -> Weights:
        """The parameters in the form that all of the rest takes."""

    def table(self, weights: Weights) -> jax.Array:
        """As `Student.table`."""

    def init_state(self, B: int, S: int) -> State:
        """An empty state for B rows of at most S tokens: arrays of layers first, rows second."""

    def prefill(
        self, weights: Weights, state: State, tokens_BxT: jax.Array, lengths_B: jax.Array, start: int = 0
    ) -> tuple[jax.Array, State]:
        """Reads prompts, padded on the right, into a state that has read `start` tokens of every row.

        Returns the hidden states BxD of each row's last token, and the state.
        """

    def step(
        self, weights: Weights, state: State, tokens_B: jax.Array, positions_B: jax.Array
    ) -> tuple[jax.Array, State]:
        """Reads one more token a row. Returns its hidden states BxD, and the state.

        Of a token whose position is not in the state, the result is unspecified and no other row's changes.
        """

    def narrow(self, state: State, S: int) -> State:
        """The part of a state that tokens before position S need, which costs less to look at."""

    def widen(self, state: State, narrow: State) -> State:
        """The state, brought up to date by what became of its narrow part."""


def head(student: Student, params: Params, x_xD: jax.Array) -> jax.Array:
    """Next-token logits, f32, of hidden states with any leading dimensions."""
    table_VxD = student.table(params).astype(x_xD.dtype)
    return jnp.einsum("...D,VD->...V", x_xD, table_VxD, preferred_element_type=jnp.float32)


def head_of_rows(decoder: Decoder, weights: Weights, x_BxD: jax.Array) -> jax.Array:
    """Next-token logits, f32, VxB: the way round in which a CPU multiplies few rows fastest."""
    table_VxD = decoder.table(weights).astype(x_BxD.dtype)
    return jnp.einsum("VD,BD->VB", table_VxD, x_BxD, preferred_element_type=jnp.float32)


def train_flops(student: Student, visible: float, learnt: float) -> float:
    """Operations a token of a train step: a backward pass is two forward ones. As papers count them,
    what is computed twice to save memory counts once."""
    return 3 * student.forward_flops(visible, learnt)


def apply(student: Student, params: Params, tokens_BxT, positions_BxT, segments_BxT) -> jax.Array:
    """Logits BxTxV, f32, of packed rows."""
    return head(student, params, student.hidden(params, tokens_BxT, positions_BxT, segments_BxT))
