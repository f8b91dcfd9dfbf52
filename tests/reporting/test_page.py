import csv
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from socratic_jax.reporting import report, scores, study
from socratic_jax.reporting.dialogues import unblock
from tests.reporting.synthetic import EVIL, write_run, write_study


class Parsed(HTMLParser):
    """The elements of a page, and the texts of its scripts by id."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self._inside = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._inside = dict(attributes).get("id", "code") if tag == "script" else None

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside:
            self.scripts[self._inside] = self.scripts.get(self._inside, "") + data


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = write_study(tmp_path_factory.mktemp("study"), n=30)
    report.write(str(root))
    return root


@pytest.fixture(scope="module")
def page(root):
    return Parsed((root / "report.html").read_text())


@pytest.fixture(scope="module")
def data(page):
    return json.loads(page.scripts["data"])


def test_numbers_are_those_of_the_files(root, data):
    for row in data["rows"]:
        lines = [line for file in row["files"] for line in (root / file).read_text().splitlines()]
        assert row["accuracy"] == pytest.approx(sum('"correct": true' in line for line in lines) / len(lines))
    for dialogue in data["dialogues"]:
        records = [json.loads(line) for line in (root / dialogue["file"]).read_text().splitlines()]
        assert dialogue["correct"] == "".join("01"[record["correct"]] for record in records)
    for cell in data["cells"]:
        (attempt,) = json.loads((root / cell["file"]).read_text())
        assert cell["total"] == attempt["total"]
        good = attempt["seconds"]["step"] + attempt["seconds"]["decode"] - attempt["wasted"]
        assert cell["goodput"] == pytest.approx(good / attempt["total"])
        # Two whole lines of a million and a tenth, at the table's 2.50 and 10.00 dollars a million.
        assert cell["teachers"] == [
            dict(
                teacher="openai:gpt-4o", replies=2, input_tokens=2_000_000, output_tokens=200_000, dollars=7.0
            )
        ]


def test_dialogues_come_out_as_they_went_in(root, page, data):
    for i, dialogue in enumerate(data["dialogues"]):
        columns = unblock(page.scripts[f"dialogues-{i}"])
        problems = unblock(page.scripts[f"problems-{dialogue['problems']}"])
        for k, line in enumerate((root / dialogue["file"]).read_text().splitlines()):
            record = json.loads(line)
            assert columns["turns"][k] == [turn["role"][0] + turn["text"] for turn in record["turns"]]
            assert columns["answer"][k] == record["answer"]
            assert (problems[k]["question"], problems[k]["answer"]) == (record["question"], record["gold"])
            assert len(problems[k]["steps"]) == record["gold_steps"]
            false = [i for i, turn in enumerate(record["turns"]) if "1 + 1 = 3" in turn["text"]]
            if false:
                assert columns["wrong"][k] == false[0]


def test_problems_are_there_once(page):
    assert sum(name.startswith("problems-") for name in page.scripts) == 1


def test_texts_cannot_become_html(root, page):
    assert "onerror" in EVIL and "onerror" not in (root / "report.html").read_text()
    assert not [tag for tag, _ in page.elements if tag in ("img", "iframe", "object", "embed", "link")]
    assert any(EVIL in turns[-2] for turns in unblock(page.scripts["dialogues-4"])["turns"] if len(turns) > 1)


def test_a_directory_with_markup_in_its_name(tmp_path):
    report.write(str(write_run(tmp_path / "<b onclick=x>&", n=2)))
    page = Parsed((tmp_path / "<b onclick=x>&" / "report.html").read_text())
    assert "b" not in [tag for tag, _ in page.elements]
    assert json.loads(page.scripts["data"])["title"] == "<b onclick=x>&"


def test_nothing_is_loaded(root, page):
    for tag, attributes in page.elements:
        assert not {"src", "srcset", "data", "action"} & attributes.keys(), (tag, attributes)
        assert tag != "a" or attributes["href"].startswith("#")
    text = (root / "report.html").read_text()
    assert not re.search(r"@import|url\(|\bfetch\(|XMLHttpRequest|import\(", text)
    # The name of SVG elements is no address that anything asks.
    assert set(re.findall(r"https?://[^\"'\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    policy = [a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy and policy[0].startswith("default-src 'none'")


def test_equal_studies_make_equal_pages(root):
    before = (root / "report.html").read_bytes()
    report.write(str(root))
    assert (root / "report.html").read_bytes() == before


def test_long_curves_are_thinned_and_have_no_nan(data):
    for curve in data["curves"]:
        assert len(curve["values"]["loss"]) <= 200 and "accuracy" not in curve["values"]


def test_tables_for_papers(root, data):
    rows = list(csv.DictReader((root / "results.csv").open()))
    assert len(rows) == len(data["dialogues"])
    for row in rows:
        lines = (root / row["file"]).read_text().splitlines()
        share = sum('"correct": true' in line for line in lines) / len(lines)
        assert float(row["accuracy"]) == pytest.approx(share, abs=1e-6)
    markdown, latex = (root / "results.md").read_text(), (root / "results.tex").read_text()
    for row in data["rows"]:
        number = f"{100 * row['accuracy']:.1f}"
        assert f"| {row['condition'][0]} | {row['strategy']} | {number} |" in markdown
        assert f"{row['condition'][0]} & {row['strategy'].replace('_', chr(92) + '_')} & {number} &" in latex
    rows = list(csv.DictReader((root / "results_questions.csv").open()))
    assert [float(row["bleu"]) for row in rows] == [pytest.approx(q["bleu"]) for q in data["questions"]]
    assert len(rows) == 2 and "questions against the gold ones" in markdown.lower()
    for row in data["questions"]:
        number = f"{row['bleu']:.1f} ({row['bleu_low']:.1f} – {row['bleu_high']:.1f})"
        assert f"| {row['strategy']} | {number} |" in markdown and number.replace(" – ", "--") in latex
    accuracies = latex.split(r"\end{table}")[0]
    assert accuracies.count(r"\midrule") == 2 and r"\toprule" in latex and r"\bottomrule" in latex
    assert {file.name for file in (root / "plots").iterdir()} == {
        f"{name}.{kind}"
        for name in ("accuracy_by_size", "accuracy_by_steps", "gain_by_size")
        for kind in ("png", "svg")
    }


def test_several_processes_read_the_same_as_one(root, monkeypatch):
    alone = scores.read(study.read(root))
    monkeypatch.setattr("socratic_jax.reporting.workers.FEW", 3)
    spread = scores.read(study.read(root), processes=2)
    assert [(s.file, s.result, s.dialogues) for s in spread] == [
        (s.file, s.result, s.dialogues) for s in alone
    ]


def test_command(tmp_path):
    write_run(tmp_path / "run", n=3)
    (tmp_path / "run" / "results.csv").write_text("as the run wrote it")
    command = [sys.executable, "-m", "socratic_jax.report", f"--workdir={tmp_path / 'run'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "run" / "report.html")
    assert (tmp_path / "run" / "results.csv").read_text() == "as the run wrote it"
    command[-1] = f"--workdir={tmp_path / 'nothing'}"
    failed = subprocess.run(command, capture_output=True, text=True)
    assert failed.returncode == 1 and failed.stderr.startswith("error: ") and failed.stderr.count("\n") == 1


def test_a_page_may_hold_the_first_dialogues_only_with_the_numbers_of_all(root, page, tmp_path):
    report.write(str(root), str(tmp_path / "small.html"), dialogues=3)
    small = Parsed((tmp_path / "small.html").read_text())
    data, whole = json.loads(small.scripts["data"]), json.loads(page.scripts["data"])
    assert data["rows"] == whole["rows"] and data["pairs"] == whole["pairs"]
    for i, (few, all_of_them) in enumerate(zip(data["dialogues"], whole["dialogues"], strict=True)):
        assert few["correct"] == all_of_them["correct"][:3]
        texts, known = (unblock(p.scripts[f"dialogues-{i}"])["turns"] for p in (small, page))
        assert texts == known[:3]
        problems, before = (
            unblock(p.scripts[f"problems-{d['problems']}"]) for p, d in ((small, few), (page, all_of_them))
        )
        assert problems == before[:3]


def test_a_page_without_dialogues_has_no_problem_either(root, page, tmp_path):
    report.write(str(root), str(tmp_path / "none.html"), dialogues=0)
    none = Parsed((tmp_path / "none.html").read_text())
    data, whole = json.loads(none.scripts["data"]), json.loads(page.scripts["data"])
    assert data["rows"] == whole["rows"] and data["causes"]["rows"] == whole["causes"]["rows"]
    assert not data["dialogues"] and not [name for name in none.scripts if name.startswith("problems-")]
