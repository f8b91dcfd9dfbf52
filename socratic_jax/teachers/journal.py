"""The journal: every reply that was paid for, one JSON object a line, only ever appended to.

One file for all processes that annotate into it. Each line goes out in a single write to a file that
is open for appending, under a lock. Whoever takes the lock first reads what others have appended, so
every process knows all replies; a last line without its end was torn by a kill or a full disk (nobody
else can be writing), and it is cut off: its request is asked again.

Before a process asks a request it claims it, by locking one byte of a lock file at a position that the
request's key gives. Two processes on one journal therefore share the work and never pay twice, and
there are no stale claims to clean up: the system drops the locks of a process that dies, however it
dies. A file per process would need neither lock, but both processes would pay for the same requests.

Refusals are replies too: to have them asked again, delete their lines while no process runs.

What a kill can lose is what no client can save: replies that were still on their way here. A power cut
can lose more, so the file is synced to the disk, once a second at most and on closing: a sync for each
reply would cost more time than everything else together.

Locks are POSIX record locks: Linux and macOS, on local disks and NFS, not on object stores. They are
held by a process, not by a thread, and closing the lock file anywhere in the process drops them all;
so a process can open a journal only once at a time.
"""

import contextlib
import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from socratic_jax.teachers.offsets import Offsets, fingerprint
from socratic_jax.teachers.teacher import Reply, Request, Usage

log = logging.getLogger(__name__)

SYNC_EVERY = 1.0  # seconds
_CHUNK = 1 << 18
_LINE = 4096  # Most lines are shorter.

_open_paths: set[str] = set()


class JournalError(RuntimeError):
    """The journal cannot be read or written; one line that names the file."""


