"""The page in a real browser: it is clicked, typed into, looked at on a phone, and timed."""

import json
import os
import time

import pytest

from socratic_jax.reporting import report
from socratic_jax.reporting.causes import CAUSES
from tests.reporting.chromium import BINARY, browser
from tests.reporting.synthetic import SWAPS, write_run, write_study

pytestmark = pytest.mark.skipif(BINARY is None, reason="no chromium on PATH")

timed = pytest.mark.skipif("TIMED" not in os.environ, reason="a clock decides; TIMED=1 runs it")

MANY = 10_000
BUDGET = 150  # Milliseconds, for what takes a tenth of that on a machine with nothing else to do.
ITEMS = "[...document.querySelectorAll('#list .item')].filter((e) => !e.hidden)"
CHOSEN = "document.querySelector('#list [aria-selected=true]').dataset.place"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = write_study(tmp_path_factory.mktemp("study"), n=60)
    report.write(str(root))
    return root


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    path = write_run(
        tmp_path_factory.mktemp("many") / "run", n=MANY, strategies=("cot", "socratic_iterative")
    )
    report.write(str(path))
    return path / "report.html"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(tab, study):
    """The study's page, fresh, on a desk."""
    tab.console.clear()
    tab.requests.clear()
    tab.size(1400, 900)
    tab.scheme("light")
    tab.open(study / "report.html")
    yield tab
    assert tab.console == []


def choose(page, name, value):
    """Picks an option as a person does: the select says that it changed."""
    page.js(
        f"(() => {{ const e = document.querySelector('#browser select[name={name}]');"
        f"e.value = {json.dumps(value)}; e.dispatchEvent(new Event('change')); }})()"
    )


def settled(page, expression):
    """The value of an expression once it stays what it is: dialogues are unpacked in the background."""
    values = [page.js(expression)]
    while len(values) < 5 or len(set(values[-5:])) > 1:
        time.sleep(0.1)
        values.append(page.js(expression))
    return values[-1]


def verdicts(study, run, strategy):
    file = study / run / "predictions" / "test" / f"{strategy}.jsonl"
    return [json.loads(line)["correct"] for line in file.read_text().splitlines()]


def test_table_shows_what_the_files_say(page, study):
    rows = page.js(
        "[...document.querySelectorAll('#results-table tr[data-strategy]')].map((e) =>"
        " [e.dataset.strategy, e.querySelector('.accuracy').textContent, e.title])"
    )
    assert len(rows) == 6
    for strategy, accuracy, files in rows:
        right = [c for file in files.split("\n") for c in verdicts(study, file.split("/")[0], strategy)]
        assert accuracy == f"{100 * sum(right) / len(right):.1f}"


def test_it_asks_nobody_and_runs_no_text(page):
    assert all(url.startswith(("file://", "about:")) for url in page.requests)
    page.js("browser.set({a: 'tiny-0.2m-0/cot', id: ''})")
    page.wait("document.querySelector('#detail').textContent.includes('onerror')")
    assert page.js("document.title") != "owned" and not page.js("document.querySelector('img')")


def test_only_a_is_right(page, study):
    a, b = "tiny-0.2m-0/socratic_iterative", "tiny-0.2m-1/cot"
    choose(page, "a", a)
    page.wait(f"browser.state.a === '{a}' && browser.problems")
    choose(page, "b", b)
    page.wait("document.querySelectorAll('#detail article').length === 3")
    choose(page, "show", "only-a")
    right_a, right_b = (verdicts(study, *name.split("/")) for name in (a, b))
    expected = sum(x and not y for x, y in zip(right_a, right_b, strict=True))
    page.wait(f"document.querySelector('#total').textContent === '{expected} of 60 problems'")
    chosen = page.js("[...document.querySelectorAll('#detail article h3')].map((e) => e.textContent)")
    assert "✓ right" in chosen[0] and "✗ wrong" in chosen[1] and "Gold" in chosen[2]
    # B's steps are false, and the first of them says so.
    flags = page.js("[...document.querySelectorAll('#detail .bad .flag')].map((e) => e.textContent)")
    assert flags == ["First wrong step (1): its arithmetic is false"]
    speakers = page.js("[...document.querySelectorAll('#detail .who')].map((e) => e.textContent)")
    assert speakers == ["questioner", "answerer"]


