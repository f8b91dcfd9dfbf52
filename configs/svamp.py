"""SVAMP, in both ways that people use it.

As a data set of its own, 700 problems to learn from and 300 to be scored by:

  python -m socratic_jax.main --config=configs/svamp.py:tiny --workdir=runs/svamp-tiny \\
      --config.data.dir=DIRECTORY

DIRECTORY holds SVAMP.json of https://github.com/arkilpatel/SVAMP. Gold steps are equations, so they
teach `answer_only` and `cot`; the Socratic strategies need a teacher that writes sub-questions:

  --config.strategies='("answer_only", "cot", "socratic_iterative")' \\
      --config.annotate.socratic.teacher=gemini:gemini-2.5-flash

Of the 700 training problems the last 70 are held out for validation. `tiny` takes under 5 minutes on two CPU
cores. Expect, for seed 0 and the 300 test problems, in per cent with 95 % Wilson intervals:

  answer_only  4.7 (2.8 to 7.7)
  cot          5.0 (3.1 to 8.1)

A teacher of our own, without any API: the CoT students of that run explain the training problems, selection
keeps what comes to the right answer, and smaller students learn from what is left:

  python -m socratic_jax.main --config=configs/svamp.py:tiny --workdir=runs/svamp-distilled \\
      --config.data.dir=DIRECTORY --config.strategies='("cot",)' --config.student.size=tiny-0.2m \\
      --config.annotate.cot.teacher=local:runs/svamp-tiny:cot --config.annotate.samples=8 \\
      --config.annotate.rules.arithmetic=False

Expect 5 minutes; of 5,040 samples 400 with the right answer and 366 kept, for 161 of the 630 problems; and
cot 4.0 (2.3 to 6.9). Nearly all equations of this teacher are false, so the rule that checks them is off:
with it no explanation of a validation problem is left, which stops the run.

As its authors meant it, a test set of all 1,000 problems for students of something else, here of GSM8K:

  python -m socratic_jax.main --config=configs/svamp.py:tiny,all --workdir=runs/svamp-all \\
      --config.data.dir=DIRECTORY_OF_GSM8K \\
      --config.evaluate.suites.all.dir=DIRECTORY --config.evaluate.suites.two_operators.dir=DIRECTORY

`two_operators` is the 237 problems whose equation has two operators. results_by_steps.csv counts 236 with
two steps: the equation of chal-680 does not give its official answer, so that problem has no gold steps.
Students of the 700 cannot be scored on `all`: it contains them, and the run is refused.
"""

from socratic_jax.config import config_of_size

WAYS = ("", "all")


def get_config(argument: str = "tiny"):
    size, _, way = argument.partition(",")
    if way not in WAYS:
        raise ValueError(f"unknown way {way!r} to use SVAMP; valid: all, or nothing for 700 and 300 problems")
    config = config_of_size(size)
    if way == "all":
        config.data.source, config.data.dir = "gsm8k", "data/gsm8k"
        config.decode.max_steps = 12
        config.evaluate.suites = {
            split: dict(source="svamp", dir="data/svamp", split=split) for split in ("all", "two_operators")
        }
        return config
    config.data.source = "svamp"
    config.data.dir = "data/svamp"
    config.data.holdout = 70
    config.strategies = ("answer_only", "cot")
    if size == "tiny":
        config.tokenizer.vocab_size = 1024
        config.student.context = config.decode.capacity = 256
    return config
