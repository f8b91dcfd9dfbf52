"""Plain completion against a loop that encodes everything again for every token."""

import numpy as np

from socratic_jax.decoding.completion import Completer
from tests.conftest import make_problems
from tests.decoding.reference import logits_after

MAX_TOKENS = 12


def _plain(student, params, tokenizer, text):
    tokens = tokenizer.encode([text])[0]
    start = len(tokens)
    words = [t for t in range(tokenizer.size) if t not in tokenizer.special_ids]
    while len(tokens) < start + MAX_TOKENS:
        logits = logits_after(student, params, tokens)
        token = max([*words, tokenizer.pad], key=lambda t: (logits[t], -t))
        if token == tokenizer.pad:
            return tokenizer.decode(tokens[start:]), True
        tokens.append(token)
    return tokenizer.decode(tokens[start:]), False


def test_completion_equals_a_plain_loop(student, params, tokenizer):
    # The end of text is made a little likelier, so that some rows end by themselves.
    table, bias = params["wte"]["embedding"], params["ln_f"]["bias"]
    params = {**params, "ln_f": {**params["ln_f"], "bias": bias + 1.5 * table[tokenizer.pad]}}
    texts = [problem.question[:n] for n, problem in zip(range(10, 40, 6), make_problems(5), strict=True)]
    completer = Completer(student, params, tokenizer)
    found = list(completer.complete(texts, np.arange(5, dtype=np.uint32), MAX_TOKENS, slots=2))
    for text, (completion, ended, n_input, n_output) in zip(texts, found, strict=True):
        assert (completion, ended) == _plain(student, params, tokenizer, text)
        assert n_input == len(tokenizer.encode([text])[0]) and n_output <= MAX_TOKENS + 1
    assert len({completion for completion, *_ in found}) > 1


def test_a_text_without_room_is_not_completed(student, params, tokenizer):
    texts = ["Ann has 1 pen. " * 40, "Ann has"]
    completer = Completer(student, params, tokenizer)
    long, short = completer.complete(texts, np.zeros(2, np.uint32), MAX_TOKENS, slots=2)
    assert long[:2] == ("", False) and long[3] == 0
    assert short[3] > 0
