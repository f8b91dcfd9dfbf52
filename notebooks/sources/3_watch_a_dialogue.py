# %% [markdown]
# # 3. Watch a dialogue
#
# Two students share a problem. The *questioner* asks sub-questions and decides when to stop; the *answerer*
# solves them and gives the answer. This notebook trains both (or opens a finished run), then watches one
# dialogue token by token: whose turn it is, how sure the questioner is that it should ask on, and what each
# student would have said. At last it changes the questions and looks at what the answerer makes of that.

# %% include install

# %%
import jax
import numpy as np
from matplotlib import pyplot

from socratic_jax import stages
from socratic_jax.config import default_config
from socratic_jax.decoding.dialogue import ANSWERED, Cast, Prompt
from socratic_jax.decoding.engine import Engine, empty, prepare, read_prefix, refill
from socratic_jax.decoding.grammar import after, compile_grammar, parse_turns
from socratic_jax.decoding.queue import key_data
from socratic_jax.evaluation.predictions import given_turns, score
from socratic_jax.evaluation.statistics import wilson
from socratic_jax.run import Run, open_run
from socratic_jax.sharding import make_mesh
from socratic_jax.students.student import apply, head
from socratic_jax.transcripts.examples import opening, render
from socratic_jax.transcripts.roles import TURN_ROLES, Turn
from socratic_jax.transcripts.strategies import strategy

# %% [markdown]
# ## Settings
#
# All of them. The values are for two CPU cores, and so few steps that the students still make mistakes,
# which are instructive. On Colab's T4 or TPU v5e-1 (not measured) try `SIZE = "tiny-10m"`, `STEPS = 3000`,
# `BATCH_SIZE = 64`.

# %% [parameters]
FINISHED = ""  # Workdir of a finished run with socratic_iterative; "" trains one here.
LEVEL = "chain2to4"  # Of the generated problems.
TRAIN_PROBLEMS = 20_000
VALIDATION_PROBLEMS = 500
SIZE = "tiny-0.2m"  # See socratic_jax/students/sizes.py.
CONTEXT = 160  # Tokens of a packed row, and of a whole dialogue.
STEPS = 1000  # Of each of the two students.
BATCH_SIZE = 16  # Packed rows of a step.
LEARNING_RATE = 5e-3
UNROLL = 3  # Layers in one iteration of the scan; on accelerators 1 compiles faster.
SEED = 0
CPU_DEVICES = 2  # Parts that a CPU is split into; has no effect elsewhere.
WATCHED = 3  # Which problem of the test split to watch.
TEST_PROBLEMS = 200  # For the pictures of many dialogues.
MY_QUESTIONS = ()  # Sub-questions of your own for the watched problem, for the last section.
WORKDIR = "runs/notebook3"  # A workdir belongs to one setting: choose another one when you change something.

# %% include show
from show import HTML, Role, display, html, log_to_notebook, show_turns, token_boxes, token_texts, turn_line  # noqa: E402

# %% [markdown]
# ## Two students
#
# Both learn from the same packed rows; the loss mask of each is what it speaks.

# %%
log_to_notebook()
if FINISHED:
    run = open_run(FINISHED, make_mesh((1, 1, 1), jax.devices()[:1]))
