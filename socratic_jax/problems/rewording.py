"""Word problems with other words and the same numbers: names, one more sentence, another order.

Nothing is known of such a text but its letters, so each function has a rule for what is safe, and returns
None where the rule does not hold.
"""

import dataclasses
import random
import re
from collections.abc import Mapping

from socratic_jax.problems import answers
from socratic_jax.problems.draws import below, sample
from socratic_jax.problems.first_names import HE, SHE
from socratic_jax.problems.problem import Problem, Step

# A full stop after one of these ends no sentence.
_SENTENCE_END = re.compile(
    r"""(?<=[.?!])(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bMrs\.)(?<!\b[ap]\.m\.)(?<!\bvs\.)
        (?<!\b[A-Z]\.)(?P<gap>\s+)(?=["“'$A-Z0-9])""",
    re.VERBOSE,
)
# "Papa John's", "Lake Victoria": no person.
_NO_PERSON = re.compile(r"(?:St\.|Saint|San|Santa|Mount|Lake|Port|Fort|Camp|Trader|Papa|King|Queen) $")
# Without an antecedent, so that no pronoun of the question could mean something in them.
_ASIDES = (
    ("It is {n} degrees outside.", ("degree", "temperature", "warm", "cold", "hot", "outside")),
    ("It rained on {n} days last month.", ("rain", "month", "day")),
    ("It will be dark in {n} minutes.", ("dark", "minute", "night", "sun")),
    ("It has not snowed for {n} weeks.", ("snow", "week", "winter")),
    ("It has been cloudy for {n} days.", ("cloud", "day")),
)
# Words that point at another sentence, or say when something happens. ("twice as many as" is no such word.)
_POINTERS = re.compile(
    r"""\b(?:he|she|it|they|him|her|hers|his|its|them|their|theirs|we|us|our|i|my|you|your|this|that|these
    |those|such|there|here|then|next|after|afterwards?|before|later|now|first(?:ly)?|second(?:ly)?|third|last
    |final(?:ly)?|yesterday|today|tomorrow|again|another|others?|rest|remain(?:s|ed|ing|der)?|left|same|both
    |also|too|but|however|so|if|when|once|while|still|already|instead|together|combined|former|latter|all
    |everyone|everything|more\ expensive|only|respectively|half|third|quarter|double[ds]?|triple[ds]?|times)\b
    |%|percent""",
    re.VERBOSE | re.IGNORECASE,
)
_COMPARED = re.compile(r"\b(?:half|twice|\w+\ times|double|triple)(?=\ (?:as|the\ number)\b)")
# "Ben has 7.", "3 more than Ann": the noun is in another sentence.
_NO_NOUN = re.compile(r"[0-9]\s*[.,!]|\b(?:more|fewer|less|many|much)\s+(?:than|as)\b")
# What is so has no order; what happens has one, unless everybody does the same.
_PRESENT = ("has", "have", "is", "are", "owns", "costs", "weighs", "contains", "holds", "needs", "earns")
_PAST = ("had", "was", "were", "owned", "cost", "weighed", "contained", "held", "needed", "earned")
# Of a sentence that stands alone, if no name or number opens it.
_OPENINGS = re.compile(r"(?:A|An|There (?:is|are|was|were)) ")
_ATTEMPTS = 100


def renamed_people(problem: Problem, rng: random.Random) -> Problem | None:
    """People get other names with the same pronouns, in the question and in all steps.

    Left out are yes/no questions, which are about real people, and texts where a listed name may be
    something else: where it is followed by a surname, preceded by the word of a place or a shop, in the
    plural, or there as a word in small letters. New names occur nowhere in the text.
    """
    text = "\n".join([problem.question, *(f"{s.subquestion}\n{s.solution}" for s in problem.steps)])
    found = [word for word in dict.fromkeys(re.findall(r"\b[A-Z][a-z]+\b", text)) if word in SHE | HE]
    asked = [name for name in found if re.search(rf"\b{name}\b", problem.question)]
    if not asked or answers.kind_of(problem.answer) == "yes_no":
        return None
    if any(_is_doubtful(name, text) for name in found):
        return None
    words = set(re.findall(r"[a-z]+", text.lower()))
    new: dict[str, str] = {}
    for names in (SHE, HE):
        old = [name for name in found if name in names]
        free = [name for name in sorted(names) if name.lower() not in words]
        new |= dict(zip(old, sample(rng, free, len(old)), strict=True))
    steps = tuple(Step(rename(s.subquestion, new), rename(s.solution, new)) for s in problem.steps)
    return dataclasses.replace(problem, question=rename(problem.question, new), steps=steps)


