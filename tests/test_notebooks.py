"""The notebooks: what is committed, and all of them run from end to end at a tiny size."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]


def _load_build():
    spec = importlib.util.spec_from_file_location("build_notebooks", ROOT / "notebooks" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = _load_build()

SMALL = {
    "TRAIN_PROBLEMS": 200,
    "VALIDATION_PROBLEMS": 8,
    "TEST_PROBLEMS": 6,
    "CONTEXT": 128,
    "STEPS": 4,
    "BATCH_SIZE": 2,
    "UNROLL": 1,
    "CPU_DEVICES": 1,
}
TINY = {
    "1_data_and_transcripts": {"PROBLEMS": 60, "ROWS_SHOWN": 4},
    "2_fine_tune_a_student": SMALL,
    "3_watch_a_dialogue": {**SMALL, "MY_QUESTIONS": ("How many are there now?",)},
    "4_scaling_study": {**SMALL, "SIZES": ("tiny-0.2m",)},
}


def test_there_are_four():
    assert tuple(TINY) == build.NAMES


def code_cells(name):
    return [cell for cell in build.read(name).cells if cell.cell_type == "code"]


@pytest.fixture(params=build.NAMES)
def name(request):
    return request.param


def test_a_notebook_has_the_cells_of_its_source(name):
    assert build.same_cells(build.make(name), build.read(name)), "run notebooks/build.py"


def test_a_notebook_is_valid_and_can_be_opened_in_colab(name):
    notebook = build.read(name)
    nbformat.validate(notebook)
    first = notebook.cells[0].source
    url = f"https://colab.research.google.com/github/{build.REPOSITORY}/blob/main/notebooks/{name}.ipynb"
    assert first.startswith("[![Open In Colab](") and f"({url})" in first
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_all_hyperparameters_are_in_one_cell(name):
    tagged = [cell for cell in code_cells(name) if "parameters" in cell.metadata.get("tags", ())]
    assert len(tagged) == 1
    with pytest.raises(ValueError, match="no parameter 'LERNING_RATE'; it has "):
        build.with_parameters(build.make(name), {"LERNING_RATE": 1.0})


def test_outputs_are_those_of_a_whole_execution(name):
    cells = code_cells(name)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


def test_no_path_of_a_machine_and_no_warning_is_left_in_the_outputs(name):
    for cell in code_cells(name):
        for output in cell.outputs:
            data = {k: v for k, v in output.get("data", {}).items() if k != "image/png"}
            text = output.get("text", "") + "".join(map(str, data.values()))
            assert not re.search(r"/(home|root|tmp|usr|var|work|opt|mnt|Users|content)/", text), text
            assert "Warning" not in text and output.get("name") != "stderr", text


# The install cell.

LISTING = """\
flax==0.12.0
jax==0.10.4
jax-cuda12-pjrt==0.10.4
jax-cuda12-plugin==0.10.4
jaxlib==0.10.4+cuda12
jaxtyping==0.3.2
libtpu==0.0.30
numpy==2.1.0
orbax-checkpoint==0.11.33
"""
SETUP = (ROOT / "setup.py").read_text()


def install_cell(name=build.NAMES[0]):
    return code_cells(name)[0].source


@pytest.fixture
def cell():
    namespace = {}
    exec(install_cell(), namespace)
    return namespace


def test_every_notebook_installs_in_the_same_way(name):
    assert install_cell(name) == install_cell() and f'"{build.REPOSITORY}"' in install_cell()


def test_only_what_belongs_to_the_runtime_is_held(cell):
    assert cell["runtime_pins"](LISTING) == [
        "jax==0.10.4",
        "jax-cuda12-pjrt==0.10.4",
        "jax-cuda12-plugin==0.10.4",
        "jaxlib==0.10.4+cuda12",
        "libtpu==0.0.30",
    ]


@pytest.mark.parametrize(
    ("pins", "message"),
    [
        (["jax==0.10.4"], ""),
        (["jaxlib==0.10.4", "jax==0.7.2"], "this runtime has jax 0.7.2; socratic_jax needs jax>="),
        (["jax==99.0"], "this runtime has jax 99.0; socratic_jax needs jax>="),
        ([], "this runtime has no JAX; socratic_jax needs jax>="),
    ],
)
def test_a_runtime_that_will_not_do_is_refused_in_one_line(cell, pins, message):
    said = cell["refusal"](pins, SETUP)
    assert said.startswith(message) and bool(said) == bool(message) and "\n" not in said


class FakeColab:
    """Records the commands of the install cell, and answers those that ask something."""

    def __init__(self, monkeypatch, listing):
        self.commands, self.listing = [], listing
        monkeypatch.setitem(sys.modules, "google.colab", object())
        monkeypatch.setattr(subprocess, "run", self.run)

    def run(self, command, **options):
        self.commands.append(command)
        if command[:2] == ["git", "clone"]:
            source = Path(command[-1])
            source.mkdir()
            (source / "setup.py").write_text(SETUP)
        return subprocess.CompletedProcess(command, 0, stdout=self.listing)


def test_on_colab_the_package_is_installed_and_jax_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    colab = FakeColab(monkeypatch, LISTING)
    exec(install_cell(), {})
    exec(install_cell(), {})  # The second time there is a clone.
    assert [command[0] for command in colab.commands].count("git") == 1
    *_, install = colab.commands
    assert install[1:3] == ["-m", "pip"] and "--upgrade" not in install and "-U" not in install
    (held,) = [part.split("=", 1)[1] for part in install if part.startswith("--constraint=")]
    assert Path(held).read_text().splitlines() == [
        line for line in LISTING.splitlines() if line.startswith(("jax==", "jax-cuda", "jaxlib", "libtpu"))
    ]


def test_on_colab_with_an_old_jax_nothing_is_installed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    colab = FakeColab(monkeypatch, "jax==0.7.2\njaxlib==0.7.2\n")
    with pytest.raises(SystemExit, match=r"jax 0\.7\.2"):
        exec(install_cell(), {})
    assert not [command for command in colab.commands if "install" in command]


def test_elsewhere_nothing_is_installed(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("a command was run")

    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    monkeypatch.setattr(subprocess, "run", refuse)
    exec(install_cell(), {})


def test_it_runs_from_end_to_end(name, tmp_path):
    notebook = build.execute(build.with_parameters(build.make(name), TINY[name]), tmp_path)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)
