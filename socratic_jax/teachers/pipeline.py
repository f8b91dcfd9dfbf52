"""From problems to explanations that are worth learning from: ask, write down, select.

Everything that decides which explanations come out is in the journal and in the arguments, so a
pipeline that is run again asks for what is missing and selects the same ones.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from socratic_jax.problems.annotations import Annotation
from socratic_jax.problems.problem import Problem
from socratic_jax.teachers import prompts, settings
from socratic_jax.teachers.annotate import Counts, annotate
from socratic_jax.teachers.dry_run import DryRun, dry_run
from socratic_jax.teachers.funnel import Funnel
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.prices import Price
from socratic_jax.teachers.prompts import Prompt
from socratic_jax.teachers.selection import Rules, Sample, accepts, select
from socratic_jax.teachers.teacher import Reply, Request, Teacher

# What a teacher that was trained on the task is asked: the problem, without instructions or examples.
BARE = "{question}"


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """How one kind of explanation is made.

    Attributes:
      kind: of the prompts, a key of prompts.KINDS.
      prompts: that every problem is put into.
      second_prompts: that tell the answer, for problems of which nothing was kept; none for no second try.
      samples: replies asked for of each prompt.
      temperature, top_p, max_tokens: of every request.
      rules: of the selection.
    """

    kind: str
    prompts: Sequence[Prompt]
    second_prompts: Sequence[Prompt]
    samples: int
    temperature: float
    top_p: float
    max_tokens: int
    rules: Rules

    def requests(self, problems: Iterable[Problem], second: bool = False) -> Iterator[Request]:
        """Every request of every problem, in the order of the problems."""
        for problem in problems:
            for _, request in self._of(problem, second):
                yield request

    def estimate(
        self, teacher: str, problems: Sequence[Problem], journal: Journal, price: Price | None, batch: bool
    ) -> DryRun:
        """What all tries would cost, every second try that may be needed included; see `dry_run`."""
        needy = self.needy(teacher, problems, journal)
        again = self.requests(needy, second=True)
        share = self._needed(teacher, problems, needy, journal)
        return dry_run(teacher, self.requests(problems), journal, price, batch, again, share)

    def ask(
        self,
        teacher: Teacher,
        problems: Sequence[Problem],
        journal: Journal,
        price: Price | None = None,
        progress: Callable[[int, str], None] | None = None,
        counts: Counts | None = None,
        second: bool = False,
    ) -> Counts:
        """Gets the replies of the first tries, or of the second ones, into the journal; see `annotate`.

        Args:
          problems: for second tries those that `needy` gives.
          counts: of the first tries, for the second ones to go on from.
        """
        by_id = {problem.id: problem for problem in problems}
        kind = self.second_prompts[0].kind if second else self.kind

        def accept(request: Request, reply: Reply) -> bool:
            return accepts(Sample(by_id[request.tag], kind, reply.text, teacher.name), self.rules)

        requests = self.requests(problems, second)
        return annotate(
            teacher, requests, journal, accept=accept, price=price, progress=progress, counts=counts
        )

    def needy(self, teacher: str, problems: Iterable[Problem], journal: Journal) -> list[Problem]:
        """The problems to try again: no first try was kept, and there is an answer to tell."""
        if not self.second_prompts:
            return []
        return [p for p in problems if p.answer and not self._kept(teacher, p, journal)]

    def select(
        self, teacher: str, problems: Iterable[Problem], journal: Journal, funnel: Funnel
    ) -> Iterator[Annotation]:
        """The annotations that the replies in the journal leave after selection."""
        samples = (s for p in problems for s in self._samples(teacher, p, journal))
        return select(samples, self.rules, funnel)

    def _of(self, problem: Problem, second: bool) -> Iterator[tuple[Sample, Request]]:
        for prompt in self.second_prompts if second else self.prompts:
            text = prompt.render(problem)
            for i in range(self.samples):
                request = Request(text, self.temperature, self.top_p, self.max_tokens, i, problem.id)
                yield Sample(problem, prompt.kind, "", "", prompt.name, i), request

    def _samples(self, teacher: str, problem: Problem, journal: Journal) -> Iterator[Sample]:
        for second in (False, True) if problem.answer else (False,):
            for sample, request in self._of(problem, second):
                reply = journal.get(request.key(teacher))
                # Second tries exist only where first ones failed; first ones always do, or gave up.
                if reply is None and not second:
                    yield dataclasses.replace(sample, author=teacher, finish="gave_up")
                elif reply is not None:
                    yield dataclasses.replace(
                        sample, text=reply.text or "", author=teacher, finish=reply.finish
                    )

    def _needed(
        self, teacher: str, problems: Iterable[Problem], needy: Sequence[Problem], journal: Journal
    ) -> float:
        """The share of the needy problems that will still be so when all first tries have their replies."""
        names = {problem.id for problem in needy}
        tried = [
            problem.id in names
            for problem in problems
            if problem.answer and all(request.key(teacher) in journal for request in self.requests([problem]))
        ]
        if not tried or not needy:
            return 1.0
        failed, rate = sum(tried), sum(tried) / len(tried)
        return (failed + rate * (len(needy) - failed)) / len(needy)

    def _kept(self, teacher: str, problem: Problem, journal: Journal) -> bool:
        first = (s for s in self._samples(teacher, problem, journal) if s.kind == self.kind)
        return any(True for _ in select(first, self.rules, Funnel()))


def make_pipeline(config: Mapping, kind: str, bare: bool) -> Pipeline:
    """A pipeline from `config.annotate`.

    Args:
      config: with n_prompts, prompts, samples, temperature, top_p, max_tokens, rationalise, rules.
      kind: of the prompts, a key of prompts.KINDS.
      bare: whether the teacher is asked the problem alone.

    Raises:
      ValueError: a rule is wrong, or there are fewer prompts than `n_prompts`.
      ProblemError: there are no such prompts.
    """
    folder = config["prompts"] or None
    if bare:
        first: tuple[Prompt, ...] = (Prompt(kind, "bare", BARE),)
        second: tuple[Prompt, ...] = ()
    else:
        first = prompts.load(kind, folder)[: config["n_prompts"]]
        if len(first) < config["n_prompts"]:
            wanted, there = config["n_prompts"], len(first)
            raise ValueError(f"annotate.n_prompts is {wanted}; there are {there} prompts of kind {kind!r}")
        again = prompts.second_try(kind) if config["rationalise"] else None
        second = prompts.load(again, folder)[: config["n_prompts"]] if again else ()
    return Pipeline(
        kind, first, second, config["samples"], config["temperature"], config["top_p"],
        config["max_tokens"], settings.rules(config),
    )  # fmt: skip
