"""Writes the students of a finished run as Hugging Face directories.

  python -m socratic_jax.export --workdir=runs/quickstart --strategy=socratic_iterative --out=exported

What is written runs in transformers with PyTorch alone: `python exported/dialogue.py "A problem"`.
"""

from absl import app, flags

from socratic_jax.program import errors_in_one_line, quieten

_WORKDIR = flags.DEFINE_string("workdir", None, "The run whose students are exported.")
_STRATEGY = flags.DEFINE_string("strategy", None, "The strategy whose cast is exported.")
_OUT = flags.DEFINE_string("out", None, "The directory to write; it must not be there yet.")
_LICENSE = flags.DEFINE_string("license", "", "The licence that you give the weights, for the model card.")


def _main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"what is {argv[1]!r}? options start with --")
    quieten()
    import jax

    from socratic_jax.export.cast import export
    from socratic_jax.run import open_run
    from socratic_jax.sharding import make_mesh
    from socratic_jax.transcripts.strategies import strategy

    with errors_in_one_line():
        run = open_run(_WORKDIR.value, make_mesh((1, 1, 1), jax.devices()[:1]))
        export(run, strategy(_STRATEGY.value), _OUT.value, _LICENSE.value)
    print(f'wrote {_OUT.value}; try: python {_OUT.value}/dialogue.py "A problem"')


def main() -> None:
    flags.mark_flags_as_required(["workdir", "strategy", "out"])
    app.run(_main)


if __name__ == "__main__":
    main()
