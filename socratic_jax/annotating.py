"""The first stage: who explains the problems, and what is kept of it."""

import logging
from collections.abc import Mapping
from typing import Any

import jax
from etils import epath

from socratic_jax import processes
from socratic_jax.local import make_local_teacher
from socratic_jax.problems import annotations, contamination, jsonl
from socratic_jax.problems.problem import Problem, ProblemError
from socratic_jax.run import Run
from socratic_jax.teachers import gold, prices, settings
from socratic_jax.teachers.annotate import Counts
from socratic_jax.teachers.funnel import Funnel
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.pipeline import Pipeline, make_pipeline
from socratic_jax.teachers.prices import Price
from socratic_jax.teachers.registry import make_teacher
from socratic_jax.teachers.teacher import Teacher
from socratic_jax.training.metrics import Progress, is_remote

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
    check_contamination(run)
    spent = []  # Dollars, of the teachers whose price is known.
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
            # Renamed at the very end: annotations that are there have their funnel.
            new = path.parent / (path.name + ".new")
            if spec == gold.AUTHOR:
                if not dry_run:
                    annotations.write(new, gold.annotate(problems, kind, funnel))
                    kept_of = {annotation.problem for annotation in annotations.read(new)}
                    lost = len(problems) - len(kept_of)
                    if lost:
                        log.warning("%s, %s: %d problems have no gold steps to learn from", kind, split, lost)
            else:
                spent += _ask(run, spec, kind, split, problems, funnel, new, dry_run)
            if not dry_run:
                file = run.workdir.funnel(split, kind)
                jsonl.write_object(file, funnel.to_dict())
                if spec != gold.AUTHOR:
                    log.info("%s explanations, %s, by %s\n\n%s\n", kind, split, spec, funnel)
                if not funnel.kept:
                    new.unlink(missing_ok=True)
                    raise ProblemError(
                        f"no {kind} explanation by {spec} for {split} was kept; why is in {file}"
                    )
                new.replace(path)
                if processes.told_to_stop():
                    return  # Only the first process is here, so it must not ask the others.
    if dry_run and any(spent):
        print(f"all together ${sum(spent):,.2f} at most")
    elif any(spent):
        log.info("annotating cost $%.2f in this attempt", sum(spent))


def _ask(
    run: Run, spec: str, kind: str, split: str, problems: list[Problem], funnel: Funnel, path: epath.Path,
    dry_run: bool,
) -> list[float]:  # fmt: skip
    """Returns what it cost, or would at most: dollars, or nothing where the price is not known."""
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
        options = teacher_options(c[kind])
        if spec.startswith("gemini-batch:"):
            options.setdefault("directory", str(run.journal.parent / "jobs"))
        teacher, bare = make_teacher(spec, limits=settings.limits(c), **options), False
    pipeline = make_pipeline(c, c[kind].prompt, bare)
    problems = _askable(pipeline, problems, f"{kind}, {split}")
    price = prices.price_of(teacher.name, prices.load(c.prices))
    with Journal(run.journal) as journal:
        if dry_run:
            estimate = pipeline.estimate(teacher.name, problems, journal, price, teacher.batch)
            print(f"{kind}, {split}, by {teacher.name}:\n{estimate}")
            return [] if estimate.dollars is None else [estimate.dollars]
        counts = _collect(teacher, pipeline, problems, journal, price, f"{kind}, {split}, by {teacher.name}")
        annotations.write(path, pipeline.select(teacher.name, problems, journal, funnel))
        return [] if counts.dollars is None else [counts.dollars]


def _collect(
    teacher: Teacher,
    pipeline: Pipeline,
    problems: list[Problem],
    journal: Journal,
    price: Price | None,
    title: str,
) -> Counts:
    """Gets all replies: first tries, then second ones where no first one was right."""

    def ask(problems: list[Problem], counts: Counts | None, second: bool) -> Counts:
        prompts = pipeline.second_prompts if second else pipeline.prompts
        total = len(problems) * len(prompts) * pipeline.samples
        with Progress(f"{title}, second tries" if second else title, total) as progress:
            return pipeline.ask(teacher, problems, journal, price, progress.advance, counts, second)

    counts = ask(problems, None, second=False)
    # A problem whose first try was given up needs that one first.
    if not counts.gave_up and (needy := pipeline.needy(teacher.name, problems, journal)):
        counts = ask(needy, counts, second=True)
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
    return counts


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


def check_contamination(run: Run) -> None:
    """Refuses to learn from, or to choose checkpoints by, problems that are scored."""
    suites = {name: run.suite(name) for name in run.config.evaluate.suites}
    contamination.check(run.train_problems, suites, "the training problems")
    contamination.check(run.validation_problems, suites, "the validation problems")
