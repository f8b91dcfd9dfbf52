"""Gemini through google-generativeai, the SDK before google-genai, for environments that pin it.

Not the default: its support ended on 2025-11-30, and it pins protobuf below what TFDS needs, so it
belongs into an environment of its own. It knows neither a seed, so another sample of a prompt is
another draw of the server's, nor a thinking budget: choose max_tokens with room for thoughts.
"""

import asyncio
import concurrent.futures
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from socratic_jax.teachers import faults
from socratic_jax.teachers.gemini import KEY_NAMES, read_reply
from socratic_jax.teachers.keys import ApiKey
from socratic_jax.teachers.limits import Clock, Limits
from socratic_jax.teachers.remote import Ask, RemoteTeacher, check_base_url, transport_fault
from socratic_jax.teachers.teacher import Reply, Request, TeacherError


class GeminiLegacyTeacher(RemoteTeacher):
    """A Gemini model, through the old SDK.

    Args:
      model: its name, as "gemini-2.5-flash".
      base_url: of the endpoint; "" is Google's.
      api_key_file: a file with the API key; "" takes GEMINI_API_KEY or GOOGLE_API_KEY.
      limits: how hard it may be asked.
      clock: for tests.
    """

    def __init__(
        self,
        model: str,
        base_url: str = "",
        api_key_file: str = "",
        limits: Limits | None = None,
        clock: Clock | None = None,
    ):
        self._model = model
        self._base_url = check_base_url(base_url) if base_url else ""
        super().__init__(f"gemini-legacy:{model}", KEY_NAMES, api_key_file, True, limits, clock)

    @contextlib.asynccontextmanager
    async def asking(self, key: ApiKey) -> AsyncIterator[Ask]:
        try:
            import google.generativeai as genai
            import requests
            from google.api_core import exceptions
            from google.protobuf import json_format
        except ImportError:
            raise TeacherError(
                "the gemini-legacy teacher needs google-generativeai; "
                "pip install 'socratic_jax[gemini-legacy]' into an environment of its own"
            ) from None

        options = {"api_endpoint": self._base_url} if self._base_url else None
        # The SDK's gRPC transports cannot be pointed at a plain address, and its REST has no async.
        genai.configure(api_key=key.reveal(), transport="rest", client_options=options)
        model = genai.GenerativeModel(self._model)

        def call(request: Request) -> Reply:
            try:
                response = model.generate_content(
                    request.prompt,
                    generation_config={
                        "temperature": request.temperature,
                        "top_p": request.top_p,
                        "max_output_tokens": request.max_tokens,
                    },
                    # `retry: None` switches its own retries off. A thread cannot be broken off, so here
                    # the call needs the timeout as well.
                    request_options={"retry": None, "timeout": self.limits.timeout},
                )
                return read_reply(_as_rest(response))
            except exceptions.GoogleAPICallError as error:
                raise _sdk_fault(error) from None
            except (requests.RequestException, json_format.Error, OSError, ValueError) as error:
                raise transport_fault(error) from None

        async def ask(request: Request) -> Reply:
            return await asyncio.get_running_loop().run_in_executor(threads, call, request)

        threads = concurrent.futures.ThreadPoolExecutor(self.limits.concurrency)
        try:
            yield ask
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _as_rest(response: Any) -> dict[str, Any]:
    """The SDK's response under the names of the REST API."""
    used = response.usage_metadata
    feedback = response.prompt_feedback.block_reason
    return {
        "promptFeedback": {"blockReason": feedback.name if feedback else None},
        "candidates": [
            {
                "finishReason": getattr(candidate.finish_reason, "name", "OTHER"),
                "content": {"parts": [{"text": part.text} for part in candidate.content.parts]},
            }
            for candidate in response.candidates
        ],
        "usageMetadata": {
            "promptTokenCount": used.prompt_token_count,
            # Thoughts are charged too, and this SDK knows them only as what is missing from the sum.
            "candidatesTokenCount": max(
                used.candidates_token_count, used.total_token_count - used.prompt_token_count
            ),
        },
    }


def _sdk_fault(error: Any) -> faults.Fault:
    """The fault that a `google.api_core` error stands for."""
    response = getattr(error, "response", None)
    body = error.message if response is None else response.text
    headers = {} if response is None else response.headers
    return faults.from_response(int(error.code or 500), body, headers, time.time())
