"""The table of sources: names, splits, options, limits, and the user's own files."""

import subprocess
import sys
import types

import pytest

from socratic_jax.problems import gsm8k, jsonl, sources
from socratic_jax.problems.problem import Problem, ProblemError


def _problems(split: str, count: int) -> list[Problem]:
    return [Problem(f"{split}/{i}", f"{i}+1?", str(i + 1)) for i in range(count)]


@pytest.fixture
def calls(monkeypatch):
    """A stand-in for the generator of arithmetic problems; the list of what it was asked for."""
    calls = []

    def problems(level, split, seed, count, start=0):
        calls.append((level, split, seed, count, start))
        return _problems(split, count)

    module = types.ModuleType("socratic_jax.problems.arithmetic")
    module.problems = problems
    monkeypatch.setitem(sys.modules, module.__name__, module)
    import socratic_jax.problems

    monkeypatch.setattr(socratic_jax.problems, "arithmetic", module, raising=False)
    return calls


@pytest.mark.parametrize(
    ("split", "count"), [("train", 20_000), ("validation", 500), ("test", 1_000), ("test_ood", 1_000)]
)
def test_arithmetic_makes_its_default_counts(calls, split, count):
    assert len(sources.load("arithmetic", split)) == count
    assert calls == [("chain2to4", split, 0, count, 0)]


def test_arithmetic_makes_no_more_than_asked(calls):
    assert len(sources.load("arithmetic", "test", limit=3, level="hard", seed=7)) == 3
    assert calls == [("hard", "test", 7, 3, 0)]


def test_the_real_arithmetic_fits_the_table():
    arithmetic = pytest.importorskip("socratic_jax.problems.arithmetic")
    assert sources.SOURCES["arithmetic"].splits == tuple(arithmetic.SPLITS)
    assert sources.SOURCES["arithmetic"].options["level"] in arithmetic.LEVELS
    for split in arithmetic.SPLITS:
        problems = sources.load("arithmetic", split, limit=5)
        assert len(problems) == 5
        assert problems == sources.load("arithmetic", split, limit=8)[:5]


def test_gsm8k_from_its_folder(tmp_path):
    for name, step in (("test", "1+1=2"), ("test_socratic", "How? ** 1+1=2")):
        rows = [{"question": f"q{i}", "answer": f"{step}\n#### {i}"} for i in range(4)]
        jsonl.write_records(tmp_path / f"{name}.jsonl", rows)
    assert sources.load("gsm8k", "test", tmp_path) == gsm8k.load("test", tmp_path)
    assert sources.load("gsm8k", "test", tmp_path, limit=2) == gsm8k.load("test", tmp_path)[:2]
    assert len(sources.load("gsm8k", "test", tmp_path, limit=100)) == 4
    plain = sources.load("gsm8k", "test", str(tmp_path), socratic=False)
    assert plain[0].steps[0].subquestion == ""
    with pytest.raises(ProblemError, match="gsm8k: no data_dir"):
        sources.load("gsm8k", "test")


def test_gsm8k_tfds_passes_everything_on(monkeypatch):
    monkeypatch.setattr(gsm8k, "load_tfds", lambda *args: _problems("/".join(map(str, args)), 3))
    assert sources.load("gsm8k_tfds", "train", "d", limit=1, socratic=False)[0].id == "train/d/False/0"


def test_own_files_by_split(tmp_path):
    for split in ("train", "dev"):
        jsonl.write(tmp_path / f"mine_{split}.jsonl", _problems(split, 3))
    name = str(tmp_path / "mine_{split}.jsonl")
    assert sources.load(name, "train") == _problems("train", 3)
    assert sources.load(name, "dev", limit=2) == _problems("dev", 2)
    with pytest.raises(ProblemError, match=r"mine_test\.jsonl: there is no such file"):
        sources.load(name, "test")


def test_one_file_is_one_split(tmp_path):
    path = tmp_path / "mine.jsonl"
    jsonl.write(path, _problems("a", 3))
    assert sources.load(str(path), "all", data_dir="ignored") == _problems("a", 3)
    with pytest.raises(ValueError, match=r"is one file.*mine_\{split\}\.jsonl'.* split 'all'$"):
        sources.load(str(path), "train")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            ("svmp", "test"),
            {},
            r"'svmp'; the sources are arithmetic, gsm8k, gsm8k_tfds, svamp, .*, addsub, or a path ending",
        ),
        (("gsm8k", "dev"), {}, r"'gsm8k' has no split 'dev'; its splits are train, validation, test$"),
        (("arithmetic", "all"), {}, r"no split 'all'; its splits are train, validation, test, test_ood$"),
        (("gsm8k", "test"), {"level": 1}, r"'gsm8k' has no option 'level'; its options are: socratic$"),
        (("arithmetic", "test"), {"lvl": 1}, r"no option 'lvl'; its options are: level, seed$"),
        (("{split}.jsonl", "test"), {"seed": 1}, r"no option 'seed'; its options are: none$"),
        (("gsm8k", "test", None, 0), {}, "positive whole number or None, not 0"),
        (("gsm8k", "test", None, -1), {}, "not -1"),
        (("gsm8k", "test", None, 1.5), {}, r"not 1\.5"),
        (("gsm8k", "test", None, True), {}, "not True"),
    ],
)
def test_mistakes_are_errors_that_list_what_is_valid(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        sources.load(*arguments, **options)


def test_every_row_is_complete():
    for name, source in sources.SOURCES.items():
        assert source.splits and source.description, name
        assert "\n" not in source.description


def test_the_import_is_light():
    program = "import sys, socratic_jax.problems.sources; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"numpy", "jax", "tensorflow", "tensorflow_datasets", "etils.epath", "transformers"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize("name", ["svamp", "svamp_tfds", "strategyqa", "strategyqa_tfds", "multiarith"])
def test_sources_of_files_take_no_options(name, tmp_path):
    split = sources.SOURCES[name].splits[0]
    with pytest.raises(ValueError, match=f"source '{name}' has no option 'level'; its options are: none"):
        sources.load(name, split, level=1)
    with pytest.raises(ProblemError, match=r"no such file|no data in array_record|cannot be imported"):
        sources.load(name, split, tmp_path)
