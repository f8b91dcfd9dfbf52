"""Problems in, finished dialogues out: what evaluation and teachers call."""

import dataclasses
import functools
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from socratic_jax.decoding.calculator import forced_tokens
from socratic_jax.decoding.engine import Engine, prepare
from socratic_jax.decoding.grammar import DONE, compile_grammar, parse_turns
from socratic_jax.decoding.queue import Request, Transcript, decode
from socratic_jax.transcripts.examples import opening
from socratic_jax.transcripts.roles import Role, Turn
from socratic_jax.transcripts.strategies import Strategy
from socratic_jax.transcripts.tokenizer import Tokenizer

# How a dialogue can end.
ANSWERED = "answered"
STEP_LIMIT = "step_limit"  # Answered, but only since the answer was forced after the last step.
TOKEN_LIMIT = "token_limit"  # Cut off in the middle: there is no answer.
PROMPT_TOO_LONG = "prompt_too_long"  # Nothing was written.
STATUSES = (ANSWERED, STEP_LIMIT, TOKEN_LIMIT, PROMPT_TOO_LONG)

GROUP = 8  # Prompts for each slot that are decoded, and given out, as one.


@dataclasses.dataclass(frozen=True)
class Prompt:
    """What a dialogue starts from.

    Attributes:
      index: names the row for the random key: the same index gives the same samples whatever else
        is in the batch.
      question: the problem's text.
      given: turns put in from outside, for strategies whose questions are given.
    """

    index: int
    question: str
    given: tuple[Turn, ...] = ()


@dataclasses.dataclass(frozen=True)
class Dialogue:
    """A finished transcript.

    Attributes:
      turns: all of them, the problem first; the last may be cut off.
      status: one of `STATUSES`.
      n_tokens: tokens written, markers included and the prompt not.
    """

    turns: tuple[Turn, ...]
    status: str
    n_tokens: int

    @property
    def answer(self) -> str | None:
        """The text of the answer turn, None where the dialogue did not get to its end."""
        last = self.turns[-1]
        return last.text if last.role == Role.ANSWER and self.status != TOKEN_LIMIT else None


@dataclasses.dataclass(frozen=True)
class Cast:
    """A strategy with the students that play it.

    Attributes:
      strategy: what is played.
      engine: decodes; `engine.students` has one entry for each part of the strategy.
      params: for each part, the parameters of its student.
      tokenizer: shared by all students of the cast.
    """

    strategy: Strategy
    engine: Engine
    params: tuple[Any, ...]
    tokenizer: Tokenizer

    @functools.cached_property
    def weights(self) -> tuple[Any, ...]:
        """The parameters as the engine takes them."""
        return prepare(self.engine, self.params)

    def sample(
        self,
        prompts: Sequence[Prompt],
        slots: int,
        seed: int = 0,
        samples: int = 1,
        done: Container[int] = (),
        on_progress: Callable[[int], None] = lambda n: None,
    ) -> Iterator[dict[int, list[Dialogue]]]:
        """Writes dialogues for every prompt.

        Args:
          prompts: in any order.
          slots: rows decoded side by side; see queue.decode.
          seed: of the sampling.
          samples: dialogues of each prompt, which is read once for all of them.
          done: places in `prompts` that need no dialogue. Only whole groups are left out: what is decoded
            side by side does not depend on it, so that solving the rest of the prompts gives the same
            dialogues as solving all.
          on_progress: called with the number of prompts that have just been dealt with.

        Yields:
          Place in `prompts` -> dialogues, of a group of prompts. Dialogue k of a prompt is the same
          however many there are.
        """
        grammar = compile_grammar(self.strategy, self.tokenizer, self.engine.calculator)
        texts = self.tokenizer.encode([prompt.question for prompt in prompts])
        marker = self.tokenizer.marker(Role.PROBLEM)
        starts = [[marker, *text, self.tokenizer.end] for text in texts]
        fitting = [i for i, start in enumerate(starts) if len(start) < self.engine.capacity]
        too_long = set(range(len(prompts))).difference(fitting)
        if too_long:
            yield {
                i: [Dialogue((Turn(Role.PROBLEM, prompts[i].question),), PROMPT_TOO_LONG, 0)] * samples
                for i in too_long
            }
        # Prompts of like lengths share a prompt shape.
        fitting.sort(key=lambda i: (len(starts[i]), i))
        openings = [opening(part, self.tokenizer) for part in self.strategy.cast]
        n = GROUP * slots
        for group in (fitting[i : i + n] for i in range(0, len(fitting), n)):
            if all(i in done for i in group):
                continue
            keys_NxKx2 = _keys(seed, [prompts[i].index for i in group], samples)
            requests = [
                Request(starts[i], self._script(prompts[i].given), keys_Kx2)
                for i, keys_Kx2 in zip(group, keys_NxKx2, strict=True)
            ]
            dialogues = {}
            for batch in decode(
                self.engine, self.weights, grammar, requests, openings, slots,
                functools.partial(forced_tokens, tokenizer=self.tokenizer),
            ):  # fmt: skip
                for k, transcripts in batch.items():
                    dialogues[group[k]] = [self.read(t, len(requests[k].prompt)) for t in transcripts]
                on_progress(len(batch))
            yield dialogues

    def solve_all(self, prompts: Sequence[Prompt], slots: int, seed: int = 0) -> list[Dialogue]:
        """One dialogue for every prompt, in their order."""
        dialogues = {i: d for batch in self.sample(prompts, slots, seed) for i, (d,) in batch.items()}
        return [dialogues[i] for i in range(len(prompts))]

    def _script(self, given: Sequence[Turn]) -> list[int]:
        """Tokens of what is given, as far as nobody else writes them.

        Where the decisions are given too, these are the choice of each turn and, at last, to answer.
        """
        decided = Role.DECISION in self.strategy.given
        script: list[int] = []
        for turn, text in zip(given, self.tokenizer.encode([t.text for t in given]), strict=True):
            script += [self.tokenizer.marker(turn.role)] * decided + [*text, self.tokenizer.end]
        return script + [self.tokenizer.marker(Role.ANSWER)] * decided

    def read(self, transcript: Transcript, n_prompt: int) -> Dialogue:
        """What a decoded transcript says; its first `n_prompt` tokens do not count as written."""
        turns = tuple(
            Turn(role, self.tokenizer.decode(ids).strip())
            for role, ids, _ in parse_turns(transcript.tokens_N, self.tokenizer)
        )
        ended = STEP_LIMIT if transcript.closed else ANSWERED
        status = ended if transcript.phase == DONE else TOKEN_LIMIT
        return Dialogue(turns, status, len(transcript.tokens_N) - n_prompt)


@functools.partial(jax.jit, static_argnums=(0, 2))
def _key_data(seed: int, index_N: jax.Array, samples: int) -> jax.Array:
    def of_prompt(index):
        key = jax.random.fold_in(jax.random.key(seed), index)
        # Numbers that no token's place has; see Engine.step.
        others = jnp.uint32(2**31) + jnp.arange(1, samples, dtype=jnp.uint32)
        more = jax.vmap(jax.random.fold_in, (None, 0))(key, others)
        # The first is the prompt's own key, so that it does not depend on there being more.
        return jnp.concatenate([jax.random.key_data(key)[None], jax.random.key_data(more)])

    return jax.vmap(of_prompt)(index_N)


def _keys(seed: int, index: Sequence[int], samples: int) -> np.ndarray:
    """The data of a random key for every dialogue of every prompt, uint32 (n, samples, 2)."""
    return np.asarray(_key_data(seed, np.array(index, np.uint32), samples))
