"""A study: many runs that differ in a few fields, as one job that can be stopped and shared out.

  python -m socratic_jax.study --config=configs/scaling.py:quickstart --workdir=runs/scaling

Every combination of the study's axes is a cell: a run with a workdir of its own, in a process of its own.
Finished cells are skipped; a cell that fails is reported, and the others go on. The same command on several
machines, in a directory that they share, works on one study: a cell belongs to whoever holds its lock. Who
has nothing left to do writes the page, one after the other.
"""

import signal
import sys
from pathlib import Path

from absl import app, flags
from ml_collections import ConfigDict, config_flags

from socratic_jax import EXIT_PREEMPTED
from socratic_jax.program import errors_in_one_line, parse_flags, quieten, start, use_huge_pages
from socratic_jax.study.cells import Study, cells, config_in

_CONFIG = config_flags.DEFINE_config_file("config", None, "The study, as path.py[:argument].")
_WORKDIR = flags.DEFINE_string("workdir", None, "Where the study lives: a directory for every cell.")
_CELL = flags.DEFINE_string("cell", None, "Run only this cell, in this process.")


def _main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"what is {argv[1]!r}? options start with --")
    directory = Path(_WORKDIR.value).expanduser().resolve()
    if _CELL.value is not None:
        start(lambda: _config_of(_CELL.value, directory), str(directory / _CELL.value))
        return
    quieten()
    with errors_in_one_line():
        if "://" in _WORKDIR.value:
            raise ValueError(f"{_WORKDIR.value} has no locks; a study needs a directory on a file system")
        command = [sys.executable, "-m", "socratic_jax.study", *sys.argv[1:]]
        study = Study(_CONFIG.value, directory, command)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, study.stop)
        study.work()
        page = study.write_page() if len(study.failed) < len(study.cells) else None
    if page is None and study.stopped:
        print("stopped; the same command goes on from what is kept", file=sys.stderr)
        sys.exit(EXIT_PREEMPTED)
    if page is not None:
        print(page)
    if study.failed:
        n, names = len(study.failed), ", ".join(study.failed)
        sys.exit(
            f"error: {n} of {len(study.cells)} cells failed ({names}); the same command tries them again"
        )


def _config_of(name: str, directory: Path) -> ConfigDict:
    for cell in cells(_CONFIG.value):
        if cell.name == name:
            return config_in(cell, directory)
    raise ValueError(f"the study has no cell {name!r}")


def main() -> None:
    flags.mark_flags_as_required(["config", "workdir"])
    app.run(_main, flags_parser=parse_flags)


if __name__ == "__main__":
    use_huge_pages()
    main()
