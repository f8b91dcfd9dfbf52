"""StrategyQA: yes/no questions, learnt from their decompositions and facts.

  python -m socratic_jax.main --config=configs/strategyqa.py:tiny --workdir=runs/strategyqa-tiny \\
      --config.data.dir=DIRECTORY

DIRECTORY holds train.json and dev.json of https://github.com/eladsegal/strategyqa (data/strategyqa). The
split is 1,832 / 229 / 229 in file order. The report has the commoner answer beside the accuracies.

The strategy `facts` writes facts in place of steps, people's or a teacher's:

  --config.strategies='("answer_only", "cot", "facts")' \\
      --config.annotate.facts.teacher=gemini:gemini-2.5-flash
"""

from socratic_jax.config import ENDPOINT, config_of_size


def get_config(size: str = "tiny"):
    config = config_of_size(size)
    config.data.source = "strategyqa"
    config.data.dir = "data/strategyqa"
    config.annotate.facts = dict(teacher="gold", prompt="facts", **ENDPOINT)
    if size == "tiny":
        config.train.steps = 150  # Few problems: more passes over them only overfit.
        config.train.checkpoint_every = 50
    return config
