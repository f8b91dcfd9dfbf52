"""The whole loop at its smallest, and what the command line says when something is wrong."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from socratic_jax import program
from socratic_jax.config import default_config
from socratic_jax.problems import jsonl
from tests.conftest import make_problems

ROOT = Path(__file__).resolve().parents[1]


def small_config(directory: Path):
    """Two strategies on problems of the user's own, in seconds."""
    jsonl.write(directory / "mine_train.jsonl", make_problems(60, seed=0))
    jsonl.write(directory / "mine_validation.jsonl", make_problems(10, seed=1))
    jsonl.write(directory / "mine_test.jsonl", make_problems(12, seed=2))
    config = default_config()
    config.strategies = ("answer_only", "socratic_iterative")
    config.data.source = str(directory / "mine_{split}.jsonl")
    config.tokenizer.vocab_size = 300
    config.student.context = config.decode.capacity = 96
    config.decode.slots = 8
    config.train.steps, config.train.batch_size, config.train.checkpoint_every = 6, 4, 3
    config.train.warmup = 2
    config.evaluate.variants = {"vote": {"samples": 5, "temperature": 1.0, "calculator": True}}
    return config


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    config = small_config(directory)
    program.run(config, str(directory / "w"))
    return config, directory / "w"


def test_the_whole_loop_leaves_what_it_promises(finished):
    _, workdir = finished
    rows = list(csv.DictReader((workdir / "results.csv").open()))
    names = ["answer_only", "socratic_iterative", "oracle_questions"]
    expected = names + [name + way for name in names for way in ("+vote@1", "+vote@4", "+vote")]
    assert [row["strategy"] for row in rows] == [*expected, "majority_answer"]
    assert {row["n"] for row in rows} == {"12"}
    answers = [p.answer for p in make_problems(60, seed=0)]
    right = sum(p.answer == max(answers, key=answers.count) for p in make_problems(12, seed=2))
    assert float(rows[-1]["accuracy"]) == pytest.approx(right / 12, abs=1e-6)
    page = json.loads(re.search('id="data">(.*?)</script>', (workdir / "report.html").read_text())[1])
    # Every row of results.csv is on the page, with the same accuracy.
    shown = {row["strategy"]: row["accuracy"] for row in page["rows"]}
    assert shown == {row["strategy"]: pytest.approx(float(row["accuracy"]), abs=1e-6) for row in rows}
    assert {row["strategy"] for row in rows if row["oracle"] == "True"} == {
        name for name in expected if "oracle" in name
    }
    for name in ("accuracy.png", "accuracy.svg", "accuracy_by_steps.png", "accuracy_by_steps.svg"):
        assert (workdir / "plots" / name).stat().st_size > 5_000
    students = sorted(path.name for path in (workdir / "students").iterdir())
    assert students == [
        "answer_only-solver", "socratic_iterative-answerer", "socratic_iterative-questioner",
    ]  # fmt: skip
    fits = json.loads((workdir / "students" / students[0] / "transcripts.json").read_text())
    assert fits == {"train": {"kept": 60, "too_long": []}, "validation": {"kept": 10, "too_long": []}}
    oracle = [json.loads(x) for x in (workdir / "predictions/test/oracle_questions.jsonl").open()]
    asked = [[t["text"] for t in p["turns"] if t["role"] == "question"] for p in oracle]
    gold = [[s.subquestion for s in p.steps] for p in make_problems(12, seed=2)]
    # The gold questions are put in as they are; a row that ran out of tokens has fewer of them.
    for record, mine, theirs in zip(oracle, asked, gold, strict=True):
        full = record["status"] == "answered"
        assert mine == theirs if full else [q[: len(q)] for q in mine[:-1]] == theirs[: len(mine) - 1]


