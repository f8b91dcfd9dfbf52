"""Eight devices compute what one computes, however the mesh is laid out."""

import functools
import json
import os
import subprocess
import sys

import numpy as np
import pytest


@functools.cache
def _run(n_devices: int, mesh: tuple[int, int, int]) -> dict:
    # NPROC: jaxlib 0.10 sizes its thread pool by it, and can deadlock with more devices than threads.
    env = {
        **os.environ, "JAX_PLATFORMS": "cpu", "NPROC": "16",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={n_devices}",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.training.devices_main", json.dumps(mesh)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("mesh", "shard"),
    [((8, 1, 1), [2, 32, 128]), ((1, 8, 1), [2, 4, 128]), ((2, 2, 2), [2, 16, 64])],
)
def test_eight_devices_equal_one(mesh, shard):
    one, eight = _run(1, (1, 1, 1)), _run(8, mesh)
    assert (one["devices"], eight["devices"], eight["shard"]) == (1, 8, shard)
    np.testing.assert_allclose(eight["losses"], one["losses"], rtol=1e-5)
    for name, norm in one["norms"].items():
        np.testing.assert_allclose(eight["norms"][name], norm, rtol=1e-4, atol=1e-6, err_msg=name)
