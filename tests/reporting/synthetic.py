"""Workdirs of runs that never ran: what a study's page is made from, in milliseconds."""

import json
import random
from pathlib import Path

from socratic_jax.config import default_config
from socratic_jax.evaluation.results import split_name
from socratic_jax.problems import sources
from socratic_jax.problems.problem import Problem
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import STRATEGIES

EVIL = "</script><img src=x onerror=\"document.title='owned'\"><!-- & 1+1=3"
SWAPS = ("cot+calculator", "socratic_iterative+calculator", "oracle_questions", "oracle_questions+calculator")
TAUGHT = ("answer_only", "cot", "socratic_iterative")


def write_study(root: Path, n: int = 12, sizes=("tiny-0.2m", "tiny-0.8m"), seeds: int = 2, **options) -> Path:
    for size in sizes:
        for seed in range(seeds):
            write_run(root / f"{size}-{seed}", n=n, size=size, seed=seed, **options)
    return root


def write_run(
    path: Path,
    n: int = 12,
    size: str = "tiny-0.2m",
    seed: int = 0,
    strategies=TAUGHT,
    evil: bool = True,
    swaps=(),
    level: str = "chain2to4",
    annotated: bool = False,
) -> Path:
    """A finished run on the generated problems. The first dialogue of CoT is `EVIL`.

    Args:
      swaps: what else was scored: names such as SWAPS.
      level: of the problems.
      annotated: whether steps have GSM8K's annotations.
    """
    config = default_config()
    config.data.options = dict(level=level)
    if any("+calculator" in name for name in swaps):
        config.evaluate.variants = dict(calculator=dict(calculator=True))
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
    for name in (*strategies, *swaps):
        write_predictions(path, name, n, f"{size}/{seed}", evil, level, annotated)
    return path


def write_annotations(directory: Path) -> None:
    directory.mkdir()
    dropped = {"right answer": {"wrong answer": 30}, "distinct": {"same equations": 10}}
    funnel = dict(samples=100, dropped=dropped, problems=50, explained=40, rationalised=3)
    (directory / "train-cot.funnel.json").write_text(json.dumps(funnel))
    reply = {"teacher": "openai:gpt-4o", "input_tokens": 1_000_000, "output_tokens": 100_000}
    # Two replies, and one that a kill cut short.
    (directory / "journal.jsonl").write_text(2 * (json.dumps(reply) + "\n") + '{"teacher": "op')


def write_predictions(
    path: Path, strategy: str, n: int, salt: str, evil: bool, level: str, annotated: bool
) -> None:
    lines = []
    problems = sources.load("arithmetic", "test", limit=min(n, 500), level=level)
    for i, problem in enumerate(problems * -(-n // 500)):
        if i == n:
            break
        rng = random.Random(f"{salt}/{strategy}/{i}")
        lines.append(json.dumps(record(problem, i, strategy, rng, evil, annotated)))
    file = path / "predictions" / "test" / f"{strategy}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def record(
    problem: Problem, i: int, strategy: str, rng: random.Random, evil: bool, annotated: bool = False
) -> dict:
    """Half of the dialogues are wrong: most of them in every step, some stop a step too early."""
    chance = rng.random()
    right, early = chance < 0.5, 0.5 <= chance < 0.6 and not strategy.startswith("cot")
    known = STRATEGIES[split_name(strategy)[0]]
    turns = []
    for step in problem.steps[: -1 if early else None] if Role.SOLUTION in known.roles else ():
        if Role.QUESTION in known.roles:
            turns.append({"role": "question", "text": step.subquestion})
        text = step.solution if right or early else "1 + 1 = 3"
        turns.append({"role": "solution", "text": f"<<{text}>>" if annotated else text})
    if evil and strategy == "cot" and i == 0:
        turns.append({"role": "solution", "text": EVIL})
    turns.append({"role": "answer", "text": problem.answer if right else "-1"})
    return dict(
        id=problem.id if i < 500 else f"{problem.id}/{i}", question=problem.question, gold=problem.answer,
        gold_steps=len(problem.steps), answer=turns[-1]["text"], correct=right, status="answered",
        n_tokens=7 * len(turns), turns=turns,
    )  # fmt: skip
