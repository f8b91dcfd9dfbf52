"""The processes of one run: who is here, who writes, and how all of them stop at the same step.

Every process runs the same program on its own devices. Files that are shared are written by the first
one; what the others must not miss is agreed on by all.
"""

import contextlib
import functools
import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from socratic_jax import EXIT_PREEMPTED

log = logging.getLogger(__name__)

JOIN_SECONDS = 600.0  # That the processes of a run have to find each other.
BARRIER_SECONDS = 7 * 24 * 3600  # The first process may annotate for days.
# How the runtime says that another process is gone.
LOST = re.compile(r"UNAVAILABLE|DEADLINE_EXCEEDED|CANCELLED|ABORTED|[Gg]loo|coordination|[Cc]onnection|peer")

_stop = False


class Preempted(RuntimeError):
    """The run was asked to stop, and has saved what it did."""


class PeerError(RuntimeError):
    """The first process could not do its part; its own message says why."""


def start(spec: str) -> None:
    """Joins the processes of a run; has to come before JAX computes anything.

    Says who is waited for before it waits, so that a worker that never came can be named. When the others
    do not come in `JOIN_SECONDS`, the process ends with the code that launchers start again.

    Args:
      spec: "none"; "auto", which lets JAX ask Cloud TPU, SLURM or Kubernetes; or
        "HOST:PORT,PROCESSES,INDEX", with the address of the first process.

    Raises:
      ValueError: it is none of these, or "auto" outside of a cluster.
    """
    if spec == "none":
        return
    # JAX would keep SIGTERM for itself; `stop_on_signal` wants it.
    jax.config.update("jax_enable_preemption_service", False)
    # Longer than we wait ourselves: JAX gives up by aborting the process, which looks like a failure.
    patience = {"initialization_timeout": round(JOIN_SECONDS) + 30}
    if spec == "auto":
        host = socket.gethostname()
        log.info("%s: asking the cluster for the other processes", host)
        try:
            with _others_in_time():
                jax.distributed.initialize(**patience)
        except ValueError as error:
            if "be defined" not in str(error):
                raise
            raise ValueError(
                f"--distributed=auto found no cluster on {host} (Cloud TPU, SLURM, Kubernetes); pass "
                "--distributed=HOST:PORT,PROCESSES,INDEX, or none for one process"
            ) from error
    else:
        match = re.fullmatch(r"(\S+:\d+),(\d+),(\d+)", spec)
        if not match or int(match[3]) >= int(match[2]):
            raise ValueError(f"--distributed={spec}: write none, auto or HOST:PORT,PROCESSES,INDEX")
        address, n, index = match[1], int(match[2]), int(match[3])
        log.info("process %d of %d: waiting for the others at %s", index, n, address)
        with _others_in_time():
            jax.distributed.initialize(address, n, index, **patience)
    log.info(
        "process %d of %d: %d of %d %s devices", jax.process_index(), jax.process_count(),
        jax.local_device_count(), jax.device_count(), jax.devices()[0].device_kind,
    )  # fmt: skip


@contextlib.contextmanager
def _others_in_time() -> Iterator[None]:
    """Ends the process, to be started again, when what is inside takes longer than `JOIN_SECONDS`."""

    def give_up():
        print(
            f"stopped: the other processes did not come in {JOIN_SECONDS:.0f} s; start all of them again",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        os._exit(EXIT_PREEMPTED)  # The main thread waits in JAX, and hears of no exception.

    timer = threading.Timer(JOIN_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def is_first() -> bool:
    """Whether this process writes what is shared."""
    return jax.process_index() == 0


def any_of(flag: bool) -> bool:
    """Whether the flag is set in any process. All of them have to ask."""
    if jax.process_count() == 1:
        return flag
    sharding, maximum = _reduction()
    mine = np.full(1, flag, np.int32)
    flags = jax.make_array_from_callback((jax.device_count(),), sharding, lambda _: mine)
    return bool(maximum(flags))


@functools.cache
def _reduction():
    mesh = Mesh(np.array(jax.devices()), ("all",))
    replicated = NamedSharding(mesh, PartitionSpec())
    return NamedSharding(mesh, PartitionSpec("all")), jax.jit(lambda x: x.max(), out_shardings=replicated)


def first_says(flag: bool) -> bool:
    """The first process's flag, in every process."""
    return any_of(flag and is_first())


def first_does(action: Callable[[], None]) -> None:
    """Runs something in the first process, while the others wait until it is done.

    The action must not ask the others anything: they are not there.

    Raises:
      PeerError: in the others, if it failed.
      Preempted: in all of them, if it was interrupted since a process was asked to stop.
    """
    error = None
    if is_first():
        try:
            action()
        except BaseException as raised:  # An interrupt as well: the others wait.
            error = raised
    if jax.process_count() > 1:
        import orbax.checkpoint as ocp

        # Not a collective on devices, which would give up after minutes.
        ocp.multihost.sync_global_processes("first_does", timeout=BARRIER_SECONDS)
    if any_of(error is not None):
        # All of them ask, whatever the error was.
        interrupted, stopping = any_of(isinstance(error, KeyboardInterrupt)), stop_requested()
        if interrupted and stopping:
            raise Preempted("the first process was at work")
        raise error or PeerError("the first process failed; its message says why")


def stop_on_signal() -> None:
    """From now on SIGTERM only sets the flag that `check_stop` looks at."""
    global _stop
    _stop = False
    signal.signal(signal.SIGTERM, _request_stop)


def _request_stop(*_) -> None:
    global _stop
    _stop = True


def told_to_stop() -> bool:
    """Whether this process was; asks nobody else."""
    return _stop


def stop_requested() -> bool:
    """Whether any process was asked to stop. All of them have to ask."""
    return any_of(_stop)


def check_stop(where: str) -> None:
    """Raises Preempted if any process was asked to stop; to be called where nothing is lost by it."""
    if stop_requested():
        raise Preempted(where)


def is_loss_of_peer(error: Exception) -> bool:
    """Whether an error says that another process is gone, which is no fault of this one."""
    several = jax.process_count() > 1
    return several and isinstance(error, jax.errors.JaxRuntimeError) and bool(LOST.search(str(error)))
