"""GPT-2 weights from and to Hugging Face directories.

Hugging Face's Conv1D stores (in, out), as Flax does, so the only work is stacking layers, giving
fused kernels their factored shape, and the rows of the embedding table: the file has 50,257, the
student a multiple of 128 in which the role markers live.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from etils import epath

from socratic_jax.problems.jsonl import read_object
from socratic_jax.students.gpt2 import GPT2Config, GPT2Student
from socratic_jax.students.student import Params

# Ours -> theirs, without "transformer." and the layer number; blocks are stacked over layers.
BLOCK_NAMES: Mapping[str, str] = {
    "ln_1/scale": "ln_1.weight",
    "ln_1/bias": "ln_1.bias",
    "attn/qkv/kernel": "attn.c_attn.weight",
    "attn/qkv/bias": "attn.c_attn.bias",
    "attn/out/kernel": "attn.c_proj.weight",
    "attn/out/bias": "attn.c_proj.bias",
    "ln_2/scale": "ln_2.weight",
    "ln_2/bias": "ln_2.bias",
    "mlp/up/kernel": "mlp.c_fc.weight",
    "mlp/up/bias": "mlp.c_fc.bias",
    "mlp/down/kernel": "mlp.c_proj.weight",
    "mlp/down/bias": "mlp.c_proj.bias",
}
TOP_NAMES: Mapping[str, str] = {
    "wte/embedding": "wte.weight",
    "wpe/embedding": "wpe.weight",
    "ln_f/scale": "ln_f.weight",
    "ln_f/bias": "ln_f.bias",
}


def find_directory(name_or_path: str) -> epath.Path:
    """A local directory as it is; anything else is downloaded from the hub, weights as safetensors.

    Raises:
      ValueError: it is neither.
    """
    path = epath.Path(name_or_path)
    if path.is_dir():
        return path
    from huggingface_hub import snapshot_download

    try:
        return epath.Path(
            snapshot_download(name_or_path, allow_patterns=["*.json", "*.safetensors", "*.txt"])
        )
    except Exception as error:
        raise ValueError(
            f"no student weights at {name_or_path!r}: not a directory, and the hub says "
            f"{type(error).__name__}"
        ) from error


def pretrained_student(
    name_or_path: str, vocab_size: int, context: int | None = None, **options
) -> GPT2Student:
    """The student of a Hugging Face GPT-2, without its weights.

    Args:
      name_or_path: directory with config.json and *.safetensors, or hub id.
      vocab_size: rows of the embedding table to make, padding included.
      context: sequences to train on; at most the file's. None takes the file's.
      **options: fields of `GPT2Config`: dropout, dtype, remat.

    Raises:
      ValueError: there is no config, or it is of another architecture or smaller.
    """
    directory = find_directory(name_or_path)
    if not (directory / "config.json").exists():
        raise ValueError(f"{directory} has no config.json")
    theirs = read_object(directory / "config.json")
    if theirs.get("model_type") != "gpt2":
        raise ValueError(f"{directory}: model_type is {theirs.get('model_type')!r}; only 'gpt2' is supported")
    if context is not None and context > theirs["n_positions"]:
        raise ValueError(f"context {context} is over the {theirs['n_positions']} positions of {directory}")
    config = GPT2Config(
        vocab_size=vocab_size,
        context=context or theirs["n_positions"],
        L=theirs["n_layer"],
        D=theirs["n_embd"],
        H=theirs["n_head"],
        **options,
    )
    return GPT2Student(config)


def load_student(
    name_or_path: str, vocab_size: int, context: int | None = None, **options
) -> tuple[GPT2Student, Params]:
    """A student with the weights of a Hugging Face GPT-2; see `pretrained_student`.

    New rows of the embedding table start at the mean of the old ones, where they disturb the logits of known
    tokens least.

    Raises:
      ValueError: files or tensors are missing, or of another architecture or shape.
    """
    student = pretrained_student(name_or_path, vocab_size, context, **options)
    return student, to_params(read_tensors(find_directory(name_or_path)), student.config)


def read_tensors(directory: epath.Path) -> dict[str, np.ndarray]:
    """All tensors of a directory's safetensors files, f32, "transformer." taken off their names."""
    from safetensors.numpy import load

    files = sorted(directory.glob("*.safetensors"))
    if not files:
        raise ValueError(f"{directory} has no *.safetensors; convert its weights with save_pretrained first")
    tensors = {}
    for file in files:
        for name, value in load(file.read_bytes()).items():
            tensors[name.removeprefix("transformer.")] = value.astype(np.float32)
    return tensors


