"""Four ways of teaching a 0.2M parameter GPT-2 to reason, compared on generated problems."""

from socratic_jax.config import default_config


def get_config():
    config = default_config()
    config.data.options = dict(level="chain2to4")
    config.data.train_limit = 20_000
    config.student.context = 128
    config.evaluate.suites = dict(test=dict(split="test", limit=500))
    config.decode.capacity = 128
    config.decode.slots = 128
    return config
