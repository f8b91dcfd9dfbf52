"""Measures this project against what one would run without it, and writes docs/benchmarks.md.

  make bench DATA=DIRECTORY                                   # everything; DATA has GSM8K's files
  python -m benchmarks.main --data=DIRECTORY --tokenizer=DIRECTORY --only=train --rounds=3

The contenders of a measure are processes of one tree (worker.py), each in its own environment: ours in the
one that runs this, the peers in --peers. They are made ready one after the other, and then run a round in
turn, as many times as --rounds says, so that a machine that gets slower gets slower for all. What is reported
is the ratio of the medians, and the smallest and largest ratio of a round. Nothing else should run meanwhile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import plots, table
from benchmarks.measures import MEASURES, Contender, Measure
from socratic_jax.program import HUGE_PAGES

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "docs" / "benchmarks.jsonl", ROOT / "docs" / "benchmarks.md"


class Worker:
    """A contender's process."""

    def __init__(self, contender: Contender, inputs: str, python: dict[str, str]):
        self.contender = contender
        arguments = dict(contender.arguments)
        if contender.inputs:
            arguments["inputs"] = inputs
        command = [python[contender.module], ROOT / "benchmarks" / "worker.py"]
        command += [f"benchmarks.{contender.module}:{contender.function}", json.dumps(arguments)]
        command += ["warm"] * contender.warm
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **_malloc(contender)},
        )  # fmt: skip
        self.ready = self._answer()["ready"]

    def round(self) -> dict:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            last = self.errors.read().strip().splitlines()[-8:]
            raise SystemExit("\n".join([f"{self.contender.name} ended:", *last]))
        return json.loads(line)

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def _malloc(contender: Contender) -> dict[str, str]:
    # Our command line starts itself so (program.use_huge_pages); whoever runs the peers does not, by default.
    huge = contender.module == "ours" or contender.huge_pages
    return {"GLIBC_TUNABLES": HUGE_PAGES if huge else ""}


def measure(measure: Measure, inputs: str, python: dict[str, str], rounds: int) -> dict:
    """What the contenders did, round by round."""
    workers = [Worker(contender, inputs, python) for contender in measure.contenders]
    try:
        taken = [[worker.round() for worker in workers] for _ in range(rounds)]
    finally:
        for worker in workers:
            worker.end()
    record = {"measure": measure.name, "contenders": {}}
    first = taken[0][0].get("tokens")
    for k, worker in enumerate(workers):
        mine = [row[k] for row in taken]
        record["contenders"][worker.contender.name] = {
            "rates": [r["work"] / r.get("own_seconds", r["seconds"]) for r in mine],
            "memory": max(r["memory"] for r in mine),
            **({"loss": mine[-1]["loss"]} if "loss" in mine[-1] else {}),
            **_same(first, mine[0].get("tokens")),
        }
    return record


def _same(first, tokens) -> dict:
    """The share of tokens that are those of the first contender."""
    if not isinstance(first, list) or not isinstance(tokens, list):
        return {}
    pairs = [(a, b) for x, y in zip(first, tokens, strict=True) for a, b in zip(x, y, strict=False)]
    return {"same": statistics.fmean(a == b for a, b in pairs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="data/gsm8k", help="directory with GSM8K's files")
    parser.add_argument("--tokenizer", default="openai-community/gpt2", help="GPT-2's, directory or hub id")
    parser.add_argument(
        "--peers", default=".venv-peers/bin/python", help="Python with PyTorch and CTranslate2"
    )
    parser.add_argument("--inputs", default="runs/benchmarks", help="directory for weights and dialogues")
    parser.add_argument("--only", action="append", help="measures whose names begin so")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    inputs = Path(arguments.inputs).absolute()
    inputs.mkdir(parents=True, exist_ok=True)
    code = "import sys, pathlib, benchmarks.inputs as i; i.write(pathlib.Path(sys.argv[1]), *sys.argv[2:])"
    command = [sys.executable, "-c", code, inputs, arguments.data, arguments.tokenizer]
    subprocess.run(command, check=True, cwd=ROOT)
    python = {"ours": sys.executable, "peers": str(ROOT / arguments.peers)}
    records = {r["measure"]: r for r in map(json.loads, RESULTS.open())} if RESULTS.exists() else {}
    for m in MEASURES:
        # By whole words: "batch 1" is not "batch 128".
        begins = tuple(name + end for name in arguments.only or () for end in (" ", ","))
        if arguments.only and not f"{m.name} ".startswith(begins):
            continue
        record = measure(m, str(inputs), python, arguments.rounds)
        records[m.name] = {**record, "machine": table.machine()}
        RESULTS.write_text("".join(json.dumps(records[x.name]) + "\n" for x in MEASURES if x.name in records))
        PAGE.write_text(table.page(MEASURES, records))
        plots.write(records)
        print(*table.lines(m, record), sep="\n", flush=True)


if __name__ == "__main__":
    main()
