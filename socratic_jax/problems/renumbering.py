"""Word problems with other numbers: the steps' equations, executed again with new operands.

GSM8K annotates its arithmetic, <<48/2=24>>, and SVAMP's steps are equations, so that a step can be computed
again if it is known where each of its operands comes from. `template` finds that out from the values, and
gives up where a value leaves a doubt. What survives is exact: with the numbers that a problem had, executing
it again gives its gold answer.
"""

import dataclasses
import random
import re
from collections.abc import Mapping
from fractions import Fraction

from socratic_jax.problems.draws import below
from socratic_jax.problems.expressions import (
    ExpressionError,
    equation_holds,
    evaluate,
    find_equations,
    format_number,
)
from socratic_jax.problems.problem import Problem, Step

_ATTEMPTS = 500
_NUMBER = re.compile(r"(?<![\w.,])[0-9]{1,3}(?:,[0-9]{3})+(?![\w,])|[0-9]*\.?[0-9]+")
# Operands that may come from words ("twice", "a week") or from arithmetic itself.
_CONSTANTS = frozenset(
    Fraction(text)
    for text in "1 2 3 4 5 7 10 12 24 30 31 52 60 100 365 1000 0.5 0.25 0.1 0.01".split(" ")  # noqa: SIM905
)
_WORDS = {
    "two": 2, "twice": 2, "half": 2, "double": 2, "doubled": 2, "pair": 2, "both": 2, "couple": 2, "three": 3,
    "thrice": 3, "triple": 3, "tripled": 3, "third": 3, "thirds": 3, "four": 4, "quarter": 4, "quarters": 4,
    "fourth": 4, "five": 5, "fifth": 5, "six": 6, "sixth": 6, "seven": 7, "week": 7, "weekly": 7, "weeks": 7,
    "eight": 8, "nine": 9, "ten": 10, "tenth": 10, "eleven": 11, "twelve": 12, "dozen": 12, "dozens": 12,
    "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90, "hundred": 100, "year": 12, "years": 12, "month": 30, "day": 24, "hour": 60,
    "hours": 60, "minute": 60, "minutes": 60, "foot": 12, "feet": 12,
}  # fmt: skip
# Numbers that a story cannot exchange for any other: parts of numbers and words, percentages, ordinals, times
# of day, years, and how much of a day, week or year something takes.
_BOUND = re.compile(
    r"""[0-9]\s*(?:%|percent|[ap]\.?m\b|o'?clock|[mb]illion|thousand|hundred) | [0-9](?:/|:|[A-Za-z])
    | [/:\#.][0-9] | [A-Za-z][0-9] | \b(?:in|since|grade|page|chapter|level|age|aged|room|number)\s[0-9]
    | [0-9][\s-](?:days?|hours?|minutes?|seconds?|weeks?|months?|times|nights?)\b[^.]{0,25}
      \b(?:a|an|per|each|every|of\sthe|in\sa)\s(?:day|week|month|year|hour|minute|night)
    | \b(?:first|last)\s[0-9] | -[0-9]""",
    re.VERBOSE,
)  # fmt: skip
# What happens depends on which number is the larger one, or on a rule that other numbers may fall under.
_DEPENDS = re.compile(
    r"\b(?:cheap\w*|largest|smallest|biggest|highest|lowest|shortest|longest|fastest|most|least|maximum|minimum"
    r"|limit\w*|exceed\w*|overtime|nearest|round\w*|up to|anything over|or more|or less|capacity|leap)\b"
)
_AGE = re.compile(
    r"\b(?:weigh\w*|years?[\s-]old|ages?|older|younger|degrees?|miles\sper|mph|hours?|inch|inches|tall)\b"
)


@dataclasses.dataclass(frozen=True)
class Template:
    """A problem whose numbers can be exchanged.

    Attributes:
      given: the values of the question that others may take the place of.
      equations: (left, value of the right) in solving order; the last value is the answer.
    """

    problem: Problem
    given: tuple[Fraction, ...]
    equations: tuple[tuple[str, Fraction], ...]

    def execute(self, new: Mapping[Fraction, Fraction]) -> Problem:
        """The problem with other given values; answer and steps are computed again.

        Args:
          new: old value -> new value, of `given`.

        Raises:
          ExpressionError: an equation cannot be computed with these.
        """
        values = dict(new)
        for left, right in self.equations:
            values[right] = evaluate(_put(left, values))
        steps = tuple(Step(_put(s.subquestion, values), _put(s.solution, values)) for s in self.problem.steps)
        answer = format_number(values[self.equations[-1][1]])
        question = _put(self.problem.question, new)
        return dataclasses.replace(self.problem, question=question, answer=answer, steps=steps)


