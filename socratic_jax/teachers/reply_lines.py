"""The lines of a reply, freed of decoration, each with the label that it has.

Models are asked for plain lines and answer with Markdown, LaTeX, tables, greetings and offers of more
help. What such a line is (a question, a solution, a step, the final answer) is decided here, line by
line; what the lines are together is decided by `parsing.py`.
"""

import dataclasses
import re


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line of a reply.

    Attributes:
      label: "question", "solution", "step", "fact", "answer" (of a sub-question or of the problem: only
        its place can tell), "final" (of the problem for sure), "problem" (repeated or invented), "number"
        (an item of a numbered list), "bullet", "plain".
      number: the number that it bears; 0 for none.
      text: what is left.
      gap: whether a blank line comes before it.
      sentence: for an "answer" that is a sentence ("So the answer is 24."), all of it; else as `text`.
    """

    label: str
    number: int
    text: str
    gap: bool
    sentence: str = ""

    @property
    def listed(self) -> bool:
        """Whether it opens an item of a list."""
        return self.label in ("step", "fact", "number")


_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"\A.*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"\s*(?:```|~~~)")
# Not "#### 72", which is GSM8K's final answer.
_HEADING = re.compile(
    r"#{1,6}\s+(?!-?[$€£]?[0-9]+(?:[.,/][0-9]+)*%?(?:\s[a-z ]{1,20})?\.?$|(?:yes|no)\.?$)", re.IGNORECASE
)
# Stars of multiplications and powers stay: "(3+4)*2, 5*6", "2**3 + 4**5".
_BOLD = re.compile(r"(?<![0-9)])(\*\*\*|\*\*|__)(?=\S)(.+?)(?<=\S)\1(?![0-9(])")
_ITALIC = re.compile(r"(?<![\w*)\]])\*(?=[^\W\d_]|[\"“])([^*]+?)(?<=[\w.?!:\"”%])\*(?=[\s.,:;!?)]|$)")
_STRAY_BOLD = re.compile(r"^\*\*(?=\S)|(?<=\S)\*\*$")
_RULE = re.compile(r"[-*_=]{3,}")
_TABLE_RULE = re.compile(r"[|\s:-]+")
_MATH = re.compile(r"\$\$|\\[()\[\]]|\\(?:left|right|displaystyle|quad)\b|\\[,;!]")
# Not "$18 an hour, so 8 * $18 = $<<8*18=144>>144": there the dollars are money.
_DOLLAR_MATH = re.compile(r"\$(?=\S)([^$\n]*[=\\][^$\n]*(?<=[\w)}.]))\$(?![0-9<])")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*([^{}]*?)\s*\}\s*\{\s*([^{}]*?)\s*\}")
_MONEY = "\x00"
_TEXT = re.compile(r"\\(?:text|textbf|mathbf|mathrm|boldsymbol)\s*\{([^{}]*)\}")
_LATEX = {"\\times": "*", "\\cdot": "*", "\\div": "/", "\\%": "%", "\\#": "#", "{,}": ","}
_BOXED = re.compile(r"\\f?box(?:ed)?\s*\{([^{}]*)\}")

# "How many? A1: 24" and "How many? -> 24" are two lines, and so is the "How many ** 24" of GSM8K.
_INLINE = re.compile(
    r"(?<=\?)[ \t]*(?:(?:->|→|=>|\|)[ \t]*(?=\S)|[ \t](?=(?:A|Ans|Answer|Solution)\s?[0-9]*\s?:))"
)
_STARS = re.compile(r"(.*[^\s*])\s+\*\*\s+([^\s*].*)")
_POWER = re.compile(r"[0-9)]\s*\*\*\s*[0-9(]")
_LABELS = {
    "question": "q|question|sub-?\\s?question|subq",
    "solution": "a(?=\\s?[0-9:])|s(?=\\s?[0-9])|ans|solution|sub-?\\s?answer|response",
    "answer": "answer",
    "step": "step",
    "fact": "fact",
    "problem": "problem",
}
_LABEL = re.compile(
    r"(?:[-*•]\s+)?(?:"
    + "|".join(f"(?P<{name}>{words})" for name, words in _LABELS.items())
    + r")\s?(?:(?:\#|no\.?\s)?\s?\(?(?P<number>[0-9]{1,2})\)?(?:\.[0-9])?)?\s*"
    r"(?:[:.)\]]+|[-–—](?=\s)|(?<=[0-9])$)\s*(?P<rest>.*)",
    re.IGNORECASE,
)
_FINAL = re.compile(
    r"(?:[-*•]\s+)?(?:(?:so|thus|therefore|hence|in conclusion|finally)\b[,:]?\s+)?"
    r"(?:(?:the|my|our)\s+)?(?P<final>(?:final|correct|numerical|overall)\s+)?(?:answer|(?<=final\s)result)"
    r"(?:\s+to\s+the\s+(?:problem|question))?\s*"
    r"(?P<sign>is\b|=|:|would be\b|must be\b|(?<=final\sanswer)$)\s*:?\s*(?P<rest>.*)",
    re.IGNORECASE,
)
_HASHES = re.compile(r"####\s*(?P<rest>.+)")
_NUMBER = re.compile(r"(?:[-*•]\s+)?\(?(?P<number>[0-9]{1,2})(?:[.):]|\.\))\s+(?P<rest>.*)")
_BULLET = re.compile(r"[-*•–]\s+(?P<rest>.*)")


def lines(reply: str) -> list[Line]:
    """The lines of a reply that are not blank, decoration or thought aloud.

    A model's thoughts in <think> are left out; a reply that ends among them has no lines.
    """
    text = _THOUGHT.sub("", reply.replace("\r\n", "\n").replace("\r", "\n"))
    text = _THOUGHT_END.sub("", text)  # Some servers swallow the opening tag.
    found: list[Line] = []
    gap, last_number = False, 0
    # In a dialogue with stars, "Subtract 15 ** 11x = 286" has no power in it.
    stars = any(_STARS.fullmatch(raw.strip()) and not _POWER.search(raw) for raw in text.split("\n"))
    for raw in text.split("\n"):
        if _FENCE.match(raw) or _RULE.fullmatch(raw.strip()):
            continue
        for part in _parts(_plain(raw), stars):
            if not part.strip():
                gap = True
                continue
            line = _label(_BOXED.sub(r"\1", part).strip(), gap, last_number)
            last_number = line.number or last_number
            if (boxed := _BOXED.search(part)) and line.label not in ("final", "answer"):
                final = Line("final", 0, boxed[1].strip(), gap)
                # "24 + 48 = \\boxed{72}" is a step and the final answer.
                found += [final] if line.text.strip(" .") == final.text else [line, final]
            else:
                found.append(line)
            gap = False
    return found


def _parts(line: str, stars: bool) -> list[str]:
    """A line as the two that it stands for, where it has a sub-question and its solution."""
    if stars and (match := _STARS.fullmatch(line.strip())):
        asked = match[1] if _label(match[1], False, 0).label != "plain" else f"Q: {match[1]}"
        return [asked, f"A: {match[2]}"]
    return _INLINE.sub("\nA: ", line).replace("\nA: A", "\nA").split("\n")


def _plain(raw: str) -> str:
    """A line without Markdown and LaTeX."""
    line = raw.strip().removeprefix(">").strip()
    if line.startswith("|"):
        return _table_row(line)
    line = _HEADING.sub("", line, count=1) if line.startswith("#") else line
    line = _ITALIC.sub(r"\1", _BOLD.sub(r"\2", line).replace("`", ""))
    line = _STRAY_BOLD.sub("", line)
    if "\\" in line or "$" in line:
        line = _TEXT.sub(r"\1", _FRACTION.sub(r"\1/\2", _MATH.sub("", line)))
        # Dollars of money must not pass for those around a formula.
        line = _DOLLAR_MATH.sub(r"\1", line.replace("\\$", _MONEY)).replace(_MONEY, "$")
        for latex, sign in _LATEX.items():
            line = line.replace(latex, sign)
    return re.sub(r"[ \t\u00a0]+", " ", line)


def _table_row(line: str) -> str:
    """A row of a table as a line: "| 1 | How many? | 24 |" as "1. How many? 24"."""
    if _TABLE_RULE.fullmatch(line):
        return ""
    cells = [_plain(cell) for cell in line.strip("|").split("|")]
    if any(cell.lower() in ("question", "sub-question", "answer", "solution", "step") for cell in cells):
        return ""  # the head of the table
    first, *rest = cells
    return f"{first}. {' '.join(rest)}" if first.isdigit() and rest else " ".join(cells)


def _label(text: str, gap: bool, last_number: int) -> Line:
    if match := _HASHES.match(text):
        return Line("final", 0, match["rest"].strip(), gap)
    if match := _FINAL.match(text):
        rest = match["rest"].strip()
        sentence = rest if match["sign"] in (":", "=") else text
        return Line("final" if match["final"] else "answer", 0, rest, gap, sentence)
    if match := _LABEL.match(text):
        label = next(name for name in _LABELS if match[name] is not None)
        number = int(match["number"] or 0)
        if label == "answer" and number:
            label = "solution"
        return Line(label, number, match["rest"].strip(), gap)
    if (match := _NUMBER.match(text)) and int(match["number"]) in (0, 1, last_number + 1):
        return Line("number", int(match["number"]), match["rest"].strip(), gap)
    if match := _BULLET.match(text):
        return Line("bullet", 0, match["rest"].strip(), gap)
    return Line("plain", 0, text, gap)
