"""SVAMP: one- and two-operator word problems, learnt from their equations.

  python -m socratic_jax.main --config=configs/svamp.py:tiny --workdir=runs/svamp-tiny \\
      --config.data.dir=DIRECTORY

DIRECTORY holds SVAMP.json of https://github.com/arkilpatel/SVAMP. Gold steps are equations, so they
teach `answer_only` and `cot`; the Socratic strategies need a teacher that writes sub-questions:

  --config.strategies='("answer_only", "cot", "socratic_iterative")' \\
      --config.annotate.socratic.teacher=gemini:gemini-2.5-flash

Of the 700 training problems the last 70 are held out for validation. Problems with two operators are
those with two steps in results_by_steps.csv.
"""

from socratic_jax.config import config_of_size


def get_config(size: str = "tiny"):
    config = config_of_size(size)
    config.data.source = "svamp"
    config.data.dir = "data/svamp"
    config.data.holdout = 70
    config.strategies = ("answer_only", "cot")
    if size == "tiny":
        config.tokenizer.vocab_size = 1024
        config.student.context = config.decode.capacity = 256
    return config
