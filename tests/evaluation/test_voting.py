"""Votes on answers."""

import csv

from hypothesis import given
from hypothesis import strategies as st

from socratic_jax.decoding.dialogue import ANSWERED, TOKEN_LIMIT, Dialogue
from socratic_jax.evaluation.predictions import Prediction, score_all, winner
from socratic_jax.evaluation.results import Result, split_name, summarise, write_csv
from socratic_jax.evaluation.voting import first_votes, sizes
from socratic_jax.problems.problem import Problem
from socratic_jax.reporting.tables import accuracy_table
from socratic_jax.transcripts.roles import Role, Turn

VOTES = st.lists(st.sampled_from([None, "1", "2", "3"]), min_size=1, max_size=12)
LABELS = dict(suite="s", split="test", strategy="cot+vote", size="tiny", seed=0, oracle=False)


@given(VOTES)
def test_the_winner_has_the_most_votes_and_came_first_among_equals(votes):
    place = winner(votes)
    counts = {vote: votes.count(vote) for vote in votes if vote is not None}
    if not counts:
        assert place == 0
        return
    assert counts[votes[place]] == max(counts.values())
    assert all(vote is None or counts[vote] < counts[votes[place]] for vote in votes[:place])


def _dialogues(votes):
    """With a text and a length of each one's own; one without a readable answer has run out of tokens."""
    question, answers = Turn(Role.PROBLEM, "How many?"), (Turn(Role.ANSWER, vote or "?") for vote in votes)
    return [
        Dialogue((question, answer), TOKEN_LIMIT if vote is None else ANSWERED, 10 + i)
        for i, (vote, answer) in enumerate(zip(votes, answers, strict=True))
    ]


def _prediction(votes):
    return score_all(Problem("p", "How many?", "2"), _dialogues(votes))


@given(VOTES.filter(lambda votes: len(votes) > 1))  # One dialogue does not vote.
def test_the_first_votes_are_those_of_a_smaller_sample(votes):
    for k in range(1, len(votes) + 1):
        (shorter,) = first_votes([_prediction(votes)], k)
        smaller = _prediction(votes[:k])
        assert (shorter.answer, shorter.correct) == (smaller.answer, smaller.correct)
        # All dialogues' tokens, and how another one than the winner ended, would be said of the wrong ones.
        assert (shorter.status, shorter.n_tokens, shorter.turns) == (None, None, ())
        result = summarise([shorter], **LABELS)
        shares = (result.truncated, result.cut_off, result.step_limited, result.prompt_too_long)
        assert result.tokens is None and set(shares) == {None}
    record = _prediction(votes).to_dict()
    assert Prediction.from_dict(record) == _prediction(votes)
    assert record["n_tokens"] == sum(range(10, 10 + len(votes)))


def test_what_is_unknown_is_blank_in_files_and_tables(tmp_path):
    whole = [_prediction(["1", "2", "2"])] * 4
    rows = [summarise(first_votes(whole, 1), **LABELS), summarise(whole, **LABELS)]
    write_csv(tmp_path / "results.csv", rows, Result)
    names = ("accuracy", "answered", "truncated", "step_limited", "prompt_too_long", "tokens")
    first, all_three = csv.DictReader((tmp_path / "results.csv").open())
    assert [first[name] for name in names] == ["0.000000", "1.000000", "", "", "", ""]
    assert [all_three[name] for name in names] == ["1.000000"] * 2 + ["0.000000"] * 3 + ["33.000000"]
    columns = [list(column.cells) for column in accuracy_table(rows).columns]
    assert [cells[0] for cells in columns[-3:]] == ["", "", ""] and columns[-1][1] == "33"


def test_names_and_numbers():
    assert sizes(64) == [1, 4, 16] and sizes(1) == [] and sizes(5) == [1, 4]
    assert split_name("cot") == ("cot", "") and split_name("cot+vote@4") == ("cot", "+vote@4")
