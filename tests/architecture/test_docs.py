"""The pages for people: what they link to and name is there, and the reference is the document's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from orchestrator.reference import page

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ROOMS = (
    "orchestrator",
    "facades",
    "instances",
    "sites",
    "plans",
    "common",
    "gateway",
    "guest",
    "infra",
    "tests",
    "bench",
    "docs",
)
EXAMPLES = {"instances/providers/example.py", "tests/instances/providers/test_example.py"}
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_PATH = re.compile(rf"`((?:{'|'.join(ROOMS)})/[A-Za-z0-9_./-]+)`")


@pytest.mark.parametrize("page_path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_named_files_exist(page_path: Path) -> None:
    text = page_path.read_text()
    links = [link for link in _LINK.findall(text) if "://" not in link]
    gone = [link for link in links if not (page_path.parent / link).exists()]
    gone += [path for path in _PATH.findall(text) if path not in EXAMPLES and not (ROOT / path).exists()]
    assert gone == []


def test_every_page_is_reached_from_the_readme() -> None:
    found, waiting = set(), [ROOT / "README.md"]
    while waiting:
        here = waiting.pop()
        if here in found or not here.exists():
            continue
        found.add(here)
        links = [(here.parent / link).resolve() for link in _LINK.findall(here.read_text()) if "://" not in link]
        waiting += [file for link in links for file in (sorted(link.glob("*.md")) if link.is_dir() else [link])]
        waiting = [file for file in waiting if file.suffix == ".md"]
    assert {path for path in PAGES if path not in found} == set()


def test_the_reference_is_made_from_the_document() -> None:
    document = yaml.load((ROOT / "docs" / "openapi.yaml").read_text(), Loader=yaml.CSafeLoader)
    written = (ROOT / "docs" / "reference.md").read_text()
    assert page(document) == written, "run make schema"
    for path, methods in document["paths"].items():
        assert all(f"### {method.upper()} {path}\n" in written for method in methods)
