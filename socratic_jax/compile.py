"""Compiles the real train step and decode steps for devices that are not there.

  python -m socratic_jax.compile --config=configs/gsm8k.py:gpt2-large --topology=v5e:4x4

Prints what every chip would hold, whether it fits, what is communicated, and an estimate of the time.
Needs the compiler of those devices, not the devices: `pip install -e '.[tpu]'` or `'.[cuda]'`, on any
Linux machine. A topology of GPUs is a host of them, such as h100:8; their compiler never says that memory
is out, so whether a program fits is then its bytes against the maker's figure.
"""

import dataclasses
import logging
import re
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from ml_collections import ConfigDict, config_flags

from socratic_jax import topologies
from socratic_jax.decoding.engine import REFILL_SPECS, Engine, empty, prepare, refill, run
from socratic_jax.decoding.grammar import N_PHASES, Grammar
from socratic_jax.decoding.queue import at_once, padded
from socratic_jax.decoding.rows import Rows
from socratic_jax.decoding.sampling import Sampling
from socratic_jax.devices import Device, find_device
from socratic_jax.hlo import Collective, collectives
from socratic_jax.program import errors_in_one_line, parse_flags
from socratic_jax.sharding import (
    BATCH,
    REPLICATED,
    choose_mesh,
    count_slices,
    is_matrix,
    make_mesh,
    show_sizes,
)
from socratic_jax.students.int8 import quantise
from socratic_jax.students.sizes import make_student
from socratic_jax.students.student import Student, train_flops
from socratic_jax.training.optimizer import make_optimizer
from socratic_jax.training.step import make_steps
from socratic_jax.transcripts.strategies import strategy

GPT2_VOCABULARY = 50304  # Of its tokenizer with role markers, padded.
# Of the tokens of a row, those that are learnt: GSM8K's Socratic transcripts, one student for all roles.
LEARNT = 0.6
# Of a row that is decoded, what its prompt takes at most; GSM8K's take less.
PROMPT = 0.5
# Of a GPU's memory, what a program can have; the runtime keeps the rest. TPUs' compiler knows by itself.
USABLE = 0.97


@dataclasses.dataclass(frozen=True)
class Program:
    """What is known of one compiled program; bytes are those of one chip.

    Attributes:
      name: "train", "decode" or "refill".
      fits: whether the compiler found room for it; of GPUs, whether its bytes are few enough.
      why: the compiler's words, or the number of bytes, if it does not fit.
      arguments, outputs, temporaries: bytes; those outputs that reuse arguments are in `donated`.
      state: bytes of the arguments that are kept from step to step.
      collectives: what is communicated.
      seconds: that compiling took.
    """

    name: str
    fits: bool
    why: str = ""
    arguments: int = 0
    outputs: int = 0
    temporaries: int = 0
    donated: int = 0
    state: int = 0
    collectives: tuple[Collective, ...] = ()
    seconds: float = 0.0

    @property
    def bytes(self) -> int:
        return self.arguments + self.outputs + self.temporaries - self.donated


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A roofline of one train step, seconds. Everything is assumed to run at its device's peak.

    Attributes:
      compute: of the formula's operations; with remat the forward pass is counted twice.
      memory: of reading weights, gradients and moments and writing them again.
      network: of the bytes of the collectives over the links, or between slices over the network.
      best, worst: all three overlapped perfectly, and not at all.
      mfu: model FLOPs utilisation, (worst, best).
    """

    compute: float
    memory: float
    network: float
    best: float
    worst: float
    mfu: tuple[float, float]


def compile_student(config: ConfigDict) -> Student:
    """The student of a config, in the dtype of accelerators, with GPT-2's vocabulary."""
    c = config.student
    dtype = "bfloat16" if c.dtype == "auto" else c.dtype
    options = dict(dropout=c.dropout, remat=c.remat, unroll=c.unroll, attention=c.attention, dtype=dtype)
    return make_student(c.size, GPT2_VOCABULARY, context=c.context, **options)


def make_compile_mesh(config: ConfigDict, student: Student, devices: list[Any]) -> Mesh:
    """The configured mesh over devices that are not there."""
    device = find_device(devices[0].device_kind)
    shapes = jax.eval_shape(student.init, jax.random.key(0))
    rows = config.train.batch_size // config.train.accumulate
    sizes = choose_mesh(
        config.mesh, shapes, len(devices), rows, device and device.memory, count_slices(devices)
    )
    return make_mesh(sizes, devices)


