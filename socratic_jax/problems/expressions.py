"""Exact arithmetic on text.

Explanations are full of equations, "48/2 = 24", that somebody has to compute (a calculator that
helps a student) or to check (a filter on what a teacher wrote). Floating point would call
0.1+0.2=0.3 wrong, and `eval` on text that a language model wrote is no option, so this is a small
parser over fractions, with bounds that no text can make slow.
"""

import functools
import itertools
import re
from collections.abc import Callable
from fractions import Fraction

MAX_LENGTH = 400  # characters of an expression
MAX_DIGITS = 40  # digits of one number
MAX_TOKENS = 100  # numbers and operators on one side of an equation in free text
MAX_DEPTH = 40  # parentheses and signs within one another
MAX_PLACES = 12  # decimal places; a longer terminating decimal is written as a fraction


class ExpressionError(ValueError):
    """Text that is not an arithmetic expression; the message is one line and quotes it."""


# One alternative a kind of token. "x" is a multiplication sign only as a letter on its own.
_TOKENS = re.compile(
    r"""
    (?P<number> (?: [0-9]{1,3}(?:,[0-9]{3})+(?![0-9]) | [0-9]+ ) (?:\.[0-9]+)? | \.[0-9]+ )
  | (?P<op> // | [-+*/×·⋅∙÷−–] | (?<![A-Za-z])[xX](?![A-Za-z]) )
  | (?P<open> \( ) | (?P<close> \) ) | (?P<percent> % ) | (?P<money> [$€£] )
  | (?P<relation> [=!<>~]= | =[=>] ) | (?P<equals> = )
  | (?P<word> [^\W\d_]+ ) | (?P<space> \s+ ) | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = dict.fromkeys("*xX×·⋅∙", "*") | dict.fromkeys("/÷", "/") | dict.fromkeys("-−–", "-")
_OPERATORS |= {"+": "+", "//": "//"}
_EXPRESSION_KINDS = frozenset({"number", "op", "open", "close", "percent", "money"})
_Token = tuple[str, str, int, int]  # kind, text, start, end

_ANNOTATION = re.compile(r"<<([^<>]*)>>")
_LITERAL = re.compile(r"[-−–]?\s*[$€£]?\s*[-−–]?\s*[0-9,]*(?:\.([0-9]+))?\s*[$€£]?\s*(%?)")
# Bold markers, list markers and LaTeX around an equation; blanked, so that positions stay.
_MARKUP = re.compile(r"(?<![0-9)])\*\*|\*\*(?![0-9(])|^\s*(?:[-*•]|[0-9]+[.)])(?=\s)|\\[()\[\]]")
_LATEX = (("\\times", "×"), ("\\cdot", "·"), ("\\div", "÷"), ("\\$", "$"), ("\\%", "%"))
# A number after one of these words is not where its expression begins ("half of 20 + 5 = 15").
_CONTINUES = re.compile("of|times|plus|minus|by|than|twice|thrice|half|double|triple|over|squared")
# A number before one of these is not all of the right side ("5 * 200,000 = 1 million").
_SCALES = re.compile("(hundred|thousand|[mbtr]+illion|dozen)s?|pi|k|m|b|x|st|nd|rd|th|and")
_BEFORE = frozenset(".,;:!?\"'“”‘’`([{—>")
_AFTER = frozenset(".,;:!?\"'“”‘’`)]}—<")


def evaluate(text: str) -> Fraction:
    """Computes an arithmetic expression exactly.

    Understood are + - * x × · / ÷, // rounding down (GSM8K's calculator was Python), parentheses,
    signs, decimals (".5"), thousands ("1,200"), percent ("50%" is 1/2) and a currency sign at a
    number ("$5"). Refused is all else, also two numbers side by side ("2(3)", "1 1/2"), powers,
    exponents ("1e3") and a sign after the letter x, which reads as a variable ("2x - 3").

    Args:
      text: the expression, at most 400 characters, numbers of at most 40 digits.

    Returns:
      The value.

    Raises:
      ExpressionError: the text is not an expression, is too large, or divides by zero.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"expression of {len(text)} characters is longer than {MAX_LENGTH}: {text[:20]!r}..."
        )
    try:
        return _Parser(_tokenize(text)).parse()
    except ExpressionError as error:
        raise ExpressionError(f"{error} in the expression {text!r}") from None


