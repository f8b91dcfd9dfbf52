"""StrategyQA: yes/no questions, learnt from their decompositions and facts.

  python -m socratic_jax.main --config=configs/strategyqa.py:tiny --workdir=runs/strategyqa-tiny \\
      --config.data.dir=DIRECTORY

DIRECTORY holds train.json and dev.json of https://github.com/eladsegal/strategyqa (data/strategyqa). The
split is 1,832 / 229 / 229 in file order. The report has the commoner training answer beside the accuracies.

Expect of `tiny`, for seed 0 and the 229 test problems, in per cent with 95 % Wilson intervals:

  answer_only         53.3 (46.8 to 59.6): it has learnt to say no
  cot                 38.4 (32.4 to 44.9), 32 % of the dialogues cut off
  socratic_unified     5.7 ( 3.3 to  9.5), 91 %
  socratic_iterative   0.4 ( 0.1 to  2.4), 98 %
  oracle_questions    22.3 (17.4 to 28.1), 53 %
  majority_answer     53.3 (46.8 to 59.6): no

150 steps from nothing teach no facts: nobody beats the commoner answer, and who has to write first repeats
itself until it is cut off. Of the answers that cot gives, 57 % are right. It took 31 minutes on two
busy CPU cores.

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