def compile_train(config: ConfigDict, student: Student, mesh: Mesh) -> Program:
    """Compiles the train step."""
    seed = config.seed if config.student.dropout else None
    steps = make_steps(
        student, make_optimizer(config.train, config.train.steps), mesh, config.train.accumulate, seed
    )
    B, T, M = config.train.batch_size, config.student.context, learnt_targets(config)
    rows = NamedSharding(mesh, BATCH)
    width = {"tokens": T, "positions": T, "segments": T, "at": M, "targets": M, "weights": M}
    batch = {
        name: jax.ShapeDtypeStruct((B, n), jnp.float32 if name == "weights" else jnp.int32, sharding=rows)
        for name, n in width.items()
    }
    return _compile("train", steps.train.lower(steps.state_shape, batch), steps.state_shape, mesh)


def compile_decode(config: ConfigDict, student: Student, mesh: Mesh) -> tuple[Program, Program]:
    """Compiles what writes the dialogues of the configured strategy with the most parts: the loop, and what
    reads new prompts, of `PROMPT` of a row, into rows that are done."""
    parts = max(len(strategy(name).cast) for name in config.strategies)
    c = config.decode
    sampling = Sampling(c.temperature, c.top_k, c.top_p)
    engine = Engine((student,) * parts, c.capacity, c.max_steps, sampling, mesh, calculator=c.calculator)
    share = -(-c.slots // engine.shards)
    everywhere, dtype = NamedSharding(mesh, REPLICATED), jnp.dtype(student.config.dtype)

    def shape(dims, dtype, sharding=everywhere):
        return jax.ShapeDtypeStruct(dims, dtype, sharding=sharding)

    params = jax.tree_util.tree_map_with_path(
        lambda path, x: shape(x.shape, dtype if is_matrix(path) else x.dtype),
        jax.eval_shape(student.init, jax.random.key(0)),
    )
    params = jax.eval_shape(lambda p: prepare(engine, (quantise(p) if c.int8 else p,) * parts), params)
    params = jax.tree.map(lambda x: shape(x.shape, x.dtype), params)
    P, V, G = N_PHASES, student.vocab_size, 1
    grammar = Grammar(
        shape((P,), jnp.int32), shape((P, V), bool), shape((P, V), bool), shape((V,), jnp.int32),
        shape((P, 8), jnp.int32), shape((V,), jnp.int8),
    )  # fmt: skip
    rows = jax.eval_shape(lambda p: empty(engine, p, share * engine.shards, G), params)
    rows = jax.tree.map(
        lambda spec, part: jax.tree.map(lambda x: shape(x.shape, x.dtype, NamedSharding(mesh, spec)), part),
        engine.spec(Rows),
        rows,
        is_leaf=lambda x: isinstance(x, PartitionSpec),
    )
    loop = run.lower(engine, params, grammar, rows, shape((), jnp.int32), engine.capacity)
    room, K = at_once(share, c.samples)
    R, T = room // K * engine.shards, padded(int(c.capacity * PROMPT), c.capacity)
    dims = (R, K), (parts, R, T), (R,), (R, G), (R, K, 2)
    dtypes = (jnp.int32,) * 4 + (jnp.uint32,)
    arrays = [
        shape(*array, NamedSharding(mesh, spec))
        for *array, spec in zip(dims, dtypes, REFILL_SPECS, strict=True)
    ]
    fill = jax.jit(refill, static_argnums=0, donate_argnums=3).lower(
        engine, params, (shape((parts, 0), jnp.int32), None), rows, *arrays
    )
    kept = params, rows
    return _compile("decode", loop, kept, mesh), _compile("refill", fill, kept, mesh)


def learnt_targets(config: ConfigDict) -> int:
    """M: the positions of a row that the head is computed for."""
    return int(config.student.context * LEARNT) // 8 * 8


def _compile(name: str, lowered: Any, kept: Any, mesh: Mesh) -> Program:
    start = time.monotonic()
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return Program(name, False, _out_of_memory(str(error)), seconds=time.monotonic() - start)
    memory = compiled.memory_analysis()
    state = sum(
        int(np.prod(leaf.sharding.shard_shape(leaf.shape))) * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(kept)
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    )
    program = Program(
        name,
        True,
        arguments=memory.argument_size_in_bytes,
        outputs=memory.output_size_in_bytes,
        temporaries=memory.temp_size_in_bytes,
        donated=memory.alias_size_in_bytes,
        state=state,
        collectives=tuple(collectives(compiled.as_text(), mesh.size)),
        seconds=time.monotonic() - start,
    )
    chip = mesh.devices.flat[0]
    device = find_device(chip.device_kind)
    if device and chip.platform != "tpu" and program.bytes > USABLE * device.memory:
        return dataclasses.replace(program, fits=False, why=f"{program.bytes / 1e9:.1f} GB in all")
    return program


def _out_of_memory(text: str) -> str:
    used = re.search(r"Used ([\d.]+\w) of ([\d.]+\w)", text)
    used = used or re.search(r"\(([\d.]+\w)\) exceeds available HBM \(([\d.]+\w)\)", text)
    return f"used {used[1]} of {used[2]}" if used else text.strip().splitlines()[0][:160]


def estimate(config: ConfigDict, student: Student, chips: int, device: Device, train: Program) -> Estimate:
    """The roofline of a train step; see `Estimate`."""
    B, T = config.train.batch_size, config.student.context
    # As if every row were one segment: packed rows look at fewer keys.
    flops = B * T * train_flops(student, (T + 1) / 2, learnt_targets(config) / T)
    done = flops * (4 / 3 if config.student.remat else 1)
    peak = chips * device.flops
    compute = done / peak
    # State is read and written once; weights are read again in each pass.
    memory = 2 * train.state / device.bandwidth
    network = sum(c.bytes / (device.network if c.between_slices else device.links) for c in train.collectives)
    best, worst = max(compute, memory, network), compute + memory + network
    return Estimate(compute, memory, network, best, worst, (flops / (peak * worst), flops / (peak * best)))


def report(config: ConfigDict, topology: str) -> None:
    """Compiles all programs and prints what is known of them."""
    student = compile_student(config)
    devices = topologies.topology_devices(topology)
    mesh = make_compile_mesh(config, student, devices)
    device = find_device(devices[0].device_kind)
    shapes = jax.eval_shape(student.init, jax.random.key(0))
    n = sum(int(np.prod(x.shape)) for x in jax.tree.leaves(shapes))
    print(f"{config.student.size}: {n / 1e6:.0f}M parameters, context {config.student.context}")
    print(f"{topology}: {len(devices)} x {devices[0].device_kind}, mesh {show_sizes(mesh.devices.shape)}")
    for program in (compile_train(config, student, mesh), *compile_decode(config, student, mesh)):
        _show(program, device)
        if program.name == "train" and program.fits and device:
            e = estimate(config, student, mesh.size, device, program)
            parts = (
                f"compute {1e3 * e.compute:.1f}, memory {1e3 * e.memory:.1f}, network {1e3 * e.network:.1f}"
            )
            print(
                f"  estimate: {1e3 * e.best:.1f} to {1e3 * e.worst:.1f} ms a step of "
                f"{config.train.batch_size} x {config.student.context} tokens "
                f"({parts}), "
                f"MFU {e.mfu[0]:.0%} to {e.mfu[1]:.0%}"
            )
            print(
                "    by formula, at the makers' peaks, overlapped perfectly and not at all; not a measurement"
            )


def _show(program: Program, device: Device | None) -> None:
    room = f" of {device.memory / 1e9:.3g} GB" if device else ""
    if not program.arguments:
        print(f"{program.name}: does not fit{room}: {program.why} (compiled {program.seconds:.0f} s)")
        return
    word = "fits" if program.fits else "does not fit"
    print(
        f"{program.name}: {word}, {program.bytes / 1e9:.2f}{room} a chip (compiled {program.seconds:.0f} s)"
    )
    print(
        f"  arguments {program.arguments / 1e9:.2f} GB (state {program.state / 1e9:.2f}), "
        f"temporaries {program.temporaries / 1e9:.2f}, outputs {program.outputs / 1e9:.2f}, "
        f"of which donated {program.donated / 1e9:.2f}"
    )
    for c in program.collectives:
        print(
            f"  {c.kind} x {c.count} {'between' if c.between_slices else 'over'} {c.group}"
            f"{' slices' if c.between_slices else ''}: {c.bytes / 1e6:.1f} MB a chip, "
            f"largest array {c.largest / 1e6:.1f} MB"
        )
    if not program.collectives:
        print("  communicates nothing")


_CONFIG = config_flags.DEFINE_config_file("config", None, "The configuration file, as path.py[:argument].")
_TOPOLOGY = flags.DEFINE_string(
    "topology", "v5e:4x4", "KIND:SHAPE of the devices, such as v5e:4x4 or h100:8."
)


def _main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"what is {argv[1]!r}? options start with --")
    logging.getLogger("absl").setLevel(logging.ERROR)
    topologies.prepare()
    with errors_in_one_line():
        report(_CONFIG.value, _TOPOLOGY.value)


if __name__ == "__main__":
    flags.mark_flags_as_required(["config"])
    app.run(_main, flags_parser=parse_flags)
