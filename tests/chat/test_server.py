"""The page's server over real HTTP: pieces come as they are written, and only to those that may ask."""

import http.client
import json
import socket
import threading

import pytest

from socratic_jax.chat.server import KEPT, LONGEST_BODY, Server


@pytest.fixture(scope="module")
def server(session):
    with Server(session, ["Ann has 2 pens. How many pens?"]) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def post(server, wish, **headers):
    body = wish if isinstance(wish, bytes) else json.dumps(wish).encode()
    return ask(server, "POST", "/dialogues", body, **{"Content_Type": "application/json", **headers})


def dialogue(server, wish):
    """First line, the turns put together from the pieces, last line."""
    reply = post(server, wish)
    assert reply.status == 200, reply.read()
    first, *pieces, last = map(json.loads, reply.read().splitlines())
    turns = [(turn["role"], turn["text"]) for turn in first["turns"]]
    for piece in pieces:
        if piece["turn"] == len(turns):
            turns.append((piece["role"], ""))
        role, text = turns[piece["turn"]]
        assert role == piece["role"]
        turns[piece["turn"]] = (role, text + piece["text"])
    return first, turns, last


def as_pairs(turns):
    return [(turn.role.name.lower(), turn.text) for turn in turns]


def test_a_dialogue_and_another_question(server, session, talkative):
    talk = session.begin(talkative)
    list(talk.write())
    first, turns, last = dialogue(server, {"problem": f" {talkative}\n"})
    assert first["turns"] == [{"turn": 0, "role": "problem", "text": talkative}]
    assert turns == as_pairs(talk.dialogue.turns)
    assert last == {"answer": talk.dialogue.answer, "ending": session.ending(talk.dialogue)}

    changed = session.change(talk, 2, "How many after 7 more?")
    given = as_pairs(changed.turns())
    list(changed.write())
    wish = {"dialogue": first["dialogue"], "number": 2, "question": "How many after 7 more?"}
    second, turns, last = dialogue(server, wish)
    assert [(turn["role"], turn["text"]) for turn in second["turns"]] == given
    assert turns == as_pairs(changed.dialogue.turns) and last["answer"] == changed.dialogue.answer
    # The old one is as it was, and can be changed again.
    assert dialogue(server, wish)[1] == turns


def test_pieces_come_while_the_rest_is_not_written(server, session, talkative, monkeypatch):
    go_on, real = threading.Event(), session.write

    def halting(tokens):
        for n, transcript in enumerate(real(tokens)):
            if n == 3:
                assert go_on.wait(30)
            yield transcript

    monkeypatch.setattr(session, "write", halting)
    reply = post(server, {"problem": talkative})
    lines = [json.loads(reply.readline()) for _ in range(2)]
    assert lines[0]["turns"][0]["role"] == "problem" and lines[1]["turn"] == 1
    go_on.set()
    assert "ending" in json.loads(reply.read().splitlines()[-1])


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (b"{", "the body is not JSON"),
        (b"[" * 20_000, "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        ([], "the body is not a JSON object"),
        ({}, 'expected {"problem": text}'),
        ({"problem": 3}, 'expected {"problem": text}'),
        ({"problem": "x", "more": 1}, 'expected {"problem": text}'),
        ({"dialogue": True, "number": 1, "question": "x"}, 'expected {"problem": text}'),
        ({"dialogue": 10**9, "number": 1, "question": "x"}, "dialogue 1000000000 is not here any more"),
        ({"problem": " \n"}, "the problem is empty"),
        ({"problem": "\ud800"}, "the problem has half of a character at place 0"),
        ({"problem": "Ann has 1 pen. " * 40}, "tokens long"),
        ({"problem": "x" * LONGEST_BODY}, "a body needs a length, of at most 65536 bytes"),
    ],
)
def test_a_bad_wish_is_refused_in_one_line(server, wish, why):
    reply = post(server, wish)
    text = reply.read().decode()
    assert reply.status == 400 and why in text and "\n" not in text


def test_other_sites_can_ask_for_nothing(server, talkative):
    wish = json.dumps({"problem": talkative}).encode()
    # What a form of another site can send.
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert ask(server, "POST", "/dialogues", wish, Content_Type=kind).status == 415
    assert ask(server, "POST", "/dialogues", wish).status == 415
    # What it can send after its name was made to point here.
    for path in ("/", "/cast"):
        assert ask(server, "GET", path, Host=f"evil.example:{server.server_port}").status == 403
    reply = post(server, {"problem": talkative}, Host="evil.example")
    assert reply.status == 403 and server.url in reply.read().decode()
    # The question of a browser whether it may send JSON.
    reply = ask(server, "OPTIONS", "/dialogues", Origin="http://evil.example")
    assert reply.status >= 400 and reply.headers["Access-Control-Allow-Origin"] is None


def test_only_this_machine_is_listened_to(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(OSError, match=rf"port {server.server_port} cannot be used: .*; --port=0"):
        Server(server.session, (), server.server_port)
    # Any other address of the loopback interface is another one.
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", server.server_port), timeout=2).close()


def test_the_page_and_who_plays(server):
    reply = ask(server, "GET", "/")
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert b"http:" not in reply.read().replace(b"http-equiv", b"")
    assert ask(server, "GET", "/chat.js").status == ask(server, "GET", "/chat.css").status == 200
    for path in ("/chat.html", "/../session.py", "/favicon.ico"):
        assert ask(server, "GET", path).status == 404
    cast = json.loads(ask(server, "GET", "/cast", Host=f"localhost:{server.server_port}").read())
    assert cast["strategy"] == "socratic_iterative" and len(cast["examples"]) == 1
    assert cast["speakers"] == {
        "question": "questioner", "decision": "questioner", "solution": "answerer", "answer": "answerer"
    }  # fmt: skip


def test_who_leaves_stops_the_dialogue(server, session, talkative, monkeypatch):
    begun, written, left = threading.Event(), threading.Event(), threading.Event()
    real = session.write

    def slow(tokens):
        begun.set()
        try:
            for transcript in real(tokens):
                yield transcript
                assert left.wait(30)
        finally:
            written.set()

    monkeypatch.setattr(session, "write", slow)
    body = json.dumps({"problem": talkative}).encode()
    with socket.create_connection(("127.0.0.1", server.server_port)) as client:
        head = f"POST /dialogues HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        assert client.recv(12).startswith(b"HTTP/1.0 200")
        # Who leaves before the first token has nothing to stop.
        assert begun.wait(30)
    left.set()
    assert written.wait(30)


def test_old_dialogues_are_forgotten(session, talkative):
    with Server(session) as server:
        numbers = [server.keep(session.begin(talkative)) for _ in range(KEPT + 1)]
        wish = {"dialogue": numbers[0], "number": 1, "question": "x"}
        with pytest.raises(ValueError, match="dialogue 1 is not here any more"):
            server.begin(wish)
        with pytest.raises(ValueError, match="no sub-question 1"):
            server.begin({**wish, "dialogue": numbers[1]})
