"""The command line.

  python -m socratic_jax.main --config=configs/quickstart.py --workdir=runs/quickstart

Any field of the config can be changed with --config.field=value. Stages find out for themselves what
is left to do: the same command, typed again, goes on where it was stopped. SIGTERM makes it save what
it did and exit with code 42.
"""

import os
import signal

from absl import app, flags
from ml_collections import config_flags

from socratic_jax import EXIT_PREEMPTED
from socratic_jax.program import STAGES, parse_flags, start, use_huge_pages

_CONFIG = config_flags.DEFINE_config_file("config", None, "The configuration file, as path.py[:argument].")
_WORKDIR = flags.DEFINE_string("workdir", None, "Where the run lives: checkpoints, predictions, results.")
_STAGE = flags.DEFINE_enum("stage", "all", (*STAGES, "all"), "Which stage to run.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print what annotating would cost, and ask nobody.")
_DISTRIBUTED = flags.DEFINE_string(
    "distributed", "none", "The processes of the run: none, auto, or HOST:PORT,PROCESSES,INDEX."
)
_TRACEBACK = flags.DEFINE_bool("traceback", False, "Show where an error came from, not only what it is.")


def _main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"what is {argv[1]!r}? options start with --")
    start(
        lambda: _CONFIG.value, _WORKDIR.value, _STAGE.value, _DRY_RUN.value, _DISTRIBUTED.value,
        _TRACEBACK.value,
    )  # fmt: skip


def main() -> None:
    # Until there is work to save, a request to stop is done with at once; see processes.stop_on_signal.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_PREEMPTED))
    flags.mark_flags_as_required(["config", "workdir"])
    app.run(_main, flags_parser=parse_flags)


if __name__ == "__main__":
    use_huge_pages()
    main()
