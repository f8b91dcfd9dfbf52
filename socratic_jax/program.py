"""What a program does around a run: logging, signals, and errors in one line."""

import contextlib
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator

from absl import flags
from ml_collections import ConfigDict

from socratic_jax import EXIT_PREEMPTED

STAGES = ("annotate", "train", "evaluate", "report")

HUGE_PAGES = "glibc.malloc.hugetlb=1"


def use_huge_pages() -> None:
    """Starts the process anew, once, with a malloc that asks for huge pages; for the top of a program.

    A step's buffers are fresh memory that the kernel clears page by page: with 512 times larger pages a
    train step of a small student on a CPU takes 0.7 times as long. glibc only reads this when a process
    starts. Whoever has set GLIBC_TUNABLES, also to nothing, is left alone.
    """
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = HUGE_PAGES
        os.execv(sys.executable, sys.orig_argv)


def run(config, workdir: str, stage: str = "all", dry_run: bool = False) -> None:
    """Runs a stage, or all of them in order."""
    from socratic_jax import processes, stages
    from socratic_jax.run import Run

    the_run = Run(config, workdir)
    if dry_run:
        stages.annotate(the_run, dry_run=True)
        return
    for name in STAGES if stage == "all" else (stage,):
        try:
            stages.STAGES[name](the_run)
        finally:
            the_run.clock.flush()
        processes.check_stop(f"{name} is done")


def start(
    get_config: Callable[[], ConfigDict], workdir: str, stage: str = "all", dry_run: bool = False,
    distributed: str = "none", traceback: bool = False,
) -> None:  # fmt: skip
    """Runs, and ends the process with the code that says how it went, if it did not go well.

    Args:
      get_config: makes the config; what it raises is an error like any other.
      distributed: the processes of the run; see processes.start.
      traceback: raise errors instead of saying in one line what is wrong.
    """
    quieten()
    from socratic_jax import checks, devices, processes

    try:
        processes.stop_on_signal()
        config = get_config()
        checks.check_is_run(config)
        devices.keep_compilations()
        devices.prepare_cpu(config.cpu_devices)
        processes.start(distributed)
        if not processes.is_first():
            logging.getLogger().setLevel(logging.WARNING)
        run(config, workdir, stage, dry_run)
    except processes.Preempted as stop:
        print(f"stopped: {stop}; the same command goes on from there", file=sys.stderr, flush=True)
        sys.exit(EXIT_PREEMPTED)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from what is kept", file=sys.stderr, flush=True)
        sys.exit(EXIT_PREEMPTED if processes.told_to_stop() else 1)
    except (ValueError, RuntimeError, OSError) as error:
        if traceback:
            raise
        if processes.is_loss_of_peer(error):
            print("stopped: another process is gone; start all of them again", file=sys.stderr, flush=True)
            os._exit(EXIT_PREEMPTED)  # A clean exit would wait for the one that is gone.
        sys.exit(f"error: {_first_line(error)}")
    except Exception as error:
        if traceback:
            raise
        lines = str(error).strip().splitlines() or [""]
        sys.exit(f"error: {type(error).__name__}: {lines[0]}; --traceback shows where")


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Ends the process with one line for what can go wrong in what is inside."""
    try:
        yield
    except (ValueError, RuntimeError, OSError) as error:
        sys.exit(f"error: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    if "Failed loading config file" in line:
        name = next((arg.partition("=")[2] for arg in sys.argv if arg.startswith("--config=")), "")
        return f"cannot load the config file {name!r}"
    return line


def quieten() -> None:
    """Logs of this project as plain lines, of others only errors."""
    # transformers, used for tokenizers only, would say that it misses PyTorch.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    for noisy in ("absl", "jax", "orbax", "httpx", "httpx2", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def parse_flags(argv: list[str]) -> list[str]:
    """Parses the flags. What is wrong with a field of the config, or its argument, is said in one line."""
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        # Of the config file it has the traceback, whose last line says what is wrong.
        line = str(error).strip().splitlines()[-1].strip()
        sys.exit(f"error: {re.sub(r'^[A-Za-z]*Error: ', '', line)}")
    except (AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        lines = [line for arg in error.args for line in str(arg).strip().splitlines()] or [
            type(error).__name__
        ]
        unknown = isinstance(error, AttributeError | KeyError)
        what = f"the config has no field {lines[0]}" if unknown else f"the config: {lines[-1]}"
        sys.exit(f"error: {what}; see socratic_jax/config.py for all fields")
