"""This project's side of every measure; see worker.py and peers.py."""

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from socratic_jax import devices
from socratic_jax.config import default_config
from socratic_jax.decoding.completion import completion_grammar
from socratic_jax.decoding.engine import Engine, prepare
from socratic_jax.decoding.grammar import SCRIPT, compile_grammar
from socratic_jax.decoding.queue import Request, decode, key_data
from socratic_jax.decoding.sampling import GREEDY, Sampling
from socratic_jax.sharding import make_mesh
from socratic_jax.students.huggingface import load_student
from socratic_jax.training.loop import like
from socratic_jax.training.optimizer import make_optimizer
from socratic_jax.training.step import make_steps
from socratic_jax.transcripts.examples import Example
from socratic_jax.transcripts.packing import Batch, pack, train_rows
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import strategy
from socratic_jax.transcripts.tokenizer import load_tokenizer


def _read(inputs: str, name: str):
    return json.loads((Path(inputs) / f"{name}.json").read_text())


def _mesh(split: int):
    devices.prepare_cpu(split)
    devices.keep_compilations()
    return make_mesh((split, 1, 1))


def _student(inputs: str, name: str):
    """A student and its parameters, on the host."""
    path = Path(inputs) / name
    size = json.loads((path / "config.json").read_text())
    return load_student(str(path), size["vocab_size"], size["n_ctx"])


def gemm(n: int):
    """The peak of f32 matrix products: n x n times n x n."""
    _mesh(1)
    a, b = jnp.ones((n, n)), jnp.ones((n, n))
    product = jax.jit(lambda a, b: a @ b)

    def measured():
        for _ in range(4):
            product(a, b).block_until_ready()
        return {"work": 4 * 2 * n**3}

    return measured


def _training(inputs: str, student: str, split: int):
    mesh = _mesh(split)
    model, params = _student(inputs, student)
    config = default_config().train
    config.learning_rate, config.warmup = 1e-4, 0
    steps = make_steps(model, make_optimizer(config, 1_000_000), mesh)
    state = jax.block_until_ready(steps.begin(like(steps.state_shape.params, params)))
    del params  # As train_student, which holds no second copy.
    devices.release_memory()
    return steps, state


def train(inputs: str, student: str, batch: int, context: int, steps: int, split: int = 1):
    """Steps of AdamW on full rows of random tokens, of which every one is learnt."""
    made, state = _training(inputs, student, split)
    tokens = np.random.default_rng(0).integers(0, 256, (batch, context)).astype(np.int32)
    shape = tokens.shape
    learnt = np.ones(shape, bool)
    learnt[:, -1] = False
    packed = Batch(
        tokens, np.roll(tokens, -1, axis=1), np.tile(np.arange(context, dtype=np.int32), (batch, 1)),
        np.ones(shape, np.int32), learnt, np.zeros(shape, np.int8),
    )  # fmt: skip

    def step():
        nonlocal state
        state, metrics = made.train(state, made.put(packed, np.arange(batch), context))
        return float(metrics["loss"])

    def measured():
        losses = [step()]  # See worker.py.
        began = time.perf_counter()
        losses += [step() for _ in range(steps)]
        return {
            "work": steps * batch * context, "loss": losses[-1], "own_seconds": time.perf_counter() - began,
        }  # fmt: skip

    return measured


def packed(inputs: str, student: str, examples: str, batch: int, context: int, steps: int, split: int = 1):
    """Steps on packed transcripts; what counts are tokens that are no padding."""
    made, state = _training(inputs, student, split)
    rows = [
        Example(np.array(e["tokens"], np.int32), np.zeros(len(e["tokens"]), np.int8), np.array(e["learnt"]))
        for e in _read(inputs, examples)
    ]
    rows = pack(rows, context, 0)
    done = 0

    def measured():
        nonlocal state, done
        useful = 0
        for k in range(done, done + 1 + steps):
            if k == done + 1:  # See worker.py.
                began, useful = time.perf_counter(), 0
            index = train_rows(len(rows), batch, 0, k)
            state, metrics = made.train(state, made.put(rows, index, rows.most_learnt))
            float(metrics["loss"])
            useful += int((rows.segments_BxT[index] > 0).sum())
        done += 1 + steps
        return {"work": useful, "own_seconds": time.perf_counter() - began}

    return measured


