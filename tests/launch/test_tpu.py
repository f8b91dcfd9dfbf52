"""launch/tpu.sh against the recording gcloud of conftest.py. What is sent to the workers is run."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time

import pytest

from tests.launch.conftest import SAVES, git, make_repository, mode

# All that a shell could trip over.
FLAGS = [
    "--config=configs/gsm8k.py:gpt2",
    "--workdir=gs://bucket/a run",
    '--config.strategies=("cot", "socratic_iterative")',
    '--config.teacher=it\'s $HOME `id` \\ "q" * ; & | < > # ! {a,b} ~ é\nnext\tline',
    "--config.empty=",
]
SIMPLE = ["--config=c.py", "--workdir=gs://bucket/run"]


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def states(cloud, *flags: str, **options) -> list[str]:
    """The state and exit code of every worker, as `status` says."""
    lines = cloud.tpu("status", *flags, **options).stdout.splitlines()
    return [" ".join(line.split()[2:4]) for line in lines if line.startswith("worker")]


def running(cloud, workers=1, name="tpu"):
    return lambda: all((cloud.worker(n, name) / "socratic/run/pid").exists() for n in range(workers))


# ---- The command line.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name=x"], "unknown command ''; valid: create setup copy run attach logs status stop delete"),
        (["destroy"], "unknown command 'destroy'; valid: create setup copy"),
        (["create", "--zne=z"], "unknown flag --zne=z; valid: --name --zone --type"),
        (["create", "--spot=1"], "unknown flag --spot=1; valid:"),
        (["create", "--zone"], "--zone wants a value"),
        (["create", "now"], "what is 'now'?"),
        (["create", "--tries=few"], "--tries wants a whole number, not 'few'"),
        (["create", "--at_once=0"], "--at_once=0 would wait for ever"),
        (["create", "--name=My_TPU"], "--name wants small letters, digits and dashes, not 'My_TPU'"),
        (["create", "--type=v9-8"], "no runtime version is known for type v9-8; give --version"),
        (["run"], "missing after --: --config=... and --workdir=..."),
        (["run", "--", "--config=c", "--workdir=runs/x"], "would lie in the code"),
    ],
)
def test_mistakes_are_named_in_one_line(cloud, arguments, message):
    error = cloud.tpu(*arguments, code=2).stderr
    assert message in error
    assert len([line for line in error.splitlines() if line.startswith("error")]) == 1
    assert cloud.calls("create") == []


def test_all_missing_settings_are_named(cloud):
    error = cloud.tpu("status", code=2, NAME="", ZONE="").stderr
    assert "missing: --name (or NAME in the environment), --zone (or ZONE in the environment)" in error
    assert "missing: --type" in cloud.tpu("create", code=2, TYPE="").stderr


def test_flags_go_before_the_environment(cloud):
    cloud.tpu("create", "--zone", "europe-west4-b", "--nospot", SPOT="1")
    (call,) = cloud.calls("queued-resources", "create")
    assert "--zone=europe-west4-b" in call and "--spot" not in call


# ---- Dry runs.


def played(cloud, lines: str) -> list[list[str]]:
    """What gcloud is told when a shell runs what a dry run printed."""
    cloud.forget()
    script = "\n".join(line for line in lines.splitlines() if line.startswith("gcloud"))
    subprocess.run(["bash"], input=script, text=True, env=cloud.environment, capture_output=True)
    return cloud.calls()


def in_order(calls: list[list[str]]) -> dict[str, list]:
    """Calls by worker: workers are talked to side by side."""
    by_worker: dict[str, list] = {}
    for call in calls:
        worker = next((word for word in call if word.startswith("--worker=")), "")
        by_worker.setdefault(worker, []).append(call)
    return by_worker


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "--spot", "--valid_until=6h", "--service_account=a@b", "--project=my project"],
        ["setup"],
        ["copy", "--internal_ip"],
        ["run", "--env_file=keys", "--", *FLAGS],
        ["logs", "--worker=all", "--tail=3", "--nofollow"],
        ["logs", "--worker=1", "--nofollow"],
        ["attach", "--worker=1"],
        ["status"],
        ["stop", "--grace=1"],
        ["delete"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_dry_run_prints_what_is_run(cloud, arguments):
    (cloud.path / "keys").write_text("API_KEY=secret\n")
    (cloud.path / "keys").chmod(0o600)
    if arguments[0] != "create":
        cloud.install(workers=4)
    dry = cloud.tpu(*arguments, "--dry_run", TYPE="v5litepod-16") if "--" not in arguments else None
    if dry is None:
        dry = cloud.tpu(arguments[0], "--dry_run", *arguments[1:], TYPE="v5litepod-16")
    assert cloud.calls() == [] and cloud.starts() == []
    cloud.tpu(*arguments, TYPE="v5litepod-16", code=None)
    real = cloud.calls()
    assert len(real) > 0
    assert in_order(played(cloud, dry.stdout)) == in_order(real)
    assert "secret" not in dry.stdout + dry.stderr


def test_a_dry_run_without_a_worker_count_says_what_it_needs(cloud):
    assert "give --type or --workers" in cloud.tpu("copy", "--dry_run", TYPE="", code=2).stderr
    assert cloud.tpu("copy", "--dry_run", "--workers=2", TYPE="").stdout.count("scp") == 2


@pytest.mark.parametrize(
    ("accelerator", "workers", "version"),
    [
        ("v5litepod-1", 1, "v2-alpha-tpuv5-lite"),
        ("v5litepod-8", 1, "v2-alpha-tpuv5-lite"),
        ("v5litepod-16", 4, "v2-alpha-tpuv5-lite"),
        ("v6e-8", 1, "v2-alpha-tpuv6e"),
        ("v6e-64", 16, "v2-alpha-tpuv6e"),
        ("v4-32", 4, "tpu-ubuntu2204-base"),
        ("v5p-8", 1, "v2-alpha-tpuv5"),
        ("v3-32", 4, "tpu-ubuntu2204-base"),
    ],
)
def test_workers_and_runtime_of_a_type(cloud, accelerator, workers, version):
    assert cloud.tpu("copy", "--dry_run", TYPE=accelerator).stdout.count("scp") == workers
    assert f"--runtime-version={version}" in cloud.tpu("create", "--dry_run", TYPE=accelerator).stdout


# ---- create and delete.


def test_create_waits_with_a_line_for_every_state(cloud):
    cloud.save(
        next_states=["ACCEPTED", "WAITING_FOR_RESOURCES", "WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"]
    )
    lines = cloud.tpu("create", "--poll=20").stderr.splitlines()
    seen = [line.split("tpu: ")[1] for line in lines]
    assert seen == ["ABSENT", "ACCEPTED", "WAITING_FOR_RESOURCES", "PROVISIONING", "READY"]
    assert cloud.sleeps() == [20] * 4


def test_create_uses_what_is_there(cloud):
    cloud.has_tpu()
    cloud.tpu("create")
    assert cloud.calls("create") == []


@pytest.mark.parametrize(
    ("states", "node"),
    [
        (["FAILED"], None),
        (["SUSPENDED"], None),
        (["SUSPENDING", "SUSPENDED"], None),
        (["ACTIVE"], "PREEMPTED"),
        (["ACTIVE"], None),
    ],
)
def test_create_replaces_what_does_not_come_back(cloud, states, node):
    cloud.has_tpu(states=states, node=node)
    cloud.tpu("create")
    kinds = [call[3] for call in cloud.calls("queued-resources") if call[3] != "describe"]
    assert kinds == ["delete", "create"]
    assert all("--force" in call and "--quiet" in call for call in cloud.calls("delete"))


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        (
            "RESOURCE_EXHAUSTED: Quota limit 'TPUV5sLitepod' has been exceeded. Limit: 0 in zone x.",
            "no quota for",
        ),
        ("PERMISSION_DENIED: Cloud TPU API has not been used in project p", "was refused"),
        ("INVALID_ARGUMENT: accelerator type not available in zone", "was refused"),
    ],
)
def test_a_refusal_is_not_tried_again(cloud, stderr, message):
    cloud.rule("queued-resources create", code=1, stderr=stderr, times=9)
    error = cloud.tpu("create", code=1).stderr
    assert stderr in error and message in error
    assert len(cloud.calls("queued-resources", "create")) == 1


def test_no_capacity_is_tried_again_with_longer_and_longer_pauses(cloud):
    cloud.rule("queued-resources create", code=1, stderr="There is no more capacity in the zone", times=3)
    cloud.tpu("create", "--tries=4", "--backoff=10")
    assert len(cloud.calls("queued-resources", "create")) == 4
    assert cloud.sleeps() == [10, 20, 40]


def test_no_capacity_at_all_has_an_exit_code_of_its_own(cloud):
    cloud.rule("queued-resources create", code=1, stderr="There is no more capacity in the zone", times=99)
    assert "not to be had in 3 tries" in cloud.tpu("create", code=75).stderr


def test_a_request_that_ran_out_is_made_again(cloud):
    cloud.save(next_states=["WAITING_FOR_RESOURCES", "FAILED"])
    cloud.tpu("create", "--valid_until=1h")
    assert len(cloud.calls("queued-resources", "create")) == 2
    assert len(cloud.calls("queued-resources", "delete")) == 1


def test_create_stops_waiting(cloud):
    cloud.save(next_states=["WAITING_FOR_RESOURCES"])
    error = cloud.tpu("create", "--wait=100", "--poll=30", code=75).stderr
    assert "still WAITING_FOR_RESOURCES after 100 s" in error
    assert cloud.sleeps() == [30] * 4
    assert cloud.calls("delete") == []


def test_a_request_that_is_there_after_all(cloud):
    cloud.has_tpu(states=["ACCEPTED", "ACTIVE"])
    cloud.rule("queued-resources describe", code=1, stderr="NOT_FOUND")
    assert "ALREADY_EXISTS" in cloud.tpu("create").stderr
    assert len(cloud.calls("queued-resources", "create")) == 1 and cloud.calls("delete") == []


def test_a_question_that_fails_is_asked_again(cloud):
    cloud.rule("describe", code=1, stderr="timed out", times=2)
    cloud.tpu("create")
    cloud.rule("describe", code=1, stderr="You do not currently have an active account", times=99)
    error = cloud.tpu("create", code=1).stderr
    assert "active account" in error and "cannot ask for the state of tpu" in error


@pytest.mark.parametrize("error", ["host not found", "gcloud: command not found"])
def test_what_else_is_not_found_is_not_taken_for_the_tpu(cloud, error):
    cloud.has_tpu()
    cloud.rule("describe", code=1, stderr=error, times=99)
    assert "cannot ask for the state of tpu" in cloud.tpu("delete", code=1).stderr


def test_delete(cloud):
    assert "tpu is not there" in cloud.tpu("delete").stderr
    cloud.has_tpu()
    cloud.rule("queued-resources delete", code=1, stderr="INTERNAL", times=1)
    assert "tpu is deleted" in cloud.tpu("delete").stderr
    assert cloud.data()["tpus"] == {}


def test_a_tpu_that_cannot_be_deleted_is_said_to_cost_money(cloud):
    cloud.has_tpu()
    cloud.rule("queued-resources delete", code=1, stderr="INTERNAL", times=9)
    assert "it may still cost money" in cloud.tpu("delete", code=1).stderr


# ---- setup and copy.


def test_setup_brings_code_and_packages_to_all_workers(cloud):
    cloud.has_tpu(workers=4)
    cloud.tpu("setup")
    for number in range(4):
        home = cloud.worker(number)
        assert (home / "socratic/code/launch/worker.sh").exists()
        assert (home / "socratic/code/setup.py").exists()
        assert not (home / "socratic/code/.git").exists()
        venv, packages = (home / "uv").read_text().splitlines()
        assert venv == f"venv --quiet --python 3.11 {home}/socratic/venv"
        assert f"--editable {home}/socratic/code[tpu]" in packages
    # The first connection is made alone: it makes an ssh key.
    first = next(call for call in cloud.calls() if "ssh" in call)
    assert "--worker=0" in first and "--command=true" in first


def test_setup_twice_installs_python_once(cloud):
    cloud.has_tpu()
    cloud.tpu("setup")
    cloud.tpu("setup")
    assert (cloud.worker() / "uv").read_text().count("venv --quiet") == 1


def test_a_new_machine_refuses_ssh_for_a_while(cloud):
    cloud.has_tpu(workers=4)
    cloud.rule("--command=true", code=255, stderr="Connection refused", times=2)
    cloud.tpu("setup")
    assert len(cloud.calls("--command=true")) == 3


def test_an_installation_that_fails_is_tried_again_on_that_worker_only(cloud):
    cloud.has_tpu(workers=4)
    cloud.worker(2).mkdir(parents=True)
    (cloud.worker(2) / "uv_fails").touch()
    assert "installing: trying worker 2 again" in cloud.tpu("setup").stderr
    assert len(cloud.calls("worker.sh install")) == 5


def test_copy_replaces_the_code(cloud):
    cloud.install()
    (cloud.worker() / "socratic/code/old.py").touch()
    (cloud.worker() / "socratic/installed").write_text("# other packages\n")
    output = cloud.tpu("copy")
    assert not (cloud.worker() / "socratic/code/old.py").exists()
    assert "worker 0: setup.py is not what was installed: run setup again" in output.stdout
    assert "not committed" not in output.stderr


def test_copy_takes_what_is_committed_and_warns_of_the_rest(cloud, tmp_path):
    cloud.repository = make_repository(tmp_path / "repository")
    (cloud.repository / "setup.py").write_text("# changed, not committed\n")
    (cloud.repository / "key.txt").write_text("secret")
    cloud.install()
    assert "changes that are not committed are not copied" in cloud.tpu("copy").stderr
    code = cloud.worker() / "socratic/code"
    assert (code / "setup.py").read_text() == "# packages\n"
    assert not (code / "key.txt").exists()


def test_copy_of_another_revision(cloud, tmp_path):
    cloud.repository = make_repository(tmp_path / "repository")
    before = git(cloud.repository, "rev-parse", "HEAD")
    (cloud.repository / "setup.py").write_text("# newer\n")
    git(cloud.repository, "commit", "--quiet", "--all", "--message", "newer")
    cloud.install()
    cloud.tpu("copy", f"--revision={before}")
    assert (cloud.worker() / "socratic/code/setup.py").read_text() == "# packages\n"
    assert "no-such is no commit" in cloud.tpu("copy", "--revision=no-such", code=1).stderr


def test_one_worker_fails_once(cloud):
    cloud.install(workers=4)
    cloud.rule("scp .*--worker=3", code=255, stderr="Connection reset")
    error = cloud.tpu("copy", "--backoff=7").stderr
    assert "copying: trying worker 3 again" in error
    assert len(cloud.calls("scp")) == 5 and cloud.sleeps() == [7]


def test_one_worker_always_fails(cloud):
    cloud.install(workers=4)
    cloud.rule("scp .*--worker=3", code=255, stderr="Connection reset by peer", times=99)
    error = cloud.tpu("copy", "--tries=2", code=1).stderr
    assert "worker 3: Connection reset by peer" in error
    assert error.splitlines()[-1] == "error: copying failed on worker 3"
    assert "worker 1:" not in error


def test_preempted_while_copying(cloud):
    cloud.install(workers=4)
    cloud.rule("scp .*--worker=1", code=255, stderr="Connection reset", preempt=["tpu"])
    assert "tpu became PREEMPTED while copying" in cloud.tpu("copy", code=75).stderr
    assert cloud.sleeps() == []


@pytest.mark.parametrize("command", ["setup", "copy", "run"])
def test_a_tpu_that_is_not_ready(cloud, command):
    cloud.has_tpu(states=["SUSPENDED"], node="PREEMPTED")
    assert (
        "tpu is PREEMPTED; launch/tpu.sh create makes it anew"
        in cloud.tpu(command, "--", *SIMPLE, code=75).stderr
    )


# ---- run, status, logs, attach, stop.


def test_the_program_gets_exactly_these_flags(cloud):
    cloud.install(workers=4)
    cloud.tpu("run", "--", *FLAGS)
    wait_for(lambda: all(cloud.starts(n) for n in range(4)))
    for number in range(4):
        (start,) = cloud.starts(number)
        assert start["flags"] == [*FLAGS, "--distributed=auto"]
        assert start["cwd"] == str(cloud.worker(number) / "socratic/code")
    wait_for(lambda: states(cloud) == ["exited 0"] * 4)


def test_distributed_can_be_given(cloud):
    cloud.install()
    cloud.tpu("run", "--", *SIMPLE, "--distributed=none")
    wait_for(lambda: cloud.starts())
    assert cloud.starts()[0]["flags"] == [*SIMPLE, "--distributed=none"]


def test_a_run_from_start_to_stop(cloud):
    cloud.install(workers=2)
    cloud.program(SAVES)
    assert states(cloud) == ["idle -"] * 2
    cloud.tpu("run", "--", *FLAGS)
    wait_for(running(cloud, 2))
    assert states(cloud) == ["running -"] * 2
    wait_for(lambda: "step 7, loss 1.5" in cloud.tpu("status").stdout)
    assert cloud.tpu("logs", "--worker=all", "--nofollow").stdout.count("] step 7, loss 1.5") == 2
    assert cloud.tpu("attach", "--worker=1").stdout == "attached to =socratic\n"
    output = cloud.tpu("stop").stdout
    assert output == "worker 0: stopped, exit code 42\nworker 1: stopped, exit code 42\n"
    assert states(cloud) == ["stopped 42"] * 2
    assert "saved step 7" in cloud.tpu("logs", "--nofollow").stdout


def test_logs_of_all_workers_fail_with_any_of_them(cloud):
    cloud.install(workers=3)
    cloud.rule("--worker=1 .*worker.sh logs", code=255, stderr="Connection reset\n")
    for number in (0, 2):
        (cloud.worker(number) / "socratic/run").mkdir()
        (cloud.worker(number) / "socratic/run/log").write_text("step 7\n")
    done = cloud.tpu("logs", "--worker=all", "--nofollow", code=1)
    assert sorted(done.stdout.splitlines()) == ["[0] step 7", "[2] step 7"]
    assert done.stderr.splitlines()[-1] == "error: logs failed on worker 1"


def test_a_second_run_is_refused_while_one_is_going_on(cloud):
    cloud.install(workers=2)
    cloud.program(SAVES)
    cloud.tpu("run", "--", *SIMPLE)
    for flags in (SIMPLE, FLAGS):
        assert "a run is going on on worker 0" in cloud.tpu("run", "--", *flags, code=1).stderr
    assert "a run is going on here" in cloud.tpu("copy", code=1).stderr
    assert (cloud.worker() / "socratic/code/launch/worker.sh").exists()
    cloud.tpu("stop")
    assert len(cloud.starts(0)) == 1


def test_stop_when_nothing_runs(cloud):
    cloud.install(workers=2)
    assert cloud.tpu("stop").stdout == "worker 0: nothing runs\nworker 1: nothing runs\n"
    cloud.has_tpu(node="PREEMPTED")
    assert "tpu is PREEMPTED: nothing runs" in cloud.tpu("stop").stderr
    cloud.save(tpus={})
    assert "tpu is ABSENT: nothing runs" in cloud.tpu("stop").stderr


def test_a_program_that_does_not_stop_is_killed(cloud):
    cloud.install()
    # With a child, as data loading has.
    cloud.program(
        "trap '' TERM; echo on >$HOME/ready; sleep 60 & echo $! >$HOME/child; while :; do sleep 0.1; done"
    )
    cloud.tpu("run", "--", *SIMPLE)
    wait_for(lambda: (cloud.worker() / "child").exists())
    output = cloud.tpu("stop", "--grace=0").stdout
    assert "not stopped after 0 s: killed" in output and "exit code 137" in output
    child = int((cloud.worker() / "child").read_text())
    with pytest.raises(ProcessLookupError):
        wait_for(lambda: os.kill(child, 0) or os.path.exists(f"/proc/{child}/fd") is False, seconds=5)


def test_a_dropped_connection_does_not_start_a_run_twice(cloud):
    """gcloud repeats a command whose connection broke, also one that had started the run."""
    cloud.install()
    cloud.program(SAVES)
    cloud.tpu("run", "--", *SIMPLE)
    wait_for(running(cloud))
    (command,) = [word for call in cloud.calls("worker.sh start") for word in call if "start" in word]
    again = ["gcloud", "compute", "tpus", "tpu-vm", "ssh", "tpu", "--worker=0", command]
    assert subprocess.run(again, env=cloud.environment).returncode == 0
    cloud.tpu("stop")
    assert len(cloud.starts()) == 1


def test_one_worker_that_cannot_start_stops_the_others(cloud):
    cloud.install(workers=4)
    cloud.program(SAVES)
    shutil.rmtree(cloud.worker(2) / "socratic/venv")
    error = cloud.tpu("run", "--", *SIMPLE, code=1).stderr
    assert "worker 2: Python is not installed here; run setup first" in error
    # Not with 42, if they were told to stop before they could listen.
    assert [state.split()[0] for state in states(cloud)] == ["stopped", "stopped", "idle", "stopped"]


def test_run_before_setup(cloud):
    cloud.has_tpu()
    assert (
        "worker 0: nothing is set up here; run setup first" in cloud.tpu("run", "--", *SIMPLE, code=1).stderr
    )


def test_several_workers_need_a_workdir_that_all_see(cloud):
    cloud.install(workers=2)
    flags = ["--config=c", "--workdir=/data/run"]
    assert "2 workers need one workdir" in cloud.tpu("run", "--", *flags, code=2).stderr
    assert (
        "a run with a space"
        in cloud.tpu("run", "--workers=1", "--", "--config=c", "--workdir=/data/a run with a space").stderr
    )


def test_exit_codes_last_lines_and_a_lost_machine(cloud):
    cloud.install(workers=3)
    cloud.program("echo loading; echo; exit $WORKER")
    cloud.tpu("run", "--", *SIMPLE)
    wait_for(lambda: states(cloud) == ["exited 0", "exited 1", "exited 2"])
    assert "loading" in cloud.tpu("status").stdout
    (cloud.worker(1) / "socratic/run/exit_code").unlink()  # A machine that was started anew.
    assert states(cloud)[1] == "lost -"


def test_status_of_a_worker_that_cannot_be_reached(cloud):
    cloud.install(workers=2)
    cloud.rule("worker.sh status.*", code=255, stderr="no route", times=99)
    assert states(cloud) == ["unreachable -"] * 2


def test_status_without_a_tpu(cloud):
    assert re.findall(r"\w+$", cloud.tpu("status").stdout, re.M) == ["ABSENT", "ABSENT"]


# ---- Keys.


def test_keys_go_by_file_and_never_by_command_line(cloud):
    keys = cloud.path / "my keys"
    keys.write_text("# For the teacher.\n\nAPI_KEY='s3cret $x \"y'\nOTHER=1")
    keys.chmod(0o600)
    cloud.install(workers=2)
    cloud.program('echo "$(stat -c %a $HOME/socratic_env 2>/dev/null || echo gone)" >$HOME/seen; exit 0')
    output = cloud.tpu("run", f"--env_file={keys}", "--", *SIMPLE)
    wait_for(lambda: all((cloud.worker(n) / "seen").exists() for n in range(2)))
    assert cloud.starts()[0]["key"] == 's3cret $x "y'
    assert (cloud.worker() / "seen").read_text() == "gone\n", "the file is removed once it is read"
    assert "s3cret" not in (cloud.path / "calls.jsonl").read_text() + output.stdout + output.stderr
    assert cloud.calls("socratic_env")[0][4] == str(keys)


def test_a_run_without_keys_does_not_get_those_of_the_one_before(cloud):
    cloud.install()
    leftover = cloud.worker() / "socratic_env"
    leftover.write_text("API_KEY=old\n")
    cloud.tpu("run", "--", *SIMPLE)
    wait_for(lambda: cloud.starts())
    assert cloud.starts()[0]["key"] is None and not leftover.exists()


def test_the_copy_of_the_keys_is_private(cloud):
    keys = cloud.path / "keys"
    keys.write_text("API_KEY=x\n")
    keys.chmod(0o600)
    cloud.install()
    cloud.rule("worker.sh start", code=65, stderr="refused")
    cloud.tpu("run", f"--env_file={keys}", "--", *SIMPLE, code=1)
    assert mode(cloud.worker() / "socratic_env") == 0o600


@pytest.mark.parametrize(
    ("text", "permissions", "message"),
    [
        ("API_KEY=s3cret\n", 0o644, "others may read keys; chmod 600 it"),
        ("A=1\ns3cret\n", 0o600, "keys:2: not NAME=VALUE"),
        (None, 0, "cannot read keys"),
    ],
)
def test_bad_key_files_are_refused(cloud, text, permissions, message):
    cloud.install()
    if text is not None:
        (cloud.path / "keys").write_text(text)
        (cloud.path / "keys").chmod(permissions)
    error = cloud.tpu("run", "--env_file=keys", "--", *SIMPLE, code=2).stderr
    assert message in error and "s3cret" not in error


# ---- Interruptions, and tmux itself.


def test_an_interrupted_script_leaves_nothing_behind(cloud):
    cloud.install()
    (cloud.path / "bin/slow").write_text('#!/bin/sh\necho $$ >"$FAKE_CLOUD/slow"; exec sleep 60\n')
    (cloud.path / "bin/slow").chmod(0o755)
    gcloud = (cloud.path / "bin/gcloud").read_text()
    (cloud.path / "bin/gcloud").write_text(
        gcloud.replace("exec ", 'case "$*" in *scp*) exec slow ;; esac\nexec ')
    )
    process = subprocess.Popen(
        [cloud.repository / "launch/tpu.sh", "copy"],
        env={**cloud.environment, "TMPDIR": str(cloud.path / "home")},
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: (cloud.path / "slow").exists() and (cloud.path / "slow").read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143
    slow = int((cloud.path / "slow").read_text())
    wait_for(lambda: not os.path.exists(f"/proc/{slow}"))
    assert list((cloud.path / "home").glob("socratic.*")) == []


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_the_same_in_a_real_tmux(cloud):
    (cloud.path / "worker-bin/tmux").unlink()
    cloud.install(workers=2)
    cloud.program(SAVES)
    cloud.tpu("run", "--", *FLAGS)
    wait_for(lambda: "step 7, loss 1.5" in cloud.tpu("status").stdout)
    assert states(cloud) == ["running -"] * 2
    assert cloud.starts(1)[0]["flags"] == [*FLAGS, "--distributed=auto"]
    pane = ["tmux", "-L", "socratic", "capture-pane", "-p", "-t", "=socratic:"]
    environment = {**os.environ, "TMUX_TMPDIR": str(cloud.worker() / "tmux")}
    environment.pop("TMUX", None)
    wait_for(lambda: b"step 7, loss 1.5" in subprocess.run(pane, env=environment, capture_output=True).stdout)
    assert "a run is going on" in cloud.tpu("run", "--", *SIMPLE, code=1).stderr
    assert "stopped, exit code 42" in cloud.tpu("stop").stdout
    assert states(cloud) == ["stopped 42"] * 2


# ---- The real gcloud, which reads its command line before it looks for an account.


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_the_real_gcloud_understands_these_flags(cloud, tmp_path):
    lines = [
        cloud.tpu(
            "create", "--dry_run", "--spot", "--valid_until=6h", "--service_account=a@b", INTERNAL_IP="1"
        ),
        cloud.tpu("copy", "--dry_run", "--project=p"),
        cloud.tpu("attach", "--dry_run"),
        cloud.tpu("delete", "--dry_run"),
    ]
    commands = {}
    for line in "".join(done.stdout for done in lines).splitlines():
        if line.startswith("gcloud"):
            words = shlex.split(line)
            commands.setdefault((*words[3:5], "--ssh-flag=-t" in words), words)
    assert len(commands) == 7
    environment = {
        **os.environ,
        # Nobody's account, and nowhere to go with it.
        "CLOUDSDK_CONFIG": str(tmp_path),
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_TPU": "http://127.0.0.1:9/",
        "CLOUDSDK_CORE_PROJECT": "p",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    }
    processes = [
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for words in commands.values()
    ]
    for process, words in zip(processes, commands.values(), strict=True):
        error = process.communicate(timeout=50)[1]
        assert process.returncode == 1 and "active account" in error, f"{words}\n{error}"
