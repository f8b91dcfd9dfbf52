"""What is typed in the terminal, and what it shows."""

import builtins
import re

import pytest
from rich.console import Console

from socratic_jax.chat.session import Session
from socratic_jax.chat.terminal import Terminal, printable


@pytest.fixture
def typed(session, monkeypatch):
    """What the terminal prints while lines are typed, without colours."""

    def type_in(*lines, session=session):
        given = iter(lines)

        def read(prompt):
            try:
                return next(given)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr(builtins, "input", read)
        console = Console(width=300, highlight=False)
        with console.capture() as captured:
            Terminal(session, ["Ann has 2 pens."], console).run()
        return re.sub(r"\x1b\[[\d;]*m", "", captured.get())

    return type_in


def said(turns, session):
    """Who says what, as it should stand in the terminal."""
    return [(session.speakers[turn.role], printable(turn.text).strip()) for turn in turns]


def lines_of(output):
    found = re.findall(r"^ *(questioner|answerer) +(?:\d+\?|=)? (.*)$", output, re.M)
    return [(speaker, text.strip()) for speaker, text in found]


def test_turns_are_shown_with_who_speaks(typed, session, talkative):
    talk = session.begin(talkative)
    list(talk.write())
    output = typed(talkative)
    assert lines_of(output) == said(talk.dialogue.turns[1:], session)
    assert "For example: Ann has 2 pens." in output
    assert re.search(r"questioner +1\? ", output) and re.search(r"questioner +2\? ", output)


def test_an_edit_goes_on_from_the_question(typed, session, talkative):
    talk = session.begin(talkative)
    list(talk.write())
    changed = session.change(talk, 2, "How many after 7 more?")
    at = len(changed.turns()) - 1
    list(changed.write())
    output = typed(talkative, ":edit 2 How many after 7 more?")
    expected = said([*talk.dialogue.turns[1:], *changed.dialogue.turns[at:]], session)
    assert lines_of(output) == expected
    assert f"before the edit the answer was {printable(talk.dialogue.answer)}" in output


def test_mistakes_are_said_and_the_next_line_is_read(typed):
    output = typed(":edit 1 Why?", ":edit one", ":what", "Ann has 1 pen. " * 40, ":help", "", "not read")
    errors = [line for line in output.splitlines() if line.startswith("error: ")]
    assert [error.split(";")[0] for error in errors[:3]] == [
        "error: there is no dialogue yet",
        "error: write it as :edit N new text",
        "error: there is no :what",
    ]
    assert "tokens long" in errors[3] and len(errors) == 4
    assert output.rstrip().endswith("as Ctrl-D does")


def test_how_it_ended_is_said(typed, make_cast, talkative):
    mute = Session(make_cast("cot", end=-100.0))
    assert "(cut off at 90 tokens (decode.capacity): there is no answer)" in typed(talkative, session=mute)


def test_nothing_commands_the_terminal():
    assert printable("a\x1b[2J\nb\x07\N{RIGHT-TO-LEFT OVERRIDE}é") == "a\ufffd[2J b\ufffd\ufffdé"
