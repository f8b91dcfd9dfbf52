"""A configuration in its workdir, and everything that more than one stage needs of it."""

import dataclasses
import functools
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax
from etils import epath
from jax.sharding import Mesh, NamedSharding
from ml_collections import ConfigDict

from socratic_jax import checks, processes
from socratic_jax.accounting import Clock
from socratic_jax.config import with_defaults, with_robustness
from socratic_jax.decoding.dialogue import Cast
from socratic_jax.decoding.engine import Engine
from socratic_jax.decoding.sampling import Sampling
from socratic_jax.devices import prepare_cpu, this_device
from socratic_jax.evaluation.baselines import UNTRAINED
from socratic_jax.problems import annotations, sources
from socratic_jax.problems.jsonl import read_object
from socratic_jax.problems.problem import Explanation, Problem, ProblemError
from socratic_jax.sharding import (
    REPLICATED,
    choose_mesh,
    count_slices,
    is_matrix,
    make_mesh,
    mesh_sizes,
    show_sizes,
)
from socratic_jax.students.gpt2 import GPT2Student
from socratic_jax.students.huggingface import load_student, pretrained_student
from socratic_jax.students.int8 import quantise
from socratic_jax.students.sizes import make_student
from socratic_jax.teachers import settings
from socratic_jax.training.checkpoints import CheckpointError, Checkpoints
from socratic_jax.training.loop import is_trained, like
from socratic_jax.transcripts.strategies import STRATEGIES, Strategy, strategy
from socratic_jax.transcripts.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from socratic_jax.workdir import Workdir

log = logging.getLogger(__name__)

# What a suite may say of its problems: which they are, and whatever differs from `config.data`.
BEGAN = time.time()  # This module is imported when a run begins.


@dataclasses.dataclass(frozen=True)
class Contender:
    """Something that is scored.

    Attributes:
      name: the strategy's, and, after a "+", that of the way of decoding if it is not the configured one.
      strategy: what is played.
      decode: as config.decode.
      trained: whether by students that were taught; if not, it is a baseline.
    """

    name: str
    strategy: Strategy
    decode: ConfigDict
    trained: bool = True


