"""A small cloud: a recording gcloud first in PATH, TPU workers that are directories, sleeps that are none."""

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / "launch"

# tmux without tmux, as far as worker.sh goes. The session is a process group of its own.
FAKE_TMUX = """#!/usr/bin/env bash
pid_file=$TMUX_TMPDIR/session.pid
[[ $1 == -L ]] && shift 2
case $1 in
  has-session) # A zombie that nobody has reaped yet is none.
    [[ -f $pid_file ]] && read -r _ _ state _ 2>/dev/null <"/proc/$(<"$pid_file")/stat" && [[ $state != Z ]]
    ;;
  new-session)
    shift
    while [[ $1 == -* ]]; do [[ $1 == -s ]] && shift; shift; done
    setsid "$@" >"$TMUX_TMPDIR/screen" 2>&1 </dev/null &
    echo $! >"$pid_file.new"
    mv "$pid_file.new" "$pid_file"
    ;;
  kill-session) kill -HUP "$(<"$pid_file")" && rm -f "$pid_file" ;;
  attach) echo "attached to ${*: -1}" ;;
esac
"""

# The venv's Python on a worker. What it does is in the test's program.sh, which sees the flags, TPU, WORKER,
# and START: 1 when the program is started there for the first time.
FAKE_PYTHON = f"""#!/usr/bin/env bash
[[ "$1 $2" == "-m socratic_jax.main" ]] || exit 99
shift 2
starts=$FAKE_CLOUD/starts/$TPU-$WORKER
{sys.executable} -I -S -c 'import json, os, sys
print(json.dumps(dict(flags=sys.argv[1:], cwd=os.getcwd(), key=os.environ.get("API_KEY"))))' "$@" >>"$starts"
export START=$(wc -l <"$starts")
exec bash "$FAKE_CLOUD/program.sh" "$@"
"""

FAKE_UV = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$HOME/uv"
[[ ! -f $HOME/uv_fails ]] || { rm "$HOME/uv_fails"; echo "no network" >&2; exit 1; }
if [[ $1 == venv ]]; then
  mkdir -p "${@: -1}/bin"
  cp "$FAKE_CLOUD/python" "${@: -1}/bin/python"
