"""The stages of a run. Each finds out for itself what is left to do, so any can be run again."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import jax
from etils import epath

from socratic_jax import processes
from socratic_jax.evaluation import results
from socratic_jax.evaluation.predictions import Prediction, predict
from socratic_jax.local import make_local_teacher
from socratic_jax.problems import annotations, contamination, jsonl
from socratic_jax.problems.problem import Problem, ProblemError
from socratic_jax.run import Run, has_gold, student_name
from socratic_jax.teachers import gold, prices
from socratic_jax.teachers.funnel import Funnel
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.limits import Limits
from socratic_jax.teachers.pipeline import Pipeline, make_pipeline
from socratic_jax.teachers.registry import make_teacher
from socratic_jax.teachers.teacher import Teacher
from socratic_jax.training.loop import is_trained, train_student
from socratic_jax.training.metrics import Progress, is_remote
from socratic_jax.transcripts.examples import examples_for
from socratic_jax.transcripts.packing import Batch, pack
from socratic_jax.transcripts.strategies import STRATEGIES, Strategy
from socratic_jax.transcripts.transcript import transcript

log = logging.getLogger(__name__)

SPLITS = ("train", "validation")


def annotate(run: Run, dry_run: bool = False) -> None:
    """Writes annotations/<split>-<kind>.jsonl for every kind of explanation that a strategy needs.

    With `dry_run`, prints what the replies would cost and asks nobody.

    Raises:
      ValueError: a local teacher is to annotate in one of several processes; its devices are theirs.
    """
    local = [kind for kind in run.kinds if run.config.annotate[kind].teacher.startswith("local:")]
    if local and jax.process_count() > 1:
        raise ValueError(
            f"annotate.{local[0]}.teacher is local: run --stage=annotate in one process before the others"
        )
    with run.clock.phase("annotate"):
        processes.first_does(lambda: _annotate(run, dry_run))
    processes.check_stop("annotating")


def _annotate(run: Run, dry_run: bool) -> None:
    _check_contamination(run)
    for kind in run.kinds:
        spec = run.config.annotate[kind].teacher
        for split in SPLITS:
            path = run.workdir.annotations(split, kind)
            if path.exists():
                log.info("%s, %s: annotated before", kind, split)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            funnel = Funnel()
            problems = run.learnt_problems(split)
            if spec == gold.AUTHOR:
                if not dry_run:
                    annotations.write(path, gold.annotate(problems, kind, funnel))
                    kept_of = {annotation.problem for annotation in annotations.read(path)}
                    lost = len(problems) - len(kept_of)
                    if lost:
                        log.warning("%s, %s: %d problems have no gold steps to learn from", kind, split, lost)
            else:
                _ask(run, spec, kind, split, problems, funnel, dry_run)
            if not dry_run:
                file = run.workdir.funnel(split, kind)
                file.write_text(json.dumps(funnel.to_dict(), indent=2) + "\n")
                if spec != gold.AUTHOR:
                    log.info("%s explanations, %s, by %s\n\n%s\n", kind, split, spec, funnel)
                if not funnel.kept:
                    path.unlink(missing_ok=True)
                    raise ProblemError(
                        f"no {kind} explanation by {spec} for {split} was kept; why is in {file}"
                    )
                if processes.told_to_stop():
                    return  # Only the first process is here, so it must not ask the others.


def _ask(
    run: Run, spec: str, kind: str, split: str, problems: list[Problem], funnel: Funnel, dry_run: bool
) -> None:
    c = run.config.annotate
    if is_remote(run.workdir.path):
        raise ValueError(
            f"{spec} cannot annotate into {run.workdir.path}: its journal needs file locks. Annotate in a "
            "local workdir and copy its config.json and annotations/ there"
        )
    local = spec.startswith("local:")
    if local:
        teacher, bare = make_local_teacher(run, spec)
    else:
        teacher, bare = make_teacher(spec, limits=_limits(c.limits), **teacher_options(c[kind])), False
    pipeline = make_pipeline(c, c[kind].prompt, bare)
    problems = _askable(pipeline, problems, f"{kind}, {split}")
    price = prices.price_of(teacher.name, prices.load(c.prices))
    path = run.workdir.annotations(split, kind)
    with Journal(run.workdir.journal) as journal:
        if dry_run:
            print(f"{kind}, {split}, by {teacher.name}:")
            print(pipeline.estimate(teacher.name, problems, journal, price, teacher.batch))
            return
        _collect(teacher, pipeline, problems, journal, price, f"{kind}, {split}, by {teacher.name}")
        annotations.write(path, pipeline.select(teacher.name, problems, journal, funnel))


def _collect(
    teacher: Teacher, pipeline: Pipeline, problems: list[Problem], journal: Journal, price, title: str
) -> None:
    total = len(problems) * len(pipeline.prompts) * pipeline.samples
    with Progress(title, total) as progress:
        counts = pipeline.ask(teacher, problems, journal, price, progress.advance)
    lost = {name: getattr(counts, name) for name in ("length", "blocked", "error", "gave_up")}
    if any(lost.values()):
        log.warning("%s: no answer from %s", title, ", ".join(f"{n} ({k})" for k, n in lost.items() if n))
    if counts.dollars is not None:
        log.info("%s: %d replies, %s", title, counts.asked, counts.note())
    if counts.gave_up:
        raise RuntimeError(
            f"{title}: {counts.gave_up} requests have no reply, since the teacher did not answer; all other "
            "replies are kept, and the same command asks for these again"
        )


def _limits(config: Mapping) -> Limits:
    """Limits from the config, in which 0 is no limit."""
    none = ("requests_per_minute", "tokens_per_minute")
    return Limits(**{name: None if name in none and not n else n for name, n in config.items()})


def teacher_options(config: Mapping) -> dict[str, Any]:
    """The options of a kind's teacher that are set, by the names that teachers have for them."""
    unset = {"base_url": "", "api_key_file": "", "thinking": -1, "directory": ""}
    return {name: config[name] for name, empty in unset.items() if config[name] != empty}


