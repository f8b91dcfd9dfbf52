"""GSM8K: students of any size on human steps and OpenAI's Socratic sub-questions.

  python -m socratic_jax.main --config=configs/gsm8k.py:tiny --workdir=runs/gsm8k-tiny \
      --config.data.dir=DIRECTORY

DIRECTORY holds train.jsonl, test.jsonl, train_socratic.jsonl and test_socratic.jsonl of
https://github.com/openai/grade-school-math (grade_school_math/data).
"""

from socratic_jax.config import default_config

GPT2_SIZES = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")


def get_config(size: str = "tiny"):
    config = default_config()
    config.data.source = "gsm8k"
    config.data.dir = "data/gsm8k"
    config.evaluate.suites = dict(test=dict(split="test"))
    config.decode.max_steps = 12  # The longest test problem takes 11.
    if size == "tiny":
        return tiny(config)
    if size in GPT2_SIZES:
        return pretrained(config, size)
    raise ValueError(f"unknown size {size!r}; valid: tiny, {', '.join(GPT2_SIZES)}")


def tiny(config):
    """A student from scratch with a vocabulary of its own, for two CPU cores."""
    config.cpu_devices = 2
    config.tokenizer.vocab_size = 4096
    config.student.size = "tiny-0.8m"
    config.student.context = 512
    config.student.unroll = 4
    config.student.dropout = 0.1
    config.train.steps = 400
    config.train.batch_size = 8
    config.train.learning_rate = 3e-3
    config.train.checkpoint_every = 100
    config.decode.capacity = 512
    config.decode.slots = 128
    return config


def pretrained(config, size):
    """OpenAI's weights, fine-tuned: ten epochs at the settings that are usual for GPT-2."""
    hub = "openai-community/" + size
    config.tokenizer.path = hub
    config.student.size = size
    config.student.weights = hub
    config.student.context = 1024
    config.student.dropout = 0.1
    config.student.remat = size in ("gpt2-large", "gpt2-xl")
    config.train.steps = 2000
    config.train.batch_size = 8
    config.train.learning_rate = 5e-5
    config.train.warmup = 100
    config.train.weight_decay = 0.01
    config.train.b2 = 0.999
    config.train.checkpoint_every = 200
    config.decode.capacity = 768
    config.decode.slots = 128
    return config
