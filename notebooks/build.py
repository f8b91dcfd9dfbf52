"""Builds the notebooks from sources/: their cells, and the outputs of a real execution on this machine's CPU.

  python notebooks/build.py            # all; minutes
  python notebooks/build.py 2 4        # some, by the number that their names begin with
  python notebooks/build.py --check    # only whether the notebooks have the cells of their sources

A source is Python in the percent format. Its cells begin with one of

  # %%                the code that follows
  # %% [markdown]     the text that follows, commented out
  # %% [parameters]   the code that follows, tagged: other values can be put in behind it
  # %% include X      the code of sources/X.py; what follows is for linters and left out
"""

import argparse
import ast
import hashlib
import re
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbclient
import nbformat

# The owner of the public repository is not known yet. This is the only place that names it: put it
# here, and build again. Badges and install cells follow.
REPOSITORY = "OWNER/socratic_jax"

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sources"
NAMES = tuple(sorted(path.stem for path in SOURCES.glob("[0-9]*.py")))
TIMEOUT = 1800  # Seconds of one cell.
PARAMETERS = "parameters"  # Tag of the cell with the hyperparameters, as papermill calls it.
BADGE = (
    "[![Open In Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{repository}/blob/main/notebooks/{name}.ipynb)"
)
METADATA = {
    "colab": {"provenance": []},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def make(name: str) -> nbformat.NotebookNode:
    """The notebook of a source, without outputs. It depends on the sources alone."""
    notebook = nbformat.v4.new_notebook(metadata=METADATA)
    for kind, text in _cells((SOURCES / f"{name}.py").read_text()):
        if kind == "markdown":
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines())
            if not notebook.cells:
                text = BADGE.format(repository=REPOSITORY, name=name) + "\n\n" + text
            cell = nbformat.v4.new_markdown_cell(text)
        else:
            cell = nbformat.v4.new_code_cell(text.replace("@REPOSITORY@", REPOSITORY))
            if kind == PARAMETERS:
                cell.metadata["tags"] = [PARAMETERS]
            if text.startswith("# @title"):
                cell.metadata["cellView"] = "form"  # Colab shows the title and hides the code.
        notebook.cells.append(cell)
    _name_cells(notebook)
    return notebook


def _cells(source: str) -> list[tuple[str, str]]:
    """(kind, text) of every cell; includes are resolved."""
    found = []
    _, *pieces = re.split(r"^# %%(.*)\n", source, flags=re.MULTILINE)
    for header, body in zip(pieces[::2], pieces[1::2], strict=True):
        header = header.strip()
        if header.startswith("include "):
            text = (SOURCES / f"{header.removeprefix('include ')}.py").read_text()
            body = text[re.match(r'""".*?"""\n', text, re.DOTALL).end() :]
        found.append((header.strip("[]") if header.startswith("[") else "code", body.strip()))
    return found


def _name_cells(notebook: nbformat.NotebookNode) -> None:
    """Ids by content, so that a cell keeps its own when others come and go."""
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        seen[cell.source] = seen.get(cell.source, 0) + 1
        cell["id"] = hashlib.blake2b(f"{seen[cell.source]}{cell.source}".encode(), digest_size=4).hexdigest()


def with_parameters(notebook: nbformat.NotebookNode, values: Mapping[str, Any]) -> nbformat.NotebookNode:
    """Puts a cell with other values behind the cell of hyperparameters.

    Raises:
      ValueError: a name that the notebook does not have; the message lists those that it has.
    """
    at = next(i for i, cell in enumerate(notebook.cells) if PARAMETERS in cell.metadata.get("tags", ()))
    names = [
        target.id
        for statement in ast.parse(notebook.cells[at].source).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    ]
    for name in values:
        if name not in names:
            raise ValueError(f"the notebook has no parameter {name!r}; it has {', '.join(names)}")
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    cell = nbformat.v4.new_code_cell("\n".join(lines), id="injected")
    cell.metadata["tags"] = ["injected-parameters"]
    notebook.cells.insert(at + 1, cell)
    return notebook


def execute(notebook: nbformat.NotebookNode, directory: Path | str) -> nbformat.NotebookNode:
    """Runs all cells, in a kernel of this Python whose working directory is `directory`.

    Raises:
      nbclient.exceptions.CellExecutionError: a cell failed.
    """
    client = nbclient.NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(directory)}},
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    notebook.metadata = nbformat.from_dict(METADATA)  # The kernel's own version is left out.
    return notebook


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Outputs with the pieces of one printed text put together. What is displayed keeps its place."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.output_type == "stream" and output.name == last.get("name"):
            last.text += output.text
        else:
            joined.append(output)
    return joined


def same_cells(a: nbformat.NotebookNode, b: nbformat.NotebookNode) -> bool:
    """Whether two notebooks have the same cells, outputs aside."""

    def cells(notebook):
        return [(c.cell_type, c.id, c.source, dict(c.metadata)) for c in notebook.cells]

    return cells(a) == cells(b) and a.metadata == b.metadata


def read(name: str) -> nbformat.NotebookNode:
    """The built notebook."""
    return nbformat.read(HERE / f"{name}.ipynb", as_version=4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("numbers", nargs="*", help="of the notebooks; none means all")
    parser.add_argument("--check", action="store_true", help="compare cells and run nothing")
    options = parser.parse_args()
    names = [n for n in NAMES if not options.numbers or n.split("_")[0] in options.numbers]
    if options.check:
        stale = [n for n in names if not (HERE / f"{n}.ipynb").exists() or not same_cells(make(n), read(n))]
        sys.exit(f"not as its source says: {', '.join(stale)}; run notebooks/build.py" if stale else 0)
    for name in names:
        began, cpu = time.monotonic(), _cpu_seconds()
        with tempfile.TemporaryDirectory() as directory:
            notebook = execute(make(name), directory)
        nbformat.write(notebook, HERE / f"{name}.ipynb")
        seconds, cpu = time.monotonic() - began, _cpu_seconds() - cpu
        print(f"{name}: {seconds:.0f} s, {cpu:.0f} s of CPU", flush=True)


def _cpu_seconds() -> float:
    """Of all kernels that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