def format_number(value: Fraction) -> str:
    """Writes a number in the one way that this package does.

    Args:
      value: any rational number.

    Returns:
      "72", "0.5" where the decimal ends within 12 places, else "a/b" in lowest terms ("-1/3").
      `evaluate` reads it back to the same value.
    """
    value = Fraction(value)
    if value.denominator == 1:
        return str(value.numerator)
    for places in range(1, MAX_PLACES + 1):
        scaled = value * 10**places
        if scaled.denominator == 1:
            digits = str(abs(scaled.numerator)).zfill(places + 1)
            sign = "-" if value < 0 else ""
            return f"{sign}{digits[:-places]}.{digits[-places:]}"
    return f"{value.numerator}/{value.denominator}"


def find_equations(text: str) -> list[tuple[str, str]]:
    """Finds the equations that a text states.

    GSM8K's annotations <<48/2=24>> are taken as they stand. In the text around them an equation
    needs an operator on its left ("x = 5" and "half of 20 = 10" state no arithmetic), and both
    sides must end cleanly: where a side runs into a variable, a unit before an operator, a power
    or a word of scale ("= 1 million"), nothing is returned rather than half of an expression.

    Args:
      text: one or more lines.

    Returns:
      (left, right) in order of appearance, each distinct equation once. In a chain "a = b = c"
      these are (a, b) and (b, c).
    """
    return list(_equations(text))


# The steps of an explanation are looked at several times in a row: read, checked, compared.
@functools.lru_cache(64)
def _equations(text: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[int, str, str]] = []
    for match in _ANNOTATION.finditer(text):
        sides = [side.strip() for side in match[1].split("=")]
        found += [(match.start(), left, right) for left, right in itertools.pairwise(sides) if left and right]
    offset = 0
    # An annotation is blanked to its own length: "48/2 = <<48/2=24>>24" reads "48/2 =      24".
    for line in _ANNOTATION.sub(lambda match: " " * len(match[0]), text).split("\n"):
        found += [(offset + start, left, right) for start, left, right in _in_line(line)]
        offset += len(line) + 1
    found.sort(key=lambda item: item[0])
    unique: dict[str, tuple[str, str]] = {}
    for _, left, right in found:
        # What an annotation repeats of its own sentence is one equation, not two.
        unique.setdefault(_bare(f"{left}={right}"), (left, right))
    return tuple(unique.values())


def equation_holds(left: str, right: str) -> bool:
    """Whether an equation is true.

    Args:
      left: an expression.
      right: an expression. Where it is a single number, the left side may round to it at the
        precision in which it is written ("2/3" is "0.67" and "1", but not "0.66"; halves may go
        up or to even). Where it is a percentage, "1/4" and "1/4*100" are both "25%".

    Returns:
      False also where a side is not an expression or divides by zero.
    """
    try:
        value, target = evaluate(left), evaluate(right)
    except ExpressionError:
        return False
    literal = _LITERAL.fullmatch(right.strip())
    if literal is None:
        return value == target
    places, percent = len(literal[1] or ""), bool(literal[2])
    if not percent:
        return _rounds_to(value, target, places)
    return _rounds_to(value, target, places + 2) or _rounds_to(value, target * 100, places)


def _rounds_to(value: Fraction, target: Fraction, places: int) -> bool:
    gap = abs(value - target) * 10**places * 2
    if gap < 1:
        return True
    if gap > 1:
        return False
    # An exact half. Up (away from zero) is what school does, to even is what printf does.
    rounded = abs(target) * 10**places
    return abs(target) > abs(value) or rounded.numerator % 2 == 0


def _tokenize(text: str) -> list[_Token]:
    return [
        (match.lastgroup, match[0], match.start(), match.end())
        for match in _TOKENS.finditer(text)
        if match.lastgroup != "space"
    ]


