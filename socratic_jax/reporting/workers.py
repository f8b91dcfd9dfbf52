"""The same function for many things, in several processes where that is faster."""

import concurrent.futures
import multiprocessing
from collections.abc import Callable, Sequence
from typing import TypeVar

FEW = 60  # Things that one process has done before others have imported the program; see benchmarks/page.py.

Job = TypeVar("Job")
Done = TypeVar("Done")


def spread(function: Callable[[Job], Done], jobs: Sequence[Job], processes: int = 1) -> list[Done]:
    """function(job) for every job, in their order. Errors are raised as the function raises them.

    Args:
      processes: at most so many, and fewer for few jobs. More than one is for command lines: new processes
        import the program that they are started from, and a script without a guard would run again.
    """
    workers = min(processes, -(-len(jobs) // FEW))
    if workers <= 1:
        return [function(job) for job in jobs]
    # Not forked: JAX has threads, and a forked copy of a held lock is held for ever.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(pool.map(function, jobs, chunksize=max(1, len(jobs) // (8 * workers))))
