"""The same function for many things, in several processes where that is faster."""

import concurrent.futures
import multiprocessing
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

FEW = 12  # Things that one process has done before others would have started.

Job = TypeVar("Job")
Done = TypeVar("Done")


def spread(function: Callable[[Job], Done], jobs: Sequence[Job]) -> list[Done]:
    """function(job) for every job, in their order. Errors are raised as the function raises them."""
    workers = min(os.cpu_count() or 1, -(-len(jobs) // FEW), 16)
    if workers <= 1:
        return [function(job) for job in jobs]
    # Not forked: JAX has threads, and a forked copy of a held lock is held for ever.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(pool.map(function, jobs, chunksize=max(1, len(jobs) // (8 * workers))))