class _Parser:
    """Recursive descent over tokens: sum -> product -> operand."""

    def __init__(self, tokens: list[_Token]):
        self.tokens = tokens
        self.next = 0
        self.depth = 0

    def parse(self) -> Fraction:
        value = self.sum()
        if self.next < len(self.tokens):
            raise ExpressionError(f"unexpected {self.tokens[self.next][1]!r}")
        return value

    def accept(self, kind: str, operators: tuple[str, ...] = ()) -> str | None:
        """The text of the next token if it is of this kind, which is then consumed."""
        if self.next >= len(self.tokens):
            return None
        token_kind, text, _, _ = self.tokens[self.next]
        if token_kind != kind or (operators and _OPERATORS[text] not in operators):
            return None
        self.next += 1
        return text

    def sum(self) -> Fraction:
        value = self.product()
        while operator := self.accept("op", ("+", "-")):
            term = self.product()
            value = value + term if operator == "+" else value - term
        return value

    def product(self) -> Fraction:
        value = self.operand()
        while operator := self.accept("op", ("*", "/", "//")):
            if operator in "xX" and self.accept("op", ("+", "-")):
                raise ExpressionError(f"{operator!r} before a sign reads as a variable")
            factor = self.operand()
            if _OPERATORS[operator] == "*":
                value *= factor
            elif factor == 0:
                raise ExpressionError("division by zero")
            else:
                value = value / factor if operator != "//" else Fraction(value // factor)
        return value

    def operand(self) -> Fraction:
        self.accept("money")
        if sign := self.accept("op", ("+", "-")):
            value = self.nested(self.operand)
            return value if sign == "+" else -value
        if number := self.accept("number"):
            digits = number.replace(",", "")
            if len(digits) > MAX_DIGITS:
                raise ExpressionError(f"a number of more than {MAX_DIGITS} digits")
            value = Fraction(digits)
        elif self.accept("open"):
            value = self.nested(self.sum)
            if not self.accept("close"):
                raise ExpressionError("missing ')'")
        elif self.next < len(self.tokens):
            raise ExpressionError(f"unexpected {self.tokens[self.next][1]!r}")
        else:
            raise ExpressionError("a number is missing at the end")
        self.accept("money")
        return value / 100 if self.accept("percent") else value

    def nested(self, rule: Callable[[], Fraction]) -> Fraction:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"more than {MAX_DEPTH} levels of nesting")
        value = rule()
        self.depth -= 1
        return value


def _in_line(line: str) -> list[tuple[int, str, str]]:
    """The equations of one line of free text, with their positions."""
    for latex, sign in _LATEX:
        line = line.replace(latex, sign.rjust(len(latex)))
    line = _MARKUP.sub(lambda match: " " * len(match[0]), line)
    tokens = _tokenize(line)
    found = []
    for middle, token in enumerate(tokens):
        if token[0] != "equals":
            continue
        start, end = _left_start(tokens, middle), _right_end(tokens, middle + 1)
        if start is not None and end is not None:
            left, right = tokens[start:middle], tokens[middle + 1 : end]
            found.append((left[0][2], _source(line, left), _source(line, right)))
    return found


def _left_start(tokens: list[_Token], middle: int) -> int | None:
    """Where the longest expression begins that ends just before `middle`; None if unclean."""
    start = middle
    while start > max(0, middle - MAX_TOKENS) and tokens[start - 1][0] in _EXPRESSION_KINDS:
        start -= 1
    while start < middle and not _parses(tokens[start:middle]):
        start += 1
    if not any(kind == "op" for kind, *_ in tokens[start + 1 : middle]):
        return None
    _, text, begin, end = tokens[start]
    if text == "+" or (_OPERATORS.get(text) == "-" and tokens[start + 1][2] > end):
        return None  # "apples - 5 + 3": an operator whose left side is not a number
    if start == 0:
        return start
    kind, text, _, end = tokens[start - 1]
    if kind == "word":
        return None if end == begin or _CONTINUES.fullmatch(text.lower()) else start
    if text in ".," and end == begin:
        return None  # "16,0000/10": half of a number that is none
    if text == "(" and start > 1 and tokens[start - 2][0] == "op":
        return None  # "100+(100*(10/100) =": the rest of the left side is out of reach
    return start if kind == "equals" or text in _BEFORE else None


def _right_end(tokens: list[_Token], start: int) -> int | None:
    """Where the longest expression ends that begins at `start`; None if unclean."""
    end, limit = start, min(len(tokens), start + MAX_TOKENS)
    while end < limit and tokens[end][0] in _EXPRESSION_KINDS:
        end += 1
    while end > start and not _parses(tokens[start:end]):
        end -= 1
    if end == start:
        return None
    if end == len(tokens):
        return end
    kind, text, begin, _ = tokens[end]
    following = tokens[end + 1] if end + 1 < len(tokens) else ("end", "", -1, -1)
    if kind == "word":
        attached = begin == tokens[end - 1][3]
        return None if _SCALES.fullmatch(text.lower()) or (attached and len(text) == 1) else end
    if text == "/":
        # A unit, "= $3.00/gallon", but not a variable, "= 24/Y".
        return end if following[0] == "word" and len(following[1]) > 1 else None
    if text == ":" and following[0] == "number" and following[2] == begin + 1:
        return None  # a time or a ratio
    return end if kind == "equals" or text in _AFTER else None


def _parses(tokens: list[_Token]) -> bool:
    try:
        _Parser(tokens).parse()
    except ExpressionError:
        return False
    return True


def _source(line: str, tokens: list[_Token]) -> str:
    return " ".join(line[tokens[0][2] : tokens[-1][3]].split())


def _bare(expression: str) -> str:
    return "".join(_OPERATORS.get(char, char) for char in re.sub(r"[\s$€£,]", "", expression))