fi
"""

# Until it is told to end; then it saves and says that the same command goes on.
SAVES = """
trap 'echo "saved step 7"; exit 42' TERM
echo "step 7, loss 1.5"
while :; do sleep 0.02; done
"""


class Cloud:
    """Directory of the cloud, and the scripts run against it."""

    def __init__(self, path: Path, repository: Path):
        self.path = path
        self.repository = repository
        for directory in ("bin", "worker-bin", "home", "workers", "starts"):
            (path / directory).mkdir()
        self._script(
            "bin/gcloud", f'#!/bin/sh\nexec {sys.executable} -I -S {__file__[:-11]}fake_gcloud.py "$@"\n'
        )
        self._script("bin/sleeps", '#!/bin/sh\necho "$1" >>"$FAKE_CLOUD/sleeps"\n')
        self._script("worker-bin/tmux", FAKE_TMUX)
        self._script("worker-bin/uv", FAKE_UV)
        self._script("python", FAKE_PYTHON)
        self.program("exit 0")
        self.save(tpus={}, rules=[])
        self.environment = {
            "PATH": f"{path}/bin:{os.environ['PATH']}",
            "HOME": str(path / "home"),
            "FAKE_CLOUD": str(path),
            "SLEEP": "sleeps",
            "NAME": "tpu",
            "ZONE": "us-west4-a",
            "TYPE": "v5litepod-8",
            "LC_ALL": "C.UTF-8",
        }

    def _script(self, name: str, text: str) -> None:
        file = self.path / name
        file.write_text(text)
        file.chmod(0o755)

    def program(self, text: str) -> None:
        (self.path / "program.sh").write_text(text)

    # -- The state of the cloud.

    def data(self) -> dict:
        return json.loads((self.path / "cloud.json").read_text())

    def save(self, **changes) -> None:
        file = self.path / "cloud.json"
        file.write_text(json.dumps({**(self.data() if file.exists() else {}), **changes}))

    def rule(self, match: str, **rule) -> None:
        """Answers the next call (`times`, after `after` others) that matches; see fake_gcloud.py."""
        self.save(rules=[*self.data()["rules"], dict(match=match, **rule)])

    def has_tpu(self, name="tpu", states=("ACTIVE",), node="READY", workers=1) -> None:
        self.save(tpus={**self.data()["tpus"], name: dict(states=list(states), node=node, workers=workers)})

    def calls(self, *words: str) -> list[list[str]]:
        """What gcloud was told, of calls with all these words in one of their arguments."""
        file = self.path / "calls.jsonl"
        calls = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [c for c in calls if all(any(word in argument for argument in c) for word in words)]

    def forget(self) -> None:
        (self.path / "calls.jsonl").unlink(missing_ok=True)

    def sleeps(self) -> list[int]:
        file = self.path / "sleeps"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    # -- Workers.

    def worker(self, number=0, name="tpu") -> Path:
        return self.path / "workers" / name / str(number)

    def starts(self, number=0, name="tpu") -> list[dict]:
        file = self.path / "starts" / f"{name}-{number}"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def install(self, workers=1, name="tpu") -> None:
        """Workers as `setup` leaves them."""
        self.has_tpu(name, workers=workers)
        for number in range(workers):
            home = self.worker(number, name)
            (home / "socratic/venv/bin").mkdir(parents=True)
            (home / "socratic/code/launch").mkdir(parents=True)
            (home / "tmux").mkdir()
            shutil.copy(self.path / "python", home / "socratic/venv/bin/python")
            shutil.copy(LAUNCH / "worker.sh", home / "socratic/code/launch/worker.sh")

    def end(self) -> None:
        for file in [
            *self.path.glob("workers/*/*/tmux/*.pid"),
            *self.path.glob("workers/*/*/socratic/run/pid"),
        ]:
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.killpg(int(file.read_text()), signal.SIGKILL)
        for socket in self.path.glob("workers/*/*/tmux/*/socratic"):
            subprocess.run(["tmux", "-S", socket, "kill-server"], capture_output=True)

    # -- The scripts.

    def launch(self, script: str, *arguments: str, code: int | None = 0, **environment: str):
        """Runs launch/SCRIPT, and checks its exit code."""
        done = subprocess.run(
            [self.repository / "launch" / script, *arguments],
            env={**self.environment, **environment},
            cwd=self.path,
            capture_output=True,
            text=True,
            timeout=50,
            stdin=subprocess.DEVNULL,
        )
        if code is not None:
            assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def path_without(self, command: str) -> str:
        """A PATH in which all is as it was but for one command."""
        directory = self.path / f"without-{command}"
        directory.mkdir()
        for place in self.environment["PATH"].split(":"):
            for file in Path(place).glob("*"):
                if file.name != command and not (directory / file.name).exists():
                    (directory / file.name).symlink_to(file)
        return str(directory)

    def tpu(self, *arguments: str, **options):
        return self.launch("tpu.sh", *arguments, **options)


def git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", repository, "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def make_repository(path: Path) -> Path:
    """A commit with the scripts as they are now, and little else."""
    shutil.copytree(LAUNCH, path / "launch")
    (path / "setup.py").write_text("# packages\n")
    git(path, "init", "--quiet")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", "code")
    return path


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    return make_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture
def cloud(repository):
    # A short path: tmux's socket lies in it.
    path = Path(tempfile.mkdtemp(prefix="sj-", dir="/tmp"))
    the_cloud = Cloud(path, repository)
    yield the_cloud
    the_cloud.end()
    shutil.rmtree(path, ignore_errors=True)


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)
