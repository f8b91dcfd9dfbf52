"""The devices that JAX computes on: setting up a CPU, and what accelerators can do at their best."""

import ctypes
import dataclasses
import hashlib
import os
import platform
import sys

import jax

# Parameters of mallopt(3), from glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3


@dataclasses.dataclass(frozen=True)
class Device:
    """One chip, as its maker specifies it.

    Attributes:
      name: as accelerator types and topologies call it.
      kind: `device_kind` in JAX; its beginning is enough.
      flops: dense bf16 peak, floating-point operations a second.
      memory: bytes of high-bandwidth memory.
      bandwidth: of that memory, bytes a second.
      links: bytes a second into a chip over the links that one collective keeps busy: both directions of
        one axis of a TPU's torus, all of a GPU's links to its switch.
      network: bytes a second and chip between slices or hosts.
    """

    name: str
    kind: str
    flops: float
    memory: float
    bandwidth: float
    links: float
    network: float


GIB = 2**30  # What the memory of TPUs is counted in; that of GPUs is rounded to 1e9 in their data sheets.

# TPU: cloud.google.com/tpu/docs (system architecture) and Austin et al. 2025, "How to Scale Your Model",
# chapter 2. GPU: NVIDIA's data sheets, dense figures. The longest kind that matches counts.
DEVICES: tuple[Device, ...] = (
    Device("v4", "TPU v4", 275e12, 32 * GIB, 1.2e12, 9e10, 3.1e9),
    Device("v5e", "TPU v5 lite", 197e12, 16 * GIB, 8.1e11, 9e10, 3.1e9),
    Device("v5p", "TPU v5", 459e12, 95 * GIB, 2.8e12, 1.8e11, 6.2e9),
    Device("v6e", "TPU v6 lite", 918e12, 32 * GIB, 1.6e12, 1.8e11, 6.2e9),
    Device("t4", "Tesla T4", 65e12, 16e9, 3.2e11, 1.6e10, 1.2e9),
    Device("l4", "NVIDIA L4", 121e12, 24e9, 3.0e11, 3.2e10, 1.2e9),
    Device("a100-40gb", "NVIDIA A100-SXM4-40GB", 312e12, 40e9, 1.55e12, 3.0e11, 1.2e10),
    Device("a100-80gb", "NVIDIA A100-SXM4-80GB", 312e12, 80e9, 2.0e12, 3.0e11, 2.5e10),
    Device("h100", "NVIDIA H100", 989e12, 80e9, 3.35e12, 4.5e11, 5e10),
)


def find_device(kind: str) -> Device | None:
    """The device of a JAX `device_kind`; None for a CPU and for what the table does not know."""
    matches = [device for device in DEVICES if kind.startswith(device.kind)]
    return max(matches, key=lambda device: len(device.kind), default=None)


def this_device() -> Device | None:
    """The device that JAX computes on."""
    return find_device(jax.devices()[0].device_kind)


def keep_compilations() -> None:
    """Lets later processes reuse what this one compiles.

    It is kept in JAX_COMPILATION_CACHE_DIR, else in the user's cache directory, apart for every kind of
    machine: a home directory may be shared, and code for one CPU need not run on another.
    """
    if jax.config.jax_compilation_cache_dir is None:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        directory = os.path.join(home, "socratic_jax", f"xla-{_machine()}")
        jax.config.update("jax_compilation_cache_dir", directory)


def _machine() -> str:
    """Eight hexadecimal digits that stand for the kind of CPU."""
    try:
        with open("/proc/cpuinfo") as file:
            lines = [
                line for line in file if line.startswith(("model name", "flags", "Features", "CPU part"))
            ]
    except OSError:  # Not Linux.
        lines = []
    about = "".join(sorted(set(lines))) or platform.processor()
    return hashlib.blake2b(f"{platform.machine()} {about}".encode(), digest_size=4).hexdigest()


def prepare_cpu(devices: int) -> None:
    """Sets up JAX on a CPU; has no effect elsewhere, and has to come before JAX's first use.

    Args:
      devices: that the CPU is split into.
    """
    if devices > 1 and devices != jax.config.jax_num_cpu_devices:
        jax.config.update("jax_num_cpu_devices", devices)
    if devices > (os.cpu_count() or 1):
        # jaxlib 0.10 sizes its thread pool by this, and can hang with more devices than threads.
        os.environ.setdefault("NPROC", str(2 * devices))
    if sys.platform == "linux":
        # glibc hands large buffers back to the kernel, which clears their pages again for the next one: over
        # a third of a small student's train step. Up to 32 MB, the most that it takes for an answer here, it
        # can be told to keep them; for larger ones see program.use_huge_pages.
        libc = _libc()
        if libc:
            libc.mallopt(M_MMAP_THRESHOLD, 1 << 25)
            libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
            libc.mallopt(M_TOP_PAD, 1 << 26)


def release_memory() -> None:
    """Hands memory that is free, and kept for the next array, back to the kernel; nothing on other systems.

    What loading and initialising a student have freed would stay beside all that its train steps take.
    """
    libc = _libc()
    if libc:
        libc.malloc_trim(0)


def _libc() -> ctypes.CDLL | None:
    """glibc; None where there is another C library."""
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