def test_filters_of_steps_and_of_wrong_ones(page, study):
    lines = (study / "tiny-0.2m-0/predictions/test/socratic_iterative.jsonl").read_text().splitlines()
    expected = sum(json.loads(line)["gold_steps"] == 3 for line in lines)
    choose(page, "steps", "3")
    page.wait(f"document.querySelector('#total').textContent === '{expected} of 60 problems'")
    choose(page, "steps", "all")
    choose(page, "step", "marked")
    wrong = sum("1 + 1 = 3" in line for line in lines)
    page.wait(f"document.querySelector('#total').textContent === '{wrong} of 60 problems'")


def test_errors_are_filtered_by_their_cause(tab, tmp_path):
    path = write_run(tmp_path / "run", n=60, swaps=SWAPS, level="medium", annotated=True)
    report.write(str(path))
    tab.open(path / "report.html")
    causes = tab.js("DATA.causes.of['predictions/test/socratic_iterative.jsonl']")
    expected = [i for i, letter in enumerate(causes) if letter == str(CAUSES.index("question"))]
    assert expected
    choose(tab, "cause", "question")
    tab.wait(f"document.querySelector('#total').textContent === '{len(expected)} of 60 problems'")
    assert tab.js("browser.found") == expected
    assert "error from: question" in tab.js("document.querySelector('#detail').textContent")
    # Its bar is in parts, and a gain is read by keys with its files.
    parts = "#causes-table tr[data-strategy=socratic_iterative] .phases i"
    shown = tab.js(f"[...document.querySelectorAll('{parts}')].map((e) => e.title.split(':')[0])")
    assert set(shown) == {CAUSES[int(letter)] for letter in set(causes) - {"-"}}
    tab.js("document.querySelector('#when svg[role=img]').focus()")
    tab.key("ArrowRight")
    text = tab.js("document.querySelector('#when .readout').textContent")
    assert "points" in text and "predictions/test/" in text


def test_keyboard(page):
    questions = [problem["question"] for problem in page.js("browser.problems")]
    word = next(w for w in questions[9].split() if w.isalpha() and sum(w in q for q in questions) < 30)
    page.key("/")
    assert page.js("document.activeElement.id") == "search"
    for letter in word.upper():
        page.key(letter)
    page.wait(f"document.querySelector('#detail mark')?.textContent === {json.dumps(word)}")
    assert 0 < page.js("browser.found.length") < 60
    page.key("Escape")
    page.wait("browser.found.length === 60 && document.activeElement.id === 'list'")
    before = int(page.js(CHOSEN))
    for name, moved in (("j", 1), ("j", 2), ("k", 1), ("ArrowDown", 2), ("ArrowUp", 1)):
        page.key(name)
        assert int(page.js(CHOSEN)) == before + moved, name
    page.key("End")
    assert page.js(CHOSEN) == "59"
    # The chosen one is in view, and a reader is told which it is.
    assert page.js(
        "(() => { const l = document.querySelector('#list').getBoundingClientRect();"
        "const e = document.getElementById(document.querySelector('#list').getAttribute("
        "'aria-activedescendant')).getBoundingClientRect();"
        "return e.top >= l.top - 1 && e.bottom <= l.bottom + 1; })()"
    )
    assert page.js("getComputedStyle(document.querySelector('#list')).outlineStyle") == "solid"


def test_plots_are_read_by_keys_and_name_their_files(page):
    page.js("document.querySelector('#scaling svg[role=img]').focus()")
    page.key("ArrowRight")
    text = page.js("document.querySelector('#scaling .readout').textContent")
    assert "predictions/test/" in text and "%" in text


