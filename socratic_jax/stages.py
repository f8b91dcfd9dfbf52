"""The stages of a run. Each finds out for itself what is left to do, so any can be run again."""

import functools
import logging
from collections.abc import Sequence
from typing import Any

import jax
from jax.sharding import NamedSharding
from ml_collections import ConfigDict

from socratic_jax.decoding.dialogue import Cast
from socratic_jax.decoding.engine import Engine
from socratic_jax.decoding.sampling import Sampling
from socratic_jax.evaluation import results
from socratic_jax.evaluation.predictions import Prediction, predict
from socratic_jax.problems import jsonl, sources
from socratic_jax.problems.problem import Explanation, Problem
from socratic_jax.sharding import REPLICATED, make_mesh
from socratic_jax.students.gpt2 import GPT2Student
from socratic_jax.students.huggingface import load_student
from socratic_jax.students.sizes import make_student
from socratic_jax.training.checkpoints import CheckpointError, Checkpoints
from socratic_jax.training.loop import train_student
from socratic_jax.training.metrics import Progress
from socratic_jax.transcripts.examples import examples_for
from socratic_jax.transcripts.packing import Batch, pack
from socratic_jax.transcripts.strategies import STRATEGIES, Strategy, strategy
from socratic_jax.transcripts.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from socratic_jax.transcripts.transcript import transcript
from socratic_jax.workdir import Workdir

log = logging.getLogger(__name__)


