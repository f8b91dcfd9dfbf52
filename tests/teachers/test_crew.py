"""Many calls behind an iterator: all answered, few at a time, and what happens when something breaks."""

import asyncio
import contextlib
import threading
import time

import pytest

from socratic_jax.teachers.crew import answers


def asking(call):
    """A client whose calls are `call(request, rest)`."""

    @contextlib.asynccontextmanager
    async def open_(rest):
        yield lambda request: call(request, rest)

    return open_


async def double(request, rest):
    await asyncio.sleep(0)
    return 2 * request


@pytest.mark.parametrize("n", [0, 1, 5, 1000])
def test_every_request_is_answered_once(n):
    assert sorted(answers(asking(double), range(n), 8)) == [(i, 2 * i) for i in range(n)]


def test_so_many_at_a_time_and_no_more():
    now = most = 0

    async def call(request, rest):
        nonlocal now, most
        now += 1
        most = max(now, most)
        await asyncio.sleep(0.001)
        now -= 1

    list(answers(asking(call), range(100), 7))
    assert most == 7


def test_requests_are_pulled_only_as_there_is_room():
    pulled = 0

    def requests():
        nonlocal pulled
        for i in range(10_000):
            pulled += 1
            yield i

    for n, _ in enumerate(answers(asking(double), requests(), 4), start=1):
        assert pulled <= n + 2 * 4
        if n == 100:
            time.sleep(0.05)  # A slow caller: nothing piles up.
        if n == 200:
            break


def test_replies_come_as_they_arrive():
    async def call(request, rest):
        await asyncio.sleep(request)

    assert [r for r, _ in answers(asking(call), [0.15, 0.1, 0.05], 3)] == [0.05, 0.1, 0.15]


def test_a_reply_does_not_wait_for_the_next_request():
    here = threading.Event()

    def requests():
        yield 1
        assert here.wait(10)
        yield 2

    for request, _ in answers(asking(double), requests(), 4):
        if request == 1:
            here.set()


def test_it_works_inside_a_running_loop():
    async def notebook():
        return list(answers(asking(double), range(3), 2))

    assert len(asyncio.run(notebook())) == 3


def test_the_first_error_ends_it_after_those_under_way():
    begun = []

    async def call(request, rest):
        begun.append(request)
        if request == 3:
            raise KeyError("three")
        await asyncio.sleep(0.05)
        return request

    found = []
    with pytest.raises(KeyError, match="three"):
        for request, _ in answers(asking(call), range(1000), 8):
            found.append(request)
    # What was begun is answered, the failed one apart, and nothing was begun later.
    assert sorted(found) == sorted(set(begun) - {3})
    assert len(begun) <= 8


def test_an_error_does_not_wait_for_those_who_only_wait():
    async def call(request, rest):
        if request == 0:
            await asyncio.sleep(0.02)
            raise KeyError("zero")
        with rest():
            await asyncio.sleep(60)

    start = time.monotonic()
    with pytest.raises(KeyError, match="zero"):
        list(answers(asking(call), range(100), 8))
    assert time.monotonic() - start < 10


def test_a_client_that_does_not_open():
    @contextlib.asynccontextmanager
    async def open_(rest):
        raise ImportError("no such package")
        yield

    with pytest.raises(ImportError, match="no such package"):
        list(answers(open_, range(100), 4))


def test_closing_it_breaks_everything_off_and_closes_the_client():
    closed = []

    @contextlib.asynccontextmanager
    async def open_(rest):
        async def call(request):
            await asyncio.sleep(0.0 if request == 0 else 60.0)

        try:
            yield call
        finally:
            closed.append(True)

    before = threading.active_count()
    stream = answers(open_, range(100), 4)
    assert next(stream) == (0, None)
    stream.close()
    assert closed == [True]
    assert threading.active_count() == before


def test_an_error_of_the_requests_goes_through_after_what_is_under_way():
    begun = threading.Event()

    def requests():
        yield 1
        begun.wait(10)
        raise OSError("the file is gone")

    async def call(request, rest):
        begun.set()
        await asyncio.sleep(0.1)
        return 2 * request

    before, found = threading.active_count(), []
    with pytest.raises(OSError, match="the file is gone"):
        for answer in answers(asking(call), requests(), 4):
            found.append(answer)
    assert found == [(1, 2)]
    assert threading.active_count() == before
