"""Dialogues as they are written: one row of the decoder, looked at after every token."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from socratic_jax.decoding.calculator import forced_tokens
from socratic_jax.decoding.dialogue import STEP_LIMIT, TOKEN_LIMIT, Cast, Dialogue
from socratic_jax.decoding.engine import Engine, empty, read, read_prefix, refill, resume
from socratic_jax.decoding.grammar import DONE, Grammar, after, compile_grammar, parse_turns
from socratic_jax.decoding.queue import Transcript, calculate, key_data, padded
from socratic_jax.decoding.rows import Rows
from socratic_jax.transcripts.examples import opening
from socratic_jax.transcripts.roles import Role

# Of a character that is not whole yet.
_UNFINISHED = "\N{REPLACEMENT CHARACTER}"


class ChatError(ValueError):
    """What was asked for cannot be done; the message says why, in one line."""


class Piece(NamedTuple):
    """Some more of a turn.

    Attributes:
      turn: its place in the transcript, where the problem is 0.
      role: the turn's.
      text: what has been added; "" when the turn begins.
    """

    turn: int
    role: Role
    text: str


@functools.partial(jax.jit, static_argnums=0, donate_argnums=3)
def _step(engine: Engine, params, grammar: Grammar, rows: Rows) -> Rows:
    """One more token, in any row as long as the capacity allows."""
    return engine.step(params, grammar, rows)


class Session:
    """A cast, ready to write single dialogues.

    Args:
      cast: its first dialogue of a problem, of index 0 and seed 0, is the one that is written here.

    Raises:
      ChatError: the strategy is given what only a data set can give.
    """

    def __init__(self, cast: Cast):
        if cast.strategy.oracle:
            raise ChatError(f"{cast.strategy.name} is given gold turns, and a problem that is typed has none")
        self.cast = cast
        # One row is not worth spreading over devices.
        self.engine = dataclasses.replace(cast.engine, mesh=None)
        grammar = compile_grammar(cast.strategy, cast.tokenizer, self.engine.calculator)
        self.grammar = Grammar(*map(jnp.asarray, grammar))
        self.speakers = {role: part.name for part in cast.strategy.cast for role in part.speaks}
        self._calculator = functools.partial(forced_tokens, tokenizer=cast.tokenizer)
        no_tokens_Px0 = np.zeros((len(cast.strategy.cast), 0), np.int32)
        self._no_prefix = read_prefix(self.engine, cast.weights, no_tokens_Px0)
        self._key = key_data(jax.random.fold_in(jax.random.key(0), 0))

    def begin(self, problem: str) -> "Talk":
        """A dialogue about a problem, not written yet.

        Raises:
          ChatError: the problem is empty, too long for the students, or no text.
        """
        tokenizer = self.cast.tokenizer
        text = self._encode(problem, "the problem")
        tokens = [tokenizer.marker(Role.PROBLEM), *text, tokenizer.end]
        return Talk(self, self._fitting(tokens, "the problem is"))

    def change(self, talk: "Talk", number: int, question: str) -> "Talk":
        """The dialogue up to one of its questions, which is another one now; not gone on with yet.

        Args:
          talk: stays as it is. Its tokens are kept, not encoded again: asking the same changes nothing.
          number: of the question, from 1.
          question: what is asked instead.

        Raises:
          ChatError: there is no such question, or the new one is empty or too long.
        """
        tokenizer = self.cast.tokenizer
        asked = [turn for turn in talk.turns() if turn.role == Role.QUESTION]
        if not 1 <= number <= len(asked):
            have = f"has {len(asked)}" if asked else "has none"
            raise ChatError(f"there is no sub-question {number}; the dialogue {have}")
        markers = [at for at, token in enumerate(talk.tokens) if token == tokenizer.marker(Role.QUESTION)]
        begins = markers[number - 1] + 1
        if question == asked[number - 1].text and tokenizer.end in talk.tokens[begins:]:
            # A weak student may spell a text with other tokens than the tokenizer does.
            text = talk.tokens[begins : talk.tokens.index(tokenizer.end, begins)]
        else:
            text = self._encode(question, "the new sub-question")
        tokens = [*talk.tokens[:begins], *text, tokenizer.end]
        return Talk(self, self._fitting(tokens, "the dialogue up to the new sub-question is"))

    def ending(self, dialogue: Dialogue) -> str:
        """What is to be said of how a dialogue ended; "" if it came to its answer by itself."""
        return {
            STEP_LIMIT: f"the answer was forced after {self.engine.max_steps} steps (decode.max_steps)",
            TOKEN_LIMIT: f"cut off at {self.engine.capacity} tokens (decode.capacity): there is no answer",
        }.get(dialogue.status, "")

    def _encode(self, text: str, what: str) -> list[int]:
        if not text.strip():
            raise ChatError(f"{what} is empty")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ChatError(f"{what} has half of a character at place {error.start}") from error
        return self.cast.tokenizer.encode([text])[0]

    def _fitting(self, tokens: list[int], what: str) -> list[int]:
        if len(tokens) >= self.engine.capacity:
            raise ChatError(
                f"{what} {len(tokens)} tokens long; with {self.engine.capacity} (decode.capacity) "
                "for all of a dialogue, nothing could follow"
            )
        return tokens

    def rows(self, tokens: list[int]) -> Rows:
        """A batch of one row that has read a transcript, which ends with the end of a turn."""
        prompts_Px1xT = np.zeros(
            (len(self.engine.students), 1, padded(len(tokens), self.engine.capacity)), np.int32
        )
        prompts_Px1xT[:, 0, : len(tokens)] = tokens
        prompts_Px1xT[:, 0, 0] = [opening(part, self.cast.tokenizer) for part in self.cast.strategy.cast]
        lengths_1, at_1x1 = np.full(1, len(tokens), np.int32), np.zeros((1, 1), np.int32)
        rows = empty(self.engine, self.cast.weights, 1, 1)
        script_1x1, key_1x1x2 = np.zeros((1, 1), np.int32), self._key[None, None]
        rows = refill(
            self.engine, self.cast.weights, self._no_prefix, rows,
            at_1x1, prompts_Px1xT, lengths_1, script_1x1, key_1x1x2,
        )  # fmt: skip
        # A prompt is taken for a problem alone; a dialogue that goes on is further.
        roles = [role for role, _, _ in parse_turns(tokens, self.cast.tokenizer)]
        return rows._replace(
            phases_B=jnp.full(1, after(roles[-1]), jnp.int32),
            steps_B=jnp.full(1, roles.count(Role.SOLUTION), jnp.int32),
        )

    def write(self, tokens: list[int]) -> Iterator[Transcript]:
        """Goes on from a transcript, by a token each time. The last is done, or fills the capacity."""
        rows, done = self.rows(tokens), False
        while not done:
            rows = _step(self.engine, self.cast.weights, self.grammar, rows)
            written = read(self.engine, rows)
            if written.waiting_B.any():
                rows = resume(self.engine, rows, *calculate(written, self._calculator))
            n, phase = int(written.lengths_B[0]), int(written.phases_B[0])
            done = phase == DONE or n == self.engine.capacity
            yield Transcript(written.tokens_BxS[0, :n], phase, bool(written.closed_B[0]))


class Talk:
    """One dialogue: what is given of it, then what is written.

    Attributes:
      session: whose cast writes it.
      tokens: all there are so far.
      dialogue: the finished one, None as long as it is not.
    """

    def __init__(self, session: Session, tokens: list[int]):
        self.session = session
        self.tokens = tokens
        self.dialogue: Dialogue | None = None

    def turns(self) -> list[Piece]:
        """The turns so far, each as one piece."""
        cast = self.session.cast
        over = self.dialogue is not None
        return [
            Piece(i, role, _shown(cast.tokenizer.decode(ids), ended or over))
            for i, (role, ids, ended) in enumerate(parse_turns(self.tokens, cast.tokenizer))
        ]

    def write(self) -> Iterator[Piece]:
        """Writes the rest, once. Who stops listening stops it, and what is there stays in `tokens`."""
        tokenizer = self.session.cast.tokenizer
        n_problem = self.tokens.index(tokenizer.end) + 1
        shown = ""
        for transcript in self.session.write(self.tokens):
            self.tokens = transcript.tokens_N.tolist()
            if transcript.phase == DONE or len(self.tokens) == self.session.engine.capacity:
                self.dialogue = self.session.cast.read(transcript, n_problem)
            turn, role, text = self.turns()[-1]
            if self.tokens[-1] == tokenizer.marker(role):
                shown = ""
                yield Piece(turn, role, "")
            elif text != shown:
                yield Piece(turn, role, text[len(shown) :])
                shown = text


def _shown(text: str, ended: bool) -> str:
    """As much of a turn's text as no later token can change."""
    return (text if ended else text.rstrip(_UNFINISHED)).strip()
