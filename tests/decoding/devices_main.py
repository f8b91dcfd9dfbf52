"""Prints the dialogues of every strategy on all devices there are; run by test_devices.py."""

import json

import jax

from socratic_jax.decoding.dialogue import Cast, Prompt
from socratic_jax.decoding.engine import Engine
from socratic_jax.problems.arithmetic import problems
from socratic_jax.sharding import make_mesh
from socratic_jax.students.gpt2 import GPT2Config, GPT2Student
from socratic_jax.transcripts.strategies import STRATEGIES
from socratic_jax.transcripts.tokenizer import train_tokenizer


def main() -> None:
    questions = [p.question for p in problems("chain2to4", "train", 0, 13)]
    tokenizer = train_tokenizer(questions, 300)
    student = GPT2Student(GPT2Config(vocab_size=tokenizer.padded_size, context=160, L=2, D=32, H=2))
    init = jax.jit(student.init)
    players = [jax.tree.map(lambda x: 2 * x, init(jax.random.key(seed))) for seed in (1, 2)]
    mesh = make_mesh((jax.device_count(), 1, 1))
    dialogues = {}
    for name in ("cot", "socratic_iterative"):
        strategy = STRATEGIES[name]
        engine = Engine((student,) * len(strategy.cast), capacity=128, max_steps=3, mesh=mesh)
        cast = Cast(strategy, engine, tuple(players[: len(strategy.cast)]), tokenizer)
        # 13 dialogues in slots that do not divide evenly over 8 devices.
        solved = cast.solve_all([Prompt(i, q) for i, q in enumerate(questions)], slots=6)
        dialogues[name] = [([t.text for t in d.turns], d.status, d.n_tokens) for d in solved]
    print(json.dumps({"devices": jax.device_count(), "dialogues": dialogues}))


if __name__ == "__main__":
    main()
