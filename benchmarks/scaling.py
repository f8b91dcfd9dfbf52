"""Compiles every student for many TPU topologies and writes docs/scaling.md. No TPU is needed.

  pip install -e '.[tpu]' && python -m benchmarks.scaling

What is known of a cell is kept in docs/scaling.jsonl: delete a line to have it compiled again.
"""

import dataclasses
import json
import re
import time
from pathlib import Path

from ml_collections import ConfigDict

from socratic_jax import compile as aot
from socratic_jax.config import default_config
from socratic_jax.devices import DEVICES, Device
from socratic_jax.hlo import Collective
from socratic_jax.sharding import show_sizes
from socratic_jax.topologies import prepare, topology_devices

ROOT = Path(__file__).parent.parent
CELLS, PAGE = ROOT / "docs" / "scaling.jsonl", ROOT / "docs" / "scaling.md"

PROGRAMS = ("train", "decode", "refill")  # Older cells have no "refill".

# Topology -> what people call it.
TOPOLOGIES = {
    "v5e:1x1": "v5e-1", "v5e:2x4": "v5e-8", "v5e:4x4": "v5e-16", "v5e:16x16": "v5e-256",
    "v4:2x2x1": "v4-8", "v5p:2x2x1": "v5p-8", "v6e:2x4": "v6e-8", "v6e:16x16": "v6e-256",
    "2*v5e:4x4": "2 x v5e-16",
}  # fmt: skip
WEAK = {
    "v5e:2x4": "v5e-8", "v5e:4x4": "v5e-16", "v5e:4x8": "v5e-32", "v5e:8x8": "v5e-64",
    "v5e:8x16": "v5e-128", "v5e:16x16": "v5e-256",
}  # fmt: skip
# Size -> rows a chip, remat.
SIZES = {
    "gpt2": (8, False), "gpt2-medium": (4, False), "gpt2-large": (4, True), "gpt2-xl": (2, True),
    "stress-7b": (1, True),
}  # fmt: skip
# Largest power of two that divides the width: how far the parameters can be split.
MOST_FSDP = {"gpt2": 256, "gpt2-medium": 256, "gpt2-large": 256, "gpt2-xl": 64, "stress-7b": 256}


def cell_config(size: str, chips: int, mesh: str) -> ConfigDict:
    """The config that a cell compiles."""
    rows, remat = SIZES[size]
    config = default_config()
    config.student.size, config.student.context, config.student.remat = size, 1024, remat
    config.student.dropout = 0.1
    config.train.batch_size = rows * chips
    config.decode.capacity, config.decode.slots = 768, 32 * chips
    config.mesh = mesh
    return config


def compile_cell(size: str, topology: str, mesh: str) -> dict:
    """Everything that the tables say of one student on one topology."""
    devices = topology_devices(topology)
    if mesh == "fsdp":
        fsdp = min(len(devices), MOST_FSDP[size])
        mesh = f"data={len(devices) // fsdp},fsdp={fsdp}"
    config = cell_config(size, len(devices), mesh)
    student = aot.compile_student(config)
    the_mesh = aot.make_compile_mesh(config, student, devices)
    train = aot.compile_train(config, student, the_mesh)
    decode, refill = aot.compile_decode(config, student, the_mesh)
    return {
        "size": size,
        "topology": topology,
        "chips": len(devices),
        "mesh": show_sizes(the_mesh.devices.shape),
        "batch": config.train.batch_size,
        "remat": config.student.remat,
        "train": _program(train),
        "decode": _program(decode),
        "refill": _program(refill),
    }


def _program(program: aot.Program) -> dict:
    return {**dataclasses.asdict(program), "bytes": program.bytes}


def estimate(record: dict) -> aot.Estimate:
    """The estimate of a cell, from what is kept of it."""
    config = cell_config(record["size"], record["chips"], record["mesh"])
    return aot.estimate(config, aot.compile_student(config), record["chips"], _device(record), _train(record))


def _device(record: dict) -> Device:
    kind = re.search(r"(\w+):", record["topology"])[1]
    return next(device for device in DEVICES if device.name == kind)


