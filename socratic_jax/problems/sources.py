"""Where problems come from: one table from names to loaders, the only thing that configs name.

A name is a row of SOURCES, or the path of a JSONL file of the user's own:

* "data/{split}.jsonl" has one file a split: "train" reads data/train.jsonl, and so on.
* "data/mine.jsonl" is one file with one split, "all". Asking it for "train" or "test" is refused,
  because it would answer both with the same problems: training on what is tested.
* If its rows are {"input", "target"}, as those of evaluation suites are, its one split is "test".

Problems of one's own to learn from ("train", "validation") may come without answers, for a teacher whose
majority decides; those of every other split are scored, and need them.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

from socratic_jax.problems import gsm8k, jsonl, perturbations, strategyqa, suites, svamp
from socratic_jax.problems.problem import Problem

WHOLE_FILE = "all"  # the split of a JSONL file whose name has no {split}
_PLACE = "{split}"
_LEARNT = ("train", "validation")
_COUNTS = {"train": 20_000, "validation": 500, "test": 1_000, "test_ood": 1_000}


_HUMAN = "human steps"


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A place that problems come from.

    Attributes:
      load: called as load(split, data_dir, limit, **options); a loader may ignore the limit, and
        one that makes its problems uses it to make no more.
      splits: the names of its splits.
      description: one line for people.
      options: the options it takes, with their defaults.
      license: of the problems and their steps.
      steps: what its gold steps are, for people.
    """

    load: Callable[..., list[Problem]]
    splits: tuple[str, ...]
    description: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    license: str = ""
    steps: str = "gold steps"


def _arithmetic(
    split: str, data_dir: str | None, limit: int | None, *, level: str, seed: int
) -> list[Problem]:
    from socratic_jax.problems import arithmetic

    count = _COUNTS[split] if limit is None else limit
    return arithmetic.problems(level=level, split=split, seed=seed, count=count)


def _gsm8k(split: str, data_dir: str | None, limit: int | None, *, socratic: bool) -> list[Problem]:
    return gsm8k.load(split, data_dir, socratic)


def _gsm8k_tfds(split: str, data_dir: str | None, limit: int | None, *, socratic: bool) -> list[Problem]:
    return gsm8k.load_tfds(split, data_dir, socratic)


def _files(load: Callable[..., list[Problem]]) -> Callable[..., list[Problem]]:
    """A loader of whole files, which has no use for the limit and no options."""
    return lambda split, data_dir, limit: load(split, data_dir)


def _suite(name: str, title: str) -> Source:
    def read(split: str, data_dir: str | None, limit: int | None) -> list[Problem]:
        return suites.load(name, split, data_dir)

    return Source(read, suites.SPLITS, f"{title}, for evaluation only, from {suites.FILES[name]} in data_dir")


SOURCES: dict[str, Source] = {
    "arithmetic": Source(
        _arithmetic,
        tuple(_COUNTS),
        "generated word problems with gold Socratic steps; needs no files",
        {"level": "chain2to4", "seed": 0},
        "Apache-2.0, as the program that generates them",
    ),
    "gsm8k": Source(
        _gsm8k,
        gsm8k.SPLITS,
        "OpenAI's GSM8K from its JSONL files in data_dir",
        {"socratic": True},
        "MIT, Copyright (c) 2021 OpenAI",
        _HUMAN,
    ),
    "gsm8k_tfds": Source(
        _gsm8k_tfds,
        gsm8k.SPLITS,
        "OpenAI's GSM8K through TensorFlow Datasets, prepared in data_dir",
        {"socratic": True},
        "MIT, Copyright (c) 2021 OpenAI",
        _HUMAN,
    ),
    "svamp": Source(
        _files(svamp.load),
        svamp.SPLITS,
        "SVAMP from SVAMP.json in data_dir, gold steps from its equations; 'all' contains 'train'",
        license="MIT, Copyright (c) 2021 Arkil Patel",
        steps="steps of the equations",
    ),
    "svamp_tfds": Source(
        _files(svamp.load_tfds),
        svamp.SPLITS,
        "SVAMP through TensorFlow Datasets, prepared in data_dir",
        license="MIT, Copyright (c) 2021 Arkil Patel",
        steps="steps of the equations",
    ),
    "strategyqa": Source(
        _files(strategyqa.load),
        strategyqa.SPLITS,
        "StrategyQA from train.json and dev.json in data_dir, yes/no, gold Socratic steps and facts",
        license="MIT, Copyright (c) 2021 Elad Segal",
        steps=_HUMAN,
    ),
    "strategyqa_tfds": Source(
        _files(strategyqa.load_tfds),
        strategyqa.SPLITS,
        "StrategyQA through TensorFlow Datasets, prepared in data_dir",
        license="MIT, Copyright (c) 2021 Elad Segal",
        steps=_HUMAN,
    ),
    "multiarith": _suite("multiarith", "MultiArith"),
    "singleeq": _suite("singleeq", "SingleEq"),
    "addsub": _suite("addsub", "AddSub"),
}