def _askable(pipeline: Pipeline, problems: list[Problem], title: str) -> list[Problem]:
    """The problems that the prompts can be filled in for; some of them want gold steps."""
    askable = []
    for problem in problems:
        try:
            pipeline.prompts[0].render(problem)
        except ProblemError:
            continue
        askable.append(problem)
    if len(askable) < len(problems):
        left_out = len(problems) - len(askable)
        log.warning("%s: %d problems are left out, since the prompt wants steps", title, left_out)
    return askable


def _check_contamination(run: Run) -> None:
    """Refuses to learn from, or to choose checkpoints by, problems that are scored."""
    suites = {name: run.suite(name) for name in run.config.evaluate.suites}
    contamination.check(run.train_problems, suites, "the training problems")
    contamination.check(run.validation_problems, suites, "the validation problems")


def train(run: Run) -> None:
    """Trains every student of every strategy."""
    _check_contamination(run)
    for s in run.strategies:
        for name in s.students:
            title = student_name(s, name)
            directory = run.workdir.student(title)
            if processes.first_says(is_trained(directory)):
                log.info("%s: trained before", title)
                continue
            with run.clock.phase("data"):
                rows, validation = (_rows(run, s, name, split) for split in SPLITS)
            initial = run.pretrained if run.config.student.weights else None
            train_student(
                run.student, rows, validation, run.config, run.mesh, directory, title, run.clock, initial
            )


def _rows(run: Run, s: Strategy, name: str, split: str) -> Batch:
    data, context = run.config.data, run.config.student.context
    transcripts = [
        (problem.id, transcript(problem, explanation, s, data.annotations, data.guidance))
        for problem, explanation in run.explained(split, s.explained_by)
    ]
    examples, fit = examples_for(transcripts, s, name, run.tokenizer, context)
    rows = pack(examples, context, run.tokenizer.pad, run.config.seed)
    full = (rows.segments_BxT > 0).mean() if len(rows) else 0.0
    log.info("%s, %s: %s; %d rows, %.1f %% full", student_name(s, name), split, fit, len(rows), 100 * full)
    return rows


def evaluate(run: Run) -> None:
    """Lets every cast solve every suite; writes a predictions file for each."""
    for suite in run.config.evaluate.suites:
        problems = run.suite(suite)
        for s in run.evaluated:
            if processes.first_says(run.workdir.predictions(suite, s.name).exists()):
                log.info("%s on %s: scored before", s.name, suite)
            elif s.oracle and not has_gold(problems, s):
                log.info(
                    "%s on %s: left out, not every problem has gold %s steps", s.name, suite, s.explained_by
                )
            else:
                _score(run, suite, problems, s)