class Run:
    """A run: what is configured, what is there already, and how to get at it.

    Args:
      config: as config.default_config().
      workdir: of the run; made if it is not there.
      mesh: to compute on; None makes the configured one when it is first needed.
    """

    def __init__(self, config: ConfigDict, workdir: str, mesh: Mesh | None = None):
        # Names are looked up before anything is written or computed.
        self.config = config = with_robustness(config)
        checks.check(config)
        self._suites: dict[str, list[Problem]] = {}
        self.strategies = [strategy(name) for name in config.strategies]
        for s in self.strategies:
            if s.taught_as != s.name:
                raise ValueError(f"strategy {s.name!r} is for evaluation only; name {s.taught_as!r} instead")
        self.contenders = self._contenders()
        settings.check(config.annotate)
        for kind in self.kinds:
            if kind not in config.annotate:
                raise ValueError(
                    f"a strategy learns from {kind}, and there is no annotate.{kind} in this config; "
                    "add it as configs/strategyqa.py does"
                )
        if mesh is not None:
            self.mesh = mesh
        else:
            prepare_cpu(config.cpu_devices)
            if config.mesh != "auto":
                mesh_sizes(config.mesh, jax.device_count())
        self.workdir = Workdir(workdir, config)

    @functools.cached_property
    def clock(self) -> Clock:
        """Adds up where the run's time goes."""
        return Clock(self.workdir.seconds if processes.is_first() else None, BEGAN)

    @functools.cached_property
    def mesh(self) -> Mesh:
        """The configured mesh, checked against the student and the batch."""
        c, device = self.config, this_device()
        sizes = choose_mesh(
            c.mesh,
            jax.eval_shape(self.student.init, jax.random.key(0)),
            jax.device_count(),
            c.train.batch_size // c.train.accumulate,
            device and device.memory,
            count_slices(jax.devices()),
        )
        log.info("mesh of %d device(s): %s", jax.device_count(), show_sizes(sizes))
        return make_mesh(sizes)

    # Problems and explanations.

    def problems(self, split: str, limit: int = 0, **overrides: Any) -> list[Problem]:
        """Problems of the configured source, or of another one that `overrides` names."""
        return sources.load_configured(self.config.data, split, limit, **overrides)

    @functools.cached_property
    def train_problems(self) -> list[Problem]:
        problems = self.problems("train", self.config.data.train_limit)
        return problems[: len(problems) - self._holdout(problems)]

    @functools.cached_property
    def validation_problems(self) -> list[Problem]:
        if not self.config.data.holdout:
            return self.problems("validation", self.config.data.validation_limit)
        problems = self.problems("train", self.config.data.train_limit)
        return problems[len(problems) - self._holdout(problems) :]

    def _holdout(self, problems: list[Problem]) -> int:
        n = self.config.data.holdout
        if not 0 <= n < len(problems):
            raise ValueError(f"data.holdout is {n}; it must be from 0 to {len(problems) - 1}")
        return n

    def learnt_problems(self, split: str) -> list[Problem]:
        """The problems of "train" or "validation"."""
        return self.train_problems if split == "train" else self.validation_problems

    def explained(self, split: str, kind: str) -> Iterator[tuple[Problem, Explanation]]:
        """Problems with the explanations of a kind to learn from; kind "" needs none."""
        problems = self.learnt_problems(split)
        if not kind:
            if not any(problem.answer for problem in problems):
                raise ProblemError(f"no problem of {split} has an answer to learn; leave answer_only out")
            yield from ((problem, Explanation("", ())) for problem in problems if problem.answer)
            return
        path = self.workdir.annotations(split, kind)
        if not path.exists():
            raise ProblemError(f"no annotations in {path}; run --stage=annotate first")
        yield from annotations.explained(problems, annotations.read(path))

    @functools.cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of explanation that the strategies are taught by."""
        return tuple(dict.fromkeys(s.explained_by for s in self.strategies if s.explained_by))

    def suite(self, name: str) -> list[Problem]:
        """The problems of an evaluation suite, read once; a perturbed one may have none.

        Raises:
          ProblemError: one has no answer, or the problems cannot be read.
        """
        if name not in self._suites:
            self._suites[name] = self._read_suite(name)
        return self._suites[name]

    def _read_suite(self, name: str) -> list[Problem]:
        problems, left_out = sources.load_suite(self.config.data, self.config.evaluate.suites, name)
        if left_out and problems:
            log.info(
                "suite %s: %d problems changed, %d left out, since they cannot be changed safely",
                name, len(problems), left_out,
            )  # fmt: skip
        for problem in problems:
            if not problem.answer:
                raise ProblemError(
                    f"suite {name!r}: problem {problem.id!r} has no answer and cannot be scored; take it out"
                )
        return problems

    def _contenders(self) -> list[Contender]:
        """What is scored: the strategies taught, and the oracles that their students can play, as configured
        and in every other way of decoding that evaluate.variants names; then untrained students."""
        c = self.config
        taught = {s.name for s in self.strategies}
        oracles = [s for s in STRATEGIES.values() if s.oracle and s.taught_as in taught]
        plays = self.strategies + (oracles if c.evaluate.oracles else [])
        contenders = [
            Contender(s.name + (f"+{name}" if name else ""), s, way)
            for name, way in checks.decodings(c).items()
            for s in plays
        ]
        untrained = [name for name in c.evaluate.baselines if name.startswith(UNTRAINED)]
        return contenders + [
            Contender(name, strategy(name.removeprefix(UNTRAINED)), c.decode, trained=False)
            for name in untrained
        ]

    @property
    def journal(self) -> epath.Path:
        """Where teachers' replies are kept: with the run, or where several runs look for them."""
        shared = self.config.annotate.journal
        return epath.Path(shared).expanduser() if shared else self.workdir.journal

    # Students.

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """The run's tokenizer: from the workdir, else from the hub, else trained."""
        c = self.config.tokenizer

        def make():
            if not (self.workdir.tokenizer / "tokenizer.json").exists():
                made = load_tokenizer(c.path) if c.path else train_tokenizer(self._texts(), c.vocab_size)
                made.save(self.workdir.tokenizer)

        processes.first_does(make)
        return load_tokenizer(self.workdir.tokenizer)

    def _texts(self) -> Iterator[str]:
        for problem in self.train_problems:
            yield problem.question
            yield problem.answer
        for kind in self.kinds:
            for _, explanation in self.explained("train", kind):
                for step in explanation.steps:
                    yield from (step.subquestion, step.solution)

    @property
    def student_names(self) -> list[str]:
        """The directories of all students, in the order in which they are trained."""
        return [student_name(s, name) for s in self.strategies for name in s.students]

    @functools.cached_property
    def student(self) -> GPT2Student:
        """The student's shape; all students of a run have the same one."""
        c = self.config.student
        options = dict(
            context=c.context,
            dropout=c.dropout,
            remat=c.remat,
            unroll=c.unroll,
            attention=c.attention,
            dtype=self.student_dtype,
        )
        if c.weights:
            return pretrained_student(c.weights, self.tokenizer.padded_size, **options)
        return make_student(c.size, self.tokenizer.padded_size, **options)

    @property
    def student_dtype(self) -> str:
        """What students compute in."""
        # bf16 is emulated on CPUs, many times slower than f32.
        auto = "float32" if jax.default_backend() == "cpu" else "bfloat16"
        return auto if self.config.student.dtype == "auto" else self.config.student.dtype

    def pretrained(self) -> Any:
        """The parameters to start from, where there are any."""
        c = self.config.student
        return load_student(c.weights, self.tokenizer.padded_size, c.context)[1]

    def cast(self, s: Strategy, decode: ConfigDict | None = None, trained: bool = True) -> Cast:
        """A strategy with its students, trained or untrained, to decode as configured or in another way."""
        c = decode or self.config.decode
        engine = Engine(
            students=(self.student,) * len(s.cast),
            capacity=c.capacity,
            max_steps=c.max_steps,
            sampling=Sampling(c.temperature, c.top_k, c.top_p),
            mesh=self.mesh,
            calculator=c.calculator,
        )
        if trained:
            params = {part.student: self.trained_params(s, part.student) for part in s.cast}
        else:  # All begin alike.
            params = dict.fromkeys(s.students, self.initial_params())
        if c.int8:
            params = {name: jax.jit(quantise)(tree) for name, tree in params.items()}
        return Cast(s, engine, tuple(params[part.student] for part in s.cast), self.tokenizer)

    def initial_params(self) -> Any:
        """The parameters that every student starts from, in the dtype of the computation."""
        init = jax.jit(self.student.init)
        given = self.pretrained() if self.config.student.weights else init(jax.random.key(self.config.seed))
        return like(self._params_shape(self.student_dtype), given)

    def _params_shape(self, matrix_dtype: str) -> Any:
        """Shapes, dtypes and shardings to decode with, which spreads rows and not parameters."""
        everywhere, dtype = NamedSharding(self.mesh, REPLICATED), jax.numpy.dtype(matrix_dtype)
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf: jax.ShapeDtypeStruct(
                leaf.shape, dtype if is_matrix(path) else leaf.dtype, sharding=everywhere
            ),
            jax.eval_shape(self.student.init, jax.random.key(0)),
        )

    def trained_params(self, s: Strategy, name: str, matrix_dtype: str | None = None) -> Any:
        """The parameters of a trained student.

        Matrices are only ever used in the dtype of the computation, so they are restored in it, or in
        `matrix_dtype`.
        """
        directory = self.workdir.student(student_name(s, name))
        which = self.config.evaluate.checkpoint
        if not is_trained(directory):
            raise CheckpointError(f"{directory} is not trained to its end; run --stage=train first")
        with Checkpoints(directory / "checkpoints") as checkpoints:
            step = getattr(checkpoints, which)
            if step is None:
                raise CheckpointError(f"{directory} has lost its checkpoints; delete it to train it again")
            return checkpoints.restore_params(step, self._params_shape(matrix_dtype or self.student_dtype))


def open_run(workdir: str, mesh: Mesh) -> Run:
    """A run that is there already, with the configuration that made it.

    Raises:
      ValueError: there is none.
    """
    file = epath.Path(workdir).expanduser() / "config.json"
    if not file.exists():
        raise ValueError(f"{workdir} is no workdir of a run: it has no config.json")
    return Run(ConfigDict(with_defaults(read_object(file))), workdir, mesh)


def student_name(s: Strategy, name: str) -> str:
    """The directory of a student: strategies never share trained weights by accident."""
    return f"{s.taught_as}-{name}"


def has_gold(problems: Sequence[Problem], s: Strategy) -> bool:
    """Whether every problem has the gold turns that an oracle strategy is given."""
    return all(problem.gold.kind == s.explained_by for problem in problems)
