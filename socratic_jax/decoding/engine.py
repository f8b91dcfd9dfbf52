"""The decoder: one jitted loop in which a cast of students writes a batch of transcripts.

Every part of the cast reads every token, each into its own cache; only the part whose turn it is
has its logits sampled. So rows in different phases share a batch, none waits for another, and
nothing is ever encoded twice: handing a row over costs a table look-up.

Shapes: B rows, S slots of a row (tokens of prompt and output together), R prompts that are read, each for K
rows, T prompt slots, G script slots, F slots of what the calculator puts in, V padded vocabulary.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from socratic_jax.decoding.calculator import CLOSES, EQUALS, MAX_FORCED, OPENS
from socratic_jax.decoding.grammar import DONE, SCRIPT, Grammar, after
from socratic_jax.decoding.rows import Prompts, Rows, Written
from socratic_jax.decoding.sampling import GREEDY, Sampling, sample
from socratic_jax.sharding import BATCH, REPLICATED, batch_shards
from socratic_jax.students.student import Decoder, Student, head_of_rows
from socratic_jax.transcripts.roles import Role

# Rows that run are only held up for those that wait when more than one in so many does.
PATIENCE = 8


@dataclasses.dataclass(frozen=True)
class Engine:
    """Decodes with one cast. Jitted functions are cached by this value.

    Attributes:
      students: for each part of the cast, the student that plays it.
      capacity: S, the most tokens of prompt and output together that a row can have.
      max_steps: the most solutions in a transcript; then the answer is forced.
      sampling: how tokens are chosen.
      mesh: devices to spread rows over; they write side by side, until one of them has room for more rows.
      min_reach: the least that is read of the students' states, in tokens; less would compile another loop
        and save nothing.
      calculator: whether rows wait for the right-hand sides of annotations.
    """

    students: tuple[Student, ...]
    capacity: int
    max_steps: int
    sampling: Sampling = GREEDY
    mesh: Mesh | None = None
    min_reach: int = 64
    calculator: bool = False

    def __post_init__(self):
        for student in self.students:
            if self.capacity > student.context:
                raise ValueError(
                    f"decode.capacity is {self.capacity} tokens; the student's context is {student.context}"
                )

    @functools.cached_property
    def decoders(self) -> tuple[Decoder, ...]:
        """The students, as the devices of this engine like it."""
        platform = jax.default_backend() if self.mesh is None else self.mesh.devices.flat[0].platform
        return tuple(student.decoder(platform) for student in self.students)

    @property
    def reaches(self) -> list[int]:
        """What the states can have room for, in tokens: the capacity, three quarters and half of it, and so
        on. Each is compiled when it is first needed."""
        reaches, n = [self.capacity], self.capacity
        while n >= 2 * self.min_reach:
            n = -(-n // 2)
            reaches += [n + n // 2, n]
        return sorted(set(reaches))

    def reach_for(self, n: int) -> int:
        """The least reach that has room for n tokens; at most the capacity."""
        return next((reach for reach in self.reaches if reach >= n), self.capacity)

    def empty(self, params, B: int, G: int, reach: int) -> Rows:
        """B rows of nothing, for `refill`; they are done before they begin."""
        zeros_B = jnp.zeros(B, jnp.int32)
        shapes = [
            jax.eval_shape(decoder.prefill, p, decoder.init_state(B, 1), zeros_B[:, None], zeros_B + 1)[0]
            for decoder, p in zip(self.decoders, params, strict=True)
        ]
        return Rows(
            tokens_BxS=jnp.zeros((B, self.capacity), jnp.int32),
            lengths_B=zeros_B,
            phases_B=jnp.full(B, DONE, jnp.int32),
            steps_B=zeros_B,
            closed_B=zeros_B.astype(bool),
            script_BxG=jnp.zeros((B, G), jnp.int32),
            cursor_B=zeros_B,
            keys_B=jax.random.split(jax.random.key(0), B),
            open_B=zeros_B.astype(bool),
            waiting_B=zeros_B.astype(bool),
            forced_BxF=jnp.zeros((B, MAX_FORCED), jnp.int32),
            pending_B=zeros_B,
            hidden=tuple(jnp.zeros(shape.shape, shape.dtype) for shape in shapes),
            states=tuple(decoder.init_state(B, reach) for decoder in self.decoders),
        )

    def resize(self, states: tuple, old: int, new: int) -> tuple:
        """The states of rows with another reach; those that go on have room in it."""
        B = jax.tree.leaves(states)[0].shape[1]
        return tuple(
            d.narrow(state, new) if new <= old else d.widen(d.init_state(B, new), state)
            for d, state in zip(self.decoders, states, strict=True)
        )

    def read_prefix(self, params, prefix_PxC: jax.Array) -> tuple[Any, ...]:
        """The states of rows that have read tokens which many prompts begin with; see `refill`."""
        C = prefix_PxC.shape[1]
        return tuple(
            decoder.prefill(p, decoder.init_state(1, C), prefix_1xC, jnp.full(1, C))[1]
            for decoder, p, prefix_1xC in zip(self.decoders, params, prefix_PxC[:, None], strict=True)
        )

    def read_prompts(self, params, prefix, prompts_PxRxT, lengths_R) -> Prompts:
        """Reads prompts, for `seat`; see `refill`."""
        _, R, T = prompts_PxRxT.shape
        prefix_PxC, prefix_states = prefix
        C = prefix_PxC.shape[1]
        # A prompt that is dropped has no last token; any will do.
        last_R = jnp.maximum(lengths_R, 1)
        hidden, states = [], []
        for i, decoder in enumerate(self.decoders):
            state = decoder.init_state(R, C + T)
            if C:
                before = jax.tree.map(lambda x: jnp.repeat(x, R, axis=1), prefix_states[i])
                state = decoder.widen(state, before)
            x_RxD, state = decoder.prefill(params[i], state, prompts_PxRxT[i], last_R, C)
            hidden.append(x_RxD)
            states.append(state)
        tokens_RxN = jnp.concatenate([jnp.tile(prefix_PxC[0], (R, 1)), prompts_PxRxT[0]], axis=1)
        return Prompts(tokens_RxN, C + lengths_R, tuple(hidden), tuple(states))

    def seat(self, rows: Rows, reach: int, prompts: Prompts, at_RxK, script_RxG, keys_RxKx2) -> Rows:
        """Puts prompts that were read into rows that are done; see `refill`."""
        R, N = prompts.tokens_RxN.shape
        hidden = jax.tree.map(
            lambda old, new: old.at[at_RxK].set(new[:, None], mode="drop"), rows.hidden, prompts.hidden
        )
        states = jax.tree.map(
            lambda old, new: old.at[:, at_RxK].set(new[:, :, None], mode="drop"),
            rows.states,
            self.resize(prompts.states, N, reach),
        )
        new = {
            "tokens_BxS": jnp.zeros((R, 1, self.capacity), jnp.int32).at[:, 0, :N].set(prompts.tokens_RxN),
            "lengths_B": prompts.lengths_R[:, None],
            "phases_B": after(Role.PROBLEM),
            "steps_B": 0,
            "closed_B": False,
            "script_BxG": script_RxG[:, None],
            "cursor_B": 0,
            "keys_B": jax.random.wrap_key_data(keys_RxKx2),
            "open_B": False,
            "waiting_B": False,
            "pending_B": 0,
        }
        return rows._replace(
            **{name: getattr(rows, name).at[at_RxK].set(value, mode="drop") for name, value in new.items()},
            hidden=hidden,
            states=states,
        )

    def resume(self, rows: Rows, forced_BxF, pending_B) -> Rows:
        """Lets waiting rows go on, with what the calculator puts in."""
        return rows._replace(
            waiting_B=jnp.zeros_like(rows.waiting_B),
            forced_BxF=jnp.where(rows.waiting_B[:, None], forced_BxF, rows.forced_BxF),
            pending_B=jnp.where(rows.waiting_B, pending_B, rows.pending_B),
        )

    def step(self, params, grammar: Grammar, rows: Rows) -> Rows:
        """Writes one token in every running row, and lets every part read it."""
        B, S = rows.tokens_BxS.shape
        row_B = jnp.arange(B)
        running_B = rows.running_B
        speaker_B = grammar.speaker_P[rows.phases_B]

        logits_VxB = head_of_rows(self.decoders[0], params[0], rows.hidden[0])
        for i in range(1, len(self.decoders)):
            theirs_VxB = head_of_rows(self.decoders[i], params[i], rows.hidden[i])
            logits_VxB = jnp.where(speaker_B == i, theirs_VxB, logits_VxB)

        keys_B = jax.vmap(jax.random.fold_in)(rows.keys_B, rows.lengths_B)
        allowed_VxB = (grammar.bits_V[:, None] >> rows.phases_B) & 1
        free_B = sample(jnp.where(allowed_VxB == 1, logits_VxB, -jnp.inf), keys_B, self.sampling)
        # At the step limit a row that would go on answers instead, and is marked.
        full_B = rows.steps_B >= self.max_steps
        cut_B = full_B & ~grammar.closing_PxV[rows.phases_B, free_B]
        answer = jnp.argmax(grammar.class_V == 2 + Role.ANSWER).astype(jnp.int32)
        token_B = jnp.where(cut_B, answer, free_B)
        scripted_B = speaker_B == SCRIPT
        token_B = jnp.where(scripted_B, rows.script_BxG[row_B, rows.cursor_B], token_B)
        forced_B = rows.pending_B > 0
        token_B = jnp.where(forced_B, rows.forced_BxF[row_B, MAX_FORCED - rows.pending_B], token_B)

        class_B = grammar.class_V[token_B]
        phases_B = jnp.where(running_B, grammar.next_PxC[rows.phases_B, class_B], rows.phases_B)
        begun_B = running_B & (class_B == 2 + Role.SOLUTION)
        kind_B = grammar.calculator_V[token_B]
        open_B = (rows.open_B | (kind_B == OPENS)) & (kind_B != CLOSES) & (class_B == 0)
        open_B = jnp.where(running_B, open_B, rows.open_B)
        # Rows that are not running write to a slot outside of the array, which drops it.
        at_B = jnp.where(running_B, rows.lengths_B, S)
        tokens_BxS = rows.tokens_BxS.at[row_B, at_B].set(token_B, mode="drop")

        hidden, states = [], []
        read_B = jnp.minimum(rows.lengths_B, S - 1)
        for decoder, p, state, old_BxD in zip(self.decoders, params, rows.states, rows.hidden, strict=True):
            # A row that is not running reads what it will read again, or never.
            x_BxD, state = decoder.step(p, state, token_B, read_B)
            hidden.append(jnp.where(running_B[:, None], x_BxD, old_BxD))
            states.append(state)
        return rows._replace(
            tokens_BxS=tokens_BxS,
            lengths_B=rows.lengths_B + running_B,
            phases_B=phases_B,
            steps_B=rows.steps_B + begun_B,
            closed_B=rows.closed_B | (running_B & cut_B & ~scripted_B),
            cursor_B=rows.cursor_B + (running_B & scripted_B),
            open_B=open_B,
            waiting_B=rows.waiting_B | (running_B & open_B & (kind_B == EQUALS) & ~scripted_B & ~forced_B),
            pending_B=rows.pending_B - (running_B & forced_B),
            hidden=tuple(hidden),
            states=tuple(states),
        )

    def run(self, params, grammar: Grammar, rows: Rows, quorum: jax.Array, reach: int) -> Rows:
        """Writes until on some device no more than `quorum` rows are neither done nor full, or too many wait,
        or the longest running row fills the reach; or until no row runs on any.

        All stop with the first: devices that go on alone keep the others from their next rows.
        """

        def goes_on(rows: Rows) -> jax.Array:
            longest = jnp.max(jnp.where(rows.running_B, rows.lengths_B, 0))
            running = jnp.sum(rows.running_B)
            waiting = jnp.sum(rows.waiting_B)
            # Who waits is not done, and makes no room.
            stops = (running + waiting <= quorum) | (waiting * PATIENCE > running) | (longest >= reach)
            any_stops, any_runs = self.anywhere(jnp.stack([stops, running > 0]))
            return any_runs & ~any_stops

        def step(carry):
            rows = self.step(params, grammar, carry[1])
            return goes_on(rows), rows

        return jax.lax.while_loop(lambda carry: carry[0], step, (goes_on(rows), rows))[1]

    def anywhere(self, x: jax.Array) -> jax.Array:
        """Whether it is so on any device, bool."""
        return x if self.shards == 1 else jax.lax.pmax(x.astype(jnp.int32), *BATCH).astype(bool)

    def spread(self, f: Callable, in_specs: tuple, out_specs: Any) -> Callable:
        """`f` on every device's own rows. They need nothing of each other but a word on when to stop."""
        if self.mesh is None:
            return f
        return jax.shard_map(f, mesh=self.mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)

    def spec(self, of: type) -> Any:
        """Where `Rows` or `Prompts` have their batch axis: first, but second in the states, whose first is
        layers."""
        parts = len(self.students)
        state = PartitionSpec(None, *BATCH)
        spec = {name: BATCH for name in of._fields}
        return of(**{**spec, "hidden": (BATCH,) * parts, "states": (state,) * parts})

    @property
    def shards(self) -> int:
        """How many devices rows are spread over; slots are a multiple of it."""
        return 1 if self.mesh is None else batch_shards(self.mesh)


