"""What can be wrong with a config is said before anything is written or computed."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ml_collections import ConfigDict

from socratic_jax.config import default_config
from socratic_jax.decoding.sampling import Sampling
from socratic_jax.evaluation import baselines
from socratic_jax.problems.guidance import GUIDANCE
from socratic_jax.problems.perturbations import PERTURBATIONS
from socratic_jax.problems.sources import original_of
from socratic_jax.students.attention import KERNELS
from socratic_jax.students.sizes import SIZES
from socratic_jax.training.optimizer import OPTIMIZERS

SUITE_OPTIONS = {"split": str, "limit": int, "source": str, "dir": str, "options": Mapping}
SUITE_OPTIONS |= {"perturb": str, "of": str, "perturb_seed": int}
PERTURBED_OPTIONS = ("perturb", "of", "perturb_seed", "limit")

_KINDS = {str: "text", int: "a whole number", Mapping: "options of the source, such as {'seed': 1}"}
_AT_LEAST_ONE: tuple[Callable[[Any], bool], str] = (lambda n: n >= 1, "1 or more")
_POSITIVE: tuple[Callable[[Any], bool], str] = (lambda x: x > 0, "above 0")
# Field -> (whether a value is right, what it must be).
_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "data.holdout": (lambda n: n >= 0, "0 or more"),
    "data.guidance": (lambda name: name in GUIDANCE, " or ".join(GUIDANCE)),
    "student.context": _AT_LEAST_ONE,
    "student.dropout": (lambda rate: 0 <= rate < 1, "from 0 to below 1"),
    "student.dtype": (lambda name: name in ("auto", "float32", "bfloat16"), "auto, float32 or bfloat16"),
    "student.unroll": (lambda n: n >= 0, "0 or more"),
    "student.attention": (lambda name: name in ("auto", *KERNELS), f"auto, {', '.join(KERNELS)}"),
    "train.steps": _AT_LEAST_ONE,
    "train.epochs": (lambda n: n >= 0, "0 or more"),
    "train.batch_size": _AT_LEAST_ONE,
    "train.accumulate": _AT_LEAST_ONE,
    "train.wean": (
        lambda shares: (
            all(isinstance(share, int | float) for share in shares)
            and [0, *shares, 1] == sorted([0, *shares, 1])
            and 1 in shares
        ),
        "shares that rise from 0 or more to 1, such as (0.0, 0.5, 1.0)",
    ),
    "train.optimizer": (lambda name: name in OPTIMIZERS, " or ".join(OPTIMIZERS)),
    "train.learning_rate": _POSITIVE,
    "train.matrix_learning_rate": _POSITIVE,
    "train.log_every": _AT_LEAST_ONE,
    "train.checkpoint_every": _AT_LEAST_ONE,
    "train.profile": (
        lambda steps: not steps or (len(steps) == 2 and 0 <= steps[0] <= steps[1]),
        "empty, or the first and the last step, counted from 0",
    ),
    "evaluate.checkpoint": (lambda name: name in ("best", "latest"), "best or latest"),
    "evaluate.suites": (lambda suites: len(suites) > 0, "at least one suite, such as {'test': {}}"),
    "evaluate.baselines": (
        lambda names: set(names) <= set(baselines.NAMES),
        f"some of {', '.join(baselines.NAMES)}",
    ),
    "evaluate.robustness": (lambda n: n >= 0, "0 or more"),
    "strategies": (lambda names: len(names) > 0, "at least one strategy"),
}


def check_is_run(config: Any) -> None:
    """Raises ValueError unless a config is one of a run at all."""
    if "axes" in config:
        raise ValueError("this is the config of a study; python -m socratic_jax.study runs it")
    if "strategies" not in config:
        raise ValueError("this is not the config of a run; start from socratic_jax.config.default_config()")


def check(config: ConfigDict) -> None:
    """Looks at everything but teachers (teachers/settings.py) and the data themselves.

    Raises:
      ValueError: a field is wrong; one line that names it and says what is valid.
    """
    for field, (right, must_be) in _RULES.items():
        value = config
        for name in field.split("."):
            value = value[name]
        if not right(value):
            value = value.to_dict() if isinstance(value, ConfigDict) else value
            raise ValueError(f"{field} is {value!r}; it must be {must_be}")
    train = config.train
    if train.batch_size % train.accumulate:
        raise ValueError(
            f"train.batch_size {train.batch_size} does not divide by train.accumulate {train.accumulate}"
        )
    if not config.student.weights and config.student.size not in SIZES:
        raise ValueError(f"unknown student.size {config.student.size!r}; valid: {', '.join(SIZES)}")
    for name, options in config.evaluate.suites.items():
        _check_suite(name, options)
    for name, options in config.evaluate.suites.items():
        _check_perturbed(name, options, config.evaluate.suites)
    for name, way in decodings(config).items():
        _check_decoding(f"evaluate.variants.{name}" if name else "decode", way, config.student.context)


def decodings(config: ConfigDict) -> dict[str, ConfigDict]:
    """The ways of decoding that are scored: name -> as `config.decode`, which is called "" itself.

    Raises:
      ValueError: a variant has a field that `decode` has not, or a value of another type.
    """
    types = {name: type(value) for name, value in default_config().decode.items()}
    ways = {"": config.decode}
    for name, changes in config.evaluate.variants.items():
        where, valid = f"evaluate.variants.{name}", ", ".join(types)
        if not re.fullmatch(r"\w+", name) or not isinstance(changes, Mapping | ConfigDict):
            raise ValueError(f"{where} is {changes!r}; a variant is a word, with fields of decode: {valid}")
        for field, value in changes.items():
            if field not in types:
                raise ValueError(f"{where} has no field {field!r}; valid: {valid}")
            accepted = (int, float) if types[field] is float else (types[field],)
            if type(value) not in accepted:
                raise ValueError(f"{where}.{field} is {value!r}; it must be like {config.decode[field]!r}")
        ways[name] = ConfigDict({**config.decode, **changes})
    return ways


def _check_decoding(where: str, way: ConfigDict, context: int) -> None:
    for field in ("slots", "capacity", "max_steps", "samples"):
        if way[field] < 1:
            raise ValueError(f"{where}.{field} is {way[field]}; it must be 1 or more")
    if way.capacity > context:
        raise ValueError(f"{where}.capacity is {way.capacity} tokens; the student's context is {context}")
    try:
        Sampling(way.temperature, way.top_k, way.top_p)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if way.samples > 1 and way.temperature == 0:
        raise ValueError(f"{where}.samples is {way.samples} with temperature 0: all would be the same")


def _check_suite(name: str, options: Any) -> None:
    where, valid = f"evaluate.suites.{name}", ", ".join(SUITE_OPTIONS)
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError(f"{where}: a suite names a directory; use letters, digits, '-' and '_'")
    if not isinstance(options, Mapping | ConfigDict):
        raise ValueError(f"{where} is {options!r}; write it as {{'split': 'test'}}")
    for key, value in options.items():
        if key not in SUITE_OPTIONS:
            raise ValueError(f"{where} has no option {key!r}; valid: {valid}")
        right = Mapping | ConfigDict if SUITE_OPTIONS[key] is Mapping else SUITE_OPTIONS[key]
        if not isinstance(value, right) or isinstance(value, bool):
            raise ValueError(f"{where}.{key} is {value!r}; it must be {_KINDS[SUITE_OPTIONS[key]]}")


def _check_perturbed(name: str, options: Mapping, suites: Mapping) -> None:
    """A suite with `perturb` takes its problems from another suite, which has none."""
    where = f"evaluate.suites.{name}"
    if "perturb" not in options:
        for key in ("of", "perturb_seed"):
            if key in options:
                raise ValueError(f"{where}.{key} needs {where}.perturb; valid: {', '.join(PERTURBATIONS)}")
        return
    if options["perturb"] not in PERTURBATIONS:
        raise ValueError(
            f"{where}.perturb is {options['perturb']!r}; it must be one of {', '.join(PERTURBATIONS)}"
        )
    for key in options:
        if key not in PERTURBED_OPTIONS:
            raise ValueError(
                f"{where}.{key} belongs to the suite that is perturbed; valid: {', '.join(PERTURBED_OPTIONS)}"
            )
    originals = [suite for suite, its in suites.items() if "perturb" not in its]
    if original_of(options) not in originals:
        valid = ", ".join(originals) or "none"
        raise ValueError(f"{where}.of is {original_of(options)!r}; it must be an unperturbed suite: {valid}")
