"""Eight devices compute what one computes, however the mesh is laid out."""

import json

import numpy as np
import pytest

from tests.devices import run_with_devices


@pytest.mark.parametrize(
    ("mesh", "shard"),
    [((8, 1, 1), [2, 32, 128]), ((1, 8, 1), [2, 4, 128]), ((2, 2, 2), [2, 16, 64])],
)
def test_eight_devices_equal_one(mesh, shard):
    one = run_with_devices("tests.training.devices_main", 1, json.dumps((1, 1, 1)))
    eight = run_with_devices("tests.training.devices_main", 8, json.dumps(mesh))
    assert (one["devices"], eight["devices"], eight["shard"]) == (1, 8, shard)
    np.testing.assert_allclose(eight["losses"], one["losses"], rtol=1e-5)
    for name, norm in one["norms"].items():
        np.testing.assert_allclose(eight["norms"][name], norm, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("mesh", [(1, 1, 1), (1, 4, 1), (2, 4, 2)])
def test_a_checkpoint_of_eight_devices_restores_on_others(tmp_path_factory, mesh):
    directory = tmp_path_factory.getbasetemp() / "of-eight-devices"
    eight = run_with_devices("tests.training.devices_main", 8, json.dumps((2, 2, 2)), "save", str(directory))
    n_devices = int(np.prod(mesh))
    other = run_with_devices(
        "tests.training.devices_main", n_devices, json.dumps(mesh), "load", str(directory)
    )
    assert (other["devices"], other["losses"]) == (n_devices, [])
    assert other["digest"] == eight["digest"]  # Weights, moments and counters, bit for bit.
