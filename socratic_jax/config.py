"""Every option there is, with its default. The files in configs/ change what they need."""

import json
from typing import Any

from ml_collections import ConfigDict

# Of a teacher behind an API; what is empty is the teacher's own. Keys come from the environment or a file.
ENDPOINT = dict(base_url="", api_key_file="", thinking=-1, directory="")


def default_config() -> ConfigDict:
    """The configuration that all others start from."""
    return ConfigDict(
        dict(
            seed=0,  # Of everything random: initial weights, row order, dropout, sampling.
            strategies=("answer_only", "cot", "socratic_unified", "socratic_iterative"),
            data=dict(
                source="arithmetic",  # See problems/sources.py, or a path with "{split}.jsonl" in it.
                dir="",  # Where the source's files are, if it has files.
                options=dict(),  # Of the source.
                train_limit=0,  # Training problems; 0 is all that the source has.
                validation_limit=0,
                holdout=0,  # Training problems to validate on, for sources without a validation split.
                annotations=True,  # Keep GSM8K's <<48/2=24>> in what students learn.
                guidance="equations",  # What a planner predicts: "equations" or "steps" (their number).
            ),
            annotate=dict(
                # Who writes each kind of explanation: "gold", a model behind an API as
                # "gemini:gemini-2.5-flash" or "openai:MODEL", or one of our own as "local:DIRECTORY" (Hugging
                # Face) or "local:WORKDIR:STRATEGY". `prompt` is a kind of teachers/prompts.py.
                cot=dict(teacher="gold", prompt="cot", **ENDPOINT),
                socratic=dict(teacher="gold", prompt="socratic", **ENDPOINT),
                prompts="",  # Directory of your own prompts.
                n_prompts=1,  # Prompts that every problem is put into.
                samples=1,  # Replies for each of them.
                temperature=0.7,
                top_p=1.0,
                max_tokens=512,
                rationalise=False,  # Tell the answer where no reply was right.
                # Which samples are kept; see teachers/selection.py: Rules.
                rules=dict(
                    vote=False,
                    min_votes=2,
                    min_agreement=0.5,
                    arithmetic=True,
                    distinct="equations",
                    cap=0,
                    answer_kind="number",
                ),
                # How hard teachers are asked, 0 for no limit; see teachers/limits.py: Limits.
                limits=dict(
                    concurrency=16,
                    requests_per_minute=0.0,
                    tokens_per_minute=0.0,
                    timeout=120.0,
                    tries=8,
                    backoff=1.0,
                    longest_backoff=60.0,
                    longest_wait=600.0,
                    give_up_after=20,
                ),
                prices="",  # A price table of your own; see teachers/prices.csv.
                # The journal of replies, where runs share one so that none pays for what another has; the
                # cells of a study do. "" is the run's own.
                journal="",
            ),
            tokenizer=dict(
                path="",  # Hugging Face directory or hub id; "" trains one on the training split.
                vocab_size=512,  # Of a trained one.
            ),
            student=dict(
                size="tiny-0.2m",  # See students/sizes.py.
                weights="",  # Hugging Face directory or hub id to start from; "" starts from nothing.
                context=256,  # Tokens in a sequence, and in a packed row.
                dropout=0.0,
                dtype="auto",  # Of the computation: "float32", "bfloat16"; "auto" is the latter off CPU.
                unroll=0,  # Layers in one iteration of the scan; 0: all of them on a CPU, one elsewhere.
                remat=False,  # Recompute activations in the backward pass: less memory, more time.
                attention="auto",  # In packed rows; see students/attention.py.
            ),
            train=dict(
                steps=1000,
                epochs=0.0,  # Passes over the packed rows, instead of steps: as many problems for everyone.
                batch_size=32,  # Packed rows in a step.
                # Of strategies that are weaned off a role, the share of its turns that is dropped: training
                # has a phase for each share, all of equally many steps.
                wean=(0.0, 0.25, 0.5, 0.75, 1.0),
                accumulate=1,  # Micro-batches that a batch is split into.
                optimizer="adamw",  # Or "muon": students from scratch learn in half as many steps.
                learning_rate=3e-3,
                matrix_learning_rate=0.02,  # Of Muon, for the matrices of the blocks.
                warmup=50,
                end_fraction=0.05,  # Of the learning rate, at the last step.
                weight_decay=0.01,
                clip=1.0,
                b1=0.9,
                b2=0.98,
                eps=1e-8,
                log_every=20,
                checkpoint_every=250,  # Validates, then saves.
                profile=(),  # First and last step, counted from 0, that the profiler records.
            ),
            # Devices that a CPU is split into. An operation on small arrays keeps one core busy; two
            # devices keep two.
            cpu_devices=1,
            mesh="auto",  # Or sizes of its axes, such as "data=2,fsdp=-1"; see sharding.py.
            decode=dict(
                slots=64,  # Dialogues side by side.
                capacity=256,  # Tokens of prompt and dialogue together.
                max_steps=10,  # Solutions; then the answer is forced.
                temperature=0.0,
                top_k=0,
                top_p=1.0,
                int8=False,  # Matrices as 8-bit integers: a quarter of the memory, and a little accuracy.
                calculator=False,  # Compute the right sides of GSM8K's <<48/2=24>> instead of guessing them.
                samples=1,  # Dialogues of each problem, which vote on the answer.
            ),
            evaluate=dict(
                # Name -> split, and whatever differs from `data`: source, dir, options, limit.
                # Or perturb (see problems/perturbations.py), `of` another suite, and limit.
                suites=dict(test=dict(split="test")),
                # Adds each suite perturbed in every way, up to so many problems: one flag for robustness.
                robustness=0,
                checkpoint="best",  # Or "latest".
                # Other ways of decoding that are scored too: name -> fields of `decode` that differ.
                variants=dict(),
                oracles=True,  # Also score strategies that are given gold turns, named as such.
                # Also "untrained_cot" and so on: the student as it is before training, in that grammar.
                baselines=("majority_answer",),
            ),
        )
    )