def load(
    name: str,
    split: str,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    **options: Any,
) -> list[Problem]:
    """Loads problems.

    Args:
      name: a key of SOURCES, or a path ending in ".jsonl" (with "{split}" in it, or one file whose
        only split is "all", or "test" if its rows are {"input", "target"}).
      split: one of the source's splits.
      data_dir: the folder of sources that read files; paths ignore it.
      limit: take the first so many problems, or all there are if that is less. "arithmetic"
        makes as many as it says, and by default 20,000 for train, 500 for validation and 1,000
        for test and test_ood.
      **options: the source's own, see Source.options.

    Raises:
      ValueError: an unknown source, split or option (the message lists the valid ones), or a limit
        that is not a positive whole number.
      ProblemError: the data are missing or broken.
    """
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise ValueError(f"limit must be a positive whole number or None, not {limit!r}")
    is_path = name.endswith(".jsonl")
    if not is_path and name not in SOURCES:
        raise ValueError(
            f"unknown source of problems {name!r}; the sources are {', '.join(SOURCES)}, "
            "or a path ending in .jsonl"
        )
    source = _file(name) if is_path else SOURCES[name]
    # A path with {split} has whatever splits there are files for.
    if source.splits and split not in source.splits:
        raise ValueError(_no_split(name, split, source))
    unknown = sorted(set(options) - set(source.options))
    if unknown:
        valid = ", ".join(source.options) or "none"
        raise ValueError(f"source {name!r} has no option {unknown[0]!r}; its options are: {valid}")
    folder = None if data_dir is None else os.fspath(data_dir)
    return source.load(split, folder, limit, **{**source.options, **options})[:limit]


def gold_steps(name: str) -> str:
    """What the gold steps of a source, or of a file of one's own, are: "human steps", say."""
    return SOURCES[name].steps if name in SOURCES else "gold steps"


def load_configured(data: Mapping[str, Any], split: str, limit: int = 0, **overrides: Any) -> list[Problem]:
    """Problems of a config's `data`, or of another source that `overrides` names; limit 0 is no limit."""
    wanted = {**data, **overrides}
    # Options are those of one source; a file of one's own has none.
    if wanted["source"] != data["source"]:
        wanted["options"] = overrides.get("options", {})
    options = {} if wanted["source"].endswith(".jsonl") else dict(wanted["options"])
    return load(wanted["source"], split, wanted["dir"] or None, limit or None, **options)


def load_suite(
    data: Mapping[str, Any], config: Mapping[str, Mapping[str, Any]], name: str
) -> tuple[list[Problem], int]:
    """The problems of an evaluation suite, and how many could not be perturbed.

    A suite with `perturb` has the problems of the suite `of`, each changed and under its old id; its `limit`
    counts changed ones.

    Args:
      data: a config's `data`.
      config: a config's `evaluate.suites`.
      name: of the suite.

    Raises:
      ValueError, ProblemError: as `load` and `perturbations.perturb`.
    """
    options = dict(config[name])
    if "perturb" not in options:
        split, limit = options.pop("split", "test"), options.pop("limit", 0)
        return load_configured(data, split, limit, **options), 0
    originals, _ = load_suite(data, config, original_of(options))
    seed, limit = options.get("perturb_seed", 0), options.get("limit", 0)
    return perturbations.perturb(originals, options["perturb"], limit, seed)


def original_of(options: Mapping[str, Any]) -> str:
    """The name of the suite that a perturbed one is made from."""
    return options.get("of", "test")


def split_of(config: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """The split of a suite, which is that of its original if it is perturbed."""
    options = config.get(name, {})
    if "perturb" in options:
        return split_of(config, original_of(options))
    return options.get("split", "test")


def _file(path: str) -> Source:
    """The user's own file, or files, as a source."""

    def read(split: str, data_dir: str | None, limit: int | None) -> list[Problem]:
        file = path.replace(_PLACE, split)
        return suites.read(file) if suites.is_suite(file) else jsonl.read(file, split not in _LEARNT)

    if _PLACE in path:
        return Source(read, (), "problems of one's own, a file a split")
    splits = suites.SPLITS if suites.is_suite(path) else (WHOLE_FILE,)
    return Source(read, splits, "problems of one's own in one file")


def _no_split(name: str, split: str, source: Source) -> str:
    if source.splits == (WHOLE_FILE,):
        return (
            f"{name} is one file, so its {split!r} would be the same problems as every other split; name "
            f"files like '{name.removesuffix('.jsonl')}_{_PLACE}.jsonl', or ask for its split {WHOLE_FILE!r}"
        )
    return f"source {name!r} has no split {split!r}; its splits are {', '.join(source.splits)}"
