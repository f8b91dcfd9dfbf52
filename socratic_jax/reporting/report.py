"""Everything that is written about a study."""

from etils import epath

from socratic_jax.reporting import causes, markup, page, plots, robustness, scores, study, summary, when


def write(workdir: str, out: str | None = None, processes: int = 1, dialogues: int | None = None) -> str:
    """Reads a study and writes everything about it; returns the page's path.

    Args:
      workdir: of one run, or a directory with those of several in or under it.
      out: the page; by default report.html in `workdir`. The tables and plots stand beside it.
      processes: to read with; see workers.spread.
      dialogues: of every predictions file, so many can be read on the page, by default all.

    Raises:
      StudyError, ProblemError: what cannot be read; one line that names the file.
    """
    the_study = study.read(workdir)
    found = scores.read(the_study, processes)
    summed = summary.summarise(found)
    gains, errors = when.gains(the_study, found), causes.find(the_study, found)
    file = epath.Path(out).expanduser() if out else the_study.path / "report.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    changed = robustness.robustness(the_study, found)
    page.write(file, the_study, found, summed, dialogues, when=gains, causes=errors, robustness=changed)
    labels = the_study.labels
    others = [markup.questions(labels, summed.questions)] if summed.questions else []
    others += [robustness.table(labels, changed)] if changed else []
    if changed:
        (file.parent / "results_robustness.csv").write_text(markup.rows_csv(labels, changed, robustness.Row))
    (file.parent / "results.md").write_text(markup.markdown(labels, summed.rows, gains.rows, others))
    (file.parent / "results.tex").write_text(markup.latex(labels, summed.rows, gains.rows, others))
    (file.parent / "results_when.csv").write_text(markup.rows_csv(labels, gains.rows, when.Gain))
    (file.parent / "results_causes.csv").write_text(causes.to_csv(labels, errors.rows))
    if the_study.cells[0].name != ".":
        (file.parent / "results.csv").write_text(markup.cells_csv(labels, found))
        asked = markup.rows_csv(labels, summed.questions, summary.QuestionsRow)
        (file.parent / "results_questions.csv").write_text(asked)
        plots.write_study(file.parent / "plots", page.axes(the_study), summed)
    return str(file)
