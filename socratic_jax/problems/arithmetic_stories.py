"""The words of an arithmetic word problem: story frames as data, and how a plan is told in one.

A `Surface` holds every choice about the words and none about the numbers: renaming the people,
reordering the facts or adding an aside is `dataclasses.replace` on it and leaves the plan alone.

How to read the table. A frame opens with "# name family key=value ...", then comes a role of `Node`
on each line ("?" before the question for a derived node), continued by indented lines. Phrasings
are separated by "|"; those after "||", and all of a frame with reserved=yes, are for `test_ood`
alone. "sentence ; phrase" gives a change and the phrase that completes the sub-question about it.
Slots:
  {n} {o}  a number and its noun, agreeing ("1 egg", "2 eggs");  {os} the plural;  {v} " eggs",
           or "" where the noun may be left out;  {s} "s" where the subject {n} {o} is single
  {P} {p} {h}  the main person: always by name; as subject and object, where a pronoun may stand
  {Q} {i} {j}  another person; something bought: "a hat", "the hat"
  {x} {f}  "twice" or "3 times"; "half" or "a third"
  {m} {gs} {g}  groups: the number in each, the noun of the group
  {G} {A} {B}  who or what a step is about, and its left and right operand ("Ann and Ben")
"""

import dataclasses
import functools

from socratic_jax.problems.arithmetic_plans import Plan, Skeleton
from socratic_jax.problems.problem import Step


def _pools(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    common, _, reserved = text.partition("||")
    return tuple(common.split()), tuple(reserved.split())


_SHE = _pools("""Ann Eva Mia Amy Zoe Kim Lia Sue Ida Joy Nina Lucy Emma Anna Rosa Lena Clara Alice
    Maria Julia Sofia Grace Laura Helen Diana Nora Ruth Jane
    || Tara Vera Greta Paula Yara Freya Wilma Olga""")
_HE = _pools("""Ben Tom Sam Max Leo Dan Ian Jon Ron Tim Paul Jack Luke Adam Eric Hugo Oscar Peter
    Simon David Henry Kevin Frank Bruno Carl Noah Owen Fred
    || Boris Cyrus Dmitri Gavin Umar Klaus Rohan Igor""")
# (common, reserved), short names first: levels with a small vocabulary take a prefix.
NAMES = tuple(
    tuple(name for pair in zip(she, he, strict=True) for name in pair)
    for she, he in zip(_SHE, _HE, strict=True)
)
PRONOUNS = {name: ("she", "her") for pool in _SHE for name in pool}
PRONOUNS |= {name: ("he", "him") for pool in _HE for name in pool}
# kind of noun -> (common, reserved).
NOUNS = {
    "things": _pools("""card pen book shell coin egg cup toy nut pin cap apple stamp ring key bead
        sticker marble pencil cookie flower balloon button ribbon candle lemon orange peach brush
        crayon magnet feather stone pear carrot cherry muffin ticket spoon plate badge photo
        || kite puzzle whistle lantern acorn strawberry peanut poster glove bell sponge plum"""),
    "containers": _pools("box bag basket jar crate tray || bucket drawer chest"),
    "vehicles": _pools("car bus train bike boat || tram ferry truck"),
    "places": _pools("|| on_the_farm in_the_shop at_the_zoo in_the_garden at_the_cafe"),
    "items": _pools("""hat lamp bag ball scarf mug fan umbrella belt shirt
        || vase clock apron pillow rug kettle tent"""),
}
# fmt: off
_FRACTIONS = ["", "", "half", "a third", "a quarter", "a fifth", "a sixth", "a seventh",
              "an eighth", "a ninth", "a tenth"]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
         "the next Monday"]
# fmt: on
_STOPS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"]
# Events told out of order: how each of them opens, and how a sub-question looks back at it.
_MARKS = {
    "": [("", "")] * 8,
    "day": [(f"on {day}, ", f"after {day}") for day in _DAYS],
    "stop": [("at first, ", ""), *((f"at the {s} stop, ", f"after the {s} stop") for s in _STOPS)],
}

