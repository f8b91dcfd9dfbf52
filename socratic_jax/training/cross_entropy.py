"""Cross-entropy against a vocabulary table, without ever holding all of its logits.

Positions are taken in chunks. Differentiated, the forward pass makes a chunk's gradients while its
logits are there, and keeps only those: of the width of the student, not of the vocabulary. So the
logits are computed once, and the largest array is one chunk of them.

On a mesh each device works on its own rows and its own part of the vocabulary; the table is gathered
once, and the table's gradient is summed over devices once, whatever the number of chunks.

Shapes: N positions, C positions in a chunk, V vocabulary (a device's part of it), D width.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from socratic_jax.sharding import BATCH, REPLICATED, context_mesh

# Logits in a chunk, about: large enough that adding up the table's gradient, as large as the table,
# costs little beside the matrix products of a chunk.
CHUNK_LOGITS = 1 << 26
CHUNK_MULTIPLE = 128


class Vocabulary(NamedTuple):
    """How the vocabulary is split: `axis` is the mesh axis, None if it is not."""

    axis: str | None = None

    def first(self, V: int):
        """The id of a device's first row."""
        return jax.lax.axis_index(self.axis) * V if self.axis else 0

    def max(self, x):
        return jax.lax.pmax(x, self.axis) if self.axis else x

    def sum(self, x):
        return jax.lax.psum(x, self.axis) if self.axis else x


def cross_entropy(x_BxMxD, table_VxD, targets_BxM, weights_BxM) -> tuple[jax.Array, jax.Array]:
    """Weighted sums over positions, f32: (nats, how often the target has the largest logit).

    Only the first has a gradient, with respect to the hidden states and the table.
    """
    mesh = context_mesh()
    # Of one device a sum over devices is a copy, of the table's gradient.
    if mesh is None or mesh.size == 1:
        return _sums(Vocabulary(), x_BxMxD, table_VxD, targets_BxM, weights_BxM)
    vocabulary = Vocabulary("tensor" if mesh.shape["tensor"] > 1 else None)
    return _sums_on_mesh(mesh, vocabulary, x_BxMxD, table_VxD, targets_BxM, weights_BxM)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _sums(vocabulary, x_BxMxD, table_VxD, targets_BxM, weights_BxM):
    return _compute(vocabulary, False, x_BxMxD, table_VxD, targets_BxM, weights_BxM)[0]


def _sums_forward(vocabulary, x_BxMxD, table_VxD, targets_BxM, weights_BxM):
    return _compute(vocabulary, True, x_BxMxD, table_VxD, targets_BxM, weights_BxM)


def _backward(gradients, cotangents):
    dx_BxMxD, dtable_VxD = gradients
    g, _ = cotangents
    return (g * dx_BxMxD).astype(dx_BxMxD.dtype), (g * dtable_VxD).astype(dtable_VxD.dtype), None, None


_sums.defvjp(_sums_forward, lambda vocabulary, *rest: _backward(*rest))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _sums_on_mesh(mesh, vocabulary, x_BxMxD, table_VxD, targets_BxM, weights_BxM):
    def local(*arrays):
        sums, _ = _compute(vocabulary, False, *arrays)
        return jax.lax.psum(sums, ("data", "fsdp"))

    in_specs = (PartitionSpec(*BATCH), PartitionSpec(vocabulary.axis), BATCH, BATCH)
    f = jax.shard_map(local, mesh=mesh, in_specs=in_specs, out_specs=REPLICATED, check_vma=False)
    return f(x_BxMxD, table_VxD, targets_BxM, weights_BxM)


def _sums_on_mesh_forward(mesh, vocabulary, x_BxMxD, table_VxD, targets_BxM, weights_BxM):
    # A table whose width does not divide is not split by width, and its gradient is not either.
    split = table_VxD.shape[1] % mesh.shape["fsdp"] == 0 and mesh.shape["fsdp"] > 1

    def local(*arrays):
        sums, (dx_BxMxD, dtable_VxD) = _compute(vocabulary, True, *arrays)
        dtable_VxD = jax.lax.psum(dtable_VxD, "data" if split else ("data", "fsdp"))
        if split:
            dtable_VxD = jax.lax.psum_scatter(dtable_VxD, "fsdp", scatter_dimension=1, tiled=True)
        return jax.lax.psum(sums, ("data", "fsdp")), (dx_BxMxD, dtable_VxD)

    in_specs = (PartitionSpec(*BATCH), PartitionSpec(vocabulary.axis), BATCH, BATCH)
    table_spec = PartitionSpec(vocabulary.axis, "fsdp" if split else None)
    out_specs = (REPLICATED, (PartitionSpec(*BATCH), table_spec))
    f = jax.shard_map(local, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)
    return f(x_BxMxD, table_VxD, targets_BxM, weights_BxM)


