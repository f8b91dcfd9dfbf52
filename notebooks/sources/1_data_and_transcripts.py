# %% [markdown]
# # 1. Data and transcripts
#
# Every way of teaching a student to reason is one object here: a *transcript*, a list of turns that each
# have a role. This notebook shows problems, their decompositions, the transcripts that each strategy makes
# of them, which tokens each student learns, and how transcripts are packed into rows. Nothing is trained,
# and no accelerator is needed.

# %% include install

# %%
import numpy as np
from matplotlib import pyplot
from matplotlib.colors import ListedColormap

from socratic_jax.problems import answers, sources
from socratic_jax.transcripts.examples import examples_for, render
from socratic_jax.transcripts.packing import pack
from socratic_jax.transcripts.strategies import STRATEGIES, strategy
from socratic_jax.transcripts.tokenizer import train_tokenizer
from socratic_jax.transcripts.transcript import transcript

# %% [markdown]
# ## Settings
#
# All of them. The machine makes no difference to this notebook.

# %% [parameters]
LEVEL = "chain2to4"  # Of the generated problems: "chain2to4", "easy", "medium" or "hard".
PROBLEMS = 2000  # How many to generate.
VOCAB_SIZE = 512  # Of the tokenizer, which is trained on these problems.
CONTEXT = 512  # Tokens in a packed row.
ROWS_SHOWN = 12  # Packed rows in the picture.
GSM8K_DIR = ""  # A directory with OpenAI's train_socratic.jsonl and test_socratic.jsonl; "" leaves GSM8K out.

# %% include show
from show import HTML, display, show_turns, token_boxes, token_texts  # noqa: E402

# %% [markdown]
# ## A problem and its decomposition
#
# A problem is a question with a known answer. Its gold steps pair a sub-question with the solution that
# answers it. Generated problems are a pure function of level, split, seed and index, so everybody has the
# same ones.

# %%
problems = sources.load("arithmetic", "train", limit=PROBLEMS, level=LEVEL)
problem = max(problems[:20], key=lambda p: len(p.steps))
print(problem.question)
for step in problem.steps:
    print(f"  {step.subquestion}\n      {step.solution}")
print("answer:", problem.answer)

# %% [markdown]
# ## One problem, every strategy
#
# A strategy says which roles its transcripts contain, and a cast says who speaks which role. A student
# learns the roles that it speaks, and nothing else. Strategies for evaluation only have some roles *given*:
# nobody writes those.

# %%
for s in STRATEGIES.values():
    turns = transcript(problem, problem.gold, s)
    speaker = {role: part.name for part in s.cast for role in part.speaks}
    show_turns(turns, s.name, [f"given to {s.name}" if t.role in s.given else speaker[t.role] for t in turns])

# %% [markdown]
# ## Tokens, and who learns them
#
# A turn is its role's marker, its text, and `<|end|>`. The marker is the *decision* what comes next. Where
# the grammar leaves a choice (ask again, or answer?) one student learns it. Where it leaves none, nobody
# does. Below, the tokens that a student learns are in full colour, and those that it only reads are pale.
# Two students of one cast read the same tokens and learn different ones. In `socratic_shared` one student
# plays two parts; it reads each transcript twice, and the first token tells it which part it plays.


# %%
def texts_of(problems):
    for p in problems:
        yield from (
            p.question,
            p.answer,
            *(text for step in p.steps for text in (step.subquestion, step.solution)),
        )


tokenizer = train_tokenizer(texts_of(problems), VOCAB_SIZE)
print(f"{tokenizer.size} tokens, {tokenizer.padded_size} rows in the embedding table")


def examples(name, student, problems):
    s = strategy(name)
    transcripts = [(p.id, transcript(p, p.gold, s)) for p in problems]
    return examples_for(transcripts, s, student, tokenizer, CONTEXT)


for s in STRATEGIES.values():
    if s.oracle:
        continue
    for student in s.students:
        for example in examples(s.name, student, [problem])[0]:
            learnt = example.learnt_N
            title = f"<b>{s.name}, {student}</b>: learns {learnt.sum()} of {len(learnt)} tokens"
            boxes = token_boxes(token_texts(tokenizer, example.tokens_N), example.roles_N, learnt)
            display(HTML(f"<div style='margin-top:8px'>{title}</div>{boxes}"))

# %% [markdown]
# ## How long transcripts are
#
# Longer transcripts cost more to learn from and to write. A comparison at equal steps gives a student with
# longer transcripts fewer problems to see.

