"""A process that annotates, for tests that kill it: journal, URL, requests, concurrency."""

import sys

from socratic_jax.teachers.annotate import annotate
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.limits import Limits
from socratic_jax.teachers.openai import OpenAITeacher
from socratic_jax.teachers.teacher import Request


def make_requests(n):
    """The requests of a run: a fourth of them are prompts, each with four samples."""
    return (Request(f"Problem {i // 4}?", 0.7, 1.0, 64, i % 4, tag=f"p{i // 4}") for i in range(n))


def make_teacher(url, concurrency=8, **limits):
    """A teacher that does not wait long."""
    limits = dict(backoff=0.01, longest_backoff=0.05) | limits
    return OpenAITeacher("m", base_url=url + "/v1", limits=Limits(concurrency=concurrency, **limits))


def main(path, url, n, concurrency):
    with Journal(path) as journal:
        print("ready", flush=True)
        counts = annotate(make_teacher(url, int(concurrency)), make_requests(int(n)), journal)
    print(f"asked {counts.asked} cached {counts.cached}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
