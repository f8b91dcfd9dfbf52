"""Trains a tiny student in a workdir given by argument; killed and started again by test_loop.py."""

import logging
import sys

from socratic_jax import stages
from socratic_jax.config import default_config
from socratic_jax.run import Run


def tiny_config(strategy="cot"):
    config = default_config()
    config.strategies = (strategy,)
    config.data.options = {"level": "chain2to4"}
    config.data.train_limit, config.data.validation_limit = 200, 20
    config.student.context = config.decode.capacity = 160
    config.student.dropout = 0.1
    config.train.steps, config.train.batch_size = 24, 4
    config.train.warmup, config.train.log_every, config.train.checkpoint_every = 4, 1, 4
    return config


def train(config, workdir) -> None:
    run = Run(config, str(workdir))
    stages.annotate(run)
    stages.train(run)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    train(tiny_config(), sys.argv[1])