def template(problem: Problem) -> Template | None:
    """What is computed from what; None where that is in doubt.

    It is in doubt unless
      * the numbers of the question are whole, all different, and free to be others (no percentages, times of
        day, "8 hours a day"), and nothing is decided by their size ("the cheapest"); a 1 stays a 1, so that
        nouns agree with it;
      * every equation is true and comes to a whole number that is no number of the question, no result of
        another equation, and not 1; the last one comes to the answer;
      * every number of the question, and every result but the last, is an operand; every other operand is a
        common constant (2, 7, 100) or a number word of the question;
      * no operand could be both: a value that is a constant or a number word is used once, as one of them;
      * the numbers in the texts of the steps are these values, and nothing else.
    """
    question = problem.question
    if not problem.steps or _BOUND.search(question) or _DEPENDS.search(question):
        return None
    numbers = _numbers(question)
    given = tuple(value for value in numbers if value != 1)
    if (
        not given
        or len(set(given)) < len(given)
        or any(value.denominator > 1 or value < 2 for value in given)
    ):
        return None
    equations: list[tuple[str, Fraction]] = []
    operands: list[Fraction] = []
    known = set(given)
    words = {Fraction(_WORDS[word]) for word in re.findall(r"[a-z]+", question.lower()) if word in _WORDS}
    for step in problem.steps:
        for left, right in find_equations(step.solution):
            try:
                value, target = evaluate(left), evaluate(right)
            except ExpressionError:
                return None
            whole = value == target and value.denominator == 1 and value > 1
            if not whole or value in known or "%" in left:
                return None
            used = _numbers(left)
            if any(n not in known | words | _CONSTANTS for n in used):
                return None
            equations.append((left, value))
            operands += used
            known.add(value)
    if not equations or format_number(equations[-1][1]) != problem.answer:
        return None
    for value in known - {equations[-1][1]}:
        doubtful = value in words or (value in _CONSTANTS and operands.count(value) > 1)
        if value not in operands or doubtful:
            return None
    texts = (text for step in problem.steps for text in (step.subquestion, step.solution))
    if any(n not in known | words | _CONSTANTS for text in texts for n in _numbers(text)):
        return None
    return Template(problem, given, tuple(equations))


def other_numbers(problem: Problem, rng: random.Random) -> Problem | None:
    """Every number of the question is another one, from half to twice its size."""
    return _redrawn(problem, rng, lambda n: (max(2, -(-n // 2)), 2 * n))


def larger_numbers(problem: Problem, rng: random.Random) -> Problem | None:
    """Every number of the question is 5 to 20 times as large; left out where it may be an age or a speed"""
    if _AGE.search(problem.question):
        return None
    return _redrawn(problem, rng, lambda n: (5 * n, 20 * n))


def _redrawn(problem: Problem, rng: random.Random, bounds) -> Problem | None:
    found = template(problem)
    if found is None:
        return None
    for _ in range(_ATTEMPTS):
        new = {}
        for value in found.given:
            low, high = bounds(int(value))
            new[value] = Fraction(low + below(rng, high - low + 1))
        made = _executed(found, new)
        if made is not None:
            return made
    return None


def _executed(found: Template, new: Mapping[Fraction, Fraction]) -> Problem | None:
    """The problem with these numbers, if they are all new and all results are whole and above 1."""
    if any(old == value for old, value in new.items()) or len(set(new.values())) < len(new):
        return None
    values = dict(new)
    for left, right in found.equations:
        try:
            values[right] = evaluate(_put(left, values))
        except ExpressionError:
            return None
        if values[right].denominator > 1 or values[right] < 2:
            return None
    made = found.execute(new)
    stated = (equation for step in made.steps for equation in find_equations(step.solution))
    return made if all(equation_holds(*equation) for equation in stated) else None


def _numbers(text: str) -> list[Fraction]:
    return [Fraction(match[0].replace(",", "")) for match in _NUMBER.finditer(text)]


def _put(text: str, new: Mapping[Fraction, Fraction]) -> str:
    """A text with the values of `new` in the places of the old ones."""

    def number(match: re.Match) -> str:
        old = Fraction(match[0].replace(",", ""))
        if old not in new or new[old] == old:
            return match[0]
        value = format_number(new[old])
        return f"{int(value):,}" if "," in match[0] and value.isdigit() else value

    return _NUMBER.sub(number, text)