def test_untrained_students_are_scored_where_it_is_asked_for(finished, tmp_path):
    config, workdir = finished
    shutil.copytree(workdir, tmp_path / "w")
    config = config.copy_and_resolve_references()
    config.evaluate.baselines = ("untrained_cot", "untrained_socratic_iterative")
    program.run(config, str(tmp_path / "w"))  # Nothing is taught again.
    names = [row["strategy"] for row in csv.DictReader((tmp_path / "w" / "results.csv").open())]
    assert names[-3:] == ["untrained_cot", "untrained_socratic_iterative", "majority_answer"]
    pairs = (tmp_path / "w" / "results_paired.csv").read_text()
    assert "untrained" not in pairs and "majority" not in pairs
    assert "untrained_cot (baseline)" in (tmp_path / "w" / "results.md").read_text()
    # It is what training begins with: a student that has hardly moved writes the same.
    config.strategies, config.evaluate.variants = ("socratic_iterative",), {}
    config.train.steps = config.train.checkpoint_every = 1
    config.train.learning_rate, config.train.warmup, config.train.weight_decay = 1e-30, 0, 0.0
    program.run(config, str(tmp_path / "v"))
    a, b = (
        [json.loads(line)["turns"] for line in (tmp_path / file).open()]
        for file in (
            "w/predictions/test/untrained_socratic_iterative.jsonl",
            "v/predictions/test/socratic_iterative.jsonl",
        )
    )
    assert a == b


def test_a_second_run_changes_nothing(finished):
    config, workdir = finished
    files = [p for p in workdir.rglob("*") if p.is_file() and "plots" not in p.parts]
    before = {
        p: (p.read_bytes(), p.stat().st_mtime_ns)
        for p in files
        if not p.name.startswith(("results", "seconds", "report"))
    }
    results = (workdir / "results.csv").read_bytes()
    program.run(config, str(workdir))
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in before} == before
    assert (workdir / "results.csv").read_bytes() == results


def test_the_same_command_gives_the_same_numbers(finished, tmp_path, monkeypatch):
    config, workdir = finished
    monkeypatch.chdir(tmp_path)
    program.run(config, "again")
    for path in sorted((workdir / "predictions").rglob("*.jsonl")):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(workdir)).read_bytes()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "evaluate.variants",
            {"x": {"sampels": 4}},
            "evaluate.variants.x has no field 'sampels'; valid: calculator,",
        ),
        (
            "evaluate.variants",
            {"x": {"samples": 4}},
            "x.samples is 4 with temperature 0: all would be the same",
        ),
        (
            "evaluate.variants",
            {"x": {"samples": "a"}},
            "evaluate.variants.x.samples is 'a'; it must be like 1",
        ),
        ("evaluate.variants", {"x": 5}, "evaluate.variants.x is 5; a variant is a word"),
        (
            "evaluate.variants",
            {"x": {"capacity": 97}},
            "x.capacity is 97 tokens; the student's context is 96",
        ),
        ("evaluate.suites", {"test": {"source": 5}}, "evaluate.suites.test.source is 5; it must be text"),
        ("evaluate.suites", {"/x": {}}, "evaluate.suites./x: a suite names a directory"),
        ("evaluate.suites", {}, "evaluate.suites is {}; it must be at least one suite"),
        ("evaluate.checkpoint", "last", "evaluate.checkpoint is 'last'; it must be best or latest"),
        ("decode.capacity", 97, "decode.capacity is 97 tokens; the student's context is 96"),
        ("decode.slots", 0, "decode.slots is 0; it must be 1 or more"),
        ("decode.top_p", 0.0, "decode: sampling needs"),
        ("student.attention", "flash", "student.attention is 'flash'; it must be auto, plain"),
        ("student.dtype", "f16", "student.dtype is 'f16'; it must be auto, float32 or bfloat16"),
        ("student.size", "huge", "unknown student.size 'huge'; valid: tiny-0.02m"),
        ("train.profile", (10,), "train.profile is .*10.*; it must be empty, or the first and the last step"),
        ("train.learning_rate", 0.0, "train.learning_rate is 0.0; it must be above 0"),
        (
            "train.wean",
            (0.0, 0.5),
            r"train.wean is \(0.0, 0.5\); it must be shares that rise from 0 or more to 1",
        ),
        ("train.wean", (0.5, 0.0, 1.0), "train.wean is .*; it must be shares that rise"),
        ("train.wean", ("all",), "train.wean is .*; it must be shares that rise"),
        (
            "evaluate.baselines",
            ("oracle_questions",),
            "must be some of majority_answer, untrained_answer_only,",
        ),
        ("strategies", (), "strategies is .*; it must be at least one strategy"),
    ],
)
def test_wrong_fields_are_refused_before_anything_is_made(tmp_path, field, value, message):
    config = small_config(tmp_path)
    *path, last = field.split(".")
    parent = config
    for name in path:
        parent = parent[name]
    with parent.ignore_type():
        parent[last] = value
    _refused(config, tmp_path, message)
    assert not (tmp_path / "w").exists()


