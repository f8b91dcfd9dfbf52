"""The stages of a run. Each finds out for itself what is left to do, so any can be run again."""

import logging
from collections.abc import Callable, Sequence

from socratic_jax import processes
from socratic_jax.annotating import SPLITS, annotate, check_contamination
from socratic_jax.evaluation import baselines, results
from socratic_jax.evaluation.predictions import Prediction, predict
from socratic_jax.evaluation.predictions import read as read_predictions
from socratic_jax.evaluation.questions import QuestionsResult, compare_questions
from socratic_jax.evaluation.voting import first_votes, sizes
from socratic_jax.problems import jsonl
from socratic_jax.problems.problem import Problem
from socratic_jax.problems.sources import split_of
from socratic_jax.run import Contender, Run, has_gold, student_name
from socratic_jax.teachers import gold
from socratic_jax.teachers.funnel import Funnel
from socratic_jax.training.loop import is_trained, train_student
from socratic_jax.training.metrics import Progress
from socratic_jax.transcripts.course import Course, drop_turns
from socratic_jax.transcripts.examples import Fit, examples_for
from socratic_jax.transcripts.packing import pack
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import Strategy
from socratic_jax.transcripts.transcript import transcript

log = logging.getLogger(__name__)


def train(run: Run) -> None:
    """Trains every student of every strategy."""
    check_contamination(run)
    for s in run.strategies:
        for name in s.students:
            title = student_name(s, name)
            directory = run.workdir.student(title)
            if processes.first_says(is_trained(directory)):
                log.info("%s: trained before", title)
                continue
            with run.clock.phase("data"):
                course, fit = _course(run, s, name, "train", run.config.train.wean)
                # Checkpoints are chosen by what is left when the student is weaned.
                validation, validation_fit = _course(run, s, name, "validation", run.config.train.wean[-1:])
                fits = {"train": fit.to_dict(), "validation": validation_fit.to_dict()}
                file = run.workdir.transcripts(title)
                processes.first_does(lambda file=file, fits=fits: jsonl.write_object(file, fits))
            initial = run.pretrained if run.config.student.weights else None
            train_student(
                run.student, course, validation.phases[-1], run.config, run.mesh, directory, title, run.clock,
                initial,
            )  # fmt: skip


def _course(run: Run, s: Strategy, name: str, split: str, shares: Sequence[float]) -> tuple[Course, Fit]:
    """The packed transcripts of a split, a phase for each share of turns that the student is weaned off, and
    which transcripts are too long in all of them: without some turns, one may come to fit."""
    data, context = run.config.data, run.config.student.context
    transcripts = [
        (problem.id, transcript(problem, explanation, s, data.annotations, data.guidance))
        for problem, explanation in run.explained(split, s.explained_by)
    ]
    phases = []
    for share in shares if s.weaned else (0.0,):
        kept = drop_turns(transcripts, s.weaned, share, run.config.seed)
        examples, fit = examples_for(kept, s, name, run.tokenizer, context)
        rows = pack(examples, context, run.tokenizer.pad, run.config.seed)
        full = (rows.segments_BxT > 0).mean() if len(rows) else 0.0
        title = f"{student_name(s, name)}, {split}" + f", {share:.0%} dropped" * bool(s.weaned)
        log.info("%s: %s; %d rows, %.1f %% full", title, fit, len(rows), 100 * full)
        phases.append(rows)
    return Course(tuple(phases)), fit  # Of the last phase, whose transcripts are the shortest.


def evaluate(run: Run) -> None:
    """Lets every cast solve every suite; writes a predictions file for each, baselines included."""
    for suite in run.config.evaluate.suites:
        problems = run.suite(suite)
        if not problems:
            log.info("suite %s: left out, none of its problems can be perturbed", suite)
            continue
        if baselines.MAJORITY in run.config.evaluate.baselines:
            processes.first_does(lambda suite=suite, problems=problems: _score_majority(run, suite, problems))
        for contender in run.contenders:
            name, s = contender.name, contender.strategy
            if processes.first_says(run.workdir.predictions(suite, name).exists()):
                log.info("%s on %s: scored before", name, suite)
            elif s.oracle and not has_gold(problems, s):
                log.info(
                    "%s on %s: left out, not every problem has gold %s steps", name, suite, s.explained_by
                )
            else:
                _score(run, suite, problems, contender)


def _score_majority(run: Run, suite: str, problems: list[Problem]) -> None:
    path = run.workdir.predictions(suite, baselines.MAJORITY)
    if not path.exists():
        found = baselines.majority(problems, run.train_problems)
        path.parent.mkdir(parents=True, exist_ok=True)
        jsonl.write_records(path, [p.to_dict() for p in found])


