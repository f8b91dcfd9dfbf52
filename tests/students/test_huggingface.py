"""The same weights must give the same numbers as PyTorch's GPT2LMHeadModel."""

import json
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socratic_jax.students.gpt2 import GPT2Config, GPT2Student
from socratic_jax.students.huggingface import load_student, save_student, to_params, to_tensors
from socratic_jax.students.student import apply
from socratic_jax.transcripts.tokenizer import SPECIALS

REFERENCE = Path(__file__).resolve().parents[1] / "data" / "gpt2_reference"


def _logits(student, params, tokens_BxT):
    positions = jnp.broadcast_to(jnp.arange(tokens_BxT.shape[1]), tokens_BxT.shape)
    return np.asarray(apply(student, params, jnp.asarray(tokens_BxT), positions, jnp.ones_like(positions)))


def test_logits_equal_pytorchs_stored_ones():
    stored = np.load(REFERENCE / "reference.npz")
    student, params = load_student(str(REFERENCE), vocab_size=128)
    logits = _logits(student, params, stored["tokens"])[..., :97]
    assert np.abs(logits - stored["logits"]).max() < 1e-4


def test_padded_rows_start_at_the_mean_and_leave_the_others_alone():
    _, params = load_student(str(REFERENCE), vocab_size=128)
    _, small = load_student(str(REFERENCE), vocab_size=97)
    table, rows = params["wte"]["embedding"], small["wte"]["embedding"]
    np.testing.assert_array_equal(table[:97], rows)
    np.testing.assert_allclose(table[97:], np.tile(rows.mean(0), (31, 1)), rtol=1e-6)


def test_there_and_back_is_the_identity():
    config = GPT2Config(vocab_size=128, context=16, L=3, D=24, H=3)
    params = GPT2Student(config).init(jax.random.key(0))
    back = to_params(
        {k.removeprefix("transformer."): v for k, v in to_tensors(params, config).items()}, config
    )
    assert jax.tree.structure(back) == jax.tree.structure(jax.tree.map(np.asarray, params))
    jax.tree.map(np.testing.assert_array_equal, params, back)


def test_saved_student_loads_again(tmp_path, student, params, tokenizer):
    save_student(tmp_path, student, params, tokenizer)
    loaded, loaded_params = load_student(str(tmp_path), student.vocab_size)
    assert loaded.config == student.config
    tokens = np.arange(20)[None] % 97
    np.testing.assert_array_equal(_logits(student, params, tokens), _logits(loaded, loaded_params, tokens))


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        (lambda d: (d / "config.json").unlink(), "has no config.json"),
        (lambda d: (d / "model.safetensors").unlink(), "has no \\*.safetensors"),
        (lambda d: _edit(d, model_type="llama"), "model_type is 'llama'"),
        (lambda d: _edit(d, n_layer=4), "no tensor 'h.3.ln_1.weight'"),
        (lambda d: _edit(d, n_embd=64), "shape \\(32,\\); \\(64,\\) is needed"),
        (lambda d: _edit(d, n_positions=8), "context 16 is over the 8 positions"),
    ],
)
def test_broken_directories_are_named(tmp_path, breaks, message):
    directory = tmp_path / "model"
    shutil.copytree(REFERENCE, directory)
    breaks(directory)
    with pytest.raises(ValueError, match=message):
        load_student(str(directory), vocab_size=128, context=16)


def test_too_small_a_vocabulary_is_refused():
    with pytest.raises(ValueError, match="97 embedding rows, the tokenizer 64"):
        load_student(str(REFERENCE), vocab_size=64)


def _edit(directory, **changes):
    file = directory / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


class TestLive:
    """Against PyTorch itself, where it is installed."""

    @pytest.fixture(autouse=True)
    def torch(self):
        self.torch = pytest.importorskip("torch")

    def test_exported_student_loads_in_transformers_and_agrees(self, tmp_path, student, params, tokenizer):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        save_student(tmp_path, student, params, tokenizer)
        model = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
        loaded = AutoTokenizer.from_pretrained(tmp_path)
        assert [loaded.convert_tokens_to_ids(s) for s in SPECIALS] == [
            tokenizer.hf.convert_tokens_to_ids(s) for s in SPECIALS
        ]
        tokens = np.random.default_rng(0).integers(0, tokenizer.size, (3, 40))
        with self.torch.no_grad():
            theirs = model(self.torch.tensor(tokens)).logits.numpy()
        assert np.abs(_logits(student, params, tokens) - theirs).max() < 1e-4

    def test_random_gpt2_agrees(self, tmp_path):
        from transformers import GPT2Config as TheirConfig
        from transformers import GPT2LMHeadModel

        model = GPT2LMHeadModel(
            TheirConfig(vocab_size=301, n_positions=64, n_embd=64, n_layer=2, n_head=4)
        ).eval()
        model.save_pretrained(tmp_path)
        student, params = load_student(str(tmp_path), vocab_size=384)
        tokens = np.random.default_rng(1).integers(0, 301, (2, 64))
        with self.torch.no_grad():
            theirs = model(self.torch.tensor(tokens)).logits.numpy()
        assert np.abs(_logits(student, params, tokens)[..., :301] - theirs).max() < 1e-4