def generate(inputs: str, student: str, batch: int, prompt: int, new: int, split: int = 1, **options):
    """Greedy continuation."""
    mesh = _mesh(split)
    model, params = _student(inputs, student)
    grammar = completion_grammar(load_tokenizer(Path(inputs) / student))
    # Any token may come, and none ends a row.
    grammar = grammar._replace(
        allowed_PxV=np.ones_like(grammar.allowed_PxV), class_V=np.zeros_like(grammar.class_V)
    )
    engine = Engine((model,), prompt + new, 1, mesh=mesh, **options)
    weights = prepare(engine, (params,))
    keys = key_data(jax.random.split(jax.random.key(0), batch))
    prompts = np.array(_read(inputs, "prompts"))[:batch, :prompt].tolist()
    requests = [Request(p, (), keys[i][None]) for i, p in enumerate(prompts)]

    def measured():
        done = {}
        for some in decode(engine, weights, grammar, requests, [None], batch):
            done |= some
        tokens = [done[i][0].tokens_N[prompt:].tolist() for i in range(batch)]
        return {"work": sum(map(len, tokens)), "tokens": tokens}

    return measured


class Replay:
    """Decoding real dialogues with any weights: the engine does all of its work, and then takes the token
    that the dialogue has. So the lengths are real ones, whatever the weights would write."""

    def __init__(self, inputs, student, name, cast, capacity, split=1, sampling=GREEDY):
        mesh = _mesh(split)
        given = _read(inputs, f"dialogues-{student}")
        tokenizer = load_tokenizer(Path(inputs) / student)
        model, params = _student(inputs, student)
        self.engine = Engine((model,) * cast, capacity, 100, sampling, mesh=mesh)
        self.params = prepare(self.engine, (params,) * cast)
        self.grammar = compile_grammar(strategy(name), tokenizer)
        self.grammar = self.grammar._replace(speaker_P=np.full_like(self.grammar.speaker_P, SCRIPT))
        self.openings = [tokenizer.marker(Role.PROBLEM)] * cast
        keys = key_data(jax.random.split(jax.random.key(0), len(given["dialogues"])))
        self.requests = [
            Request(row["prompt"], list(itertools.chain(*row["turns"])), keys[i][None])
            for i, row in enumerate(given["dialogues"])
            if len(row["prompt"]) + sum(map(len, row["turns"])) < capacity
        ]

    def __call__(self, requests, slots: int) -> int:
        """Writes the dialogues, and returns how many tokens that was."""
        n = 0
        for done in decode(self.engine, self.params, self.grammar, requests, self.openings, slots):
            for i, (transcript,) in done.items():
                tokens, request = transcript.tokens_N.tolist(), requests[i]
                assert tokens == [*request.prompt, *request.script], (i, tokens)
                n += len(request.script)
        return n


def dialogues(
    inputs: str, student: str, problems: int, slots: int, capacity: int, split: int = 1, cast: int = 2
):
    """Questioner and answerer side by side, or one student that is both."""
    name = {1: "socratic_unified", 2: "socratic_iterative"}[cast]
    replay = Replay(inputs, student, name, cast, capacity, split)
    requests = replay.requests[:problems]

    def measured():
        return {"work": problems, "tokens": replay(requests, slots)}

    return measured


def evaluate(
    inputs: str, student: str, problems: int, slots: int, capacity: int, refill: bool, split: int = 1
):
    """Problems of mixed lengths, in slots that are refilled, or batch by batch."""
    replay = Replay(inputs, student, "socratic_iterative", 2, capacity, split)
    requests = replay.requests[:problems]
    # Batches of like prompts, which is how one would batch without refilling.
    order = sorted(range(len(requests)), key=lambda i: len(requests[i].prompt))
    whole = [[requests[i] for i in order]]
    batches = whole if refill else [whole[0][i : i + slots] for i in range(0, len(order), slots)]

    def measured():
        return {"work": len(requests), "tokens": sum(replay(batch, slots) for batch in batches)}

    return measured


def sampling(
    inputs: str, student: str, problems: int, k: int, shared: bool, slots: int, capacity: int, split: int = 1
):
    """k samples of every problem, its prompt read once or once for each of them."""
    replay = Replay(inputs, student, "socratic_iterative", 2, capacity, split, Sampling(temperature=0.7))
    keys = key_data(jax.random.split(jax.random.key(0), k))
    requests = replay.requests[:problems]
    runs = [[r._replace(keys=keys) for r in requests]] if shared else [requests] * k

    def measured():
        n = 0
        for run in runs:
            for done in decode(replay.engine, replay.params, replay.grammar, run, replay.openings, slots):
                n += sum(len(transcripts) for transcripts in done.values())
        return {"work": n}

    return measured


def _process(code: str):
    def measured():
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        return {"work": 1}

    return measured


def command_line():
    """A process that imports what the command line runs, and ends."""
    return _process("import socratic_jax.main, socratic_jax.stages")


def first_step(inputs: str, student: str, batch: int, context: int):
    """A process that takes one train step and ends; what it compiles is there from the process before."""
    call = f"benchmarks.ours.train({inputs!r}, {student!r}, {batch}, {context}, 0)()"
    return _process(f"import benchmarks.ours; {call}")
