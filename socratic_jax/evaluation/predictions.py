"""What a cast made of each problem of a suite, with the whole dialogue, as JSONL."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

from etils import epath

from socratic_jax.decoding.dialogue import Cast, Dialogue, Prompt
from socratic_jax.problems import answers, jsonl
from socratic_jax.problems.problem import Problem, ProblemError
from socratic_jax.transcripts.roles import Role, Turn
from socratic_jax.transcripts.strategies import Strategy
from socratic_jax.transcripts.transcript import transcript


@dataclasses.dataclass(frozen=True)
class Prediction:
    """One scored dialogue.

    Attributes:
      id, question, gold: of the problem.
      gold_steps: how many steps the gold explanation takes; 0 where there is none.
      answer: canonical answer text, None if there is none that can be read.
      correct: whether it is the gold answer.
      status: how the dialogue ended; see decoding.dialogue.STATUSES. None if unknown; see voting.first_votes.
      n_tokens: tokens written, of all dialogues together where there were several; None if unknown.
      turns: {"role", "text"} of every turn, the problem left out.
      votes: the answers of all dialogues of the problem, where there were several; the rest is said of the
        first one with the answer that won, but for n_tokens.
    """

    id: str
    question: str
    gold: str
    gold_steps: int
    answer: str | None
    correct: bool
    status: str | None
    n_tokens: int | None
    turns: tuple[dict[str, str], ...]
    votes: tuple[str | None, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        record = dataclasses.asdict(self)
        return record if self.votes else {k: v for k, v in record.items() if k != "votes"}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "Prediction":
        votes = tuple(record.get("votes", ()))
        return cls(**{**record, "turns": tuple(record["turns"]), "votes": votes})


def read(path: epath.PathLike) -> dict[int, Prediction]:
    """The predictions of a file by their place in the suite; none if there is no such file.

    Raises:
      ProblemError: one line that names the file and the line.
    """
    predictions: dict[int, Prediction] = {}
    if epath.Path(path).exists():
        for line, record in jsonl.read_records(path):
            place = record.pop("place", len(predictions))
            try:
                predictions[place] = Prediction.from_dict(record)
            except (KeyError, TypeError) as error:
                raise ProblemError(
                    f"{path}:{line}: this is no prediction ({error}); delete the file to score again"
                ) from None
    return predictions


def given_turns(problem: Problem, strategy: Strategy, guidance: str = "equations") -> tuple[Turn, ...]:
    """The gold turns of the roles that a strategy takes as given, the problem's own left out."""
    if not strategy.oracle:
        return ()
    turns = transcript(problem, problem.gold, strategy, guidance=guidance)
    return tuple(turn for turn in turns if turn.role in strategy.given - {Role.PROBLEM})


def score(problem: Problem, dialogue: Dialogue) -> Prediction:
    """Compares a dialogue's answer with the gold one."""
    text = dialogue.answer
    answer = None if text is None else answers.extract(text, kind=answers.kind_of(problem.answer))
    return Prediction(
        id=problem.id,
        question=problem.question,
        gold=problem.answer,
        gold_steps=len(problem.steps),
        answer=answer,
        correct=answers.same(answer, problem.answer),
        status=dialogue.status,
        n_tokens=dialogue.n_tokens,
        turns=tuple(
            {"role": turn.role.name.lower(), "text": turn.text}
            for turn in dialogue.turns
            if turn.role != Role.PROBLEM
        ),
    )


def winner(votes: Sequence[str | None]) -> int:
    """The place of the first vote for the commonest answer; of equally common ones, the one that came first
    (Wang et al. 2022, self-consistency).

    Dialogues without a readable answer have no vote; 0 if none has one.
    """
    counts = Counter(vote for vote in votes if vote is not None)
    return votes.index(max(counts, key=counts.__getitem__)) if counts else 0


def score_all(problem: Problem, dialogues: Sequence[Dialogue]) -> Prediction:
    """Compares what several dialogues vote for with the gold answer."""
    scored = [score(problem, dialogue) for dialogue in dialogues]
    if len(scored) == 1:
        return scored[0]
    votes = tuple(p.answer for p in scored)
    total = sum(p.n_tokens for p in scored)
    return dataclasses.replace(scored[winner(votes)], votes=votes, n_tokens=total)


def predict(
    cast: Cast,
    problems: Sequence[Problem],
    slots: int,
    seed: int,
    guidance: str = "equations",
    samples: int = 1,
    done: Container[int] = (),
    on_progress: Callable[[int], None] = lambda n: None,
) -> Iterator[dict[int, Prediction]]:
    """Lets a cast solve problems and scores what it says.

    Args:
      samples: dialogues of each problem, which vote.
      done: places in `problems` of those that were scored before.
      on_progress: called with the number of dialogues that have just ended.

    Yields:
      Place in `problems` -> prediction, whenever a group of problems is finished.
    """
    prompts = [
        Prompt(i, problem.question, given_turns(problem, cast.strategy, guidance))
        for i, problem in enumerate(problems)
    ]
    for batch in cast.sample(prompts, slots, seed, samples, done, on_progress):
        yield {i: score_all(problems[i], dialogues) for i, dialogues in batch.items()}
