"""Text to ids and back, with markers that no text can forge."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_jax.transcripts.roles import TURN_ROLES
from socratic_jax.transcripts.tokenizer import SPECIALS, load_tokenizer, train_tokenizer

GPT2 = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "gpt2-tokenizer"
TRAINED = train_tokenizer(["Ann has 12 pens. How many pens?", "12+3=15", "12-3=9"] * 5, 280)


@given(st.text())
def test_any_text_comes_back(text):
    (ids,) = TRAINED.encode([text])
    assert TRAINED.decode(ids) == text


@given(st.sampled_from([*SPECIALS, "<|endoftext|>"]), st.text(max_size=5))
def test_text_that_looks_like_a_marker_is_text(special, text):
    (ids,) = TRAINED.encode([text + special + text])
    assert not set(ids) & TRAINED.special_ids
    assert TRAINED.decode(ids) == text + special + text


def test_digits_are_single_tokens():
    (ids,) = TRAINED.encode(["1234567890"])
    assert len(ids) == 10


def test_markers_are_distinct_and_inside_the_padded_vocabulary():
    ids = [TRAINED.marker(role) for role in TURN_ROLES]
    ids += [TRAINED.end, TRAINED.pad, TRAINED.cue("questioner"), TRAINED.cue("answerer")]
    assert len(set(ids)) == len(ids) and max(ids) < TRAINED.size <= TRAINED.padded_size
    assert TRAINED.padded_size % 128 == 0


def test_training_is_deterministic():
    texts = [f"{a} pens and {b} cards" for a in range(20) for b in range(20)]
    a, b = train_tokenizer(texts, 300), train_tokenizer(texts, 300)
    assert a.hf.get_vocab() == b.hf.get_vocab()


def test_saved_tokenizer_loads_the_same_here_and_in_transformers(tmp_path):
    from transformers import AutoTokenizer

    TRAINED.save(tmp_path)
    loaded = load_tokenizer(tmp_path)
    text = "Ann has 12 <|end|> pens"
    assert loaded.encode([text]) == TRAINED.encode([text])
    assert (loaded.end, loaded.size) == (TRAINED.end, TRAINED.size)
    plain = AutoTokenizer.from_pretrained(tmp_path)
    assert plain.convert_tokens_to_ids(list(SPECIALS)) == TRAINED.hf.convert_tokens_to_ids(list(SPECIALS))
    assert plain("12+3<|end|>").input_ids == [*TRAINED.encode(["12+3"])[0], TRAINED.end]


def test_bad_directories_are_named(tmp_path):
    with pytest.raises(ValueError, match="no tokenizer at"):
        load_tokenizer(tmp_path / "nothing")
    with pytest.raises(ValueError, match="vocab_size is 100; bytes alone need 257"):
        train_tokenizer(["a"], 100)


@pytest.mark.skipif(not GPT2.exists(), reason="needs GPT-2's vocabulary beside the repository")
@pytest.mark.parametrize("files", [["tokenizer.json"], ["vocab.json", "merges.txt"]])
def test_gpt2s_vocabulary_gets_its_markers_in_the_padding(tmp_path, files):
    for file in files:
        os.symlink(GPT2 / file, tmp_path / file)
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.size == 50257 + len(SPECIALS) and tokenizer.padded_size == 50304
    assert tokenizer.pad == 50256 and min(tokenizer.marker(role) for role in TURN_ROLES) == 50257
    (ids,) = tokenizer.encode(["Hello world"])
    assert ids == [15496, 995]
