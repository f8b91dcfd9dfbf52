"""Training one student, from nothing or from where it was stopped, to the end.

In the order in which things happen: the state is created in its shards; a checkpoint, if there is
one, replaces it; then step k takes batch k, which is a function of (seed, k) alone. That is all
there is to resuming: nothing else has a memory.
"""

import logging
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from etils import epath
from jax.sharding import Mesh

from socratic_jax.students.student import Params, Student
from socratic_jax.training.checkpoints import Checkpoints
from socratic_jax.training.loss import Sums, zero_sums
from socratic_jax.training.metrics import MetricsWriter, Progress
from socratic_jax.training.optimizer import make_optimizer, make_schedule
from socratic_jax.training.step import Steps, TrainState, make_steps
from socratic_jax.transcripts.packing import Batch, eval_rows, train_rows

log = logging.getLogger(__name__)


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where it stopped and what is left."""


def train_student(
    student: Student,
    rows: Batch,
    validation: Batch,
    config: Any,
    mesh: Mesh,
    directory: epath.PathLike,
    title: str,
    initial: Callable[[], Params] | None = None,
) -> None:
    """Trains a student for `config.train.steps` steps; does nothing if that was done before.

    Args:
      student: what to train.
      rows: packed training transcripts.
      validation: packed validation transcripts, for the choice of the best checkpoint.
      config: reads `config.seed`, `config.train`, `config.student.dropout`.
      mesh: to train on.
      directory: of the student in the workdir: checkpoints/, metrics.jsonl, tensorboard/.
      title: for progress lines.
      initial: loads pretrained parameters; called only when the run starts from nothing.

    Raises:
      TrainingError: the loss stopped being a number; the last good checkpoint is kept.
      CheckpointError: there are checkpoints and none can be read.
    """
    c = config.train
    if not len(rows):
        raise TrainingError(f"{title}: there is nothing to train on; every transcript was too long")
    directory = epath.Path(directory)
    schedule = make_schedule(c.learning_rate, c.warmup, c.steps, c.end_fraction)
    dropout_seed = config.seed if config.student.dropout else None
    steps = make_steps(student, make_optimizer(c), mesh, c.accumulate, dropout_seed)

    with Checkpoints(directory / "checkpoints") as checkpoints:
        if checkpoints.latest == c.steps:
            log.info("%s: trained before", title)
            return
        state = checkpoints.restore_latest(steps.state_shape)
        if state is None:
            state = steps.init(jax.random.key(config.seed))
            if initial is not None:
                state = state._replace(params=_like(state.params, initial()))
        start = int(state.step)
        if start:
            log.info("%s: going on from step %d", title, start)
        writer = MetricsWriter(directory, start)
        with Progress(title, c.steps, start) as progress:
            tokens, clock = 0.0, time.monotonic()
            for k in range(start, c.steps):
                index = train_rows(len(rows), c.batch_size, config.seed, k)
                batch = steps.put(rows.rows(index), rows.most_learnt)
                state, metrics = steps.train(state, batch)
                # Reading the metrics waits for the step, so that no bad state is ever saved and, on
                # CPU, no second step with collectives is queued behind it.
                metrics = jax.device_get(metrics)
                step = k + 1
                _check(metrics, step, title, checkpoints)
                tokens += batch["tokens"].size
                speed = tokens / (time.monotonic() - clock)
                if step % c.log_every == 0 or step == c.steps:
                    scalars = {**metrics, "learning_rate": schedule(k), "tokens_per_second": speed}
                    writer.write(step, scalars)
                progress.advance(note=f"loss {metrics['loss']:.3f}  {speed:,.0f} tokens/s")
                if step % c.checkpoint_every == 0 or step == c.steps:
                    measured = validate(steps, state, validation, c.batch_size)
                    writer.write(step, measured)
                    checkpoints.save(state, step, measured["validation_loss"])
        writer.close()


def validate(steps: Steps, state: TrainState, validation: Batch, batch_size: int) -> dict[str, float]:
    """Loss (nats a learnt token) and next-token accuracy on all validation rows."""
    sums: Sums = zero_sums()
    for index in eval_rows(len(validation), batch_size):
        batch = steps.put(validation.rows(index), validation.most_learnt)
        sums = jax.device_get(sums + steps.evaluate(state.params, batch))
    n = max(float(sums.tokens), 1.0)
    return {"validation_loss": float(sums.loss) / n, "validation_accuracy": float(sums.correct) / n}


def _check(metrics: dict[str, np.ndarray], step: int, title: str, checkpoints: Checkpoints) -> None:
    bad = [name for name in ("loss", "grad_norm") if not math.isfinite(metrics[name])]
    if bad:
        kept = f"the checkpoint of step {checkpoints.latest}" if checkpoints.latest else "no checkpoint yet"
        raise TrainingError(
            f"{title}: {' and '.join(bad)} not finite at step {step}; kept: {kept}. "
            "Lower config.train.learning_rate or config.train.clip and start in a new workdir"
        )


def _like(wanted: Params, given: Params) -> Params:
    """`given` in the dtypes and shardings of `wanted`."""
    return jax.tree.map(lambda w, g: jax.device_put(np.asarray(g, w.dtype), w.sharding), wanted, given)
