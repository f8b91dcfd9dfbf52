"""AdamW with warm-up, cosine decay and clipping."""

import jax
import optax

from socratic_jax.sharding import is_matrix


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


def make_optimizer(config) -> optax.GradientTransformation:
    """The optimizer that `config.train` describes (Loshchilov & Hutter 2019)."""
    return optax.chain(
        optax.clip_by_global_norm(config.clip),
        optax.adamw(
            make_schedule(config.learning_rate, config.warmup, config.steps, config.end_fraction),
            b1=config.b1,
            b2=config.b2,
            eps=config.eps,
            weight_decay=config.weight_decay,
            mask=decayed,
        ),
    )
