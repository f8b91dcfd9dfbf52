"""Devices that are not there, for compiling ahead of time."""

import dataclasses
import math
import os
import re
from importlib.util import find_spec
from typing import Any

import jax


@dataclasses.dataclass(frozen=True)
class GPU:
    """What the compiler has to know of a GPU; see its maker's data sheet and programming guide."""

    description: str
    capability: tuple[int, int]
    cores: int
    fpus_per_core: int
    shared_memory_per_core: int
    shared_memory_per_block: int
    memory: int
    bandwidth: int
    l2: int
    clock_ghz: float

    def target_config(self) -> str:
        """The compiler's target description, as a text protocol buffer."""
        major, minor = self.capability
        return f"""
            platform_name: "CUDA"
            dnn_version_info {{ major: 9 minor: 12 }}
            device_description_str: "{self.description}"
            gpu_device_info {{
              cuda_compute_capability {{ major: {major} minor: {minor} }}
              core_count: {self.cores}
              fpus_per_core: {self.fpus_per_core}
              shared_memory_per_core: {self.shared_memory_per_core}
              shared_memory_per_block: 49152
              shared_memory_per_block_optin: {self.shared_memory_per_block}
              device_memory_size: {self.memory}
              memory_bandwidth: {self.bandwidth}
              l2_cache_size: {self.l2}
              clock_rate_ghz: {self.clock_ghz}
              threads_per_block_limit: 1024
              threads_per_warp: 32
              threads_per_core_limit: 2048
              registers_per_core_limit: 65536
              registers_per_block_limit: 65536
              block_dim_limit_x: 2147483647
              block_dim_limit_y: 65535
              block_dim_limit_z: 65535
            }}"""


GPUS = {
    "a100": GPU(
        "NVIDIA A100-SXM4-80GB", (8, 0), 108, 64, 167936, 166912, 85_200_000_000, 2_039_000_000_000,
        41_943_040, 1.41,
    ),
    "h100": GPU(
        "NVIDIA H100 80GB HBM3", (9, 0), 132, 128, 233472, 232448, 84_978_434_048, 3_352_000_000_000,
        52_428_800, 1.98,
    ),
}  # fmt: skip
TPUS = ("v4", "v5e", "v5p", "v6e")


def prepare() -> None:
    """Lets the compilers load beside the CPU; has to come before JAX's first use."""
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    jax.config.update("jax_platforms", "cpu")


def topology_devices(topology: str) -> list[Any]:
    """The devices of "v5e:4x4", of two slices of it as "2*v5e:4x4", or of a host of eight GPUs as "h100:8".

    Raises:
      ValueError: it is not written like that, or its compiler is not installed or does not know it.
    """
    from jax.experimental import topologies

    match = re.fullmatch(r"(?:(\d+)\*)?(\w+):(\d+(?:x\d+)*)", topology)
    if not match or match[2] not in (*TPUS, *GPUS) or (match[2] in GPUS and ("x" in match[3] or match[1])):
        raise ValueError(
            f"--topology={topology}: write KIND:SHAPE, such as v5e:4x4, 2*v5e:4x4 for two slices, or h100:8; "
            f"kinds: {', '.join((*TPUS, *GPUS))}"
        )
    slices, kind, shape = match.groups()
    if kind in GPUS:
        # One process for each GPU of one host.
        name = f"1x1x{shape}"
        options = {"platform": "cuda", "topology": name, "target_config": GPUS[kind].target_config()}
    else:
        name = f"{kind}:{shape}"
        options = {"platform": "tpu"}
        if slices:
            options["num_slices"] = int(slices)
        if math.prod(map(int, shape.split("x"))) == 1:
            options["chips_per_host_bounds"] = (1, 1, 1)
        if kind == "v4":
            options["chip_config_name"] = "megacore"  # Its two cores are one device.
    try:
        return list(topologies.get_topology_desc(topology_name=name, **options).devices)
    except Exception as error:
        text = str(error).strip().splitlines()[0][:200]
        extra, package = ("cuda", "jax_cuda13_plugin") if kind in GPUS else ("tpu", "libtpu")
        missing = "" if find_spec(package) else f" (it needs the extra `{extra}`)"
        raise ValueError(f"no topology {topology}{missing}: {text}") from error
