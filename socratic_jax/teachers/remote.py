"""What all teachers behind an API share: patience, pace, and one reply for every request.

A vendor's module says how one call is made and how its answer is read; everything that can go wrong
around it is dealt with here, once.
"""

import asyncio
import contextlib
import logging
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from socratic_jax.teachers import crew, estimate, keys
from socratic_jax.teachers.faults import BLOCKED, FATAL, REFUSED, TRANSIENT, Fault, one_line
from socratic_jax.teachers.limits import Clock, Limits, Pacer, Patience
from socratic_jax.teachers.teacher import Reply, Request, TeacherError

log = logging.getLogger(__name__)

Ask = Callable[[Request], Awaitable[Reply]]


class RemoteTeacher:
    """A teacher behind an API. Subclasses implement `asking`.

    Args:
      name: of the teacher, see `teacher.Teacher`.
      key_names: environment variables that may hold the API key.
      key_file: a file that holds it instead.
      key_required: whether the endpoint may do without.
      limits: how hard it may be asked.
      clock: for tests.
    """

    batch = False

    def __init__(
        self,
        name: str,
        key_names: tuple[str, ...],
        key_file: str = "",
        key_required: bool = True,
        limits: Limits | None = None,
        clock: Clock | None = None,
    ):
        self.name = name
        self.limits = limits or Limits()
        self._load_key = lambda: keys.load(key_names, key_file, key_required)
        self._clock = clock or Clock()
        self._pacer = Pacer(self.limits, self._clock)
        self._unanswered = 0  # requests in a row
        self._answered = False

    def asking(self, key: keys.ApiKey) -> contextlib.AbstractAsyncContextManager[Ask]:
        """Opens a client. What it gives makes one call: it returns a reply or raises a Fault."""
        raise NotImplementedError

    def complete(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Reply]]:
        """Answers every request exactly once, in the order in which the replies arrive.

        Raises:
          TeacherError: there is no key or it is refused, there is no such model, or the endpoint does
            not answer at all.
        """
        # The key is read here: a dry run needs none.
        key = self._load_key()
        self._unanswered, self._answered = 0, False

        @contextlib.asynccontextmanager
        async def asking(rest: crew.Rest) -> AsyncIterator[Ask]:
            async with self.asking(key) as ask:
                yield lambda request: self._answer(ask, request, key, rest)

        yield from crew.answers(asking, requests, self.limits.concurrency)

    async def _answer(self, ask: Ask, request: Request, key: keys.ApiKey, rest: crew.Rest) -> Reply:
        """One request with all its tries."""
        patience = None
        while True:
            reserved = estimate.tokens(request.prompt) + request.max_tokens
            await self._wait_for_turn(reserved, rest)
            try:
                reply = await self._try(ask, request)
            except Fault as fault:
                message = key.redact(str(fault))
                if fault.kind == FATAL:
                    raise self._fatal(message, key) from None
                if fault.kind == BLOCKED:
                    return Reply(None, "blocked", error=message)
                if fault.kind == REFUSED:
                    return self._refused(message)
                patience = patience or Patience(self.limits, request.key(self.name))
                wait = patience.after(fault)
                if fault.retry_after:  # Also where this request gives up: the others are not welcome either.
                    if fault.retry_after > max(5.0, self._pacer.closed):
                        log.warning("%s asks to wait %.0f s: %s", self.name, fault.retry_after, message)
                    self._pacer.close(fault.retry_after)
                if wait is None:
                    self._pacer.settle(reserved, 0)
                    return self._gave_up(f"{patience}; the last one: {message}")
            except Exception as error:
                raise key.scrub(error) from None
            else:
                self._unanswered, self._answered = 0, True
                self._pacer.settle(reserved, reply.usage.total)
                return reply
            self._pacer.settle(reserved, 0)
            with rest():
                await self._clock.sleep(wait)

    async def _wait_for_turn(self, tokens: int, rest: crew.Rest) -> None:
        wait = self._pacer.reserve(tokens)
        while wait > 0.0:
            with rest():
                await self._clock.sleep(wait)
            wait = self._pacer.closed  # The server may have asked for a pause meanwhile.

    async def _try(self, ask: Ask, request: Request) -> Reply:
        try:
            # The whole call: a server that sends a byte a second would keep any other timeout happy.
            async with asyncio.timeout(self.limits.timeout):
                return await ask(request)
        except TimeoutError:
            raise Fault(TRANSIENT, f"no reply within {self.limits.timeout:g} s") from None

    def _gave_up(self, message: str) -> Reply:
        self._unanswered += 1
        if self._unanswered >= self.limits.give_up_after:
            raise TeacherError(
                f"{self.name}: {self._unanswered} requests in a row had no answer ({message}); "
                "the same command goes on from here once the endpoint answers again"
            )
        return Reply(None, "gave_up", error=message)

    def _refused(self, message: str) -> Reply:
        # A whole run of refusals would fill the journal with them: then it is not the requests' fault.
        if not self._answered:
            self._unanswered += 1
            if self._unanswered >= self.limits.give_up_after:
                raise TeacherError(
                    f"{self.name} refuses every request ({message}); correct that, and delete the lines of "
                    "the refused ones from the journal to have them asked again"
                )
        return Reply(None, "error", error=message)

    def _fatal(self, message: str, key: keys.ApiKey) -> TeacherError:
        if "HTTP 404" in message:
            advice = "check the model's name and base_url"
        elif "HTTP 401" in message or "HTTP 403" in message or "api key" in message.lower():
            advice = f"check the API key in {key.origin}"
        else:
            advice = "every further call would fail too"
        return TeacherError(f"{self.name}: {message}; {advice}")


def check_base_url(url: str) -> str:
    """The URL of an endpoint without the slash at its end.

    Raises:
      ValueError: it is no http URL, or it holds a password, which configs and errors would show.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("base_url holds a user name or a password; put the key into the environment instead")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base_url {url!r} is not an address like http://localhost:8000/v1")
    return url.rstrip("/")


def open_session(url: str, headers: Mapping[str, str] | None = None) -> Any:
    """An aiohttp.ClientSession for calls of that address, by the proxy that the environment names for it.

    Raises:
      ImportError: aiohttp is not installed.
    """
    import aiohttp
    from yarl import URL

    # aiohttp's own `trust_env` does this for every call, in another thread: a third of the time of a call. It
    # also takes passwords from ~/.netrc, which are not meant for this.
    parts, proxy, auth = urllib.parse.urlsplit(url), None, None
    named = urllib.request.getproxies().get(parts.scheme)
    if named and not urllib.request.proxy_bypass(parts.hostname):
        proxy = URL(named)
        proxy, auth = proxy.with_user(None), aiohttp.BasicAuth.from_url(proxy)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),  # The crew is the limit.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),  # `limits.timeout` is the timeout.
        headers=headers,
        proxy=proxy,
        proxy_auth=auth,
    )


def transport_fault(error: Exception) -> Fault:
    """The fault that a broken connection, or a reply that is no reply, stands for."""
    return Fault(TRANSIENT, one_line(f"{type(error).__name__}: {error}"))
