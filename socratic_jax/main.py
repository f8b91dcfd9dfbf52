"""The command line.

  python -m socratic_jax.main --config=configs/quickstart.py --workdir=runs/quickstart

Any field of the config can be changed with --config.field=value. Stages find out for themselves what
is left to do: the same command, typed again, goes on where it was stopped.
"""

import logging
import os
import sys

from absl import app, flags
from ml_collections import config_flags

STAGES = ("annotate", "train", "evaluate", "report")

_CONFIG = config_flags.DEFINE_config_file("config", None, "The configuration file, as path.py[:argument].")
_WORKDIR = flags.DEFINE_string("workdir", None, "Where the run lives: checkpoints, predictions, results.")
_STAGE = flags.DEFINE_enum("stage", "all", (*STAGES, "all"), "Which stage to run.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print what annotating would cost, and ask nobody.")
_TRACEBACK = flags.DEFINE_bool("traceback", False, "Show where an error came from, not only what it is.")


def run(config, workdir: str, stage: str = "all", dry_run: bool = False) -> None:
    """Runs a stage, or all of them in order."""
    from socratic_jax import stages
    from socratic_jax.run import Run

    the_run = Run(config, workdir)
    if dry_run:
        stages.annotate(the_run, dry_run=True)
        return
    for name in STAGES if stage == "all" else (stage,):
        stages.STAGES[name](the_run)


def _main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"what is {argv[1]!r}? options start with --")
    # transformers, used for tokenizers only, would say that it misses PyTorch.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    for noisy in ("absl", "jax", "orbax", "httpx", "httpx2", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        run(_CONFIG.value, _WORKDIR.value, _STAGE.value, _DRY_RUN.value)
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from the last checkpoint")
    except (ValueError, RuntimeError, OSError) as error:
        if _TRACEBACK.value:
            raise
        lines = str(error).strip().splitlines() or [type(error).__name__]
        sys.exit(f"error: {lines[0]}")


def main() -> None:
    flags.mark_flags_as_required(["config", "workdir"])
    app.run(_main)


if __name__ == "__main__":
    main()
