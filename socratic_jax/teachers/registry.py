"""The teachers there are, by name. A new one is a new row."""

import inspect
from collections.abc import Callable

from socratic_jax.teachers.gemini import GeminiTeacher
from socratic_jax.teachers.gemini_batch import GeminiBatchTeacher
from socratic_jax.teachers.gemini_legacy import GeminiLegacyTeacher
from socratic_jax.teachers.openai import OpenAITeacher
from socratic_jax.teachers.teacher import Teacher

# Name -> what makes a teacher of it: (model, **options). Vendors' packages are imported when first used.
TEACHERS: dict[str, Callable[..., Teacher]] = {
    "gemini": GeminiTeacher,
    "gemini-batch": GeminiBatchTeacher,
    "gemini-legacy": GeminiLegacyTeacher,
    "openai": OpenAITeacher,
}


def make_teacher(spec: str, **options) -> Teacher:
    """Makes a teacher.

    Args:
      spec: "kind:model", as "gemini:gemini-2.5-flash"; what follows the first colon is the model's name.
      options: of the kind; see its class.

    Raises:
      ValueError: there is no such kind or option, and the message lists those there are; or the model
        is missing.
    """
    kind, _, model = spec.partition(":")
    if kind not in TEACHERS:
        raise ValueError(f"unknown teacher {kind!r}; valid: {', '.join(TEACHERS)}")
    factory = TEACHERS[kind]
    parameters = list(inspect.signature(factory).parameters.values())
    if not model and parameters and parameters[0].default is inspect.Parameter.empty:
        raise ValueError(f"teacher {spec!r} names no model; write it as {kind}:<model>")
    known = [p.name for p in parameters[1:] if p.name != "clock"]
    for name in options:
        if name not in known and name != "clock":
            raise ValueError(f"teacher {kind!r} has no option {name!r}; valid: {', '.join(known)}")
    for parameter in parameters[1:]:
        if parameter.default is inspect.Parameter.empty and parameter.name not in options:
            raise ValueError(f"teacher {kind!r} needs the option {parameter.name!r}")
    return factory(model, **options) if model else factory(**options)
