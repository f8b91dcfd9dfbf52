"""Next-token cross-entropy over the tokens that a student speaks."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from socratic_jax.students.student import Params, Student


class Sums(NamedTuple):
    """Sums over tokens, divided once at the very end: a mean of means would weigh rows wrongly."""

    loss: jax.Array
    correct: jax.Array
    tokens: jax.Array

    def __add__(self, other: "Sums") -> "Sums":
        return jax.tree.map(jnp.add, self, other)


def zero_sums() -> Sums:
    return Sums(jnp.zeros(()), jnp.zeros(()), jnp.zeros(()))


def loss_sums(
    student: Student, params: Params, batch: dict[str, jax.Array], dropout_key: jax.Array | None = None
) -> tuple[jax.Array, Sums]:
    """The loss summed (not averaged) over the learnt targets, in f32.

    Args:
      student, params: the model.
      batch: "tokens", "targets", "positions", "segments" int32 BxT and "learnt" bool BxT.
      dropout_key: no dropout without one.

    Returns:
      (loss summed, Sums).
    """
    x_BxTxD = student.hidden(params, batch["tokens"], batch["positions"], batch["segments"], dropout_key)
    logits_BxTxV = student.head(params, x_BxTxD)
    learnt_BxT = batch["learnt"].astype(jnp.float32)
    loss_BxT = optax.softmax_cross_entropy_with_integer_labels(logits_BxTxV, batch["targets"])
    loss = jnp.sum(loss_BxT * learnt_BxT)
    correct = jnp.sum((jnp.argmax(logits_BxTxV, -1) == batch["targets"]) * learnt_BxT)
    return loss, Sums(loss, correct, jnp.sum(learnt_BxT))