_TABLE = """
# has base
?step: how many {os} does {P} have {after} | {after}, how many {os} does {P} have
  || how many {os} has {P} got {after}
?last: how many {os} does {P} have now | how many {os} does {P} have in the end
  | how many {os} does {P} have at the end || how many {os} does {P} end up with
?together: how many {os} do {P} and {Q} have together | how many {os} do {P} and {Q} have in total
  || together, how many {os} do {P} and {Q} have
?ahead: how many more {os} does {P} have than {Q} | by how many {os} is {P} ahead of {Q}
  || how many {os} must {Q} get to have as many as {P}
?behind: how many fewer {os} does {P} have than {Q} | by how many {os} is {P} behind {Q}
  || how many {os} must {P} get to have as many as {Q}
?net_up: how many more {os} does {P} have now than at the start
  || how many {os} more than at the start does {P} have
?net_down: how many fewer {os} does {P} have now than at the start
  || how many {os} fewer than at the start does {P} have
other: {Q} has {n} {o} || {P}'s friend {Q} has {n} {o}

# tally chain like=has marks=day
start: {P} has {n} {o} | {P} starts with {n} {o} | {P} owns {n} {o}
  | there are {n} {o} in {P}'s bag
  || {P} begins with {n} {o} | {P}'s box holds {n} {o}
gain: {p} buys {n} more{v} ; after buying more | {p} finds {n}{v} ; after finding some
  | {p} gets {n}{v} from {Q} ; after {Q}'s gift | {p} wins {n}{v} ; after winning some
  | {Q} gives {h} {n}{v} ; after {Q} gives some
  || {p} borrows {n}{v} from {Q} ; after {Q} helps
  | {Q} brings {h} {n}{v} ; after {Q}'s visit
loss: {p} gives {n}{v} to {Q} ; after giving {Q} some | {p} loses {n}{v} ; after losing some
  | {p} sells {n}{v} ; after selling some | {p} gives away {n}{v} ; after giving some away
  | {Q} takes {n}{v} ; after {Q} takes some || {p} lends {n}{v} to {Q} ; after lending {Q} some
  | {p} mails {n}{v} to {Q} ; after mailing {Q} some
times: {p} finds enough to have {x} as many {os} as before ; after finding so many
  | {p} trades well and gets {x} as many {os} as before ; after trading well
  || {Q} adds enough to make it {x} as many {os} as before ; after {Q} adds so many
part: {p} puts the {os} into {n} equal piles and keeps one pile ; after keeping one pile
  | {p} sorts the {os} into {n} equal parts and sells all but one part ; after selling the rest
  || {p} shares the {os} evenly with friends, {n} people in all ; after sharing with friends

# purse chain like=has kind=items noun=dollar marks=day
start: {P} has {n} {o} | {P} has {n} {o} in a purse || {P}'s purse holds {n} {o}
gain: {p} earns {n} {o} ; after earning more | {p} gets {n} {o} from {Q} ; after {Q}'s gift
  | {p} finds {n} {o} ; after finding some | {p} wins {n} {o} ; after winning some
  | {Q} pays {h} {n} {o} ; after {Q} pays || {p} receives {n} {o} from {Q} ; after {Q} helps
  | {p} makes {n} {o} by helping {Q} ; after helping {Q}
loss: {p} spends {n} {o} on {i} ; after buying {j}
  | {p} gives {n} {o} to {Q} ; after giving {Q} some
  | {p} loses {n} {o} ; after losing some | {p} pays {n} {o} for {i} ; after paying for {j}
  || {p} lends {n} {o} to {Q} ; after lending {Q} some | {p} donates {n} {o} ; after donating some
times: {p} works hard and has {x} as many {os} as before ; after working hard
  | {p} invests and has {x} as many {os} as before ; after investing
  || {p} sells a painting and has {x} as many {os} as before ; after selling a painting
part: {p} divides the money into {n} equal parts and keeps one part ; after keeping one part
  | {p} shares the money equally with friends, {n} people in all ; after sharing with friends
  || {p} splits the money evenly in a team of {n} people ; after splitting the money

# points chain like=has noun=point marks=day
start: {P} has {n} {o} in a game | {P} starts a game with {n} {o}
  || {P} begins a match with {n} {o}
gain: {p} scores {n} more{v} ; after scoring more | {p} gets {n}{v} for a goal ; after the goal
  | {p} hits a target for {n} {o} ; after hitting the target
  | {p} solves a riddle for {n} {o} ; after solving the riddle
  || {p} beats {Q} for {n} {o} ; after beating {Q}
  | {p} finds a star worth {n} {o} ; after the star
loss: {p} loses {n}{v} for a foul ; after the foul | a trap costs {h} {n} {o} ; after the trap
  | {p} pays {n} {o} for a hint ; after the hint
  | a wrong answer costs {h} {n} {o} ; after the wrong answer
  || {Q} takes {n} {o} from {h} ; after {Q} takes some
  | a delay costs {h} {n} {o} ; after the delay
times: a bonus multiplies the {os} by {n} ; after the bonus
  | a lucky card gives {h} {x} as many {os} as before ; after the lucky card
  || a joker multiplies the {os} by {n} ; after the joker
part: a bad card divides the {os} by {n} ; after the bad card
  | {p} keeps only {f} of the {os} after a fall ; after the fall
  || a penalty divides the {os} by {n} ; after the penalty

# bus chain noun=person marks=stop limit=100
start: {P} drives a bus with {n} {o} on it | there are {n} {o} on {P}'s bus
  || {P}'s bus carries {n} {o}
gain: {n} {o} get{s} on ; after {n} {o} get{s} on
  | {n} more {o} step{s} in ; after {n} more {o} step{s} in
  | {n} {o} climb{s} aboard ; after {n} {o} climb{s} aboard
  || {n} {o} hop{s} on ; after {n} {o} hop{s} on | {n} new {o} enter{s} ; after {n} new {o} enter{s}
loss: {n} {o} get{s} off ; after {n} {o} get{s} off | {n} {o} leave{s} ; after {n} {o} leave{s}
  | {n} {o} step{s} out ; after {n} {o} step{s} out
  || {n} {o} hop{s} off ; after {n} {o} hop{s} off | {n} {o} exit{s} ; after {n} {o} exit{s}
?step: how many {os} are on the bus {after} | {after}, how many {os} are on the bus
  || how many {os} does the bus carry {after}
?last: how many {os} are on the bus now | how many {os} are on the bus in the end
  || how many {os} does the bus carry now
?net_up: how many more {os} are on the bus now than at the start
  || how many {os} more than at the start does the bus carry
?net_down: how many fewer {os} are on the bus now than at the start
  || how many {os} fewer than at the start does the bus carry

# tank chain noun=liter marks=day reserved=yes
start: {P}'s tank holds {n} {o} of water | there are {n} {o} of water in {P}'s tank
gain: {p} pours in {n} {o} ; after pouring in more | rain adds {n} {o} ; after the rain
  | {Q} adds {n} {o} ; after {Q} adds some | a hose brings in {n} {o} ; after using the hose
loss: {p} drains {n} {o} ; after draining some | {n} {o} leak{s} out ; after the leak
  | {p} uses {n} {o} on the garden ; after watering the garden
  | {Q} takes {n} {o} ; after {Q} takes some
times: {p} pumps in water until there is {x} as much ; after pumping in water
  | a storm leaves {x} as much water as before ; after the storm
part: {p} lets water out until only {f} of it is left ; after letting water out
  | the heat leaves only {f} of the water ; after the heat
?step: how many {os} are in the tank {after} | {after}, how many {os} are in the tank
?last: how many {os} are in the tank now | how many {os} of water does the tank hold in the end
?net_up: how many more {os} are in the tank now than at the start
?net_down: how many fewer {os} are in the tank now than at the start

# owners compare
base: {G} has {n} {o} | {G} owns {n} {o} || {G}'s box holds {n} {o}
more: {G} has {n} more {o} than {A} | {G} owns {n} more {o} than {A}
  | {A} has {n} fewer {o} than {G}
  || with {n} more {o}, {A} would have as many as {G}
fewer: {G} has {n} fewer {o} than {A} | {G} owns {n} fewer {o} than {A}
  | {A} has {n} more {o} than {G}
  || with {n} more {o}, {G} would have as many as {A}
times: {G} has {x} as many {os} as {A} | {G} owns {x} as many {os} as {A}
  || the number of {os} {G} has is {n} times that of {A}
part: {G} has {f} as many {os} as {A} | {A} has {x} as many {os} as {G}
  || the number of {os} {A} has is {n} times that of {G}
?person: how many {os} does {G} have | how many {os} does {G} own
  || what is the number of {os} {G} has
?sum: how many {os} do {G} have together | how many {os} do {G} have in total
  || what is the total number of {os} {G} have
?diff: how many more {os} does {A} have than {B} | by how many {os} is {A} ahead of {B}
  || how many {os} must {B} get to have as many as {A}

# ages compare noun=year limit=100
base: {G} is {n} {o} old || the age of {G} is {n} {o}
more: {G} is {n} {o} older than {A} | {A} is {n} {o} younger than {G}
  || in {n} {o}, {A} will be as old as {G} is today
fewer: {G} is {n} {o} younger than {A} | {A} is {n} {o} older than {G}
  || {n} {o} ago, {A} was as old as {G} is today
times: {G} is {x} as old as {A} || the age of {G} is {n} times the age of {A}
part: {G} is {f} as old as {A} | {A} is {x} as old as {G}
  || the age of {A} is {n} times the age of {G}
?person: how old is {G} | how many {os} old is {G} || what is the age of {G}
?sum: what do the ages of {G} add up to || what is the total age of {G}
?diff: how many {os} older is {A} than {B}
  || what is the difference between the ages of {A} and {B}

# runs compare noun=mile reserved=yes
base: {G} runs {n} {o} | {G} covers {n} {o} in a run
more: {G} runs {n} {o} farther than {A} | {A} runs {n} {o} less than {G}
fewer: {G} runs {n} {o} less than {A} | {A} runs {n} {o} farther than {G}
times: {G} runs {x} as far as {A}
part: {G} runs {f} as far as {A} | {A} runs {x} as far as {G}
?person: how many {os} does {G} run | how far, in {os}, does {G} run
?sum: how many {os} do {G} run together | what is the total distance of {G} in {os}
?diff: how many {os} farther does {A} run than {B} | by how many {os} does {A} outrun {B}

# shop groups kind=things noun=dollar item=the_{gs}
count: {p} buys {n} {gs} at {m} dollars each | {p} buys {n} {gs} for {m} dollars each
  | {p} picks {n} {gs} that cost {m} dollars each || {p} takes {n} {gs}, each for {m} dollars
extra: delivery costs {n} {o} ; with the delivery
  | {p} pays {n} {o} for wrapping ; with the wrapping
  | {p} adds a tip of {n} {o} ; with the tip || a tax adds {n} {o} ; with the tax
  | a card fee adds {n} {o} ; with the card fee | a donation adds {n} {o} ; with the donation
less: a coupon takes {n} {o} off the bill ; after the coupon
  | a discount saves {h} {n} {o} ; after the discount
  | a voucher takes {n} {o} off the bill ; after the voucher
  || a gift card covers {n} {o} ; after the gift card
  | a rebate saves {h} {n} {o} ; after the rebate
  | a member card saves {h} {n} {o} ; after the member card
paid: {p} pays with {n} {o} | {p} hands over {n} {o} || {p} gives the clerk {n} {o}
share: in the end, {n} people split the bill equally
  || in the end, the bill is divided evenly among {n} people
?product: how many {os} do {G} cost | what do {G} cost in {os}
  || how many {os} must {P} pay for {G}
?sum: how many {os} do {G} cost together | how many {os} do {G} cost in total
  || together, how many {os} must {P} pay for {G}
?step: how many {os} does the bill come to {after} | {after}, how many {os} does the bill come to
  || how many {os} must {P} pay {after}
?last: how many {os} does {P} pay in all | how many {os} is the whole bill
  || how many {os} must {P} pay
?change: how many {os} does {P} get back | how much change, in {os}, does {P} get
  || how many {os} of change does {P} receive
?share: how many {os} does each person pay || how many {os} must each person pay
?diff: how many more {os} do {A} cost than {B}
  | how many more {os} does {P} spend on {A} than on {B}
  || by how many {os} are {A} dearer than {B}

# boxes groups like=has kind=containers item=the_{gs} marks=day
count: {p} gets {n} {gs} with {m} {os} each | {p} fills {n} {gs} with {m} {os} each
  | {p} packs {m} {os} into each of {n} {gs} || {p} stores {m} {os} in each of {n} {gs}
extra: {p} finds {n} more {o} ; after finding more | {p} buys {n} single {o} ; after buying more
  | {Q} gives {h} {n} {o} ; after {Q}'s gift || {p} borrows {n} {o} from {Q} ; after {Q} helps
  | {Q} brings {h} {n} {o} ; after {Q}'s visit | {p} picks up {n} {o} ; after picking some up
less: {p} gives {n} {o} to {Q} ; after giving {Q} some | {p} sells {n} {o} ; after selling some
  | {p} loses {n} {o} ; after losing some || {p} lends {n} {o} to {Q} ; after lending {Q} some
  | {p} mails {n} {o} to {Q} ; after mailing {Q} some
  | {p} throws away {n} {o} ; after throwing some away
paid: {p} needs {n} {os} in all | {p} wants {n} {os} in all || the goal of {P} is {n} {os}
share: {n} people share all the {os} equally | {p} deals all the {os} out evenly to {n} people
  || all the {os} are divided evenly among {n} people
?product: how many {os} are in {G} || how many {os} do {G} hold
?sum: how many {os} are in {G} together | how many {os} are in {G} in total
  || together, how many {os} do {G} hold
?change: how many more {os} does {P} need || how many {os} is {P} still short of
?share: how many {os} does each person get || how many {os} does every person receive
?diff: how many more {os} are in {A} than in {B} || how many more {os} do {A} hold than {B}

# travel groups kind=vehicles noun=mile item={g}
count: {p} goes by {g} for {n} days at {m} miles a day
  | {p} takes a {g} for {n} days, {m} miles a day
  || {p} travels by {g} for {n} days and makes {m} miles each day
extra: {p} walks {n} {o} ; with the walk | {p} jogs {n} {o} ; with the jog
  | {p} swims {n} {o} ; with the swim || {p} hikes {n} {o} ; with the hike
  | {p} skates {n} {o} ; with the skating | {p} rows {n} {o} ; with the rowing
paid: the whole way is {n} {os} long | the trip is {n} {os} long in all
  || the full route is {n} {os}
?product: how many {os} does {P} go by {G} || how many {os} does {P} travel by {G}
?sum: how many {os} does {P} go by {G} together || how many {os} does {P} travel by {G} in all
?step: how many {os} does {P} cover {after} | {after}, how many {os} does {P} cover
  || how many {os} does {P} make {after}
?last: how many {os} does {P} cover in all || how many {os} does {P} make in all
?change: how many {os} of the way are left || how many {os} does {P} still have to go
?diff: how many more {os} does {P} go by {A} than by {B}
  || how many more {os} does {P} travel by {A} than by {B}

# wages groups like=has kind=places noun=dollar item={g} reserved=yes
count: {p} works {g} for {n} days at {m} dollars a day
  | {p} helps {g} for {n} days and earns {m} dollars each day
extra: {p} gets a tip of {n} {o} ; with the tip | {p} gets a bonus of {n} {o} ; with the bonus
  | {Q} gives {h} {n} {o} ; with {Q}'s gift
less: {p} pays {n} {o} for tools ; after paying for tools
  | {p} spends {n} {o} on meals ; after the meals
  | {p} pays {n} {o} for bus rides ; after the bus rides
paid: {p} needs {n} {os} for a bike | {p} saves for a bike that costs {n} {os}
share: in the end, {p} splits the money evenly into {n} parts
  | in the end, {p} makes {n} equal parts of the money
?product: how many {os} does {P} earn {G}
?sum: how many {os} does {P} earn {G} together | how many {os} does {P} earn {G} in total
?change: how many more {os} does {P} need
?share: how many {os} are in each part
?diff: how many more {os} does {P} earn {A} than {B}

# common base
connect: {} | {} | then {} | next, {} | after that, {} || later, {} | afterwards, {}
aside: {Q} has {n} {os} | it is {n} degrees outside | {Q}'s house is {n} years old
  | {Q} lives {n} miles from the sea | a shop nearby sells {n} kinds of tea
  || {Q}'s street has {n} houses | {Q} sees {n} birds on a roof | the town hall has {n} rooms
"""

