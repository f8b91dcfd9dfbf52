"""Runs the command line as one or several processes on this machine, as a launcher does on many."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CONFIG = "tests/tiny_run.py"
ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(
    workdir: Path, n_processes: int, devices_each: int, *options: str, cache: Path | None = None
) -> list[subprocess.Popen]:
    """Starts the processes of a run; the first one's output is its coordinator's."""
    env = {**os.environ, "JAX_PLATFORMS": "cpu", "NPROC": "16"}
    if cache:
        env["JAX_COMPILATION_CACHE_DIR"] = str(cache)
    command = [
        sys.executable, "-m", "socratic_jax.main", f"--config={CONFIG}", f"--workdir={workdir}",
        f"--config.cpu_devices={devices_each}", *options,
    ]  # fmt: skip
    address = f"127.0.0.1:{free_port()}"
    processes = []
    for i in range(n_processes):
        joined = [f"--distributed={address},{n_processes},{i}"] if n_processes > 1 else []
        processes.append(
            subprocess.Popen(
                command + joined,
                env=env,
                cwd=ROOT,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )
    return processes


def wait(processes: Sequence[subprocess.Popen], timeout: float = 600) -> list[tuple[int, str]]:
    """(exit code, output) of each."""
    outputs = [process.communicate(timeout=timeout)[0] for process in processes]
    return [(process.returncode, output) for process, output in zip(processes, outputs, strict=True)]
