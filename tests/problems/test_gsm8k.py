"""GSM8K: the official format on small files, TFDS against JSONL, and the real data where it is there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from socratic_jax.problems import answers, gsm8k, jsonl
from socratic_jax.problems.expressions import equation_holds, evaluate, find_equations
from socratic_jax.problems.problem import Problem, ProblemError, Step

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "gsm8k"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"no GSM8K files in {REAL}")


def _row(i: int, socratic: bool) -> dict[str, str]:
    first, second = f"It costs {i}*2=<<{i}*2={2 * i}>>{2 * i}.", f"So ${2 * i}+1000 – all of it."
    lines = [first, second]
    if socratic:
        lines = [f"How much is it? ** {first}", f"How much in all? ** {second}"]
    return {"question": f"What do {i} pens cost?", "answer": "\n".join([*lines, f"#### {2 * i + 1000:,}"])}


def _write_all(folder: Path, sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        for suffix in ("", "_socratic"):
            rows = (_row(i, bool(suffix)) for i in range(size))
            jsonl.write_records(folder / f"{name}{suffix}.jsonl", rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gsm8k")
    _write_all(folder, {"train": 48, "test": 7})
    return folder


def test_steps_questions_and_answers(folder):
    problems = gsm8k.load("test", folder)
    assert len(problems) == 7
    assert problems[3] == Problem(
        id="gsm8k/test/4",
        question="What do 3 pens cost?",
        answer="1006",
        steps=(
            Step("How much is it?", "It costs 3*2=<<3*2=6>>6."),
            Step("How much in all?", "So $6+1000 – all of it."),
        ),
    )
    assert problems[3].gold.kind == "socratic"


def test_without_questions_the_rest_is_the_same(folder):
    for split in gsm8k.SPLITS:
        socratic, plain = gsm8k.load(split, folder), gsm8k.load(split, str(folder), socratic=False)
        assert [p.id for p in plain] == [p.id for p in socratic]
        assert [p.answer for p in plain] == [p.answer for p in socratic]
        assert [[s.solution for s in p.steps] for p in plain] == [
            [s.solution for s in p.steps] for p in socratic
        ]
        assert all(p.gold.kind == "cot" for p in plain)


def test_validation_is_carved_from_the_training_file(folder):
    train, validation = gsm8k.load("train", folder), gsm8k.load("validation", folder)
    assert len(validation) == 3  # 48 * 473 / 7473
    ids = {problem.id for problem in train} | {problem.id for problem in validation}
    assert ids == {f"gsm8k/train/{line}" for line in range(1, 49)}


def test_the_split_does_not_depend_on_the_order_and_keeps_duplicates_together(tmp_path):
    rows = [_row(i % 30, socratic=True) for i in range(60)]
    questions = []
    for order in (rows, rows[::-1]):
        jsonl.write_records(tmp_path / "train_socratic.jsonl", order)
        parts = [{problem.question for problem in gsm8k.load(s, tmp_path)} for s in ("train", "validation")]
        assert not parts[0] & parts[1]
        questions.append(parts)
    assert questions[0] == questions[1]


def test_a_step_without_a_solution_is_left_out(tmp_path):
    row = {"question": "q", "answer": "How? ** \nHow? ** 1+1=2\n#### 2"}
    jsonl.write_records(tmp_path / "test_socratic.jsonl", [row])
    jsonl.write_records(tmp_path / "test.jsonl", [{"question": "q", "answer": "\n1+1=2\n#### 2"}])
    assert gsm8k.load("test", tmp_path)[0].steps == (Step("How?", "1+1=2"),)
    assert gsm8k.load("test", tmp_path, socratic=False)[0].steps == (Step("", "1+1=2"),)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answer": "#### 1"}, "field 'question' is missing, empty or not text; a row is"),
        ({"question": "q"}, "field 'answer' is missing"),
        ({"question": "q", "answer": 1}, "field 'answer' is missing, empty or not text"),
        ({"question": "q", "answer": "How? ** 1\n2"}, "must end with a line '#### 72', not with '2'"),
        ({"question": "q", "answer": "#### 1 apple"}, "must end with"),
        ({"question": "q", "answer": "1+1=2\n#### 2"}, "the step '1+1=2' is not 'sub-question ** solution'"),
        ({"question": "q", "answer": " ** 1+1=2\n#### 2"}, "is not 'sub-question ** solution'"),
    ],
)
def test_errors_name_file_and_line(tmp_path, row, message):
    jsonl.write_records(tmp_path / "test_socratic.jsonl", [_row(1, True), row])
    with pytest.raises(ProblemError) as error:
        gsm8k.load("test", tmp_path)
    assert str(error.value).startswith(f"{tmp_path}/test_socratic.jsonl:2: ")
    assert message in str(error.value)


def test_errors_about_files_and_splits(tmp_path):
    with pytest.raises(ProblemError, match=r"train_socratic\.jsonl: there is no such file"):
        gsm8k.load("validation", tmp_path)
    with pytest.raises(ProblemError, match=r"no data_dir; give the folder"):
        gsm8k.load("train", None)
    (tmp_path / "test_socratic.jsonl").write_text("\n")
    with pytest.raises(ProblemError, match=r"test_socratic\.jsonl:1: no problems"):
        gsm8k.load("test", tmp_path)
    for load in (gsm8k.load, gsm8k.load_tfds):
        with pytest.raises(ValueError, match=r"no split 'dev'; its splits are train, validation, test"):
            load("dev", tmp_path)


@pytest.fixture(scope="module")
def prepared(folder, tmp_path_factory):
    """The small files as TFDS prepares them, with the download replaced by the local files."""
    pytest.importorskip("array_record", reason="needs the extra 'tfds'")
    pytest.importorskip("importlib_resources", reason="needs the extra 'tfds'")
    tfds = pytest.importorskip("tensorflow_datasets", reason="needs the extra 'tfds'")
    data_dir = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            tfds.download.DownloadManager,
            "download_and_extract",
            lambda self, urls: {name: folder / Path(url).name for name, url in urls.items()},
        )
        gsm8k.prepare_tfds(data_dir)
    return data_dir


@pytest.mark.parametrize("split", gsm8k.SPLITS)
@pytest.mark.parametrize("socratic", [True, False])
def test_tfds_gives_the_same_problems(folder, prepared, split, socratic):
    assert gsm8k.load_tfds(split, prepared, socratic) == gsm8k.load(split, folder, socratic)


def test_tfds_runs_without_tensorflow(prepared):
    program = (
        "import sys; from socratic_jax.problems import gsm8k; "
        f"print(len(gsm8k.load_tfds('test', {str(prepared)!r})), 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7", "False"]


def test_tfds_that_is_not_prepared_gives_the_command(prepared, tmp_path):
    with pytest.raises(ProblemError) as error:
        gsm8k.load_tfds("test", tmp_path)
    assert "\n" not in str(error.value)
    assert (
        f"run: python -c 'from socratic_jax.problems import gsm8k; gsm8k.prepare_tfds(\"{tmp_path}\")'"
        in str(error.value)
    )


def test_tfds_rows_in_another_order_are_noticed(prepared, monkeypatch):
    # As if TFDS had sorted by something else: then the ids would be those of other problems.
    monkeypatch.setattr(gsm8k.hashlib, "md5", gsm8k.hashlib.sha256)
    with pytest.raises(ProblemError, match="same questions in the same order; delete that folder"):
        gsm8k.load_tfds("test", prepared)


def test_without_tfds_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ProblemError, match="pip install tensorflow-datasets"):
        gsm8k.load_tfds("test", tmp_path)


@pytest.fixture(scope="module")
def real():
    return {
        (split, socratic): gsm8k.load(split, REAL, socratic)
        for split in gsm8k.SPLITS
        for socratic in (True, False)
    }


@needs_real_data
def test_real_counts(real):
    sizes = {split: len(real[split, True]) for split in gsm8k.SPLITS}
    assert sizes == {"train": 7000, "validation": 473, "test": 1319}
    training = real["train", False] + real["validation", False]
    assert len({problem.id for problem in training}) == 7473
    assert round(sum(len(problem.steps) for problem in training) / 7473, 2) == 3.58
    assert max(len(problem.steps) for problem in training) == 9
    assert max(len(problem.steps) for problem in real["test", True]) == 11
    questions = [{p.question for p in real[split, True]} for split in gsm8k.SPLITS]
    assert len(set.union(*questions)) == 7473 + 1319


@needs_real_data
def test_real_socratic_steps_are_the_human_steps(real):
    for split in gsm8k.SPLITS:
        for socratic, plain in zip(real[split, True], real[split, False], strict=True):
            assert socratic.gold.kind == "socratic"
            assert (socratic.id, socratic.question, socratic.answer) == (
                plain.id,
                plain.question,
                plain.answer,
            )
            assert [s.solution for s in socratic.steps] == [s.solution for s in plain.steps]


@needs_real_data
def test_real_answers_extract_strictly():
    for name in ("train", "test"):
        for _, row in jsonl.read_records(REAL / f"{name}.jsonl"):
            gold = answers.canonical(row["answer"].rsplit("#### ", 1)[1])
            assert gold is not None
            assert answers.extract(row["answer"], "strict") == gold
            assert answers.extract(row["answer"], "flexible") == gold


@needs_real_data
@pytest.mark.parametrize("splits", [("train", "validation"), ("test",)])
def test_real_equations_parse_and_hold(real, splits):
    equations = [
        equation
        for split in splits
        for problem in real[split, False]
        for step in problem.steps
        for equation in find_equations(step.solution)
    ]
    assert len(equations) > 3 * sum(len(real[split, False]) for split in splits)
    for left, right in equations:
        evaluate(left)
        evaluate(right)
    assert sum(equation_holds(*equation) for equation in equations) / len(equations) >= 0.998


@needs_real_data
def test_real_problems_survive_our_own_format(real, tmp_path):
    jsonl.write(tmp_path / "gsm8k.jsonl", real["test", True])
    assert jsonl.read(tmp_path / "gsm8k.jsonl") == real["test", True]
    assert json.loads((tmp_path / "gsm8k.jsonl").read_text().split("\n", 1)[0])["answer"] == "18"
