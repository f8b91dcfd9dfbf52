"""launch/worker.sh by itself, with a PATH that has only what the test puts there."""

import shutil
import subprocess

import pytest

from tests.launch.conftest import LAUNCH

TOOLS = ("bash", "cat", "cmp", "cp", "cut", "env", "grep", "mkdir", "mv", "rm", "tail", "tar", "touch", "tr")


class Worker:
    def __init__(self, path):
        self.home, self.bin = path / "home", path / "bin"
        (self.home / "socratic/code/launch").mkdir(parents=True)
        (self.home / "socratic/code/setup.py").touch()
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        shutil.copy(LAUNCH / "worker.sh", self.home / "socratic/code/launch/worker.sh")

    def tool(self, name: str, script: str = "") -> None:
        """A command that notes how it was called, and does what the script says."""
        file = self.bin / name
        file.write_text(f'#!/bin/bash\nprintf "%s\\n" "{name} $*" >>"$HOME/called"\n{script}\n')
        file.chmod(0o755)

    def called(self) -> list[str]:
        file = self.home / "called"
        return file.read_text().splitlines() if file.exists() else []

    def __call__(self, *arguments: str, code: int = 0):
        done = subprocess.run(
            ["bash", self.home / "socratic/code/launch/worker.sh", *arguments],
            env={"HOME": str(self.home), "PATH": str(self.bin)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        return done


UV = 'if [[ $1 == venv ]]; then mkdir -p "${@: -1}/bin"; cp "$HOME/../bin/env" "${@: -1}/bin/python"; fi'
NOTHING_RUNS = '[[ "$*" != *has-session* ]]'


@pytest.fixture
def worker(tmp_path):
    return Worker(tmp_path)


def install(worker):
    worker("install", "tpu", "3.11")
    return [line for line in worker.called() if not line.startswith("tmux")]


def test_install_where_uv_and_tmux_are(worker):
    worker.tool("uv", UV)
    worker.tool("tmux", NOTHING_RUNS)
    root = worker.home / "socratic"
    assert install(worker) == [
        f"uv venv --quiet --python 3.11 {root}/venv",
        f"uv pip install --quiet --python {root}/venv/bin/python --editable {root}/code[tpu] gcsfs",
    ]
    assert (root / "installed").exists()


def test_install_gets_uv_with_pip(worker):
    worker.tool("tmux", NOTHING_RUNS)
    worker.tool("uv", UV)
    # pip puts it where only a login shell looks.
    (worker.bin / "uv").rename(worker.home / "uv")
    worker.tool("python3", "[[ $* != *--user* ]] || { mkdir -p ~/.local/bin; mv ~/uv ~/.local/bin/uv; }")
    called = install(worker)
    assert called[:2] == ["python3 -m pip --version", "python3 -m pip install --user --quiet uv>=0.5"]
    assert [line.split()[1] for line in called[2:]] == ["venv", "pip"]


def test_install_gets_what_a_bare_machine_lacks(worker):
    worker.tool("uv", UV)
    worker.tool("sudo")
    installed = install(worker)
    assert [line.split()[-1] for line in installed if "apt-get" in line] == ["update", "tmux"]
    assert all("DPkg::Lock::Timeout" in line for line in installed if "apt-get" in line)


def test_a_failed_installation_is_not_taken_for_one(worker):
    worker.tool("tmux", NOTHING_RUNS)
    worker.tool("uv", UV + "; [[ $1 != pip ]]")
    worker("install", "tpu", "3.11", code=1)
    assert not (worker.home / "socratic/installed").exists()


def test_unpack_keeps_the_old_code_when_the_archive_is_broken(worker):
    worker.tool("tmux", NOTHING_RUNS)
    worker.tool("gzip", "exit 1")
    (worker.home / "socratic_code.tar.gz").write_text("not an archive")
    worker("unpack", code=2)
    assert (worker.home / "socratic/code/setup.py").exists()


def test_status_of_a_bare_worker(worker):
    worker.tool("tmux", NOTHING_RUNS)
    assert worker("status", "--config=x").stdout == "@status idle - other -\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"exit_code": "0\n"}, "@status exited 0 same saved\n"),
        ({"exit_code": "42\n", "stopped": ""}, "@status stopped 42 same saved\n"),
        ({}, "@status lost - same saved\n"),
    ],
)
def test_status_of_a_run_that_ended(worker, files, expected):
    worker.tool("tmux", NOTHING_RUNS)
    run = worker.home / "socratic/run"
    run.mkdir()
    (run / "flags").write_text("--a=b c\0")
    (run / "log").write_text("step\t1\nsav\x1bed\n\n--- 2026-01-01 00:00:00: exit code 0\n")
    for name, text in files.items():
        (run / name).write_text(text)
    assert worker("status", "--a=b c").stdout == expected
    assert " other " in worker("status", "--a=b", "c").stdout


def test_unknown_commands_are_refused(worker):
    assert "unknown command 'fly'; valid: unpack" in worker("fly", code=65).stderr


def test_start_while_something_runs(worker):
    """The same run again is no mistake: gcloud repeats what it does not know to be done. Another one is."""
    worker.tool("tmux")
    python = worker.home / "socratic/venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/true")
    (worker.home / "socratic/run").mkdir()
    (worker.home / "socratic/run/flags").write_text("--a=b c\0")
    worker("start", "noenv", "--a=b c")
    assert "another run is going on here" in worker("start", "noenv", "--a=b", "c", code=65).stderr
    assert not any("new-session" in line for line in worker.called())