_sums_on_mesh.defvjp(_sums_on_mesh_forward, lambda mesh, vocabulary, *rest: _backward(*rest))


def _compute(vocabulary, differentiate, x_BxMxD, table_VxD, targets_BxM, weights_BxM):
    """((nats, correct), (dx_BxMxD, dtable_VxD)); the gradients are None unless asked for."""
    B, M, D = x_BxMxD.shape
    N, V = B * M, table_VxD.shape[0]
    arrays = (x_BxMxD.reshape(N, D), targets_BxM.reshape(N), weights_BxM.reshape(N))
    cast_VxD = table_VxD.astype(x_BxMxD.dtype)
    chunk = functools.partial(_chunk, vocabulary, differentiate, cast_VxD)
    C = max(CHUNK_LOGITS // V // CHUNK_MULTIPLE, 1) * CHUNK_MULTIPLE
    if C >= N:
        sums, dx_NxD, dtable_VxD = chunk(*arrays)
    else:
        padding = -N % C  # With weight 0.
        chunks = jax.tree.map(
            lambda a: jnp.pad(a, [(0, padding)] + [(0, 0)] * (a.ndim - 1)).reshape(-1, C, *a.shape[1:]),
            arrays,
        )
        zeros = (jnp.zeros(()), jnp.zeros(()))
        table_zeros = jnp.zeros(table_VxD.shape, jnp.float32) if differentiate else None

        def add(carry, chunk_arrays):
            *new, dx_CxD, dtable_VxD = chunk(*chunk_arrays)
            return jax.tree.map(jnp.add, carry, (*new, dtable_VxD)), dx_CxD

        (sums, dtable_VxD), dx = jax.lax.scan(add, (zeros, table_zeros), chunks)
        dx_NxD = dx.reshape(-1, D)[:N] if differentiate else None
    if not differentiate:
        return sums, (None, None)
    return sums, (dx_NxD.reshape(B, M, D), dtable_VxD.astype(table_VxD.dtype))


def _chunk(vocabulary, differentiate, table_VxD, x_CxD, targets_C, weights_C):
    """((nats, correct), dx_CxD, dtable_VxD) of one chunk."""
    V = table_VxD.shape[0]
    logits_CxV = jnp.einsum("CD,VD->CV", x_CxD, table_VxD, preferred_element_type=jnp.float32)
    hit_CxV = targets_C[:, None] - vocabulary.first(V) == jnp.arange(V)
    largest_C = vocabulary.max(jnp.max(logits_CxV, axis=1))
    target_C = vocabulary.sum(jnp.sum(jnp.where(hit_CxV, logits_CxV, 0.0), axis=1))
    exp_CxV = jnp.exp(logits_CxV - largest_C[:, None])
    total_C = vocabulary.sum(jnp.sum(exp_CxV, axis=1))
    nats = jnp.sum((jnp.log(total_C) + largest_C - target_C) * weights_C)
    correct = jnp.sum((target_C >= largest_C) * weights_C)
    if not differentiate:
        return (nats, correct), None, None
    # d nats / d logits = softmax - one-hot.
    dlogits_CxV = exp_CxV * (weights_C / total_C)[:, None] - jnp.where(hit_CxV, weights_C[:, None], 0.0)
    dlogits_CxV = dlogits_CxV.astype(x_CxD.dtype)
    dx_CxD = jnp.einsum("CV,VD->CD", dlogits_CxV, table_VxD, preferred_element_type=jnp.float32)
    dtable_VxD = jnp.einsum("CV,CD->VD", dlogits_CxV, x_CxD, preferred_element_type=jnp.float32)
    return (nats, correct), vocabulary.sum(dx_CxD).astype(x_CxD.dtype), dtable_VxD
