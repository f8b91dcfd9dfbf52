"""Four ways of teaching a 0.2M parameter GPT-2 to reason, compared on generated problems."""

from socratic_jax.config import default_config


def get_config(mode: str = ""):
    config = default_config()
    config.cpu_devices = 2
    config.data.options = dict(level="chain2to4")
    config.data.train_limit = 30_000
    config.student.context = 160
    config.student.unroll = 3
    config.train.batch_size = 16
    config.train.steps = 3000
    config.train.learning_rate = 5e-3
    config.train.checkpoint_every = 1000
    config.evaluate.suites = dict(test=dict(split="test", limit=1000))
    config.decode.capacity = 160
    config.decode.slots = 128
    if mode == "smoke":
        config.data.train_limit = 2_000
        config.train.steps = 60
        config.train.checkpoint_every = 30
        config.evaluate.suites = dict(test=dict(split="test", limit=100))
    elif mode:
        raise ValueError(f"unknown mode {mode!r}; valid: smoke, or nothing")
    return config