class Run:
    """A configuration in its workdir, and what its stages share.

    Args:
      config: as config.default_config().
      workdir: of the run.
    """

    def __init__(self, config: ConfigDict, workdir: str):
        # Names are looked up before anything is written or computed.
        self.config = config
        self.strategies = [strategy(name) for name in config.strategies]
        for s in self.strategies:
            if s.taught_as != s.name:
                raise ValueError(f"strategy {s.name!r} is for evaluation only; name {s.taught_as!r} instead")
        use_cpu_devices(config.cpu_devices)
        self.mesh = make_mesh(config.mesh)
        self.workdir = Workdir(workdir, config)

    # What the stages share, made when first needed.

    def problems(self, split: str, limit: int = 0, **overrides: Any) -> list[Problem]:
        """Problems of the configured source, or of another one that `overrides` names."""
        data = {**self.config.data, **overrides}
        return sources.load(
            data["source"], split, data["dir"] or None, limit or None, **dict(data["options"])
        )

    @functools.cached_property
    def train_problems(self) -> list[Problem]:
        return self.problems("train", self.config.data.train_limit)

    @functools.cached_property
    def validation_problems(self) -> list[Problem]:
        return self.problems("validation", self.config.data.validation_limit)

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """The run's tokenizer: from the workdir, else from the hub, else trained."""
        c = self.config.tokenizer
        if (self.workdir.tokenizer / "tokenizer.json").exists():
            return load_tokenizer(self.workdir.tokenizer)
        if c.path:
            tokenizer = load_tokenizer(c.path)
        else:
            texts = [text for p in self.train_problems for text in _texts(p)]
            tokenizer = train_tokenizer(texts, c.vocab_size)
        tokenizer.save(self.workdir.tokenizer)
        return load_tokenizer(self.workdir.tokenizer)

    @functools.cached_property
    def student(self) -> GPT2Student:
        """The student's shape; all students of a run have the same one."""
        c = self.config.student
        options = dict(context=c.context, dropout=c.dropout, dtype=self._dtype, remat=c.remat)
        if c.weights:
            return load_student(c.weights, self.tokenizer.padded_size, **options)[0]
        return make_student(c.size, self.tokenizer.padded_size, **options)

    @property
    def _dtype(self) -> str:
        # bf16 is emulated on CPUs, many times slower than f32.
        auto = "float32" if jax.default_backend() == "cpu" else "bfloat16"
        return auto if self.config.student.dtype == "auto" else self.config.student.dtype

    # The stages.

    def train(self) -> None:
        """Trains every student of every strategy."""
        for s in self.strategies:
            for name in s.students:
                rows = self._rows(s, name, self.train_problems, "train")
                validation = self._rows(s, name, self.validation_problems, "validation")
                title = student_name(s, name)
                directory = self.workdir.student(title)
                initial = self._pretrained if self.config.student.weights else None
                train_student(
                    self.student, rows, validation, self.config, self.mesh, directory, title, initial
                )

    def evaluate(self) -> None:
        """Lets every cast solve every suite; writes a predictions file for each."""
        for suite in self.config.evaluate.suites:
            problems = self.suite(suite)
            for s in self.evaluated:
                path = self.workdir.predictions(suite, s.name)
                if path.exists():
                    log.info("%s on %s: scored before", s.name, suite)
                    continue
                cast = self.cast(s)
                with Progress(f"{s.name} on {suite}", len(problems)) as progress:
                    predictions = predict(
                        cast, problems, self.config.decode.slots, self.config.seed, progress.advance
                    )
                path.parent.mkdir(parents=True, exist_ok=True)
                jsonl.write_records(path, (p.to_dict() for p in predictions))

    def report(self) -> None:
        """Tables and plots from the predictions there are."""
        from socratic_jax.reporting import plots, tables

        rows, steps, pairs = [], [], []
        for suite, options in self.config.evaluate.suites.items():
            predictions = {s.name: self.predictions(suite, s) for s in self.evaluated}
            predictions = {name: found for name, found in predictions.items() if found}
            for name, found in predictions.items():
                labels = dict(
                    suite=suite,
                    split=options.get("split", "test"),
                    strategy=name,
                    size=self.config.student.weights or self.config.student.size,
                    seed=self.config.seed,
                    oracle=STRATEGIES[name].taught_as != name,
                )
                rows.append(results.summarise(found, **labels))
                steps += results.by_steps(found, suite, name)
            pairs += results.paired(suite, predictions)
        if not rows:
            raise ValueError(f"no predictions in {self.workdir.path}; run --stage=evaluate first")
        results.write_csv(self.workdir.path / "results.csv", rows, results.Result)
        results.write_csv(self.workdir.path / "results_by_steps.csv", steps, results.StepsResult)
        results.write_csv(self.workdir.path / "results_paired.csv", pairs, results.PairedResult)
        plots.write(self.workdir.plots, rows, steps)
        tables.show(rows, steps, pairs)

    # Pieces of the stages.

    @property
    def evaluated(self) -> list[Strategy]:
        """The strategies to score: those taught, and the oracles that their students can play."""
        taught = {s.name for s in self.strategies}
        oracles = [s for s in STRATEGIES.values() if s.taught_as != s.name and s.taught_as in taught]
        return self.strategies + (oracles if self.config.evaluate.oracles else [])

    def suite(self, name: str) -> list[Problem]:
        """The problems of an evaluation suite."""
        options = dict(self.config.evaluate.suites[name])
        return self.problems(options.pop("split", "test"), options.pop("limit", 0), **options)

    def predictions(self, suite: str, s: Strategy) -> list[Prediction]:
        """The predictions of a strategy on a suite; empty if there are none yet."""
        path = self.workdir.predictions(suite, s.name)
        if not path.exists():
            return []
        return [Prediction.from_dict(record) for _, record in jsonl.read_records(path)]

    def cast(self, s: Strategy) -> Cast:
        """A strategy with its trained students."""
        c = self.config.decode
        sampling = Sampling(c.temperature, c.top_k, c.top_p)
        engine = Engine((self.student,) * len(s.cast), c.capacity, c.max_steps, sampling, self.mesh)
        params = {part.student: self.trained_params(s, part.student) for part in s.cast}
        return Cast(s, engine, tuple(params[part.student] for part in s.cast), self.tokenizer)

    def trained_params(self, s: Strategy, name: str) -> Any:
        """The parameters of a trained student."""
        directory = self.workdir.student(student_name(s, name)) / "checkpoints"
        which = self.config.evaluate.checkpoint
        if which not in ("best", "latest"):
            raise ValueError(f"evaluate.checkpoint is {which!r}; valid: best, latest")
        if not directory.exists():
            raise CheckpointError(f"no checkpoints in {directory}; run --stage=train first")
        with Checkpoints(directory) as checkpoints:
            if checkpoints.latest != self.config.train.steps:
                raise CheckpointError(f"{directory} is not trained to its end; run --stage=train first")
            step = getattr(checkpoints, which)
            # Decoding spreads rows, not parameters.
            everywhere = NamedSharding(self.mesh, REPLICATED)
            shape = jax.tree.map(
                lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=everywhere),
                jax.eval_shape(self.student.init, jax.random.key(0)),
            )
            return checkpoints.restore_params(step, shape)

    def _pretrained(self) -> Any:
        return load_student(
            self.config.student.weights, self.tokenizer.padded_size, self.config.student.context
        )[1]

    def _rows(self, s: Strategy, name: str, problems: Sequence[Problem], split: str) -> Batch:
        annotations = self.config.data.annotations
        transcripts = [
            (problem.id, transcript(problem, explanation, s, annotations))
            for problem, explanation in explained(problems)
        ]
        context = self.config.student.context
        examples, fit = examples_for(transcripts, s, name, self.tokenizer, context)
        rows = pack(examples, context, self.tokenizer.pad, self.config.seed)
        full = (rows.segments_BxT > 0).mean() if len(rows) else 0.0
        log.info(
            "%s, %s: %s; %d rows, %.1f %% full", student_name(s, name), split, fit, len(rows), 100 * full
        )
        return rows


def use_cpu_devices(n: int) -> None:
    """Splits the CPU into n devices, where JAX runs on a CPU; has to come before JAX's first use."""
    if n != jax.config.jax_num_cpu_devices and n > 1:
        jax.config.update("jax_num_cpu_devices", n)


def explained(problems: Sequence[Problem]) -> list[tuple[Problem, Explanation]]:
    """Problems with the explanations to learn from."""
    return [(problem, problem.gold) for problem in problems]


def student_name(s: Strategy, name: str) -> str:
    """The directory of a student: strategies never share trained weights by accident."""
    return f"{s.taught_as}-{name}"


def _texts(problem: Problem) -> list[str]:
    steps = [text for step in problem.steps for text in (step.subquestion, step.solution)]
    return [problem.question, *steps, problem.answer]
