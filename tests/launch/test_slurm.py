"""launch/slurm.sh, with an srun that starts its processes here."""

import json
import re
import signal
import subprocess
import sys

import pytest

from tests.launch.conftest import LAUNCH, SAVES
from tests.launch.test_tpu import wait_for

FLAGS = [
    "--config=configs/gsm8k.py:gpt2",
    "--workdir=/shared/a run",
    '--config.strategies=("cot", "socratic_shared")',
]

# Two processes. TERM goes to all of them; the highest exit code is srun's.
SRUN = """#!/usr/bin/env bash
printf '%s\\n' "$@" >"$FAKE/srun_flags"
while [[ $1 == -* ]]; do shift; done
pids=()
for i in 0 1; do SLURM_PROCID=$i "$@" & pids+=($!); done
trap 'kill -TERM "${pids[@]}"' TERM
highest=0
for pid in "${pids[@]}"; do
  while kill -0 $pid 2>/dev/null; do wait $pid; done
  wait $pid
  code=$?
  ((code <= highest)) || highest=$code
done
exit $highest
"""


class Slurm:
    def __init__(self, path):
        self.path = path
        self.script("srun", SRUN)
        self.script("squeue", 'cat "$FAKE/state"')
        self.script("scontrol", 'echo "$*" >>"$FAKE/requeued"')
        note = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ.get('API_KEY')]))"
        self.script(
            "python",
            f'{sys.executable} -I -S -c "{note}" "$@" >>"$FAKE/starts"\nexec bash "$FAKE/program.sh"',
        )
        (path / "state").write_text("RUNNING\n")

    def script(self, name, text):
        (self.path / name).write_text(text if text.startswith("#!") else f"#!/usr/bin/env bash\n{text}\n")
        (self.path / name).chmod(0o755)

    def program(self, text):
        (self.path / "program.sh").write_text(text)

    def start(self, *flags, **environment):
        return subprocess.Popen(
            ["bash", LAUNCH / "slurm.sh", *(flags or FLAGS)],
            env={
                "PATH": f"{self.path}:/usr/bin:/bin",
                "FAKE": str(self.path),
                "PYTHON": "python",
                "SLURM_JOB_ID": "17",
                "SLURM_SUBMIT_DIR": str(self.path),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *flags, code=0, **environment):
        process = self.start(*flags, **environment)
        output = process.communicate(timeout=20)[0]
        assert process.returncode == code, output
        return output

    def read(self, name):
        file = self.path / name
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def slurm(tmp_path):
    return Slurm(tmp_path)


def test_every_process_gets_the_flags(slurm):
    slurm.program("exit 0")
    slurm.run()
    starts = [json.loads(line) for line in slurm.read("starts")]
    assert starts == [[["-m", "socratic_jax.main", *FLAGS, "--distributed=auto"], None]] * 2
    assert slurm.read("requeued") == []


def test_time_is_up(slurm):
    """Slurm tells the script; the script tells the program; the job goes back into the queue."""
    slurm.program(SAVES)
    process = slurm.start()
    wait_for(lambda: len(slurm.read("starts")) == 2)
    subprocess.run(["sleep", "0.2"])
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=20)[0]
    assert process.returncode == 0, output
    assert output.count("saved step 7") == 2 and "back into the queue" in output
    assert slurm.read("requeued") == ["requeue 17"]


@pytest.mark.parametrize("state", ["COMPLETING", "CANCELLED", ""])
def test_a_job_that_was_cancelled_does_not_come_back(slurm, state):
    (slurm.path / "state").write_text(state)
    slurm.program("exit 42")
    slurm.run(code=42)
    assert slurm.read("requeued") == []


def test_a_failure_counts_more_than_those_that_saw_it(slurm):
    slurm.program("((SLURM_PROCID == 1)) && exit 3; exit 42")
    assert "process 1: exit code 3" in slurm.run(code=100)
    assert slurm.read("requeued") == []


def test_a_killed_process_and_those_that_the_runtime_aborts_for_it_come_back(slurm):
    slurm.program("((SLURM_PROCID == 0)) && kill -KILL $$; kill -ABRT $$")
    output = slurm.run()
    assert "process 0: exit code 137" in output and "process 1: exit code 134" in output
    assert slurm.read("requeued") == ["requeue 17"]


def test_it_does_not_come_back_for_ever(slurm):
    slurm.program("exit 42")
    assert "started 2 times again" in slurm.run(code=42, MAX_RESTARTS="2", SLURM_RESTART_COUNT="2")
    slurm.run(MAX_RESTARTS="2", SLURM_RESTART_COUNT="1")
    assert slurm.read("requeued") == ["requeue 17"]


def test_in_a_container(slurm):
    """It sees the directory of the job and MOUNTS; what is written elsewhere would be lost with it."""
    slurm.program("exit 0")
    slurm.run(CONTAINER="image.sqsh", MOUNTS="/data:/data:ro,/shared")
    flags = slurm.read("srun_flags")
    assert "--container-image=image.sqsh" in flags
    assert f"--container-mounts={slurm.path},/data:/data:ro,/shared" in flags
    started = len(slurm.read("starts"))
    for mounts in ("", "/share", "/shared:/other", "/shared/a"):
        (line,) = slurm.run(code=2, CONTAINER="image.sqsh", MOUNTS=mounts).splitlines()
        assert line.startswith("error: /shared/a run is lost with the container, which only sees ")
    assert len(slurm.read("starts")) == started
    for workdir, mounts in (
        ("runs/x", ""),
        (f"{slurm.path}/runs/x", ""),
        ("/other/x", "/shared:/other"),
        ("gs://b/x", ""),
    ):
        slurm.run("--config=c", f"--workdir={workdir}", CONTAINER="image.sqsh", MOUNTS=mounts)


def test_keys_come_from_a_private_file(slurm):
    slurm.program("exit 0")
    keys = slurm.path / "keys"
    keys.write_text("# teacher\nAPI_KEY=s3cret\n")
    keys.chmod(0o644)
    assert "others may read keys" in slurm.run(code=2, ENV_FILE="keys")
    keys.chmod(0o600)
    slurm.run(ENV_FILE="keys")
    assert json.loads(slurm.read("starts")[0])[1] == "s3cret"
    assert "s3cret" not in "".join(slurm.read("srun_flags"))


def test_mistakes(slurm):
    assert "missing: --config=... and --workdir=..." in slurm.run("--config=x", code=2)
    assert "this is for sbatch" in slurm.run(code=2, SLURM_JOB_ID="")


def test_the_head():
    """sbatch reads its options from the lines before the first command."""
    head = (LAUNCH / "slurm.sh").read_text().split("\nset -euo pipefail\n")[0]
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", head, re.M))
    assert options["signal"] == "B:TERM@120"
    assert "requeue" in options and options["open-mode"] == "append"
    assert options["ntasks-per-node"] == options["gpus-per-node"]
