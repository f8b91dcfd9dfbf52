"""Checkpoints of a training run: the latest, to go on from, and the best, to use.

A checkpoint is the whole train state, optimizer moments included: a run that goes on from one ends
bit for bit where an undisturbed run ends. Orbax writes into a temporary directory and renames it, so
a kill leaves either a whole checkpoint or none.
"""

import logging
from typing import Any

import orbax.checkpoint as ocp
from etils import epath
from orbax.checkpoint.checkpoint_managers import preservation_policy

from socratic_jax.training.step import TrainState

log = logging.getLogger(__name__)


class CheckpointError(RuntimeError):
    """No checkpoint can be read where one is needed."""


class Checkpoints:
    """The checkpoints in one directory; use it as a context manager, which waits for writes."""

    def __init__(self, directory: epath.PathLike):
        self.directory = epath.Path(directory)
        keep = preservation_policy.AnyPreservationPolicy(
            [
                preservation_policy.LatestN(1),
                preservation_policy.BestN(get_metric_fn=lambda m: m["loss"], reverse=True, n=1),
            ]
        )
        # Orbax stores metrics only if it is told how to rank them.
        options = ocp.CheckpointManagerOptions(
            preservation_policy=keep,
            best_fn=lambda metrics: metrics["loss"],
            best_mode="min",
            cleanup_tmp_directories=True,
        )
        self._manager = ocp.CheckpointManager(self.directory, options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *exc) -> None:
        self._manager.wait_until_finished()
        self._manager.close()

    def save(self, state: TrainState, step: int, loss: float) -> None:
        """Starts writing a checkpoint; returns once the state is copied and may be donated.

        Args:
          state: what to keep.
          step: its number of steps.
          loss: validation loss, by which the best checkpoint is chosen.
        """
        self._manager.save(step, args=ocp.args.StandardSave(state), metrics={"loss": loss}, force=True)

    @property
    def latest(self) -> int | None:
        """Steps of the latest checkpoint."""
        return max(self._manager.all_steps(), default=None)

    @property
    def best(self) -> int | None:
        """Steps of the checkpoint with the lowest validation loss."""
        losses = {step: self._manager.metrics(step) for step in self._manager.all_steps()}
        losses = {step: metrics["loss"] for step, metrics in losses.items() if metrics}
        return min(losses, key=lambda step: (losses[step], step), default=None)

    def restore_latest(self, shape: TrainState) -> TrainState | None:
        """The latest state that can be read, straight into the shardings of `shape`.

        One that cannot be read (a disk that lied, files deleted by hand) is reported and removed, and
        the one before it is tried: steps after it are simply trained again.

        Returns:
          None if there is no checkpoint at all.

        Raises:
          CheckpointError: there are checkpoints, and none can be read.
        """
        steps = sorted(self._manager.all_steps(), reverse=True)
        for step in steps:
            try:
                try:
                    state = self._manager.restore(step, args=ocp.args.StandardRestore(shape))
                except Exception:  # Of a bucket, say, which may be back.
                    state = self._manager.restore(step, args=ocp.args.StandardRestore(shape))
            except Exception as error:
                log.warning("checkpoint %s cannot be read (%s)", self.directory / str(step), _brief(error))
                continue
            for broken in (s for s in steps if s > step):
                self._manager.delete(broken)
            return state
        if steps:
            raise CheckpointError(
                f"none of the checkpoints in {self.directory} can be read; "
                "delete that directory to train this student again"
            )
        return None

    def restore_params(self, step: int, shape: Any) -> Any:
        """Only the parameters of a checkpoint, without the optimizer's moments.

        Args:
          step: which checkpoint.
          shape: the parameters' shapes, dtypes and shardings.
        """
        args = ocp.args.PyTreeRestore(
            item={"params": shape},
            restore_args={"params": ocp.checkpoint_utils.construct_restore_args(shape)},
            partial_restore=True,
        )
        with ocp.CheckpointManager(
            self.directory, item_handlers=ocp.PyTreeCheckpointHandler(), options=_read_only()
        ) as manager:
            try:
                return manager.restore(step, args=args)["params"]
            except Exception as error:
                raise CheckpointError(
                    f"checkpoint {self.directory / str(step)} cannot be read ({_brief(error)}); "
                    f"delete {self.directory.parent} to train this student again"
                ) from error


def _read_only() -> ocp.CheckpointManagerOptions:
    return ocp.CheckpointManagerOptions(read_only=True)


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