def _refused(config, tmp_path, message, stage="all"):
    with pytest.raises((ValueError, RuntimeError), match=message) as error:
        program.run(config, str(tmp_path / "w"), stage)
    assert "\n" not in str(error.value).strip()


def test_bad_configurations_are_named_before_anything_is_written(tmp_path):
    def config(**changes):
        c = small_config(tmp_path)
        c.update_from_flattened_dict(changes)
        return c

    _refused(config(strategies=("cott",)), tmp_path, "unknown strategy 'cott'; valid: answer_only, cot")
    _refused(config(strategies=("oracle_questions",)), tmp_path, "for evaluation only; name 'socratic_iter")
    _refused(config(mesh="data=3"), tmp_path, "mesh 'data=3' does not fit 1 device")
    _refused(config(mesh="3"), tmp_path, "mesh '3': '3' is no size of an axis")
    assert not (tmp_path / "w").exists()
    _refused(config(**{"student.size": "huge"}), tmp_path, "unknown student.size 'huge'; valid: tiny-0.02m")
    _refused(config(**{"data.source": "gsm9k"}), tmp_path / "b", "unknown source of problems 'gsm9k'.*gsm8k")


def test_passwords_never_get_into_a_workdir(tmp_path):
    for name, value in (
        ("base_url", "https://me:SECRET@example.com/v1"),
        ("base_url", "https://example.com/v1?key=SECRET"),
        ("api_key_file", "sk-proj-SECRET"),
        ("api_key_file", "AIzaSECRET"),
        ("api_key_file", "SECRET0123456789abcdef0123456789"),
    ):
        config = small_config(tmp_path)
        config.annotate.cot[name] = value
        with pytest.raises(ValueError, match=rf"annotate\.cot\.{name} has a key, a user or a pass") as error:
            program.run(config, str(tmp_path / "w"))
        assert "SECRET" not in str(error.value) and not (tmp_path / "w").exists()
    assert "api_key" not in config.annotate.cot  # There is no field that a key could be put into.


def test_teachers_get_the_options_that_are_set():
    from socratic_jax.annotating import teacher_options

    config = default_config().annotate.socratic
    assert teacher_options(config) == {}
    config.base_url, config.thinking = "http://localhost:8000/v1", 0
    assert teacher_options(config) == {"base_url": "http://localhost:8000/v1", "thinking": 0}


def test_overlap_is_refused_before_anybody_is_asked(tmp_path):
    config = small_config(tmp_path)
    config.annotate.socratic.teacher = "openai:nobody"  # Would fail for want of a key, if it were asked.
    problems = make_problems(10, seed=1)
    jsonl.write(tmp_path / "mine_test.jsonl", problems[:3] + make_problems(5, seed=2))
    _refused(config, tmp_path, r"problems of the validation problems are among those to be scored: 3 in test")


