"""How long the page of a study takes, from finished runs to report.html and all tables.

  python -m benchmarks.page                          # 60 predictions files of 1,319 dialogues
  python -m benchmarks.page --seeds=10 --problems=500

The study is made up: four sizes, so many seeds, CoT and iterative Socratic, and the second with the
calculator on the "hard" generated problems, so that every section has something to show. Prints processor
time (user and system, all processes) and wall-clock time of `report.write`, imports included, and the size
of the page. The goal is 20 s for 60 files on two cores.

Measured on two cores (x86-64) at the lowest priority beside several other programs, which is what the clock
shows; the processor time is the page's own:

  60 files of 1,319 dialogues, in one process: 7.4 and 8.3 s of processor time, 14.9 and 30.3 s by the clock
  60 files of 1,319 dialogues, in two:        13.8 s of processor time, 22.6 s by the clock

What two use more is importing the program again, so that 60 files are read by one (workers.FEW).
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

from tests.reporting.synthetic import write_study

SIZES = ("tiny-0.2m", "tiny-0.8m", "tiny-3m", "gpt2")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--problems", type=int, default=1319)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = write_study(
            Path(directory) / "study",
            n=options.problems,
            sizes=SIZES,
            seeds=options.seeds,
            strategies=("cot", "socratic_iterative"),
            swaps=("socratic_iterative+calculator",),
            level="hard",
            evil=False,
        )
        before, started = _processor(), time.perf_counter()
        from socratic_jax.reporting import report

        page = report.write(str(root), processes=options.processes)
        elapsed, used = time.perf_counter() - started, _processor() - before
        files = len(list(root.glob("*/predictions/*/*.jsonl")))
        print(
            f"{files} files of {options.problems:,} dialogues, at most {options.processes} processes: "
            f"{used:.1f} s of processor time, {elapsed:.1f} s by the clock, "
            f"page of {Path(page).stat().st_size / 1e6:.1f} MB"
        )


def _processor() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
