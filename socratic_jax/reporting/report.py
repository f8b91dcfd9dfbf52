"""Everything that is written about a study."""

from etils import epath

from socratic_jax.problems import jsonl
from socratic_jax.reporting import (
    causes,
    looks,
    markup,
    page,
    plots,
    robustness,
    scores,
    study,
    summary,
    when,
)


def write(workdir: str, out: str | None = None, processes: int = 1, dialogues: int | None = None) -> str:
    """Reads a study and writes everything about it; returns the page's path.

    Args:
      workdir: of one run, or a directory with those of several in or under it.
      out: the page; by default report.html in `workdir`. The tables and plots stand beside it.
      processes: to read with; see workers.spread.
      dialogues: of every predictions file, so many can be read on the page, by default all; of 0 it has no
        text of a problem.

    Raises:
      StudyError, ProblemError: what cannot be read; one line that names the file.
    """
    the_study = study.read(workdir)
    found = scores.read(the_study, processes)
    summed = summary.summarise(found)
    gains, errors = when.gains(the_study, found), causes.find(the_study, found)
    file = epath.Path(out).expanduser() if out else the_study.path / "report.html"
    changed = robustness.robustness(the_study, found)
    taught = [name for cell in the_study.cells for name in cell.config["strategies"]]
    drawn = tuple(looks.looks([*(row.strategy for row in summed.rows), *taught]).values())
    sections = dict(when=gains, causes=errors, robustness=changed, looks=drawn)
    page.write(file, the_study, found, summed, dialogues, **sections)
    labels = the_study.labels
    others = [markup.questions(labels, summed.questions)] if summed.questions else []
    others += [robustness.table(labels, changed)] if changed else []
    tables = {
        "results.md": markup.markdown(labels, summed.rows, gains.rows, others),
        "results.tex": markup.latex(labels, summed.rows, gains.rows, others),
        "results_when.csv": markup.rows_csv(labels, gains.rows, when.Gain),
        "results_causes.csv": causes.to_csv(labels, errors.rows),
    }
    if changed:
        tables["results_robustness.csv"] = markup.rows_csv(labels, changed, robustness.Row)
    several = the_study.cells[0].name != "."
    if several:
        tables["results.csv"] = markup.cells_csv(labels, found)
        tables["results_questions.csv"] = markup.rows_csv(labels, summed.questions, summary.QuestionsRow)
    for name, text in tables.items():
        jsonl.write_text(file.parent / name, text)
    if several:
        plots.write_study(file.parent / "plots", labels, page.axes(the_study), summed, gains.rows, changed)
    return str(file)