def to_params(tensors: Mapping[str, np.ndarray], config: GPT2Config) -> Params:
    """Parameters from tensors by Hugging Face's names."""
    shapes = _shapes(config)

    def take(name: str) -> np.ndarray:
        if name not in tensors:
            raise ValueError(f"the weights have no tensor {name!r}")
        return tensors[name]

    flat: dict[str, np.ndarray] = {}
    for ours, theirs in BLOCK_NAMES.items():
        stacked = np.stack([take(f"h.{layer}.{theirs}") for layer in range(config.L)])
        shape = shapes[f"blocks/{ours}"]
        if stacked.size != np.prod(shape):
            raise ValueError(f"tensor {theirs!r} has shape {stacked.shape[1:]}; {shape[1:]} is needed")
        flat[f"blocks/{ours}"] = stacked.reshape(shape)
    for ours, theirs in TOP_NAMES.items():
        flat[ours] = take(theirs)
    flat["wpe/embedding"] = flat["wpe/embedding"][: config.context]
    rows = flat["wte/embedding"]
    if len(rows) > config.vocab_size:
        raise ValueError(f"the weights have {len(rows)} embedding rows, the tokenizer {config.vocab_size}")
    new = np.repeat(rows.mean(axis=0, keepdims=True), config.vocab_size - len(rows), axis=0)
    flat["wte/embedding"] = np.concatenate([rows, new])
    return _unflatten(flat)


def to_tensors(params: Params, config: GPT2Config) -> dict[str, np.ndarray]:
    """Tensors by Hugging Face's names from parameters; the inverse of `to_params`."""
    flat = _flatten(params)
    D = config.D
    fused = {
        "attn.c_attn.weight": (D, 3 * D),
        "attn.c_attn.bias": (3 * D,),
        "attn.c_proj.weight": (D, D),
    }
    tensors = {}
    for ours, theirs in BLOCK_NAMES.items():
        for layer, value in enumerate(flat[f"blocks/{ours}"]):
            value = value.reshape(fused.get(theirs, value.shape))
            tensors[f"transformer.h.{layer}.{theirs}"] = np.ascontiguousarray(value)
    for ours, theirs in TOP_NAMES.items():
        tensors[f"transformer.{theirs}"] = np.ascontiguousarray(flat[ours])
    return tensors


def save_student(directory: epath.PathLike, student: GPT2Student, params: Params, tokenizer) -> None:
    """Writes a directory that `transformers.AutoModelForCausalLM` and `AutoTokenizer` load.

    The embedding table keeps its padded rows; config.json says so, and the tokenizer names those that
    are role markers. A dialogue ends where `<|end|>` closes the answer, so that is the end token.
    """
    from safetensors.numpy import save

    c = student.config
    directory = epath.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    tensors = save(to_tensors(params, c), metadata={"format": "pt"})
    (directory / "model.safetensors").write_bytes(tensors)
    config: dict[str, Any] = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "n_ctx": c.context,
        "n_positions": c.context,
        "n_embd": c.D,
        "n_head": c.H,
        "n_layer": c.L,
        "vocab_size": c.vocab_size,
        "bos_token_id": tokenizer.pad,
        "eos_token_id": tokenizer.end,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    }
    generation = {
        "bos_token_id": tokenizer.pad,
        "eos_token_id": tokenizer.end,
        "pad_token_id": tokenizer.pad,
        "do_sample": False,
        "max_length": c.context,
    }
    for name, content in (("config.json", config), ("generation_config.json", generation)):
        (directory / name).write_text(json.dumps(content, indent=2) + "\n")
    tokenizer.save(directory)


def _shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    import jax

    shapes = jax.eval_shape(GPT2Student(config).init, jax.random.key(0))
    return {name: leaf.shape for name, leaf in _flatten(shapes, array=False).items()}


def _flatten(params: Params, array: bool = True) -> dict[str, Any]:
    from flax.traverse_util import flatten_dict

    flat = flatten_dict(params, sep="/")
    return {name: np.asarray(x, np.float32) for name, x in flat.items()} if array else flat


def _unflatten(flat: Mapping[str, np.ndarray]) -> Params:
    from flax.traverse_util import unflatten_dict

    return unflatten_dict(dict(flat), sep="/")
