"""Training one student, from nothing or from where it was stopped, to the end.

In the order in which things happen: the state is created in its shards; a checkpoint, if there is
one, replaces it; then step k takes batch k, which is a function of (seed, k) alone. That is all
there is to resuming: nothing else has a memory.
"""

import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath
from jax.sharding import Mesh

from socratic_jax import processes
from socratic_jax.accounting import Clock, memory_peak
from socratic_jax.devices import Device, release_memory, this_device
from socratic_jax.students.student import Params, Student, train_flops
from socratic_jax.training.checkpoints import Checkpoints
from socratic_jax.training.loss import Sums, zero_sums
from socratic_jax.training.metrics import MetricsWriter, NoWriter, Progress, read_metrics
from socratic_jax.training.optimizer import make_optimizer, make_schedule
from socratic_jax.training.step import Steps, TrainState, make_steps
from socratic_jax.transcripts.course import Course
from socratic_jax.transcripts.packing import Batch, eval_rows, train_rows

log = logging.getLogger(__name__)

TRAINED = "trained.json"  # Written into a student's directory at the very end.


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where it stopped and what is left."""


def train_student(
    student: Student,
    course: Course,
    validation: Batch,
    config: Any,
    mesh: Mesh,
    directory: epath.PathLike,
    title: str,
    clock: Clock,
    initial: Callable[[], Params] | None = None,
) -> None:
    """Trains a student for `n_steps(config.train, ...)` steps, going on from its latest checkpoint.

    Args:
      student: what to train.
      course: packed training transcripts, phase by phase.
      validation: packed validation transcripts, for the choice of the best checkpoint.
      config: reads `config.seed`, `config.train`, `config.student.dropout`.
      mesh: to train on.
      directory: of the student in the workdir: checkpoints/, metrics.jsonl, tensorboard/.
      title: for progress lines.
      clock: that the seconds of each phase are added to.
      initial: loads pretrained parameters; called only when the run starts from nothing.

    Raises:
      TrainingError: the loss stopped being a number; the last good checkpoint is kept.
      CheckpointError: there are checkpoints and none can be read.
      Preempted: a process was asked to stop; the checkpoint of the step that was under way is written.
    """
    c = config.train
    if not all(map(len, course.phases)):
        raise TrainingError(f"{title}: there is nothing to train on; every transcript was too long")
    if not len(validation):
        raise TrainingError(f"{title}: there is nothing to validate on; every transcript was too long")
    directory = epath.Path(directory)
    total = n_steps(c, course.n_rows)
    schedule = make_schedule(c.learning_rate, c.warmup, total, c.end_fraction)
    dropout_seed = config.seed if config.student.dropout else None
    steps = make_steps(student, make_optimizer(c, total), mesh, c.accumulate, dropout_seed)
    flops = train_flops(student, course.visible, course.most_learnt / course.context)
    device = this_device()

    with Checkpoints(directory / "checkpoints") as checkpoints:
        with clock.phase("checkpoint"):
            state = checkpoints.restore_latest(steps.state_shape)
        if state is None:
            with clock.phase("initialise"):
                if initial is None:
                    state = steps.init(jax.random.key(config.seed))
                else:
                    state = steps.begin(like(steps.state_shape.params, initial()))
        start = int(state.step)
        release_memory()
        if start:
            log.info("%s: going on from step %d", title, start)
        # Also from step 0: what came before the first checkpoint is lost as well.
        clock.waste(_seconds_since(start, directory, c.batch_size * course.context))
        writer = MetricsWriter(directory, start) if processes.is_first() else NoWriter()
        profiler = _Profiler(directory, c.profile)
        with writer, profiler, Progress(title, total, start) as progress:
            tokens, since = 0.0, time.monotonic()
            for k in range(start, total):
                profiler.before(k)
                with clock.phase("data"):
                    rows = course.phase(k, total)
                    index = train_rows(len(rows), c.batch_size, config.seed, k)
                    batch = steps.put(rows, index, course.most_learnt)
                # The first step compiles; it is counted as that.
                with clock.phase("step" if k > start else "compile"):
                    state, metrics = steps.train(state, batch)
                    # Reading the metrics waits for the step: on CPU, no second step with collectives
                    # must be queued behind it.
                    metrics = jax.device_get(metrics)
                profiler.after(k)
                step = k + 1
                _check(metrics, step, title, checkpoints)
                if k == start:
                    since = time.monotonic()
                else:
                    tokens += batch["tokens"].size
                speed = tokens / (time.monotonic() - since)
                if step % c.log_every == 0 or step == total:
                    used = _utilisation(flops * speed, device)
                    writer.write(
                        step,
                        {**metrics, "learning_rate": schedule(k), "tokens_per_second": speed, **used},
                    )
                progress.advance(note=f"loss {metrics['loss']:.3f}  {speed:,.0f} tokens/s")
                due = step % c.checkpoint_every == 0 or step == total
                if due:
                    with clock.phase("validate"):
                        measured = validate(steps, state, validation, c.batch_size)
                    writer.write(step, measured)
                    _check(measured, step, title, checkpoints)
                    with clock.phase("checkpoint"):
                        checkpoints.save(state, step, measured["validation_loss"])
                if processes.stop_requested():
                    if not due:
                        _check(validate(steps, state, validation, c.batch_size), step, title, checkpoints)
                        # Never the best: an undisturbed run would not have it.
                        checkpoints.save(state, step, math.inf)
                    raise processes.Preempted(f"{title} at step {step}")
    # The last checkpoint is on disk now.
    processes.first_does(lambda: (directory / TRAINED).write_text(json.dumps({"steps": total}) + "\n"))


def _seconds_since(step: int, directory: epath.Path, step_tokens: int) -> float:
    """What the steps took that an attempt logged after its last checkpoint, and that are taken again."""
    # The first step of an attempt has no speed.
    records = [r for r in read_metrics(directory / "metrics.jsonl") if r.get("tokens_per_second")]
    if not records or records[-1]["step"] <= step:
        return 0.0
    return (records[-1]["step"] - step) * step_tokens / records[-1]["tokens_per_second"]


def n_steps(config: Any, n_rows: float) -> int:
    """How many steps `config.train` asks for, by number of passes over so many rows or directly."""
    if not config.epochs:
        return config.steps
    return max(1, round(config.epochs * n_rows / config.batch_size))


def is_trained(directory: epath.PathLike) -> bool:
    """Whether the student in a directory has been trained to its end."""
    return (epath.Path(directory) / TRAINED).exists()


def _utilisation(flops_per_second: float, device: Device | None) -> dict[str, float]:
    """Operations a second; on devices with known peaks also model FLOPs utilisation, and peak memory."""
    used = {"flops_per_second": flops_per_second}
    if device is not None:
        used["mfu"] = flops_per_second / (device.flops * jax.device_count())
    peak = memory_peak()
    return used if peak is None else {**used, "memory_peak": peak}


class _Profiler:
    """Records the steps (first, last) that are configured, as far as they are taken; a context manager."""

    def __init__(self, directory: epath.Path, profile: Sequence[int]):
        self._directory, self._profile = directory, profile
        self._records = False

    def __enter__(self) -> "_Profiler":
        return self

    def __exit__(self, *exc) -> None:
        self._stop()

    def before(self, k: int) -> None:
        if self._profile and self._profile[0] <= k <= self._profile[1] and not self._records:
            jax.profiler.start_trace(str(self._directory / "profile"))
            self._records = True

    def after(self, k: int) -> None:
        if self._profile and k >= self._profile[1]:
            self._stop()

    def _stop(self) -> None:
        if self._records:
            jax.profiler.stop_trace()
            self._records = False


def validate(steps: Steps, state: TrainState, validation: Batch, batch_size: int) -> dict[str, float]:
    """Loss (nats a learnt token) and next-token accuracy on all validation rows."""
    sums: Sums = zero_sums()
    for index in eval_rows(len(validation), batch_size):
        batch = steps.put(validation, index, validation.most_learnt)
        sums = jax.device_get(sums + steps.evaluate(state.params, batch))
    n = max(float(sums.tokens), 1.0)
    return {"validation_loss": float(sums.loss) / n, "validation_accuracy": float(sums.correct) / n}


def _check(metrics: Mapping[str, Any], step: int, title: str, checkpoints: Checkpoints) -> None:
    """Raises if a number is none. The loss of a step is that before its update, so what is about to be
    saved is only known to be good once it was validated."""
    bad = [name for name, value in metrics.items() if not math.isfinite(value)]
    if bad:
        kept = f"the checkpoint of step {checkpoints.latest}" if checkpoints.latest else "no checkpoint yet"
        raise TrainingError(
            f"{title}: {' and '.join(bad)} not finite at step {step}; kept: {kept}. "
            "Lower config.train.learning_rate or config.train.clip and start in a new workdir"
        )


def like(wanted: Params, given: Params) -> Params:
    """`given` in the dtypes and shardings of `wanted`, arrays or their shapes. A device only ever gets its
    own part."""

    def put(w, g):
        return jax.make_array_from_callback(w.shape, w.sharding, lambda i: np.asarray(g[i], w.dtype))

    return jax.tree.map(put, wanted, given)
