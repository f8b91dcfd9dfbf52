"""Transcripts in progress, as arrays: what the decoder's functions take and give.

Shapes: B rows, S slots of a row (tokens of prompt and output together), G script slots, F slots of what the
calculator puts in, R prompts of N tokens.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

from socratic_jax.decoding.grammar import DONE


class Rows(NamedTuple):
    """Everything that a batch of transcripts in progress consists of.

    Attributes:
      tokens_BxS: int32, the transcripts so far.
      lengths_B: int32, how much of them there is.
      phases_B: int32, see grammar.py.
      steps_B: int32, solutions begun.
      closed_B: bool, the step limit cut the dialogue short and forced the answer.
      script_BxG: int32, tokens that are given from outside, in the order of their use.
      cursor_B: int32, how much of the script has been used.
      keys_B: one random key a row.
      open_B: bool, inside of an annotation; see calculator.py.
      waiting_B: bool, for what the calculator puts in; such a row stands still.
      forced_BxF: int32, what it put in, at the right end.
      pending_B: int32, how much of it is not written yet.
      hidden: for each part, hidden states BxD at the last token.
      states: for each part, its student's decoding state. They have room for as many tokens of a row as their
        reach says, which may be less than the capacity: a step costs as much as the states that it reads.
    """

    tokens_BxS: jax.Array
    lengths_B: jax.Array
    phases_B: jax.Array
    steps_B: jax.Array
    closed_B: jax.Array
    script_BxG: jax.Array
    cursor_B: jax.Array
    keys_B: jax.Array
    open_B: jax.Array
    waiting_B: jax.Array
    forced_BxF: jax.Array
    pending_B: jax.Array
    hidden: tuple[jax.Array, ...]
    states: tuple[Any, ...]

    @property
    def running_B(self) -> jax.Array:
        return (self.phases_B != DONE) & (self.lengths_B < self.tokens_BxS.shape[1]) & ~self.waiting_B


class Prompts(NamedTuple):
    """Prompts that were read.

    Attributes:
      tokens_RxN, lengths_R: int32, the prompts, padded on the right.
      hidden: for each part, hidden states RxD at the last token.
      states: for each part, its student's state, with room for N tokens.
    """

    tokens_RxN: jax.Array
    lengths_R: jax.Array
    hidden: tuple[jax.Array, ...]
    states: tuple[Any, ...]


class Written(NamedTuple):
    """What the host wants to know of `Rows`."""

    tokens_BxS: np.ndarray
    lengths_B: np.ndarray
    phases_B: np.ndarray
    closed_B: np.ndarray
    waiting_B: np.ndarray
