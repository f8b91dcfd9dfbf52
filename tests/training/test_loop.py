"""A run that is killed and started again ends where an undisturbed one ends, bit for bit."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from socratic_jax import processes, stages
from socratic_jax.devices import Device
from socratic_jax.run import Run
from socratic_jax.training import metrics
from socratic_jax.training.checkpoints import CheckpointError, Checkpoints
from socratic_jax.training.loop import TrainingError, _utilisation, n_steps
from socratic_jax.training.metrics import read_metrics
from tests.training.loop_main import tiny_config, train

NAME = "cot-solver"


def _student(workdir: Path, name: str = NAME) -> Path:
    return workdir / "students" / name


def _params(workdir: Path, step: int = 24, strategy: str = "cot"):
    run = Run(tiny_config(strategy), str(workdir))
    with Checkpoints(_student(workdir, f"{strategy}-solver") / "checkpoints") as checkpoints:
        assert checkpoints.latest == step
        return checkpoints.restore_params(step, jax.eval_shape(run.student.init, jax.random.key(0)))


def _assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("undisturbed")
    train(tiny_config(), workdir)
    return workdir


def _losses(workdir, name=NAME):
    records = read_metrics(_student(workdir, name) / "metrics.jsonl")
    return {r["step"]: r["loss"] for r in records if "loss" in r}


def test_killed_at_random_moments_equals_uninterrupted(undisturbed, tmp_path):
    command = [sys.executable, "-m", "tests.training.loop_main", str(tmp_path)]
    env = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}
    rng = random.Random(0)
    metrics, kills = _student(tmp_path) / "metrics.jsonl", 0
    for _ in range(12):
        process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        # Strike a little after some step was logged: in training, validation or saving.
        seen = metrics.stat().st_size if metrics.exists() else -1
        while process.poll() is None and (metrics.stat().st_size if metrics.exists() else -1) in (seen, 0):
            time.sleep(0.01)
        time.sleep(rng.random() * 0.6)
        if process.poll() is None and kills < 5:
            process.send_signal(signal.SIGKILL)
            kills += 1
        _, stderr = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, stderr[-2000:]
    assert process.returncode == 0 and kills >= 3
    _assert_same(_params(undisturbed), _params(tmp_path))
    assert _losses(undisturbed) == _losses(tmp_path)
    steps = [r["step"] for r in read_metrics(metrics) if "loss" in r]
    assert steps == list(range(1, 25))


def test_weaning_that_is_stopped_in_every_phase_equals_uninterrupted(tmp_path, monkeypatch):
    config = tiny_config("socratic_weaned")
    train(config, tmp_path / "whole")
    stopped = []
    for step in (3, 5, 10, 14, 19):  # Five phases of 24 steps: their borders and their middles.
        steps = iter(range(stopped[-1] if stopped else 0, 24))
        with monkeypatch.context() as patch, pytest.raises(processes.Preempted):
            patch.setattr(processes, "stop_requested", lambda steps=steps, step=step: next(steps) + 1 == step)
            train(config, tmp_path / "parts")
        stopped.append(step)
    train(config, tmp_path / "parts")
    _assert_same(*(_params(tmp_path / name, strategy="socratic_weaned") for name in ("whole", "parts")))
    whole, parts = (_losses(tmp_path / name, "socratic_weaned-solver") for name in ("whole", "parts"))
    assert whole == parts and list(whole) == list(range(1, 25))


def test_a_finished_student_is_not_trained_again(undisturbed):
    before = (_student(undisturbed) / "metrics.jsonl").read_bytes()
    train(tiny_config(), undisturbed)
    assert (_student(undisturbed) / "metrics.jsonl").read_bytes() == before


def test_epochs_give_every_student_as_many_problems():
    config = tiny_config().train
    assert n_steps(config, 1000) == config.steps
    config.epochs = 2.5
    assert (n_steps(config, 1000), n_steps(config, 1600), n_steps(config, 1)) == (625, 1000, 1)


def test_only_latest_and_best_are_kept(undisturbed):
    with Checkpoints(_student(undisturbed) / "checkpoints") as checkpoints:
        records = read_metrics(_student(undisturbed) / "metrics.jsonl")
        losses = {r["step"]: r["validation_loss"] for r in records if "validation_loss" in r}
        assert checkpoints.best == min(losses, key=losses.get)
        kept = {int(p.name) for p in checkpoints.directory.iterdir() if p.name.isdigit()}
        assert kept == {checkpoints.best, checkpoints.latest}


def _copy(undisturbed, tmp_path):
    workdir = tmp_path / "copy"
    shutil.copytree(undisturbed, workdir)
    (_student(workdir) / "trained.json").unlink()
    return workdir


def test_a_half_written_checkpoint_is_passed_over(undisturbed, tmp_path, caplog):
    workdir = _copy(undisturbed, tmp_path)
    directory = _student(workdir) / "checkpoints"
    # An earlier good checkpoint, and a latest one that lost its data.
    with Checkpoints(directory) as checkpoints:
        latest = checkpoints.latest
    shutil.copytree(directory / str(latest), directory / "30")
    for file in (directory / "30" / "default").rglob("*"):
        if file.is_file() and "metadata" not in file.name.lower():
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    config = tiny_config()
    config.train.steps = 32
    (workdir / "config.json").unlink()
    train(config, workdir)
    (warning,) = [r.message for r in caplog.records if "cannot be read" in r.message]
    assert str(directory / "30") in warning and "\n" not in warning
    with Checkpoints(directory) as checkpoints:
        assert checkpoints.latest == 32


def test_when_no_checkpoint_can_be_read_that_is_said(undisturbed, tmp_path):
    workdir = _copy(undisturbed, tmp_path)
    directory = _student(workdir) / "checkpoints"
    for file in directory.rglob("*"):
        if file.is_file() and file.parent.name != "metrics":
            file.write_bytes(b"")
    config = tiny_config()
    config.train.steps = 32
    (workdir / "config.json").unlink()
    with pytest.raises(CheckpointError, match="none of the checkpoints in .* can be read; delete"):
        train(config, workdir)


def test_nan_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    config = tiny_config()
    config.train.learning_rate, config.train.clip, config.train.warmup = 1e9, 1e9, 6
    config.train.steps, config.train.checkpoint_every = 24, 1
    with pytest.raises(TrainingError, match=r"cot-solver: .* not finite at step \d+; kept: the checkpoint"):
        train(config, tmp_path)
    with Checkpoints(_student(tmp_path) / "checkpoints") as checkpoints:
        shape = jax.eval_shape(Run(config, str(tmp_path)).student.init, jax.random.key(0))
        kept = checkpoints.restore_params(checkpoints.latest, shape)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(kept))


def test_a_last_step_that_breaks_the_weights_is_not_kept(tmp_path):
    config = tiny_config()
    config.train.optimizer, config.train.learning_rate, config.train.warmup = "adamw", 1e38, 0
    config.train.steps = config.train.checkpoint_every = 1
    with pytest.raises(TrainingError, match="validation_loss.* at step 1; kept: no checkpoint yet"):
        train(config, tmp_path)
    assert not (_student(tmp_path) / "trained.json").exists()


def test_metrics_cut_short_by_a_kill_are_read_up_to_there(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps({"step": 1, "loss": 2.0}) + '\n{"step": 2, "lo')
    assert read_metrics(path) == [{"step": 1, "loss": 2.0}]


def test_time_operations_and_a_profile_are_recorded(tmp_path):
    config = tiny_config()
    config.train.steps, config.train.profile = 4, (1, 2)
    train(config, tmp_path)
    records = [r for r in read_metrics(_student(tmp_path) / "metrics.jsonl") if "loss" in r]
    run = Run(config, str(tmp_path))
    # A token costs six operations a weight in the blocks, and its share of attention and head.
    D, L = run.student.config.D, run.student.config.L
    for record in records[1:]:
        per_token = record["flops_per_second"] / record["tokens_per_second"]
        assert 6 * 12 * D * D * L < per_token < 2 * 6 * 12 * D * D * L
    assert "mfu" not in records[0]  # Nobody says what a CPU's peak is.
    assert list((_student(tmp_path) / "profile").rglob("*.xplane.pb"))


@pytest.mark.parametrize(("every", "lost"), [(100, 5), (4, 1)])
def test_steps_since_the_last_checkpoint_are_lost_also_when_there_is_none(tmp_path, monkeypatch, every, lost):
    config = tiny_config()
    config.train.steps, config.train.checkpoint_every = 6, every

    def records():
        return read_metrics(_student(tmp_path) / "metrics.jsonl")

    def killed_after_step_5():
        if records() and records()[-1]["step"] == 5:
            raise KeyboardInterrupt
        return False

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(processes, "stop_requested", killed_after_step_5)
        train(config, tmp_path)
    seconds = lost * config.train.batch_size * config.student.context / records()[-1]["tokens_per_second"]
    run = Run(config, str(tmp_path))
    stages.train(run)
    assert run.clock.wasted_steps == pytest.approx(seconds)


def test_utilisation_is_against_the_peak_of_all_devices():
    device = Device("toy", "Toy", 1e12, 1e9, 1e9, 1e9, 1e9)
    used = _utilisation(0.25e12 * jax.device_count(), device)
    assert used["mfu"] == 0.25


def test_metrics_in_an_object_store_are_written_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "is_remote", lambda path: True)
    with metrics.MetricsWriter(tmp_path, 0) as writer:
        writer.write(1, {"loss": 2.0})
        writer.write(2, {"loss": 1.5})
    assert [r["step"] for r in read_metrics(tmp_path / "metrics.jsonl")] == [1, 2]
    assert not (tmp_path / "tensorboard").exists()
    with metrics.MetricsWriter(tmp_path, 1) as writer:
        writer.write(2, {"loss": 1.25})
    assert [r["loss"] for r in read_metrics(tmp_path / "metrics.jsonl")] == [2.0, 1.25]
