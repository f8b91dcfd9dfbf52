"""The journal: nothing that was appended is lost, whatever happens to the process or its neighbours."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_jax.teachers import journal as journal_module
from socratic_jax.teachers.journal import Journal, JournalError
from socratic_jax.teachers.offsets import Offsets
from socratic_jax.teachers.teacher import Reply, Request, Usage

TEACHER = "test:m"


def make(i, text=None):
    """(key, request, reply) number i."""
    request = Request(f"prompt {i}", 0.7, 1.0, 64, 0, tag=f"p{i}")
    reply = Reply(f"reply {i}" if text is None else text, "stop", Usage(i, 2))
    return request.key(TEACHER), request, reply


def append(journal, i, text=None):
    key, request, reply = make(i, text)
    return journal.append(key, request, reply, TEACHER)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "annotations" / "test.jsonl"


def start(code, *arguments):
    """A process that has run `code` up to its print of "ready"."""
    preamble = """
        import sys, time
        from socratic_jax.teachers.journal import Journal
        from socratic_jax.teachers.teacher import Reply, Request, Usage
        def append(journal, i):
            request = Request(f"prompt {i}", 0.7, 1.0, 64, 0, tag=f"p{i}")
            journal.append(request.key("test:m"), request, Reply(f"reply {i}", "stop", Usage(i, 2)), "test:m")
    """
    code = textwrap.dedent(preamble) + textwrap.dedent(code)
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_what_is_appended_reads_back(path):
    with Journal(path) as journal:
        assert [append(journal, i) for i in range(100)] == [True] * 100
    with Journal(path) as journal:
        assert len(journal) == 100
        for i in range(100):
            key, _, reply = make(i)
            assert key in journal
            assert journal.get(key) == reply
        assert make(100)[0] not in journal
        assert journal.get(make(100)[0]) is None
        assert [r["tag"] for r in journal.records()] == [f"p{i}" for i in range(100)]


@given(st.lists(st.text(st.characters(codec=None, exclude_categories=()), max_size=6000), max_size=5))
def test_any_text_reads_back(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("texts") / "test.jsonl"
    with Journal(path) as journal:
        for i, text in enumerate(texts):
            append(journal, i, text)
        assert [journal.get(make(i)[0]).text for i in range(len(texts))] == texts
    with Journal(path) as journal:
        assert [journal.get(make(i)[0]).text for i in range(len(texts))] == texts


def test_failed_replies_are_kept_and_given_up_ones_refused(path):
    key, request, _ = make(0)
    blocked = Reply(None, "blocked", Usage(5, 0), "the prompt was blocked: SAFETY")
    with Journal(path) as journal:
        with pytest.raises(ValueError, match="given up"):
            journal.append(key, request, Reply(None, "gave_up"), TEACHER)
        journal.append(key, request, blocked, TEACHER)
    with Journal(path) as journal:
        assert journal.get(key) == blocked


def test_the_first_reply_to_a_request_stays(path):
    with Journal(path) as journal:
        assert append(journal, 0)
        assert not append(journal, 0, "another")
        assert journal.get(make(0)[0]).text == "reply 0"
    assert len(path.read_text().splitlines()) == 1


def test_cut_at_any_byte_it_goes_on(path, monkeypatch):
    monkeypatch.setattr(journal_module.os, "fsync", lambda file: None)  # 500 of them take seconds.
    with Journal(path) as journal:
        for i in range(3):
            append(journal, i)
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        with Journal(path) as journal:
            left = sum(end <= cut for end in ends)
            assert len(journal) == left
            assert journal.damaged == 0
            for i in range(3):
                assert append(journal, i) == (i >= left)
        assert path.read_bytes() == whole


def test_damaged_lines_are_passed_over_and_asked_again(path, caplog):
    with Journal(path) as journal:
        for i in range(4):
            append(journal, i)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1][:20] + b"\n"
    lines[2] = b"\x00" * 50 + b"\n"
    path.write_bytes(b"".join([*lines, b"[]\n", b"\n"]))
    with Journal(path) as journal:
        assert [make(i)[0] in journal for i in range(4)] == [True, False, False, True]
        assert journal.damaged == 4
        assert append(journal, 1)
    assert "4 damaged lines are passed over" in caplog.text
    with Journal(path) as journal:
        assert journal.get(make(1)[0]).text == "reply 1"


def test_a_full_disk_leaves_whole_lines(path, monkeypatch):
    real = os.write

    def write(file, data):
        if file != journal._file:
            return real(file, data)
        if len(data) < 50:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, data[: len(data) - 30])

    with Journal(path) as journal:
        append(journal, 0)
        before = path.read_bytes()
        monkeypatch.setattr(journal_module.os, "write", write)
        with pytest.raises(JournalError, match="cannot write the journal: No space left on device"):
            append(journal, 1)
        assert path.read_bytes() == before
        monkeypatch.undo()
        append(journal, 1)
        assert journal.get(make(1)[0]).text == "reply 1"


def test_a_short_write_goes_on(path, monkeypatch):
    real = os.write
    with Journal(path) as journal:
        monkeypatch.setattr(journal_module.os, "write", lambda file, data: real(file, data[:7]))
        append(journal, 0)
        monkeypatch.undo()
        append(journal, 1)
    with Journal(path) as journal:
        assert (len(journal), journal.damaged) == (2, 0)


def test_one_process_opens_it_once(path):
    with Journal(path) as journal:
        with pytest.raises(JournalError, match="this process has the journal open already"):
            Journal(path.parent / ".." / path.parent.name / path.name)
        # The refusal must not drop the locks of the first one.
        assert append(journal, 0)
    with Journal(path):
        pass
    journal.close()
    with pytest.raises(JournalError, match="the journal is closed"):
        append(journal, 1)


def test_paths_that_cannot_be(tmp_path):
    with pytest.raises(JournalError, match="a journal is appended to, so it must be on a local disk"):
        Journal("gs://bucket/x.jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot use the journal: File exists"):
        Journal(tmp_path / "file" / "x.jsonl")
    # Neither may count as open now.
    with Journal(tmp_path / "x.jsonl"):
        pass


def test_a_journal_that_shrinks_is_noticed(path):
    with Journal(path) as journal:
        append(journal, 0)
        os.truncate(path, 5)
        with pytest.raises(JournalError, match="cut or replaced while it was in use"):
            append(journal, 1)


def test_processes_append_side_by_side(path):
    code = """
        with Journal(sys.argv[1]) as journal:
            print("ready", flush=True)
            sys.stdin.readline()
            for i in range(300):
                append(journal, int(sys.argv[2]) * 200 + i)  # 100 of them are the neighbour's too.
    """
    processes = [start(code, path, n) for n in range(3)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    keys = [json.loads(line)["key"] for line in path.read_text().splitlines()]
    assert sorted(keys) == sorted(make(i)[0] for i in range(700))


def test_each_sees_what_the_other_appends(path):
    with Journal(path) as journal:
        other = start(
            """
            with Journal(sys.argv[1]) as journal:
                append(journal, 7)
                print("ready", flush=True)
                sys.stdin.readline()
            """,
            path,
        )
        assert make(7)[0] not in journal
        assert not append(journal, 7, "too late")
        journal.refresh()
        assert journal.get(make(7)[0]).text == "reply 7"
        other.communicate("go\n")


def test_a_line_that_a_dead_neighbour_tore_is_cut_off(path):
    with Journal(path) as journal:
        append(journal, 0)
        with path.open("ab") as file:
            file.write(b'{"key": "00')
        append(journal, 1)
        assert journal.get(make(1)[0]).text == "reply 1"
    assert [json.loads(line)["tag"] for line in path.read_text().splitlines()] == ["p0", "p1"]


def test_claims_exclude_and_die_with_their_process(path):
    key, other_key = make(0)[0], make(1)[0]
    holder = start(
        """
        journal = Journal(sys.argv[1])
        assert journal.claim(sys.argv[2])
        assert not journal.claim(sys.argv[2])  # Once is enough for this process too.
        print("ready", flush=True)
        time.sleep(60)
        """,
        path,
        key,
    )
    with Journal(path) as journal:
        assert journal.claim(other_key)
        assert not journal.claim(key)
        journal.release(key)  # Not ours: no effect.
        assert not journal.claim(key)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert journal.claim(key)
        journal.release(key)
        assert journal.claim(key)
        journal.release_all()
        assert journal.claim(key)
        assert journal.claim(other_key)


def test_a_claim_comes_with_the_news(path):
    with Journal(path) as journal:
        other = start(
            """
            with Journal(sys.argv[1]) as journal:
                assert journal.claim(sys.argv[2])
                append(journal, 0)
            print("ready", flush=True)
            """,
            path,
            make(0)[0],
        )
        other.communicate()
        # The other one is done and its claim is free, but there is nothing left to ask.
        assert not journal.claim(make(0)[0])
        assert make(0)[0] in journal


def test_it_syncs_once_a_second_and_on_closing(path, monkeypatch):
    syncs = []
    monkeypatch.setattr(journal_module.os, "fsync", lambda file: syncs.append(time.monotonic()))
    with Journal(path) as journal:
        for i in range(100):
            append(journal, i)
        assert len(syncs) == 0
        monkeypatch.setattr(journal_module, "SYNC_EVERY", 0.05)
        time.sleep(0.06)
        append(journal, 100)
        append(journal, 101)
        assert len(syncs) == 1
    assert len(syncs) == 2


def test_memory_holds_no_texts(path):
    with Journal(path) as journal:
        for i in range(2000):
            append(journal, i, "x" * 2000)
    tracemalloc.start()
    with Journal(path) as journal:
        assert len(journal) == 2000
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert held < 300_000  # 4 MB of texts
    assert peak < 1_500_000  # A few chunks of 256 kB.


def test_the_index_takes_a_few_bytes_for_each():
    tracemalloc.start()
    index = Offsets()
    n = 20_000
    for i in range(n):
        assert index.add(f"{(i * 0x9E3779B97F4A7C15) % 2**64:016x}" + "0" * 16, i)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(index) == n
    assert held < 50 * n
    for i in range(n):
        key = f"{(i * 0x9E3779B97F4A7C15) % 2**64:016x}" + "0" * 16
        assert index.get(key) == i
        assert not index.add(key, 7)
    assert index.get("f" * 32) is None
