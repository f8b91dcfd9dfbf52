"""The page and its dialogues over HTTP, for this machine only.

GET /cast         who plays, and problems to try, as JSON
POST /dialogues   {"problem": text}, or, to ask something else in the place of the n-th sub-question of a
                  dialogue, {"dialogue": id, "number": n, "question": text}

The reply to a POST is a JSON object a line, each sent as soon as it is known: first the turns that are given,
{"dialogue": id, "turns": [...]}, then every piece, {"turn", "role", "text"}, at last {"answer", "ending"}.
What cannot be done has another status than 200, and one line that says why.
"""

import collections
import contextlib
import itertools
import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from socratic_jax.chat.session import ChatError, Piece, Session, Talk

ASSETS = Path(__file__).with_name("assets")
FILES = {
    "/": ("chat.html", "text/html"),
    "/chat.css": ("chat.css", "text/css"),
    "/chat.js": ("chat.js", "text/javascript"),
}
HOST = "127.0.0.1"
LONGEST_BODY = 1 << 16  # Bytes; far more than any student can read.
KEPT = 200  # Dialogues that can still be changed.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    """Listens on the loopback interface.

    Args:
      session: whose cast is talked to.
      examples: problems to try.
      port: 0 takes a free one.

    Raises:
      OSError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, session: Session, examples: Sequence[str] = (), port: int = 0):
        try:
            super().__init__((HOST, port), Handler)
        except OSError as error:
            raise OSError(
                f"port {port} cannot be used: {error.strerror}; --port=0 takes a free one"
            ) from error
        self.session = session
        self.examples = list(examples)
        self._talks: collections.OrderedDict[int, Talk] = collections.OrderedDict()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}/"

    def keep(self, talk: Talk) -> int:
        """The number by which a dialogue can be found again; the oldest ones are forgotten."""
        with self._lock:
            number = next(self._numbers)
            self._talks[number] = talk
            if len(self._talks) > KEPT:
                self._talks.popitem(last=False)
        return number

    def begin(self, wish: dict[str, Any]) -> Talk:
        """The dialogue that is wished for, not written yet.

        Raises:
          ChatError: it cannot be.
        """
        if set(wish) == {"problem"} and isinstance(wish["problem"], str):
            return self.session.begin(wish["problem"].strip())
        types = {"dialogue": int, "number": int, "question": str}
        if set(wish) != set(types) or any(type(wish[name]) is not kind for name, kind in types.items()):
            raise ChatError('expected {"problem": text}, or {"dialogue": id, "number": n, "question": text}')
        with self._lock:
            talk = self._talks.get(wish["dialogue"])
        if talk is None:
            raise ChatError(f"dialogue {wish['dialogue']} is not here any more; type its problem again")
        return self.session.change(talk, wish["number"], wish["question"].strip())

    def cast(self) -> dict[str, Any]:
        """Who plays."""
        return {
            "strategy": self.session.cast.strategy.name,
            "speakers": {role.name.lower(): name for role, name in self.session.speakers.items()},
            "examples": self.examples,
        }


class Handler(BaseHTTPRequestHandler):
    """One request. A reply ends with its connection, so that pieces need no framing."""

    server: Server

    def do_GET(self) -> None:
        if not self._at_home():
            return
        if self.path == "/cast":
            self._reply(200, "application/json", json.dumps(self.server.cast()).encode())
        elif self.path in FILES:
            name, kind = FILES[self.path]
            self._reply(200, kind, (ASSETS / name).read_bytes())
        else:
            self._refuse(404, "there is no such page")

    def do_POST(self) -> None:
        if not self._at_home():
            return
        if self.path != "/dialogues":
            return self._refuse(404, "there is no such page")
        # Other sites can send forms without asking, but not JSON.
        if self.headers.get_content_type() != "application/json":
            return self._refuse(415, "the content type must be application/json")
        try:
            talk = self.server.begin(self._body())
        except ChatError as error:
            return self._refuse(400, str(error))
        self._head(200, "application/x-ndjson")
        # Once nobody listens any more nothing more is written; what is there can still be changed.
        with contextlib.suppress(ConnectionError):
            self._write(talk)

    def _write(self, talk: Talk) -> None:
        self._send({"dialogue": self.server.keep(talk), "turns": [_piece(turn) for turn in talk.turns()]})
        for piece in talk.write():
            self._send(_piece(piece))
        dialogue = talk.dialogue
        self._send({"answer": dialogue.answer, "ending": self.server.session.ending(dialogue)})

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            raise ChatError(f"a body needs a length, of at most {LONGEST_BODY} bytes")
        try:
            wish = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise ChatError(f"the body is not JSON: {error}") from error
        if not isinstance(wish, dict):
            raise ChatError("the body is not a JSON object")
        return wish

    def _at_home(self) -> bool:
        """Whether the page was asked for by its own name.

        The name of another site can be made to point here, and would let that site read what we reply.
        """
        port = self.server.server_port
        if self.headers.get("Host") in (f"{HOST}:{port}", f"localhost:{port}"):
            return True
        self._refuse(403, f"open {self.server.url} instead")
        return False

    def _send(self, value: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(value).encode() + b"\n")

    def _refuse(self, status: int, why: str) -> None:
        self._reply(status, "text/plain", why.splitlines()[0].encode())

    def _reply(self, status: int, kind: str, body: bytes) -> None:
        self._head(status, kind, len(body))
        self.wfile.write(body)

    def _head(self, status: int, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: what is asked for is seen on the page."""


def _piece(piece: Piece) -> dict[str, Any]:
    return {"turn": piece.turn, "role": piece.role.name.lower(), "text": piece.text}


def serve(session: Session, examples: Sequence[str], port: int) -> None:
    """Serves the page until Ctrl-C."""
    with Server(session, examples, port) as server:
        print(f"{server.url} (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
