"""A student is weaned off its questions: more are missing in every phase, and none is there in the last."""

import jax
import numpy as np
import pytest

from socratic_jax import stages
from socratic_jax.decoding.dialogue import Cast, Prompt
from socratic_jax.decoding.engine import Engine
from socratic_jax.run import Run
from socratic_jax.transcripts.course import Course, drop_turns
from socratic_jax.transcripts.packing import Batch
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import STRATEGIES
from socratic_jax.transcripts.transcript import transcript
from tests.conftest import make_problems, wide_params
from tests.training.loop_main import tiny_config

WEANED = STRATEGIES["socratic_weaned"]


def _transcripts(n=200):
    return [(p.id, transcript(p, p.gold, WEANED)) for p in make_problems(n)]


def _questions(transcripts):
    return [(name, turn.text) for name, turns in transcripts for turn in turns if turn.role == Role.QUESTION]


def test_the_share_that_is_dropped_rises_from_none_to_all():
    whole = _transcripts()
    n = len(_questions(whole))
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    left = [drop_turns(whole, WEANED.weaned, share, seed=0) for share in shares]
    assert left[0] == whole and not _questions(left[-1])
    for share, transcripts in zip(shares, left, strict=True):
        assert len(_questions(transcripts)) / n == pytest.approx(1 - share, abs=0.08)
        # Nothing else is lost.
        others = [
            [[t for t in turns if t.role != Role.QUESTION] for _, turns in x] for x in (transcripts, whole)
        ]
        assert others[0] == others[1]
    for fewer, more in zip(left[1:], left, strict=False):
        remaining = iter(_questions(more))
        assert all(question in remaining for question in _questions(fewer))  # In their order.


def test_what_is_dropped_is_a_function_of_the_seed():
    whole = _transcripts()
    once, again, other = (drop_turns(whole, WEANED.weaned, 0.5, seed) for seed in (3, 3, 4))
    assert once == again != other


def test_a_weaned_student_ends_with_the_transcripts_of_cot():
    weaned = drop_turns(_transcripts(), WEANED.weaned, 1.0, seed=0)
    assert weaned == [(p.id, transcript(p, p.gold, STRATEGIES["cot"])) for p in make_problems(200)]


def _batch(n_rows, T=4):
    zeros = np.zeros((n_rows, T), np.int32)
    return Batch(zeros, zeros, zeros, zeros, zeros.astype(bool), zeros.astype(np.int8))


@pytest.mark.parametrize("total", [5, 24, 100])
def test_phases_follow_each_other_and_take_as_many_steps(total):
    course = Course(tuple(_batch(n) for n in (9, 7, 6, 5, 3)))
    taken = [len(course.phase(k, total)) for k in range(total)]
    assert taken == sorted(taken, reverse=True) and set(taken) == {9, 7, 6, 5, 3}
    counts = [taken.count(n) for n in (9, 7, 6, 5, 3)]
    assert max(counts) - min(counts) <= 1
    assert course.n_rows == 6.0 and course.context == 4


def test_the_rows_of_a_run_lose_their_questions(tmp_path, caplog):
    caplog.set_level("INFO")
    config = tiny_config("socratic_weaned")
    run = Run(config, str(tmp_path))
    stages.annotate(run)
    course, fit = stages._course(run, WEANED, "solver", "train", config.train.wean)
    marker = run.tokenizer.marker(Role.QUESTION)
    questions = [int((phase.tokens_BxT == marker).sum()) for phase in course.phases]
    assert questions == sorted(questions, reverse=True) and questions[0] > 0
    last = course.phases[-1]
    assert questions[-1] == 0 and not (last.targets_BxT == marker).any()
    assert not (last.roles_BxT == Role.QUESTION).any()
    # The choice between a step and the answer is learnt, as in a chain.
    assert last.learnt_BxT[last.roles_BxT == Role.DECISION].all()
    assert fit.kept == 200 and not fit.too_long
    assert "socratic_weaned-solver, train, 25% dropped: 200 transcripts, all fit the context" in caplog.text


def test_transcripts_that_come_to_fit_are_not_counted_as_left_out(tmp_path):
    config = tiny_config("socratic_weaned")
    run = Run(config, str(tmp_path))
    stages.annotate(run)
    lengths = [len(phase) for phase in stages._course(run, WEANED, "solver", "train", (0.0, 1.0))[0].phases]
    assert lengths[1] < lengths[0]
    config.student.context = config.decode.capacity = 70
    course, fit = stages._course(run, WEANED, "solver", "train", (0.0, 1.0))
    starts = [int((phase.positions_BxT[phase.segments_BxT > 0] == 0).sum()) for phase in course.phases]
    assert 0 < starts[0] < starts[1] == fit.kept == 200 - len(fit.too_long)


def test_no_question_is_written(student, tokenizer):
    problems = make_problems(8, seed=3)
    params = wide_params(student, 3)
    table = params["wte"]["embedding"]
    # A student that wants nothing more than to ask.
    bias = params["ln_f"]["bias"] + 9 * table[tokenizer.marker(Role.QUESTION)] + 5 * table[tokenizer.end]
    params = {**params, "ln_f": {**params["ln_f"], "bias": bias}}
    prompts = [Prompt(i, p.question) for i, p in enumerate(problems)]

    def roles(name):
        cast = Cast(
            STRATEGIES[name], Engine((student,), 90, 3), (jax.tree.map(np.asarray, params),), tokenizer
        )
        return {turn.role for d in cast.solve_all(prompts, slots=4) for turn in d.turns}

    assert Role.QUESTION in roles("socratic_unified")
    assert roles("socratic_weaned") <= {Role.PROBLEM, Role.SOLUTION, Role.ANSWER}
