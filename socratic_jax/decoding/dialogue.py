"""Problems in, finished dialogues out: what evaluation and teachers call."""

import dataclasses
from collections.abc import Container, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from socratic_jax.decoding.engine import Engine, Written, decode
from socratic_jax.decoding.grammar import DONE, Grammar, compile_grammar, parse_turns
from socratic_jax.sharding import REPLICATED, place
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

PROMPT_MULTIPLE = 32  # Prompts are padded to a multiple of this, to compile few shapes.


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

    def solve(
        self,
        prompts: Sequence[Prompt],
        slots: int,
        seed: int = 0,
        done: Container[int] = (),
    ) -> Iterator[dict[int, Dialogue]]:
        """Writes the dialogue of every prompt.

        Args:
          prompts: in any order.
          slots: rows decoded side by side, rounded up to what the devices share evenly. The last batch
            is filled up with empty rows, so that every batch runs the same program.
          seed: of the sampling.
          done: places in `prompts` that need no dialogue. What shares a batch does not depend on it, so
            that solving the rest of the prompts gives the same dialogues as solving all.

        Yields:
          Place in `prompts` -> dialogue, whenever a batch is finished.
        """
        compiled = compile_grammar(self.strategy, self.tokenizer)
        grammar = Grammar(*place(self.engine.mesh, tuple(compiled), REPLICATED))
        slots = -(-slots // self.engine.shards) * self.engine.shards
        texts = self.tokenizer.encode([prompt.question for prompt in prompts])
        marker = self.tokenizer.marker(Role.PROBLEM)
        openings = [[marker, *text, self.tokenizer.end] for text in texts]
        scripts = [self._script(prompt.given) for prompt in prompts]
        fitting = [i for i, opening_ in enumerate(openings) if len(opening_) < self.engine.capacity]
        too_long = set(range(len(prompts))).difference(fitting)
        if too_long:
            yield {
                i: Dialogue((Turn(Role.PROBLEM, prompts[i].question),), PROMPT_TOO_LONG, 0) for i in too_long
            }
        # Rows of one length finish together and share a prompt shape.
        fitting.sort(key=lambda i: (len(openings[i]) + len(scripts[i]), i))
        G = max([1, *map(len, scripts)])
        for batch in (fitting[i : i + slots] for i in range(0, len(fitting), slots)):
            if all(i in done for i in batch):
                continue
            written = self._decode(
                grammar, [openings[i] for i in batch], [scripts[i] for i in batch], G,
                [prompts[i].index for i in batch], slots, seed,
            )  # fmt: skip
            dialogues = self._read(written, [len(openings[i]) for i in batch])
            yield dict(zip(batch, dialogues, strict=True))

    def solve_all(self, prompts: Sequence[Prompt], slots: int, seed: int = 0) -> list[Dialogue]:
        """The dialogues of all prompts, in their order."""
        dialogues = {i: d for batch in self.solve(prompts, slots, seed) for i, d in batch.items()}
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

    def _decode(self, grammar: Grammar, openings, scripts, G: int, indices, slots: int, seed: int) -> Written:
        longest = max(map(len, openings))
        T = min(-(-longest // PROMPT_MULTIPLE) * PROMPT_MULTIPLE, self.engine.capacity)
        prompts_PxBxT = np.full((len(self.params), slots, T), self.tokenizer.pad, np.int32)
        lengths_B = np.zeros(slots, np.int32)
        script_BxG = np.zeros((slots, G), np.int32)
        index_B = np.zeros(slots, np.uint32)
        for b, (prompt, script, index) in enumerate(zip(openings, scripts, indices, strict=True)):
            prompts_PxBxT[:, b, : len(prompt)] = prompt
            for p, part in enumerate(self.strategy.cast):
                prompts_PxBxT[p, b, 0] = opening(part, self.tokenizer)
            lengths_B[b], index_B[b] = len(prompt), index
            script_BxG[b, : len(script)] = script
        keys_B = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), index_B)
        keys_Bx2 = np.asarray(jax.random.key_data(keys_B))
        return decode(self.engine, self.params, grammar, prompts_PxBxT, lengths_B, script_BxG, keys_Bx2)

    def _read(self, rows: Written, prompt_lengths: Sequence[int]) -> Iterator[Dialogue]:
        for b, n_prompt in enumerate(prompt_lengths):
            tokens = rows.tokens_BxS[b, : rows.lengths_B[b]]
            turns = tuple(
                Turn(role, self.tokenizer.decode(ids).strip())
                for role, ids, _ in parse_turns(tokens, self.tokenizer)
            )
            ended = STEP_LIMIT if rows.closed_B[b] else ANSWERED
            status = ended if rows.phases_B[b] == DONE else TOKEN_LIMIT
            yield Dialogue(turns, status, int(len(tokens) - n_prompt))
