"""The page in a real browser: a problem is typed, a question edited, all of it by keys as well."""

import threading

import pytest

from socratic_jax.chat.server import Server
from tests.reporting.chromium import BINARY, browser

pytestmark = pytest.mark.skipif(BINARY is None, reason="no chromium on PATH")

DONE = "!writing && document.querySelectorAll('article').length === {} && !document.querySelector('.writing')"
TURNS = "[...document.querySelectorAll('article:nth-child({}) .turn')]"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> Ann?"


@pytest.fixture(scope="module")
def server(session, talkative):
    with Server(session, [talkative, HOSTILE]) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(tab, server):
    """The page, fresh, on a desk."""
    tab.console.clear()
    tab.requests.clear()
    tab.size(1200, 900)
    tab.scheme("light")
    tab.send("Page.navigate", url=server.url)
    tab.wait("document.readyState === 'complete' && document.querySelector('#examples button')")
    yield tab
    assert tab.console == []
    assert all(url.startswith((server.url, "about:", "data:")) for url in tab.requests)


def enter(page, text):
    """Types into what has the focus, and sends it."""
    page.send("Input.insertText", text=text)
    page.key("Enter", "\r")


def shown(page, take):
    """(classes, text) of the turns of a dialogue on the page."""
    return page.js(f"{TURNS.format(take)}.map((e) => [e.className, e.querySelector('.text').textContent])")


def solve(page, problem):
    assert page.js("document.activeElement.id") == "problem"  # It is ready to be typed into.
    enter(page, problem)
    page.wait(DONE.format(1))


def test_a_dialogue_has_two_sides_and_a_marked_answer(page, session, talkative):
    talk = session.begin(talkative)
    list(talk.write())
    solve(page, talkative)
    turns = shown(page, 1)
    assert [text for _, text in turns] == [turn.text for turn in talk.dialogue.turns[1:]]
    assert turns[-1][0] == "turn answer solves"
    left, right = page.js(
        "['.asks', '.solves'].map((side) => Math.max(...[...document.querySelectorAll(side)].map((e) =>"
        " Math.abs(e.getBoundingClientRect()[side === '.asks' ? 'left' : 'right'] -"
        " e.parentElement.getBoundingClientRect()[side === '.asks' ? 'left' : 'right']))))"
    )
    assert left < 1 and right < 1


def test_another_question_stands_beside_the_old_one(page, session, talkative):
    solve(page, talkative)
    before = shown(page, 1)
    # By keys alone: from the problem to the second question, and into it.
    page.js("document.querySelectorAll('.turn .other')[1].focus()")
    page.key("Enter", "\r")
    page.wait("document.activeElement.ariaLabel === 'Instead of question 2'")
    page.key("Escape")
    page.wait("document.activeElement === document.querySelectorAll('.turn .other')[1]")
    page.key("Enter", "\r")
    enter(page, HOSTILE)
    page.wait(DONE.format(2))
    assert shown(page, 1) == before
    talk = session.begin(talkative)
    list(talk.write())
    changed = session.change(talk, 2, HOSTILE)
    list(changed.write())
    after = shown(page, 2)
    assert [text for _, text in after] == [turn.text for turn in changed.dialogue.turns[1:]]
    kinds = [" same" in name for name, _ in after]
    at = next(i for i, (name, _) in enumerate(after) if "edited" in name)
    assert kinds == [i < at for i in range(len(after))] and after[at][1] == HOSTILE
    tops = page.js("[...document.querySelectorAll('article')].map((e) => e.getBoundingClientRect().top)")
    assert tops[0] == tops[1]
    assert page.js("document.title") != "owned" and not page.js("document.querySelector('img')")
    assert "answer" in page.js("document.querySelectorAll('.end')[1].textContent")


def test_what_cannot_be_done_is_said(page, talkative):
    enter(page, "Ann has 1 pen. " * 40)
    page.wait("document.querySelector('#error').textContent.includes('tokens long')")
    assert not page.js("document.querySelector('article')") and not page.js(
        "document.querySelector('#stop:not(:disabled)')"
    )
    # The browser itself writes down that a reply was a refusal.
    (refusal,) = page.console
    assert "400" in refusal
    page.console.clear()
    page.js("document.querySelector('#problem').select()")
    solve(page, talkative)
    assert page.js("document.querySelector('#error').textContent") == ""


def test_stop_keeps_what_was_written(page, session, talkative, monkeypatch):
    go_on, real = threading.Event(), session.write

    def halting(tokens):
        for n, transcript in enumerate(real(tokens)):
            yield transcript
            if n == 3:
                go_on.wait(30)

    monkeypatch.setattr(session, "write", halting)
    enter(page, talkative)
    page.wait("document.querySelector('.writing .turn')")
    page.key("Escape")
    page.wait(DONE.format(1))
    go_on.set()
    assert page.js("document.querySelector('.end').textContent") == "stopped"
    monkeypatch.setattr(session, "write", real)
    page.click(".turn .other")
    enter(page, "How many after 7 more?")
    page.wait(DONE.format(2))
    assert page.js("document.querySelector('.turn.edited .text').textContent") == "How many after 7 more?"


def test_an_example_is_put_into_the_field(page, talkative):
    page.click("#examples button")
    assert page.js("document.querySelector('#problem').value") == talkative
    assert page.js("document.activeElement.id") == "problem"


def test_dark(page):
    shade = "Number(getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0])"
    assert page.js(shade) > 200
    page.scheme("dark")
    assert page.js(shade) < 60
    page.click("#theme")
    assert page.js(shade) > 200


def test_phone(page, talkative):
    page.size(380, 800, mobile=True)
    page.wait("innerWidth === 380")
    solve(page, talkative + " " + "w" * 30)
    page.click(".turn .other")
    enter(page, "How many?")
    page.wait(DONE.format(2))
    page.click("article:nth-child(2) .turn .other")
    assert page.js("document.documentElement.scrollWidth") <= 380
    tops = page.js("[...document.querySelectorAll('article')].map((e) => e.offsetTop)")
    assert tops[1] > tops[0] + 100