def _train(record: dict) -> aot.Program:
    fields = {name: value for name, value in record["train"].items() if name != "bytes"}
    found = tuple(Collective(**c) for c in fields["collectives"])
    slices = int(re.match(r"(?:(\d+)\*)?", record["topology"])[1] or 1)
    if slices > 1 and not any(c.between_slices for c in found):
        # Compiled before transfers between slices were read off. What the compiler does where they are: chips
        # of a slice sum gradients first, and each exchanges an equal share of the sums.
        gradients = _parameter_bytes(record) * slices / record["chips"]
        found += (Collective("all-reduce", slices, 1, 2 * (slices - 1) / slices * gradients, 0, True),)
    return aot.Program(**{**fields, "collectives": found})


def _parameter_bytes(record: dict) -> float:
    """Of all parameters, in f32; small ones count as if they were split like the others."""
    return record["train"]["state"] / 3 * int(re.search(r"fsdp=(\d+)", record["mesh"])[1])


def _key(record: dict) -> tuple:
    return record["size"], record["topology"], record["asked"]


def read_cells() -> dict[tuple, dict]:
    """The cells that there are."""
    lines = CELLS.read_text().splitlines() if CELLS.exists() else []
    return {_key(r): r for r in map(_judged, map(json.loads, lines))}


def _judged(record: dict) -> dict:
    """A cell in which what the compiler found room for fits: older ones had a rule of their own."""
    judged = {
        name: {**record[name], "fits": True, "why": ""}
        for name in PROGRAMS
        if name in record and record[name]["arguments"]
    }
    return {**record, **judged}


def collect() -> None:
    """Writes the page, and again after each of the missing cells that it compiles."""
    cells = read_cells()
    PAGE.write_text(page(cells))
    wanted = [(size, t, "fsdp") for size in ("gpt2-large", "gpt2-xl") for t in WEAK]
    wanted += [(size, t, "auto") for size in SIZES for t in TOPOLOGIES]
    for size, topology, mesh in wanted:
        if (size, topology, mesh) in cells:
            continue
        start = time.monotonic()
        record = {**compile_cell(size, topology, mesh), "asked": mesh}
        cells[_key(record)] = record
        with CELLS.open("a") as file:
            file.write(json.dumps(record) + "\n")
        print(f"{size} on {topology}: {time.monotonic() - start:.0f} s", flush=True)
        PAGE.write_text(page(cells))


def _gb(n: float) -> str:
    return f"{n / 1e9:.2f}"


def _donated(train: dict) -> str:
    return f"{train['donated'] / train['outputs']:.3%}" if train["outputs"] else "-"


def _row(r: dict, name: str) -> str:
    train, decoding = r["train"], [r[name] for name in PROGRAMS[1:] if name in r]
    room = _device(r).memory / 1e9
    fits = "yes" if train["fits"] else f"no ({train['why']})"
    used = f"{_gb(train['bytes'])} of {room:.1f}" if train["arguments"] else "-"
    time_, mfu = "-", "-"
    if train["fits"]:
        e = estimate(r)
        time_ = f"{1e3 * e.best:.0f} to {1e3 * e.worst:.0f}"
        mfu = f"{e.mfu[0]:.0%} to {e.mfu[1]:.0%}"
    decodes = next((f"no ({p['why']})" for p in decoding if not p["fits"]), None)
    decodes = decodes or _gb(max(p["bytes"] for p in decoding))
    return (
        f"| {r['size']} | {name} | {r['mesh']} | {r['batch']} | {'yes' if r['remat'] else 'no'} | {fits} | "
        f"{used} | {_gb(train['state'])} | {_donated(train)} | {time_} | {mfu} | {decodes} |"
    )


