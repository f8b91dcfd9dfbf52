"""What a teacher wrote, as an explanation; or the reason why it is none.

Every kind of prompt asks for a plain format, and models keep to it more or less. What is accepted is
what a person would read without doubt; whatever leaves a doubt (a sub-question without a solution, two
questions for three steps) is refused with a reason, because a wrong reading would be taught to a student
as if the teacher had said it. Text after the final answer is never read: it is chatter, or another
problem that the model made up.
"""

import dataclasses
import enum
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from socratic_jax.problems import answers, guidance
from socratic_jax.problems.expressions import ExpressionError, evaluate, find_equations, format_number
from socratic_jax.problems.problem import Explanation, Step
from socratic_jax.teachers import prompts
from socratic_jax.teachers.reply_lines import Line, lines


class Reason(enum.StrEnum):
    """Why a reply is no explanation."""

    EMPTY = "empty reply"
    NO_STEPS = "no steps"
    NO_ANSWER = "no final answer"
    NO_QUESTIONS = "no sub-questions"
    UNANSWERED = "sub-question without a solution"
    WRONG_COUNT = "not one sub-question a step"
    NO_GUIDANCE = "no guidance"


class Parsed(NamedTuple):
    """An explanation, and the answer that it comes to: canonical, "" for a kind that comes to none."""

    explanation: Explanation
    answer: str


# What greets, announces or offers, at either end of a reply, and is no step. It has no digits.
_CHATTER = re.compile(
    r"(?:sure|certainly|of course|okay|ok|great|absolutely|hello|hi|here(?:'s| is| are)|let me|i hope|"
    r"let'?s (?:solve|break|work|go|start|begin|think|see|do|tackle)|hope this|i will|i'll|"
    r"we (?:can|need to|will) (?:solve|break)|feel free|if you (?:have|need|want|would)|do you|would you|"
    r"solution|explanation|questions|steps|facts|reasoning)\b[^0-9]*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(
    r"(?<![A-Z])(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bMrs)(?<!\bSt)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)"
    r"[.!?][\"”)]*\s+(?=[\"“(]?[A-Z0-9$])"
)
_QUESTION = re.compile(r"(.*?\?[\"”)]*)\s*(.*)", re.DOTALL)
_WORDS = "zero one two three four five six seven eight nine ten".split()  # noqa: SIM905
_COUNT = re.compile(rf"\b([0-9]+|{'|'.join(_WORDS)})\b", re.IGNORECASE)
_MOST_STEPS = 50


def parse(
    reply: str, kind: str, author: str, answer_kind: str = "number", given: Sequence[Step] = ()
) -> Parsed | Reason:
    """Reads a reply.

    Args:
      reply: the text that came back.
      kind: of the prompt that it answers, a key of prompts.KINDS.
      author: the teacher's name, which becomes the explanation's.
      answer_kind: "number" or "yes_no", see `answers.kind_of`.
      given: the problem's steps, for kind "socratic_on_steps": the reply has only their sub-questions.

    Returns:
      The explanation and its answer, or the reason why there is none. Where no line says "the answer
      is ...", the answer is the one that the last step comes to.

    Raises:
      ValueError: an unknown kind; the message lists the valid ones.
    """
    if kind not in prompts.KINDS:
        raise ValueError(f"unknown kind of prompt {kind!r}; the kinds are {', '.join(prompts.KINDS)}")
    found = lines(reply)
    if not found:
        return Reason.EMPTY
    explains = prompts.KINDS[kind].explains
    if kind == "socratic_on_steps":
        return _on_steps(found, author, given)
    if explains in _GUIDANCE:
        return _GUIDANCE[explains](found, author)
    steps, final = _dialogue(found) if explains == "socratic" else _chain(found)
    if isinstance(steps, Reason):
        return steps
    said = f"The answer is {final}" if final else steps[-1].solution
    answer = answers.extract(said, "flexible", answer_kind)
    return Parsed(Explanation(explains, tuple(steps), author), answer) if answer else Reason.NO_ANSWER


