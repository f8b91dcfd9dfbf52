"""launch/sweep.sh: which runs, with which flags and workdirs, and what is skipped."""

import re

import pytest

from tests.launch.conftest import ROOT

SWEEP = ["--workdir=gs://bucket/sweep/", "--sizes=gpt2,gpt2-medium", "--strategies=cot,socratic_iterative"]


def sweep(cloud, *arguments: str, **options):
    return cloud.launch("sweep.sh", *SWEEP, *arguments, **options)


def workdirs(starts: list[dict]) -> list[str]:
    return [flag.rsplit("/", 1)[1] for start in starts for flag in start["flags"] if "--workdir" in flag]


def test_all_on_one_tpu_one_after_the_other(cloud):
    output = sweep(cloud, "--sizes=gpt2", "--seeds=0,1", "--", "--config.train.steps=10")
    starts = cloud.starts()
    names = [f"gpt2-{strategy}-seed{seed}" for strategy in ("cot", "socratic_iterative") for seed in (0, 1)]
    assert workdirs(starts) == names
    assert starts[2]["flags"] == [
        "--config=configs/gsm8k.py:gpt2",
        "--workdir=gs://bucket/sweep/gpt2-socratic_iterative-seed0",
        '--config.strategies=("socratic_iterative",)',
        "--config.seed=0",
        "--config.train.steps=10",
        "--distributed=auto",
    ]
    assert output.stdout.splitlines() == [f"{name:50} finished" for name in names]
    assert len(cloud.calls("queued-resources", "create")) == 1
    assert "tpu" in cloud.data()["tpus"]


def test_each_on_a_tpu_of_its_own(cloud):
    output = sweep(cloud, "--parallel", "--delete")
    assert [workdirs(cloud.starts(name=f"tpu-{i}")) for i in (1, 2, 3, 4)] == [
        ["gpt2-cot-seed0"],
        ["gpt2-socratic_iterative-seed0"],
        ["gpt2-medium-cot-seed0"],
        ["gpt2-medium-socratic_iterative-seed0"],
    ]
    assert cloud.data()["tpus"] == {}
    assert "[tpu-3] " in output.stdout


def test_fewer_tpus_than_runs(cloud):
    sweep(cloud, "--parallel", "--tpus=2")
    assert [len(cloud.starts(name=f"tpu-{i}")) for i in (1, 2, 3)] == [2, 2, 0]


def test_what_is_done_is_skipped(cloud):
    cloud.save(objects=["bucket/sweep/gpt2-cot-seed0/results.csv"])
    assert "gpt2-cot-seed0: done before" in sweep(cloud).stderr
    assert len(cloud.starts()) == 3
    names = [f"{size}-{s}-seed0" for size in ("gpt2", "gpt2-medium") for s in ("cot", "socratic_iterative")]
    cloud.save(objects=[f"bucket/sweep/{name}/results.csv" for name in names])
    assert "nothing is left to do" in sweep(cloud).stderr
    assert len(cloud.starts()) == 3


def test_a_bucket_that_cannot_be_read_is_not_taken_for_empty(cloud):
    cloud.rule("storage ls", code=1, stderr="HTTPError 403: no permission")
    assert "cannot look into gs://bucket/sweep/gpt2-cot-seed0: HTTPError 403" in sweep(cloud, code=1).stderr
    assert cloud.starts() == []


def test_a_run_that_fails_does_not_stop_the_others(cloud):
    cloud.program('[[ "$*" != *gpt2-medium-cot* ]]')
    output = sweep(cloud, code=1)
    assert len(cloud.starts()) == 4
    assert re.search(r"gpt2-medium-cot-seed0 +1\n", output.stdout)
    assert "1 run(s) did not finish; the same command does them again" in output.stderr


def test_without_capacity_the_rest_is_not_tried(cloud):
    cloud.rule("queued-resources create", code=1, stderr="There is no more capacity in the zone", times=999)
    output = sweep(cloud, "--max_restarts=1", "--tries=1", code=1)
    assert "not to be had" in output.stderr and cloud.starts() == []
    assert len(cloud.calls("queued-resources", "create")) == 2
    assert [line.split()[1:] for line in output.stdout.splitlines()] == [["75"], *[["not", "started"]] * 3]


def test_a_dry_run_starts_nothing(cloud):
    output = sweep(cloud, "--parallel", "--dry_run")
    assert cloud.calls() == []
    lines = [line for line in output.stdout.splitlines() if "worker.sh start" in line]
    assert len(lines) == 4
    assert "gcloud storage ls gs://bucket/sweep/gpt2-cot-seed0/results.csv" in output.stdout


def test_missing_settings(cloud):
    assert (
        "missing: --workdir (or WORKDIR in the environment), --sizes"
        in cloud.launch("sweep.sh", code=2).stderr
    )
    assert "unknown flag --size=x; valid: --name" in sweep(cloud, "--size=x", code=2).stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_program_understands_these_flags(monkeypatch):
    """The tuple of one strategy is read as one, by the program's own flags."""
    from absl import flags
    from ml_collections import config_flags

    arguments = [
        "main",
        f"--config={ROOT}/configs/gsm8k.py:gpt2-large",
        '--config.strategies=("socratic_iterative",)',
        "--config.seed=3",
        "--config.data.dir=gs://bucket/gsm8k",
    ]
    monkeypatch.setattr("sys.argv", arguments)  # It looks there for the fields that are changed.
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", flag_values=values)
    values(arguments)
    config = values["config"].value
    assert (config.strategies, config.seed) == (("socratic_iterative",), 3)
    assert config.data.dir == "gs://bucket/gsm8k"