# Where the arguments of `refill` and of `Engine.resume` after the rows have their batch axis.
REFILL_SPECS = (BATCH, PartitionSpec(None, *BATCH), BATCH, BATCH, BATCH)
RESUME_SPECS = (BATCH, BATCH)


@functools.partial(jax.jit, static_argnums=(0, 2, 3, 4))
def empty(engine: Engine, params, B: int, G: int, reach: int | None = None) -> Rows:
    """`Engine.empty` on every device; B counts the rows of all. The reach is the capacity if not given."""
    share, reach = B // engine.shards, reach or engine.capacity
    return engine.spread(lambda p: engine.empty(p, share, G, reach), (REPLICATED,), engine.spec(Rows))(params)


def resize(engine: Engine, rows: Rows, old: int, new: int) -> Rows:
    """Rows with another reach; those that go on have room in it."""
    return rows._replace(states=_resize(engine, rows.states, old, new))


@functools.partial(jax.jit, static_argnums=(0, 2, 3))
def _resize(engine: Engine, states, old: int, new: int):
    spec = engine.spec(Rows).states
    return engine.spread(functools.partial(engine.resize, old=old, new=new), (spec,), spec)(states)


@functools.partial(jax.jit, static_argnums=0)
def read_prefix(engine: Engine, params, prefix_PxC: jax.Array):
    """What `refill` takes as a prefix: `Engine.read_prefix` on every device, and the tokens."""
    read = engine.spread(engine.read_prefix, (REPLICATED, REPLICATED), REPLICATED)
    return prefix_PxC, read(params, prefix_PxC) if prefix_PxC.shape[1] else None


