# %% [markdown]
# # 2. Fine-tune a student
#
# A small GPT-2 learns to write its steps down before it answers (`cot`, chain of thought). The notebook
# trains it with the stages of the library, shows the training curves, compares what it writes before and
# after, and says where the time went. Stages find out what is left to do: run a cell again after an
# interruption and it goes on from the last checkpoint.

# %% include install

# %%
import json

import jax
import rich
from matplotlib import pyplot

from socratic_jax import stages
from socratic_jax.accounting import by_phase
from socratic_jax.config import default_config
from socratic_jax.decoding.dialogue import Cast
from socratic_jax.decoding.engine import Engine
from socratic_jax.evaluation import results
from socratic_jax.evaluation.predictions import Prediction, predict
from socratic_jax.problems import jsonl
from socratic_jax.reporting import tables
from socratic_jax.run import Run, student_name
from socratic_jax.training.metrics import read_metrics
from socratic_jax.transcripts.roles import Turn

# %% [markdown]
# ## Settings
#
# All of them. The values are for two CPU cores. On Colab's T4 or TPU v5e-1 (not measured) try `SIZE =
# "tiny-10m"`, `STEPS = 3000` and `BATCH_SIZE = 64` on `LEVEL = "medium"` with `CONTEXT = 512`. To fine-tune
# OpenAI's weights, set `SIZE = "gpt2"`, `WEIGHTS = TOKENIZER = "openai-community/gpt2"`, `OPTIMIZER =
# "adamw"` and `LEARNING_RATE = 5e-5`.

# %% [parameters]
STRATEGY = (
    "cot"  # Any strategy that is taught: "answer_only", "cot", "socratic_unified", "socratic_iterative", ...
)
LEVEL = "chain2to4"  # Of the generated problems.
TRAIN_PROBLEMS = 20_000
VALIDATION_PROBLEMS = 500
TEST_PROBLEMS = 500
SIZE = "tiny-0.2m"  # See socratic_jax/students/sizes.py.
WEIGHTS = ""  # A Hugging Face directory or hub id to start from; "" starts from nothing.
TOKENIZER = ""  # The same for the tokenizer; "" trains one.
CONTEXT = 160  # Tokens of a packed row, and of a prompt with its solution.
STEPS = 1200
BATCH_SIZE = 16  # Packed rows of a step.
OPTIMIZER = "muon"  # For students from scratch; "adamw" for pretrained ones.
LEARNING_RATE = 5e-3
UNROLL = 3  # Layers in one iteration of the scan; on accelerators 1 compiles faster.
SEED = 0
CPU_DEVICES = 2  # Parts that a CPU is split into; has no effect elsewhere.
WORKDIR = "runs/notebook2"  # A workdir belongs to one setting: choose another one when you change something.

# %% include show
from show import Role, log_to_notebook, show_turns  # noqa: E402

# %% [markdown]
# ## The run
#
# A run is a configuration in its workdir. Every option and its default is in `socratic_jax/config.py`.

