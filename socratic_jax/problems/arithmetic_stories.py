"""The words of an arithmetic word problem: story frames as data, and how a plan is told in one.

A `Surface` holds every choice about the words and none about the numbers: frame, names, nouns, which
phrasing at which place, the order of the facts, the irrelevant sentences. Renaming the people,
reordering the facts or adding an aside is `dataclasses.replace` on it, and the plan stays untouched.

How to read the tables: phrasings are separated by "|"; those after "||" are reserved for `test_ood`
and no other split uses them. A change is written "sentence ; phrase", and the phrase ("after
losing some") completes the sub-question about it. Slots, filled by `_Teller`:
  {n} {o}  a number and its noun, agreeing ("1 egg", "2 eggs");  {os} the plural;  {v} " eggs" or "",
           where the noun may be left out;  {s} "s" where the subject {n} {o} is a single one
  {P} {p} {h}  the main person: by name, and as subject and object, where a pronoun may stand
  {Q}      another person;  {i} something bought, with its article
  {x} {f}  "twice" or "3 times"; "half" or "a third"
  {m} {g}  groups: the number in each, the noun of the group
  {G} {A} {B}  who or what a step counts, and its left and right operand ("Ann and Ben")
"""

import dataclasses
import functools
import random
from collections.abc import Sequence

from socratic_jax.problems.arithmetic_plans import Plan, Skeleton


