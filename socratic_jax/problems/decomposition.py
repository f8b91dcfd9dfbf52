"""Steps from a list of sub-questions and a list of facts that nobody aligned with each other.

StrategyQA's annotators wrote both for every question, not always as many of the one as of the other
(three of four have one fact fewer than questions, or as many), and not always in the same order. The rule:

1. The last sub-question puts the earlier ones together. Its solution is the conclusion, "So the
   answer is yes.", after whatever facts fall to it.
2. Each earlier sub-question gets one fact, those that share most words with it, counting a word the
   less the more facts have it. Where that does not decide, the order of the lists does.
3. Facts left over go to the sub-question that they share most words with, else to the last one.
4. A sub-question that gets no fact cannot be answered by itself; it is asked together with the next.

So every fact is used once and every step has both parts. "#2" in a sub-question means the solution of
step 2. It is kept, because the facts are sentences and the short answer that would have to stand in its
place is not in the data; it is renumbered where rule 4 joined questions, and reads "that" where it
points into its own step.
"""

import itertools
import re
from collections import Counter
from collections.abc import Sequence

from socratic_jax.problems.problem import Step

_REFERENCE = re.compile(r"#([0-9]+)")
_WORD = re.compile(r"[^\W_]+")
_MOST = 6  # sub-questions or facts up to which every assignment is tried; the data have 5
# Words that say how a thing is asked or told, not what about.
_COMMON_WORDS = """
a an and any are as at be been but by can could did do does for from had has have how if in into is it its
many much of on or that the their them they this to was were what when where which who whom whose why will
with would
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def steps(questions: Sequence[str], facts: Sequence[str], answer: str) -> tuple[Step, ...]:
    """Pairs the sub-questions of a yes/no question with facts, by the rule at the head of this file.

    Args:
      questions: at least one, in the order in which they are asked.
      facts: sentences, in any order and number.
      answer: "yes" or "no".

    Returns:
      At most as many steps as there are questions, each with a sub-question and a solution.
    """
    owners = _owners(questions, facts)
    conclusion = f"So the answer is {answer}."
    # Which step each question is in: one without facts shares that of the question after it.
    answered = [index in owners or index == len(questions) - 1 for index in range(len(questions))]
    step_of = [sum(answered[:index]) for index in range(len(questions))]
    found = []
    for step in range(sum(answered)):
        members = [index for index in range(len(questions)) if step_of[index] == step]
        asked = " ".join(_renumber(questions[index], step_of, step) for index in members)
        told = [fact for owner, fact in zip(owners, facts, strict=True) if owner in members]
        if step == step_of[-1]:
            told.append(conclusion)
        found.append(Step(asked, " ".join(told)))
    return tuple(found)


def sentence(text: str) -> str:
    """A fact with the full stop that many of them lack."""
    return text if text[-1] in ".!?\"'”’" else f"{text.rstrip(',;:')}."


def _owners(questions: Sequence[str], facts: Sequence[str]) -> list[int]:
    """For each fact, the index of the question that it answers."""
    last = len(questions) - 1
    told = [_words(fact) for fact in facts]
    frequency = Counter(word for words in told for word in words)
    asked = [_words(question) for question in questions]
    shared = [[sum(1 / frequency[word] for word in words & fact) for fact in told] for words in asked]
    owners = [-1] * len(facts)
    for question, fact in _pairs(shared[:last], len(facts)):
        owners[fact] = question
    for fact, owner in enumerate(owners):
        if owner < 0:
            # Among equals the last question, which puts things together.
            owners[fact] = max(range(last + 1), key=lambda question: (shared[question][fact], question))
    return owners


def _pairs(shared: Sequence[Sequence[float]], facts: int) -> list[tuple[int, int]]:
    """The (question, fact) pairs with most in common, no question and no fact twice."""
    questions = len(shared)
    if max(questions, facts) > _MOST:  # n! of them: take the lists as they come
        return list(zip(range(questions), range(facts), strict=False))
    if questions <= facts:
        options = (
            list(zip(range(questions), chosen, strict=True))
            for chosen in itertools.permutations(range(facts), questions)
        )
    else:
        options = (
            list(zip(chosen, range(facts), strict=True))
            for chosen in itertools.permutations(range(questions), facts)
        )
    # The first of equals is the one that keeps the order. Rounded, as sums differ in the last bit.
    return max(options, key=lambda pairs: round(sum(shared[q][f] for q, f in pairs), 9))


def _renumber(question: str, step_of: Sequence[int], step: int) -> str:
    def reference(match: re.Match[str]) -> str:
        number = int(match[1])
        if not 1 <= number <= len(step_of):
            return match[0]
        return "that" if step_of[number - 1] == step else f"#{step_of[number - 1] + 1}"

    return _REFERENCE.sub(reference, question)


def _words(text: str) -> frozenset[str]:
    """The words that say what a text is about, without the plural's s."""
    found = (word.lower() for word in _WORD.findall(_REFERENCE.sub(" ", text)))
    return frozenset(word.rstrip("s") or word for word in found if word not in _COMMON)
