"""The price table, and what a run would cost."""

import pytest

from socratic_jax.teachers import estimate, prices
from socratic_jax.teachers.dry_run import dry_run
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.prices import Price, PriceError, price_of
from socratic_jax.teachers.teacher import Reply, Request, Usage

NAME = "gemini:m"


def test_the_table_that_comes_along_reads():
    table = prices.load()
    assert price_of("gemini:gemini-2.5-flash", table).model == "gemini-2.5-flash"
    assert all(price.output >= price.input > 0 for price in table)
    assert "RECALLED" in prices.DEFAULT.read_text()


@pytest.mark.parametrize(
    ("teacher", "model"),
    [
        ("gemini:flash", "flash"),
        ("gemini:flash:thinking=0", "flash"),
        ("gemini:flash-001", "flash"),
        ("gemini:flash-preview-05-20", "flash"),
        ("gemini:flash-lite", "flash-lite"),
        ("gemini:flash-lite-001", "flash-lite"),
        ("gemini:flash-large", None),
        ("gemini:flashy", None),
        ("openai:gpt", None),
    ],
)
def test_rows_stand_for_versions_of_their_model(teacher, model):
    table = [Price("flash", 1, 2, 0.5), Price("flash-lite", 1, 2, 0.5)]
    found = price_of(teacher, table)
    assert (found and found.model) == model


def test_our_own_devices_are_free():
    assert price_of("local:runs/x", []).dollars(Usage(10**9, 10**9)) == 0.0
    assert price_of("gold", []).dollars(Usage(1, 1)) == 0.0


def test_dollars():
    price = Price("m", 0.30, 2.50, 0.5)
    assert price.dollars(Usage(2_000_000, 100_000)) == pytest.approx(0.85)
    assert price.dollars(Usage(2_000_000, 100_000), batch=True) == pytest.approx(0.425)


HEAD = "model,input,output,batch_discount\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,price\n", "p.csv:1: the columns must be model,input,output,batch_discount"),
        (HEAD + "m,1,2\n", "p.csv:2: 'm,1,2' is not model, dollars, dollars"),
        ("# note\n\n" + HEAD + "m,1,2,0.5\nm,a,2,0.5\n", "p.csv:5: 'm,a,2,0.5' is not"),
        (HEAD + "m,1,2,1.5\n", "p.csv:2: "),
        (HEAD + "m,-1,2,0.5\n", "p.csv:2: "),
        (HEAD + "m,nan,2,0.5\n", "p.csv:2: "),
    ],
)
def test_mistakes_in_a_table(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(PriceError, match=message):
        prices.load(tmp_path / "p.csv")


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(PriceError, match="cannot be read: No such file"):
        prices.load(tmp_path / "none.csv")


def requests(n):
    return [Request("x" * 400, 0.7, 1.0, 256, i) for i in range(n)]


def test_a_dry_run_counts_calls_tokens_and_money():
    found = dry_run(NAME, requests(1000) + requests(10), price=Price("m", 1.0, 10.0, 0.5))
    assert (found.calls, found.cached) == (1000, 10)
    assert found.input_tokens == 1000 * (100 + estimate.PER_MESSAGE)
    assert found.output_tokens == 256_000
    assert found.dollars == pytest.approx(0.108 + 2.56)
    assert (found.likely_output_tokens, found.likely_dollars) == (None, None)
    text = str(found)
    assert "1,000 calls to make, 10 more are in the journal already, or equal" in text
    assert "256,000 output tokens at most\n" in text
    assert "$2.67 at most (by prices.csv" in text
    assert dry_run(NAME, requests(1000), price=Price("m", 1.0, 10.0, 0.5), batch=True).dollars == (
        pytest.approx(1.334)
    )


def test_a_dry_run_knows_the_journal(tmp_path):
    with Journal(tmp_path / "test.jsonl") as journal:
        for request, length in zip(requests(4), (100, 120, 140, 256), strict=True):
            finish = "length" if length == 256 else "stop"
            reply = Reply("y", finish, Usage(108, length))
            journal.append(request.key(NAME), request, reply, NAME)
        other = Request("other", 0.7, 1.0, 256, 0)
        journal.append(other.key("t:n"), other, Reply("z", "stop", Usage(1, 5)), "t:n")
        found = dry_run(NAME, requests(100), journal, Price("m", 1.0, 10.0, 0.5))
        assert (found.calls, found.cached) == (96, 4)
        assert found.likely_output_tokens == 96 * 120
        assert found.likely_dollars == pytest.approx((96 * 108 + 10 * 96 * 120) / 1e6)
        assert "likely 11,520 by the replies so far" in str(found)
        assert len(journal) == 5  # Nothing was asked.


def test_a_dry_run_without_a_price():
    assert str(dry_run(NAME, requests(1))).endswith("price unknown; add the model to prices.csv")
