"""Layouts fit or say why not, and "auto" finds one that fits."""

import re
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_jax.devices import DEVICES, find_device
from socratic_jax.sharding import (
    AXES,
    STATE_BYTES,
    STATE_FRACTION,
    choose_mesh,
    count_slices,
    make_mesh,
    mesh_sizes,
    parameter_spec,
    path_name,
    show_sizes,
    tree_shardings,
)
from socratic_jax.students.sizes import SIZES, make_student


def _shapes(size, vocab_size=50304):
    return jax.eval_shape(make_student(size, vocab_size).init, jax.random.key(0))


@pytest.mark.parametrize(
    ("spec", "sizes"),
    [
        ("data=8", (8, 1, 1)),
        ("fsdp=-1", (1, 8, 1)),
        ("data=-1,fsdp=2", (4, 2, 1)),
        ("tensor=2, data=4", (4, 1, 2)),
    ],
)
def test_sizes_are_read(spec, sizes):
    assert mesh_sizes(spec, 8) == sizes
    assert mesh_sizes(show_sizes(sizes), 8) == sizes


@pytest.mark.parametrize("spec", ["", "data", "data=0", "model=2", "data=2;fsdp=4", "8,1,1"])
def test_what_is_no_size_is_refused(spec):
    with pytest.raises(ValueError, match="is no size of an axis; write"):
        mesh_sizes(spec, 8)


@pytest.mark.parametrize("spec", ["data=3", "data=-1,fsdp=-1", "data=-1,fsdp=3", "data=16"])
def test_sizes_that_do_not_multiply_to_the_devices_are_refused(spec):
    with pytest.raises(ValueError, match=re.escape(f"mesh '{spec}' does not fit 8 device(s)")):
        mesh_sizes(spec, 8)


@pytest.mark.parametrize("size", SIZES)
def test_every_parameter_of_every_size_has_a_layout(size):
    shapes = _shapes(size)
    shardings = tree_shardings(shapes, make_mesh((jax.device_count(), 1, 1)))
    assert jax.tree.structure(shardings) == jax.tree.structure(shapes)


def test_parameters_without_a_rule_or_not_divisible_are_named():
    axes = {"data": 1, "fsdp": 4, "tensor": 3}
    with pytest.raises(ValueError, match=r"'router/kernel' \(4, 4\) matches no rule"):
        parameter_spec("router/kernel", (4, 4), axes)
    with pytest.raises(ValueError, match=r"'wte/embedding' \(100, 64\): dimension 0 \(100\) .* tensor=3"):
        parameter_spec("wte/embedding", (100, 64), axes)


def test_a_mesh_that_splits_xl_by_heads_is_refused_with_the_nearest_that_fit():
    # 25 heads.
    with pytest.raises(ValueError) as error:
        choose_mesh("fsdp=4,tensor=2", _shapes("gpt2-xl"), 8, 16, None)
    text = str(error.value)
    assert "parameter 'blocks/attn/" in text and "(25) does not divide by mesh axis tensor=2" in text
    near = re.findall(r"data=\d+,fsdp=\d+,tensor=\d+", text)[1:]
    assert near and all(choose_mesh(spec, _shapes("gpt2-xl"), 8, 16, None) for spec in near)
    assert near[0] == "data=2,fsdp=4,tensor=1" or near[0] == "data=1,fsdp=8,tensor=1"


def test_rows_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match=r"12 rows of a \(micro-\)batch do not divide by data x fsdp = 8"):
        choose_mesh("data=8", _shapes("gpt2"), 8, 12, None)
    with pytest.raises(ValueError, match=r"no mesh of 7 device\(s\) fits: 12 rows"):
        choose_mesh("auto", _shapes("gpt2"), 7, 12, None)


@given(
    size=st.sampled_from(["tiny-0.2m", "gpt2", "gpt2-large", "gpt2-xl"]),
    log_devices=st.integers(0, 8),
    device=st.sampled_from([None, *DEVICES]),
)
def test_auto_fits_and_splits_parameters_no_further_than_memory_asks(size, log_devices, device):
    shapes, n_devices = _shapes(size), 2**log_devices
    memory = device and device.memory
    sizes = choose_mesh("auto", shapes, n_devices, 256, memory)
    assert np.prod(sizes) == n_devices
    axes = dict(zip(AXES, sizes, strict=True))
    for path, leaf in jax.tree_util.tree_leaves_with_path(shapes):
        parameter_spec(path_name(path), leaf.shape, axes)
    state = STATE_BYTES * sum(leaf.size for leaf in jax.tree.leaves(shapes))
    if memory is None or state < STATE_FRACTION * memory:
        assert axes["fsdp"] == 1
    elif axes["fsdp"] > 1:
        assert state / (axes["fsdp"] // 2) > STATE_FRACTION * memory


def test_devices_are_found_by_the_longest_kind():
    assert find_device("TPU v5 lite").name == "v5e"
    assert find_device("TPU v5").name == "v5p"
    assert find_device("NVIDIA H100 80GB HBM3").name == "h100"
    assert find_device("cpu") is None


def test_parameters_stay_within_a_slice():
    # So little memory that every split helps: 32 ways in one slice, 16 in each of two.
    shapes = _shapes("gpt2-large")
    assert choose_mesh("auto", shapes, 32, 64, 1e6) == (1, 32, 1)
    assert choose_mesh("auto", shapes, 32, 64, 1e6, slices=2) == (2, 16, 1)


def test_a_mesh_whose_data_axis_cannot_cross_slices_is_refused():
    devices = [SimpleNamespace(slice_index=i // 4) for i in range(8)]
    assert count_slices(devices) == 2 and count_slices([object()]) == 1
    with pytest.raises(ValueError, match="data=1 does not divide over 2 slices of 4 devices; make"):
        make_mesh((1, 8, 1), devices)


class _Chip:
    """What JAX says of one chip of a 4x4 torus."""

    platform, device_kind, core_on_chip, process_index = "tpu", "TPU v6 lite", 0, 0

    def __init__(self, x, y):
        self.coords, self.id = [x, y, 0], 4 * y + x


def test_a_mesh_axis_may_be_a_part_of_an_axis_of_the_torus():
    chips = [_Chip(x, y) for y in range(4) for x in range(4)]
    mesh = make_mesh((8, 2, 1), chips)
    assert mesh.devices.shape == (8, 2, 1) and {chip.id for chip in mesh.devices.flat} == set(range(16))
