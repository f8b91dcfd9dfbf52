"""The command line.

  python -m socratic_jax.main --config=configs/quickstart.py --workdir=runs/quickstart

Any field of the config can be changed with --config.field=value. Stages find out for themselves what
is left to do: the same command, typed again, goes on where it was stopped. SIGTERM makes it save what
it did and exit with code 42.
"""

import logging
import os
import signal
import sys

from absl import app, flags
from ml_collections import config_flags

from socratic_jax import EXIT_PREEMPTED

STAGES = ("annotate", "train", "evaluate", "report")

_CONFIG = config_flags.DEFINE_config_file("config", None, "The configuration file, as path.py[:argument].")
_WORKDIR = flags.DEFINE_string("workdir", None, "Where the run lives: checkpoints, predictions, results.")
_STAGE = flags.DEFINE_enum("stage", "all", (*STAGES, "all"), "Which stage to run.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print what annotating would cost, and ask nobody.")
_DISTRIBUTED = flags.DEFINE_string(
    "distributed", "none", "The processes of the run: none, auto, or HOST:PORT,PROCESSES,INDEX."
)
_TRACEBACK = flags.DEFINE_bool("traceback", False, "Show where an error came from, not only what it is.")


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


def _main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"what is {argv[1]!r}? options start with --")
    # transformers, used for tokenizers only, would say that it misses PyTorch.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    for noisy in ("absl", "jax", "orbax", "httpx", "httpx2", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    from socratic_jax import devices, processes

    try:
        processes.stop_on_signal()
        devices.prepare_cpu(_CONFIG.value.cpu_devices)
        processes.start(_DISTRIBUTED.value)
        if not processes.is_first():
            logging.getLogger().setLevel(logging.WARNING)
        run(_CONFIG.value, _WORKDIR.value, _STAGE.value, _DRY_RUN.value)
    except processes.Preempted as stop:
        print(f"stopped: {stop}; the same command goes on from there", file=sys.stderr, flush=True)
        sys.exit(EXIT_PREEMPTED)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from what is kept", file=sys.stderr, flush=True)
        sys.exit(EXIT_PREEMPTED if processes.told_to_stop() else 1)
    except (ValueError, RuntimeError, OSError) as error:
        if _TRACEBACK.value:
            raise
        if processes.is_loss_of_peer(error):
            print("stopped: another process is gone; start all of them again", file=sys.stderr, flush=True)
            os._exit(EXIT_PREEMPTED)  # A clean exit would wait for the one that is gone.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        if "Failed loading config file" in lines[0]:
            name = next((arg.partition("=")[2] for arg in sys.argv if arg.startswith("--config=")), "")
            lines = [f"cannot load the config file {name!r}"]
        sys.exit(f"error: {lines[0]}")


def _parse(argv: list[str]) -> list[str]:
    """Parses the flags. What is wrong with a field of the config is said in one line."""
    try:
        return app.parse_flags_with_usage(argv)
    except (AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        text = str(error).strip().splitlines()[-1:]
        what = "the config has no field" if isinstance(error, AttributeError | KeyError) else "the config:"
        sys.exit(f"error: {what} {''.join(text)}; see socratic_jax/config.py for all fields")


def main() -> None:
    # Until there is work to save, a request to stop is done with at once; see processes.stop_on_signal.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_PREEMPTED))
    flags.mark_flags_as_required(["config", "workdir"])
    app.run(_main, flags_parser=_parse)


if __name__ == "__main__":
    main()