def test_bad_problem_files_are_named_with_their_line(tmp_path):
    config = small_config(tmp_path)
    path = tmp_path / "mine_train.jsonl"
    good = path.read_text()
    path.write_text(good + '{"id": "x", "question": "?"\n')
    _refused(config, tmp_path, r"mine_train.jsonl:61: ")
    path.write_text(good + '{"id": "x", "question": "How?", "answer": "a lot"}\n')
    _refused(config, tmp_path, r"mine_train.jsonl:61: .*a lot")
    path.write_text("")
    _refused(config, tmp_path, r"mine_train.jsonl:1: the file has no problems")


def test_transcripts_that_all_are_too_long_stop_the_run(tmp_path):
    config = small_config(tmp_path)
    config.student.context = config.decode.capacity = 16
    _refused(config, tmp_path, "nothing to train on; every transcript was too long")


def test_stages_out_of_order_say_what_is_missing(tmp_path):
    config = small_config(tmp_path)
    _refused(config, tmp_path, "no predictions in .*; run --stage=evaluate first", stage="report")
    _refused(config, tmp_path, "no annotations in .*; run --stage=annotate first", stage="train")
    program.run(config, str(tmp_path / "w"), "annotate")
    _refused(config, tmp_path, "is not trained to its end; run --stage=train first", stage="evaluate")


def _command(*arguments):
    command = [sys.executable, "-m", "socratic_jax.main", *arguments]
    env = {**os.environ, "JAX_PLATFORMS": "cpu"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_errors_are_one_line_on_the_command_line(tmp_path):
    (tmp_path / "w").write_text("not a directory")
    done = _command("--config=configs/quickstart.py", f"--workdir={tmp_path}/w")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: cannot use workdir")
    assert "Traceback" not in done.stderr
    done = _command("--config=configs/quickstart.py", f"--workdir={tmp_path}/v", "--config.train.stepz=3")
    assert done.returncode != 0 and "stepz" in done.stderr


def test_the_flag_knows_all_stages_in_their_order():
    from socratic_jax import stages

    assert tuple(stages.STAGES) == program.STAGES


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--config.train.nope=3", "error: the config has no field .*nope"),
        ("--config=configs/gsm8k.py:gpt3", "error: unknown size 'gpt3'; valid: tiny, gpt2"),
        ("--config=configs/nope.py", r"error: cannot load the config file 'configs/nope\.py'"),
        ("--config.train.accumulate=3", "error: train.batch_size 16 does not divide by train.accumulate 3"),
        ("--config.train.checkpoint_every=0", "error: train.checkpoint_every is 0; it must be 1 or more"),
        ("--config.train.optimizer=sgd", "error: train.optimizer is 'sgd'; it must be adamw or muon"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, option, message):
    base = [] if option.startswith("--config=") else ["--config=configs/quickstart.py"]
    command = [sys.executable, "-m", "socratic_jax.main", *base, option, f"--workdir={tmp_path / 'w'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and re.match(message, done.stderr.splitlines()[-1]), done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "w").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the C library is glibc on Linux only")
@pytest.mark.parametrize("set_already", [None, ""])
def test_a_program_starts_anew_once_with_huge_pages_and_the_same_arguments(tmp_path, set_already):
    (tmp_path / "script.py").write_text(
        "import os, sys\n"
        "from socratic_jax.program import use_huge_pages\n"
        "print(os.getpid(), flush=True)\n"
        "use_huge_pages()\n"
        "print(os.getpid(), os.environ['GLIBC_TUNABLES'], sys.argv[1:], flush=True)\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(tmp_path)])
    if set_already is not None:
        env["GLIBC_TUNABLES"] = set_already
    done = subprocess.run(
        [sys.executable, "-m", "script", "--a=b c", "*"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    *first, (pid, *rest) = [line.split(" ", 1) for line in done.stdout.splitlines()]
    tunables = program.HUGE_PAGES if set_already is None else ""
    assert rest == [f"{tunables} ['--a=b c', '*']"], done.stderr
    assert [line[0] for line in first] == [pid] * (2 if set_already is None else 1)
