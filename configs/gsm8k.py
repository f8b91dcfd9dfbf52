"""GSM8K: students of any size on human steps and OpenAI's Socratic sub-questions.

  python -m socratic_jax.main --config=configs/gsm8k.py:tiny --workdir=runs/gsm8k-tiny \
      --config.data.dir=DIRECTORY

DIRECTORY holds train.jsonl, test.jsonl, train_socratic.jsonl and test_socratic.jsonl of
https://github.com/openai/grade-school-math (grade_school_math/data).

Other suites can be scored as well, by their sources (problems/sources.py); MultiArith, SingleEq and AddSub
are the mawps*.jsonl of https://github.com/reasoning-machines/pal (datasets):

  --config.evaluate.suites="{'test': {}, 'multiarith': {'source': 'multiarith', 'dir': 'data/suites'},
      'svamp': {'source': 'svamp', 'split': 'all', 'dir': 'data/svamp'}, 'mine': {'source': 'mine.jsonl'}}"

`tiny` is 0.8M parameters from scratch, 400 steps. From an empty workdir to the page it took 28 min 34 s on
two CPU cores, with light work beside: 19 minutes of training, 7 of decoding.

Expect, for seed 0 and the 1,319 test problems, in per cent with 95 % Wilson intervals:

  answer_only         2.4 (1.7 to 3.3)
  cot                 0.6 (0.3 to 1.2), 83 % of the dialogues cut off
  socratic_unified    0.4 (0.2 to 0.9), 90 %
  socratic_iterative  0.2 (0.1 to 0.7), 89 %
  oracle_questions    0.4 (0.2 to 0.9), 87 %

Such a student has learnt to write like GSM8K, not to solve it: most of its dialogues repeat themselves
until they are cut off, and a bare answer is right as often as a frequent number is. The GPT-2 sizes have not
been run yet. They are scored with and without the calculator, which `tiny` is not, to save time.
"""

from socratic_jax.config import config_of_size


def get_config(size: str = "tiny"):
    config = config_of_size(size)
    config.data.source = "gsm8k"
    config.data.dir = "data/gsm8k"
    config.decode.max_steps = 12  # The longest test problem takes 11.
    if size == "tiny":
        config.decode.capacity = 384  # What has not ended by then repeats itself.
    else:
        config.evaluate.variants = dict(calculator=dict(calculator=True))
    return config