def _chain(found: Sequence[Line]) -> tuple[list[Step] | Reason, str]:
    """The steps of a chain of thought or list of facts, and the text of the final answer."""
    found = _first_problem(found)
    listed = any(line.listed for line in found) or sum(line.label == "bullet" for line in found) > 1
    opens = [line.listed or (line.label == "bullet" and not _has_numbers(found)) for line in found]
    texts: list[list[str]] = []
    final = ""
    for index, line in enumerate(found):
        more = any(opens[index + 1 :])
        if line.label in ("final", "answer"):
            text = line.text or _next_plain(found, index)
            if line.label == "final" or not texts or not more:
                if not texts and not more and not listed and not _bare(text) and line.label == "answer":
                    texts.append([text])  # "Answer: Ann has 3 pens. ..." only announces the solution.
                    continue
                final = text
                if texts:
                    break
            else:
                texts[-1].append(line.sentence)
        elif opens[index]:
            texts.append([line.text])
        elif line.label == "question" or _is_chatter(line, index, found):
            continue
        elif not listed:
            texts.append([line.text])
        elif texts and (more or not line.gap):
            texts[-1].append(line.text)
        elif texts and not final:
            # What follows a list says what it comes to, or nothing.
            final = line.text if any(answers.extract(line.text, kind=k) for k in answers.KINDS) else ""
    solutions = [solution for parts in texts if (solution := " ".join(filter(None, parts)))]
    if len(solutions) == 1 and not listed:
        solutions = sentences(solutions[0])
    if not solutions or (len(solutions) == 1 and _only_answer(solutions[0], listed)):
        return Reason.NO_STEPS, ""
    return [Step("", solution) for solution in solutions], final


@dataclasses.dataclass(eq=False)
class _Pair:
    """A sub-question, and what has been found of its solution."""

    number: int
    question: str
    solution: str


class _Dialogue:
    """The pairs of a dialogue as they are read."""

    def __init__(self):
        self.pairs: list[_Pair] = []
        self.waiting: list[_Pair] = []  # those without a solution

    def ask(self, number: int, question: str, solution: str = "") -> None:
        self.pairs.append(_Pair(number, question, solution))
        if not solution:
            self.waiting.append(self.pairs[-1])

    def tell(self, text: str, number: int = 0) -> None:
        """Adds to the solution of the sub-question of that number, else of the last that waits for one."""
        numbered = [pair for pair in self.waiting if number and pair.number == number]
        for pair in (numbered or self.waiting or self.pairs)[-1:]:
            pair.solution = f"{pair.solution} {text}".strip()
            if pair.solution and pair in self.waiting:
                self.waiting.remove(pair)


def _dialogue(found: Sequence[Line]) -> tuple[list[Step] | Reason, str]:
    """The sub-questions with their solutions, and the text of the final answer."""
    talk, final = _Dialogue(), ""
    for index, line in enumerate(found):
        if line.label == "problem":
            if talk.pairs:
                break
        elif line.label == "final" or (line.label == "answer" and not talk.waiting):
            if talk.pairs:
                final = line.text or _next_plain(found, index)
                break
        elif line.label in ("solution", "answer"):
            talk.tell(line.sentence or line.text, line.number)
        elif line.label == "question":
            told_below = any(after.label == "solution" for after in found[index + 1 : index + 2])
            talk.ask(line.number, *((line.text,) if told_below else _split_question(line.text)))
        elif "?" in line.text and (line.label != "plain" or not talk.waiting):
            if line.label != "plain" or not _is_chatter(line, index, found):
                talk.ask(line.number, *_split_question(line.text))
        elif line.listed and not talk.waiting:
            talk.ask(line.number, line.text)  # a sub-question without its mark, if a solution follows
        elif talk.waiting or not line.gap:
            talk.tell(line.text)
    pairs = talk.pairs
    if len(pairs) > 1 and not pairs[0].number and not pairs[0].solution:
        pairs = pairs[1:]  # The problem itself, asked again before its sub-questions.
    asked = any("?" in pair.question for pair in pairs) or any(line.label == "question" for line in found)
    if not pairs or not asked:
        return Reason.NO_QUESTIONS, ""
    if not all(pair.question and pair.solution for pair in pairs):
        return Reason.UNANSWERED, ""
    return [Step(pair.question, pair.solution) for pair in pairs], final