class Journal:
    """Replies by the keys of their requests. In memory there are keys and offsets, not texts.

    Args:
      path: of the JSONL file; it and its directory are made if they are missing. Beside it there will
        be a lock file, ".<name>.lock", which may be deleted when no process runs.

    Attributes:
      damaged: lines that are not replies (edited by hand, or the disk failed); their requests, if they
        were any, are asked again.

    Raises:
      JournalError: the path cannot be used, or this process has it open already.
    """

    def __init__(self, path: str | os.PathLike[str]):
        name = os.fspath(path)
        if "://" in name:
            raise JournalError(
                f"{name}: a journal is appended to, so it must be on a local disk, not in a store"
            )
        self.path = Path(name).expanduser()
        self.damaged = 0
        self._index = Offsets()
        self._end = 0  # Of the last whole line that is in the index.
        self._claims: set[int] = set()
        self._thread_lock = threading.RLock()
        self._synced = time.monotonic()
        self._file = self._locks = -1
        self._real = os.path.realpath(self.path)
        if self._real in _open_paths:
            raise JournalError(f"{self.path}: this process has the journal open already; use that one")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self.path, flags | os.O_APPEND, 0o666)
            self._locks = os.open(self.path.with_name(f".{self.path.name}.lock"), flags, 0o666)
            _open_paths.add(self._real)
            self.refresh()
        except (OSError, JournalError) as error:
            self.close()
            raise (
                error if isinstance(error, JournalError) else self._cannot("use the journal", error)
            ) from None
        if self.damaged:
            log.warning("%s: %d damaged lines are passed over", self.path, self.damaged)

    def __contains__(self, key: str) -> bool:
        with self._thread_lock:
            return key in self._index

    def __len__(self) -> int:
        return len(self._index)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    def get(self, key: str) -> Reply | None:
        """The reply to the request of that key; None if there is none."""
        with self._thread_lock:
            offset = self._index.get(key)
        record = None if offset is None else _record(self._line(offset))
        return None if record is None or record["key"] != key else _reply(record)

    def records(self) -> Iterator[dict[str, Any]]:
        """All lines as they are, in the order in which they came, each key once."""
        offset = 0
        while offset < self._end:
            line = self._line(offset)
            record = _record(line)
            if record is not None and self._index.get(record["key"]) == offset:
                yield record
            offset += len(line)

    def append(self, key: str, request: Request, reply: Reply, teacher: str) -> bool:
        """Writes a reply down. Once this returns, a kill cannot lose it.

        Args:
          key: `request.key(teacher)`.
          request: that was answered.
          reply: to it; only final ones belong here.
          teacher: its name.

        Returns:
          Whether it is new. A second reply to a request is not written.

        Raises:
          JournalError: the disk is full or fails; the journal is then as it was.
        """
        if not reply.final:
            raise ValueError("a request that was given up has no reply to write down")
        record = {
            "key": key,
            "teacher": teacher,
            "tag": request.tag,
            "sample": request.sample,
            "finish": reply.finish,
            "text": reply.text,
            "error": reply.error,
            "input_tokens": reply.usage.input_tokens,
            "output_tokens": reply.usage.output_tokens,
        }
        line = _encode(record)
        with self._locked():
            self._read_on()
            if key in self._index:
                return False
            self._write(line)
            self._index.add(key, self._end)
            self._end += len(line)
            if time.monotonic() - self._synced > SYNC_EVERY:
                self.sync()
        return True

    def claim(self, key: str) -> bool:
        """Makes the request of that key this process's to ask, until `release` or its death.

        Returns:
          False if it is claimed, by another process or by this one, or has its reply by now.
        """
        byte = _claim_byte(key)
        with self._thread_lock:
            if byte in self._claims or not self._lock(byte, fcntl.LOCK_EX | fcntl.LOCK_NB):
                return False
            self._claims.add(byte)
            # Whoever had the claim until just now may have left the reply.
            if os.fstat(self._file).st_size != self._end:
                self.refresh()
            if key in self._index:
                self.release(key)
                return False
        return True

    def release(self, key: str) -> None:
        """Gives up a claim of this process, if it has it."""
        byte = _claim_byte(key)
        with self._thread_lock:
            if byte in self._claims:
                self._claims.discard(byte)
                self._lock(byte, fcntl.LOCK_UN)

    def release_all(self) -> None:
        """Gives up all claims of this process."""
        with self._thread_lock:
            for byte in self._claims:
                self._lock(byte, fcntl.LOCK_UN)
            self._claims.clear()

    def refresh(self) -> None:
        """Takes note of what other processes have appended."""
        with self._locked():
            self._read_on()

    def sync(self) -> None:
        """Returns when all replies so far would survive a power cut."""
        os.fsync(self._file)
        self._synced = time.monotonic()

    def close(self) -> None:
        """Syncs, gives up all claims and closes the files. Closing twice is fine."""
        with self._thread_lock:
            if self._file >= 0:
                with contextlib.suppress(OSError):
                    self.sync()
                os.close(self._file)
            if self._locks >= 0:
                os.close(self._locks)
                _open_paths.discard(self._real)
            self._file = self._locks = -1
            self._claims.clear()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """The right to append: among threads, then among processes."""
        with self._thread_lock:
            if self._locks < 0:
                raise JournalError(f"{self.path}: the journal is closed")
            self._lock(0, fcntl.LOCK_EX)
            try:
                yield
            finally:
                self._lock(0, fcntl.LOCK_UN)

    def _lock(self, byte: int, how: int) -> bool:
        try:
            fcntl.lockf(self._locks, how, 1, byte)
        except (BlockingIOError, PermissionError):  # EAGAIN or EACCES: somebody else has it.
            return False
        except OSError as error:
            raise self._cannot("lock the journal", error) from None
        return True

    def _read_on(self) -> None:
        """Indexes the lines after `_end` and cuts off a torn one. Needs the lock."""
        size = os.fstat(self._file).st_size
        if size == self._end:
            return
        if size < self._end:
            raise JournalError(
                f"{self.path}: the journal was cut or replaced while it was in use; start again"
            )
        rest = b""
        while self._end + len(rest) < size:
            chunk = os.pread(self._file, _CHUNK, self._end + len(rest))
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                record = _record(line)
                if record is None:
                    self.damaged += 1
                else:
                    self._index.add(record["key"], self._end)
                self._end += len(line) + 1
            if not chunk:
                break
        if rest:
            log.warning("%s: the last line was cut short; its request is asked again", self.path)
            os.ftruncate(self._file, self._end)

    def _write(self, line: bytes) -> None:
        try:
            written = os.write(self._file, line)
            while written < len(line):  # A signal, or a disk that is about to say that it is full.
                written += os.write(self._file, line[written:])
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise self._cannot("write the journal", error) from None

    def _line(self, offset: int) -> bytes:
        """The line that starts there, with its end."""
        line = b""
        while b"\n" not in line:
            chunk = os.pread(self._file, max(_LINE, len(line)), offset + len(line))
            if not chunk:
                break
            line += chunk
        return line[: line.find(b"\n") + 1]

    def _cannot(self, what: str, error: OSError) -> JournalError:
        return JournalError(f"{self.path}: cannot {what}: {error.strerror or error}")


def _claim_byte(key: str) -> int:
    # Byte 0 is the right to append; file positions end at 2**63 - 1.
    return 1 + (fingerprint(key) >> 2)


def _encode(record: dict[str, Any]) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair, as a cut-off text can end with
        return json.dumps(record).encode("ascii") + b"\n"


def _record(line: bytes) -> dict[str, Any] | None:
    """The object of a line, if it is a reply."""
    try:
        record = json.loads(line)
        key = record["key"]
        _reply(record)
        return record if len(key) == 32 and int(key, 16) >= 0 else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _reply(record: dict[str, Any]) -> Reply:
    usage = Usage(record["input_tokens"], record["output_tokens"])
    return Reply(record["text"], record["finish"], usage, record["error"])
