"""Student sizes by name: GPT-2's own, and a ladder of small ones that train on a CPU."""

from collections.abc import Mapping

from socratic_jax.students.gpt2 import GPT2Config, GPT2Student

# Layers, width, heads. Parameter counts leave the embeddings of the small ones out, since their
# vocabulary is the user's choice.
SIZES: Mapping[str, Mapping[str, int]] = {
    "tiny-0.02m": dict(L=2, D=32, H=2),
    "tiny-0.04m": dict(L=3, D=32, H=2),
    "tiny-0.08m": dict(L=3, D=48, H=3),
    "tiny-0.2m": dict(L=3, D=64, H=4),
    "tiny-0.4m": dict(L=4, D=96, H=4),
    "tiny-0.8m": dict(L=4, D=128, H=4),
    "tiny-3m": dict(L=6, D=192, H=6),
    "tiny-10m": dict(L=6, D=384, H=6),
    "tiny-30m": dict(L=10, D=512, H=8),
    "gpt2": dict(L=12, D=768, H=12),
    "gpt2-medium": dict(L=24, D=1024, H=16),
    "gpt2-large": dict(L=36, D=1280, H=20),
    "gpt2-xl": dict(L=48, D=1600, H=25),
    # As deep and wide as a 7B Llama: nobody's weights, but a program that large meshes have to hold.
    "stress-7b": dict(L=32, D=4096, H=32),
}


def make_student(size: str, vocab_size: int, context: int = 1024, **options) -> GPT2Student:
    """A student of a named size.

    Args:
      size: a key of `SIZES`.
      vocab_size: rows of the embedding table, padding included.
      context: the most tokens that a sequence can have.
      **options: other fields of `GPT2Config`: dropout, dtype, remat.

    Raises:
      ValueError: there is no such size; the message lists the valid ones.
    """
    if size not in SIZES:
        raise ValueError(f"unknown student size {size!r}; valid: {', '.join(SIZES)}")
    return GPT2Student(GPT2Config(vocab_size=vocab_size, context=context, **SIZES[size], **options))