# %%
log_to_notebook()
config = default_config()
config.seed = SEED
config.strategies = (STRATEGY,)
config.data.options = dict(level=LEVEL)
config.data.train_limit, config.data.validation_limit = TRAIN_PROBLEMS, VALIDATION_PROBLEMS
config.student.size, config.student.weights, config.tokenizer.path = SIZE, WEIGHTS, TOKENIZER
config.student.context = config.decode.capacity = CONTEXT
config.student.unroll = UNROLL
config.train.steps, config.train.batch_size = STEPS, BATCH_SIZE
config.train.optimizer, config.train.learning_rate = OPTIMIZER, LEARNING_RATE
config.train.warmup = min(50, STEPS // 4)
config.train.log_every = max(STEPS // 60, 1)
config.train.checkpoint_every = max(STEPS // 6, 1)
config.evaluate.suites = dict(test=dict(split="test", limit=TEST_PROBLEMS))
config.evaluate.oracles = False
config.cpu_devices = CPU_DEVICES
run = Run(config, WORKDIR)
(s,) = run.strategies

# %% [markdown]
# ## Explanations, then training
#
# The explanations are the gold ones of the generated problems. A teacher behind an API or one of our own
# students could write them instead: `config.annotate.cot.teacher`.

# %%
stages.annotate(run)
stages.train(run)

# %% [markdown]
# ## Training curves
#
# From `metrics.jsonl`. The loss is counted over the tokens that the student learns, in nats a token.

# %%
figure, panels = pyplot.subplots(1, 3, figsize=(12, 3.4))
for name in s.students:
    records = read_metrics(run.workdir.student(student_name(s, name)) / "metrics.jsonl")
    trained = [r for r in records if "loss" in r]
    validated = [r for r in records if "validation_loss" in r]
    steps = [r["step"] for r in trained]
    at = [r["step"] for r in validated]
    panels[0].plot(steps, [r["loss"] for r in trained], label=f"{name}, training")
    panels[0].plot(at, [r["validation_loss"] for r in validated], "o--", label=f"{name}, validation")
    panels[1].plot(at, [100 * r["validation_accuracy"] for r in validated], "o-", label=name)
    panels[2].plot(steps, [r["tokens_per_second"] for r in trained], label=name)
    last = validated[-1]
    print(f"{name}: validation loss {last['validation_loss']:.3f} after {last['step']} steps")
titles = ("loss, nats a learnt token", "next token right in validation, %", "tokens a second")
for panel, title in zip(panels, titles, strict=True):
    panel.set_title(title, fontsize=10)
    panel.set_xlabel("step")
    panel.legend(frameon=False, fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)
panels[0].set_yscale("log")
figure.tight_layout()
pyplot.show()

# %% [markdown]
# ## Before and after
#
# The same student with the parameters that it started from, and with those that it ended with, on problems
# that it has never seen. Before training the decoder's grammar is all that gives its text a shape.

# %%
problems = run.suite("test")
initial = run.pretrained() if WEIGHTS else jax.device_get(jax.jit(run.student.init)(jax.random.key(SEED)))
engine = Engine((run.student,) * len(s.cast), CONTEXT, config.decode.max_steps, mesh=run.mesh)
before = Cast(s, engine, (initial,) * len(s.cast), run.tokenizer)
few = problems[:3]
early = [p for group in predict(before, few, slots=4, seed=SEED) for _, p in sorted(group.items())]

stages.evaluate(run)
records = jsonl.read_records(run.workdir.predictions("test", s.name))
late = [Prediction.from_dict(record) for _, record in records]


def shorten(text):
    return text if len(text) < 90 else text[:90] + " ..."


for problem, *both in zip(few, early, late[: len(few)], strict=True):
    print(f"\n{problem.question}   (right answer: {problem.answer})")
    for title, prediction in zip(("before training", "after training"), both, strict=True):
        turns = [Turn(Role[t["role"].upper()], shorten(t["text"])) for t in prediction.turns[:5]]
        show_turns(turns, f"{title}: {'right' if prediction.correct else 'wrong'} ({prediction.status})")

# %% [markdown]
# ## Accuracy
#
# With its 95 % Wilson interval. A problem without a readable answer counts as wrong. This is one run of one
# seed.

# %%
labels = dict(suite="test", split="test", strategy=s.name, size=SIZE, seed=SEED, oracle=False)
row = results.summarise(late, **labels)
rich.print(tables.accuracy_table([row]))
steps = results.by_steps(late, "test", s.name)
rich.print(tables.steps_table(steps))

figure, axes = pyplot.subplots(figsize=(5, 3.4))
for i, step in enumerate(steps):
    error = [[100 * (step.accuracy - step.low)], [100 * (step.high - step.accuracy)]]
    axes.bar(i, 100 * step.accuracy, yerr=error, capsize=4, color="#0072b2", width=0.6)
axes.set_xticks(range(len(steps)), [str(step.steps) for step in steps])
axes.set_xlabel("steps in the gold explanation")
axes.set_ylabel("accuracy, % (95 % interval)")
axes.set_ylim(0, 105)
axes.spines[["top", "right"]].set_visible(False)
pyplot.show()

# %% [markdown]
# Some problems that the student gets wrong, if there are any.

# %%
for prediction in [p for p in late if not p.correct][:3]:
    turns = [Turn(Role.PROBLEM, prediction.question)]
    turns += [Turn(Role[t["role"].upper()], shorten(t["text"])) for t in prediction.turns]
    show_turns(turns, f"right answer: {prediction.gold}")

# %% [markdown]
# ## Where the time went
#
# The run's clock counts seconds by phase, over all attempts. "other" is what no phase has counted, imports
# and plots among it.

# %%
seconds = by_phase(run.clock.attempts)
run.clock.flush()
print(json.dumps({name: round(value, 1) for name, value in seconds.items()}))
figure, axes = pyplot.subplots(figsize=(7, 0.35 * len(seconds) + 0.8))
axes.barh(list(seconds)[::-1], list(seconds.values())[::-1], color="#009e73")
axes.set_xlabel("seconds")
axes.spines[["top", "right"]].set_visible(False)
pyplot.show()