def _score(run: Run, suite: str, problems: list[Problem], contender: Contender) -> None:
    """Scores one contender. Finished batches are kept in a file, which a stopped run goes on from."""
    name, decode = contender.name, contender.decode
    unfinished = run.workdir.unfinished(suite, name)
    predictions = read_predictions(unfinished)  # By place.
    title = f"{name} on {suite}"
    if predictions:
        log.info("%s: %d were scored before", title, len(predictions))
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    with run.clock.phase("decode"), Progress(title, len(problems), len(predictions)) as progress:

        def on_progress(n: int) -> None:
            progress.advance(n)
            processes.check_stop(f"{title}, {len(predictions)} of {len(problems)} kept")

        groups = predict(
            run.cast(contender.strategy, decode, contender.trained), problems, decode.slots, run.config.seed,
            run.config.data.guidance, decode.samples, predictions.keys(), on_progress,
        )  # fmt: skip
        for group in groups:
            predictions |= group
            if processes.is_first():
                # As a whole: object stores cannot append.
                records = ({"place": i, **p.to_dict()} for i, p in predictions.items())
                jsonl.write_records(unfinished, records)

    def write():
        records = (predictions[i].to_dict() for i in range(len(problems)))
        jsonl.write_records(run.workdir.predictions(suite, name), records)
        unfinished.unlink(missing_ok=True)

    processes.first_does(write)


def make_report(run: Run) -> None:
    """Tables, plots and the page from the predictions there are."""
    with run.clock.phase("report"):
        processes.first_does(lambda: _report(run))


def _report(run: Run) -> None:
    from socratic_jax.reporting import plots, report, tables

    rows, steps, pairs, questions = [], [], [], []
    size = run.config.student.weights or run.config.student.size
    suites = run.config.evaluate.suites
    for suite in suites:
        asking: list[str] = []
        predictions: dict[str, list[Prediction]] = {}
        oracles = set()
        for c in run.contenders:
            found = list(read_predictions(run.workdir.predictions(suite, c.name)).values())
            if found:
                fewer = {f"{c.name}@{k}": first_votes(found, k) for k in sizes(c.decode.samples)}
                predictions |= fewer | {c.name: found}
                oracles |= {*fewer, c.name} if c.strategy.oracle else set()
                if Role.QUESTION in c.strategy.roles - c.strategy.given:
                    asking.append(c.name)
        found = list(read_predictions(run.workdir.predictions(suite, baselines.MAJORITY)).values())
        predictions |= {baselines.MAJORITY: found} if found and predictions else {}
        labels = dict(suite=suite, split=split_of(suites, suite), size=size, seed=run.config.seed)
        for name, found in predictions.items():
            rows.append(results.summarise(found, strategy=name, oracle=name in oracles, **labels))
            steps += results.by_steps(found, suite, name)
        pairs += results.paired(suite, predictions)
        if asking:
            problems = run.suite(suite)
            questions += [compare_questions(suite, name, predictions[name], problems) for name in asking]
    if not rows:
        raise ValueError(f"no predictions in {run.workdir.path}; run --stage=evaluate first")
    results.write_csv(run.workdir.path / "results.csv", rows, results.Result)
    results.write_csv(run.workdir.path / "results_by_steps.csv", steps, results.StepsResult)
    results.write_csv(run.workdir.path / "results_paired.csv", pairs, results.PairedResult)
    questions = [row for row in questions if row is not None]
    results.write_csv(run.workdir.path / "results_questions.csv", questions, QuestionsResult)
    plots.write(run.workdir.plots, rows, steps)
    funnels = {
        f"{kind} explanations, {split}, by {run.config.annotate[kind].teacher}": _funnel(run, split, kind)
        for kind in run.kinds
        for split in SPLITS
        if run.config.annotate[kind].teacher != gold.AUTHOR
    }
    funnels = {title: funnel for title, funnel in funnels.items() if funnel}
    files = {title: run.workdir.transcripts(title) for title in run.student_names}
    fits = {title: jsonl.read_object(file)["train"] for title, file in files.items() if file.exists()}
    tables.show(rows, steps, pairs, questions, funnels, fits, run.clock.attempts)
    run.clock.flush()  # The page reads where the time went from its file.
    page = report.write(str(run.workdir.path))
    log.info("the page: %s", page)


def _funnel(run: Run, split: str, kind: str) -> Funnel | None:
    path = run.workdir.funnel(split, kind)
    return Funnel.from_dict(jsonl.read_object(path)) if path.exists() else None


# In the order in which they run.
STAGES: dict[str, Callable[[Run], None]] = {
    "annotate": annotate,
    "train": train,
    "evaluate": evaluate,
    "report": make_report,
}