Phrasing = tuple[str, str]  # a sentence or question, and the phrase that completes a sub-question


@dataclasses.dataclass(frozen=True)
class Frame:
    """A story frame: the sentences and questions of one kind of story.

    Attributes:
      name: its key in `FRAMES`.
      family: the family of plans it can tell; "base" for lists that frames share.
      lists: role, "?" before a question -> (common, reserved) phrasings.
      kind: key of `NOUNS` for the nouns of its groups or purchases; "" if it has none.
      noun: the noun that is counted; "" for one of the things.
      item: how a group is mentioned, "_" for a blank.
      marks: key of `_MARKS`; "" if the facts may be told in any order without marks.
      limit: values from here on would be odd in this story (ages); 0 for none.
      reserved: whether the whole frame is kept for `test_ood`.
    """

    name: str
    family: str
    lists: dict[str, tuple[tuple[Phrasing, ...], tuple[Phrasing, ...]]]
    kind: str = ""
    noun: str = ""
    item: str = ""
    marks: str = ""
    limit: int = 0
    reserved: bool = False

    def phrasings(self, role: str, ood: bool) -> tuple[Phrasing, ...]:
        """The phrasings of a role that `test_ood` (or the other splits) may use; may be empty."""
        common, reserved = self.lists.get(role, ((), ()))
        if self.reserved:  # its own lists have no reserved part, those it inherits do
            return (reserved or common) if ood else ()
        return reserved if ood else common