HEAD = """# Students on TPU topologies, compiled ahead of time

Made by `python -m benchmarks.scaling`, which runs the TPU's own compiler on any machine
(`pip install -e '.[tpu]'`). **Nothing here was run on a TPU.** Bytes, whether a program fits, and the
collectives are the compiler's; times and MFU are estimates by formula.

* Train: the whole step, rows of 1,024 tokens, {learnt:.0%} of them learnt, dropout, AdamW, f32 weights and
  moments, bf16 computation, splash attention. Decode: the dialogue loop of two students, bf16, 768 tokens a
  row, 32 rows a chip, or what reads prompts of {prompt:.0%} of a row into it, whichever is larger.{loops}
* Whether a program fits is the compiler's word, which keeps a little of the memory for itself (its G are
  2^30 bytes, GB here 10^9).
* "state" is what stays on a chip from step to step: weights and both moments, in GB, before the compiler
  pads them to its tiles. "donated" is how much of what a step returns is written where its arguments were:
  the rest is the step's metrics.
* The estimate takes the makers' peaks (devices.py): operations by formula (a second forward pass with
  remat) over the bf16 peak; state read and written once over the memory's bandwidth; bytes of all
  collectives over the links (between slices: the data centre's network). The first number is all
  three at once, the second one after the other. Real steps are slower than the first.
* Between slices the compiler first sums gradients within each slice, and every chip exchanges a share of the
  sums. Where a cell was compiled before these transfers were read off, they are taken to be 2 (s - 1) / s of
  all gradients in f32, shared by the chips of each of s slices; a student of 12M parameters, of which the
  vocabulary table is most, exchanges 1.4 times that, since its table's gradient has two parts.
* MFU counts the formula's operations without the second forward pass.
"""


def largest_share(r: dict) -> float:
    """The largest array of any collective of the train step, as a share of all parameters' bytes in f32."""
    return max(c["largest"] for c in r["train"]["collectives"]) / _parameter_bytes(r)


def _about_gathers(weak: list[dict]) -> list[str]:
    def gathers(r: dict) -> int:
        return sum(c["count"] for c in r["train"]["collectives"] if c["kind"] == "all-gather")

    most, share = max(weak, key=gathers), max(map(largest_share, weak))
    return [
        "The compiler turns most gathers of weights into rings of collective-permutes that overlap with the",
        "matrix products, but not on every mesh: "
        f"{most['size']} on {WEAK[most['topology']]} has {gathers(most):,} all-gathers.",
        "No program gathers all parameters at once: the largest array of any collective is the vocabulary",
        f"table or its gradient, at most {share:.0%} of the parameters' bytes.",
    ]


def page(cells: dict[tuple, dict]) -> str:
    """The text of the page, from the cells that there are."""
    old = sum("refill" not in r for r in cells.values())
    loops = f"\n  Of {old} cells only the loop has been compiled: decoding can take more than they say."
    lines = [HEAD.format(learnt=aot.LEARNT, prompt=aot.PROMPT, loops=loops if old else "")]
    columns = (
        "| size | topology | mesh | batch | remat | fits | GB a chip | state | donated | ms a step | MFU "
        "| decode GB |"
    )
    missing = len(WEAK) * 2 + len(SIZES) * len(TOPOLOGIES) - len(cells)
    if missing:
        lines += [
            f"{missing} cells of the tables are not compiled yet; the same command goes on with them.",
            "",
        ]
    lines += ["## Every student, `--config.mesh=auto`", "", columns, "|" + "---|" * 12]
    for size in SIZES:
        for topology, name in TOPOLOGIES.items():
            if (size, topology, "auto") in cells:
                lines.append(_row(cells[size, topology, "auto"], name))
    lines += ["", "## Weak scaling: parameters split as far as their width allows", ""]
    lines += ["A chip's batch stays the same; what it keeps of the state falls with their number.", ""]
    lines += [columns, "|" + "---|" * 12]
    for size in ("gpt2-large", "gpt2-xl"):
        for topology, name in WEAK.items():
            if (size, topology, "fsdp") in cells:
                lines.append(_row(cells[size, topology, "fsdp"], name))
    lines += [
        "",
        "gpt2-xl is 1,600 wide, which 64 is the largest power of two to divide: beyond 64 chips its",
        "parameters are repeated, not split further.",
        "",
        "## What is communicated in a train step, per chip",
        "",
        "| size | topology | mesh | collective | over | times | MB | largest array, MB |",
        "|" + "---|" * 8,
    ]
    for (size, topology, asked), r in cells.items():
        if asked == "fsdp" and topology in ("v5e:4x4", "v5e:16x16"):
            cell = f"| {size} | {WEAK[topology]} | {r['mesh']}"
            for c in r["train"]["collectives"]:
                megabytes = f"{c['bytes'] / 1e6:.1f} | {c['largest'] / 1e6:.1f}"
                lines.append(f"{cell} | {c['kind']} | {c['group']} | {c['count']} | {megabytes} |")
    lines += [
        "",
        *_about_gathers([r for r in cells.values() if r["asked"] == "fsdp"]),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    prepare()
    collect()
