"""The version stands in one place, and what must repeat it agrees."""

from __future__ import annotations

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import yaml

import workbench

ROOT = Path(__file__).parents[1]


def test_the_browser_half_has_the_same_version() -> None:
    package = json.loads((ROOT / "widgets" / "package.json").read_text("utf-8"))
    lock = json.loads((ROOT / "widgets" / "package-lock.json").read_text("utf-8"))
    assert {package["version"], lock["version"], lock["packages"][""]["version"]} == {workbench.__version__}


def test_the_distribution_takes_it_from_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["hatch"]["version"]["path"] == "workbench/__init__.py"
    assert metadata.version(project["project"]["name"]) == workbench.__version__


def test_nothing_else_repeats_it() -> None:
    pattern = re.compile(rf"(?<![\d.]){re.escape(workbench.__version__)}(?![\d.])")
    for name in ("CITATION.cff", "docs/conf.py", "docs/index.md", "README.md", "pyproject.toml", "environment.yml"):
        assert not pattern.search((ROOT / name).read_text("utf-8")), name


def test_the_citation_says_what_a_reader_of_it_must_know() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert citation["cff-version"] == "1.2.0"
    assert (citation["type"], citation["title"]) == ("software", "Medical Workbench")
    assert citation["license"] == project["license"]
    assert citation["keywords"] == project["keywords"]
    assert citation["message"]
    assert all(author.keys() & {"name", "family-names"} for author in citation["authors"])


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert len(headings) == len(set(headings))
