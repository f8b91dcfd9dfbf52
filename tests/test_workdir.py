"""A workdir belongs to one configuration."""

import json
import os

import pytest

from socratic_jax.config import default_config, with_defaults
from socratic_jax.workdir import Workdir, WorkdirError


def test_the_same_config_may_come_back(tmp_path):
    Workdir(tmp_path / "w", default_config())
    before = (tmp_path / "w" / "config.json").read_bytes()
    Workdir(tmp_path / "w", default_config())
    assert (tmp_path / "w" / "config.json").read_bytes() == before


def test_another_config_is_refused_with_the_difference(tmp_path):
    Workdir(tmp_path, default_config())
    (tmp_path / "students").mkdir()
    config = default_config()
    config.train.steps = 7
    config.strategies = ("cot",)
    with pytest.raises(WorkdirError) as error:
        Workdir(tmp_path, config)
    assert "train.steps: 1000 there, 7 here" in str(error.value)
    assert "strategies: " in str(error.value) and "\n" not in str(error.value)


def test_a_config_that_made_nothing_does_not_keep_the_workdir(tmp_path):
    config = default_config()
    config.student.size = "a typo"
    Workdir(tmp_path, config)
    Workdir(tmp_path, default_config())
    assert "a typo" not in (tmp_path / "config.json").read_text()


def test_a_run_may_go_on_on_other_devices(tmp_path):
    Workdir(tmp_path, default_config())
    (tmp_path / "students").mkdir()
    config = default_config()
    config.cpu_devices, config.mesh = 4, "fsdp=-1"
    Workdir(tmp_path, config)
    config.seed = 1
    with pytest.raises(WorkdirError, match=r"\(seed: 0 there, 1 here\)"):
        Workdir(tmp_path, config)


def test_a_path_that_cannot_be_a_directory_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkdirError, match="cannot use workdir .*file/w: .*choose another --workdir"):
        Workdir(tmp_path / "file" / "w", default_config())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_directory_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(WorkdirError, match="cannot use workdir"):
        Workdir(tmp_path / "w", default_config())


def test_a_broken_config_file_is_named_with_its_line(tmp_path):
    (tmp_path / "students").mkdir()
    (tmp_path / "config.json").write_text('{\n "seed": }')
    with pytest.raises(WorkdirError, match=r"config.json:2: not JSON"):
        Workdir(tmp_path, default_config())


def test_fields_that_have_come_since_are_at_their_defaults(tmp_path):
    config = default_config()
    config.evaluate.suites = {"mine": {"split": "test"}}
    (tmp_path / "students").mkdir()
    stored = json.loads(config.to_json())
    del stored["decode"]["samples"], stored["evaluate"]["variants"]
    (tmp_path / "config.json").write_text(json.dumps(stored))
    Workdir(tmp_path, config)
    assert json.loads((tmp_path / "config.json").read_text()) == stored
    assert with_defaults(stored) == json.loads(config.to_json())
    config.decode.samples = 3
    with pytest.raises(WorkdirError, match=r"\(decode.samples: 1 there, 3 here\)"):
        Workdir(tmp_path, config)


def test_what_computes_the_same_may_differ_and_suites_may_be_added(tmp_path):
    config = default_config()
    Workdir(tmp_path, config)
    (tmp_path / "students").mkdir()
    config.data.dir, config.train.log_every, config.annotate.limits.tries = "elsewhere", 1, 3
    config.evaluate.suites = {"test": {}, "more": {"source": "multiarith", "dir": "x"}}
    config.evaluate.variants = {"vote": {"samples": 4, "temperature": 1.0}}
    Workdir(tmp_path, config)
    stored = json.loads((tmp_path / "config.json").read_text())
    assert set(stored["evaluate"]["suites"]) == {"test", "more"} and stored["data"]["dir"] == "elsewhere"
    Workdir(tmp_path, default_config())  # Fewer are no other run; what was there stays known.
    assert set(json.loads((tmp_path / "config.json").read_text())["evaluate"]["suites"]) == {"test", "more"}
    config.evaluate.suites = {"test": {"split": "validation"}}
    with pytest.raises(WorkdirError, match=r'evaluate.suites.test.split: "test" there, "validation" here'):
        Workdir(tmp_path, config)
    config.evaluate.suites = {"test": {}}
    config.evaluate.variants.vote.samples = 5
    with pytest.raises(WorkdirError, match="evaluate.variants.vote.samples: 4 there, 5 here"):
        Workdir(tmp_path, config)


def test_results_without_what_was_added_are_no_results(tmp_path):
    config = default_config()
    config.evaluate.oracles = False
    Workdir(tmp_path, config)
    (tmp_path / "students").mkdir()
    results = tmp_path / "results.csv"
    results.write_text("suite\n")
    config.train.log_every = 1
    Workdir(tmp_path, config)
    assert results.exists()
    for field, value in (
        ("suites", {"test": {}, "more": {"split": "validation"}}),
        ("variants", {"vote": {"samples": 4}}),
        ("baselines", ("untrained_cot",)),
        ("oracles", True),
    ):
        config.evaluate[field] = value
        Workdir(tmp_path, config)
        assert not results.exists(), field
        results.write_text("suite\n")
        Workdir(tmp_path, config)
        assert results.exists(), field
    # What is no longer asked for was scored all the same.
    config.evaluate.baselines = ()
    Workdir(tmp_path, config)
    stored = json.loads((tmp_path / "config.json").read_text())
    assert stored["evaluate"]["baselines"] == ["majority_answer", "untrained_cot"] and results.exists()


def test_an_empty_journal_keeps_no_workdir(tmp_path):
    Workdir(tmp_path, default_config())
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "journal.jsonl").write_text("")
    config = default_config()
    config.annotate.samples = 4
    Workdir(tmp_path, config)
    (tmp_path / "annotations" / "journal.jsonl").write_text("{}")
    with pytest.raises(WorkdirError, match="annotate.samples: 4 there, 1 here"):
        Workdir(tmp_path, default_config())


@pytest.mark.parametrize(
    ("content", "message"), [(b"[]", "config.json: not a JSON object"), (b"\xff", "config.json: not UTF-8")]
)
def test_a_config_file_that_is_none_is_named(tmp_path, content, message):
    (tmp_path / "students").mkdir()
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(WorkdirError, match=message):
        Workdir(tmp_path, default_config())
