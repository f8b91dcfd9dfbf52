"""Lines of the terminal's report."""

from socratic_jax.reporting.tables import too_long_line
from socratic_jax.transcripts.examples import Fit


def test_what_was_too_long_is_counted():
    fits = {"cot-solver": Fit(8, ("a", "b")).to_dict(), "answer_only-solver": Fit(10, ()).to_dict()}
    assert too_long_line(fits) == "left out of training, too long for the context: cot-solver 2 of 10"