def test_a_view_is_an_address(page, study):
    choose(page, "b", "tiny-0.2m-0/cot")
    page.wait("document.querySelector('[name=show] option[value=both]')")  # Drawn once B is loaded.
    choose(page, "show", "both")
    page.key("j")
    shown = settled(page, "document.querySelector('#detail').textContent")
    page.open(study / "report.html", page.js("location.hash"))
    page.wait("browser.state.show === 'both'")
    assert settled(page, "document.querySelector('#detail').textContent") == shown


def test_a_name_in_the_table_opens_its_dialogues(page):
    page.click("#results-table tr[data-strategy=cot] a")
    page.wait("browser.state.a === 'tiny-0.2m-0/cot'")
    page.wait("document.querySelector('#browser').getBoundingClientRect().top < 200")


def test_dark(page):
    shade = "Number(getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0])"
    assert page.js(shade) > 200
    page.scheme("dark")
    assert page.js(shade) < 60
    page.click("#theme")
    assert page.js(shade) > 200


def test_phone(page):
    page.size(380, 800, mobile=True)
    page.wait("innerWidth === 380")
    assert page.js("document.documentElement.scrollWidth") <= 380
    assert page.js(
        "document.querySelector('.detail').offsetTop > document.querySelector('#list').offsetTop + 100"
    )
    page.click("#list .item")
    assert page.js("document.querySelector('#detail').getBoundingClientRect().top") < 400


@timed
def test_ten_thousand_predictions_stay_fluid(tab, many):
    tab.size(1400, 900)
    tab.open(many)
    tab.wait(f"browser.found.length === {MANY}")
    assert tab.js(f"{ITEMS}.length") < 60
    timed = (
        "(() => {{ const t = performance.now(); {}; document.body.offsetHeight;"
        "return performance.now() - t; }})()"
    )
    scrolls = [
        tab.js(timed.format(f"browser.list.scrollTop = {58 * place}; browser.paint()"))
        for place in range(0, MANY, 500)
    ]
    # The first search makes the texts to search.
    first = tab.js(timed.format("browser.state.q = 'pens and'; browser.filter()"))
    searches = [tab.js(timed.format(f"browser.state.q = '{q}'; browser.filter()")) for q in ("12", "x", "")]
    tab.js("browser.set({b: './cot'})")
    tab.wait("browser.b")
    filters = [
        tab.js(timed.format(f"browser.state.show = '{show}'; browser.filter()"))
        for show in ("only-a", "neither")
    ]
    print(f"scroll {max(scrolls):.1f}, search {first:.1f} then {max(searches):.1f}", end=", ")
    print(f"filter {max(filters):.1f} ms at most")
    assert max(scrolls) < BUDGET and max(searches) < BUDGET and max(filters) < BUDGET
    assert first < 4 * BUDGET


@timed
def test_frames_come_while_scrolling(tab, many):
    tab.size(1400, 900)
    tab.open(many)
    tab.wait(f"browser.found.length === {MANY}")
    longest = tab.js(
        "new Promise((done) => { let last = performance.now(), longest = 0, n = 0; const step = (now) => {"
        "longest = Math.max(longest, now - last); last = now; browser.list.scrollTop += 900;"
        "n += 1; n < 60 ? requestAnimationFrame(step) : done(longest); }; requestAnimationFrame(step); })"
    )
    print(f"longest frame {longest:.1f} ms")
    assert longest < 2 * BUDGET and tab.js("browser.list.scrollTop") > 50_000


def test_a_page_without_dialogues_shows_the_rest(tab, study, tmp_path):
    tab.console.clear()
    report.write(str(study), str(tmp_path / "none.html"), dialogues=0)
    tab.open(tmp_path / "none.html", ready="document.querySelector('#cost')")
    assert tab.js("document.querySelectorAll('#results tbody tr').length") > 0
    assert not tab.js("document.getElementById('browser')") and not tab.js(
        "document.querySelector('#nav [href=\"#at=dialogues\"]')"
    )
    assert tab.console == []
