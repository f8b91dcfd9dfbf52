"""A cast of students as a directory: weights, tokenizers, how they take turns, and a card.

README.md       the model card: what this is, measured accuracies, where the training data comes from
strategy.json   whose turn it is, as data
dialogue.py     the dialogue in plain transformers and PyTorch, greedy; the card says how the run decoded
<student>/      for each student, what transformers loads
"""

import json
from importlib import resources
from typing import Any

from etils import epath

from socratic_jax.export.card import card
from socratic_jax.run import Run
from socratic_jax.students.huggingface import save_student
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import Part, Strategy
from socratic_jax.transcripts.tokenizer import CUES, MARKERS


def export(run: Run, s: Strategy, out: epath.PathLike, license: str = "") -> None:
    """Writes the cast of a strategy.

    Args:
      run: finished, or at least trained.
      s: one of the strategies that the run trained.
      out: directory, new or empty; a strategy.json, written last, says that it is whole.
      license: of the weights, for the card.

    Raises:
      ValueError: the run has no such strategy, the strategy needs gold turns, or there is something in `out`.
      CheckpointError: a student is not trained to its end.
    """
    if s.name not in {taught.name for taught in run.strategies}:
        names = ", ".join(taught.name for taught in run.strategies)
        raise ValueError(f"{run.workdir.path} has no students of {s.name!r}; it has those of {names}")
    out = epath.Path(out).expanduser()
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    for name in s.students:
        save_student(out / name, run.student, run.trained_params(s, name, "float32"), run.tokenizer)
    script = resources.files("socratic_jax.export").joinpath("dialogue.py").read_text()
    (out / "dialogue.py").write_text(script)
    (out / "README.md").write_text(card(run, s, license))
    (out / "strategy.json").write_text(json.dumps(describe(run, s), indent=2) + "\n")


def describe(run: Run, s: Strategy) -> dict[str, Any]:
    """How the students of a strategy take turns, for dialogue.py."""
    return {
        "strategy": s.name,
        "grammar": {
            _word(role): [_word(option) for option in options] for role, options in s.grammar.items()
        },
        "parts": [
            {"speaks": sorted(map(_word, part.speaks)), "student": part.student, "opening": _opening(part)}
            for part in s.cast
        ],
        "max_steps": run.config.decode.max_steps,
        "capacity": run.config.decode.capacity,
    }


def _word(role: Role) -> str:
    return role.name.lower()


def _opening(part: Part) -> str:
    return CUES[part.name] if part.cue else MARKERS[Role.PROBLEM]
