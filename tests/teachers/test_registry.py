"""Teachers by name, and mistakes in naming them."""

import subprocess
import sys

import pytest

from socratic_jax.teachers.limits import Limits
from socratic_jax.teachers.registry import TEACHERS, make_teacher


@pytest.mark.parametrize(
    ("spec", "options", "name"),
    [
        ("gemini:gemini-2.5-flash", {}, "gemini:gemini-2.5-flash"),
        ("gemini:gemini-2.5-flash", {"thinking": 0}, "gemini:gemini-2.5-flash:thinking=0"),
        ("gemini-batch:gemini-2.5-flash", {"directory": "x"}, "gemini:gemini-2.5-flash"),
        ("gemini-legacy:gemini-2.5-flash", {}, "gemini-legacy:gemini-2.5-flash"),
        ("openai:qwen:7b", {"base_url": "http://localhost:11434/v1"}, "openai:qwen:7b"),
    ],
)
def test_names(spec, options, name):
    limits = Limits(concurrency=3)
    teacher = make_teacher(spec, limits=limits, **options)
    assert teacher.name == name
    assert teacher.limits is limits


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("gemeni:x", {}, "unknown teacher 'gemeni'; valid: .*gemini, gemini-batch, gemini-legacy, .*openai"),
        ("gemini", {}, "teacher 'gemini' names no model; write it as gemini:<model>"),
        ("gemini:", {}, "names no model"),
        (
            "gemini:x",
            {"temperature": 1},
            "'gemini' has no option 'temperature'; valid: thinking, base_url",
        ),
        ("gemini-batch:x", {}, "teacher 'gemini-batch' needs the option 'directory'"),
    ],
)
def test_mistakes(spec, options, message):
    with pytest.raises(ValueError, match=message):
        make_teacher(spec, **options)


def test_names_without_a_model_are_for_teachers_that_need_none(monkeypatch):
    monkeypatch.setitem(TEACHERS, "human", lambda model="steps", limits=None: model)
    assert make_teacher("human") == "steps"
    assert make_teacher("human:other") == "other"


def test_naming_a_teacher_imports_no_vendors_package():
    code = (
        "import sys; from socratic_jax.teachers.registry import make_teacher;"
        "make_teacher('gemini:x'); make_teacher('openai:x'); make_teacher('gemini-legacy:x');"
        "heavy = {'google.genai', 'google.generativeai', 'aiohttp', 'httpx2', 'numpy', 'jax'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