def _pools(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Splits "common words || reserved words" at blanks."""
    common, _, reserved = text.partition("||")
    return tuple(common.split()), tuple(reserved.split())


# Short names first: levels with a small vocabulary take a prefix. Even places are she, odd ones he.
_SHE = """Ann Eva Mia Amy Zoe Kim Lia Sue Ida Joy Nina Lucy Emma Anna Rosa Lena Clara Alice Maria
    Julia Sofia Grace Laura Helen Diana Nora Ruth Jane || Tara Vera Greta Paula Yara Freya Wilma Olga"""
_HE = """Ben Tom Sam Max Leo Dan Ian Jon Ron Tim Paul Jack Luke Adam Eric Hugo Oscar Peter Simon
    David Henry Kevin Frank Bruno Carl Noah Owen Fred || Boris Cyrus Dmitri Gavin Umar Klaus Rohan Igor"""
_PRONOUNS = {name: ("she", "her") for pool in _pools(_SHE) for name in pool}
_PRONOUNS |= {name: ("he", "him") for pool in _pools(_HE) for name in pool}
NAMES = tuple(
    tuple(name for pair in zip(she, he, strict=True) for name in pair)
    for she, he in zip(_pools(_SHE), _pools(_HE), strict=True)
)
# The nouns that name the groups of a story, or the things in it; again short and plain ones first.
NOUNS = {
    "things": """card pen book shell coin egg cup toy nut pin cap apple stamp ring key bead sticker
        marble pencil cookie flower balloon button ribbon candle lemon orange peach brush crayon
        magnet feather stone pear carrot cherry muffin ticket spoon plate badge photo
        || kite puzzle whistle lantern acorn strawberry peanut poster glove bell sponge plum""",
    "containers": "box bag basket jar crate tray || bucket drawer chest",
    "vehicles": "car bus train bike boat || tram ferry truck",
    "places": "on_the_farm in_the_shop at_the_zoo || in_the_garden at_the_cafe in_the_library",
    "items": """hat lamp bag ball scarf mug fan umbrella belt shirt
        || vase clock apron pillow rug kettle tent""",
}
NOUNS = {kind: _pools(text) for kind, text in NOUNS.items()}
_FRACTIONS = dict(
    enumerate(
        ("half", "a third", "a quarter", "a fifth", "a sixth", "a seventh", "an eighth", "a ninth",
         "a tenth"), 2)
)  # fmt: skip
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_STOPS = "first second third fourth fifth sixth".split()
# For the start and for each step: how its sentence opens, and when a sub-question looks back.
MARKS = {
    "day": [(f"on {day}, ", f"after {day}") for day in _DAYS],
    "stop": [("at first, ", "")]
    + [(f"at the {stop} stop, ", f"after the {stop} stop") for stop in _STOPS],
}


def _phrasings(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Splits "common | common || reserved" into its two lists."""
    common, _, reserved = text.partition("||")
    return tuple(
        tuple(phrase.strip() for phrase in part.split("|") if phrase.strip())
        for part in (common, reserved)
    )


_CONNECT = _phrasings("{} | {} | then {} | next, {} | after that, {} || later, {} | afterwards, {}")
_ASIDES = _phrasings(
    "{Q} has {n} {os} | it is {n} degrees outside | {Q}'s dog is {n} years old"
    " | {Q} lives {n} km from the sea | a shop nearby sells {n} kinds of tea"
    " || {Q}'s street has {n} houses | {Q} sees {n} birds on a roof | the town hall is {n} meters tall"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """A story frame: the sentences and questions of one kind of story.

    Attributes:
      family: the family of plans it can tell.
      lists: role of a given node, or "ask_" + role of a derived one -> (common, reserved) phrasings.
      kind: key of `NOUNS` for the nouns of its groups or items; "" if it has none.
      noun: the noun that is counted; "" for one of the things.
      item: how a group is mentioned.
      marks: key of `MARKS` for facts told out of order; "" if their order does not matter.
      limit: values from here on would be odd in this story (ages); 0 for none.
      reserved: whether the whole frame is kept for `test_ood`.
    """

    family: str
    lists: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    kind: str = ""
    noun: str = ""
    item: str = ""
    marks: str = ""
    limit: int = 0
    reserved: bool = False

    def phrasings(self, role: str, ood: bool) -> tuple[str, ...]:
        """The phrasings of a role that a split may use; empty if there is none."""
        common, reserved = self.lists.get(role, ((), ()))
        if self.reserved:
            return common if ood else ()
        return reserved if ood else common


def _frame(family: str, kind: str = "", *, noun: str = "", item: str = "", marks: str = "",
           limit: int = 0, reserved: bool = False, **lists: str) -> Frame:  # fmt: skip
    phrasings = {role: _phrasings(text) for role, text in lists.items()}
    return Frame(family, phrasings, kind, noun, item, marks, limit, reserved)


# Questions of the frames in which somebody has a number of something.
_HAS = {
    "ask_step": "how many {os} does {P} have {after} | {after}, how many {os} does {P} have"
    " || how many {os} does {P} own {after}",
    "ask_last": "how many {os} does {P} have now | how many {os} does {P} have in the end"
    " | how many {os} are left with {P} || how many {os} does {P} end up with",
    "ask_together": "how many {os} do {P} and {Q} have together | how many {os} do {P} and {Q} have in"
    " total || together, how many {os} do {P} and {Q} have",
    "ask_ahead": "how many more {os} does {P} have than {Q} | by how many {os} is {P} ahead of {Q}"
    " || how many {os} must {Q} get to have as many as {P}",
    "ask_behind": "how many fewer {os} does {P} have than {Q} | by how many {os} is {P} behind {Q}"
    " || how many {os} must {P} get to have as many as {Q}",
    "ask_net_up": "how many more {os} does {P} have now than at the start"
    " || by how many has the number of {os} of {P} grown",
    "ask_net_down": "how many fewer {os} does {P} have now than at the start"
    " || by how many has the number of {os} of {P} fallen",
    "other": "{Q} has {n} {o} | {Q} owns {n} {o} || the friend of {P}, {Q}, has {n} {o}",
}

FRAMES = {
    "tally": _frame(
        "chain", marks="day", **_HAS,
        start="{P} has {n} {o} | {P} starts with {n} {o} | {P} owns {n} {o}"
        " | there are {n} {o} in {P}'s bag || {P} begins with {n} {o} | {P}'s box holds {n} {o}",
        gain="{p} buys {n} more{v} ; after buying more | {p} finds {n}{v} ; after finding some"
        " | {p} gets {n}{v} from {Q} ; after {Q}'s gift | {p} wins {n}{v} ; after winning some"
        " | {Q} gives {h} {n}{v} ; after the gift from {Q}"
        " || {p} borrows {n}{v} from {Q} ; after {Q} helps | {Q} brings {h} {n}{v} ; after {Q}'s visit",
        loss="{p} gives {n}{v} to {Q} ; after giving {Q} some | {p} loses {n}{v} ; after losing some"
        " | {p} sells {n}{v} ; after selling some | {p} gives away {n}{v} ; after giving some away"
        " | {Q} takes {n}{v} ; after {Q} takes some"
        " || {p} lends {n}{v} to {Q} ; after lending {Q} some | {p} mails {n}{v} to {Q} ;"
        " after mailing {Q} some",
        times="{p} finds so many that {p} has {x} as many as before ; after finding so many"
        " | {p} trades well and gets {x} as many as before ; after trading well"
        " || {Q} adds so many that {P} has {x} as many as before ; after {Q} adds so many",
        part="{p} puts the {os} into {n} equal piles and keeps one pile ; after keeping one pile"
        " | {p} splits the {os} into {n} equal parts and sells all but one part ; after selling the rest"
        " || {p} shares the {os} evenly with friends, {n} people in all ; after sharing with friends",
    ),
}  # fmt: skip
