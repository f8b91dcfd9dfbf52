"""What the `local` teacher decodes with: the cast of a finished run, or a Hugging Face directory."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath
from ml_collections import ConfigDict

from socratic_jax.decoding.completion import Completer
from socratic_jax.decoding.dialogue import GROUP, TOKEN_LIMIT, Cast, Dialogue, Prompt
from socratic_jax.decoding.sampling import Sampling
from socratic_jax.run import Run, open_run
from socratic_jax.sharding import make_mesh
from socratic_jax.students.huggingface import load_student
from socratic_jax.teachers.local import LocalTeacher
from socratic_jax.teachers.teacher import Reply, Request, Usage
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import strategy
from socratic_jax.transcripts.tokenizer import load_tokenizer

VALID = "local:WORKDIR:STRATEGY of a finished run, or local:DIRECTORY with a Hugging Face model"
SLOTS = 64  # Requests decoded side by side.

Write = Callable[[Sequence[Request]], list[Reply]]


def make_local_teacher(run: Run, spec: str) -> tuple[LocalTeacher, bool]:
    """Makes the teacher of a spec "local:WORKDIR:STRATEGY" or "local:DIRECTORY".

    Args:
      run: that wants to learn from it: gives the sampling and the devices.
      spec: a finished run and the strategy whose students are to explain, or a Hugging Face directory.

    Returns:
      The teacher, and whether it is asked the problem alone: students know no prompts. Its name ends with a
      fingerprint of its weights, so that the replies of others that once were at that path are not its own.

    Raises:
      ValueError: there is no such run, strategy or directory.
      CheckpointError: the run is not finished.
    """
    c = run.config.annotate
    path = spec.removeprefix("local:")
    workdir, _, name = path.rpartition(":")
    if workdir:
        # The mesh of the run is for its students, which may have no tokenizer yet.
        teacher_run = open_run(workdir, make_mesh((jax.device_count(), 1, 1)))
        sampling = dict(temperature=c.temperature, top_k=0, top_p=c.top_p)
        decode = ConfigDict({**teacher_run.config.decode, **sampling})
        cast = teacher_run.cast(strategy(name), decode)
        title = f"{spec}@{fingerprint(cast.params, teacher_run.config.decode.to_json())}"
        # A batch is what the decoder gives out as one, so nothing that is finished waits to be written down.
        return LocalTeacher(title, cast_writer(cast, title, SLOTS), GROUP * SLOTS), True
    if not epath.Path(path).is_dir():
        raise ValueError(f"local teacher {spec!r}: {path} is not a directory; valid: {VALID}")
    tokenizer = load_tokenizer(path)
    student, params = load_student(path, tokenizer.padded_size, dtype=run.student_dtype)
    completer, title = (
        Completer(student, params, tokenizer, Sampling(c.temperature, top_p=c.top_p)),
        f"{spec}@{fingerprint(params)}",
    )
    return LocalTeacher(title, completion_writer(completer, title, SLOTS), SLOTS), False


def fingerprint(params: Any, options: str = "") -> str:
    """12 hexadecimal digits that stand for weights, and for the options that they are decoded with."""
    digest = hashlib.blake2b(options.encode(), digest_size=6)
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        digest.update(f"{jax.tree_util.keystr(path)} {leaf.dtype} {leaf.shape}".encode())
        digest.update(np.ascontiguousarray(leaf).view(np.uint8))
    return digest.hexdigest()


def as_reply(dialogue: Dialogue) -> str:
    """A dialogue in the format in which teachers are asked to reply."""
    lines, step = [], 0
    asks = any(turn.role == Role.QUESTION for turn in dialogue.turns)
    for turn in dialogue.turns:
        if turn.role == Role.QUESTION:
            lines.append(f"Q{step + 1}: {turn.text}")
        elif turn.role == Role.SOLUTION:
            step += 1
            lines.append(f"A{step}: {turn.text}" if asks else f"{step}. {turn.text}")
        elif turn.role == Role.ANSWER:
            lines.append(f"Final answer: {turn.text}")
    return "\n".join(lines)


def cast_writer(cast: Cast, name: str, slots: int) -> Write:
    """Answers with the dialogues of a trained cast; a request's prompt is the problem alone."""

    def write(requests: Sequence[Request]) -> list[Reply]:
        prompts = [Prompt(request.seed(name), request.prompt) for request in requests]
        lengths = map(len, cast.tokenizer.encode([request.prompt for request in requests]))
        replies = []
        for dialogue, n_input in zip(cast.solve_all(prompts, slots), lengths, strict=True):
            cut = dialogue.answer is None
            usage = Usage(n_input, dialogue.n_tokens)
            error = f"the dialogue ended by {dialogue.status}" if cut else None
            finish = "length" if dialogue.status == TOKEN_LIMIT else "error" if cut else "stop"
            replies.append(Reply(as_reply(dialogue), finish, usage, error))
        return replies

    return write


def completion_writer(completer: Completer, name: str, slots: int) -> Write:
    """Answers with what a language model writes after the prompt, up to the next problem."""

    def write(requests: Sequence[Request]) -> list[Reply]:
        seeds = np.array([request.seed(name) for request in requests], np.uint32)
        max_tokens = max(request.max_tokens for request in requests)
        completions = completer.complete([r.prompt for r in requests], seeds, max_tokens, slots)
        replies = []
        for text, ended, n_input, n_output in completions:
            # Few-shot prompts go on with another problem; what comes before it is the reply.
            head, mark, _ = text.partition("\n\nProblem:")
            done = ended or bool(mark)
            error = None if done else "cut off at max_tokens"
            replies.append(Reply(head, "stop" if done else "length", Usage(n_input, n_output), error))
        return replies

    return write
