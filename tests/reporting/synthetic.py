"""Workdirs of runs that never ran: what a study's page is made from, in milliseconds."""

import json
import random
from pathlib import Path

from socratic_jax.config import default_config
from socratic_jax.problems import sources
from socratic_jax.problems.problem import Problem
from socratic_jax.transcripts.strategies import STRATEGIES

EVIL = "</script><img src=x onerror=\"document.title='owned'\"><!-- & 1+1=3"
TAUGHT = ("answer_only", "cot", "socratic_iterative")


def write_study(root: Path, n: int = 12, sizes=("tiny-0.2m", "tiny-0.8m"), seeds: int = 2, **options) -> Path:
    for size in sizes:
        for seed in range(seeds):
            write_run(root / f"{size}-{seed}", n=n, size=size, seed=seed, **options)
    return root


def write_run(
    path: Path, n: int = 12, size: str = "tiny-0.2m", seed: int = 0, strategies=TAUGHT, evil: bool = True
) -> Path:
    """A finished run on the generated problems. The first dialogue of CoT is `EVIL`."""
    config = default_config()
    config.student.size, config.seed, config.strategies = size, seed, strategies
    # What goes along with the size is no condition of its own.
    config.train.learning_rate = 1e-3 * (1 + len(size))
    config.evaluate.suites = dict(test=dict(split="test", limit=n))
    path.mkdir(parents=True)
    (path / "config.json").write_text(config.to_json_best_effort())
    seconds = {"data": 5.0, "step": 60.0 + seed, "decode": 20.0}
    attempt = {"started": 1.0, "total": 100.0, "wasted": 2.0, "seconds": seconds}
    (path / "seconds.json").write_text(json.dumps([attempt]))
    write_annotations(path / "annotations")
    for strategy in strategies:
        for student in STRATEGIES[strategy].students:
            directory = path / "students" / f"{strategy}-{student}"
            directory.mkdir(parents=True)
            records = [{"step": k, "loss": 5.0 / k, "accuracy": float("nan")} for k in range(1, 500)]
            (directory / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
        write_predictions(path, strategy, n, f"{size}/{seed}", evil)
    return path


def write_annotations(directory: Path) -> None:
    directory.mkdir()
    dropped = {"right answer": {"wrong answer": 30}, "distinct": {"same equations": 10}}
    funnel = dict(samples=100, dropped=dropped, problems=50, explained=40, rationalised=3)
    (directory / "train-cot.funnel.json").write_text(json.dumps(funnel))
    reply = {"teacher": "openai:gpt-4o", "input_tokens": 1_000_000, "output_tokens": 100_000}
    # Two replies, and one that a kill cut short.
    (directory / "journal.jsonl").write_text(2 * (json.dumps(reply) + "\n") + '{"teacher": "op')


def write_predictions(path: Path, strategy: str, n: int, salt: str, evil: bool) -> None:
    lines = []
    for i, problem in enumerate(sources.load("arithmetic", "test", limit=min(n, 500)) * -(-n // 500)):
        if i == n:
            break
        lines.append(json.dumps(record(problem, i, strategy, random.Random(f"{salt}/{strategy}/{i}"), evil)))
    file = path / "predictions" / "test" / f"{strategy}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def record(problem: Problem, i: int, strategy: str, rng: random.Random, evil: bool) -> dict:
    right = rng.random() < 0.5
    turns = []
    for step in problem.steps if strategy != "answer_only" else ():
        if strategy.startswith("socratic"):
            turns.append({"role": "question", "text": step.subquestion})
        turns.append({"role": "solution", "text": step.solution if right else "1 + 1 = 3"})
    if evil and strategy == "cot" and i == 0:
        turns.append({"role": "solution", "text": EVIL})
    turns.append({"role": "answer", "text": problem.answer if right else "-1"})
    return dict(
        id=problem.id if i < 500 else f"{problem.id}/{i}", question=problem.question, gold=problem.answer,
        gold_steps=len(problem.steps), answer=turns[-1]["text"], correct=right, status="answered",
        n_tokens=7 * len(turns), turns=turns,
    )  # fmt: skip
