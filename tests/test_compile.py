"""Ahead-of-time compilation for TPUs; what needs their compiler is left out where it is not installed."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socratic_jax import compile as aot
from socratic_jax import topologies
from socratic_jax.config import default_config
from socratic_jax.decoding.engine import Engine
from socratic_jax.decoding.sampling import Sampling
from socratic_jax.sharding import make_mesh

ROOT = Path(__file__).parent.parent
needs_cuda = pytest.mark.skipif(
    importlib.util.find_spec("jax_cuda13_plugin") is None, reason="the extra `cuda` is not installed"
)
needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed (the extra `tpu`)"
)


@pytest.mark.parametrize("topology", ["v5e", "v5e-8", "4x4", "v5e:4x", "h100:2x4", "2*h100:8", "b300:8"])
def test_what_is_no_topology_is_refused(topology):
    with pytest.raises(ValueError, match="write KIND:SHAPE, such as v5e:4x4"):
        topologies.topology_devices(topology)


@pytest.mark.parametrize("installed", [False, True])
def test_the_extra_is_only_named_where_it_is_missing(monkeypatch, installed):
    def refuse(*_, **__):
        raise RuntimeError("3x5 chips make no whole hosts\nand more")

    monkeypatch.setattr("jax.experimental.topologies.get_topology_desc", refuse)
    monkeypatch.setattr(topologies, "find_spec", lambda _: installed)
    extra = "" if installed else " (it needs the extra `tpu`)"
    with pytest.raises(ValueError) as error:
        topologies.topology_devices("v5e:3x5")
    assert str(error.value) == f"no topology v5e:3x5{extra}: 3x5 chips make no whole hosts"


@pytest.mark.parametrize(("platform", "kind", "fits"), [("tpu", "TPU v4", True), ("gpu", "NVIDIA L4", False)])
def test_only_of_gpus_we_judge_ourselves_what_fits(platform, kind, fits):
    chip = SimpleNamespace(platform=platform, device_kind=kind)
    sizes = dict(argument_size_in_bytes=33e9, output_size_in_bytes=0, temp_size_in_bytes=0)
    memory = SimpleNamespace(**sizes, alias_size_in_bytes=0)
    compiled = SimpleNamespace(memory_analysis=lambda: memory, as_text=lambda: "")
    lowered = SimpleNamespace(compile=lambda: compiled)
    program = aot._compile("train", lowered, (), SimpleNamespace(size=1, devices=np.array([chip])))
    assert (program.fits, program.why) == (fits, "" if fits else "33.0 GB in all")


def test_decoding_is_compiled_as_it_is_configured(monkeypatch):
    programs, engines = {}, []
    monkeypatch.setattr(aot, "_compile", lambda name, lowered, kept, mesh: programs.update({name: kept}))
    monkeypatch.setattr(aot, "Engine", lambda *args, **kw: engines.append(Engine(*args, **kw)) or engines[-1])
    config = default_config()
    config.student.size, config.student.dtype = "tiny-0.2m", "float32"
    config.decode = {**config.decode, "slots": 8, "samples": 2, "calculator": True, "int8": True}
    config.decode.temperature, config.decode.top_k, config.decode.top_p = 0.7, 40, 0.9
    mesh = make_mesh((1, 1, 1), jax.devices()[:1])
    aot.compile_decode(config, aot.compile_student(config), mesh)
    assert engines[0].sampling == Sampling(0.7, 40, 0.9) and engines[0].calculator
    assert set(programs) == {"decode", "refill"}
    assert jnp.dtype("int8") in {leaf.dtype for leaf in jax.tree.leaves(programs["refill"][0])}


def _compile(*options: str) -> str:
    command = [sys.executable, "-m", "socratic_jax.compile", *options]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--config=configs/gsm8k.py:gpt2", "--config.student.sizes=x"], "the config has no field"),
        (["--config=configs/gsm8k.py:gpt3"], "unknown size 'gpt3'"),
        (["--config=configs/nope.py"], "cannot load the config file 'configs/nope.py'"),
        (["--config=configs/gsm8k.py:gpt2", "--topology=4x4"], "write KIND:SHAPE"),
    ],
)
def test_what_is_wrong_with_the_options_is_one_line(options, says):
    output = _compile(*options).strip()
    assert re.match(rf"error: .*{re.escape(says)}", output) and "\n" not in output


@needs_libtpu
def test_a_students_steps_compile_for_a_topology():
    output = _compile(
        "--config=configs/gsm8k.py:gpt2", "--topology=v5e:2x2", "--config.student.size=tiny-10m",
        "--config.mesh=fsdp=4",
    )  # fmt: skip
    assert "4 x TPU v5 lite, mesh data=1,fsdp=4,tensor=1" in output
    assert re.search(r"train: fits, \d\.\d\d of 17.2 GB a chip", output), output
    for name in "decode", "refill":
        assert re.search(rf"{name}: fits, .*\n.*\n  communicates nothing", output), output
    donated = re.search(r"outputs ([\d.]+), of which donated ([\d.]+)", output)
    assert donated[1] == donated[2]


@needs_libtpu
def test_the_data_axis_crosses_slices():
    output = _compile(
        "--config=configs/gsm8k.py:gpt2", "--topology=2*v5e:2x2", "--config.student.size=tiny-3m",
        "--config.mesh=data=2,fsdp=-1",
    )  # fmt: skip
    assert "8 x TPU v5 lite, mesh data=2,fsdp=4,tensor=1" in output
    assert re.search(r"train: fits, ", output), output
    assert re.search(r"all-reduce x \d+ between 2 slices: ", output), output


@needs_libtpu
def test_what_does_not_fit_is_said():
    output = _compile(
        "--config=configs/gsm8k.py:gpt2", "--topology=v5e:1x1", "--config.train.batch_size=512",
        "--config.student.size=gpt2",
    )  # fmt: skip
    assert re.search(r"train: does not fit of 17.2 GB: used [\d.]+G of 15\.75G", output), output


@needs_cuda
def test_a_students_steps_compile_for_gpus():
    output = _compile(
        "--config=configs/gsm8k.py:gpt2", "--topology=h100:8", "--config.student.size=tiny-10m",
        "--config.mesh=fsdp=8", "--config.student.attention=plain",
    )  # fmt: skip
    assert "8 x NVIDIA H100 80GB HBM3, mesh data=1,fsdp=8,tensor=1" in output
    assert re.search(r"train: fits, \d\.\d\d of 80 GB a chip", output), output
