"""Votes on answers."""

from hypothesis import given
from hypothesis import strategies as st

from socratic_jax.evaluation.predictions import Prediction, winner
from socratic_jax.evaluation.results import split_name
from socratic_jax.evaluation.voting import first_votes, sizes

VOTES = st.lists(st.sampled_from([None, "1", "2", "3"]), min_size=1, max_size=12)


@given(VOTES)
def test_the_winner_has_the_most_votes_and_came_first_among_equals(votes):
    place = winner(votes)
    counts = {vote: votes.count(vote) for vote in votes if vote is not None}
    if not counts:
        assert place == 0
        return
    assert counts[votes[place]] == max(counts.values())
    assert all(vote is None or counts[vote] < counts[votes[place]] for vote in votes[:place])


def _prediction(votes):
    answer = votes[winner(votes)]
    return Prediction("p", "How many?", "2", 1, answer, answer == "2", "answered", 9, (), tuple(votes))


@given(VOTES)
def test_the_first_votes_are_those_of_a_smaller_sample(votes):
    for k in range(1, len(votes) + 1):
        (shorter,) = first_votes([_prediction(votes)], k)
        assert shorter == _prediction(votes[:k])
    record = _prediction(votes).to_dict()
    assert Prediction.from_dict(record) == _prediction(votes)


def test_names_and_numbers():
    assert sizes(64) == [1, 4, 16] and sizes(1) == [] and sizes(5) == [1, 4]
    assert split_name("cot") == ("cot", "") and split_name("cot+vote@4") == ("cot", "+vote@4")
