"""Four ways of teaching a 0.2M parameter GPT-2 to reason, compared on generated problems.

  make quickstart

or, where everything is installed,

  python -m socratic_jax.main --config=configs/quickstart.py --workdir=runs/quickstart

On two CPU cores (x86-64, f32): 13 minutes from a fresh clone, 1 of them for installing; 2 for each of five
students. Expect, on 1,000 held-out problems, in per cent with 95 % Wilson intervals (seed 0, one run):

  answer_only          9.2   7.6 to 11.2
  cot                 98.1  97.1 to 98.8
  socratic_unified    56.6  53.5 to 59.6
  socratic_iterative  88.2  86.1 to 90.1
  oracle_questions    89.2  87.1 to 91.0   (gold questions put in: an upper bound for the questioner)

How the settings were chosen, by runs of CoT and of the answerer alone: the level is the easiest one whose
test split hardly ever repeats an equation chain. At a learning rate of 1e-2 students end at 7 to 35 % after
1,500 to 3,000 steps; at 5e-3 they learn. In 1,500 steps the Socratic students are still learning to
add, and the ranking then says more about that than about them: their transcripts are longer, so a step of
equal tokens has 19 of their problems and 33 of CoT's.

The argument `smoke` is the same with 60 steps, for tests: nobody learns anything.
"""

from socratic_jax.config import default_config


def get_config(mode: str = ""):
    config = default_config()
    config.cpu_devices = 2
    config.data.options = dict(level="chain2to4")
    config.data.train_limit = 30_000
    config.student.context = 160
    config.student.unroll = 3
    config.train.batch_size = 16
    config.train.steps = 1500
    config.train.optimizer = "muon"
    config.train.learning_rate = 5e-3
    config.train.checkpoint_every = 500
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
