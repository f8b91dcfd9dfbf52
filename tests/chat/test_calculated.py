"""With the calculator, too, what is shown is what the cast writes."""

from socratic_jax.chat.session import Session
from socratic_jax.decoding.dialogue import Prompt
from tests.conftest import make_problems
from tests.decoding.test_calculator import _cast, annotated  # noqa: F401


def test_what_the_calculator_puts_in_is_shown(annotated):  # noqa: F811
    cast = _cast(annotated, "socratic_iterative", calculator=True)
    without = Session(_cast(annotated, "socratic_iterative"))
    changed = 0
    for problem in make_problems(3, seed=3):
        talk, plain = Session(cast).begin(problem.question), without.begin(problem.question)
        texts = {}
        for piece in talk.write():
            texts[piece.turn] = texts.get(piece.turn, "") + piece.text
        assert talk.dialogue == cast.solve_all([Prompt(0, problem.question)], slots=1)[0]
        assert list(texts.values()) == [turn.text for turn in talk.dialogue.turns[1:]]
        list(plain.write())
        changed += talk.tokens != plain.tokens
    assert changed
