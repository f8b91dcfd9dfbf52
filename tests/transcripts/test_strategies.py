"""The table of strategies."""

import pytest

from socratic_jax.transcripts.roles import TURN_ROLES, Role
from socratic_jax.transcripts.strategies import DIALOGUE, STRATEGIES, Part, Strategy, strategy


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_can_start_and_end(name):
    s = STRATEGIES[name]
    reached, frontier = set(), {Role.PROBLEM}
    while frontier:
        reached |= frontier
        frontier = {r for role in frontier for r in s.grammar.get(role, ())} - reached
    assert reached == s.roles <= set(TURN_ROLES)
    assert Role.ANSWER in reached and Role.ANSWER not in s.grammar


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_role_has_one_speaker(name):
    s = STRATEGIES[name]
    for role in (s.taught | {Role.DECISION}) - s.given:
        assert sum(role in part.speaks for part in s.cast) == 1
    assert not any(part.speaks & s.given for part in s.cast)


@pytest.mark.parametrize("name", STRATEGIES)
def test_evaluation_only_strategies_are_played_by_students_that_exist(name):
    s = STRATEGIES[name]
    assert set(s.students) <= set(STRATEGIES[s.taught_as].students)


@pytest.mark.parametrize("name", STRATEGIES)
def test_lessons_allow_all_that_is_written(name):
    s = STRATEGIES[name]
    assert all(set(options) <= set(s.lessons[role]) for role, options in s.grammar.items())
    # What a student is weaned off is taught by somebody of the cast, and never put in from outside.
    assert not s.weaned & s.given


def test_a_cast_with_a_silent_role_is_refused():
    with pytest.raises(ValueError, match="'x': every role needs exactly one speaker"):
        Strategy("x", DIALOGUE, (Part("solver", frozenset({Role.SOLUTION, Role.ANSWER}), "solver"),))


def test_unknown_strategy_lists_the_valid_ones():
    with pytest.raises(ValueError, match="'sokratic'; valid: answer_only, cot, socratic_unified"):
        strategy("sokratic")
