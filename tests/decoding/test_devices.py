"""Eight devices write the dialogues that one writes, also when their number does not divide."""

from tests.devices import run_with_devices


def test_eight_devices_write_the_same_dialogues():
    one = run_with_devices("tests.decoding.devices_main", 1)
    eight = run_with_devices("tests.decoding.devices_main", 8)
    assert (one["devices"], eight["devices"]) == (1, 8)
    assert one["dialogues"] == eight["dialogues"]
    # Not all alike, or the comparison is worth nothing.
    assert len({str(d) for d in one["dialogues"]["socratic_iterative"]}) > 5
