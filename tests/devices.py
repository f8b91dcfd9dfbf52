"""Runs a module in a process of its own, with as many CPU devices as wanted.

The number of devices is fixed when JAX starts, so it cannot change inside a test.
"""

import functools
import json
import os
import subprocess
import sys


@functools.cache
def run_with_devices(module: str, n_devices: int, *arguments: str) -> dict:
    """What `python -m module` prints as its last line, parsed as JSON."""
    # NPROC: jaxlib 0.10 sizes its thread pool by it, and can deadlock with more devices than threads.
    env = {
        **os.environ, "JAX_PLATFORMS": "cpu", "NPROC": "16",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={n_devices}",
    }  # fmt: skip
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])