def _split(text: str) -> tuple[tuple[Phrasing, ...], tuple[Phrasing, ...]]:
    """Splits "common | common || reserved ; phrase" into its two lists."""
    lists = []
    for part in (text + "||").split("||")[:2]:
        phrasings = [phrasing.partition(";") for phrasing in part.split("|") if phrasing.strip()]
        lists.append(tuple((sentence.strip(), phrase.strip()) for sentence, _, phrase in phrasings))
    return lists[0], lists[1]


def _read(table: str) -> dict[str, Frame]:
    frames: dict[str, Frame] = {}
    for block in table.strip().split("\n\n"):
        header, *lines = block.replace("\n  ", " ").split("\n")
        _, name, family, *settings = header.split()
        fields = dict(setting.split("=") for setting in settings)
        base = fields.pop("like", None)
        lists = dict(frames[base].lists) if base else {}
        lists |= {role: _split(text) for role, _, text in (line.partition(":") for line in lines)}
        limit, reserved = int(fields.pop("limit", 0)), bool(fields.pop("reserved", ""))
        frames[name] = Frame(name, family, lists, limit=limit, reserved=reserved, **fields)
    return frames


_ALL = _read(_TABLE)
FRAMES = {name: frame for name, frame in _ALL.items() if frame.family != "base"}


