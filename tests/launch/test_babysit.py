"""launch/babysit.sh: what it makes of preemptions, exit codes and silence. The programs really run."""

import re
import signal
import subprocess

import pytest

from tests.launch.conftest import SAVES
from tests.launch.test_tpu import FLAGS, SIMPLE, running, wait_for


def babysit(cloud, *arguments: str, flags=SIMPLE, **options):
    return cloud.launch("babysit.sh", *arguments, "--", *flags, **options)


def steps(cloud) -> list[str]:
    """What was done, worker 0 standing for all."""
    names = []
    for call in cloud.calls():
        line = " ".join(call)
        found = re.search(
            r"queued-resources (create|delete)|worker.sh (install|start|stop)|(socratic_env)", line
        )
        if found and ("--worker" not in line or "--worker=0" in line):
            names.append(next(filter(None, found.groups())))
    return names


def test_from_nothing_to_the_end(cloud):
    cloud.program("echo done")
    error = babysit(cloud, "--spot", flags=FLAGS).stderr
    assert steps(cloud) == ["create", "install", "start"]
    assert cloud.starts()[0]["flags"] == [*FLAGS, "--distributed=auto"]
    assert "finished" in error and "tpu still costs money: launch/tpu.sh delete --name=tpu" in error
    assert "tpu" in cloud.data()["tpus"]


def test_delete_at_the_end(cloud):
    babysit(cloud, "--delete")
    assert cloud.data()["tpus"] == {}


def test_a_deletion_that_fails_is_no_reason_to_run_again(cloud):
    cloud.rule("queued-resources delete", code=1, stderr="INTERNAL", times=9)
    error = babysit(cloud, "--delete", "--tries=1", code=1).stderr
    last = (
        "error: the run is finished, but tpu could not be deleted and still costs money: launch/tpu.sh delete"
    )
    assert error.splitlines()[-1] == f"{last} --name=tpu --zone=us-west4-a"
    assert steps(cloud) == ["create", "install", "start", "delete"]
    assert len(cloud.starts()) == 1


def test_a_dry_run_prints_what_is_run(cloud):
    dry = babysit(cloud, "--dry_run", "--spot")
    assert cloud.calls() == [] and "and so on" in dry.stderr
    cloud.forget()
    babysit(cloud, "--spot")
    real = cloud.calls()
    cloud.save(tpus={})
    cloud.forget()
    lines = [line for line in dry.stdout.splitlines() if line.startswith("gcloud")]
    subprocess.run(["bash"], input="\n".join(lines), text=True, env=cloud.environment, capture_output=True)
    printed = cloud.calls()
    assert printed == real[: len(printed)]
    # All that follows is asking.
    assert all(
        "describe" in call or any("worker.sh status" in word for word in call)
        for call in real[len(printed) :]
    )


def test_a_preempted_tpu_is_created_again_and_the_run_goes_on(cloud):
    cloud.program(f"((START > 1)) && exit 0\n{SAVES}")
    # Both are asked before the start, and twice after it.
    cloud.rule("worker.sh status", after=6, preempt=["tpu"])
    error = babysit(cloud, "--spot", TYPE="v5p-16").stderr
    assert steps(cloud) == ["create", "install", "start", "delete", "create", "install", "start"]
    for number in range(2):
        first, second = cloud.starts(number)
        assert first == second
    assert "tpu: gone" in error and "finished" in error


@pytest.mark.parametrize("match", [" scp .*--worker=1", "worker.sh install", "worker.sh start"])
def test_preempted_on_the_way(cloud, match):
    cloud.rule(match, code=255, stderr="Connection reset", preempt=["tpu"])
    error = babysit(cloud, TYPE="v5p-16").stderr
    assert "tpu became PREEMPTED while" in error
    assert steps(cloud)[-4:] == ["delete", "create", "install", "start"]
    assert [len(cloud.starts(number)) for number in range(2)] == [1] * 2


def test_exit_code_42_is_started_again(cloud):
    cloud.program("((START > 2)) || exit 42")
    babysit(cloud, "--backoff=10")
    assert steps(cloud) == ["create", "install", "start", "start", "start"]
    # The pauses between starts grow: nothing says that it will not be preempted at once again.
    assert [seconds for seconds in cloud.sleeps() if seconds in (10, 20)] == [10, 20]


