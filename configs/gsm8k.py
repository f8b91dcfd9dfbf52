"""GSM8K: students of any size on human steps and OpenAI's Socratic sub-questions.

  python -m socratic_jax.main --config=configs/gsm8k.py:tiny --workdir=runs/gsm8k-tiny \
      --config.data.dir=DIRECTORY

DIRECTORY holds train.jsonl, test.jsonl, train_socratic.jsonl and test_socratic.jsonl of
https://github.com/openai/grade-school-math (grade_school_math/data).

Other suites can be scored as well, by their sources (problems/sources.py); MultiArith, SingleEq and AddSub
are the mawps*.jsonl of https://github.com/reasoning-machines/pal (datasets):

  --config.evaluate.suites="{'test': {}, 'multiarith': {'source': 'multiarith', 'dir': 'data/suites'},
      'svamp': {'source': 'svamp', 'split': 'all', 'dir': 'data/svamp'}, 'mine': {'source': 'mine.jsonl'}}"

Neither `tiny` nor the GPT-2 sizes have been run to their end yet, so there are no numbers to expect.
"""

from socratic_jax.config import config_of_size


def get_config(size: str = "tiny"):
    config = config_of_size(size)
    config.data.source = "gsm8k"
    config.data.dir = "data/gsm8k"
    config.decode.max_steps = 12  # The longest test problem takes 11.
    return config
