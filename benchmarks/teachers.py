"""How fast the way from a request to the journal is, with a server that answers at once.

  python benchmarks/teachers.py                      # both clients, 10,000 requests each
  python benchmarks/teachers.py --teacher=openai:m --requests=50000 --concurrency=32

Prints replies a second end to end (request, HTTP, parsing, journal), processor time for a reply, and
how much the memory of the process has grown between the first and the last tenth of the run. The server
is a process of its own, so both share two cores. The goal is 500 replies a second and no growth.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from socratic_jax.teachers.annotate import annotate
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.limits import Limits
from socratic_jax.teachers.registry import make_teacher
from socratic_jax.teachers.teacher import Request

SERVER = Path(__file__).parents[1] / "tests" / "teachers" / "server.py"
SHOTS = "Q: There are 3 cars and 2 more arrive. How many are there?\nA: 3+2=5. The answer is 5.\n\n" * 40


def measure(spec: str, url: str, n: int, concurrency: int) -> None:
    """Annotates n prompts of about 3,500 characters and prints what it took."""
    teacher = make_teacher(
        spec,
        base_url=url + ("/v1" if spec.startswith("openai") else ""),
        limits=Limits(concurrency=concurrency),
    )
    memory = []

    def requests():
        for i in range(n):
            if i % max(n // 10, 1) == 0:
                memory.append(resident())
            yield Request(f"{SHOTS}Q: Problem {i}?\nA:", 0.7, 1.0, 256, 0)

    with tempfile.TemporaryDirectory() as directory, Journal(Path(directory) / "journal.jsonl") as journal:
        annotate(teacher, [Request("warm up", 0.7, 1.0, 256, 0)], journal)
        start, cpu = time.perf_counter(), time.process_time()
        counts = annotate(teacher, requests(), journal)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        assert counts.stop == n and len(journal) == n + 1, counts
    print(
        f"{spec:10s} {n / seconds:6.0f} replies/s  {1000 * cpu / n:5.2f} ms of processor time each  "
        f"memory {memory[1]:.1f} -> {memory[-1]:.1f} MB",
        flush=True,
    )


def resident() -> float:
    """Memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--teacher", action="append", help="kind:model; several are measured in turn")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=32)
    arguments = parser.parse_args()
    os.environ.setdefault("GEMINI_API_KEY", "a-key-for-loopback")
    with subprocess.Popen([sys.executable, SERVER], stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip()
            for spec in arguments.teacher or ("openai:m", "gemini:m"):
                measure(spec, url, arguments.requests, arguments.concurrency)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
