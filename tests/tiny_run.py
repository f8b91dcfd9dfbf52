"""A whole run in seconds: two students, twenty steps, a few problems. For tests of the command line."""

from socratic_jax.config import default_config


def get_config():
    config = default_config()
    config.strategies = ("socratic_iterative",)
    config.data.options = {"level": "chain2to4"}
    config.data.train_limit, config.data.validation_limit = 300, 20
    config.student.context = 160
    config.train.steps, config.train.batch_size = 20, 8
    config.train.warmup, config.train.log_every, config.train.checkpoint_every = 4, 1, 8
    config.decode.capacity = 160
    config.decode.slots = 8
    # Not a multiple of the slots, nor of any number of devices.
    config.evaluate.suites = {"test": {"split": "test", "limit": 21}}
    return config
