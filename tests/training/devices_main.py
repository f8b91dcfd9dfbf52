"""Prints losses and parameter norms of a few training steps on a mesh; run by test_devices.py.

Arguments: the mesh as JSON, and optionally "save" or "load" with a directory of checkpoints: the first
saves the state after the last step, the second restores it instead of training.

A process of its own, since the number of devices is fixed when JAX starts.
"""

import hashlib
import json
import sys

import jax
import numpy as np

from socratic_jax.sharding import make_mesh
from socratic_jax.students.gpt2 import GPT2Config, GPT2Student
from socratic_jax.training.checkpoints import Checkpoints
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
    steps = make_steps(student, make_optimizer(TRAIN, TRAIN.steps), mesh, accumulate=2)
    action, directory = sys.argv[2:] or ("", "")
    losses = []
    if action == "load":
        with Checkpoints(directory) as checkpoints:
            state = checkpoints.restore_latest(steps.state_shape)
    else:
        state = steps.init(jax.random.key(0))
    for k in range(int(state.step), 20):
        state, metrics = steps.train(state, steps.put(rows, np.arange(16) + k, rows.most_learnt))
        losses.append(float(metrics["loss"]))
    if action == "save":
        with Checkpoints(directory) as checkpoints:
            checkpoints.save(state, 20, 0.0)
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(state):
        digest.update(np.asarray(leaf).tobytes())
    norms = {
        str(path): float(np.linalg.norm(x)) for path, x in jax.tree_util.tree_leaves_with_path(state.params)
    }
    kernel = state.params["blocks"]["mlp"]["up"]["kernel"]
    shard = kernel.addressable_shards[0].data.shape
    devices = jax.device_count()
    print(
        json.dumps(dict(losses=losses, norms=norms, devices=devices, shard=shard, digest=digest.hexdigest()))
    )


if __name__ == "__main__":
    main()