def refill(
    engine: Engine,
    params,
    prefix,
    rows: Rows,
    at_RxK,
    prompts_PxRxT,
    lengths_R,
    script_RxG,
    keys_RxKx2,
    reach: int | None = None,
) -> Rows:
    """Reads prompts into rows that are done. A prompt is read once, also for several rows.

    Args:
      params: for each part, what `prepare` makes of the parameters of its student.
      prefix: what `read_prefix` made of the C tokens that all prompts begin with; they are not read again.
      rows: are donated; those that are not named go on as if nothing had happened.
      at_RxK: int32, which rows to put them into; one that does not exist drops the prompt. As all of the
        arrays, it holds the parts of all devices, and names each one's own rows.
      prompts_PxRxT: int32, for each part, the rest of the prompts as it reads them, padded on the right.
        A prompt ends with the end token of the problem's turn.
      lengths_R: int32, their lengths.
      script_RxG: int32, what is given besides the problem.
      keys_RxKx2: uint32, the data of a random key a row.
      reach: of the rows, which the prompts have room in without what they are padded with; the capacity if
        not given.
    """
    # Apart, since what reads depends on the length of prompts alone, and takes long to compile.
    prompts = _read_prompts(engine, params, prefix, prompts_PxRxT, lengths_R)
    return _seat(engine, rows, reach or engine.capacity, prompts, at_RxK, script_RxG, keys_RxKx2)


