"""Students whose blocks hold 8-bit integers instead of floating-point matrices.

A matrix W is kept as round(W / s), with one s for each of its outputs: the largest absolute weight over 127.
Products are made of the integers and multiplied by s; embeddings, norms and biases stay as they are. It takes
a quarter of the memory of f32, and is faster only where a device multiplies integers or waits for memory.
"""

from collections.abc import Mapping

import jax.numpy as jnp

from socratic_jax.students.student import Params

LEVELS = 127


def quantise(params: Params) -> Params:
    """Parameters of a GPT-2 with its blocks' kernels as int8, and beside each its "scale", of the shape of
    its bias."""
    return {**params, "blocks": _quantise(params["blocks"])}


def _quantise(part):
    if "kernel" not in part:
        return {name: _quantise(x) if isinstance(x, Mapping) else x for name, x in part.items()}
    kernel, bias = part["kernel"], part["bias"]
    # Layers come first and outputs, which the bias names, last; what lies between is summed over.
    summed = tuple(range(1, kernel.ndim - bias.ndim + 1))
    largest = jnp.max(jnp.abs(kernel), axis=summed, keepdims=True).astype(jnp.float32)
    scale = jnp.maximum(largest, jnp.finfo(jnp.float32).tiny) / LEVELS
    return {
        "kernel": jnp.round(kernel / scale).astype(jnp.int8),
        "bias": bias,
        "scale": scale.reshape(bias.shape),
    }
