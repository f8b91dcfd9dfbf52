"""The scaling study: sizes x ways of teaching x seeds (x training problems), as several ladders.

  python -m socratic_jax.study --config=configs/scaling.py:quickstart --workdir=runs/scaling-quickstart
  python -m socratic_jax.study --config=configs/scaling.py:gsm8k-tiny --workdir=runs/scaling-gsm8k \
      --config.run.data.dir=DIRECTORY
  python -m socratic_jax.study --config=configs/scaling.py:gsm8k --workdir=... --config.run.data.dir=DIRECTORY

* `quickstart`: four sizes of small students, three seeds, seven strategies, on generated problems and on
  perturbed ones. Rows of 224 tokens, since perturbed problems are longer. Half the steps of
  configs/quickstart.py, so that sizes differ.
* `quickstart-data`: one of these sizes, taught from fewer problems in as many steps. In the same directory as
  `quickstart` it is on the same page. Run as well: 9 cells, 35 minutes of runs.
* `gsm8k-tiny`: two sizes of small students from scratch, three seeds, on GSM8K: 150 steps, and the first 256
  test problems, with and without the calculator.
* `gsm8k`, `svamp`, `strategyqa`: gpt2, gpt2-medium, gpt2-large and gpt2-xl; they want accelerators. `svamp`
  has no sub-questions, so without a teacher no Socratic strategy is taught; `strategyqa` has `facts` as well.
* `paper`, or `paper,TEACHER`: the rows of Shridhar, Stolfo and Sachan (2023) on GSM8K, in the same sizes. The
  students of a size learn from human steps, from steps that a teacher writes itself, and from the teacher's
  sub-questions for the human steps; everywhere with sub-questions, with guidance too, and without either. The
  teacher is put two prompts and gives four samples of each, once for all cells; --dry_run of
  socratic_jax.main with a cell's settings says what that costs.

One field for all runs is changed by --config.run.field=value; fewer cells by editing the axes below. With
--config.run.evaluate.robustness=200, 200 problems perturbed in each of six ways are scored as well, also of
students that are trained already.

`quickstart` has been run to its end on two CPU cores: 12 cells, 120 students, 184 minutes of runs, two at a
time, with other work beside. Expect, on 1,000 held-out problems, means over three seeds in per cent with 95 %
intervals over seeds and problems (docs/results has all that was scored):

                      tiny-0.02m           tiny-0.04m           tiny-0.08m           tiny-0.2m
  answer_only         10.5 ( 7.9 to  13.3)  9.7 ( 6.7 to  13.0)  9.5 ( 7.5 to  11.8)  9.4 ( 7.8 to  11.1)
  cot                 13.1 (11.2 to  15.1) 20.4 ( 7.1 to  33.0) 75.8 ( 0.0 to 100.0) 92.1 (76.3 to 100.0)
  socratic_unified    10.6 ( 5.7 to  15.9) 15.0 (11.7 to  18.5) 37.3 ( 0.0 to 100.0) 33.2 ( 8.9 to  58.5)
  socratic_iterative  12.9 ( 9.8 to  16.1) 18.7 ( 3.5 to  33.9) 34.5 ( 0.0 to  73.4) 45.0 (20.6 to  71.3)
  socratic_shared      8.0 ( 6.1 to  10.2)  7.7 ( 6.3 to   9.2) 11.1 ( 7.2 to  15.4) 11.4 ( 5.3 to  18.0)
  socratic_guided      8.7 ( 7.3 to  10.4) 11.2 ( 9.0 to  13.7) 14.7 (12.8 to  16.7) 24.5 ( 3.3 to  43.4)
  socratic_weaned      8.7 ( 7.3 to  10.4) 20.9 (18.5 to  23.4) 36.4 (13.6 to  58.9) 42.2 ( 0.0 to  84.5)

and from fewer problems (`quickstart-data`), tiny-0.08m:

                      300                  1,000                5,000
  cot                  5.7 ( 4.3 to   7.2) 33.0 ( 0.0 to  83.5) 71.3 (13.6 to 100.0)
  socratic_unified     6.0 ( 4.7 to   7.6) 12.6 ( 0.0 to  31.5) 21.8 (13.9 to  29.6)
  socratic_iterative   4.9 ( 0.4 to   9.5)  9.3 ( 6.2 to  12.6) 24.4 ( 6.1 to  43.7)

Three seeds say little where seeds differ: the intervals are Student's with two degrees of freedom.

`gsm8k-tiny` has been run to its end in the same way: 6 cells, 174 minutes of runs. Expect 0.0 to 1.7 %
whatever is taught and whatever the size, each interval below 5 %, and 2.0 % for the commonest answer.
"""

