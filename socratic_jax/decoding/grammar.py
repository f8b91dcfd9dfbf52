"""A strategy as a finite automaton in arrays, so that a dialogue can run inside one jitted loop.

A row is always in a phase: inside a turn of some role, right after such a turn (where the marker of
the next turn is due), or done. The phase says which part's logits count and which tokens may come.
All of it follows from the strategy's grammar; there is no code for any single strategy.
"""

from typing import NamedTuple

import numpy as np

from socratic_jax.decoding.calculator import calculator_table
from socratic_jax.transcripts.roles import TURN_ROLES, Role
from socratic_jax.transcripts.strategies import Strategy
from socratic_jax.transcripts.tokenizer import Tokenizer

N_PHASES = 2 * len(TURN_ROLES)
DONE = 2 * Role.ANSWER + 1  # Right after the answer, nothing follows.
SCRIPT = -1  # The speaker of what is given from outside.


def inside(role: Role) -> int:
    """The phase in which a turn of that role is being written."""
    return 2 * role


def after(role: Role) -> int:
    """The phase in which a turn of that role has just ended."""
    return 2 * role + 1


class Grammar(NamedTuple):
    """The automaton. P phases, V padded vocabulary, C token classes.

    Attributes:
      speaker_P: int32, index of the part that speaks in each phase, or SCRIPT.
      allowed_PxV: bool, which tokens may come.
      closing_PxV: bool, the same once a row has used up its steps: where the answer is one of the
        choices, it is the only one.
      class_V: int32, 0 for text, 1 for the end of a turn, 2 + role for the marker of a role.
      next_PxC: int32, the phase after a token of that class.
      calculator_V: int8, see calculator.py; zeros where there is none.
    """

    speaker_P: np.ndarray
    allowed_PxV: np.ndarray
    closing_PxV: np.ndarray
    class_V: np.ndarray
    next_PxC: np.ndarray
    calculator_V: np.ndarray

    @property
    def bits_V(self):
        """uint32, `allowed_PxV` with a bit for each phase: rows in any phase look a token up at once."""
        return sum(allowed_V.astype("uint32") << phase for phase, allowed_V in enumerate(self.allowed_PxV))


def compile_grammar(strategy: Strategy, tokenizer: Tokenizer, calculator: bool = False) -> Grammar:
    """The automaton of a strategy over a tokenizer's vocabulary."""
    V = tokenizer.padded_size
    speaker_P = np.full(N_PHASES, SCRIPT, np.int32)
    allowed_PxV = np.zeros((N_PHASES, V), bool)
    class_V = np.zeros(V, np.int32)
    next_PxC = np.tile(np.arange(N_PHASES, dtype=np.int32)[:, None], (1, 2 + len(TURN_ROLES)))
    class_V[tokenizer.end] = 1
    for role in TURN_ROLES:
        class_V[tokenizer.marker(role)] = 2 + role
    text_V = np.arange(V) < tokenizer.size
    text_V[list(tokenizer.special_ids)] = False
    speaker_of = {role: i for i, part in enumerate(strategy.cast) for role in part.speaks}
    for role in strategy.roles:
        speaker_P[inside(role)] = speaker_of.get(role, SCRIPT)
        allowed_PxV[inside(role)] = text_V
        allowed_PxV[inside(role), tokenizer.end] = True
        next_PxC[inside(role), 1] = after(role)
    for role, options in strategy.grammar.items():
        speaker_P[after(role)] = speaker_of.get(Role.DECISION, SCRIPT)
        for option in options:
            allowed_PxV[after(role), tokenizer.marker(option)] = True
            next_PxC[after(role), 2 + option] = inside(option)
        if len(options) == 1 and speaker_P[after(role)] == SCRIPT:
            # No choice, nothing to look up in the script: any part's masked logits give the marker.
            speaker_P[after(role)] = 0
    # Done rows idle on a token that no one reads.
    allowed_PxV[DONE, tokenizer.end] = True
    closing_PxV = allowed_PxV.copy()
    for role, options in strategy.grammar.items():
        if Role.ANSWER in options:
            closing_PxV[after(role)] = False
            closing_PxV[after(role), tokenizer.marker(Role.ANSWER)] = True
    calculator_V = calculator_table(tokenizer) if calculator else np.zeros(V, np.int8)
    return Grammar(speaker_P, allowed_PxV, closing_PxV, class_V, next_PxC, calculator_V)


def parse_turns(tokens: np.ndarray, tokenizer: Tokenizer) -> list[tuple[Role, list[int], bool]]:
    """The turns of a token sequence as (role, text ids, whether it came to its end)."""
    role_of = {tokenizer.marker(role): role for role in TURN_ROLES}
    turns: list[tuple[Role, list[int], bool]] = []
    for token in map(int, tokens):
        if token in role_of:
            turns.append((role_of[token], [], False))
        elif not turns or turns[-1][2]:
            # A cue stands where the problem's marker would; it opens the same turn.
            turns.append((Role.PROBLEM, [], False))
        elif token == tokenizer.end:
            turns[-1] = (*turns[-1][:2], True)
        else:
            turns[-1][1].append(token)
    return turns
