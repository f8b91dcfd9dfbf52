"""Installs the package on Colab; does nothing elsewhere. The first code cell of every notebook."""

# @title Install (only does something on Colab)
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

REPOSITORY = "@REPOSITORY@"  # Of the notebook's GitHub page.


def runtime_pins(listing: str) -> list[str]:
    """The lines of `pip list --format=freeze` that belong to the runtime: JAX, its plugins, libtpu."""
    ours = re.compile(r"(jax|jaxlib|libtpu|jax[-_]cuda\d+[-_](plugin|pjrt))==", re.IGNORECASE)
    return [line.strip() for line in listing.splitlines() if ours.match(line.strip())]


def refusal(pins: list[str], setup_py: str) -> str:
    """Why the package cannot run on the runtime's JAX; "" if it can."""
    from packaging.specifiers import SpecifierSet

    wanted = re.search(r'"jax((?:[<>=!~]=?[^"]+))"', setup_py).group(1)
    found = next((pin.split("==")[1] for pin in pins if pin.lower().startswith("jax==")), None)
    if found is None:
        return f"this runtime has no JAX; socratic_jax needs jax{wanted}"
    if not SpecifierSet(wanted).contains(found, prereleases=True):
        return f"this runtime has jax {found}; socratic_jax needs jax{wanted}: choose another runtime version"
    return ""


def install() -> None:
    """Clones and installs the package, with JAX held at the runtime's own version."""
    source = Path("socratic_jax_source")
    if not source.exists():
        clone = ["git", "clone", "--quiet", "--depth=1", f"https://github.com/{REPOSITORY}", str(source)]
        subprocess.run(clone, check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    listing = subprocess.run([*pip, "list", "--format=freeze"], check=True, capture_output=True, text=True)
    pins = runtime_pins(listing.stdout)
    problem = refusal(pins, (source / "setup.py").read_text())
    if problem:
        raise SystemExit(problem)
    constraints = source / "runtime_constraints.txt"
    constraints.write_text("\n".join(pins) + "\n")
    subprocess.run([*pip, "install", "--quiet", f"--constraint={constraints}", f"./{source}"], check=True)


# transformers, used for tokenizers only, would say that it misses PyTorch.
os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
warnings.filterwarnings("ignore", message="IProgress not found")  # Of a progress bar that nobody needs.
if "google.colab" in sys.modules:
    install()
