"""Any endpoint that speaks OpenAI's chat completions: OpenAI, vLLM, llama.cpp, Ollama.

The format is one POST, so this speaks it over aiohttp: vendors' SDKs spend more time on a call than
everything else here together (measured in benchmarks/teachers.py).
"""

import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from socratic_jax.teachers import faults
from socratic_jax.teachers.faults import TRANSIENT, Fault, one_line
from socratic_jax.teachers.keys import ApiKey
from socratic_jax.teachers.limits import Clock, Limits
from socratic_jax.teachers.remote import Ask, RemoteTeacher, check_base_url, open_session, transport_fault
from socratic_jax.teachers.teacher import Reply, Request, TeacherError, Usage

OPENAI = "https://api.openai.com/v1"


class OpenAITeacher(RemoteTeacher):
    """A model behind an OpenAI-compatible endpoint.

    Args:
      model: its name there.
      base_url: of the endpoint, up to and with "/v1". Endpoints other than OpenAI's own need no key, but
        are sent one if there is one.
      api_key_file: a file with the API key; "" takes OPENAI_API_KEY.
      limits: how hard it may be asked.
      clock: for tests.
    """

    def __init__(
        self,
        model: str,
        base_url: str = OPENAI,
        api_key_file: str = "",
        limits: Limits | None = None,
        clock: Clock | None = None,
    ):
        self._model = model
        self._url = check_base_url(base_url) + "/chat/completions"
        official = base_url.startswith(OPENAI)
        # OpenAI's reasoning models know only the new name, other endpoints often only the old one.
        self._max_tokens = "max_completion_tokens" if official else "max_tokens"
        super().__init__(f"openai:{model}", ("OPENAI_API_KEY",), api_key_file, official, limits, clock)

    @contextlib.asynccontextmanager
    async def asking(self, key: ApiKey) -> AsyncIterator[Ask]:
        try:
            import aiohttp
        except ImportError:
            raise TeacherError(
                "the openai teacher needs aiohttp; pip install 'socratic_jax[openai]'"
            ) from None

        headers = {"Content-Type": "application/json"}
        if key.reveal():
            headers["Authorization"] = f"Bearer {key.reveal()}"

        async def ask(request: Request) -> Reply:
            body = json.dumps(self._body(request)).encode("ascii")
            try:
                async with session.post(self._url, data=body, allow_redirects=False) as response:
                    text = (await response.read()).decode("utf-8", "replace")
            except (aiohttp.ClientError, OSError) as error:
                raise transport_fault(error) from None
            if response.status != 200:
                raise faults.from_response(response.status, text, response.headers, time.time())
            return read_reply(text)

        async with open_session(self._url, headers) as session:
            yield ask

    def _body(self, request: Request) -> dict[str, Any]:
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": request.prompt}],
            self._max_tokens: request.max_tokens,
            "seed": request.seed(self.name),
        }
        # Reasoning models refuse both unless they are what they would be anyway.
        if request.temperature != 1.0:
            body["temperature"] = request.temperature
        if request.top_p != 1.0:
            body["top_p"] = request.top_p
        return body


def read_reply(text: str) -> Reply:
    """The reply in the body of a chat completion.

    Raises:
      Fault: a transient one, where the body is not a chat completion: cut off, or a proxy's page.
    """
    try:
        record = json.loads(text)
        choice = record["choices"][0]
        message = choice.get("message") or {}
        used = record.get("usage") or {}
        usage = Usage(int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0))
        content, finish, refusal = message.get("content"), choice.get("finish_reason"), message.get("refusal")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise Fault(TRANSIENT, f"not a chat completion: {one_line(text) or 'nothing'}") from None
    if refusal or finish == "content_filter":
        return Reply(content or None, "blocked", usage, one_line(f"blocked: {refusal or finish}"))
    if finish == "length":
        return Reply(content or None, "length", usage, "cut off at max_tokens; allow more")
    if not content:
        return Reply(None, "error", usage, one_line(f"an empty reply (finish reason {finish})"))
    return Reply(content, "stop", usage)