# Fields whose keys are the user's: what is not in them is not missing.
FREE = ("options", "suites", "variants")


# Fields that say where a run computes, where its data are, or how much it tells, and not what it computes:
# it may go on with others.
INCIDENTAL = (
    "cpu_devices", "mesh", "data.dir", "annotate.limits", "annotate.prices", "annotate.journal",
    "student.unroll", "student.remat", "student.attention", "train.log_every", "train.profile",
    "decode.slots", "evaluate.oracles", "evaluate.baselines", "evaluate.robustness",
)  # fmt: skip


def with_defaults(stored: dict[str, Any], defaults: dict[str, Any] | None = None) -> dict[str, Any]:
    """A stored config with the fields that have come since, at their defaults."""
    if defaults is None:
        defaults = json.loads(default_config().to_json_best_effort())
    nested = {
        key: with_defaults(stored[key], value)
        for key, value in defaults.items()
        if isinstance(stored.get(key), dict) and isinstance(value, dict) and key not in FREE
    }
    return {**defaults, **stored, **nested}


def with_robustness(config: ConfigDict) -> ConfigDict:
    """The config with the suites that `evaluate.robustness` asks for: "test-renamed_people" and so on."""
    from socratic_jax.problems.perturbations import PERTURBATIONS

    if not config.evaluate.robustness:
        return config
    wide = config.to_dict()
    suites = wide["evaluate"]["suites"]
    for suite in [name for name, options in suites.items() if "perturb" not in options]:
        for name in PERTURBATIONS:
            options = dict(perturb=name, of=suite, limit=config.evaluate.robustness)
            suites.setdefault(f"{suite}-{name}", options)
    return ConfigDict(wide)


GPT2_SIZES = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")


def config_of_size(size: str) -> ConfigDict:
    """The defaults for word problems in natural language, by size of the student.

    Args:
      size: "tiny", a student from scratch that two CPU cores can train, or one of GPT2_SIZES.

    Raises:
      ValueError: there is no such size; the message lists the valid ones.
    """
    if size == "tiny":
        return _tiny(default_config())
    if size in GPT2_SIZES:
        return _pretrained(default_config(), size)
    raise ValueError(f"unknown size {size!r}; valid: tiny, {', '.join(GPT2_SIZES)}")


def _tiny(config: ConfigDict) -> ConfigDict:
    """A student from scratch with a vocabulary of its own."""
    config.cpu_devices = 2
    config.tokenizer.vocab_size = 4096
    config.student.size = "tiny-0.8m"
    config.student.context = 512
    config.student.dropout = 0.1
    config.train.steps = 400
    config.train.batch_size = 8
    config.train.optimizer = "muon"
    config.train.learning_rate = 3e-3
    config.train.checkpoint_every = 100
    config.decode.capacity = 512
    config.decode.slots = 128
    return config


def _pretrained(config: ConfigDict, size: str) -> ConfigDict:
    """OpenAI's weights, fine-tuned with settings that are usual for GPT-2; not tuned here."""
    hub = "openai-community/" + size
    config.tokenizer.path = hub
    config.student.size = size
    config.student.weights = hub
    config.student.context = 1024
    config.student.dropout = 0.1
    config.student.remat = size in ("gpt2-large", "gpt2-xl")
    config.train.steps = 2000
    config.train.batch_size = 8
    config.train.learning_rate = 5e-5
    config.train.warmup = 100
    config.train.b2 = 0.999
    config.train.checkpoint_every = 200
    config.decode.capacity = 768
    config.decode.slots = 128
    return config
