"""Talk to the students of a finished run: type a problem, watch the dialogue, ask something else instead.

python -m socratic_jax.chat --workdir=runs/quickstart          # in the terminal
python -m socratic_jax.chat --workdir=runs/quickstart --web    # on a page of this machine
"""

import sys

from absl import app, flags

from socratic_jax.program import quieten, use_huge_pages

_WORKDIR = flags.DEFINE_string("workdir", None, "The run whose students talk.")
_STRATEGY = flags.DEFINE_string(
    "strategy", "", "The strategy that is played; by default socratic_iterative, or the last of the run."
)
_PROBLEM = flags.DEFINE_string("problem", None, "Solve this one in the terminal and leave.")
_WEB = flags.DEFINE_bool("web", False, "Serve a page instead, to this machine only.")
_PORT = flags.DEFINE_integer("port", 0, "Of the page; 0 takes a free one.", 0, 65535)
_CALCULATOR = flags.DEFINE_bool(
    "calculator", None, "Compute the right sides of GSM8K's annotations; by default as the run was scored."
)
PREFERRED = "socratic_iterative"


def _open(workdir: str, name: str, calculator: bool | None):
    """The session of a run, and a few problems of the kind that its students know."""
    import jax
    from ml_collections import ConfigDict

    from socratic_jax.chat.session import ChatError, Session
    from socratic_jax.run import open_run
    from socratic_jax.sharding import make_mesh
    from socratic_jax.transcripts.strategies import strategy

    run = open_run(workdir, make_mesh((1, 1, 1), jax.devices()[:1]))
    taught = run.config.strategies
    name = name or (PREFERRED if PREFERRED in taught else taught[-1])
    if strategy(name).taught_as not in taught:
        raise ChatError(f"{workdir} has no students of {name!r}; it has those of {', '.join(taught)}")
    decode = ConfigDict(dict(run.config.decode))
    if calculator is not None:
        decode.calculator = calculator
    session = Session(run.cast(strategy(name), decode))
    try:
        first = dict(next(iter(run.config.evaluate.suites.values())))
        examples = run.problems(first.pop("split", "test"), **{**first, "limit": 3})
    except (StopIteration, ValueError, OSError):
        examples = []  # Data need not be where they were when the students were taught.
    return session, [problem.question for problem in examples]


def _main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"what is {argv[1]!r}? options start with --")
    if _WEB.value and _PROBLEM.value is not None:
        raise app.UsageError("--problem is for the terminal, --web for the page: choose one")
    quieten()
    try:
        session, examples = _open(_WORKDIR.value, _STRATEGY.value, _CALCULATOR.value)
        if _WEB.value:
            from socratic_jax.chat.server import serve

            serve(session, examples, _PORT.value)
        else:
            from socratic_jax.chat.terminal import Terminal

            terminal = Terminal(session, examples)
            if _PROBLEM.value is None:
                terminal.run()
            else:
                terminal.solve(_PROBLEM.value)
    except (ValueError, RuntimeError, OSError) as error:
        sys.exit(f"error: {(str(error).strip() or type(error).__name__).splitlines()[0]}")


def main() -> None:
    flags.mark_flag_as_required("workdir")
    app.run(_main)


if __name__ == "__main__":
    use_huge_pages()
    main()
