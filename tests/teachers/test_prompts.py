"""Few-shot prompts: those of the package, and those of a folder of one's own."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_jax.problems import answers, contamination, gsm8k, strategyqa, suites, svamp
from socratic_jax.problems.problem import Problem, ProblemError, Step
from socratic_jax.teachers import prompts
from socratic_jax.teachers.parsing import Parsed, parse
from socratic_jax.teachers.selection import wrong_equations

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ALL = [prompt for kind in prompts.KINDS for prompt in prompts.load(kind)]
PROBLEM = Problem(
    "p", "What is {2} + {answer}?", "5", (Step("", "2 + <<2+3=5>>\n3 = 5"), Step("", "{question}"))
)

_EXAMPLE = re.compile(r"\n\n(?=(?:Problem|Question): )")


def _examples(prompt: prompts.Prompt) -> list[tuple[str, str, tuple[Step, ...]]]:
    """The (problem, reply, given steps) of the examples of a prompt: what a perfect model would say."""
    *examples, asked = _EXAMPLE.split(prompt.text)[1:]
    found = []
    for example in examples:
        given, lines = (), example.split("\n")
        if "\nSteps:\n" in example:
            steps = example.split("Steps:\n")[1].split("\nQuestions:")[0]
            given = tuple(Step("", line.split(". ", 1)[1]) for line in steps.split("\n"))
        question = lines[0].split(": ", 1)[1]
        if "{" not in asked.split("\n")[-1]:  # The prompt ends with a word that the reply goes on after.
            reply = example.split("\n" + asked.split("\n")[-1], 1)[1]
        else:
            reply = "\n".join(lines[asked.count("\n") + 1 :])
        found.append((question, reply, given))
    return found


@pytest.mark.parametrize("kind", prompts.KINDS)
def test_every_kind_has_several_prompts(kind):
    found = prompts.load(kind)
    assert len(found) >= 2
    assert [prompt.name for prompt in found] == [f"{kind}_{i + 1}" for i in range(len(found))]
    assert len({prompt.text for prompt in found}) == len(found)
    assert all(prompt.rationalises == kind.startswith("rationalise") for prompt in found)


@pytest.mark.parametrize("prompt", ALL, ids=lambda prompt: prompt.name)
def test_the_examples_are_right_and_in_the_format_that_is_read(prompt):
    examples = _examples(prompt)
    assert len(examples) >= 2
    for question, reply, steps in examples:
        example = prompt.text.split(question)[1].split("\n\n")[0]
        gold = re.search(r"(?:answer|Result|book)[^\n]*?[: ]([0-9]+|yes|no)\.?$", example, re.M | re.I)
        gold = gold[1] if gold else ""
        parsed = parse(reply, prompt.kind, "t", answers.kind_of(gold) if gold else "number", steps)
        assert isinstance(parsed, Parsed), (reply, parsed)
        assert wrong_equations(parsed.explanation) == []
        # Sub-questions on steps, and numbers of steps, come to no answer.
        assert not (gold and parsed.answer) or answers.same(parsed.answer, gold)
        assert parsed.explanation.kind == prompts.KINDS[prompt.kind].explains
        marked = len(re.findall(r"^(?:Q[0-9]|Sub-question|[0-9]+\.|Step|Fact|-) ?", reply, re.M))
        assert len(parsed.explanation.steps) == marked or prompt.kind.startswith("guidance")


def test_the_number_of_steps_agrees_with_the_other_prompts():
    counts = {}
    for prompt in ALL:
        for question, reply, steps in _examples(prompt):
            parsed = parse(reply, prompt.kind, "t", "number", steps)
            if prompt.kind == "guidance_steps":
                counts.setdefault(question, set()).add(int(parsed.explanation.steps[0].solution.split()[0]))
            elif prompt.kind == "guidance_equations":
                counts.setdefault(question, set()).add(parsed.explanation.steps[0].solution.count("="))
            elif prompt.kind in ("cot", "socratic") and isinstance(parsed, Parsed):
                counts.setdefault(question, set()).add(len(parsed.explanation.steps))
    assert all(len(found) == 1 for found in counts.values()), counts


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no data in {REAL}")
def test_no_example_is_from_a_data_set():
    examples = [
        Problem(f"{prompt.name}/{index}", question, "1")
        for prompt in ALL
        for index, (question, *_) in enumerate(_examples(prompt))
    ]
    sets = {f"gsm8k {split}": gsm8k.load(split, REAL / "gsm8k") for split in gsm8k.SPLITS}
    sets |= {f"strategyqa {s}": strategyqa.load(s, REAL / "strategyqa") for s in strategyqa.SPLITS}
    sets |= {name: suites.load(name, "test", REAL / "suites") for name in suites.FILES}
    contamination.check(examples, sets | {"svamp": svamp.load("all", REAL / "svamp")}, "the prompts")


@pytest.mark.parametrize("prompt", ALL, ids=lambda prompt: prompt.name)
def test_rendering_fills_every_placeholder(prompt):
    text = prompt.render(PROBLEM)
    assert text.count("What is {2} + {answer}?") == 1
    assert ("1. 2 + 3 = 5\n2. {question}" in text) == (prompt.kind == "socratic_on_steps")
    values = prompts.KINDS[prompt.kind].needs
    assert len(text) > len(prompt.text) - sum(len(name) + 2 for name in values)
    assert not re.search(r"\{(steps)\}", text)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text("{}ab \\question", min_size=1))
def test_braces_in_problems_are_left_alone(question):
    for prompt in prompts.load("cot") + prompts.load("rationalise_cot"):
        expected = prompt.text.replace("{answer}", "5").replace("{question}", question)
        assert prompt.render(Problem("p", question, "5")) == expected


def test_problems_that_have_not_what_is_needed():
    with pytest.raises(
        ProblemError, match="problem 'p' has no steps, which prompts of kind 'socratic_on_steps'"
    ):
        prompts.load("socratic_on_steps")[0].render(Problem("p", "q", "1"))
    with pytest.raises(
        ProblemError, match="problem 'p' has no answer, which prompts of kind 'rationalise_cot'"
    ):
        prompts.load("rationalise_cot")[0].render(Problem("p", "q", ""))


def test_a_folder_of_ones_own(tmp_path):
    (tmp_path / "cot_10.txt").write_bytes("\ufeffTen: {question}\r\n{{set}} \\frac{1}{2}\r\n".encode())
    (tmp_path / "cot_2.txt").write_text("Two: {question} {question}\n")
    (tmp_path / "notes.txt").write_text("{nothing}")
    two, ten = prompts.load("cot", tmp_path)
    assert (two.name, ten.name) == ("cot_2", "cot_10")
    with pytest.raises(ProblemError):
        prompts.load("socratic", tmp_path)


def test_what_a_prompt_of_ones_own_may_have(tmp_path):
    (tmp_path / "cot_1.txt").write_text("{{set}} {} { question } {question}")
    (prompt,) = prompts.load("cot", str(tmp_path))
    assert prompt.render(Problem("p", "{q}", "1")) == "{set} {} { question } {q}"


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (
            "cot",
            "a\n{problem}",
            r"cot_1\.txt:2: unknown placeholder {problem}; valid here: {question}; or write {{problem}}",
        ),
        ("cot", "a", r"cot_1\.txt: the placeholder {question} is missing, which kind 'cot' needs"),
        (
            "cot",
            "{question}\n\n{answer}",
            r"cot_1\.txt:3: a prompt of kind 'cot' must not have the placeholder {answer}",
        ),
        ("rationalise_cot", "{question}", r"cot_1\.txt: the placeholder {answer} is missing"),
        ("socratic_on_steps", "{question}", r"_1\.txt: the placeholder {steps} is missing"),
    ],
)
def test_mistakes_in_a_prompt_of_ones_own(tmp_path, kind, text, message):
    (tmp_path / f"{kind}_1.txt").write_text(text)
    with pytest.raises(ProblemError, match=message) as error:
        prompts.load(kind, tmp_path)
    assert "\n" not in str(error.value)


def test_mistakes_about_kinds_and_folders(tmp_path):
    with pytest.raises(ValueError, match="unknown kind of prompt 'plan'; the kinds are cot, socratic, "):
        prompts.load("plan")
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(
            ProblemError, match=r"no prompt of kind 'cot'; write one to a file named cot_1\.txt"
        ):
            prompts.load("cot", folder)
    (tmp_path / "cot_1.txt").write_bytes(b"\xff{question}")
    with pytest.raises(ProblemError, match="cannot be read as UTF-8 text"):
        prompts.load("cot", tmp_path)


def test_the_second_try():
    assert prompts.second_try("cot") == "rationalise_cot"
    assert prompts.second_try("guidance_steps") is None
    assert prompts.second_try("rationalise_cot") is None
