"""SVAMP and StrategyQA through TFDS are the problems of their files, with no TensorFlow."""

import functools
import hashlib
import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from socratic_jax.problems import sources, strategyqa, svamp, tfds_access
from socratic_jax.problems.problem import ProblemError

pytest.importorskip("array_record", reason="needs the extra 'tfds'")
pytest.importorskip("importlib_resources", reason="needs the extra 'tfds'")
tfds = pytest.importorskip("tensorflow_datasets", reason="needs the extra 'tfds'")

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"no data in {REAL}")
MODULES = {"svamp": svamp, "strategyqa": strategyqa}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Small files in the official formats."""
    folder = tmp_path_factory.mktemp("files")
    problems = [
        {
            "ID": f"chal-{number}",
            "Body": f"Ann – she has {number} pens",
            "Question": "How many?",
            "Equation": "( 1357.0 * 16279.0 )",
            "Answer": 22090603.0,  # more digits than 32 bits hold
            "Type": "Multiplication",
        }
        for number in range(690, 711)
    ]
    (folder / "SVAMP.json").write_text(json.dumps(problems))
    for name, size in (("train", 27), ("dev", 5)):
        questions = [
            {
                "qid": f"{name}{number}",
                "term": "é",
                "description": "",
                "question": f"Is {number} odd?",
                "answer": number % 2 == 1,
                "facts": [f"Fact {i}" for i in range(number % 3 + 1)],
                "decomposition": [f"Question {i}?" for i in range(number % 4 + 1)],
                "evidence": [],
            }
            for number in range(size)
        ]
        (folder / f"{name}.json").write_text(json.dumps(questions))
    return folder


@pytest.fixture(scope="module")
def prepared(files, tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("tfds")
    for module in MODULES.values():
        module.prepare_tfds(data_dir, files)
    return data_dir


@pytest.mark.parametrize(
    ("name", "split"),
    [(name, split) for name in MODULES for split in MODULES[name].SPLITS if split != "two_operators"],
)
def test_the_same_problems(files, prepared, name, split):
    expected = MODULES[name].load(split, files)
    assert expected
    assert MODULES[name].load_tfds(split, prepared) == expected
    assert sources.load(f"{name}_tfds", split, prepared) == expected
    assert sources.load(name, split, files) == expected


def test_without_tensorflow(prepared):
    program = (
        "import sys; from socratic_jax.problems import strategyqa; "
        f"print(len(strategyqa.load_tfds('test', {str(prepared)!r})), 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5", "False"]


@pytest.mark.parametrize("name", MODULES)
def test_data_that_are_not_prepared_give_the_command(name, tmp_path):
    with pytest.raises(ProblemError) as error:
        MODULES[name].load_tfds("test", tmp_path)
    command = f"python -c 'from socratic_jax.problems import {name}; {name}.prepare_tfds(\"{tmp_path}\")'"
    assert str(error.value).endswith(f"run: {command}") and "\n" not in str(error.value)


def test_rows_that_are_missing_are_noticed(prepared, monkeypatch):
    from socratic_jax.problems.tfds_builders.svamp import Svamp

    whole = Svamp.as_data_source
    monkeypatch.setattr(Svamp, "as_data_source", lambda self, split: list(whole(self, split=split))[:-1])
    with pytest.raises(ProblemError, match="rows of 'test' are missing"):
        svamp.load_tfds("all", prepared)


def test_broken_local_files(tmp_path):
    with pytest.raises(ProblemError, match=r"nowhere/SVAMP\.json: there is no such file"):
        svamp.prepare_tfds(tmp_path, tmp_path / "nowhere")
    (tmp_path / "SVAMP.json").write_text('[{"ID": "chal-1"}]')
    with pytest.raises(ProblemError, match=r"SVAMP\.json: row 1: field 'Body' is missing"):
        svamp.prepare_tfds(tmp_path, tmp_path)


@pytest.fixture
def server(files):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(files))
    handler.log_message = lambda *args: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _from_server(monkeypatch, url: str, content: bytes) -> None:
    from socratic_jax.problems.tfds_builders.json_rows_builder import Source
    from socratic_jax.problems.tfds_builders.svamp import Svamp

    source = Source(f"{url}/SVAMP.json", "SVAMP.json", len(content), hashlib.sha256(content).hexdigest())
    info = tfds.download.checksums.UrlInfo(source.size, source.sha256, source.name)
    monkeypatch.setattr(Svamp, "SOURCES", {"test": source})
    monkeypatch.setattr(Svamp, "url_infos", {source.url: info})


def test_downloads_are_checked(files, server, tmp_path, monkeypatch):
    content = (files / "SVAMP.json").read_bytes()
    _from_server(monkeypatch, server, content)
    svamp.prepare_tfds(tmp_path / "right")
    assert svamp.load_tfds("all", tmp_path / "right") == svamp.load("all", files)
    _from_server(monkeypatch, server, content + b" ")
    with pytest.raises(ProblemError) as error:
        svamp.prepare_tfds(tmp_path / "wrong")
    assert "NonMatchingChecksumError" in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).endswith("get the files by other means and prepare with files='their folder'")


def test_a_server_that_has_no_file(server, tmp_path, monkeypatch):
    _from_server(monkeypatch, f"{server}/absent", b"")
    with pytest.raises(ProblemError, match="svamp_tfds: cannot be prepared"):
        svamp.prepare_tfds(tmp_path)


def test_tfds_that_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ProblemError, match="strategyqa_tfds: TensorFlow Datasets cannot be imported"):
        strategyqa.load_tfds("test", tmp_path)


def test_plain_values():
    numpy = pytest.importorskip("numpy")
    assert tfds_access.plain(numpy.array([b"a", b"\xc3\xa9"], dtype=object)) == ["a", "é"]
    assert tfds_access.plain(numpy.bool_(True)) is True
    assert tfds_access.plain(numpy.int64(3)) == 3


@needs_real_data
@pytest.mark.parametrize("name", MODULES)
def test_real_checksums_are_those_of_the_files(name):
    from socratic_jax.problems.tfds_builders import strategyqa, svamp

    builder = {"svamp": svamp.Svamp, "strategyqa": strategyqa.Strategyqa}[name]
    for source in builder.SOURCES.values():
        content = (REAL / name / source.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (source.size, source.sha256)
        assert builder.url_infos[source.url].checksum == source.sha256


@needs_real_data
@pytest.mark.parametrize("name", MODULES)
def test_real_data_are_the_same(name, tmp_path):
    MODULES[name].prepare_tfds(tmp_path, REAL / name)
    for split in MODULES[name].SPLITS:
        assert MODULES[name].load_tfds(split, tmp_path) == MODULES[name].load(split, REAL / name)
