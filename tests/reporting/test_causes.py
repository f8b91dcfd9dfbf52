import csv
import json

import numpy as np
import pytest

from socratic_jax.reporting import causes, report, scores, study
from socratic_jax.reporting.causes import BOTH, CALCULATOR, CAUSES, QUESTIONS
from tests.reporting.synthetic import SWAPS, write_run

# (answered, way, right with the calculator, with gold questions, with both) -> cause
CASES = [
    ((False, "other", 1, 1, 1), "format"),
    ((True, "gold", 1, 0, 0), "arithmetic"),
    ((True, "early", 1, 0, 1), "arithmetic"),
    ((True, "early", 0, 1, 1), "stop"),
    ((True, "late", 0, 1, 0), "stop"),
    ((True, "other", 0, 1, 1), "question"),
    ((True, "gold", 0, 1, 1), "question"),
    ((True, "", 0, 1, 0), "question"),
    ((True, "early", 1, 1, 0), "either"),
    ((True, "other", 0, 0, 1), "together"),
    ((True, "late", 0, 0, 0), "reasoning"),
]


def find(path):
    the_study = study.read(path)
    return causes.find(the_study, scores.read(the_study))


@pytest.fixture
def one(tmp_path):
    (found,) = scores.read(study.read(write_run(tmp_path / "run", n=11, strategies=("socratic_iterative",))))
    return found


def test_every_error_has_the_first_cause_that_holds(one):
    answered, ways, *mended = zip(*(case for case, _ in CASES), strict=True)
    for name, values in (("correct_N", [False] * 11), ("answered_N", answered), ("ways_N", ways)):
        object.__setattr__(one, name, np.array(values))
    swaps = {w: np.array(m, bool) for w, m in zip((CALCULATOR, QUESTIONS, BOTH), mended, strict=True)}
    assert causes.assign(one, swaps) == [cause for _, cause in CASES]
    # What was not scored mends nothing, and what then is left over is not known.
    assert causes.assign(one, {**swaps, QUESTIONS: None})[3:] == [
        "together", "unknown", "together", "together", "unknown", "arithmetic", "together", "unknown",
    ]  # fmt: skip
    object.__setattr__(one, "correct_N", np.array([True] * 11))
    assert causes.assign(one, swaps) == [""] * 11


def test_errors_add_up_and_what_is_missing_is_named(tmp_path):
    path = write_run(tmp_path / "run", n=80, swaps=SWAPS, annotated=True)
    found = find(path)
    assert {row.strategy: row.missing for row in found.rows} == {"cot": (), "socratic_iterative": ()}
    for row in found.rows:
        lines = (path / row.files[0]).read_text().splitlines()
        correct = [json.loads(line)["correct"] for line in lines]
        assert sum(row.counts) == correct.count(False)
        assert [letter == "-" for letter in found.of[row.files[0]]] == correct
    counts = {row.strategy: dict(zip(CAUSES, row.counts, strict=True)) for row in found.rows}
    # Those that ask nothing have no questions to mend.
    assert {cause for cause, n in counts["cot"].items() if n} == {"arithmetic", "reasoning"}
    assert all(
        counts["socratic_iterative"][cause] for cause in ("arithmetic", "stop", "question", "reasoning")
    )
    report.write(str(path))
    rows = list(csv.DictReader((path / "results_causes.csv").open()))
    assert [[int(row[cause]) for cause in CAUSES] for row in rows] == [list(r.counts) for r in found.rows]


def test_without_the_others_it_is_said_which_are_missing(tmp_path):
    found = find(write_run(tmp_path / "run", n=30, swaps=("oracle_questions",)))
    missing = {row.strategy: row.missing for row in found.rows}
    assert missing == {"cot": (CALCULATOR,), "socratic_iterative": (CALCULATOR, BOTH)}
    counts = {row.strategy: dict(zip(CAUSES, row.counts, strict=True)) for row in found.rows}
    assert counts["cot"]["unknown"] and not counts["cot"]["reasoning"]
    assert counts["socratic_iterative"]["question"] and not counts["socratic_iterative"]["arithmetic"]


def test_a_variant_that_changes_more_than_the_calculator_is_no_swap(tmp_path):
    path = write_run(tmp_path / "run", n=30, swaps=SWAPS, annotated=True)
    config = json.loads((path / "config.json").read_text())
    config["evaluate"]["variants"]["calculator"]["temperature"] = 0.7
    (path / "config.json").write_text(json.dumps(config))
    missing = {row.strategy: row.missing for row in find(path).rows}
    assert missing == {"cot": (CALCULATOR,), "socratic_iterative": (CALCULATOR, BOTH)}


def write_slips(path, annotated):
    """Every student takes the gold way and makes a slip in the last step, which the calculator can only mend
    where there is an annotation."""
    write_run(path, n=6, evil=False, swaps=SWAPS, annotated=annotated)
    for file in (path / "predictions" / "test").iterdir():
        records = [json.loads(line) for line in file.read_text().splitlines()]
        mended = annotated and "+calculator" in file.stem
        for record, problem in zip(records, study.read(path).cells[0].problems("test"), strict=True):
            answer = problem.answer if mended else str(int(problem.answer) + 1)
            turns = []
            for step in problem.steps if file.stem != "answer_only" else ():
                left, right = step.solution.split("=")
                right = answer if step is problem.steps[-1] else right
                asked = [{"role": "question", "text": step.subquestion}] * ("cot" not in file.stem)
                text = f"{left} = <<{left}={right}>>{right}" if annotated else f"{left}={right}"
                turns += [*asked, {"role": "solution", "text": text}]
            turns.append({"role": "answer", "text": answer})
            record.update(turns=turns, answer=answer, correct=mended)
        file.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.mark.parametrize(("annotated", "cause"), [(True, "arithmetic"), (False, "unknown")])
def test_the_calculator_is_put_in_only_where_there_are_annotations(tmp_path, annotated, cause):
    write_slips(tmp_path / "run", annotated)
    found = find(tmp_path / "run")
    assert {row.strategy: row.missing for row in found.rows} == {
        "cot": () if annotated else (CALCULATOR,),
        "socratic_iterative": () if annotated else (CALCULATOR, BOTH),
    }
    assert all(row.counts[CAUSES.index(cause)] == row.n == 6 for row in found.rows)
    files = {"cot": SWAPS[0], "socratic_iterative": SWAPS[3]}
    for row in found.rows:
        assert any(f"/{files[row.strategy]}.jsonl" in file for file in row.files) == annotated


def test_false_arithmetic_is_counted_beside_the_causes(tmp_path):
    write_slips(tmp_path / "run", annotated=False)
    file = tmp_path / "run" / "predictions" / "test" / "cot.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    # Wrong, with arithmetic that is true: no slip.
    records[0]["turns"][-2]["text"] = "1+1=2"
    records[0]["turns"][-1]["text"] = records[0]["answer"] = "2"
    # Right all the same: no error.
    records[1].update(correct=True, answer=records[1]["gold"])
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    rows = {row.strategy: row for row in find(tmp_path / "run").rows}
    assert (sum(rows["cot"].counts), rows["cot"].slips) == (5, 4)
    assert (sum(rows["socratic_iterative"].counts), rows["socratic_iterative"].slips) == (6, 6)