@dataclasses.dataclass(frozen=True, slots=True)
class Surface:
    """Every choice about the words of a problem.

    Attributes:
      frame: key of `FRAMES`.
      ood: whether the reserved phrasings are used instead of the common ones.
      cast: names, the main person first.
      things: nouns; the first is the one that is counted.
      kinds: nouns of the groups or purchases; empty if the frame has none.
      phrasing: one byte for each place where a phrasing is chosen.
      order: one sort key for each given quantity; empty to tell the facts in solving order.
      asides: irrelevant sentences, as (where: a number reduced to the length of the story, text).
    """

    frame: str
    ood: bool
    cast: tuple[str, ...]
    things: tuple[str, ...]
    kinds: tuple[str, ...]
    phrasing: bytes
    order: bytes = b""
    asides: tuple[tuple[int, str], ...] = ()


# Places in `Surface.phrasing`: roles share the first ones, then come questions and connectives.
_ASK, _CONNECT, _NOUN = 16, 24, 32
N_PHRASING = 40
_ROLES = (
    "start", "gain", "loss", "times", "part", "other", "base", "more", "fewer", "count", "extra",
    "less", "paid", "share",
)  # fmt: skip


@functools.cache
def tellable(skeleton: Skeleton, frames: tuple[str, ...], ood: bool) -> tuple[str, ...]:
    """Those of `frames` that have words for every node of a skeleton."""
    roles = {skeleton.nodes[i].role for i in skeleton.told}
    roles |= {"?" + skeleton.nodes[i].role for i in skeleton.steps}
    fitting = [FRAMES[name] for name in frames if FRAMES[name].family == skeleton.family]
    return tuple(f.name for f in fitting if all(f.phrasings(role, ood) for role in roles))


