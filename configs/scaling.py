"""The scaling study: sizes x ways of teaching x seeds (x training problems), on three ladders.

  python -m socratic_jax.study --config=configs/scaling.py:quickstart --workdir=runs/scaling-quickstart
  python -m socratic_jax.study --config=configs/scaling.py:gsm8k-tiny --workdir=runs/scaling-gsm8k \
      --config.run.data.dir=DIRECTORY
  python -m socratic_jax.study --config=configs/scaling.py:gsm8k --workdir=... --config.run.data.dir=DIRECTORY

* `quickstart`: four sizes of small students, three seeds, all strategies, on generated problems.
* `gsm8k-tiny`: two sizes of small students from scratch, three seeds, on GSM8K.
* `gsm8k`, `svamp`, `strategyqa`: gpt2, gpt2-medium, gpt2-large and gpt2-xl; they want accelerators.

One field for all runs is changed by --config.run.field=value; fewer cells by editing the axes below. With
--config.run.evaluate.robustness=200, 200 problems perturbed in each of six ways are scored as well, also of
students that are trained already. No ladder has been run to its end yet, so there are no numbers to expect.
"""

from ml_collections import ConfigDict

from configs import gsm8k, quickstart, strategyqa, svamp
from socratic_jax.config import GPT2_SIZES

SEEDS = tuple({"seed": seed} for seed in range(3))
PRETRAINED = {"gsm8k": gsm8k, "svamp": svamp, "strategyqa": strategyqa}


def get_config(ladder: str = "quickstart"):
    if ladder == "quickstart":
        run = quickstart.get_config()
        sizes = ("tiny-0.2m", "tiny-0.8m", "tiny-3m", "tiny-10m")
        values = tuple({"student.size": size} for size in sizes)
    elif ladder == "gsm8k-tiny":
        run = gsm8k.get_config("tiny")
        values = tuple({"student.size": size} for size in ("tiny-0.8m", "tiny-3m"))
    elif ladder in PRETRAINED:
        run = PRETRAINED[ladder].get_config("gpt2")
        values = tuple(_pretrained(PRETRAINED[ladder], size) for size in GPT2_SIZES)
    else:
        raise ValueError(f"unknown ladder {ladder!r}; valid: quickstart, gsm8k-tiny, {', '.join(PRETRAINED)}")
    return ConfigDict({"run": run, "axes": (("size", values), ("seed", SEEDS))})


def _pretrained(config, size: str) -> dict[str, object]:
    """What a size changes in the config of a data set."""
    student = config.get_config(size)
    return {
        "student.size": size,
        "student.weights": student.student.weights,
        "student.remat": student.student.remat,
        "tokenizer.path": student.tokenizer.path,
    }
