"""Majority votes of fewer dialogues than there are."""

import dataclasses
from collections.abc import Sequence

from socratic_jax.evaluation.predictions import Prediction, winner
from socratic_jax.problems import answers


def first_votes(predictions: Sequence[Prediction], k: int) -> list[Prediction]:
    """What the vote would have been over the first k dialogues of every problem.

    Of each dialogue only the answer is known: how the winner ended, what it said and how many tokens k
    dialogues take is left out.
    """
    shorter = []
    for p in predictions:
        votes = p.votes[:k]
        answer = votes[winner(votes)]
        correct = answers.same(answer, p.gold)
        unknown = dict(status=None, n_tokens=None, turns=())
        shorter.append(dataclasses.replace(p, answer=answer, correct=correct, votes=votes, **unknown))
    return shorter


def sizes(n: int) -> list[int]:
    """The numbers of votes that are reported besides all n: 1, 4, 16, 64, ... as far as they are fewer."""
    return [4**i for i in range(10) if 4**i < n]