@functools.partial(jax.jit, static_argnums=0)
def _read_prompts(engine: Engine, params, prefix, prompts_PxRxT, lengths_R) -> Prompts:
    specs = (REPLICATED, REPLICATED, REFILL_SPECS[1], BATCH)
    return engine.spread(engine.read_prompts, specs, engine.spec(Prompts))(
        params, prefix, prompts_PxRxT, lengths_R
    )


@functools.partial(jax.jit, static_argnums=(0, 2), donate_argnums=1)
def _seat(engine: Engine, rows: Rows, reach: int, prompts: Prompts, *arrays) -> Rows:
    spec = engine.spec(Rows)
    seat = engine.spread(
        lambda rows, *rest: engine.seat(rows, reach, *rest),
        (spec, engine.spec(Prompts), BATCH, BATCH, BATCH),
        spec,
    )
    return seat(rows, prompts, *arrays)


@functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
def resume(engine: Engine, rows: Rows, forced_BxF, pending_B) -> Rows:
    """`Engine.resume` on every device."""
    spec = engine.spec(Rows)
    return engine.spread(engine.resume, (spec, *RESUME_SPECS), spec)(rows, forced_BxF, pending_B)


@functools.partial(jax.jit, static_argnums=(0, 5), donate_argnums=3)
def run(engine: Engine, params, grammar: Grammar, rows: Rows, quorum, reach: int) -> Rows:
    """`Engine.run` on every device; `reach` is the rows'."""
    spec = engine.spec(Rows)
    specs = (REPLICATED, REPLICATED, spec, REPLICATED)
    return engine.spread(functools.partial(engine.run, reach=reach), specs, spec)(
        params, grammar, rows, quorum
    )


@functools.partial(jax.jit, static_argnums=0)
def prepare(engine: Engine, params: tuple[Any, ...]) -> tuple[Any, ...]:
    """For each part, what the engine takes in place of its student's parameters."""
    return tuple(decoder.prepare(p) for decoder, p in zip(engine.decoders, params, strict=True))


@functools.partial(jax.jit, static_argnums=0)
def _gather(engine: Engine, written: Written) -> Written:
    if engine.mesh is None:
        return written
    return jax.lax.with_sharding_constraint(written, NamedSharding(engine.mesh, REPLICATED))


def read(engine: Engine, rows: Rows) -> Written:
    """What has been written, on the host: every device's rows, in every process."""
    return jax.device_get(_gather(engine, Written(*(getattr(rows, name) for name in Written._fields))))
