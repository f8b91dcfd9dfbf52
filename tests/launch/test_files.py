"""The YAML files, the container, and the commands of launch/README.md."""

import operator
import re
import shutil
import subprocess

import pytest
import yaml

from socratic_jax.config import default_config
from tests.launch.conftest import LAUNCH, ROOT, SAVES

README = (LAUNCH / "README.md").read_text().replace(" \\\n", " ")  # Continued lines as one.
PATH = README.split("## From a Google Cloud project")[1].split("### Time and cost")[0]


def test_gke():
    jobset = yaml.safe_load((LAUNCH / "gke.yaml").read_text())
    assert (jobset["apiVersion"], jobset["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    policy = jobset["spec"]["failurePolicy"]
    (job,) = jobset["spec"]["replicatedJobs"]
    job = job["template"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]

    # A whole slice: as many pods as machines, four chips each.
    chips = container["resources"]["limits"]["google.com/tpu"]
    assert container["resources"]["requests"] == container["resources"]["limits"]
    x, y = map(int, pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"].split("x"))
    assert job["completions"] == job["parallelism"] == x * y // chips
    assert job["completionMode"] == "Indexed"

    # A preempted pod and exit codes 42 and 134 (aborted since the first one is gone) let the job fail as any
    # failure does, and the JobSet restarts it. Another exit code lets it fail for a reason of its own, for
    # which the JobSet gives up.
    assert job["backoffLimit"] == 0 and pod["restartPolicy"] == "Never"
    disruption, preempted, failure = job["podFailurePolicy"]["rules"]
    assert disruption["action"] == preempted["action"] == "Count" and failure["action"] == "FailJob"
    assert disruption["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    codes = {"containerName": container["name"], "values": [42, 134]}
    assert preempted["onExitCodes"] == {**codes, "operator": "In"}
    assert failure["onExitCodes"] == {**codes, "operator": "NotIn"}
    (rule,) = policy["rules"]
    assert (rule["action"], rule["onJobFailureReasons"]) == ("FailJobSet", ["PodFailurePolicy"])
    assert policy["maxRestarts"] > 0

    # Time to save, and SIGTERM reaches the program: the image starts it without a shell.
    assert pod["terminationGracePeriodSeconds"] >= 120 and "command" not in container
    flags = dict(argument.split("=", 1) for argument in container["args"])
    assert flags["--distributed"] == "auto" and flags["--workdir"].startswith("gs://")


def sky() -> dict:
    return yaml.safe_load((LAUNCH / "sky.yaml").read_text())


def test_sky():
    resources = sky()["resources"]
    assert resources["use_spot"] is True
    assert resources["job_recovery"] == {"max_restarts_on_errors": 0, "recover_on_exit_codes": [42]}
    assert sky()["envs"]["BUCKET"] is None, "SkyPilot asks for it"


def test_the_commands_of_sky(tmp_path):
    program = tmp_path / "socratic-venv/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\nexit 42\n')
    program.chmod(0o755)
    envs = {**sky()["envs"], "BUCKET": "b", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", sky()["run"]], env=envs, capture_output=True, text=True)
    assert done.returncode == 42
    assert done.stdout.splitlines() == [
        "-m",
        "socratic_jax.main",
        "--config=configs/gsm8k.py:gpt2-large",
        '--config.strategies=("socratic_iterative",)',
        "--config.data.dir=gs://b/gsm8k",
        "--workdir=gs://b/gpt2-large-socratic_iterative",
    ]
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/bash\necho $*\n")
    uv.chmod(0o755)
    envs["PATH"] = f"{tmp_path}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-c", sky()["setup"]], env=envs, capture_output=True, text=True, check=True
    )
    assert "--editable .[tpu] gcsfs" in done.stdout


def test_the_container_has_what_it_copies_and_nothing_else():
    dockerfile = (LAUNCH / "Dockerfile.gpu").read_text()
    copied = {source for line in re.findall(r"^COPY (.+) \S+$", dockerfile, re.M) for source in line.split()}
    allowed = set(re.findall(r"^!(.+)$", (LAUNCH / "Dockerfile.gpu.dockerignore").read_text(), re.M))
    assert {source.split("/")[0] for source in copied} == allowed
    assert all((ROOT / source).exists() for source in copied)
    # As whoever types it, into a directory that is theirs.
    mkdir, run = re.search(r"^#   (mkdir .+)\n#   (docker run .+)$", dockerfile, re.M).groups()
    assert mkdir == "mkdir -p runs" and '--user "$(id -u):$(id -g)" -e HOME=/tmp -v "$PWD/runs:/runs"' in run
    assert 'ENTRYPOINT ["python", "-m", "socratic_jax.main"]' in dockerfile
    extras = re.findall(r'^        "(\w+)": \[', (ROOT / "setup.py").read_text(), re.M)
    assert {"cuda", "tpu"} <= set(extras) and "ARG EXTRA=cuda" in dockerfile


def commands(*of: str) -> list[str]:
    lines = re.findall(r"^    (.+)$", README, re.M)
    return [line for line in lines if line.startswith(of)]


def test_the_newcomers_path_has_seven_commands():
    assert re.findall(r"^\*\*(\d)\.", PATH, re.M) == list("1234567")
    exported, *seven = re.findall(r"^    (.+)$", PATH, re.M)
    assert exported.startswith("export ") and len(seven) == 7


def test_the_newcomers_path_from_the_first_command_to_the_last(cloud):
    """As typed, with the recording gcloud; git and the data are not fetched."""
    lines = re.findall(r"^    (.+)$", PATH, re.M)
    cloud.program("exit 0")
    for service in (
        "auth login",
        "config set",
        "services enable",
        "storage buckets",
        "storage cp",
        "storage cat",
    ):
        cloud.rule(service, code=0)
    (cloud.path / "bin/git").write_text(f'#!/bin/sh\n[ "$1" = clone ] || exec {shutil.which("git")} "$@"\n')
    (cloud.path / "bin/git").chmod(0o755)
    environment = {k: v for k, v in cloud.environment.items() if k not in ("NAME", "ZONE", "TYPE")}
    script = "set -e\n" + "\n".join(lines)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=cloud.repository,
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    for seen in (
        "socratic: READY",
        "copying: 1 worker(s)",
        "installing: 1 worker(s)",
        "starting: 1 worker(s)",
    ):
        assert seen in done.stderr and seen.split(": ")[-1] in README
    assert "socratic is deleted" in done.stderr
    (start,) = cloud.starts(name="socratic")
    assert '--config.strategies=("socratic_iterative",)' in start["flags"]
    assert "--workdir=gs://my-bucket/gpt2-large" in start["flags"]


@pytest.mark.parametrize("line", commands("launch/babysit.sh", "launch/sweep.sh"), ids=lambda line: line[:17])
def test_other_commands_of_the_readme_can_be_run_dry(cloud, line):
    cloud.program(SAVES)
    environment = {**cloud.environment, "BUCKET": "b", "DRY_RUN": "1"}
    done = subprocess.run(
        ["bash", "-c", line], cwd=cloud.repository, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "worker.sh start noenv --config=configs/gsm8k.py:gpt2-large" in done.stdout
    assert cloud.calls() == []


def test_the_readme_names_every_setting_and_script():
    settings = set()
    for script in ("tpu.sh", "babysit.sh", "sweep.sh"):
        text = (LAUNCH / script).read_text()
        for line in re.findall(r'^(?:SETTINGS|SWITCHES)\+?="(.*)"$', text, re.M):
            settings |= set(line.replace("$PASSED", "").split())
    settings -= {"dry_run", "short"}
    unnamed = {s for s in settings if not re.search(rf"\b({s.upper()}|{s})\b", README)}
    assert unnamed == set()
    assert all(
        f"`{file.name}`" in README for file in LAUNCH.iterdir() if file.suffix in (".sh", ".yaml", ".gpu")
    )


def test_options_that_the_readme_recommends_exist():
    config, named = default_config(), set(re.findall(r"--config\.([a-z_.]+)=", README))
    assert {"train.accumulate", "decode.slots"} <= named
    for name in named:
        operator.attrgetter(name)(config)


def test_nothing_claims_to_have_been_run_on_hardware():
    assert "None of them has been run on a cloud or a cluster yet." in README
    assert "Estimates from arithmetic and memory: nothing of it was measured" in README
