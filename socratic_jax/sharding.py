"""The mesh, and the one table that says how arrays are laid out over it.

Three axes: `data` splits the batch, `fsdp` splits the batch and the parameters, `tensor` splits
heads, feed-forward width and vocabulary.
"""

import re
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

AXES = ("data", "fsdp", "tensor")
BATCH = PartitionSpec(("data", "fsdp"))
REPLICATED = PartitionSpec()

# Parameter path -> layout. The first pattern that matches the end of a path counts. The leading
# None of a block's parameters is the layer axis, which is scanned over.
PARAMETERS: tuple[tuple[str, PartitionSpec], ...] = (
    (r"wte/embedding", PartitionSpec("tensor", "fsdp")),
    (r"wpe/embedding", PartitionSpec(None, "fsdp")),
    (r"blocks/attn/qkv/kernel", PartitionSpec(None, "fsdp", None, "tensor", None)),
    (r"blocks/attn/qkv/bias", PartitionSpec(None, None, "tensor", None)),
    (r"blocks/attn/out/kernel", PartitionSpec(None, "tensor", None, "fsdp")),
    (r"blocks/mlp/up/kernel", PartitionSpec(None, "fsdp", "tensor")),
    (r"blocks/mlp/up/bias", PartitionSpec(None, "tensor")),
    (r"blocks/mlp/down/kernel", PartitionSpec(None, "tensor", "fsdp")),
    (r"blocks/.*/bias", REPLICATED),
    (r"(ln_\w+)/(scale|bias)", REPLICATED),
)


def make_mesh(shape: Mapping[str, int]) -> Mesh:
    """A (data, fsdp, tensor) mesh over all devices.

    Args:
      shape: size of each axis; one of them may be -1, which takes the devices that are left.

    Raises:
      ValueError: the sizes do not multiply to the number of devices.
    """
    n_devices = jax.device_count()
    sizes = [int(shape.get(axis, 1)) for axis in AXES]
    known = int(np.prod([size for size in sizes if size != -1]))
    if sizes.count(-1) == 1 and known > 0 and n_devices % known == 0:
        sizes[sizes.index(-1)] = n_devices // known
    if min(sizes) < 1 or int(np.prod(sizes)) != n_devices:
        asked = ", ".join(f"{axis}={size}" for axis, size in zip(AXES, sizes, strict=True))
        raise ValueError(f"mesh ({asked}) does not fit {n_devices} device(s); one axis may be -1")
    # Flax Linen leaves layouts to GSPMD, which wants Auto axes; make_mesh now defaults to Explicit.
    return jax.make_mesh(sizes, AXES, axis_types=(AxisType.Auto,) * len(AXES))


def batch_shards(mesh: Mesh) -> int:
    """How many parts the rows of a batch are split into."""
    return mesh.shape["data"] * mesh.shape["fsdp"]


def path_name(path: tuple[Any, ...]) -> str:
    """A tree path as "blocks/attn/qkv/kernel"."""
    return "/".join(str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key)))) for key in path)


def parameter_spec(name: str, shape: tuple[int, ...], mesh: Mesh) -> PartitionSpec:
    """The layout of one parameter.

    Raises:
      ValueError: no rule matches, or a dimension does not divide by its mesh axis.
    """
    spec = next((spec for pattern, spec in PARAMETERS if re.search(rf"(^|/){pattern}$", name)), None)
    if spec is None:
        raise ValueError(f"parameter {name!r} {shape} matches no rule in sharding.PARAMETERS")
    if len(spec) > len(shape):
        raise ValueError(f"parameter {name!r} {shape} has fewer dimensions than its rule {spec}")
    for dim, axis in enumerate(spec):
        if axis is not None and shape[dim] % mesh.shape[axis]:
            raise ValueError(
                f"parameter {name!r} {shape}: dimension {dim} does not divide by mesh axis "
                f"{axis}={mesh.shape[axis]}"
            )
    return spec


def tree_shardings(tree: Any, mesh: Mesh) -> Any:
    """NamedShardings for a tree of parameters, or of a train state that contains such trees.

    Optimizer moments end in their parameter's path, so they get its layout; scalars are replicated.
    """

    def shard(path, leaf):
        spec = parameter_spec(path_name(path), leaf.shape, mesh) if leaf.ndim else REPLICATED
        return NamedSharding(mesh, spec)

    return jax.tree_util.tree_map_with_path(shard, tree)