def aside(choice: int, ood: bool, name: str, thing: str, number: int) -> str:
    """An irrelevant sentence about somebody who is not in the story.

    Args:
      choice: picks the phrasing.
      ood: whether to use the reserved phrasings.
      name: somebody outside the story.
      thing: a noun that the story does not count.
      number: the irrelevant number, 2 or more.
    """
    options = _ALL["common"].lists["aside"][ood]
    words = {"Q": name, "n": number, "os": plural(thing)}
    return _sentence(options[choice % len(options)][0].format_map(words), ".")


def tell(plan: Plan, surface: Surface) -> tuple[str, tuple[Step, ...]]:
    """Tells a plan.

    Args:
      plan: the quantities.
      surface: the words.

    Returns:
      The text of the problem, and its steps in solving order; the last sub-question is the question
      that ends the text.
    """
    teller = _Teller(plan, surface)
    sentences = teller.facts()
    subquestions = teller.subquestions()
    steps = tuple(map(Step, subquestions, plan.equations))
    return " ".join((*sentences, subquestions[-1])), steps


class _Teller:
    def __init__(self, plan: Plan, surface: Surface) -> None:
        self.plan, self.surface = plan, surface
        self.skeleton = plan.skeleton
        self.frame = FRAMES[surface.frame]
        self.marks = _MARKS[self.frame.marks]
        self.looking_back: dict[int, str] = {}  # step -> phrase for its sub-question
        # A noun or a name may only be left out while the sentence before makes it plain.
        self.plain = not surface.order and not surface.asides
        self.noun = self.frame.noun or surface.things[0]
        self.words = {"P": surface.cast[0], "os": plural(self.noun)}

    def facts(self) -> list[str]:
        skeleton, order = self.skeleton, self.surface.order
        units: list[int | str] = list(skeleton.told)
        if order:
            units.sort(key=lambda i: order[i])
        for where, text in self.surface.asides:
            units.insert(where % (len(units) + 1), text)
        # Which phrasing: repeated roles take turns, so that a story does not repeat itself.
        turns: dict[int, int] = {}
        seen: dict[str, int] = {}
        for i in skeleton.told:
            role = skeleton.nodes[i].role
            turns[i] = seen[role] = seen.get(role, -1) + 1
        sentences: list[str] = []
        about = ""  # whom a pronoun would mean
        for unit in units:
            if isinstance(unit, str):
                sentences.append(unit)
                about = ""
            else:
                sentence, about = self._fact(unit, turns[unit], about)
                sentences.append(sentence)
        return sentences

    def _fact(self, i: int, turn: int, about: str) -> tuple[str, str]:
        skeleton, surface = self.skeleton, self.surface
        role, step = skeleton.nodes[i].role, skeleton.step_of[i]
        options = self.frame.phrasings(role, surface.ood)
        template, phrase = options[(surface.phrasing[_ROLES.index(role)] + turn) % len(options)]
        words = self._about(i, step)
        name = surface.cast[0]
        words["p"], words["h"] = PRONOUNS[name] if about == name else (name, name)
        text = template.format_map(words)
        if surface.order:
            mark, back = self.marks[skeleton.told.index(i)]
            if role not in ("other", "paid"):
                text, phrase = mark + text, back or phrase
        elif self.plain and self.frame.family == "chain" and role not in ("start", "other"):
            connect = _ALL["common"].lists["connect"][surface.ood]
            text = connect[surface.phrasing[_CONNECT + step] % len(connect)][0].format(text)
        if phrase and role != "start":
            self.looking_back[step] = phrase.format_map(words)
        # After a sentence that opens with another person, "she" might be either.
        mine = template.startswith(("{p}", "{P}", "there")) or (about and "{Q}" not in template)
        return _sentence(text, "."), name if mine and role != "other" else ""

    def _about(self, i: int, step: int) -> dict[str, object]:
        """The words for a given node and the step that uses it."""
        skeleton, surface, values = self.skeleton, self.surface, self.plan.values
        n = values[i]
        noun = self.noun if n == 1 else self.words["os"]
        words: dict[str, object] = dict(self.words)
        words |= {"n": n, "o": noun, "s": "s" if n == 1 else "", "Q": surface.cast[1 + step]}
        bare = self.plain and surface.phrasing[_NOUN + step] % 4
        words["v"] = "" if bare else f" {noun}"
        used_by = skeleton.steps[step]
        node = skeleton.nodes[used_by]
        if skeleton.family == "compare":
            words["G"] = surface.cast[0 if skeleton.nodes[i].role == "base" else step + 1]
            words["A"] = self._joined(skeleton.covers[node.left])
        elif node.role == "product":
            group = surface.kinds[skeleton.covers[used_by][0]]
            words |= {"g": group.replace("_", " "), "gs": plural(group), "m": values[node.right]}
        elif surface.kinds and skeleton.family == "chain":
            item = surface.kinds[step]
            article = "an" if item[0] in "aeiou" else "a"
            words |= {"i": f"{article} {item}", "j": f"the {item}"}
        if skeleton.family != "groups":
            words["x"] = "twice" if n == 2 else f"{n} times"
            words["f"] = _FRACTIONS[n] if n < len(_FRACTIONS) else ""
        return words

    def _joined(self, entities: tuple[int, ...]) -> str:
        if self.skeleton.family == "compare":
            names = [self.surface.cast[e] for e in entities]
        else:
            kinds = [self.surface.kinds[e] for e in entities]
            item = self.frame.item
            names = [item.format(g=k, gs=plural(k)).replace("_", " ") for k in kinds]
        return " and ".join([", ".join(names[:-1]), names[-1]]) if names[1:] else "".join(names)

    def subquestions(self) -> list[str]:
        skeleton, surface = self.skeleton, self.surface
        questions = []
        for k, i in enumerate(skeleton.steps):
            node = skeleton.nodes[i]
            options = self.frame.phrasings("?" + node.role, surface.ood)
            template = options[surface.phrasing[_ASK + k] % len(options)][0]
            words = self.words | {"Q": surface.cast[1 + k], "after": self.looking_back.get(k, "")}
            if skeleton.family != "chain":
                words["G"] = self._joined(skeleton.covers[i])
                words["A"] = self._joined(skeleton.covers[node.left])
                words["B"] = self._joined(skeleton.covers[node.right])
            questions.append(_sentence(template.format_map(words), "?"))
        return questions


@functools.cache
def plural(noun: str) -> str:
    """The plural of a noun from the tables of this module."""
    if noun == "person":
        return "people"
    if noun[-1] == "y" and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _sentence(text: str, end: str) -> str:
    return text[0].upper() + text[1:] + end
