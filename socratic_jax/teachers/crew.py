"""Many calls side by side behind an ordinary iterator.

The calls run in an event loop of their own, in a thread, so that the caller needs no async code, may
itself run inside an event loop (a notebook), and may be slow without any connection timing out. Requests
are pulled in a second thread: they may be long in coming (a journal that knows a million of them has to be
passed over first), and a reply that was paid for must not wait for them. Replies are handed over in the
caller's thread. Only so many are under way that memory does not grow with their number.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

Ask = Callable[[Any], Awaitable[Any]]
Rest = Callable[[], contextlib.AbstractContextManager[None]]
Asking = Callable[[Rest], contextlib.AbstractAsyncContextManager[Ask]]

_DONE = object()
_QUEUED_PER_WORKER = 2  # So that no worker waits for the caller to come around.


def answers(asking: Asking, requests: Iterable[Any], size: int) -> Iterator[tuple[Any, Any]]:
    """Yields (request, reply) as the replies arrive.

    Args:
      asking: opens the client; what it gives is awaited with each request. It is passed `rest`:
        what is done within `with rest():` is waiting that costs nothing to break off.
      requests: pulled one by one as there is room, in a thread of their own.
      size: calls side by side.

    Raises:
      Exception: the first that a call, or pulling a request, raised. No new call is made then; those under
        way are waited for and their replies handed over first.
    """
    crew = _Crew(asking, requests, size)
    try:
        while not crew.over:
            yield from crew.take()
        if crew.error:
            raise crew.error
    finally:
        crew.stop()


class _Crew:
    """Workers in an event loop in a thread, and a thread that brings them requests."""

    def __init__(self, asking: Asking, requests: Iterable[Any], size: int):
        self._asking, self._size = asking, size
        self._news: queue.SimpleQueue = queue.SimpleQueue()
        self._room = threading.Semaphore(_QUEUED_PER_WORKER * size)
        self._stopping = False
        self._resting: set[asyncio.Task] = set()
        self.over = False
        self.error: BaseException | None = None
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="teacher", daemon=True)
        self._thread.start()
        started.wait()
        self._feeder = threading.Thread(target=self._feed, args=(requests,), name="requests", daemon=True)
        self._feeder.start()

    # In the caller's thread.

    def take(self) -> Iterator[tuple[Any, Any]]:
        """Waits for the next thing to happen, and yields it if it is a reply."""
        item = self._news.get()
        if item is _DONE:
            self.over = True
        elif isinstance(item, BaseException):
            self.error = self.error or item
        else:
            self._room.release()
            yield item

    def stop(self) -> None:
        """Breaks everything off and waits for the threads."""
        self._stopping = True
        self._room.release()
        if not self.over:
            self._call(self._main_task.cancel)
        self._thread.join()
        self._feeder.join()

    # In the feeder's thread.

    def _feed(self, requests: Iterable[Any]) -> None:
        try:
            source = iter(requests)
            while self._room.acquire() and not self._stopping:
                request = next(source, _DONE)
                if request is _DONE:
                    break
                self._call(self._todo.put_nowait, request)
            for _ in range(self._size):  # The workers may go home once nothing is left to do.
                self._call(self._todo.put_nowait, _DONE)
        except BaseException as error:
            self._news.put(error)
            self._call(self._break_off)

    def _call(self, function: Callable, *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: everything is over.
            self._loop.call_soon_threadsafe(function, *args)

    # In the crew's thread.

    def _run(self, started: threading.Event) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._main(started))
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self._news.put(error)
        finally:
            self._news.put(_DONE)
            started.set()

    async def _main(self, started: threading.Event) -> None:
        self._loop, self._todo = asyncio.get_running_loop(), asyncio.Queue()
        self._main_task = asyncio.current_task()
        started.set()
        async with self._asking(self._rest) as ask:
            workers = [asyncio.create_task(self._work(ask)) for _ in range(self._size)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    @contextlib.contextmanager
    def _rest(self) -> Iterator[None]:
        task = asyncio.current_task()
        self._resting.add(task)
        try:
            yield
        finally:
            self._resting.discard(task)

    async def _work(self, ask: Ask) -> None:
        while not self._stopping and (request := await self._todo.get()) is not _DONE:
            try:
                self._news.put((request, await ask(request)))
            except asyncio.CancelledError:
                if not self._stopping:
                    raise
            except Exception as error:
                self._news.put(error)
                self._break_off()

    def _break_off(self) -> None:
        """Makes no new call, but leaves those under way their time."""
        self._stopping = True
        self._room.release()
        for task in self._resting:
            task.cancel()
        for _ in range(self._size):  # Those who wait for a request.
            self._todo.put_nowait(_DONE)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed: a third less time for a call."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
