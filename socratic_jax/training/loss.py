"""Next-token cross-entropy over the tokens that a student speaks."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from socratic_jax.students.student import Params, Student
from socratic_jax.training.cross_entropy import cross_entropy


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
    table_VxD = student.table(params)
    loss, correct = cross_entropy(x_BxMxD, table_VxD, batch["targets"], batch["weights"])
    return loss, Sums(loss, correct, jnp.sum(batch["weights"]))
