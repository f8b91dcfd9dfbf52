"""Cells of a study: which there are, and who runs them."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from configs import scaling
from socratic_jax import EXIT_PREEMPTED
from socratic_jax.config import default_config
from socratic_jax.reporting import report
from socratic_jax.reporting.study import read as read_study
from socratic_jax.study import cells as study_cells
from socratic_jax.study.cells import Cell, Study, cells, is_finished
from socratic_jax.transcripts.strategies import STRATEGIES
from socratic_jax.workdir import Workdir
from tests.test_main import small_config

ROOT = Path(__file__).resolve().parents[1]

# In place of a run: says that it was here, waits, and leaves what a run leaves, or fails.
FAKE = """
import json, os, pathlib, sys, time
directory, seconds, bad = pathlib.Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
name = sys.argv[-1].removeprefix("--cell=")
with (directory / "begun.txt").open("a") as file:
    file.write(f"{name} {os.getpid()}\\n")
time.sleep(seconds)
if name == bad:
    sys.exit("error: it did not work")
config = json.loads((directory / "configs.json").read_text())[name]
(directory / name / "config.json").write_text(json.dumps(config))
(directory / name / "results.csv").write_text("suite\\n")
"""


def _study(seeds=3):
    values = tuple({"seed": seed} for seed in range(seeds))
    sizes = ({"student.size": "tiny-0.2m", "train.steps": 5}, {"student.size": "tiny-3m", "train.steps": 7})
    return ConfigDict({"run": default_config(), "axes": (("size", sizes), ("seed", values))})


def _worker(directory, seconds=0.0, bad="", study=None):
    study = study or _study()
    configs = {cell.name: json.loads(cell.config.to_json_best_effort()) for cell in cells(study)}
    (directory / "configs.json").write_text(json.dumps(configs))
    (directory / "fake.py").write_text(FAKE)
    return Study(
        study, directory, [sys.executable, str(directory / "fake.py"), str(directory), str(seconds), bad]
    )


def _begun(directory):
    return [line.split()[0] for line in (directory / "begun.txt").read_text().splitlines()]


def test_cells_are_all_combinations():
    made = cells(_study())
    assert [cell.name for cell in made] == [
        f"size={size},seed={seed}" for size in ("tiny-0.2m", "tiny-3m") for seed in range(3)
    ]
    last = made[-1].config
    assert (last.student.size, last.train.steps, last.seed) == ("tiny-3m", 7, 2)
    assert default_config().train.steps == made[0].config.train.steps + 995  # The study's own is untouched.


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (({"student.sise": "x"},), "axes.size: a run has no field 'student.sise'"),
        (({"trian.steps": 1},), "axes.size: a run has no field 'trian.steps'"),
        (({"train.steps": "many"},), "axes.size: train.steps: "),
        (({"seed": 1, "train.steps": 1}, {"seed": 1, "train.steps": 2}), "two cells are called 'size=1'"),
    ],
)
def test_wrong_axes_are_said_in_one_line(values, message):
    study = ConfigDict({"run": default_config(), "axes": (("size", values),)})
    with pytest.raises(ValueError, match=message) as error:
        cells(study)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "ladder", ["quickstart", "quickstart-data", "gsm8k-tiny", "gsm8k", "svamp", "strategyqa", "paper"]
)
def test_every_ladder_is_made_of_runs(ladder):
    made = cells(scaling.get_config(ladder))
    assert len(made) == {"quickstart-data": 9, "gsm8k-tiny": 6, "paper": 36}.get(ladder, 12)
    assert made[0].name.startswith("size=") and set(made[0].config.strategies) <= set(STRATEGIES)
    large = [cell.config for cell in made if cell.config.student.size == "gpt2-large"]
    assert all(c.student.remat and "gpt2-large" in c.student.weights for c in large)


def test_the_papers_rows_are_asked_of_any_teacher(tmp_path):
    made = cells(scaling.get_config("paper,openai:some/model"))
    names = ("gold", "openai-some-model", "socratic_on_steps")
    assert [cell.name for cell in made[:9:3]] == [f"size=gpt2,explained_by={name},seed=0" for name in names]
    gold, theirs, on_steps = (cell.config for cell in made[:9:3])
    assert (gold.annotate.cot.teacher, gold.annotate.socratic.teacher) == ("gold", "gold")
    assert {theirs.annotate.cot.teacher, on_steps.annotate.socratic.teacher} == {"openai:some/model"}
    # With and without guidance, and each with a chain of its own condition, as the page tells them apart.
    assert on_steps.annotate.cot.teacher == "gold" and gold.strategies == ("answer_only", *theirs.strategies)
    assert on_steps.strategies == theirs.strategies == (
        "cot", "socratic_unified", "socratic_iterative", "socratic_guided",
    )  # fmt: skip
    for cell in made[:9:3]:
        (tmp_path / cell.name).mkdir()
        (tmp_path / cell.name / "config.json").write_text(cell.config.to_json_best_effort())
    found = read_study(tmp_path)
    assert found.labels == ("teacher", "prompt") and sorted(map(found.condition, found.cells)) == [
        ("human steps", "socratic"), ("human steps", "socratic_on_steps"), ("openai:some/model", "socratic"),
    ]  # fmt: skip
    assert "facts" in scaling.get_config("strategyqa").run.strategies
    with pytest.raises(ValueError, match="unknown ladder 'papre'; valid: quickstart, .*strategyqa, paper"):
        scaling.get_config("papre")
    with pytest.raises(ValueError, match="ladder 'gsm8k' asks no teacher"):
        scaling.get_config("gsm8k,openai:m")


def test_finished_cells_are_skipped_and_a_failed_one_stops_nobody(tmp_path):
    worker = _worker(tmp_path, bad="size=tiny-0.2m,seed=1")
    worker.work()
    assert list(worker.failed) == ["size=tiny-0.2m,seed=1"]
    assert "exit code 1: it did not work; see" in worker.failed["size=tiny-0.2m,seed=1"]
    assert len(_begun(tmp_path)) == 6
    again = _worker(tmp_path)
    again.work()
    assert not again.failed and _begun(tmp_path)[6:] == ["size=tiny-0.2m,seed=1"]


def test_results_of_another_config_are_not_taken_for_a_cells_own(tmp_path):
    _worker(tmp_path).work()
    other = _study()
    other.run.train.batch_size = 7
    cell = cells(other)[0]
    with pytest.raises(ValueError, match="train.batch_size: 32 there, 7 here"):
        is_finished(cell, tmp_path)
    worker = _worker(tmp_path, study=other)
    worker.work()
    assert len(worker.failed) == 6 and len(_begun(tmp_path)) == 6


@pytest.mark.parametrize(
    ("field", "added", "changed"),
    [
        ("suites", {"more": {"split": "validation"}}, {"test": {"split": "test", "limit": 77}}),
        ("variants", {"vote": {"samples": 4}}, {"mine": {"samples": 5}}),
        ("baselines", ("majority_answer", "untrained_cot"), None),
        ("oracles", True, None),
    ],
)
def test_a_finished_cell_is_not_finished_with_what_is_added_and_refused_what_is_changed(
    tmp_path, field, added, changed
):
    config = default_config()
    config.evaluate.variants, config.evaluate.oracles = {"mine": {"samples": 3}}, False

    def run(config):
        workdir = Workdir(tmp_path / "cell", config)
        (workdir.path / "results.csv").write_text("")
        (workdir.path / "students").mkdir(exist_ok=True)

    def finished(config):
        return is_finished(Cell("cell", config), tmp_path)

    run(config)
    assert finished(config)
    more = ConfigDict(config.to_dict())
    more.evaluate[field] = added
    assert not finished(more)
    run(more)
    assert finished(more) and finished(config)
    if changed:
        config.evaluate[field] = changed
        with pytest.raises(ValueError, match=rf"evaluate.{field}.\w+.\w+: \w+ there, \d+ here"):
            finished(config)


FORKED = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.test_study import _worker
_worker(Path(sys.argv[1]), float(sys.argv[2])).work()
"""


