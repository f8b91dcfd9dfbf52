"""The settings of annotating, from a config's plain values: what is wrong is said before anybody is asked."""

import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from socratic_jax.problems.problem import KINDS
from socratic_jax.teachers import gold, keys, prompts
from socratic_jax.teachers.limits import Limits
from socratic_jax.teachers.registry import TEACHERS
from socratic_jax.teachers.selection import Rules

LOCAL = "local"  # The teachers that run on our own devices; see socratic_jax/local.py.

_T = TypeVar("_T")
_UNLIMITED = ("requests_per_minute", "tokens_per_minute")  # 0 in a config is no limit.
_ACCEPTED = {bool: (bool,), int: (int,), float: (int, float), str: (str,), type(None): (type(None),)}
_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
# Name -> (type, what is right, what it must be).
_NUMBERS: dict[str, tuple[type, Callable[[Any], bool], str]] = {
    "n_prompts": (int, lambda n: n >= 1, "1 or more"),
    "samples": (int, lambda n: n >= 1, "1 or more"),
    "temperature": (float, lambda t: 0 <= t < float("inf"), "0 or more"),
    "top_p": (float, lambda p: 0 < p <= 1, "above 0 and up to 1"),
    "max_tokens": (int, lambda n: n >= 1, "1 or more"),
}


def check(config: Mapping[str, Any]) -> None:
    """Looks at all of `config.annotate`.

    Raises:
      ValueError: a setting is wrong; one line that names it and what is valid.
    """
    for kind in KINDS:
        if kind in config:
            _check_teacher(f"annotate.{kind}.teacher", config[kind]["teacher"])
            _check_prompt(f"annotate.{kind}.prompt", config[kind]["prompt"], kind)
            for name in ("base_url", "api_key_file"):
                _check_no_key(f"annotate.{kind}.{name}", config[kind][name])
    for name, (type_, right, must_be) in _NUMBERS.items():
        _check_type(f"annotate.{name}", config[name], (type_,))
        if not right(config[name]):
            raise ValueError(f"annotate.{name} is {config[name]}; it must be {must_be}")
    limits(config)
    rules(config)


def limits(config: Mapping[str, Any]) -> Limits:
    """The limits of `config.annotate`.

    Raises:
      ValueError: see `check`.
    """
    values = {n: None if n in _UNLIMITED and v == 0 else v for n, v in config["limits"].items()}
    return _make(Limits, values, "limits")


def rules(config: Mapping[str, Any]) -> Rules:
    """The rules of selection of `config.annotate`.

    Raises:
      ValueError: see `check`.
    """
    return _make(Rules, dict(config["rules"]), "rules")


def _make(kind: Callable[..., _T], values: Mapping[str, Any], name: str) -> _T:
    hints = typing.get_type_hints(kind)
    for field, value in values.items():
        if field not in hints:
            valid = ", ".join(hints)
            raise ValueError(f"annotate.{name} has no {field!r}; valid: {valid}")
        hint = hints[field]
        _check_type(f"annotate.{name}.{field}", value, typing.get_args(hint) or (hint,))
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"annotate.{error}") from None


def _check_type(name: str, value: Any, valid: tuple[type, ...]) -> None:
    # True is an int to Python, and a slip in a config.
    if not any(type(value) in _ACCEPTED[type_] for type_ in valid):
        raise ValueError(f"{name} is {value!r}; it must be {_TYPES[valid[0]]}")


def _check_teacher(name: str, spec: str) -> None:
    valid = (*TEACHERS, LOCAL, gold.AUTHOR)
    kind = spec.partition(":")[0]
    if kind not in valid or (kind == gold.AUTHOR and spec != kind):
        raise ValueError(f"{name}: unknown teacher {spec!r}; valid: {', '.join(valid)}")


def _check_no_key(name: str, value: str) -> None:
    # Without the value: this is printed, and the config would be written to the workdir.
    if keys.looks_like_key(value) or "@" in value.partition("://")[2]:
        raise ValueError(
            f"{name} has a key, a user or a password in it; put the key into the environment or a file"
        )


def _check_prompt(name: str, prompt: str, kind: str) -> None:
    valid = [n for n, p in prompts.KINDS.items() if p.explains == kind and "answer" not in p.needs]
    if prompt not in valid:
        raise ValueError(f"{name} is {prompt!r}, which does not ask for {kind}; valid: {', '.join(valid)}")