def rename(text: str, names: Mapping[str, str]) -> str:
    """Puts names in the places of others, all at once; "James' pen" becomes "Ben's pen"."""

    def put(match: re.Match) -> str:
        name = names[match["name"]]
        return name + ("'s" if match["owns"] and not name.endswith("s") else match["owns"] or "")

    old = "|".join(map(re.escape, names))
    return re.sub(rf"\b(?P<name>{old})\b(?P<owns>(?<=s)['’](?=\s))?", put, text)


def _is_doubtful(name: str, text: str) -> bool:
    if re.search(rf"\b(?:{name.lower()}|{name.upper()}|{name}e?s)\b", text):
        return True
    if re.search(rf"\b{name}(?:['’]s)? (?!I\b)[A-Z]", text):
        return True
    return any(_NO_PERSON.search(text, 0, m.start()) for m in re.finditer(rf"\b{name}\b", text))


def irrelevant_sentence(problem: Problem, rng: random.Random) -> Problem | None:
    """A sentence about the weather before the last one, which asks; in words that the text has not."""
    if not problem.question.rstrip().endswith("?"):
        return None
    start = _last_start(problem.question)
    lower = problem.question.lower()
    fitting = [sentence for sentence, words in _ASIDES if not any(word in lower for word in words)]
    if not fitting:
        return None
    taken = set(re.findall(r"[0-9]+", problem.question))
    number = next(n for n in sample(rng, range(2, 29), 27) if str(n) not in taken)
    sentence = fitting[below(rng, len(fitting))].format(n=number)
    question = f"{problem.question[:start]}{sentence} {problem.question[start:]}"
    return dataclasses.replace(problem, question=question)


def reordered_facts(problem: Problem, rng: random.Random) -> Problem | None:
    """The sentences before the question in another order, where each of them stands alone.

    One stands alone if it begins with a listed name, a number, "A" or "There are", points at no other
    sentence (pronouns, "then", "the rest", ...) and has a noun after its numbers. All must, and all must say
    what is so ("has", "costs"), or what was so, or have one and the same verb: events have an order.
    """
    parts = sentences(problem.question)
    *facts, ending = parts
    if len(facts) < 2 or not ending.endswith("?") or not all(map(_stands_alone, facts)):
        return None
    verbs = set(map(_verb, facts))
    if not (len(verbs) == 1 or verbs <= {*_PRESENT} or verbs <= {*_PAST}):
        return None
    for _ in range(_ATTEMPTS):
        order = sample(rng, facts, len(facts))
        if list(order) != facts:
            return dataclasses.replace(problem, question=" ".join([*order, ending]))
    return None


def sentences(text: str) -> list[str]:
    """The sentences of a text, in their order."""
    return re.split(r"\0", _SENTENCE_END.sub("\0", text.strip()))


def _last_start(text: str) -> int:
    return max((match.end() for match in _SENTENCE_END.finditer(text.rstrip())), default=0)


def _stands_alone(sentence: str) -> bool:
    opening = re.match(r"\w+", sentence)
    opens = (opening and (opening[0] in SHE | HE or opening[0].isdigit())) or _OPENINGS.match(sentence)
    rest = _COMPARED.sub("", _OPENINGS.sub("", sentence, count=1))
    return bool(opens) and not _POINTERS.search(rest) and not _NO_NOUN.search(sentence)


def _verb(sentence: str) -> str:
    """The first verb of those that say what is so; else the word after the first, which is often one."""
    words = re.findall(r"[A-Za-z]+", sentence)
    return next((word for word in words if word in _PRESENT + _PAST), words[1] if words[1:] else "")
