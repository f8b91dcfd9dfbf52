"""What a program communicates, read from the compiler's text: a hand-made one, and real ones."""

import json
import sys

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from socratic_jax.hlo import collectives
from tests.devices import run_with_devices

HAND_MADE = """\
HloModule jit_train

%sum (a: f32[], b: f32[]) -> f32[] {
  ROOT %add = f32[] add(%a, %b)
}

%condition (p: (s32[], f32[8,16])) -> pred[] {
  %limit = s32[]{:T(128)} constant(12)
  %i = s32[] get-tuple-element(%p), index=0
  ROOT %less = pred[] compare(%i, %limit), direction=LT
}

%inner (p: f32[8,16]) -> f32[8,16] {
  %permute = (bf16[4,8]{1,0}, bf16[4,8]{1,0}, u32[], u32[]) collective-permute-start(%x), source_target_pairs={{0,1},{1,2},{2,3},{3,0}}
}

%all-reduce-scatter.1 (p: f32[64]) -> f32[16] {
  %all-reduce.9 = f32[64]{0} all-reduce(%p), replica_groups={{0,1,2,3}}, to_apply=%sum
}

%body (p: (s32[], f32[8,16])) -> (s32[], f32[8,16]) {
  %kernel = f32[8,16] custom-call(%x), backend_config="{
"block": 512
}}, metadata={}
  %gather = (f32[2,16], f32[8,16]{1,0:T(8,128)S(1)}) all-gather-start(%y), replica_groups=mesh['axis_0'=4,'axis_1'=2] {'axis_0'}, dimensions={0}
  %again = f32[8,16] while(%x), condition=%unknown, body=%inner, backend_config={"known_trip_count":{"n":"3"}}
}

ENTRY %main (p: f32[8]) -> f32[8] {
  %loop = (s32[], f32[8,16]) while(%t), condition=%condition, body=%body
  %scatter = f32[16] fusion(%z), kind=kCustom, calls=%all-reduce-scatter.1
  %reduce = (f32[8]{0}, f32[4]{0}) all-reduce(%a, %b), replica_groups=[2,4]<=[8], to_apply=%sum
  %alone = f32[8] all-reduce(%a), replica_groups=[8,1]<=[8], to_apply=%sum
}
"""  # noqa: E501


def test_loops_are_multiplied_out_and_bytes_are_those_on_the_links():
    found = {c.kind: c for c in collectives(HAND_MADE, 8)}
    assert set(found) == {"all-gather", "collective-permute", "reduce-scatter", "all-reduce"}
    gather, permute = found["all-gather"], found["collective-permute"]
    assert (gather.group, gather.count, gather.largest) == (4, 12, 8 * 16 * 4)
    assert gather.bytes == 12 * 8 * 16 * 4 * 3 / 4
    assert (permute.group, permute.count, permute.bytes) == (4, 36, 36 * 4 * 8 * 2)
    assert found["reduce-scatter"].bytes == 64 * 4 * 3 / 4
    assert found["all-reduce"].bytes == 2 * (8 + 4) * 4 * 3 / 4


BETWEEN_SLICES = """\
ENTRY %main (p: f32[8]) -> f32[8] {
  %sum = f32[8] all-reduce(%a), replica_groups={{0,1,2,3},{4,5,6,7}}, to_apply=%sum
  %send = (bf16[2,8,128]{2,1,0:T(8,128)(2,1)}, u32[], token[]) send(%s, %t), channel_id=4, is_host_transfer=true, frontend_attributes={_xla_megascale_reduce_operation="SUM",_xla_megascale_target="{1:3}x{0:3}",_xla_megascale_transfer_type="ALL_REDUCE"}
  %recv = (bf16[2,8,128]{2,1,0:T(8,128)(2,1)}, u32[], token[]) recv(%t), channel_id=3, is_host_transfer=true, frontend_attributes={_xla_megascale_reduce_operation="SUM",_xla_megascale_target="{1:3}x{0:3}",_xla_megascale_transfer_type="ALL_REDUCE"}
  %part = (f32[4]{0}, u32[], token[]) send(%u, %t), channel_id=5, is_host_transfer=true, frontend_attributes={_xla_megascale_target="{1,2}x{0:3}",_xla_megascale_transfer_type="ALL_GATHER"}
}
"""  # noqa: E501


def test_what_hosts_send_between_slices_is_counted_apart():
    found = {(c.kind, c.between_slices): c for c in collectives(BETWEEN_SLICES, 8)}
    assert len(found) == 3 and found["all-reduce", False].group == 4
    between = found["all-reduce", True]
    assert (between.group, between.count, between.bytes) == (3, 1, 2 * 8 * 128 * 2 * 2 * 2 / 3)
    assert found["all-gather", True].bytes == 4 * 4


def test_a_real_program_with_a_known_number_of_sums():
    result = run_with_devices("tests.test_hlo", 4)
    assert result == [["all-reduce", 4, 5, 5 * 2 * 24 * 4 * 3 / 4]]


def main() -> None:
    """Five sums of 24 floats over four devices, in a loop."""
    mesh = jax.make_mesh((4,), ("x",))

    def five_sums(x):
        return jax.lax.fori_loop(0, 5, lambda _, y: jnp.sin(jax.lax.psum(y, "x")), x)

    f = jax.jit(
        jax.shard_map(
            five_sums, mesh=mesh, in_specs=PartitionSpec(), out_specs=PartitionSpec(), check_vma=False
        )
    )
    text = f.lower(jax.ShapeDtypeStruct((24,), jnp.float32)).compile().as_text()
    print(json.dumps([[c.kind, c.group, c.count, c.bytes] for c in collectives(text, 4)]))


if __name__ == "__main__":
    sys.exit(main())
