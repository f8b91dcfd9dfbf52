"""Gemini through google-genai, Google's maintained SDK.

The SDK is asked for the bare HTTP body: turning it into objects costs as much as the call, and batch
results come as bare JSON anyway, so that one function reads both. Its own retries and continuations
are off: they would wait and pay out of our sight.
"""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from socratic_jax.teachers import faults
from socratic_jax.teachers.faults import TRANSIENT, Fault, one_line
from socratic_jax.teachers.keys import ApiKey
from socratic_jax.teachers.limits import Clock, Limits
from socratic_jax.teachers.remote import Ask, RemoteTeacher, check_base_url, open_session, transport_fault
from socratic_jax.teachers.teacher import Reply, Request, TeacherError, Usage

KEY_NAMES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
GOOGLE = "https://generativelanguage.googleapis.com"
NEEDS = "the gemini teachers need google-genai; pip install 'socratic_jax[gemini]'"

_BROKEN = {"FINISH_REASON_UNSPECIFIED", "OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"}


def teacher_name(model: str, thinking: int | None) -> str:
    """The name of a Gemini teacher: the model, and how much it may think if that is set."""
    return f"gemini:{model}" + ("" if thinking is None else f":thinking={thinking}")


class GeminiTeacher(RemoteTeacher):
    """A Gemini model.

    Args:
      model: its name, as "gemini-2.5-flash".
      thinking: tokens that it may think before it answers; 0 turns it off where the model allows that.
        None leaves it to the model. Thoughts count against max_tokens, and are paid for as output.
      base_url: of the endpoint; "" is Google's.
      api_key_file: a file with the API key; "" takes GEMINI_API_KEY or GOOGLE_API_KEY.
      limits: how hard it may be asked.
      clock: for tests.
    """

    def __init__(
        self,
        model: str,
        thinking: int | None = None,
        base_url: str = "",
        api_key_file: str = "",
        limits: Limits | None = None,
        clock: Clock | None = None,
    ):
        self._model, self._thinking = model, thinking
        self._base_url = check_base_url(base_url) if base_url else None
        name = teacher_name(model, thinking)
        super().__init__(name, KEY_NAMES, api_key_file, True, limits, clock)

    @contextlib.asynccontextmanager
    async def asking(self, key: ApiKey) -> AsyncIterator[Ask]:
        try:
            import aiohttp
            from google.genai import errors, types
        except ImportError:
            raise TeacherError(NEEDS) from None

        async def ask(request: Request) -> Reply:
            config = types.GenerateContentConfig(
                **generation_config(request, self.name, self._thinking),
                automatic_function_calling=no_functions,
                automatic_continuation=False,
                should_return_http_response=True,
            )
            try:
                response = await client.aio.models.generate_content(
                    model=self._model, contents=request.prompt, config=config
                )
            except errors.APIError as error:
                raise sdk_fault(error) from None
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise transport_fault(error) from None
            return read_body(response.sdk_http_response.body)

        no_functions = types.AutomaticFunctionCallingConfig(disable=True)
        async with open_session(self._base_url or GOOGLE) as session:
            # A Client that nobody holds closes its connections.
            client = make_client(key, self._base_url, session)
            yield ask


def make_client(key: ApiKey, base_url: str | None, session: Any = None, timeout: float | None = None) -> Any:
    """A `genai.Client` that makes one call when asked for one.

    Args:
      key: the API key.
      base_url: of the endpoint; None is Google's.
      session: an aiohttp.ClientSession for asynchronous calls.
      timeout: of other calls, in seconds.
    """
    from google import genai
    from google.genai import types

    options = types.HttpOptions(
        base_url=base_url,
        retry_options=types.HttpRetryOptions(attempts=1),
        aiohttp_client=session,
        timeout=None if timeout is None else int(1000 * timeout),
    )
    return genai.Client(api_key=key.reveal(), vertexai=False, http_options=options)


def generation_config(request: Request, name: str, thinking: int | None) -> dict[str, Any]:
    """How to sample a request, under the SDK's names."""
    config: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_output_tokens": request.max_tokens,
        "seed": request.seed(name),
    }
    if thinking is not None:
        config["thinking_config"] = {"thinking_budget": thinking}
    return config


def sdk_fault(error: Any) -> Fault:
    """The fault that a `genai.errors.APIError` stands for."""
    details = error.details
    body = details if isinstance(details, str) else json.dumps(details, default=str)
    headers = getattr(error.response, "headers", None) or {}
    return faults.from_response(int(error.code or 500), body, headers, time.time())


def read_body(body: str | None) -> Reply:
    """The reply in the HTTP body of a generateContent call.

    Raises:
      Fault: a transient one, where the body is cut off or not what it should be.
    """
    try:
        return read_reply(json.loads(body or ""))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        raise Fault(TRANSIENT, f"not a reply of Gemini's: {one_line(body or '') or 'nothing'}") from None


def read_reply(record: Mapping[str, Any]) -> Reply:
    """The reply in a generateContent response.

    Raises:
      Fault: a transient one, where there is no candidate and no reason why.
      ValueError, TypeError, KeyError, AttributeError: it is no such response.
    """
    used = record.get("usageMetadata") or {}
    # Thoughts are charged as output.
    output = int(used.get("candidatesTokenCount") or 0) + int(used.get("thoughtsTokenCount") or 0)
    usage = Usage(int(used.get("promptTokenCount") or 0), output)
    blocked = (record.get("promptFeedback") or {}).get("blockReason")
    if blocked:
        return Reply(None, "blocked", usage, one_line(f"the prompt was blocked: {blocked}"))
    if not record.get("candidates"):
        raise Fault(TRANSIENT, "a reply without candidates")
    candidate = record["candidates"][0]
    parts = (candidate.get("content") or {}).get("parts") or []
    text = "".join(part.get("text") or "" for part in parts if not part.get("thought")) or None
    finish = candidate.get("finishReason") or "STOP"
    if finish == "MAX_TOKENS":
        return Reply(text, "length", usage, "cut off at max_tokens; allow more")
    if finish != "STOP":
        how = "error" if finish in _BROKEN else "blocked"
        return Reply(text, how, usage, one_line(f"the reply ended with {finish}"))
    if text is None:
        return Reply(None, "error", usage, "an empty reply")
    return Reply(text, "stop", usage)
