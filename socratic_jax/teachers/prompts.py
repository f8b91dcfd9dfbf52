"""Few-shot prompts: readable text files, one a prompt, with placeholders for the problem.

The files in prompts/ are named after their kind and a number: socratic_1.txt, socratic_2.txt. A folder
of one's own with files named in the same way takes their place. Placeholders are {question}, {steps}
(the given steps, numbered) and {answer} (the right answer, as a hint); any other word in braces is an
error, and doubled braces stand for themselves: "{{word}}" is "{word}". What a problem says is put in
as it is, whatever braces it has.
"""

import dataclasses
import os
import re
from collections.abc import Sequence

from socratic_jax.problems.problem import Problem, ProblemError, Step


@dataclasses.dataclass(frozen=True, slots=True)
class PromptKind:
    """A kind of prompt.

    Attributes:
      explains: the kind of explanation that its replies are, one of problem.KINDS.
      needs: the placeholders that its prompts have. They have no others: with {answer} in its prompt a
        teacher would be told what it is asked to find.
    """

    explains: str
    needs: tuple[str, ...] = ("question",)


KINDS: dict[str, PromptKind] = {
    "cot": PromptKind("cot"),
    "socratic": PromptKind("socratic"),
    # A sub-question for each of the problem's own steps.
    "socratic_on_steps": PromptKind("socratic", ("question", "steps")),
    "facts": PromptKind("facts"),
    "guidance_steps": PromptKind("guidance_steps"),
    "guidance_equations": PromptKind("guidance_equations"),
    # The second try, with the answer as a hint.
    "rationalise_cot": PromptKind("cot", ("question", "answer")),
    "rationalise_socratic": PromptKind("socratic", ("question", "answer")),
    "rationalise_facts": PromptKind("facts", ("question", "answer")),
}
_SECOND_TRY = "rationalise_"
_PLACEHOLDER = re.compile(r"\{\{(?P<literal>[A-Za-z_]\w*)\}\}|\{(?P<name>[A-Za-z_]\w*)\}")
_PLACEHOLDERS = ("question", "steps", "answer")
_ANNOTATION = re.compile(r"<<[^<>]*>>")
_FOLDER = os.path.join(os.path.dirname(__file__), "prompts")


@dataclasses.dataclass(frozen=True, slots=True)
class Prompt:
    """A few-shot prompt.

    Attributes:
      kind: a key of KINDS.
      name: of its file, without ".txt".
      text: with placeholders.
    """

    kind: str
    name: str
    text: str

    @property
    def rationalises(self) -> bool:
        """Whether it tells the answer."""
        return "answer" in KINDS[self.kind].needs

    def render(self, problem: Problem) -> str:
        """The prompt for a problem.

        Raises:
          ProblemError: the prompt needs steps, or an answer, that the problem has not got.
        """
        values = {
            "question": problem.question,
            "steps": numbered(problem.steps),
            "answer": problem.answer,
        }
        for name in KINDS[self.kind].needs:
            if not values[name]:
                raise ProblemError(
                    f"problem {problem.id!r} has no {name}, which prompts of kind {self.kind!r} need; "
                    "use another kind, or problems that have it"
                )
        # In one pass: what was put in is not looked at again.
        return _PLACEHOLDER.sub(
            lambda match: values[match["name"]] if match["name"] else f"{{{match['literal']}}}", self.text
        )


def load(kind: str, folder: str | os.PathLike[str] | None = None) -> tuple[Prompt, ...]:
    """Loads the prompts of a kind, in the order of their numbers.

    Args:
      kind: a key of KINDS.
      folder: of one's own prompts; None is the ones that come with the package.

    Raises:
      ValueError: an unknown kind; the message lists the valid ones.
      ProblemError: there are no prompts of that kind, or one has a placeholder too few or too many.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of prompt {kind!r}; the kinds are {', '.join(KINDS)}")
    from etils import epath

    where = epath.Path(folder or _FOLDER)
    files = {}
    if where.is_dir():
        for path in where.iterdir():
            if match := re.fullmatch(rf"{kind}_([0-9]+)\.txt", path.name):
                files[int(match[1]), path.name] = path
    if not files:
        raise ProblemError(f"{where}: no prompt of kind {kind!r}; write one to a file named {kind}_1.txt")
    return tuple(_read(kind, files[key]) for key in sorted(files))


def second_try(kind: str) -> str | None:
    """The kind of prompt that gives the answer as a hint, for a kind; None where there is none."""
    name = _SECOND_TRY + kind
    return name if name in KINDS else None


def numbered(steps: Sequence[Step]) -> str:
    """The solutions of steps as a numbered list, a line each, without calculator annotations."""
    lines = (" ".join(_ANNOTATION.sub("", step.solution).split()) for step in steps)
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))


def _read(kind: str, path) -> Prompt:
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    needs, found = KINDS[kind].needs, set()
    for match in _PLACEHOLDER.finditer(text):
        name = match["name"]
        where = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        if name is None:
            continue
        if name not in _PLACEHOLDERS:
            valid = ", ".join(f"{{{valid}}}" for valid in needs)
            raise ProblemError(
                f"{where}: unknown placeholder {{{name}}}; valid here: {valid}; "
                f"or write {{{{{name}}}}} for {name!r} in braces"
            )
        if name not in needs:
            raise ProblemError(f"{where}: a prompt of kind {kind!r} must not have the placeholder {{{name}}}")
        found.add(name)
    for name in needs:
        if name not in found:
            raise ProblemError(f"{path}: the placeholder {{{name}}} is missing, which kind {kind!r} needs")
    return Prompt(kind, path.name.removesuffix(".txt"), text)
