"""The rows of the paper as one study: human steps, a teacher's own, and its questions for the human steps."""

import json
import re

from ml_collections import ConfigDict
from server import Server, random_plan

from configs import scaling
from socratic_jax import program
from socratic_jax.problems import annotations
from socratic_jax.reporting import report
from socratic_jax.study.cells import cells, config_in
from tests.test_main import small_config

FAULTS = ("429", "500", "drop", "truncated")
TAUGHT = ("answer_only", "cot", "socratic_iterative")  # The others are explained as the last one is.


def teach(prompt, seed):
    """What a good teacher says to the prompts, about "Ann has 3 pens. She gets 4 more. How many pens?"."""
    problem = prompt.rpartition("Problem:")[2]
    first, *more = map(int, re.findall(r"(?:has|gets) (\d+)", problem))
    if "Steps:" in problem:
        return "\n".join(f"{i}. How many pens are it with {n} more?" for i, n in enumerate(more, 1))
    lines, total = [], first
    for i, n in enumerate(more, 1):
        step = f"{total} + {n} = {total + n}"
        lines += [f"Q{i}: How many now?", f"A{i}: {step}"] if "Q1:" in prompt else [f"{i}. {step}"]
        total += n
    return "\n".join([*lines, f"Final answer: {total}"])


def test_the_rows_of_the_paper_stand_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "key-0123456789")
    with Server(plan=random_plan(0, 0.2, FAULTS)) as server:
        server.write = teach
        run = small_config(tmp_path)
        run.evaluate.variants, run.evaluate.oracles = {}, False
        run.train.steps = run.train.checkpoint_every = 2
        run.annotate.n_prompts, run.annotate.samples = 2, 2
        run.annotate.limits.backoff = run.annotate.limits.longest_backoff = 0.01
        run.annotate.cot.base_url = run.annotate.socratic.base_url = server.url + "/v1"
        rows = tuple(
            {**row, "strategies": tuple(s for s in row["strategies"] if s in TAUGHT)}
            for row in scaling.explained_by("openai:m")
        )
        axes = (("explained_by", rows), ("seed", ({"seed": 0}, {"seed": 1})))
        made = cells(ConfigDict({"run": run, "axes": axes}))
        study = tmp_path / "study"
        for cell in made[::2]:
            program.run(config_in(cell, study), str(study / cell.name))
        # Another seed learns from the same replies, and pays for none of them.
        paid = sum(server.replies.values())
        assert paid > 0
        for cell in made[1::2]:
            program.run(config_in(cell, study), str(tmp_path / "another" / cell.name), "annotate")
        assert sum(server.replies.values()) == paid
    on_steps = study / made[4].name / "annotations" / "train-socratic.jsonl"
    texts = [step for a in annotations.read(on_steps) for step in a.explanation.steps]
    assert texts and all(" = " not in step.solution and "more?" in step.subquestion for step in texts)

    report.write(str(study))
    table = (study / "results.md").read_text()
    for row in (
        "gold steps | socratic | answer_only", "gold steps | socratic | cot",
        "gold steps | socratic | socratic_iterative", "openai:m | socratic | cot",
        "openai:m | socratic | socratic_iterative", "gold steps | socratic_on_steps | cot",
        "gold steps | socratic_on_steps | socratic_iterative",
    ):  # fmt: skip
        assert table.count(f"| {row} |") == 1, row
    assert "openai:m | socratic | answer_only" not in table and "| teacher | prompt | strategy |" in table
    page = json.loads(re.search('id="data">(.*?)</script>', (study / "report.html").read_text())[1])
    costs = [(cost["teacher"], cost["replies"]) for cell in page["cells"] for cost in cell["teachers"]]
    assert costs == [("openai:m", paid)]
    assert {(cell["journal"], cell["asked_for"]) for cell in page["cells"]} == {("journal.jsonl", "all runs")}
