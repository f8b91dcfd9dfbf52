# %% [markdown]
# # 4. A scaling study
#
# Sizes x strategies x seeds: every size and seed is a run in a workdir of its own, with all strategies in
# it. The stages skip what is finished, so the study can be stopped, continued, and made larger. At the end
# there are one table and one plot. At the settings below the study is a demonstration: the students train
# for a few steps on easy problems, and one seed shows nothing of the spread between seeds.

# %% include install

# %%
import collections

import jax
import rich
from matplotlib import pyplot

from socratic_jax import stages
from socratic_jax.accounting import by_phase
from socratic_jax.config import default_config
from socratic_jax.evaluation import results
from socratic_jax.evaluation.predictions import Prediction
from socratic_jax.problems import jsonl
from socratic_jax.reporting import tables
from socratic_jax.reporting.plots import COLORS as PALETTE
from socratic_jax.run import Run

# %% [markdown]
# ## Settings
#
# All of them. The values are for two CPU cores. On Colab's T4 or TPU v5e-1 (not measured) try `SIZES =
# ("tiny-0.8m", "tiny-3m", "tiny-10m", "tiny-30m")`, all four strategies, `SEEDS = (0, 1, 2)`, `STEPS =
# 3000` and `BATCH_SIZE = 64` on `LEVEL = "medium"` with `CONTEXT = 512`; keep the workdir on a mounted
# drive.

# %% [parameters]
SIZES = ("tiny-0.2m", "tiny-0.8m")  # See socratic_jax/students/sizes.py.
STRATEGIES = ("answer_only", "cot")  # Also "socratic_unified", "socratic_iterative", "socratic_shared", ...
SEEDS = (0,)
LEVEL = "chain2to4"  # Of the generated problems.
TRAIN_PROBLEMS = 20_000
VALIDATION_PROBLEMS = 500
TEST_PROBLEMS = 300
CONTEXT = 160  # Tokens of a packed row, and of a prompt with its solution.
STEPS = 300  # The same for all students.
BATCH_SIZE = 8  # Packed rows of a step.
LEARNING_RATE = 5e-3
UNROLL = 3  # Layers in one iteration of the scan; on accelerators 1 compiles faster.
CPU_DEVICES = 2  # Parts that a CPU is split into; has no effect elsewhere.
WORKDIR = (
    "runs/notebook4"  # Runs go into WORKDIR/SIZE-seedN. Choose another one when you change what they share.
)

# %% include show
from show import log_to_notebook  # noqa: E402

# %% [markdown]
# ## The runs


# %%
def study(size, seed):
    """One run: all strategies with students of one size and one seed."""
    config = default_config()
    config.seed = seed
    config.strategies = STRATEGIES
    config.data.options = dict(level=LEVEL)
    config.data.train_limit, config.data.validation_limit = TRAIN_PROBLEMS, VALIDATION_PROBLEMS
    config.student.size, config.student.unroll = size, UNROLL
    config.student.context = config.decode.capacity = CONTEXT
    config.train.steps, config.train.batch_size = STEPS, BATCH_SIZE
    config.train.optimizer, config.train.learning_rate = "muon", LEARNING_RATE
    config.train.warmup = min(50, STEPS // 4)
    config.train.checkpoint_every = max(STEPS // 2, 1)
    config.evaluate.suites = dict(test=dict(split="test", limit=TEST_PROBLEMS))
    config.evaluate.oracles = False
    config.cpu_devices = CPU_DEVICES
    run = Run(config, f"{WORKDIR}/{size}-seed{seed}")
    for stage in (stages.annotate, stages.train, stages.evaluate):
        stage(run)
    run.clock.flush()
    return run


log_to_notebook()
runs = {}
for size in SIZES:
    for seed in SEEDS:
        print(f"== {size}, seed {seed}")
        runs[size, seed] = study(size, seed)

# %% [markdown]
# A second time, everything is found to be finished.

# %%
again = study(SIZES[0], SEEDS[0])

# %% [markdown]
# ## The table
#
# Accuracies with their 95 % Wilson intervals, which hold for these students and say nothing of other seeds.
# A size's parameters are all that are trained, embeddings included.

# %%
rows, predictions, parameters = [], {}, {}
for (size, seed), run in runs.items():
    shapes = jax.eval_shape(run.student.init, jax.random.key(0))
    parameters[size] = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    for s in run.strategies:
        records = jsonl.read_records(run.workdir.predictions("test", s.name))
        found = predictions[size, seed, s.name] = [Prediction.from_dict(record) for _, record in records]
        labels = dict(suite="test", split="test", strategy=s.name, size=size, seed=seed, oracle=s.oracle)
        rows.append(results.summarise(found, **labels))
for size in SIZES:
    print(f"{size}: {parameters[size]:,} parameters")
    for seed in SEEDS:
        rich.print(tables.accuracy_table([row for row in rows if (row.size, row.seed) == (size, seed)]))

# %% [markdown]
# The same students on the same problems, two strategies at a time.

# %%
for (size, seed), run in runs.items():
    mine = {s.name: predictions[size, seed, s.name] for s in run.strategies}
    if len(mine) > 1:
        print(f"{size}, seed {seed}")
        rich.print(tables.paired_table(results.paired("test", mine)))

# %% [markdown]
# ## Accuracy by size
#
# A point is one student with its interval; a line goes through the means over seeds.

# %%
figure, axes = pyplot.subplots(figsize=(7, 4))
for i, name in enumerate(STRATEGIES):
    color = PALETTE[(i + 1) % len(PALETTE)]
    means = collections.defaultdict(list)
    for row in (row for row in rows if row.strategy == name):
        # A little to the side, so that intervals do not hide each other.
        x = parameters[row.size] * (1 + 0.03 * (i - (len(STRATEGIES) - 1) / 2))
        error = [[100 * (row.accuracy - row.low)], [100 * (row.high - row.accuracy)]]
        axes.errorbar(x, 100 * row.accuracy, yerr=error, fmt="o", capsize=3, color=color)
        means[x].append(100 * row.accuracy)
    axes.plot(list(means), [sum(group) / len(group) for group in means.values()], color=color, label=name)
axes.set_xscale("log")
axes.set_xticks([parameters[size] for size in SIZES], [f"{size}\n{parameters[size]:,}" for size in SIZES])
axes.minorticks_off()
axes.set_xlabel("student, parameters")
axes.set_ylabel("accuracy, % (95 % interval)")
axes.set_ylim(-2, 105)
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
pyplot.show()

# %% [markdown]
# Seconds of each run by phase, over all attempts.

# %%
for (size, seed), run in runs.items():
    phases = {name: value for name, value in by_phase(run.clock.attempts).items() if name != "other"}
    print(f"{size}, seed {seed}: ", ", ".join(f"{name} {value:.1f}" for name, value in phases.items()))
