"""What docs/scaling.jsonl, made by the TPU's compiler, has to show. Nothing is compiled here."""

import re

import pytest

from benchmarks.scaling import PAGE, SIZES, TOPOLOGIES, WEAK, estimate, largest_share, page, read_cells
from socratic_jax.devices import find_device

CELLS = list(read_cells().values())
FSDP = {(r["size"], r["topology"]): r for r in CELLS if r["asked"] == "fsdp"}


@pytest.mark.parametrize("size", ["gpt2-large", "gpt2-xl"])
def test_on_16_chips_all_of_the_state_is_donated_and_no_tree_is_gathered(size):
    r = FSDP[size, "v5e:4x4"]
    assert r["train"]["fits"] and "fsdp=16" in r["mesh"]
    # What is left are the step's metrics.
    assert 0 <= r["train"]["outputs"] - r["train"]["donated"] < 10_000
    assert largest_share(r) < 0.1


@pytest.mark.parametrize("size", ["gpt2-large", "gpt2-xl"])
def test_the_state_of_a_chip_falls_as_chips_are_added(size):
    rows = [FSDP[size, topology] for topology in WEAK]
    fsdp = [int(re.search(r"fsdp=(\d+)", r["mesh"])[1]) for r in rows]
    whole = rows[0]["train"]["state"] * fsdp[0]
    for n, r in zip(fsdp, rows, strict=True):
        # Small parameters (biases, norms) are not split.
        assert whole / n <= r["train"]["state"] <= 1.5 * whole / n


def test_every_cell_is_of_the_tables():
    assert {r["size"] for r in CELLS} <= set(SIZES)
    assert {r["topology"] for r in CELLS} <= {*TOPOLOGIES, *WEAK}


def test_the_page_says_what_the_cells_say():
    assert page(read_cells()) == PAGE.read_text(), "python -m benchmarks.scaling writes it anew"


def test_what_the_compiler_found_room_for_fits():
    cells = {(r["size"], r["topology"]): r["train"] for r in CELLS if r["asked"] == "auto"}
    # 16.81 of 17.18 GB; the compiler keeps 0.27.
    assert cells["gpt2-medium", "v5e:1x1"]["fits"]
    refused = cells["stress-7b", "v5e:1x1"]
    assert not refused["fits"] and refused["why"] == "used 111.02G of 15.75G"
    page_ = page(read_cells())
    assert "in all)" not in page_ and "| 16.81 of 17.2 |" in page_


def test_two_slices_take_longer_by_what_crosses_the_network():
    cells = {r["topology"]: r for r in CELLS if r["size"] == "gpt2" and r["asked"] == "auto"}
    one, two = cells["v5e:4x4"], cells["2*v5e:4x4"]
    # A chip of 16 exchanges its share of all gradients, in f32.
    network = two["train"]["state"] / 3 / 16 / find_device("TPU v5 lite").network
    links = sum(c["bytes"] for c in two["train"]["collectives"]) / find_device("TPU v5 lite").links
    assert estimate(two).network == pytest.approx(links + network)
    assert estimate(two).network > 1.5 * estimate(one).network
    # Where the transfers were read off, nothing is added to them.
    read = {"kind": "all-reduce", "group": 2, "count": 1, "bytes": 1e9, "largest": 1, "between_slices": True}
    train = {**two["train"], "collectives": [*two["train"]["collectives"], read]}
    longer = 1e9 / find_device("TPU v5 lite").network
    assert estimate({**two, "train": train}).network == pytest.approx(links + longer)
