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
      batch: "tokens", "positions", "segments" int32 BxT: packed rows; "at", "targets" int32 BxM and
        "weights" f32 BxM: where targets are predicted, what they are, and whether they are any.
      dropout_key: no dropout without one.

    Returns:
      (loss summed, Sums).
    """
    x_BxTxD = student.hidden(params, batch["tokens"], batch["positions"], batch["segments"], dropout_key)
    # The head only sees the positions that are learnt; see packing.Batch.learnt_only.
    x_BxMxD = jnp.take_along_axis(x_BxTxD, batch["at"][:, :, None], axis=1)
    logits_BxMxV = student.head(params, x_BxMxD)
    loss_BxM = optax.softmax_cross_entropy_with_integer_labels(logits_BxMxV, batch["targets"])
    loss = jnp.sum(loss_BxM * batch["weights"])
    correct = jnp.sum((jnp.argmax(logits_BxMxV, -1) == batch["targets"]) * batch["weights"])
    return loss, Sums(loss, correct, jnp.sum(batch["weights"]))
