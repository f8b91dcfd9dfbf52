"""What is measured, as a table: the work, who does it, and what is aimed at."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Contender(NamedTuple):
    """Somebody who does the work.

    Attributes:
      name: unique in its measure.
      module, function: of this package; see worker.py.
      arguments: of the function.
      inputs: whether it is also given the directory of the inputs.
      warm: whether a round that is not counted comes first; long ones that compile nothing need none.
      huge_pages: whether a peer's malloc asks for huge pages, as ours always does.
    """

    name: str
    module: str
    function: str
    arguments: dict
    inputs: bool = True
    warm: bool = True
    huge_pages: bool = False


class Measure(NamedTuple):
    """Work that several contenders do.

    Attributes:
      name: words that begin with the chapter.
      unit: of work.
      contenders: ours first.
      goals: name of another contender -> the ratio of ours to it that is aimed at.
      seconds: report the seconds of a round and not the work in a second.
      memory: compare the highest memory, not the speed.
    """

    name: str
    unit: str
    contenders: tuple[Contender, ...]
    goals: Mapping[str, float] = MappingProxyType({})
    seconds: bool = False
    memory: bool = False


class Curve(NamedTuple):
    """Measures as points of a figure: (x, name of the measure)."""

    name: str
    title: str
    x: str
    y: str
    points: tuple[tuple[int | str, str], ...]


CORES = 2
BATCHES = (1, 8, 32, 128)
SLOTS = (8, 32, 128)
CONTEXTS = (128, 256, 512)
SIZES = ("tiny-0.2m", "tiny-0.8m", "tiny-3m", "tiny-10m")


def _train(student, batch, context, steps, goal, ours):
    work = dict(student=student, batch=batch, context=context, steps=steps)
    return Measure(
        f"train {student}, {batch} x {context}",
        "tokens",
        (
            Contender("ours", "ours", "train", {**work, **ours}),
            Contender("PyTorch", "peers", "train", work),
            Contender("PyTorch, huge pages", "peers", "train", work, huge_pages=True),
        ),
        {"PyTorch": goal},
    )


def _useful(student, batch, context, steps, rows, split):
    examples = f"examples-{student}"
    return Measure(
        f"useful {student}, GSM8K Socratic",
        "tokens",
        (
            Contender(
                "ours", "ours", "packed",
                dict(
                    student=student, examples=examples, batch=batch, context=context, steps=steps, split=split
                ),
            ),
            Contender(
                "Trainer", "peers", "trainer",
                dict(student=student, examples=examples, batch=rows, steps=steps),
            ),
        ),
        {"Trainer": 2.0},
    )  # fmt: skip


def _generate(batch):
    work = dict(student="gpt2", batch=batch, prompt=128, new=128)
    return Measure(
        f"decode gpt2, 128 + 128, batch {batch}",
        "new tokens",
        (
            Contender("ours", "ours", "generate", work),
            Contender("generate", "peers", "generate", work, warm=batch < 128),
            Contender("CTranslate2", "peers", "ctranslate2", work, warm=batch < 128),
        ),
        {"generate": 2.0, "CTranslate2": 1.2},
    )


def _dialogues(problems=32, slots=16):
    ours = dict(student="gpt2", problems=problems, slots=slots, capacity=512)
    theirs = dict(student="gpt2", problems=problems)
    return Measure(
        "dialogues gpt2, GSM8K",
        "problems",
        (
            Contender("ours", "ours", "dialogues", ours),
            Contender("ours, one student for both parts", "ours", "dialogues", {**ours, "cast": 1}),
            Contender(
                "generate, one problem at a time", "peers", "dialogues", {**theirs, "batch": 1}, warm=False
            ),
            Contender(
                "generate, batched by turn", "peers", "dialogues", {**theirs, "batch": problems}, warm=False
            ),
        ),
        {
            "generate, one problem at a time": 8.0,
            "generate, batched by turn": 4.0,
            # It computes half as much: two parts read every token.
            "ours, one student for both parts": 1 / 2 / 1.3,
        },
    )


def _evaluate():
    work = dict(student="tiny-0.8m", problems=1319, slots=64, capacity=512, split=CORES)
    return Measure(
        "evaluate tiny-0.8m, GSM8K test",
        "problems",
        (
            Contender("ours", "ours", "evaluate", {**work, "refill": True}),
            Contender("ours, slots not refilled", "ours", "evaluate", {**work, "refill": False}),
        ),
        {"ours, slots not refilled": 1.5},
    )


def _slots(slots):
    work = dict(student="tiny-0.8m", problems=256, slots=slots, capacity=512, split=CORES, refill=True)
    return Measure(f"slots tiny-0.8m, {slots}", "problems", (Contender("ours", "ours", "evaluate", work),))


def _context(context):
    work = dict(student="tiny-0.8m", batch=4096 // context, context=context, steps=8, split=CORES)
    return Measure(f"context tiny-0.8m, {context}", "tokens", (Contender("ours", "ours", "train", work),))


def _size(student):
    work = dict(student=student, batch=16, context=160, steps=8, split=CORES)
    return Measure(f"size {student}", "tokens", (Contender("ours", "ours", "train", work),))


def _sampling(k):
    work = dict(student="tiny-0.8m", problems=32, k=k, slots=64, capacity=512, split=CORES)
    return Measure(
        f"vote tiny-0.8m, {k} samples",
        "samples",
        (
            Contender("ours", "ours", "sampling", {**work, "shared": True}),
            Contender("ours, separate runs", "ours", "sampling", {**work, "shared": False}),
        ),
        {"ours, separate runs": 2.0} if k > 1 else {},
    )


MEASURES = (
    Measure(
        "limit of f32 matrix products",
        "FLOP",
        (
            Contender("XLA", "ours", "gemm", dict(n=3072), inputs=False),
            Contender("PyTorch", "peers", "gemm", dict(n=3072), inputs=False),
        ),
    ),
    Measure(
        "limit of reading memory",
        "bytes",
        (Contender("PyTorch", "peers", "memory", dict(n=1 << 28), inputs=False),),
    ),
    _train("gpt2", 4, 256, 2, 1.15, {}),
    _train("tiny-0.2m", 16, 160, 40, 1.5, dict(split=CORES)),
    _useful("gpt2", 2, 1024, 3, 12, split=1),
    _useful("tiny-0.8m", 8, 512, 20, 24, split=CORES),
    *map(_generate, BATCHES),
    _dialogues(),
    _evaluate(),
    *map(_sampling, (4, 16, 64)),
    *map(_slots, SLOTS),
    *map(_context, CONTEXTS),
    *map(_size, SIZES),
    Measure(
        "first step gpt2, compiled before",
        "s",
        (Contender("ours", "ours", "first_step", dict(student="gpt2", batch=4, context=256)),),
        seconds=True,
    ),
    Measure(
        "import of the command line",
        "s",
        (Contender("ours", "ours", "command_line", {}, inputs=False),),
        seconds=True,
    ),
)

CURVES = (
    Curve(
        "batch", "Greedy decoding, gpt2, 128 + 128 tokens", "rows side by side", "new tokens a second",
        tuple((n, f"decode gpt2, 128 + 128, batch {n}") for n in BATCHES),
    ),
    Curve(
        "slots", "Iterative dialogues, tiny-0.8m, GSM8K", "slots", "problems a second",
        tuple((n, f"slots tiny-0.8m, {n}") for n in SLOTS),
    ),
    Curve(
        "context", "Train step, tiny-0.8m, 4,096 tokens", "context", "tokens a second",
        tuple((n, f"context tiny-0.8m, {n}") for n in CONTEXTS),
    ),
    Curve(
        "size", "Train step, 16 x 160 tokens", "student", "tokens a second",
        tuple((name, f"size {name}") for name in SIZES),
    ),
)  # fmt: skip
