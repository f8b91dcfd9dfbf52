"""The calculator: right-hand sides of GSM8K's annotations, computed instead of guessed.

GSM8K's solutions are annotated for a calculator, "48/2 = <<48/2=24>>24": where a student has written
"<<48/2=", the value is computed exactly and put in (Cobbe et al. 2021, appendix B). On the device only token
classes are looked at, to find the rows that have come to such a place; what is to be put in is computed on
the host, for all of them at once.
"""

import numpy as np

from socratic_jax.problems.expressions import ExpressionError, evaluate, format_number
from socratic_jax.transcripts.tokenizer import Tokenizer

# What a token's text does to an annotation.
OPENS, CLOSES, EQUALS = 1, 2, 3
# The most tokens that are put in at once; longer values are left to the student.
MAX_FORCED = 24


def calculator_table(tokenizer: Tokenizer) -> np.ndarray:
    """For every token, whether it opens an annotation, closes it, or ends in an equals sign. int8 (V,)."""
    table_V = np.zeros(tokenizer.padded_size, np.int8)
    for token in range(tokenizer.size):
        if token in tokenizer.special_ids:
            continue
        text = tokenizer.decode([token])
        if text.endswith("="):
            table_V[token] = EQUALS
        if "<<" in text or ">>" in text:
            table_V[token] = OPENS if text.rfind("<<") > text.rfind(">>") else CLOSES
    return table_V


def right_side(text: str) -> str | None:
    """What follows in an annotation that has come to its equals sign: the value, and ">>".

    Args:
      text: of the turn so far.

    Returns:
      None where nothing is put in: the text is not inside of an annotation that ends in its only equals
      sign, its left side is no expression, or the value has no finite decimal. All annotations of GSM8K's
      training solutions have one.
    """
    _, opened, annotation = text.rpartition("<<")
    if not opened or ">>" in annotation or not annotation.endswith("="):
        return None
    try:
        value = format_number(evaluate(annotation[:-1]))
    except ExpressionError:
        return None
    return None if "/" in value else value + ">>"


def forced_tokens(written: np.ndarray, tokenizer: Tokenizer) -> list[int]:
    """The tokens that are put in after those of a row, [] for none."""
    special = np.isin(written, list(tokenizer.special_ids))
    turn = written[np.flatnonzero(special)[-1] + 1 :] if special.any() else written
    text = right_side(tokenizer.decode(turn))
    (ids,) = tokenizer.encode([text or ""])
    return ids if len(ids) <= MAX_FORCED else []
