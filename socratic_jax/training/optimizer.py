"""Optimizers by name, with warm-up, cosine decay and clipping."""

import jax
import optax
from optax import contrib

from socratic_jax.sharding import is_matrix, path_name


def decayed(params) -> dict:
    """Which parameters weight decay applies to: matrices; not biases, not layer norms."""
    return jax.tree_util.tree_map_with_path(lambda path, _: is_matrix(path), params)


def make_schedule(learning_rate: float, warmup: int, steps: int, end_fraction: float) -> optax.Schedule:
    """Linear from 0 over `warmup` steps, then cosine down to `end_fraction` of the peak."""
    return optax.warmup_cosine_decay_schedule(
        init_value=0.0 if warmup else learning_rate,
        peak_value=learning_rate,
        warmup_steps=warmup,
        decay_steps=max(steps, warmup + 1),
        end_value=learning_rate * end_fraction,
    )


def _adamw(config, schedule: optax.Schedule) -> optax.GradientTransformation:
    """Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization"."""
    return optax.adamw(
        schedule, b1=config.b1, b2=config.b2, eps=config.eps, weight_decay=config.weight_decay, mask=decayed
    )


# Kernels of a block by the end of their path: axes that are summed over, and axes of the result. What is
# not named (layers; queries, keys and values) are matrices side by side.
MATRICES = {
    "attn/qkv/kernel": ((1,), (3, 4)),
    "attn/out/kernel": ((1, 2), (3,)),
    "mlp/up/kernel": ((1,), (2,)),
    "mlp/down/kernel": ((1,), (2,)),
}


def _muon(config, schedule: optax.Schedule) -> optax.GradientTransformation:
    """Jordan et al. 2024, "Muon": the momentum of a block's matrices is made orthogonal before it is applied.

    Embeddings, biases and norms are left to Adam, at `learning_rate`; matrices move at
    `matrix_learning_rate`, on the same schedule.
    """
    scale = config.matrix_learning_rate / config.learning_rate

    def dimensions(params):
        def find(path, _):
            ends = (axes for end, axes in MATRICES.items() if path_name(path).endswith(end))
            axes = next(ends, None)
            return axes and contrib.MuonDimensionNumbers(*axes)

        return jax.tree_util.tree_map_with_path(find, params)

    return contrib.muon(
        lambda step: scale * schedule(step),
        adam_learning_rate=schedule,
        adam_b1=config.b1,
        adam_b2=config.b2,
        eps=config.eps,
        weight_decay=config.weight_decay,
        muon_weight_dimension_numbers=dimensions,
    )


OPTIMIZERS = {"adamw": _adamw, "muon": _muon}


def make_optimizer(config, steps: int) -> optax.GradientTransformation:
    """The optimizer that `config.train` describes, for a run of so many steps; gradients are clipped first.

    Raises:
      ValueError: there is no such optimizer; the message lists the valid ones.
    """
    if config.optimizer not in OPTIMIZERS:
        raise ValueError(f"unknown train.optimizer {config.optimizer!r}; valid: {', '.join(OPTIMIZERS)}")
    schedule = make_schedule(config.learning_rate, config.warmup, steps, config.end_fraction)
    return optax.chain(optax.clip_by_global_norm(config.clip), OPTIMIZERS[config.optimizer](config, schedule))
