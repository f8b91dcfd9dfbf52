"""API keys: where they come from, and how they stay out of everything that is written or printed.

A key is wrapped as soon as it is read. The wrapper prints as its origin, so a key that ends up in a
log line, a config dump or the locals of a traceback by accident shows nothing. Servers echo keys in
their error bodies, so every text that comes from outside goes through `redact` before it is kept.
"""

import json
import os
import re
import urllib.parse
from collections.abc import Sequence

from socratic_jax.teachers.teacher import TeacherError

HIDDEN = "[key]"

# What keys look like, for those that are not ours: a server may echo a part of one, or another's.
_PATTERNS = re.compile(
    r"\bsk-[\w*.\-]{4,}"  # OpenAI and its imitators; the stars are its own way of hiding
    r"|\bAIza[\w*\-]{4,}"  # Google
    r"|(?<=[?&]key=)[^&\s\"']+"
    r"|(?<=\bBearer )\s*[^\s\"',]+",
    re.IGNORECASE,
)
# A long word without a dot or a slash is hardly the name of a file.
_RANDOM = re.compile(r"[\w\-]{24,}")
# Below this a "key" is a word like EMPTY that local servers are given, and hiding it would only
# tear holes into messages.
_SHORTEST = 8


def looks_like_key(text: str) -> bool:
    """Whether a text that should be a path or an address holds what is probably a key."""
    return bool(_PATTERNS.search(text)) or bool(_RANDOM.fullmatch(text) and not os.path.exists(text))


class ApiKey:
    """A key that does not print.

    Args:
      value: the key; "" for endpoints that need none.
      origin: where it was found, for messages.
    """

    __slots__ = ("_value", "origin")

    def __init__(self, value: str, origin: str):
        self._value = value
        self.origin = origin

    def reveal(self) -> str:
        """The key itself, for the client that sends it and nobody else."""
        return self._value

    def redact(self, text: str) -> str:
        """The text without the key, in whatever way it is written there, and without others' keys."""
        key = self._value
        if len(key) >= _SHORTEST:
            spellings = {key, urllib.parse.quote(key, safe=""), json.dumps(key)[1:-1]}
            for spelling in sorted(spellings, key=len, reverse=True):
                text = text.replace(spelling, HIDDEN)
        return _PATTERNS.sub(HIDDEN, text)

    def scrub(self, error: BaseException) -> BaseException:
        """The error, or one without the key where its chain holds it; for errors that we cannot name."""
        chain, link = [], error
        while link is not None and link not in chain:
            chain.append(link)
            link = link.__cause__ or link.__context__
        texts = [f"{type(e).__name__}: {e}" for e in chain]
        if all(self.redact(text) == text for text in texts):
            return error
        # Exceptions keep their arguments in too many places to clean: only the text goes on.
        safe = RuntimeError(self.redact(texts[0]).split("\n")[0]).with_traceback(error.__traceback__)
        safe.__suppress_context__ = True
        return safe

    def __repr__(self) -> str:
        return f"ApiKey(from {self.origin})"

    def __reduce__(self):
        raise TypeError("an API key is not written anywhere")


def load(names: Sequence[str], path: str | os.PathLike[str] = "", required: bool = True) -> ApiKey:
    """Reads a key from a file, else from the first environment variable that has one.

    Args:
      names: of the environment variables, in order of preference.
      path: of a file that holds the key and nothing else; "" for the environment.
      required: whether it is an error to have none.

    Raises:
      TeacherError: no key, an unreadable file, or something that cannot be a key.
    """
    if path:
        origin = f"file {os.fspath(path)}"
        try:
            with open(os.path.expanduser(path), encoding="utf-8") as file:
                value = file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not a text file"
            raise TeacherError(f"{path}: the API key cannot be read: {reason}; check the path") from None
        if not value:
            raise TeacherError(f"{path}: the file is empty; write the API key into it")
    else:
        origin, value = next(
            ((name, os.environ[name].strip()) for name in names if os.environ.get(name, "").strip()),
            (" or ".join(names), ""),
        )
        if not value and required:
            raise TeacherError(
                f"no API key; set {origin} in the environment, or name a file with api_key_file"
            )
    # An HTTP header would refuse it later, with a message that quotes it.
    if not value.isascii() or any(c.isspace() or not c.isprintable() for c in value):
        raise TeacherError(f"what is in {origin} cannot be an API key: it holds spaces or odd characters")
    return ApiKey(value, origin)
