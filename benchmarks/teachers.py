"""How fast the way from problems to explanations is, with a server that answers at once.

  python benchmarks/teachers.py                      # both clients, 2,000 and 20,000 replies
  python benchmarks/teachers.py --teacher=openai:m --replies=50000 --concurrency=32

Prints replies a second end to end (prompt, request, HTTP, parsing, journal, selection, file of annotations),
processor time for a reply, and the memory of the process with its problems, and by how much that grew at its
highest. The server is a process of its own, so both share the cores. The goal is 500 replies a second on two
of them, and memory that does not grow with the replies: each takes about 75 bytes, its place in the journal's
index and a part of the name of its problem.

Measured on two cores (x86-64) that were training a student at the same time, so these are lower bounds:

  openai:m     2,000 replies     803 a second   0.78 ms of processor time each  memory 45 MB + 0.0 MB
  openai:m   100,000 replies    1047 a second   0.78 ms of processor time each  memory 54 MB + 7.3 MB
  gemini:m    20,000 replies     505 a second   1.71 ms of processor time each  memory 79 MB + 4.1 MB

Three quarters of Gemini's time are its SDK's.

Each measurement is a process of its own, so that the highest memory is its own as well.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from socratic_jax.config import default_config
from socratic_jax.problems import annotations
from socratic_jax.problems.problem import Problem
from socratic_jax.teachers.funnel import Funnel
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.limits import Limits
from socratic_jax.teachers.pipeline import make_pipeline
from socratic_jax.teachers.prices import Price
from socratic_jax.teachers.registry import make_teacher

SERVER = Path(__file__).parents[1] / "tests" / "teachers" / "server.py"
SAMPLES = 4


def problem(i: int) -> Problem:
    """One whose right solution the server knows."""
    return Problem(f"p{i}", f"Ann has {i} pens and buys 4. How many pens has she?", str(i + 4))


def measure(spec: str, url: str, n: int, concurrency: int) -> None:
    """Asks for n replies to prompts of about 3,300 characters, selects, and prints what it took."""
    base_url = url + ("/v1" if spec.startswith("openai") else "")
    teacher = make_teacher(spec, base_url=base_url, limits=Limits(concurrency=concurrency))
    config = default_config().annotate
    config.samples = SAMPLES
    pipeline, problems = make_pipeline(config, "cot", bare=False), list(map(problem, range(n // SAMPLES)))
    price = Price("m", 1.0, 4.0, 0.5)
    with tempfile.TemporaryDirectory() as directory, Journal(Path(directory) / "journal.jsonl") as journal:
        pipeline.ask(teacher, problems[:8], journal)  # Warms up, and is in the journal already.
        before, start, cpu = highest(), time.perf_counter(), time.process_time()
        counts = pipeline.ask(teacher, problems, journal, price)
        funnel, path = Funnel(), Path(directory) / "annotations.jsonl"
        annotations.write(path, pipeline.select(teacher.name, problems, journal, funnel))
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        assert counts.stop == counts.accepted == n - 8 * SAMPLES, counts
        assert funnel.explained == len(problems) and funnel.samples == n, funnel
    print(
        f"{spec:10s} {n:7,d} replies  {n / seconds:6.0f} a second  {1000 * cpu / n:5.2f} ms of processor time"
        f" each  memory {before:.0f} MB + {highest() - before:.1f} MB",
        flush=True,
    )


def highest() -> float:
    """The most memory that this process ever had, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--teacher", action="append", help="kind:model; several are measured in turn")
    parser.add_argument("--replies", action="append", type=int, help="several are measured in turn")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--url", help="of a server that runs already; then only one measurement is made")
    arguments = parser.parse_args()
    os.environ.setdefault("GEMINI_API_KEY", "a-key-for-loopback")
    teachers, replies = arguments.teacher or ("openai:m", "gemini:m"), arguments.replies or (2_000, 20_000)
    if arguments.url:
        measure(teachers[0], arguments.url, replies[0], arguments.concurrency)
        return
    with subprocess.Popen([sys.executable, SERVER, "--steps"], stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip()
            for spec in teachers:
                for n in replies:
                    command = [
                        sys.executable,
                        __file__,
                        f"--teacher={spec}",
                        f"--replies={n}",
                        f"--url={url}",
                    ]
                    subprocess.run([*command, f"--concurrency={arguments.concurrency}"], check=True)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
