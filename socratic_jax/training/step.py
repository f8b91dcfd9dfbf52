"""The train step: a pure function of (state, batch), jitted, sharded and donated in one place."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding

from socratic_jax.sharding import BATCH, REPLICATED, on_mesh, tree_shardings
from socratic_jax.students.student import Params, Student
from socratic_jax.training.loss import Sums, loss_sums, zero_sums
from socratic_jax.transcripts.packing import Batch


class TrainState(NamedTuple):
    """Everything that training changes.

    Attributes:
      step: int32, steps taken.
      params: f32 master weights.
      opt_state: of the optimizer.
    """

    step: jax.Array
    params: Params
    opt_state: Any


def begin(optimizer: optax.GradientTransformation, params: Params) -> TrainState:
    """The state before the first step."""
    return TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params))


def train_step(
    student: Student,
    optimizer: optax.GradientTransformation,
    accumulate: int,
    dropout_seed: int | None,
    state: TrainState,
    batch: dict[str, jax.Array],
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One update from one batch.

    Args:
      student, optimizer: what is trained, and how.
      accumulate: micro-batches that the batch is split into. Their gradients are summed over tokens
        and divided once by all tokens of the batch: the same update as from the whole batch.
      dropout_seed: None for no dropout. The key is a function of (seed, step, micro-batch), so that a
        resumed run draws the same masks.
      state: before.
      batch: see `loss_sums`.

    Returns:
      The state after, and scalars: "loss" (nats a learnt token), "accuracy" (of next tokens), "tokens"
      (learnt), "grad_norm" (before clipping).
    """
    grad = jax.grad(lambda params, micro, key: loss_sums(student, params, micro, key), has_aux=True)

    def one(carry, x):
        grads, sums = carry
        micro, i = x
        key = None
        if dropout_seed is not None:
            key = jax.random.fold_in(jax.random.fold_in(jax.random.key(dropout_seed), state.step), i)
        micro_grads, micro_sums = grad(state.params, micro, key)
        return (jax.tree.map(jnp.add, grads, micro_grads), sums + micro_sums), None

    if accumulate == 1:
        (grads, sums), _ = one((jax.tree.map(jnp.zeros_like, state.params), zero_sums()), (batch, 0))
    else:
        # Micro-batches take every n-th row, so that each has rows of every data shard.
        micros = {name: x.reshape(-1, accumulate, x.shape[-1]).swapaxes(0, 1) for name, x in batch.items()}
        zeros = jax.tree.map(jnp.zeros_like, state.params)
        (grads, sums), _ = jax.lax.scan(one, (zeros, zero_sums()), (micros, jnp.arange(accumulate)))

    n = jnp.maximum(sums.tokens, 1)
    grads = jax.tree.map(lambda g: g / n, grads)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
        "loss": sums.loss / n,
        "accuracy": sums.correct / n,
        "tokens": sums.tokens,
        "grad_norm": optax.tree.norm(grads),
    }
    return TrainState(state.step + 1, params, opt_state), metrics


class Steps(NamedTuple):
    """The jitted functions of a training run and the shardings that they expect.

    Attributes:
      init: key -> state of a fresh student, created straight in its shards.
      begin: params -> state of a student that has them; donates them.
      train: (state, batch) -> (state, metrics); donates the state.
      evaluate: (params, batch) -> Sums.
      state_shape: shapes, dtypes and shardings of the state.
      put: (rows, index_B, M) -> those rows on the devices, as `loss_sums` takes them, split over the
        batch axes. A process only builds the rows of its own devices.
    """

    init: Callable[[jax.Array], TrainState]
    begin: Callable[[Params], TrainState]
    train: Callable[[TrainState, dict], tuple[TrainState, dict]]
    evaluate: Callable[[Params, dict], Sums]
    state_shape: TrainState
    put: Callable[[Batch, np.ndarray, int], dict[str, jax.Array]]


def make_steps(
    student: Student,
    optimizer: optax.GradientTransformation,
    mesh: Mesh,
    accumulate: int = 1,
    dropout_seed: int | None = None,
) -> Steps:
    """Puts jit, shardings and donation together."""

    def init(key):
        return begin(optimizer, student.init(key))

    def train(state, batch):
        with on_mesh(mesh):
            return train_step(student, optimizer, accumulate, dropout_seed, state, batch)

    def evaluate(params, batch):
        with on_mesh(mesh):
            return loss_sums(student, params, batch)[1]

    shapes = jax.eval_shape(init, jax.random.key(0))
    shardings = tree_shardings(shapes, mesh)
    rows, scalar = NamedSharding(mesh, BATCH), NamedSharding(mesh, REPLICATED)

    def put(packed: Batch, index_B: np.ndarray, M: int) -> dict[str, jax.Array]:
        parts = functools.cache(lambda first, last: packed.rows(index_B[first:last]).arrays(M))
        shapes = {
            name: (len(index_B), *x.shape[1:]) for name, x in packed.rows(index_B[:0]).arrays(M).items()
        }

        def part(name, slices):
            return parts(*slices[0].indices(len(index_B))[:2])[name]

        return {
            name: jax.make_array_from_callback(shape, rows, functools.partial(part, name))
            for name, shape in shapes.items()
        }

    return Steps(
        init=jax.jit(init, out_shardings=shardings),
        begin=jax.jit(
            functools.partial(begin, optimizer),
            in_shardings=(shardings.params,),
            out_shardings=shardings,
            donate_argnums=0,
        ),
        train=jax.jit(
            train, in_shardings=(shardings, rows), out_shardings=(shardings, scalar), donate_argnums=0
        ),
        evaluate=jax.jit(evaluate, in_shardings=(shardings.params, rows), out_shardings=scalar),
        state_shape=jax.tree.map(
            lambda s, sh: jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=sh), shapes, shardings
        ),
        put=put,
    )
