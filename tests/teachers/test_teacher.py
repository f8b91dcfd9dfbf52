"""Keys: the same request is the same key for ever, another request is another key."""

import dataclasses

import pytest

from socratic_jax.teachers.teacher import FINISHES, Reply, Request, Usage

REQUEST = Request("What is 2 + 3?", 0.7, 0.95, 256, 0)


def test_the_key_does_not_change_between_versions():
    # Journals that were paid for depend on it: if this fails, restore the hash, not the test.
    assert REQUEST.key("gemini:gemini-2.5-flash") == "757644554d7346ea3dcc7fcb9a3fbe0c"


@pytest.mark.parametrize(
    "change",
    [
        dict(prompt="What is 2 + 4?"),
        dict(prompt="What is 2 + 3? "),
        dict(temperature=0.8),
        dict(top_p=1.0),
        dict(max_tokens=257),
        dict(sample=1),
    ],
)
def test_everything_that_determines_the_reply_changes_the_key(change):
    assert dataclasses.replace(REQUEST, **change).key("t:m") != REQUEST.key("t:m")


def test_the_teacher_changes_the_key_and_the_tag_does_not():
    assert REQUEST.key("t:m") != REQUEST.key("t:n")
    assert dataclasses.replace(REQUEST, tag="gsm8k-1").key("t:m") == REQUEST.key("t:m")


def test_numbers_that_are_equal_are_one_key():
    assert Request("x", 1, 1, 5, 0).key("t") == Request("x", 1.0, 1.0, 5, 0).key("t")


def test_half_a_surrogate_pair_has_a_key():
    assert len(Request("\ud83d", 0.7, 1.0, 5, 0).key("t")) == 32


def test_samples_have_seeds_of_their_own():
    seeds = {dataclasses.replace(REQUEST, sample=i).seed("t:m") for i in range(100)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_finish_is_one_of_those_there_are():
    with pytest.raises(ValueError, match="unknown finish 'done'; valid: stop, length"):
        Reply("x", "done")
    assert [f for f in FINISHES if not Reply(None, f).final] == ["gave_up"]


def test_usage_sums_up():
    assert Usage(3, 4).total == 7