from ml_collections import ConfigDict

from configs import gsm8k, quickstart, strategyqa, svamp
from socratic_jax.config import GPT2_SIZES

SEEDS = tuple({"seed": seed} for seed in range(3))
TEACHER = "gemini:gemini-2.5-flash"
PRETRAINED = {"gsm8k": gsm8k, "svamp": svamp, "strategyqa": strategyqa}


def get_config(ladder: str = "quickstart"):
    ladder, _, teacher = ladder.partition(",")
    axes = ()
    if ladder == "quickstart":
        run = _generated()
        run.strategies = (
            *run.strategies, "socratic_shared", "socratic_guided", "socratic_weaned",
        )  # fmt: skip
        run.evaluate.robustness = 100
        values = _sizes("tiny-0.02m", "tiny-0.04m", "tiny-0.08m", "tiny-0.2m")
    elif ladder == "quickstart-data":
        run = _generated()
        run.strategies = ("cot", "socratic_unified", "socratic_iterative")
        values = _sizes("tiny-0.08m")
        axes = (("problems", tuple({"data.train_limit": n} for n in (300, 1_000, 5_000))),)
    elif ladder == "gsm8k-tiny":
        run = gsm8k.get_config("tiny")
        run.train.steps, run.evaluate.suites = 150, dict(test=dict(split="test", limit=256))
        run.evaluate.variants = dict(calculator=dict(calculator=True))
        values = _sizes("tiny-0.2m", "tiny-0.4m")
    elif ladder in PRETRAINED:
        run = PRETRAINED[ladder].get_config("gpt2")
        if ladder == "strategyqa":
            run.strategies = (*run.strategies, "facts")
        values = tuple(_pretrained(PRETRAINED[ladder], size) for size in GPT2_SIZES)
    elif ladder == "paper":
        run = gsm8k.get_config("gpt2")
        run.annotate.n_prompts, run.annotate.samples = 2, 4
        values = tuple(_pretrained(gsm8k, size) for size in GPT2_SIZES)
        axes = (("explained_by", explained_by(teacher or TEACHER)),)
    else:
        valid = ", ".join(("quickstart", "quickstart-data", "gsm8k-tiny", *PRETRAINED, "paper"))
        raise ValueError(f"unknown ladder {ladder!r}; valid: {valid}")
    if teacher and ladder != "paper":
        raise ValueError(f"ladder {ladder!r} asks no teacher, so none is named after it; only 'paper' does")
    return ConfigDict({"run": run, "axes": (("size", values), *axes, ("seed", SEEDS))})


def explained_by(teacher: str) -> tuple[dict[str, object], ...]:
    """The explanations that the paper compares, each with the ways of teaching that learn from it: with
    sub-questions, with guidance too, and the chain of steps that these are compared with."""
    socratic = ("socratic_unified", "socratic_iterative", "socratic_guided")
    theirs = {"annotate.cot.teacher": teacher, "annotate.socratic.teacher": teacher}
    return (
        {"annotate.cot.teacher": "gold", "strategies": ("answer_only", "cot", *socratic)},
        {**theirs, "strategies": ("cot", *socratic)},
        {
            "annotate.socratic.prompt": "socratic_on_steps",
            **theirs,
            "annotate.cot.teacher": "gold",
            "strategies": ("cot", *socratic),
        },
    )


def _generated() -> ConfigDict:
    run = quickstart.get_config()
    run.student.context = run.decode.capacity = 224
    run.train.batch_size, run.train.steps = 12, 800
    return run


def _sizes(*names: str) -> tuple[dict[str, object], ...]:
    return tuple({"student.size": name} for name in names)


def _pretrained(config, size: str) -> dict[str, object]:
    """What a size changes in the config of a data set."""
    student = config.get_config(size)
    return {
        "student.size": size,
        "student.weights": student.student.weights,
        "student.remat": student.student.remat,
        "tokenizer.path": student.tokenizer.path,
    }