# %%
shown = ("answer_only", "cot", "socratic_unified", "socratic_guided")
figure, axes = pyplot.subplots(figsize=(8, 3.6))
for name in shown:
    s = strategy(name)
    turns = [transcript(p, p.gold, s) for p in problems]
    ids = iter(tokenizer.encode([turn.text for t in turns for turn in t]))
    lengths = [len(render(t, [next(ids) for _ in t], s, tokenizer)[0]) for t in turns]
    axes.hist(lengths, bins=np.arange(0, max(lengths) + 4, 3), alpha=0.6, label=name)
    median, high = np.percentile(lengths, (50, 99))
    print(f"{name:18s} median {median:4.0f}   99th percentile {high:4.0f}   longest {max(lengths)}")
axes.set_xlabel("tokens of a transcript")
axes.set_ylabel("problems")
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
pyplot.show()

# %% [markdown]
# ## Packing
#
# Several transcripts share a row, so that little compute goes into padding. Attention stays inside a
# segment and positions restart in each, so a packed transcript gives the same logits as one that is alone
# in its row. The first picture has a colour for every transcript of a row. The other two show what the
# questioner and the answerer learn of the very same rows.

# %%
batches = {
    student: pack(examples("socratic_iterative", student, problems)[0], CONTEXT, tokenizer.pad)
    for student in ("questioner", "answerer")
}
batch = batches["questioner"]
assert np.array_equal(batch.tokens_BxT, batches["answerer"].tokens_BxT)
filled = batch.segments_BxT > 0
print(f"{len(problems):,} transcripts in {len(batch):,} rows of {CONTEXT} tokens")
print(f"{100 * filled.mean():.1f} % of their places are filled")
for student, b in batches.items():
    print(f"the {student} learns {100 * b.learnt_BxT[filled].mean():.0f} % of the tokens")

segments = batch.segments_BxT[:ROWS_SHOWN]
figure, panels = pyplot.subplots(3, 1, figsize=(9, 6), sharex=True)
cycle = ListedColormap(["#ffffff", "#bcdcf5", "#bfe6cf", "#f8cdb0", "#e5cdf0"])
panels[0].imshow(
    np.where(segments > 0, 1 + (segments - 1) % 4, 0),
    cmap=cycle,
    vmin=0,
    vmax=4,
    aspect="auto",
    interpolation="none",
)
panels[0].set_title("transcripts in packed rows; white is padding", fontsize=10)
for panel, (student, b) in zip(panels[1:], batches.items(), strict=True):
    seen = (segments > 0).astype(int) + b.learnt_BxT[:ROWS_SHOWN]
    panel.imshow(
        seen,
        cmap=ListedColormap(["#ffffff", "#dddddd", "#0072b2"]),
        vmin=0,
        vmax=2,
        aspect="auto",
        interpolation="none",
    )
    panel.set_title(f"blue: what the {student} learns", fontsize=10)
for panel in panels:
    panel.set_ylabel("row")
    panel.set_yticks(range(0, len(segments), 2))
panels[-1].set_xlabel("token of the row")
figure.tight_layout()
pyplot.show()

# %% [markdown]
# ## Reading answers
#
# Teachers and students write answers in many ways. They are read by one parser and compared exactly,
# without rounding.

# %%
for text in (
    "... so 48/2 = 24 clips.\n#### 72",
    "The answer is 1,200.",
    "The answer is $5.00 per hour",
    r"Therefore \boxed{3/4}",
    "She has 12 and gives 5 away, so 7",
    "I do not know.",
):
    print(f"{text!r:45} -> {answers.extract(text)}")
for text in ("So the answer is: yes.", "No, a camel cannot do that."):
    print(f"{text!r:45} -> {answers.extract(text, kind='yes_no')}")
for found, gold in (("72.0", "72"), ("1/2", "0.5"), ("0.333", "1/3")):
    print(f"is {found} the same as {gold}? {answers.same(found, gold)}")

# %% [markdown]
# ## GSM8K
#
# The same objects, from the data set that the method is usually tested on. Its solutions carry annotations
# such as `<<48/2=24>>`, which are kept or removed by one option.

# %%
if GSM8K_DIR:
    gsm8k = sources.load("gsm8k", "train", GSM8K_DIR)
    first = gsm8k[0]
    print(f"{len(gsm8k):,} training problems, {np.mean([len(p.steps) for p in gsm8k]):.2f} steps on average")
    show_turns(transcript(first, first.gold, strategy("socratic_iterative")), "as they are")
    show_turns(transcript(first, first.gold, strategy("cot"), annotations=False), "cot, without annotations")
else:
    print("GSM8K is left out: GSM8K_DIR names no directory.")
