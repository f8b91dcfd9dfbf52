"""What all contenders work on: the same weights, the same prompts, the same dialogues, in one directory."""

import json
from pathlib import Path

import jax
import numpy as np

from socratic_jax.problems.sources import load
from socratic_jax.students.huggingface import save_student
from socratic_jax.students.sizes import make_student
from socratic_jax.transcripts.examples import examples_for, render
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import strategy
from socratic_jax.transcripts.tokenizer import load_tokenizer, train_tokenizer
from socratic_jax.transcripts.transcript import transcript

# Students by the names of their directories: size, context, and tokens to train, None for GPT-2's.
STUDENTS = {
    "gpt2": ("gpt2", 1024, None),
    "tiny-0.2m": ("tiny-0.2m", 160, 512),
    "tiny-0.8m": ("tiny-0.8m", 512, 4096),
    "tiny-3m": ("tiny-3m", 160, 512),
    "tiny-10m": ("tiny-10m", 160, 512),
}
PROMPTS, PROMPT = 128, 512
TRAINED, SOLVED = 2_000, 1_319


def write(directory: Path, data: str, tokenizer: str) -> None:
    """Writes everything that is not there yet.

    Args:
      directory: to write to.
      data: with GSM8K's files.
      tokenizer: a directory or hub id of GPT-2's.
    """
    dialogue = strategy("socratic_unified")
    problems = {split: load("gsm8k", split, data)[:n] for split, n in (("train", TRAINED), ("test", SOLVED))}
    texts = [
        text for p in problems["train"] for s in p.steps for text in (p.question, s.subquestion, s.solution)
    ]
    sizes = {vocabulary for _, _, vocabulary in STUDENTS.values()}
    tokenizers = {n: train_tokenizer(texts, n) if n else load_tokenizer(tokenizer) for n in sizes}
    for name, (size, context, vocabulary) in STUDENTS.items():
        if not (directory / name / "tokenizer.json").exists():
            student = make_student(size, tokenizers[vocabulary].padded_size, context)
            save_student(directory / name, student, student.init(jax.random.key(0)), tokenizers[vocabulary])
    random = np.random.default_rng(0)
    _write(directory / "prompts.json", random.integers(0, 50_000, (PROMPTS, PROMPT)).tolist())
    for name, (_, context, vocabulary) in STUDENTS.items():
        tokens = tokenizers[vocabulary]
        transcripts = [(p.id, transcript(p, p.gold, dialogue)) for p in problems["train"]]
        examples, _ = examples_for(transcripts, dialogue, dialogue.students[0], tokens, context)
        rows = [{"tokens": e.tokens_N.tolist(), "learnt": e.learnt_N.tolist()} for e in examples]
        _write(directory / f"examples-{name}.json", rows)
        rows = [_parts(transcript(p, p.gold, dialogue), dialogue, tokens) for p in problems["test"]]
        _write(directory / f"dialogues-{name}.json", {"end": tokens.end, "dialogues": rows})


def _parts(turns, dialogue, tokenizer) -> dict:
    """A dialogue as what questioner and answerer say in turn: the questioner decides what comes, and asks."""
    ids = tokenizer.encode([turn.text for turn in turns])
    tokens, _ = render(turns, ids, dialogue, tokenizer)
    prompt, said = len(ids[0]) + 2, []
    at = prompt
    for turn, text in zip(turns[1:], ids[1:], strict=True):
        whole = tokens[at : at + len(text) + 2].tolist()
        said += [whole[:1], whole[1:]] if turn.role == Role.ANSWER else [whole]
        at += len(whole)
    return {"prompt": tokens[:prompt].tolist(), "turns": said}


def _write(path: Path, content) -> None:
    path.write_text(json.dumps(content))
