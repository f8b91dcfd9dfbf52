"""Which of a teacher's samples are good enough to learn from.

A sample is kept if it can be read, comes to the right answer (rejection sampling), and states no wrong
equation. Of samples that take the same steps one is kept. The stages are those of `funnel.STAGES`, and a
sample that fails is counted there.

* Without a gold answer the majority of the samples decides, and its share is stored as the agreement.
  A tie, or too small a share, keeps nothing. Samples that were told the answer have no vote.
* Rationalised samples (prompted with the answer as a hint) are marked, and are kept only for a problem
  of which no other sample is: a step that was made to fit an answer is worth less than one that led to it.
* Sub-questions on given steps, and numbers of steps, come to no answer and are not asked for one.

Everything is a function of one problem's samples, so memory does not grow with their number.
"""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import inf

from socratic_jax.problems import answers, contamination, guidance
from socratic_jax.problems.annotations import Annotation
from socratic_jax.problems.expressions import equation_holds, find_equations
from socratic_jax.problems.problem import Explanation, Problem, ProblemError
from socratic_jax.teachers import prompts
from socratic_jax.teachers.funnel import Funnel
from socratic_jax.teachers.parsing import Parsed, parse

# When two samples of a problem are the same: by the equations that they state, whatever the words
# around them (by the words where there are no equations); by their words; never.
DISTINCT = ("equations", "text", "none")
# The kinds of explanation that a student goes on from to the answer.
_ANSWERED = ("cot", "socratic", "facts")
# How a reply can end other than well, in words.
_LOST = {"length": "cut off", "gave_up": "no reply"}


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One reply of a teacher.

    Attributes:
      problem: that it explains; its answer is "" where nobody knows it.
      kind: of the prompt, a key of prompts.KINDS.
      text: of the reply.
      author: the teacher's name.
      prompt: name of the prompt.
      index: of the sample among those of that prompt.
      finish: how the reply ended; all but "stop" are dropped.
    """

    problem: Problem
    kind: str
    text: str
    author: str
    prompt: str = ""
    index: int = 0
    finish: str = "stop"


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """What a sample has to be.

    Attributes:
      vote: let the majority decide even where there is a gold answer.
      min_votes: fewest samples that agree, where the majority decides.
      min_agreement: smallest share of the votes, where the majority decides.
      arithmetic: whether one wrong equation drops a sample.
      distinct: a value of DISTINCT.
      cap: most samples of a problem; 0 is all.
      answer_kind: "number" or "yes_no", for problems without a gold answer.
    """

    vote: bool = False
    min_votes: int = 2
    min_agreement: float = 0.5
    arithmetic: bool = True
    distinct: str = "equations"
    cap: int = 0
    answer_kind: str = "number"

    def __post_init__(self):
        for name, valid in (("distinct", DISTINCT), ("answer_kind", answers.KINDS)):
            if getattr(self, name) not in valid:
                raise ValueError(f"rules.{name} is {getattr(self, name)!r}; valid: {', '.join(valid)}")
        for name, least, most in (("cap", 0, inf), ("min_votes", 1, inf), ("min_agreement", 0, 1)):
            if not least <= getattr(self, name) <= most:
                must_be = f"{least} or more" if most == inf else f"from {least} to {most}"
                raise ValueError(f"rules.{name} is {getattr(self, name)}; it must be {must_be}")


def select(samples: Iterable[Sample], rules: Rules, funnel: Funnel) -> Iterator[Annotation]:
    """Keeps the samples that are worth learning from.

    Args:
      samples: those of one problem next to one another, all of them, in the order of preference.
      rules: what they have to be.
      funnel: counts every sample, while the iterator is consumed.

    Yields:
      What is kept, in the order of the samples.

    Raises:
      ProblemError: the samples of a problem are not next to one another: they could not be compared.
    """
    seen: set[str] = set()
    for name, group in itertools.groupby(samples, key=lambda sample: sample.problem.id):
        if name in seen:
            raise ProblemError(f"samples of problem {name!r} are in two places; sort them by problem first")
        seen.add(name)
        members = list(group)
        kept = _of_problem(members, rules, funnel)
        funnel.problems += 1
        funnel.explained += bool(kept)
        funnel.rationalised += any(annotation.rationalised for annotation in kept)
        yield from kept


def accepts(sample: Sample, rules: Rules) -> bool:
    """Whether a sample by itself is good enough, for the accepted rate while samples come in."""
    parsed = _read(sample, rules)
    target = "" if rules.vote else sample.problem.answer
    return (
        isinstance(parsed, Parsed)
        and _is_right(parsed, target or parsed.answer)
        and not (rules.arithmetic and wrong_equations(parsed.explanation))
    )


def majority(found: Sequence[str]) -> tuple[str, int] | None:
    """The answer that most samples give, and how many do; None for a tie or no answers."""
    ranked = Counter(found).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0]


def wrong_equations(explanation: Explanation) -> list[tuple[str, str]]:
    """The equations of an explanation that do not hold."""
    return [
        equation
        for step in explanation.steps
        for equation in find_equations(step.solution)
        if not equation_holds(*equation)
    ]


def identity(explanation: Explanation, distinct: str, on_steps: bool = False) -> str:
    """What two explanations have in common if they are the same.

    Args:
      explanation: to look at.
      distinct: a value of DISTINCT other than "none".
      on_steps: whether the solutions were given, so that only the sub-questions can differ.
    """
    if on_steps:
        parts = [step.subquestion for step in explanation.steps]
    elif distinct == "equations" and (equations := guidance.equations(explanation)):
        return equations
    else:
        parts = [f"{step.subquestion} {step.solution}" for step in explanation.steps]
    return "\n".join(map(contamination.normalized, parts))


def _of_problem(samples: Sequence[Sample], rules: Rules, funnel: Funnel) -> list[Annotation]:
    funnel.samples += len(samples)
    found: list[tuple[Sample, Parsed]] = []
    for sample in samples:
        if sample.finish != "stop":
            funnel.drop("replied", _LOST.get(sample.finish, sample.finish))
        elif isinstance(parsed := _read(sample, rules), Parsed):
            found.append((sample, parsed))
        else:
            funnel.drop("readable", parsed.value)
    target, agreement = samples[0].problem.answer, None
    if rules.vote or not target:
        target, agreement = _vote(found, rules)
    right = []
    for sample, parsed in found:
        if not _is_right(parsed, target):
            funnel.drop("right answer", "wrong answer" if target else "no majority")
        elif not parsed.answer and not sample.problem.answer and parsed.explanation.kind in _ANSWERED:
            # Sub-questions on given steps, of a problem whose answer nobody knows: it would be taught "".
            funnel.drop("right answer", "no answer")
        elif rules.arithmetic and wrong_equations(parsed.explanation):
            funnel.drop("right arithmetic", "wrong equation")
        else:
            right.append((sample, parsed))
    unaided = [pair for pair in right if not _rationalises(pair[0])]
    if unaided and len(unaided) < len(right):
        funnel.drop("needed", "rationalised, not needed", len(right) - len(unaided))
    kept, identities = [], set()
    for sample, parsed in unaided or right:
        if rules.distinct != "none":
            on_steps = sample.kind == "socratic_on_steps"
            # Explanations of two kinds are never the same: they are taught differently.
            what = (parsed.explanation.kind, identity(parsed.explanation, rules.distinct, on_steps))
            if what in identities:
                funnel.drop("distinct", "same steps")
                continue
            identities.add(what)
        if rules.cap and len(kept) == rules.cap:
            funnel.drop("within the cap", "over the cap")
            continue
        kept.append(
            Annotation(
                problem=sample.problem.id,
                explanation=parsed.explanation,
                answer=parsed.answer,
                agreement=agreement if parsed.answer else None,
                rationalised=_rationalises(sample),
                prompt=sample.prompt,
                sample=sample.index,
            )
        )
    return kept


def _read(sample: Sample, rules: Rules):
    answer = sample.problem.answer
    kind = answers.kind_of(answer) if answer else rules.answer_kind
    return parse(sample.text, sample.kind, sample.author, kind, sample.problem.steps)


def _vote(found: Sequence[tuple[Sample, Parsed]], rules: Rules) -> tuple[str, float | None]:
    votes = [parsed.answer for sample, parsed in found if parsed.answer and not _rationalises(sample)]
    winner = majority(votes)
    if winner is None or winner[1] < rules.min_votes or winner[1] < rules.min_agreement * len(votes):
        return "", None
    return winner[0], winner[1] / len(votes)


def _is_right(parsed: Parsed, target: str) -> bool:
    return not parsed.answer or (bool(target) and answers.same(parsed.answer, target))


def _rationalises(sample: Sample) -> bool:
    return "answer" in prompts.KINDS[sample.kind].needs
