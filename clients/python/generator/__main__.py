"""Writes what is generated: `python clients/python/generator`; with `--check` it only says what is out of date."""

from __future__ import annotations

import argparse
import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from document import Document
from endpoints import endpoints
from halves import write_synchronous_half
from models import fields, models

CHECKOUT = Path(__file__).resolve().parents[3]
PACKAGE = CHECKOUT / "clients/python/src/orchestrator_client"


def main() -> int:
    """0 when all is written, or was up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when something is out of date")
    parser.add_argument("document", nargs="?", type=Path, default=CHECKOUT / "docs/openapi.yaml")
    asked = parser.parse_args()
    document = Document.read(asked.document)
    if not asked.check:
        write(document, PACKAGE)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / PACKAGE.name
        shutil.copytree(PACKAGE, fresh, ignore=shutil.ignore_patterns("__pycache__"))
        write(document, fresh)
        stale = [name for name in generated(fresh) if not _same(fresh / name, PACKAGE / name)]
    for name in stale:
        sys.stderr.write(f"{(PACKAGE / name).relative_to(CHECKOUT)} is out of date: run make schema\n")
    return 1 if stale else 0


def write(document: Document, package: Path) -> None:
    """Everything that is generated, in the project's layout."""
    (package / "models.py").write_text(models(document))
    (package / "fields.py").write_text(fields(document))
    (package / "_async/endpoints.py").write_text(endpoints(document))
    _lay_out([package / "models.py", package / "fields.py", package / "_async/endpoints.py"])
    write_synchronous_half(package)
    _lay_out([package / "_sync"])


def generated(package: Path) -> list[str]:
    """The generated files' names within the package."""
    half = sorted(f"_sync/{file.name}" for file in (package / "_sync").glob("*.py"))
    return ["models.py", "fields.py", "_async/endpoints.py", *half]


def _lay_out(paths: list[Path]) -> None:
    settings = ["--config", str(CHECKOUT / "pyproject.toml"), "--quiet", *map(str, paths)]
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "--fix-only", "--select", "I,F401,UP", *settings], check=True)
    subprocess.run([*ruff, "format", *settings], check=True)


def _same(one: Path, other: Path) -> bool:
    return other.exists() and filecmp.cmp(one, other, shallow=False)


if __name__ == "__main__":
    sys.exit(main())
