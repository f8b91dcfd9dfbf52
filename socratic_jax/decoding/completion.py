"""Plain completion of a text by a language model, with the engine that writes dialogues.

The automaton is the simplest there is: any token may follow any, and the end of text ends a row.
"""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from socratic_jax.decoding.engine import Engine, prepare
from socratic_jax.decoding.grammar import DONE, N_PHASES, Grammar
from socratic_jax.decoding.queue import Request, decode, key_data
from socratic_jax.decoding.sampling import GREEDY, Sampling
from socratic_jax.students.student import Student
from socratic_jax.transcripts.tokenizer import Tokenizer

LENGTH_MULTIPLE = 64  # Rows are as long as their batch needs, rounded up, to compile few shapes.


def completion_grammar(tokenizer: Tokenizer) -> Grammar:
    """All known tokens but the role markers, until the end of text."""
    V = tokenizer.padded_size
    allowed_V = np.arange(V) < tokenizer.size
    allowed_V[list(tokenizer.special_ids)] = False
    allowed_V[tokenizer.pad] = True
    allowed_PxV = np.tile(allowed_V, (N_PHASES, 1))
    class_V = np.zeros(V, np.int32)
    class_V[tokenizer.pad] = 1
    next_PxC = np.tile(np.arange(N_PHASES, dtype=np.int32)[:, None], (1, 8))
    next_PxC[:, 1] = DONE
    no_calculator_V = np.zeros(V, np.int8)
    return Grammar(np.zeros(N_PHASES, np.int32), allowed_PxV, allowed_PxV, class_V, next_PxC, no_calculator_V)


def shared_tokens(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens at their beginning are read once for all of the prompts, such as a few examples: those
    that they have in common, rounded down to compile few shapes, but never all of one."""
    if len(prompts) < 2:
        return 0
    first, last = min(prompts), max(prompts)  # In alphabetical order all others lie between.
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return min(same, min(map(len, prompts)) - 1) // LENGTH_MULTIPLE * LENGTH_MULTIPLE


@dataclasses.dataclass(frozen=True)
class Completer:
    """A language model that completes texts.

    Attributes:
      student, params: the model.
      tokenizer: its tokenizer.
      sampling: how tokens are chosen.
    """

    student: Student
    params: Any
    tokenizer: Tokenizer
    sampling: Sampling = GREEDY

    @functools.cached_property
    def _weights(self) -> tuple[Any, ...]:
        return prepare(Engine((self.student,), self.student.context, 1), (self.params,))

    def complete(
        self, texts: Sequence[str], seeds: np.ndarray, max_tokens: int, slots: int
    ) -> Iterator[tuple[str, bool, int, int]]:
        """Completes texts, in their order.

        Args:
          texts: to go on from.
          seeds: one for each text, uint32.
          max_tokens: of a completion.
          slots: rows side by side.

        Yields:
          (completion, whether the model ended it, tokens read, tokens written). A text that leaves no
          room in the context has an empty completion that the model did not end.
        """
        grammar = completion_grammar(self.tokenizer)
        ids = self.tokenizer.encode(texts)
        keys = key_data(jax.vmap(jax.random.key)(seeds))
        for first in range(0, len(texts), slots):
            batch = ids[first : first + slots]
            longest = max(map(len, batch))
            wanted = -(-(longest + max_tokens) // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
            engine = Engine((self.student,), min(wanted, self.student.context), 1, self.sampling)
            fitting = [b for b, prompt in enumerate(batch) if 0 < len(prompt) < engine.capacity]
            requests = [Request(batch[b], (), keys[first + b][None]) for b in fitting]
            shared = shared_tokens([batch[b] for b in fitting])
            transcripts = {
                fitting[k]: transcript
                for done in decode(engine, self._weights, grammar, requests, [None], slots, shared=shared)
                for k, transcript in done.items()
            }
            for b, prompt in enumerate(batch):
                if b not in transcripts:
                    yield "", False, len(prompt), 0
                    continue
                ((tokens_N, phase, _),) = transcripts[b]
                written = tokens_N[len(prompt) :][:max_tokens]
                ended = phase == DONE and len(written) == len(tokens_N) - len(prompt)
                yield self.tokenizer.decode(written), ended, len(prompt), len(written)