def _on_steps(found: Sequence[Line], author: str, given: Sequence[Step]) -> Parsed | Reason:
    """A sub-question for each of the given steps."""
    asked = [line for line in found if line.label in ("question", "step", "number", "bullet")]
    asked = asked or [line for line in found if line.label == "plain" and "?" in line.text]
    if len(asked) != len(given):
        # Some repeat the steps in a list of their own, or between the questions.
        asked = [line for line in asked if "?" in line.text]
    if not asked:
        return Reason.NO_QUESTIONS
    if len(asked) != len(given) or not all(line.text for line in asked):
        return Reason.WRONG_COUNT
    questions = [line.text[: line.text.rfind("?") + 1] or line.text for line in asked]
    steps = (Step(question, step.solution) for question, step in zip(questions, given, strict=True))
    return Parsed(Explanation("socratic", tuple(steps), author), "")


def _guidance_steps(found: Sequence[Line], author: str) -> Parsed | Reason:
    numbers = {number for line in found for number in _COUNT.findall(line.text)}
    values = {_WORDS.index(n.lower()) if n.lower() in _WORDS else int(n[:9]) for n in numbers}
    if len(values) != 1 or not 1 <= min(values) <= _MOST_STEPS:
        return Reason.NO_GUIDANCE
    text = guidance.step_count(Explanation("cot", (Step("", "-"),) * min(values)))
    return Parsed(Explanation("guidance_steps", (Step("", text),), author), "")


def _guidance_equations(found: Sequence[Line], author: str) -> Parsed | Reason:
    equations = [pair for line in found for part in line.text.split(";") for pair in find_equations(part)]
    if not equations:
        return Reason.NO_GUIDANCE
    text = "; ".join(guidance.compact(left, right) for left, right in equations)
    try:
        answer = format_number(evaluate(equations[-1][1]))
    except ExpressionError:
        return Reason.NO_GUIDANCE
    return Parsed(Explanation("guidance_equations", (Step("", text),), author), answer)


_GUIDANCE: dict[str, Callable[[Sequence[Line], str], Parsed | Reason]] = {
    "guidance_steps": _guidance_steps,
    "guidance_equations": _guidance_equations,
}


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; full stops of abbreviations and decimals end none."""
    cuts = [match.end() for match in _SENTENCE_END.finditer(text)]
    return [text[a:b].strip() for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def _first_problem(found: Sequence[Line]) -> Sequence[Line]:
    """The lines before the reply turns to another problem."""
    start = next((i for i, line in enumerate(found) if line.label not in ("problem", "question")), 0)
    for index in range(start, len(found)):
        if found[index].label in ("problem", "question"):
            return found[start:index]
    return found[start:]


def _has_numbers(found: Sequence[Line]) -> bool:
    return any(line.listed for line in found)


def _is_chatter(line: Line, index: int, found: Sequence[Line]) -> bool:
    """Whether a line is talk around the solution: no arithmetic, and it announces or takes leave."""
    if line.label != "plain" or find_equations(line.text):
        return False
    edge = index == 0 or line.gap or index == len(found) - 1 or found[index - 1].label != "plain"
    announces = line.text.endswith(":") and not any(map(str.isdigit, line.text))
    return announces or (edge and bool(_CHATTER.fullmatch(line.text)))


def _next_plain(found: Sequence[Line], index: int) -> str:
    """The line after, for a heading "Final answer" that has its answer below."""
    return found[index + 1].text if index + 1 < len(found) else ""


def _bare(text: str) -> bool:
    """Whether a text is an answer and hardly anything else."""
    return len(text.split()) <= 4 and not find_equations(text)


def _only_answer(text: str, listed: bool) -> bool:
    """Whether all the steps that there are are the answer."""
    return answers.canonical(text) is not None or (not listed and _bare(text))


def _split_question(text: str) -> tuple[str, str]:
    """The questions that a text begins with, and the solution that may stand behind them."""
    parts = sentences(text)
    asked = next((i for i, part in enumerate(parts) if not part.rstrip('"”)').endswith("?")), len(parts))
    if asked:
        return " ".join(parts[:asked]), " ".join(parts[asked:])
    match = _QUESTION.match(text)
    return (match[1], match[2]) if match else (text, "")
