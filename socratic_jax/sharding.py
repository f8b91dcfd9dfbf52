"""The mesh, and the one table that says how arrays are laid out over it.

Three axes: `data` splits the batch, `fsdp` splits the batch and the parameters, `tensor` splits
heads, feed-forward width and vocabulary.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import mesh_utils
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

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
    (r"ns_coeffs", REPLICATED),  # Three numbers in the state of Muon.
)
# Activation -> layout; `constrain` applies them where a student names them.
ACTIVATIONS: Mapping[str, PartitionSpec] = {
    "BxTxD": PartitionSpec(*BATCH, None, None),
    "BxTxF": PartitionSpec(*BATCH, None, "tensor"),
    "BxTxHxK": PartitionSpec(*BATCH, None, "tensor", None),
    "BxHxTxK": PartitionSpec(*BATCH, "tensor", None, None),
}

# Bytes that training keeps for a parameter: the f32 master weight, its gradient and Adam's two moments.
STATE_BYTES = 16
# Of a device's memory, for the state; the rest is for activations and temporaries.
STATE_FRACTION = 0.3

Sizes = tuple[int, int, int]


def mesh_sizes(spec: str, n_devices: int) -> Sizes:
    """Sizes of the three axes from a text such as "fsdp=4,tensor=2" or "data=-1,fsdp=2".

    Args:
      spec: sizes by axis; those not named are 1, and one may be -1, which takes the devices that are
        left.
      n_devices: what they multiply to.

    Raises:
      ValueError: it is not written like that, or does not multiply to the number of devices.
    """
    sizes = dict.fromkeys(AXES, 1)
    for part in spec.split(","):
        name, _, size = part.strip().partition("=")
        if name not in AXES or not re.fullmatch(r"-1|[1-9]\d*", size):
            raise ValueError(
                f'mesh {spec!r}: {part.strip()!r} is no size of an axis; write "auto" or sizes of '
                f'{", ".join(AXES)} such as "data=-1,fsdp=4", where -1 takes the devices that are left'
            )
        sizes[name] = int(size)
    known = int(np.prod([size for size in sizes.values() if size != -1]))
    left = [name for name in AXES if sizes[name] == -1]
    if len(left) == 1 and n_devices % known == 0:
        sizes[left[0]] = n_devices // known
    if left[1:] or int(np.prod(list(sizes.values()))) != n_devices:
        raise ValueError(f"mesh {spec!r} does not fit {n_devices} device(s); one axis may be -1")
    return tuple(sizes[name] for name in AXES)


def show_sizes(sizes: Sequence[int]) -> str:
    """Sizes as `mesh_sizes` reads them."""
    return ",".join(f"{axis}={size}" for axis, size in zip(AXES, sizes, strict=True))


def make_mesh(sizes: Sequence[int], devices: Sequence[Any] | None = None) -> Mesh:
    """A (data, fsdp, tensor) mesh; over all devices if none are named.

    Between slices of TPUs there is only a network, so it is the data axis that crosses them.

    Raises:
      ValueError: the data axis does not divide over the slices.
    """
    # Flax Linen leaves layouts to GSPMD, which wants Auto axes; make_mesh now defaults to Explicit.
    types = (AxisType.Auto,) * len(AXES)
    devices = jax.devices() if devices is None else devices
    slices = count_slices(devices)
    # A mesh axis may be a part of an axis of the torus: 2 of 16 chips, say.
    split = dict(allow_split_physical_axes=True)
    if slices == 1:
        return Mesh(mesh_utils.create_device_mesh(tuple(sizes), devices, **split), AXES, axis_types=types)
    data, *rest = sizes
    if data % slices:
        raise ValueError(
            f"mesh {show_sizes(sizes)}: data={data} does not divide over {slices} slices of "
            f"{len(devices) // slices} devices; make it a multiple of {slices}"
        )
    grid = mesh_utils.create_hybrid_device_mesh((data // slices, *rest), (slices, 1, 1), devices, **split)
    return Mesh(grid, AXES, axis_types=types)


def count_slices(devices: Sequence[Any]) -> int:
    """How many slices of TPUs there are; other devices are one."""
    return len({getattr(device, "slice_index", 0) for device in devices})


def choose_mesh(
    spec: str, shapes: Any, n_devices: int, rows: int, memory: float | None, slices: int = 1
) -> Sizes:
    """The sizes that `spec` asks for, checked; or, for "auto", good ones.

    "auto" splits the parameters over as few devices as leave the train state in `STATE_FRACTION` of
    each device's memory, and the batch over all: every further split only adds communication. Heads
    and vocabulary are never split unasked; at these sizes it costs more than it gains.

    Args:
      spec: see `mesh_sizes`.
      shapes: a tree of the parameters' shapes.
      n_devices: how many there are.
      rows: of a micro-batch.
      memory: bytes of one device; None where that does not matter.
      slices: of devices; "auto" keeps parameters within one.

    Raises:
      ValueError: the sizes do not fit the student or the batch; the message names the parameter, the
        axis and the nearest meshes that do.
    """
    valid = [sizes for sizes in _valid_sizes(shapes, n_devices, rows) if sizes[0] % slices == 0]
    if spec != "auto":
        sizes = mesh_sizes(spec, n_devices)
        problem = _misfit(shapes, sizes, rows)
        if problem:
            near = sorted(valid, key=lambda other: (_distance(sizes, other), other))[:3]
            hint = f"nearest that fit {n_devices} device(s): {'; '.join(map(show_sizes, near))}"
            raise ValueError(f"mesh {show_sizes(sizes)}: {problem}; {hint if near else 'none fits'}")
        return sizes
    state = STATE_BYTES * sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))
    plain = sorted(sizes for sizes in valid if sizes[2] == 1) or valid
    if not plain:
        rows_problem = _misfit(shapes, (n_devices, 1, 1), rows)
        raise ValueError(f"no mesh of {n_devices} device(s) fits: {rows_problem}")
    enough = [s for s in plain if memory is None or state / s[1] <= STATE_FRACTION * memory]
    return min(enough or plain, key=lambda sizes: sizes[1] if enough else -sizes[1])


def _valid_sizes(shapes: Any, n_devices: int, rows: int) -> Iterator[Sizes]:
    divisors = [n for n in range(1, n_devices + 1) if n_devices % n == 0]
    for fsdp in divisors:
        for tensor in divisors:
            if n_devices % (fsdp * tensor) == 0:
                sizes = (n_devices // (fsdp * tensor), fsdp, tensor)
                if not _misfit(shapes, sizes, rows):
                    yield sizes


def _misfit(shapes: Any, sizes: Sizes, rows: int) -> str:
    """Why a mesh cannot hold a student and its batch; "" if it can."""
    axes = dict(zip(AXES, sizes, strict=True))
    batch = axes["data"] * axes["fsdp"]
    if rows % batch:
        return f"{rows} rows of a (micro-)batch do not divide by data x fsdp = {batch}"
    for path, leaf in jax.tree_util.tree_leaves_with_path(shapes):
        try:
            parameter_spec(path_name(path), leaf.shape, axes)
        except ValueError as error:
            return str(error)
    return ""


def _distance(a: Sizes, b: Sizes) -> float:
    return float(np.abs(np.log2(a) - np.log2(b)).sum())


def batch_shards(mesh: Mesh) -> int:
    """How many parts the rows of a batch are split into."""
    return mesh.shape["data"] * mesh.shape["fsdp"]


def path_name(path: tuple[Any, ...]) -> str:
    """A tree path as "blocks/attn/qkv/kernel"."""
    return "/".join(str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key)))) for key in path)


def is_matrix(path: tuple[Any, ...]) -> bool:
    """Whether a parameter is a matrix: not a bias, not the scale of a norm."""
    return path_name(path).rsplit("/", 1)[-1] in ("kernel", "embedding")


def place(mesh: Mesh | None, tree: Any, spec: PartitionSpec) -> Any:
    """Host arrays, the same in every process, on the devices of the mesh. A process only copies its part."""
    if mesh is None:
        return tree
    sharding = NamedSharding(mesh, spec)
    return jax.tree.map(lambda x: jax.make_array_from_callback(x.shape, sharding, lambda i: x[i]), tree)


def parameter_spec(name: str, shape: tuple[int, ...], axes: Mapping[str, int]) -> PartitionSpec:
    """The layout of one parameter on a mesh with axes of these sizes.

    Raises:
      ValueError: no rule matches, or a dimension does not divide by its mesh axis.
    """
    spec = next((spec for pattern, spec in PARAMETERS if re.search(rf"(^|/){pattern}$", name)), None)
    if spec is None:
        raise ValueError(f"parameter {name!r} {shape} matches no rule in sharding.PARAMETERS")
    if len(spec) > len(shape):
        raise ValueError(f"parameter {name!r} {shape} has fewer dimensions than its rule {spec}")
    for dim, axis in enumerate(spec):
        if axis is not None and shape[dim] % axes[axis]:
            raise ValueError(
                f"parameter {name!r} {shape}: dimension {dim} ({shape[dim]}) does not divide by mesh axis "
                f"{axis}={axes[axis]}"
            )
    return spec


def tree_shardings(tree: Any, mesh: Mesh) -> Any:
    """NamedShardings for a tree of parameters, or of a train state that contains such trees.

    Optimizer moments end in their parameter's path, so they get its layout; scalars are replicated.
    """

    def shard(path, leaf):
        spec = parameter_spec(path_name(path), leaf.shape, mesh.shape) if leaf.ndim else REPLICATED
        return NamedSharding(mesh, spec)

    return jax.tree_util.tree_map_with_path(shard, tree)


def on_mesh(mesh: Mesh):
    """A context, for code that is traced: `constrain` and `context_mesh` know the mesh inside it."""
    return jax.sharding.use_abstract_mesh(mesh.abstract_mesh)


def context_mesh() -> AbstractMesh | None:
    """The mesh of `on_mesh`; None outside of it, and where each device already has its own part."""
    mesh = jax.sharding.get_abstract_mesh()
    automatic = not mesh.empty and all(kind == AxisType.Auto for kind in mesh.axis_types)
    return mesh if automatic else None


def context_platform() -> str:
    """What is compiled for: "cpu", "gpu" or "tpu". Without a mesh, what JAX runs on by default."""
    mesh = jax.sharding.get_abstract_mesh()
    return jax.default_backend() if mesh.empty else mesh.abstract_device.platform


def constrain(x: jax.Array, layout: str) -> jax.Array:
    """Asks for the layout that `ACTIVATIONS` has by that name; does nothing without a mesh."""
    if context_mesh() is None:
        return x
    return jax.lax.with_sharding_constraint(x, ACTIVATIONS[layout])
