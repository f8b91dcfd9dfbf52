"""Perturbed suites in a config: what may be said, and the flag that says it for all suites."""

import pytest
from ml_collections import ConfigDict

from socratic_jax import checks
from socratic_jax.config import default_config, with_robustness
from socratic_jax.problems import sources
from socratic_jax.problems.perturbations import PERTURBATIONS
from socratic_jax.study.cells import Cell, is_finished
from socratic_jax.workdir import Workdir


def test_one_flag_perturbs_every_suite_in_every_way():
    config = default_config()
    config.data.options = {"level": "chain2to4"}
    config.evaluate.suites = {"test": {"limit": 40}, "new": {"split": "test_ood", "limit": 9}}
    assert with_robustness(config) is config
    config.evaluate.robustness = 5
    wide = with_robustness(config)
    checks.check(wide)
    assert len(wide.evaluate.suites) == 2 * (1 + len(PERTURBATIONS)) and len(config.evaluate.suites) == 2
    assert with_robustness(wide).to_dict() == wide.to_dict()
    for name in PERTURBATIONS:
        problems, _ = sources.load_suite(config.data, wide.evaluate.suites, f"test-{name}")
        originals, _ = sources.load_suite(config.data, wide.evaluate.suites, "test")
        assert len(problems) == 5 and {p.id for p in problems} <= {p.id for p in originals}
        assert sources.split_of(wide.evaluate.suites, f"new-{name}") == "test_ood"


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        ({"perturb": "typos"}, "evaluate.suites.x.perturb is 'typos'; it must be one of other_numbers, "),
        (
            {"perturb": "other_numbers", "of": "y"},
            "evaluate.suites.x.of is 'y'; .* unperturbed suite: test, z",
        ),
        ({"perturb": "other_numbers", "of": "x"}, "evaluate.suites.x.of is 'x'"),
        (
            {"perturb": "other_numbers", "split": "test"},
            "evaluate.suites.x.split belongs to the suite that is",
        ),
        ({"of": "test"}, "evaluate.suites.x.of needs evaluate.suites.x.perturb; valid: other_numbers, "),
        ({"perturb": 3}, "evaluate.suites.x.perturb is 3; it must be text"),
    ],
)
def test_what_is_wrong_with_a_perturbed_suite_is_said_in_one_line(suite, message):
    config = default_config()
    config.evaluate.suites = {"test": {}, "x": suite, "z": {}}
    with pytest.raises(ValueError, match=message) as error:
        checks.check(config)
    assert "\n" not in str(error.value)


def test_a_workdir_may_be_asked_for_robustness_later(tmp_path):
    config = default_config()
    workdir = Workdir(tmp_path / "cell", config)
    (workdir.path / "results.csv").write_text("")
    assert is_finished(Cell("cell", config), tmp_path)
    more = ConfigDict(config.to_dict())
    more.evaluate.robustness = 5
    assert not is_finished(Cell("cell", more), tmp_path)
    Workdir(tmp_path / "cell", with_robustness(more))
    # What is added is not scored yet.
    assert not is_finished(Cell("cell", more), tmp_path)
    (workdir.path / "results.csv").write_text("")
    assert is_finished(Cell("cell", more), tmp_path)
    # More of them would be other suites of the same names.
    more.evaluate.robustness = 6
    with pytest.raises(ValueError, match="evaluate.suites.test-irrelevant_sentence.limit: 5 there, 6 here"):
        is_finished(Cell("cell", more), tmp_path)