def test_workers_that_the_runtime_aborted_are_started_again(cloud):
    """The first worker was told to stop; of the others, one lost it and was aborted."""
    cloud.program("((START > 1)) && exit 0; ((WORKER == 0)) && exit 42; kill -ABRT $$")
    babysit(cloud, TYPE="v5p-16")
    assert steps(cloud) == ["create", "install", "start", "start"]


def test_a_real_failure_is_not_tried_again(cloud):
    cloud.program('echo "step 3"; if ((WORKER == 1)); then echo "error: out of memory"; exit 7; fi\n' + SAVES)
    error = babysit(cloud, TYPE="v5p-16", code=1).stderr
    assert "error: out of memory" in error
    assert "the program failed on worker 1 with exit code 7; tpu is left as it is, and costs money" in error
    assert steps(cloud) == ["create", "install", "start", "stop"]
    assert 60 in cloud.sleeps(), "it waits whether the TPU was preempted"
    assert all(len(cloud.starts(number)) == 1 for number in range(2))


def test_a_failure_because_the_tpu_was_preempted_is_none(cloud):
    """A pod loses a worker: the others fail before the cloud says why."""
    cloud.program("((START > 1)) && exit 0; ((WORKER > 0)) && exit 1\n" + SAVES)
    (cloud.path / "bin/sleeps").write_text(
        '#!/bin/sh\necho "$1" >>"$FAKE_CLOUD/sleeps"\n[ "$1" != 77 ] || gcloud compute preempt me\n'
    )
    cloud.rule("preempt me", code=0, preempt=["tpu"])
    babysit(cloud, "--settle=77", TYPE="v5p-16")
    assert 77 in cloud.sleeps()
    assert steps(cloud)[-4:] == ["delete", "create", "install", "start"]


def test_a_machine_that_was_started_anew(cloud):
    cloud.program(f"((START > 1)) && exit 0\n{SAVES}")
    cloud.rule("worker.sh status", after=3, lose=["tpu"])
    error = babysit(cloud).stderr
    assert "tpu: lost 0" in error
    assert steps(cloud) == ["create", "install", "start", "stop", "start"]


def test_a_tpu_that_does_not_answer_is_replaced(cloud):
    cloud.program(f"((START > 1)) && exit 0\n{SAVES}")
    cloud.rule("worker.sh status", after=3, code=255, stderr="timed out", times=6 * 2)
    babysit(cloud, "--tries=2")
    assert steps(cloud) == ["create", "install", "start", "delete", "create", "install", "start"]


def test_silence_that_passes(cloud):
    cloud.program("exit 0")
    cloud.rule("worker.sh status", after=1, code=255, stderr="timed out", times=2 * 2)
    cloud.rule("queued-resources describe", after=4, code=1, stderr="no network", times=2 * 2)
    babysit(cloud, "--tries=2")
    assert steps(cloud) == ["create", "install", "start"]


def test_no_network_for_long(cloud):
    cloud.rule("describe", code=1, stderr="no network", times=999)
    assert "cannot ask for the state of tpu; start this again to go on" in babysit(cloud, code=1).stderr


def test_no_capacity_is_waited_for(cloud):
    cloud.rule("queued-resources create", code=1, stderr="There is no more capacity in the zone", times=4)
    babysit(cloud, "--tries=2", "--backoff=10")
    assert len(cloud.calls("queued-resources", "create")) == 5


def test_no_quota_ends_it(cloud):
    cloud.rule("queued-resources create", code=1, stderr="Quota limit has been exceeded", times=9)
    assert "create failed" in babysit(cloud, code=1).stderr
    assert len(cloud.calls("queued-resources", "create")) == 1


def test_an_installation_that_always_fails_ends_it(cloud):
    cloud.rule("worker.sh install", code=1, stderr="no such package", times=99)
    error = babysit(cloud, "--tries=1", code=1).stderr
    assert "setup failed three times" in error and "worker 0: no such package" in error
    assert cloud.starts() == []


def test_it_does_not_start_for_ever(cloud):
    cloud.program("exit 42")
    error = babysit(cloud, "--max_restarts=2", code=1).stderr
    assert "started 3 times, which is more than --max_restarts allows" in error
    assert len(cloud.starts()) == 3