else:
    config = default_config()
    config.seed = SEED
    config.strategies = ("socratic_iterative",)
    config.data.options = dict(level=LEVEL)
    config.data.train_limit, config.data.validation_limit = TRAIN_PROBLEMS, VALIDATION_PROBLEMS
    config.student.size, config.student.unroll = SIZE, UNROLL
    config.student.context = config.decode.capacity = CONTEXT
    config.train.steps, config.train.batch_size = STEPS, BATCH_SIZE
    config.train.optimizer, config.train.learning_rate = "muon", LEARNING_RATE
    config.train.warmup = min(50, STEPS // 4)
    config.train.checkpoint_every = max(STEPS // 2, 1)
    config.cpu_devices = CPU_DEVICES
    run = Run(config, WORKDIR)
    stages.annotate(run)
    stages.train(run)

iterative = strategy("socratic_iterative")
tokenizer, decode = run.tokenizer, run.config.decode
trained = run.cast(iterative)
params = jax.device_get(trained.params)
problems = run.problems("test", TEST_PROBLEMS)
problem = problems[WATCHED % len(problems)]

# %% [markdown]
# ## One dialogue, token by token
#
# The decoder is a loop over `Engine.step`, which writes one token. Here the loop runs in Python on a batch
# of one, so that it can be looked into. The grammar says who speaks in which phase. Where the grammar
# leaves a choice, the marker that opens the next turn is the questioner's decision: ask on, or let the
# answerer answer. Both students read every token, each into its own cache, so either can be asked at any
# moment what it would write.

# %%
parts = [part.name for part in iterative.cast]
engine = Engine(trained.engine.students, decode.capacity, decode.max_steps)
weights = prepare(engine, params)  # As this device reads them fastest.
grammar = compile_grammar(iterative, tokenizer)
(text,) = tokenizer.encode([problem.question])
prompts = np.array([[[opening(part, tokenizer), *text, tokenizer.end]] for part in iterative.cast], np.int32)
n_prompt = prompts.shape[-1]
rows = refill(
    engine,
    weights,
    read_prefix(engine, weights, np.zeros((len(parts), 0), np.int32)),  # Nothing was read before.
    empty(engine, weights, 1, 1),
    np.zeros((1, 1), np.int32),
    prompts,
    np.array([n_prompt], np.int32),
    np.zeros((1, 1), np.int32),
    key_data(jax.random.split(jax.random.key(0), 1))[None],
)
write_one = jax.jit(engine.step)


@jax.jit
def next_token(weights, rows):
    """What each student would write next: its probabilities of the tokens that the grammar allows."""
    heads = zip(engine.decoders, weights, rows.hidden, strict=True)
    logits = [head(decoder, w, hidden)[0] for decoder, w, hidden in heads]
    allowed = jax.numpy.asarray(grammar.allowed_PxV)[rows.phases_B[0]]
    return [jax.nn.softmax(jax.numpy.where(allowed, x, -jax.numpy.inf)) for x in logits]


def decision_note(probabilities):
    return ", ".join(f"{name} {p:.3f}" for name, p in probabilities.items())


display(HTML(turn_line(Role.PROBLEM, problem.question, f"right answer: {problem.answer}")))
moments, decision = [], {}  # Of every token: its id, role, speaker and probabilities; the decision under way.
while bool(rows.running_B[0]):
    phase = int(rows.phases_B[0])
    probs = jax.device_get(next_token(weights, rows))
    speaker = int(grammar.speaker_P[phase])
    choices = [role for role in TURN_ROLES if grammar.allowed_PxV[phase, tokenizer.marker(role)]]
    rows = write_one(weights, grammar, rows)
    length = int(rows.lengths_B[0])
    token = int(rows.tokens_BxS[0, length - 1])
    if choices:
        chosen = len(choices) > 1
        decision = (
            {role.name.lower(): probs[speaker][tokenizer.marker(role)] for role in choices} if chosen else {}
        )
        role = Role.DECISION if chosen else Role.FORCED
    else:
        role = Role(phase // 2)
    moments.append((token, role, speaker, [float(p[token]) for p in probs]))
    ended = phase % 2 == 0 and int(rows.phases_B[0]) == after(role)
    if ended or not bool(rows.running_B[0]):
        turn_role, ids, _ = parse_turns(np.asarray(rows.tokens_BxS[0, :length]), tokenizer)[-1]
        note = f"{parts[speaker]}'s turn"
        note += (
            f"; before it the questioner decided: {decision_note(decision)}" if decision else "; no choice"
        )
        display(HTML(turn_line(turn_role, tokenizer.decode(ids).strip(), note)))

# %% [markdown]
# ## The same tokens, through both students' eyes
#
# Below, each token is as strong as the probability that a student gives it among the tokens that the
# grammar allows. The students were only taught to predict their own turns, so each can be expected to be
# sure in its own turns and to be lost in the other's. Markers without a choice are certain for both.

# %%
ids, roles, speakers, both = (list(column) for column in zip(*moments, strict=True))
for i, name in enumerate(parts):
    boxes = token_boxes(token_texts(tokenizer, ids), roles, [p[i] for p in both])
    display(HTML(f"<div style='margin-top:8px'><b>{html.escape(name)}</b></div>{boxes}"))

figure, panels = pyplot.subplots(len(parts), 1, figsize=(12, 4.2), sharex=True)
for i, (panel, name) in enumerate(zip(panels, parts, strict=True)):
    own = [speaker == i and role != Role.FORCED for speaker, role in zip(speakers, roles, strict=True)]
    colors = ["#0072b2" if mine else "#cccccc" for mine in own]
    panel.bar(range(len(ids)), [p[i] for p in both], color=colors, width=0.9)
    panel.set_title(f"{name}: blue where it speaks, grey where it listens", fontsize=10)
    panel.set_ylabel("probability")
    panel.spines[["top", "right"]].set_visible(False)
    mine = [p[i] for p, speaks in zip(both, own, strict=True) if speaks]
    other = [
        p[i] for p, speaks, role in zip(both, own, roles, strict=True) if not speaks and role != Role.FORCED
    ]
    print(
        f"{name}: mean probability {np.mean(mine):.3f} of its own tokens, {np.mean(other):.3f} of the other's"
    )
labels = [text.replace("<|", "").replace("|>", "") for text in token_texts(tokenizer, ids)]
panels[-1].set_xticks(range(len(ids)), labels, rotation=90, fontsize=7)
figure.tight_layout()
pyplot.show()

# %% [markdown]
# ## When does the questioner stop?
#
# The same decision in many dialogues: its probability of "answer" after each solution, by the number of
# steps in the gold explanation. A questioner that has learnt to count the facts of the problem goes from 0
# to 1 at the end of its line. Only dialogues that came to an answer by themselves are counted.

# %%
prompts = [Prompt(i, p.question) for i, p in enumerate(problems)]
dialogues = trained.solve_all(prompts, decode.slots)
scored = [score(p, d) for p, d in zip(problems, dialogues, strict=True)]
right = sum(p.correct for p in scored)
low, high = wilson(right, len(scored))
print(
    f"{right} of {len(scored)} right: {100 * right / len(scored):.1f} % ({100 * low:.1f} to {100 * high:.1f})"
)

finished = [(p, d) for p, d in zip(problems, dialogues, strict=True) if d.status == ANSWERED]
print(f"{len(finished)} dialogues came to an answer by themselves")
encoded = [
    render(d.turns, tokenizer.encode([turn.text for turn in d.turns]), iterative, tokenizer)
    for _, d in finished
]
size = max((len(tokens) for tokens, _ in encoded), default=1)
tokens_BxT = np.full((len(encoded), size), tokenizer.pad, np.int32)
for row, (tokens, _) in zip(tokens_BxT, encoded, strict=True):
    row[: len(tokens)] = tokens
positions_BxT = np.broadcast_to(np.arange(size, dtype=np.int32), tokens_BxT.shape)


@jax.jit
def answer_probability(params, tokens_BxT):
    logits_BxTxV = apply(engine.students[0], params, tokens_BxT, positions_BxT, np.ones_like(positions_BxT))
    ask, stop = (logits_BxTxV[..., tokenizer.marker(role)] for role in (Role.QUESTION, Role.ANSWER))
    return jax.nn.sigmoid(stop - ask)


curves = {}  # Gold steps -> solutions so far -> probabilities of "answer".
if encoded:
    stops_BxT = np.asarray(answer_probability(params[0], tokens_BxT))
    for (p, _), (_, token_roles), stop_T in zip(finished, encoded, stops_BxT, strict=True):
        for k, at in enumerate(np.flatnonzero(token_roles == Role.DECISION)):
            curves.setdefault(len(p.steps), {}).setdefault(k, []).append(stop_T[at - 1])

figure, axes = pyplot.subplots(figsize=(7, 3.8))
for i, (steps, curve) in enumerate(sorted(curves.items())):
    color = f"C{i}"
    done = sorted(curve)
    for k in done:
        axes.scatter([k + 0.08 * (i - 1)] * len(curve[k]), curve[k], s=6, alpha=0.3, color=color)
    axes.plot(done, [np.mean(curve[k]) for k in done], "o-", color=color, label=f"{steps} gold steps")
    means = "  ".join(f"{k}: {np.mean(curve[k]):.3f} ({len(curve[k])})" for k in done)
    print(f"{steps} gold steps, mean by solutions so far (dialogues)  {means}")
axes.set_xlabel("solutions so far")
axes.set_ylabel("probability of 'answer'")
if curves:
    axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
pyplot.show()

# %% [markdown]
# ## Other questions for the answerer
#
# `oracle_questions` is the same answerer with the questions given. Here it gets the gold ones, the gold
# ones without the first, only the last, and, for the watched problem, the first two changed places. Put
# your own into `MY_QUESTIONS`.

# %%
oracle = strategy("oracle_questions")
given = Cast(
    oracle,
    Engine(trained.engine.students[:1], decode.capacity, decode.max_steps, mesh=run.mesh),
    (run.trained_params(oracle, "answerer"),),
    tokenizer,
)
gold = given_turns(problem, oracle)
edits = {"the gold questions": gold, "without the first": gold[1:], "only the last": gold[-1:]}
edits["the first two changed places"] = (gold[1], gold[0], *gold[2:])
if MY_QUESTIONS:
    edits["my own"] = tuple(Turn(Role.QUESTION, question) for question in MY_QUESTIONS)
kinds = {"gold questions": slice(None), "without the first": slice(1, None), "only the last": slice(-1, None)}

# All in one batch: every other length of what is given would compile the decoder again.
asked = [(problem, turns) for turns in edits.values()]
asked += [(p, given_turns(p, oracle)[which]) for which in kinds.values() for p in problems]
prompts = [Prompt(i, p.question, turns) for i, (p, turns) in enumerate(asked)]
answered = given.solve_all(prompts, decode.slots)
verdicts = [score(p, dialogue).correct for (p, _), dialogue in zip(asked, answered, strict=True)]

display(HTML(turn_line(Role.PROBLEM, problem.question, f"right answer: {problem.answer}")))
for title, dialogue, correct in zip(edits, answered, verdicts, strict=False):
    show_turns(dialogue.turns[1:], f"{title}: {'right' if correct else 'wrong'} ({dialogue.status})")

# %% [markdown]
# The same on all test problems. Intervals are 95 % Wilson intervals. The first bar is the questioner's own
# questions, from above.

# %%
bars = {"its questioner's questions": right}
for i, name in enumerate(kinds):
    start = len(edits) + i * len(problems)
    bars[name] = sum(verdicts[start : start + len(problems)])
figure, axes = pyplot.subplots(figsize=(7, 3.6))
for i, (name, correct) in enumerate(bars.items()):
    share, (low, high) = correct / len(problems), wilson(correct, len(problems))
    print(f"{name:27s} {100 * share:5.1f} %  ({100 * low:.1f} to {100 * high:.1f})")
    error = [[100 * (share - low)], [100 * (high - share)]]
    axes.bar(i, 100 * share, yerr=error, capsize=4, color="#0072b2", width=0.6)
axes.set_xticks(range(len(bars)), [name.replace(" ", "\n", 1) for name in bars])
axes.set_ylabel("accuracy, % (95 % interval)")
axes.set_ylim(0, 105)
axes.spines[["top", "right"]].set_visible(False)
pyplot.show()
