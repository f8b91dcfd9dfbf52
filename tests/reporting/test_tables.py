"""Lines of the terminal's report."""

from socratic_jax.evaluation.results import PairedResult
from socratic_jax.reporting.tables import paired_table, too_long_line
from socratic_jax.transcripts.examples import Fit


def test_what_was_too_long_is_counted():
    fits = {"cot-solver": Fit(8, ("a", "b")).to_dict(), "answer_only-solver": Fit(10, ()).to_dict()}
    assert too_long_line(fits) == "left out of training, too long for the context: cot-solver 2 of 10"


def test_pairs_show_p_and_what_correction_leaves_of_it():
    table = paired_table([PairedResult("test", "cot", "facts", 0.1, 30, 10, 0.00005, 0.0123)])
    shown = {column.header: list(column.cells) for column in table.columns}
    assert (shown["p"], shown["p, Holm"]) == (["< 0.0001"], ["0.0123"])
