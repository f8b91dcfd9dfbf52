"""Gemini through google-generativeai, the SDK before google-genai, for environments that pin it.

Not the default: its support ended on 2025-11-30, and it pins protobuf below what TFDS needs, so it
belongs into an environment of its own. It has no seed, so another sample of a prompt is another draw
of the server's, and no thinking budget: choose max_tokens with room for a model's thoughts.
"""

import asyncio
import concurrent.futures
import contextlib
import time
from collections.abc import AsyncIterator

from socratic_jax.teachers import faults
from socratic_jax.teachers.faults import TRANSIENT, Fault, one_line
from socratic_jax.teachers.gemini import KEY_NAMES, read_reply
from socratic_jax.teachers.keys import ApiKey
from socratic_jax.teachers.limits import Clock, Limits
from socratic_jax.teachers.remote import Ask, RemoteTeacher, check_base_url
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
        self._base_url = check_base_url(base_url) if base_url else None
        super().__init__(f"gemini-legacy:{model}", KEY_NAMES, api_key_file, True, limits, clock)