def test_killed_and_started_again_it_goes_on_watching(cloud):
    cloud.program(f"((START > 1)) && exit 0\n{SAVES}")
    command = [cloud.repository / "launch/babysit.sh", "--", *SIMPLE]
    first = subprocess.Popen(command, env=cloud.environment, stderr=subprocess.DEVNULL)
    wait_for(running(cloud))
    first.send_signal(signal.SIGKILL)
    first.wait()
    cloud.forget()
    cloud.rule("worker.sh status", after=2, preempt=["tpu"])
    babysit(cloud)
    assert steps(cloud) == ["delete", "create", "install", "start"]
    assert len(cloud.starts()) == 2


def test_killed_and_started_again_after_the_end(cloud):
    babysit(cloud)
    cloud.forget()
    assert "finished" in babysit(cloud).stderr
    assert steps(cloud) == []


@pytest.mark.parametrize("program", ["exit 1", SAVES], ids=["failed", "stopped"])
def test_started_again_by_hand_it_starts_what_failed_or_was_stopped(cloud, program):
    cloud.program(program)
    cloud.install()
    cloud.tpu("run", "--", *SIMPLE)
    wait_for(running(cloud))
    cloud.tpu("stop")
    cloud.program("exit 0")
    assert "the last run did not finish; starting it again" in babysit(cloud).stderr
    assert len(cloud.starts()) == 2


def test_a_run_that_is_stopped_by_hand_stays_stopped(cloud):
    cloud.program(SAVES)
    command = [cloud.repository / "launch/babysit.sh", "--", *SIMPLE]
    process = subprocess.Popen(command, env=cloud.environment, stderr=subprocess.PIPE, text=True)
    wait_for(running(cloud))
    cloud.tpu("stop")
    assert "stopped by hand" in process.communicate(timeout=20)[1]
    assert process.returncode == 1 and len(cloud.starts()) == 1


def test_another_run_is_left_alone(cloud):
    cloud.install()
    cloud.program(SAVES)
    cloud.tpu("run", "--", *FLAGS)
    wait_for(running(cloud))
    assert "another run is going on" in babysit(cloud, code=1).stderr
    assert len(cloud.starts()) == 1


def test_another_run_that_ended_is_not_taken_for_this_one(cloud):
    cloud.install()
    cloud.tpu("run", "--", *FLAGS)
    wait_for(lambda: "exited" in cloud.tpu("status").stdout)
    babysit(cloud)
    assert [start["flags"][:2] for start in cloud.starts()] == [FLAGS[:2], SIMPLE]


def test_a_start_that_not_all_workers_took(cloud):
    """The others are stopped, which is not taken for the hand of somebody else."""
    cloud.program(f"((START > 1 || WORKER == 1)) && exit 0\n{SAVES}")
    cloud.rule("--worker=1 .*worker.sh start", code=255, stderr="Connection reset", times=3)
    error = babysit(cloud, TYPE="v5p-16").stderr
    assert "error: starting failed on worker 1" in error
    assert steps(cloud)[-3:] == ["stop", "install", "start"]
    assert (len(cloud.starts(0)), len(cloud.starts(1))) == (2, 1)


def test_every_start_brings_the_keys(cloud):
    keys = cloud.path / "keys"
    keys.write_text("API_KEY=x\n")
    keys.chmod(0o600)
    cloud.program("((START > 1)) || exit 42")
    babysit(cloud, "--env_file=keys")
    assert [start["key"] for start in cloud.starts()] == ["x", "x"]


def test_mistakes(cloud):
    assert "missing: --type" in babysit(cloud, code=2, TYPE="").stderr
    assert "unknown flag --restarts=3; valid: --name" in babysit(cloud, "--restarts=3", code=2).stderr
    assert "missing after --" in babysit(cloud, flags=[], code=2).stderr
    assert cloud.calls("create") == []


def test_a_worker_that_waits_for_those_that_are_gone(cloud):
    cloud.program(f"((START > 1)) && exit 0; ((WORKER == 0)) || exit 42\n{SAVES}")
    babysit(cloud, "--poll=100", "--grace=300", TYPE="v5p-16")
    assert steps(cloud) == ["create", "install", "start", "stop", "start"]


def test_a_failure_counts_more_than_those_that_saw_it(cloud):
    cloud.program("((WORKER == 1)) && exit 1; exit 42")
    assert "failed on worker 1 with exit code 1" in babysit(cloud, TYPE="v5p-16", code=1).stderr
