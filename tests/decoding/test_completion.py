"""Plain completion against a loop that encodes everything again for every token."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_jax.decoding import completion
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
    for text, (written, ended, n_input, n_output) in zip(texts, found, strict=True):
        assert (written, ended) == _plain(student, params, tokenizer, text)
        assert n_input == len(tokenizer.encode([text])[0]) and n_output <= MAX_TOKENS + 1
    assert len({written for written, *_ in found}) > 1


def test_a_text_without_room_is_not_completed(student, params, tokenizer):
    texts = ["Ann has 1 pen. " * 40, "Ann has"]
    completer = Completer(student, params, tokenizer)
    long, short = completer.complete(texts, np.zeros(2, np.uint32), MAX_TOKENS, slots=2)
    assert long[:2] == ("", False) and long[3] == 0
    assert short[3] > 0


@pytest.mark.parametrize("platform", ["cpu", "tpu"])
def test_a_shared_beginning_is_read_once_and_changes_nothing(
    student, params, tokenizer, platform, monkeypatch
):
    decoder = student.decoder(platform)
    monkeypatch.setattr(type(student), "decoder", lambda self, _: decoder)
    monkeypatch.setattr(completion, "LENGTH_MULTIPLE", 16)
    examples = " ".join(problem.question for problem in make_problems(2))[:60]
    texts = [examples + problem.question[:n] for n, problem in zip((5, 9, 14), make_problems(3), strict=True)]
    ids = tokenizer.encode(texts)
    assert completion.shared_tokens(ids) >= 16 and completion.shared_tokens(ids[:1]) == 0
    seeds = np.arange(3, dtype=np.uint32)
    read_once = list(Completer(student, params, tokenizer).complete(texts, seeds, MAX_TOKENS, slots=4))
    monkeypatch.setattr(completion, "shared_tokens", lambda prompts: 0)
    assert read_once == list(
        Completer(student, params, tokenizer).complete(texts, seeds, MAX_TOKENS, slots=4)
    )


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=9), min_size=1, max_size=5))
def test_what_is_shared_is_the_beginning_of_all_and_never_all_of_one(prompts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completion, "LENGTH_MULTIPLE", 1)
        n = completion.shared_tokens(prompts)
    assert len({tuple(prompt[:n]) for prompt in prompts}) == 1
    assert n < min(map(len, prompts))
    longest = len({tuple(prompt[: n + 1]) for prompt in prompts}) > 1 or n + 1 == min(map(len, prompts))
    assert longest or len(prompts) == 1
