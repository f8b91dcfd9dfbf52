"""Prints losses and a parameter checksum of a few training steps on a mesh; run by test_devices.py.

A process of its own, since the number of devices is fixed when JAX starts.
"""

import json
import sys

import jax
import numpy as np

from socratic_jax.sharding import make_mesh
from socratic_jax.students.gpt2 import GPT2Config, GPT2Student
from socratic_jax.training.optimizer import make_optimizer
from socratic_jax.training.step import make_steps
from socratic_jax.transcripts.examples import Example
from socratic_jax.transcripts.packing import pack
from tests.training.test_step import TRAIN


def main() -> None:
    data, fsdp, tensor = json.loads(sys.argv[1])
    student = GPT2Student(GPT2Config(vocab_size=128, context=32, L=2, D=32, H=4))
    rng = np.random.default_rng(0)
    examples = [
        Example(rng.integers(0, 99, n).astype(np.int32), np.zeros(n, np.int8), rng.random(n) < 0.6)
        for n in rng.integers(4, 30, 60)
    ]
    rows = pack(examples, 32, 0)
    mesh = make_mesh((data, fsdp, tensor))
    steps = make_steps(student, make_optimizer(TRAIN), mesh, accumulate=2)
    state = steps.init(jax.random.key(0))
    losses = []
    for k in range(20):
        state, metrics = steps.train(state, steps.put(rows, np.arange(16) + k, rows.most_learnt))
        losses.append(float(metrics["loss"]))
    norms = {
        str(path): float(np.linalg.norm(x)) for path, x in jax.tree_util.tree_leaves_with_path(state.params)
    }
    kernel = state.params["blocks"]["mlp"]["up"]["kernel"]
    shard = kernel.addressable_shards[0].data.shape
    print(json.dumps({"losses": losses, "norms": norms, "devices": jax.device_count(), "shard": shard}))


if __name__ == "__main__":
    main()
