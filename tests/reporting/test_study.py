import json
import shutil

import pytest

from socratic_jax.reporting import study
from socratic_jax.reporting.study import StudyError
from tests.reporting.synthetic import write_run, write_study


def edit(path, change):
    config = json.loads((path / "config.json").read_text())
    change(config)
    (path / "config.json").write_text(json.dumps(config))


def test_runs_are_found_at_any_depth_and_told_apart_by_what_differs(tmp_path):
    write_study(tmp_path / "a" / "b", n=2)
    found = study.read(tmp_path)
    # The learning rate follows from the size, and the seed is what conditions are averaged over.
    assert found.fields == ("size",)
    assert [(found.condition(cell), cell.seed) for cell in found.cells] == [
        (("tiny-0.2m",), 0), (("tiny-0.2m",), 1), (("tiny-0.8m",), 0), (("tiny-0.8m",), 1),
    ]  # fmt: skip


def test_one_run_is_the_study_of_one_cell(tmp_path):
    (cell,) = study.read(write_run(tmp_path / "run", n=2)).cells
    assert cell.name == "." and len(cell.problems("test")) == 2
    assert set(cell.curves) == {
        "answer_only-solver", "cot-solver", "socratic_iterative-questioner", "socratic_iterative-answerer",
    }  # fmt: skip


def test_conditions_stand_in_the_order_of_their_amounts(tmp_path):
    for limit in (0, 20_000, 3_000):
        path = write_run(tmp_path / str(limit), n=2)
        edit(path, lambda config, limit=limit: config["data"].update(train_limit=limit))
    found = study.read(tmp_path)
    assert found.labels == ("train_limit",)
    assert [found.condition(cell) for cell in found.cells] == [("3,000",), ("20,000",), ("all",)]


def test_devices_and_places_of_data_are_no_condition(tmp_path):
    write_run(tmp_path / "a", n=2, seed=0)
    path = write_run(tmp_path / "b", n=2, seed=1)
    edit(path, lambda c: (c.update(mesh="data=2", cpu_devices=2), c["data"].update(dir="/elsewhere")))
    assert study.read(tmp_path).fields == ()


def test_configs_inside_a_run_are_not_runs(tmp_path):
    path = write_run(tmp_path / "run", n=2)
    write_run(path / "students" / "exported", n=2)
    assert len(study.read(tmp_path).cells) == 1


def test_what_cannot_be_read_is_said_in_one_line(tmp_path):
    with pytest.raises(StudyError, match="no run in or under it"):
        study.read(tmp_path)
    path = write_run(tmp_path / "run", n=2)
    shutil.copytree(path, tmp_path / "copy")
    with pytest.raises(StudyError, match="copy and run are the same run twice"):
        study.read(tmp_path)
    (tmp_path / "copy" / "config.json").write_text("{")
    with pytest.raises(StudyError, match="copy/config.json:1: not JSON"):
        study.read(tmp_path)


def test_problems_that_are_not_here_are_no_error(tmp_path):
    path = write_run(tmp_path / "run", n=2)
    edit(path, lambda config: config["data"].update(source="gsm8k", dir="/nowhere", options={}))
    assert study.read(path).cells[0].problems("test") == []
