"""Several processes are one run: the same losses, the same dialogues, one hand that writes.

`python -m tests.test_processes 30` strikes a run thirty times instead of four; `ALL_MESHES=1 pytest
tests/test_processes.py` tries three times as many meshes.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import jax
import numpy as np
import pytest

from socratic_jax import EXIT_PREEMPTED
from socratic_jax.run import open_run
from socratic_jax.sharding import make_mesh
from socratic_jax.training.checkpoints import Checkpoints
from socratic_jax.training.metrics import read_metrics
from tests.processes import ROOT, free_port, start, wait

STUDENTS = ("socratic_iterative-questioner", "socratic_iterative-answerer")


# How a process may end when its run is struck: stopped at a step, hit before it listened for signals,
# killed, or aborted by the runtime since the coordinator is gone. Anything else is an error of ours.
ACCEPTED = (0, EXIT_PREEMPTED, -signal.SIGTERM, -signal.SIGKILL, -signal.SIGABRT)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def _join(spec: str, seconds: float = 600) -> subprocess.CompletedProcess:
    """`processes.start` by itself, with so much patience."""
    code = (
        "import sys; from socratic_jax import processes, program; program.quieten()\n"
        "processes.JOIN_SECONDS = float(sys.argv[2])\n"
        "processes.start(sys.argv[1])"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "OMPI", "KUBERNETES"))}
    return subprocess.run(
        [sys.executable, "-c", code, spec, str(seconds)],
        env={**env, "JAX_PLATFORMS": "cpu"}, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("index", [0, 1])
def test_a_worker_that_never_comes_is_waited_for_and_then_all_are_started_again(index):
    """Not an abort of the runtime, which launchers would take for a failure."""
    done = _join(f"127.0.0.1:{free_port()},2,{index}", seconds=1)
    assert done.returncode == EXIT_PREEMPTED, done.stderr
    waiting, stopped = done.stderr.splitlines()
    assert waiting.startswith(f"process {index} of 2: waiting for the others at 127.0.0.1:")
    assert stopped == "stopped: the other processes did not come in 1 s; start all of them again"


def test_outside_of_a_cluster_auto_says_what_to_pass():
    done = _join("auto")
    asking, *_, error = done.stderr.splitlines()
    assert asking == f"{socket.gethostname()}: asking the cluster for the other processes"
    assert "--distributed=auto found no" in error and "pass --distributed=HOST:PORT,PROCESSES,INDEX" in error


def _run(workdir, n_processes, devices_each, *options, cache=None):
    results = wait(start(workdir, n_processes, devices_each, *options, cache=cache))
    for code, output in results:
        assert code == 0, output[-3000:]
    return [output for _, output in results]


@pytest.fixture(scope="module")
def alone(tmp_path_factory, cache):
    """What one process with one device computes."""
    workdir = tmp_path_factory.mktemp("alone")
    _run(workdir, 1, 1, cache=cache)
    return workdir


def _losses(workdir: Path, student: str) -> list[float]:
    records = read_metrics(workdir / "students" / student / "metrics.jsonl")
    return [r["loss"] for r in records if "loss" in r]


def _predictions(workdir: Path) -> dict[str, list[dict]]:
    files = sorted((workdir / "predictions" / "test").glob("*.jsonl"))
    return {file.stem: [json.loads(line) for line in file.read_text().splitlines()] for file in files}


# Each takes a minute, so two have to do: parameters that are split over processes, and every axis at once;
# ALL_MESHES=1 runs the others too.
USUAL = [(4, 2, "fsdp=8"), (2, 4, "data=2,fsdp=2,tensor=2")]
OTHERS = [(2, 4, "fsdp=8"), (2, 4, "data=8"), (4, 2, "data=8"), (4, 2, "data=2,fsdp=2,tensor=2")]


@pytest.mark.parametrize(
    ("n_processes", "devices_each", "mesh"), USUAL + (OTHERS if os.environ.get("ALL_MESHES") else [])
)
def test_processes_equal_one(alone, tmp_path, n_processes, devices_each, mesh):
    first, *others = _run(tmp_path, n_processes, devices_each, f"--config.mesh={mesh}")
    assert f"process 0 of {n_processes}: {devices_each} of 8 cpu devices" in first
    for i, output in enumerate(others, start=1):
        assert f"process {i} of {n_processes}: waiting for the others" in output
        assert "answered" not in output, "only the first process prints the table"
    for student in STUDENTS:
        losses = _losses(tmp_path, student)
        assert len(losses) == 20  # Each step was written once.
        np.testing.assert_allclose(losses, _losses(alone, student), rtol=1e-5)
    mine, theirs = _predictions(tmp_path), _predictions(alone)
    assert set(mine) == {"socratic_iterative", "oracle_questions", "majority_answer"}
    assert mine == theirs


def _params(workdir: Path, student: str):
    run = open_run(str(workdir), make_mesh((jax.device_count(), 1, 1)))
    with Checkpoints(workdir / "students" / student / "checkpoints") as checkpoints:
        assert checkpoints.latest == 20
        return checkpoints.restore_params(20, jax.eval_shape(run.student.init, jax.random.key(0)))


def _assert_same(a: Path, b: Path) -> None:
    for student in STUDENTS:
        jax.tree.map(np.testing.assert_array_equal, _params(a, student), _params(b, student))
        assert _losses(a, student) == _losses(b, student)
    assert _predictions(a) == _predictions(b)


@pytest.fixture(scope="module")
def pair(tmp_path_factory, cache):
    """What two processes with a device each compute, undisturbed."""
    workdir = tmp_path_factory.mktemp("pair")
    _run(workdir, 2, 1, cache=cache)
    return workdir


def test_two_processes_that_are_struck_at_random_equal_two_that_are_not(pair, cache, tmp_path):
    """TERM on one stops both at the same step, with the code that launchers start again."""
    kinds = disturb(tmp_path, cache, kills=4, seed=0)
    assert len(kinds) == 4
    _assert_same(pair, tmp_path)


def disturb(workdir: Path, cache: Path, kills: int, seed: int) -> list[str]:
    """Runs two processes to their end, striking `kills` times at random moments; returns what was done."""
    rng, done = random.Random(seed), []
    for _ in range(20 * kills + 5):
        processes = start(workdir, 2, 1, cache=cache)
        if len(done) < kills:
            kind = rng.choice(["TERM one", "TERM all", "KILL one", "KILL all"])
            _wait_for_progress(workdir, processes, rng)
            victims = [rng.choice(processes)] if kind.endswith("one") else processes
            struck = [p for p in victims if p.poll() is None]
            for process in struck:
                process.send_signal(signal.SIGTERM if kind.startswith("TERM") else signal.SIGKILL)
            if struck:
                done.append(kind)
            _clean_up(processes)
        results = wait(processes)
        if all(code == 0 for code, _ in results):
            if len(done) >= kills:
                return done
            continue
        for code, output in results:
            assert code in ACCEPTED, output[-3000:]
    raise AssertionError(f"did not finish; struck by {done}")


def _clean_up(processes, grace: float = 20.0) -> None:
    """What a launcher does: a worker that is gone takes the others with it."""
    while all(p.poll() is None for p in processes):
        time.sleep(0.05)
    end = time.monotonic() + grace
    while any(p.poll() is None for p in processes) and time.monotonic() < end:
        if any(p.returncode not in (None, 0, EXIT_PREEMPTED) for p in processes):
            end = min(end, time.monotonic() + 1)
        time.sleep(0.05)
    for process in processes:
        process.kill()


def _wait_for_progress(workdir: Path, processes, rng: random.Random) -> None:
    """Waits until something new is in the workdir, and then a little."""

    def size():
        files = [*workdir.glob("students/*/metrics.jsonl"), *workdir.glob("predictions/test/*")]
        return sum(f.stat().st_size for f in files if f.exists())

    before = size()
    while size() == before and any(p.poll() is None for p in processes):
        time.sleep(0.02)
    time.sleep(rng.random() * 1.0)


def main(kills: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        undisturbed, disturbed, cache = (Path(directory) / name for name in ("a", "b", "cache"))
        _run(undisturbed, 2, 1, cache=cache)
        kinds = disturb(disturbed, cache, kills, seed=1)
        _assert_same(undisturbed, disturbed)
    print(f"struck {len(kinds)} times, the same parameters and predictions:", dict(Counter(kinds)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
