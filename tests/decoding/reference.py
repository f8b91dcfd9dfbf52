"""The dialogue as a plain Python loop that encodes everything again for every token.

It shares nothing with the engine but the students' forward pass: no cache, no batch, no automaton.
It is what the engine has to agree with.
"""

import jax
import jax.numpy as jnp
import numpy as np

from socratic_jax.students.student import apply
from socratic_jax.transcripts.roles import Role


def logits_after(student, params, tokens: list[int]) -> np.ndarray:
    """Logits of the next token, by a full forward pass at the student's whole context."""
    padded = np.zeros((1, student.context), np.int32)
    padded[0, : len(tokens)] = tokens
    positions = jnp.arange(student.context)[None]
    out = _apply(student, params, padded, positions, jnp.ones_like(positions))
    return np.asarray(out)[0, len(tokens) - 1]


_apply = jax.jit(apply, static_argnums=0)


def plain_dialogue(
    strategy, players, tokenizer, question, capacity, max_steps, given=(), right_side=lambda text: None
):
    """Greedy dialogue of one problem.

    Args:
      strategy: what is played.
      players: for each part, (student, params).
      question: the problem's text.
      capacity, max_steps: limits.
      given: texts of the questions, for strategies that are given them.
      right_side: what the calculator puts in after a turn's text so far; None for nothing.

    Returns:
      (tokens after the opening marker, how it ended).
    """

    def best(role, options):
        part = next(i for i, p in enumerate(strategy.cast) if role in p.speaks)
        student, params = players[part]
        cue = strategy.cast[part]
        opening = tokenizer.cue(cue.name) if cue.cue else tokenizer.marker(Role.PROBLEM)
        logits = logits_after(student, params, [opening, *tokens])
        return max(options, key=lambda token: (logits[token], -token))

    given = list(given)
    tokens = [*tokenizer.encode([question])[0], tokenizer.end]
    text = [t for t in range(tokenizer.size) if t not in tokenizer.special_ids]
    role, steps, forced = Role.PROBLEM, 0, False
    while True:
        options = [tokenizer.marker(r) for r in strategy.grammar[role]]
        if len(options) == 1:
            marker = options[0]
        elif Role.DECISION in strategy.given:
            marker = tokenizer.marker(Role.QUESTION if given else Role.ANSWER)
        else:
            marker = best(Role.DECISION, options)
            if steps >= max_steps and tokenizer.marker(Role.ANSWER) in options:
                forced |= marker != tokenizer.marker(Role.ANSWER)
                marker = tokenizer.marker(Role.ANSWER)
        tokens.append(marker)
        role = next(r for r in strategy.roles if tokenizer.marker(r) == marker)
        steps += role == Role.SOLUTION
        script = None
        if role in strategy.given:
            script = [*tokenizer.encode([given.pop(0)])[0], tokenizer.end]
        start, forced_text = len(tokens), []
        while tokens[-1] != tokenizer.end:
            if len(tokens) + 1 >= capacity:
                return tokens, "token_limit"
            if forced_text:
                tokens.append(forced_text.pop(0))
                continue
            tokens.append(script.pop(0) if script else best(role, [*text, tokenizer.end]))
            if script is None and tokenizer.decode(tokens[-1:]).endswith("="):
                value = right_side(tokenizer.decode(tokens[start:]))
                forced_text = list(tokenizer.encode([value])[0]) if value else []
        if role == Role.ANSWER:
            return tokens, "step_limit" if forced else "answered"
        if len(tokens) + 1 >= capacity:
            return tokens, "token_limit"
