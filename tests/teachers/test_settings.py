"""What is wrong with the settings of annotating is one line that names the field."""

import pytest

from socratic_jax.config import default_config
from socratic_jax.teachers import settings
from socratic_jax.teachers.limits import Limits
from socratic_jax.teachers.selection import Rules


def config(**changes):
    c = default_config()
    c = c.to_dict()["annotate"]
    for name, value in changes.items():
        *path, last = name.split("__")
        inner = c
        for part in path:
            inner = inner[part]
        inner[last] = value
    return c


def test_the_defaults_are_right():
    settings.check(config())
    assert settings.limits(config()) == Limits()
    assert settings.rules(config()) == Rules()


def test_zero_is_no_limit_where_a_limit_can_be_none():
    c = config(limits__requests_per_minute=0, limits__tokens_per_minute=30_000)
    found = settings.limits(c)
    assert (found.requests_per_minute, found.tokens_per_minute) == (None, 30_000)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("samples", 0, "annotate.samples is 0; it must be 1 or more"),
        ("samples", 2.5, "annotate.samples is 2.5; it must be a whole number"),
        ("samples", True, "annotate.samples is True; it must be a whole number"),
        ("n_prompts", 0, "annotate.n_prompts is 0; it must be 1 or more"),
        ("temperature", -0.1, "annotate.temperature is -0.1; it must be 0 or more"),
        ("temperature", float("nan"), "annotate.temperature is nan; it must be 0 or more"),
        ("temperature", "hot", "annotate.temperature is 'hot'; it must be a number"),
        ("top_p", 0, "annotate.top_p is 0; it must be above 0 and up to 1"),
        ("max_tokens", 0, "annotate.max_tokens is 0; it must be 1 or more"),
        ("limits__tries", "8", "annotate.limits.tries is '8'; it must be a whole number"),
        ("limits__tries", 0, "annotate.limits.tries is 0; it must be above 0"),
        ("limits__timeout", None, "annotate.limits.timeout is None; it must be a number"),
        (
            "limits__requests_per_minute",
            -1.0,
            "annotate.limits.requests_per_minute is -1.0; it must be above 0",
        ),
        ("limits__trys", 3, "annotate.limits has no 'trys'; valid: concurrency, requests_per_minute, "),
        ("rules__vote", 1, "annotate.rules.vote is 1; it must be true or false"),
        ("rules__cap", -1, "annotate.rules.cap is -1; it must be 0 or more"),
        ("rules__distinct", "words", "annotate.rules.distinct is 'words'; valid: equations, text, none"),
        ("rules__caps", 3, "annotate.rules has no 'caps'; valid: vote, min_votes"),
        (
            "cot__teacher",
            "gpt4:x",
            "annotate.cot.teacher: unknown teacher 'gpt4:x'; valid: gemini, .*, local, gold",
        ),
        ("cot__teacher", "gold:x", "annotate.cot.teacher: unknown teacher 'gold:x'"),
        ("cot__prompt", "facts", "annotate.cot.prompt is 'facts', which does not ask for cot; valid: cot$"),
        (
            "cot__prompt",
            "rationalise_cot",
            "annotate.cot.prompt is 'rationalise_cot', which does not ask for cot",
        ),
        ("socratic__prompt", "cot", "does not ask for socratic; valid: socratic, socratic_on_steps$"),
    ],
)
def test_what_is_wrong_is_named(field, value, message):
    with pytest.raises(ValueError, match=message) as error:
        settings.check(config(**{field: value}))
    assert "\n" not in str(error.value)
