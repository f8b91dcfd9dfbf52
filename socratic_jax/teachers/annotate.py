"""Asks a teacher what the journal does not have yet, and writes every reply down as it arrives.

It can be stopped at any moment and started again, and several processes may do it at once on one
journal: they share the work.
"""

import collections
import contextlib
import dataclasses
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.prices import Price
from socratic_jax.teachers.teacher import Reply, Request, Teacher

log = logging.getLogger(__name__)

_DEFERRED = 1000  # Requests that other processes are asking, held in memory at most.
_KINDS_OF_ERRORS = 20
_LOOK_EVERY = 0.2  # seconds


@dataclasses.dataclass
class Counts:
    """What became of the requests of a run. `cached` and the finishes sum up to all of them.

    Attributes:
      cached: replies that were in the journal, or that another process has put there meanwhile.
      stop, length, blocked, error, gave_up: replies of this run by how they ended.
      accepted: of the replies of this run; None where nobody judges them.
      input_tokens, output_tokens: of this run.
      dollars: spent by this run; None where the price is not known.
      errors: how often which error came, the first few kinds.
    """

    cached: int = 0
    stop: int = 0
    length: int = 0
    blocked: int = 0
    error: int = 0
    gave_up: int = 0
    accepted: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = None
    errors: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def asked(self) -> int:
        """Requests that this run has asked."""
        return self.stop + self.length + self.blocked + self.error + self.gave_up

    def add(self, reply: Reply, right: bool | None, dollars: float | None) -> None:
        """Counts a reply."""
        setattr(self, reply.finish, getattr(self, reply.finish) + 1)
        self.input_tokens += reply.usage.input_tokens
        self.output_tokens += reply.usage.output_tokens
        if right is not None:
            self.accepted = (self.accepted or 0) + right
        if dollars is not None:
            self.dollars = (self.dollars or 0.0) + dollars
        if reply.error and (reply.error in self.errors or len(self.errors) < _KINDS_OF_ERRORS):
            if reply.error not in self.errors:
                log.warning("%s: %s", reply.finish, reply.error)
            self.errors[reply.error] = self.errors.get(reply.error, 0) + 1

    def note(self) -> str:
        """For a progress bar: "83 % accepted  $1.24"."""
        parts = []
        if self.accepted is not None and self.asked:
            parts.append(f"{100 * self.accepted / self.asked:.0f} % accepted")
        if self.dollars is not None:
            parts.append(f"${self.dollars:.2f}")
        lost = self.asked - self.stop
        return "  ".join(parts + ([f"{lost} without an answer"] if lost else []))


def annotate(
    teacher: Teacher,
    requests: Iterable[Request],
    journal: Journal,
    *,
    accept: Callable[[Request, Reply], bool] | None = None,
    price: Price | None = None,
    progress: Callable[[int, str], None] | None = None,
    counts: Counts | None = None,
) -> Counts:
    """Asks the teacher every request that has no reply in the journal.

    The first Ctrl-C takes on nothing more and waits for what is under way, which is paid for already;
    the second one does not wait.

    Args:
      teacher: to ask. Its own limits say how fast.
      requests: read one by one, by teachers behind an API in another thread; they need not be in memory.
      journal: that knows the earlier replies and gets the new ones.
      accept: whether a reply is right, for the accepted rate; the reply is kept either way.
      price: of the teacher, for the money spent; see `prices.price_of`.
      progress: called with (1, a note on acceptance and money) for every request that is dealt with.
      counts: to go on from; None starts at nothing.

    Returns:
      What became of the requests.

    Raises:
      TeacherError: the teacher cannot go on. Whatever was answered is in the journal.
      JournalError: the journal cannot be written.
      KeyboardInterrupt: after Ctrl-C.
    """
    if counts is None:
        counts = Counts(accepted=None if accept is None else 0, dollars=None if price is None else 0.0)
    one_at_a_time = threading.Lock()

    def report() -> None:
        if progress is not None:
            with one_at_a_time:
                progress(1, counts.note())

    def cached() -> None:
        counts.cached += 1
        report()

    with _interrupts() as stop:
        work = _Work(teacher.name, requests, journal, stop, cached)
        try:
            while work.wait():
                with contextlib.closing(teacher.complete(work.take())) as answers:
                    for request, reply in answers:
                        key = request.key(teacher.name)
                        if reply.final:
                            journal.append(key, request, reply, teacher.name)
                        journal.release(key)
                        accepted = (
                            None if accept is None else reply.finish == "stop" and accept(request, reply)
                        )
                        dollars = None if price is None else price.dollars(reply.usage, teacher.batch)
                        counts.add(reply, accepted, dollars)
                        report()
        finally:
            work.drop()
            journal.sync()
    if stop.is_set():
        raise KeyboardInterrupt
    return counts


class _Work:
    """The requests that are this process's to ask.

    A request that another process (or an equal request of this one) is asking just now is put off,
    until its reply is in the journal or its claim is free because the other one died or gave up.
    """

    def __init__(
        self,
        teacher: str,
        requests: Iterable[Request],
        journal: Journal,
        stop: threading.Event,
        cached: Callable[[], None],
    ):
        self._teacher, self._journal, self._stop, self._cached = teacher, journal, stop, cached
        self._requests = iter(requests)
        self._deferred: collections.deque[Request] = collections.deque()
        self._first: Request | None = None

    def wait(self) -> bool:
        """Waits until there is something to ask. Returns False when everything has its reply."""
        while not self._stop.is_set():
            self._first = self._next()
            if self._first is not None:
                return True
            if not self._deferred:
                return False
            time.sleep(_LOOK_EVERY)
        return False

    def take(self) -> Iterator[Request]:
        """Yields claimed requests, until there is none left to claim or the run is to stop."""
        while self._first is not None and not self._stop.is_set():
            request, self._first = self._first, None
            yield request
            self._first = self._next()

    def drop(self) -> None:
        """Gives up the claims that are left, of requests that will not be asked."""
        self._journal.release_all()

    def _next(self) -> Request | None:
        """The next request that could be claimed; None if there is none just now."""
        while len(self._deferred) < _DEFERRED and not self._stop.is_set():
            request = next(self._requests, None)
            if request is None:
                break
            if self._claim(request):
                return request
        if self._deferred:
            self._journal.refresh()
        for _ in range(len(self._deferred)):
            request = self._deferred.popleft()
            if self._claim(request):
                return request
        return None

    def _claim(self, request: Request) -> bool:
        key = request.key(self._teacher)
        if key not in self._journal and self._journal.claim(key):
            return True
        if key in self._journal:
            self._cached()
        else:
            self._deferred.append(request)
        return False


@contextlib.contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Turns the first Ctrl-C, or SIGTERM, into an event. Only the main thread can be told about it."""
    stop = threading.Event()

    def handle(signum, frame) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        log.warning("stopping once the replies under way are here; Ctrl-C again drops them")
        if signum == signal.SIGTERM and callable(on_term):
            on_term(signum, frame)  # Whoever started this run wants to know as well.

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    on_term = signal.getsignal(signal.SIGTERM)
    previous = signal.signal(signal.SIGINT, handle)
    if callable(on_term):
        signal.signal(signal.SIGTERM, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous or signal.SIG_DFL)
        if callable(on_term):
            signal.signal(signal.SIGTERM, on_term)