def _fork(directory, seconds):
    code = FORKED.format(root=str(ROOT))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(directory), str(seconds)], start_new_session=True
    )


def test_two_workers_share_the_cells_out(tmp_path):
    _worker(tmp_path)
    workers = [_fork(tmp_path, 0.2) for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert sorted(_begun(tmp_path)) == sorted(cell.name for cell in cells(_study()))


def test_the_cell_of_a_dead_worker_is_taken_over(tmp_path):
    _worker(tmp_path)
    dead = _fork(tmp_path, 60)
    deadline = time.monotonic() + 30
    while not (tmp_path / "begun.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(dead.pid, signal.SIGKILL)
    dead.wait()
    worker = _worker(tmp_path)
    worker.work()
    assert not worker.failed and len(_begun(tmp_path)) == 7


HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_the_page_is_written_after_whoever_is_writing_it(tmp_path, monkeypatch):
    monkeypatch.setattr(study_cells, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(report, "write", lambda directory, *_: f"{directory}/report.html")
    (tmp_path / "locks").mkdir()
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "locks" / "page.lock")]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
        ThreadPoolExecutor() as pool,
    ):
        assert other.stdout.readline() == "locked\n"
        stopped = _worker(tmp_path)
        waiting, gives_up = pool.submit(_worker(tmp_path).write_page), pool.submit(stopped.write_page)
        time.sleep(0.1)
        assert not waiting.done() and not gives_up.done()
        stopped.stop()
        assert gives_up.result(10) is None and not waiting.done()
        other.stdin.close()
        assert waiting.result(10) == f"{tmp_path}/report.html"


CONFIG = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from ml_collections import ConfigDict
from tests.test_main import small_config

def get_config():
    run = small_config(Path({directory!r}))
    run.strategies, run.evaluate.variants, run.evaluate.oracles = ("answer_only",), dict(), False
    return ConfigDict(dict(run=run, axes=(("seed", (dict(seed=0), dict(seed=1))),)))
"""


def test_the_command_runs_real_cells_to_the_page_and_stops_when_told(tmp_path):
    small_config(tmp_path)
    (tmp_path / "study.py").write_text(CONFIG.format(root=str(ROOT), directory=str(tmp_path)))
    command = [sys.executable, "-m", "socratic_jax.study", f"--config={tmp_path}/study.py"]
    command += [f"--workdir={tmp_path}/s"]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert "seed=0: begins (0 of 2 cells are finished)" in first.stderr.readline()
    first.terminate()
    assert first.wait(60) == EXIT_PREEMPTED and "the same command goes on" in first.stderr.read()
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "s" / "results.csv").open()))
    assert {row["seed"] for row in rows} == {"0", "1"}
    assert (tmp_path / "s" / "report.html").stat().st_size > 10_000
    again = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert again.returncode == 0 and "begins" not in again.stderr
    broken = tmp_path / "s" / "seed=1" / "predictions" / "test" / "answer_only.jsonl"
    broken.write_text("{}\n")
    again = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert again.returncode == 1
    assert (
        again.stderr.startswith(f"error: {broken}:1: this is no prediction") and again.stderr.count("\n") == 1
    )