def _score(run: Run, suite: str, problems: list[Problem], s: Strategy) -> None:
    """Scores one strategy. Finished batches are kept in a file, which a stopped run goes on from."""
    c, unfinished = run.config, run.workdir.unfinished(suite, s.name)
    predictions = _finished(unfinished)
    title = f"{s.name} on {suite}"
    if predictions:
        log.info("%s: %d were scored before", title, len(predictions))
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    with run.clock.phase("decode"), Progress(title, len(problems), len(predictions)) as progress:

        def on_progress(n: int) -> None:
            progress.advance(n)
            processes.check_stop(f"{title}, {len(predictions)} of {len(problems)} kept")

        cast, slots, guidance = run.cast(s), c.decode.slots, c.data.guidance
        for group in predict(cast, problems, slots, c.seed, guidance, predictions.keys(), on_progress):
            predictions |= group
            if processes.is_first():
                # As a whole: object stores cannot append.
                records = ({"place": i, **p.to_dict()} for i, p in predictions.items())
                jsonl.write_records(unfinished, records)

    def write():
        records = (predictions[i].to_dict() for i in range(len(problems)))
        jsonl.write_records(run.workdir.predictions(suite, s.name), records)
        unfinished.unlink(missing_ok=True)

    processes.first_does(write)


def _finished(path: epath.Path) -> dict[int, Prediction]:
    """What a stopped evaluation has scored, by place."""
    records = jsonl.read_records(path) if path.exists() else ()
    return {record.pop("place"): Prediction.from_dict(record) for _, record in records}


def report(run: Run) -> None:
    """Tables and plots from the predictions there are."""
    with run.clock.phase("report"):
        processes.first_does(lambda: _report(run))


def _report(run: Run) -> None:
    from socratic_jax.reporting import plots, tables

    rows, steps, pairs = [], [], []
    size = run.config.student.weights or run.config.student.size
    for suite, options in run.config.evaluate.suites.items():
        predictions = {s.name: found for s in run.evaluated if (found := _predictions(run, suite, s))}
        labels = dict(suite=suite, split=options.get("split", "test"), size=size, seed=run.config.seed)
        for name, found in predictions.items():
            oracle = STRATEGIES[name].oracle
            rows.append(results.summarise(found, strategy=name, oracle=oracle, **labels))
            steps += results.by_steps(found, suite, name)
        if predictions:
            rows += results.baselines(next(iter(predictions.values())), **labels)
        pairs += results.paired(suite, predictions)
    if not rows:
        raise ValueError(f"no predictions in {run.workdir.path}; run --stage=evaluate first")
    results.write_csv(run.workdir.path / "results.csv", rows, results.Result)
    results.write_csv(run.workdir.path / "results_by_steps.csv", steps, results.StepsResult)
    results.write_csv(run.workdir.path / "results_paired.csv", pairs, results.PairedResult)
    plots.write(run.workdir.plots, rows, steps)
    funnels = {
        f"{kind} explanations, {split}, by {run.config.annotate[kind].teacher}": _funnel(run, split, kind)
        for kind in run.kinds
        for split in SPLITS
        if run.config.annotate[kind].teacher != gold.AUTHOR
    }
    funnels = {title: funnel for title, funnel in funnels.items() if funnel}
    tables.show(rows, steps, pairs, funnels, run.clock.attempts)


def _predictions(run: Run, suite: str, s: Strategy) -> list[Prediction]:
    path = run.workdir.predictions(suite, s.name)
    if not path.exists():
        return []
    return [Prediction.from_dict(record) for _, record in jsonl.read_records(path)]


def _funnel(run: Run, split: str, kind: str) -> Funnel | None:
    path = run.workdir.funnel(split, kind)
    return Funnel.from_dict(json.loads(path.read_text())) if path.exists() else None


# In the order in which they run.
STAGES: dict[str, Callable[[Run], None]] = {
    "annotate": annotate,
    "train": train,
    "evaluate": evaluate,
    "report": report,
}
