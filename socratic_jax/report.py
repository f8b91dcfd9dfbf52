"""The page of a study: many runs, or one, in one directory.

  python -m socratic_jax.report --workdir=DIRECTORY_OF_RUNS [--out=FILE.html] [--dialogues=N]

Beside the page it writes results.md and results.tex (means over seeds), results_when.csv (what Socratic gains
over a chain, on which problems), results_causes.csv (where errors come from) and, for several runs,
results.csv (a line for every run, suite and strategy), results_questions.csv (questions against the gold
ones, means over seeds) and plots as PNG and SVG: accuracies and gains over what the runs differ in,
accuracies by number of steps, and drops on changed problems.
With --dialogues only the first N of every predictions file can be read on the page, so that that of a large
study is small enough to send around; its numbers are of all. With N = 0 it has none, and no problem's text:
for data that must not be passed on. What a run's own report stage wrote into its
workdir stays as it is.
"""

import os

from absl import app, flags

from socratic_jax.program import errors_in_one_line, quieten

_WORKDIR = flags.DEFINE_string("workdir", None, "The directory with the workdirs of runs in or under it.")
_OUT = flags.DEFINE_string("out", None, "The page; by default report.html in the directory.")

_DIALOGUES = flags.DEFINE_integer("dialogues", None, "Of each file on the page; all of them by default.", 0)


def _main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"what is {argv[1]!r}? options start with --")
    quieten()
    from socratic_jax.reporting import report

    with errors_in_one_line():
        print(report.write(_WORKDIR.value, _OUT.value, os.cpu_count() or 1, _DIALOGUES.value))


def main() -> None:
    flags.mark_flag_as_required("workdir")
    app.run(_main)


if __name__ == "__main__":
    main()
