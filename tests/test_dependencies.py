"""What `pyproject.toml` asks for is used, pinned, and has its reason in design note 0005."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
NOTE = ROOT / "docs" / "design" / "0005-dependencies.md"

#: Dependencies of the package itself that no module of it imports, and what they do all the same.
NOT_IMPORTED = {
    "jupyterlab": "is started (`python -m jupyterlab`), and hosts the extension",
    "notebook": "hosts the same extension, for those who prefer Notebook 7",
    "pylibjpeg": "is found by pydicom, which decodes JPEG with it",
    "pylibjpeg-libjpeg": "is found by pylibjpeg",
    "pylibjpeg-openjpeg": "is found by pylibjpeg",
    "pyside6": "is the Qt that napari draws with",
    "zarr": "keeps the ITK viewer to the version that it can read",
    "openslide-bin": "is the library that openslide-python loads",
}


def project() -> dict:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def requirements(*extras: str) -> dict[str, Requirement]:
    stated = project()["project"]
    lines = [*stated["dependencies"]] if not extras else []
    for extra in extras:
        lines += stated["optional-dependencies"][extra]
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one for one in found if canonicalize_name(one.name) != "medical-workbench"}


CORE = requirements()
EXTRAS = requirements("mindspore", "napari", "itk", "minc", "slides", "testing", "tools", "dask")
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
}


@cache
def imported() -> set[str]:
    """The distributions that some module of the package imports, by name of the module or as a string of it."""
    modules: set[str] = set()
    for path in (ROOT / "workbench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add((node.module or "").partition(".")[0])
    owners = packages_distributions()
    return {canonicalize_name(owner) for module in modules for owner in owners.get(module, [])}


@pytest.mark.parametrize("name", sorted({**CORE, **EXTRAS}))
def test_a_dependency_is_imported_or_has_a_reason(name: str) -> None:
    if name not in {canonicalize_name(one.metadata["Name"]) for one in distributions()}:
        pytest.skip(f"{name} is not installed")
    assert name in imported() or name in NOT_IMPORTED, f"{name} is not imported: what is it for?"
    assert not (name in imported() and name in NOT_IMPORTED), f"{name} is imported: it needs no reason"


@pytest.mark.parametrize("name", sorted({**CORE, **EXTRAS, **requirements("docs", "test")}))
def test_a_dependency_is_pinned_within_its_range(name: str) -> None:
    asked = {**CORE, **EXTRAS, **requirements("docs", "test")}[name]
    assert asked.specifier.contains(PINS[name], prereleases=True)


def test_each_dependency_has_its_row_in_the_note_and_each_row_its_dependency() -> None:
    rows = [row.split("|")[1] for row in NOTE.read_text("utf-8").splitlines() if row.startswith("| ")][1:]
    listed = {name for row in rows if "npm" not in row for name in _names(row)}
    build = {canonicalize_name(Requirement(line).name) for line in project()["build-system"]["requires"]}
    assert listed >= {*CORE, *EXTRAS}
    assert listed - build <= {*CORE, *EXTRAS, *requirements("docs", "test")}


def _names(cell: str) -> list[str]:
    """The packages that the first cell of a row names: without what is said of them in brackets, nor a version."""
    return [
        canonicalize_name(re.split(r"[<>=]", one)[0].strip()) for one in re.split(r"[,+]", re.sub(r"\(.*?\)", "", cell))
    ]


def test_the_pinned_set_runs_on_the_oldest_python_that_is_promised() -> None:
    oldest = re.search(r"[\d.]+", project()["project"]["requires-python"])
    assert oldest is not None
    first = f"{oldest.group()}.0"
    refused = [
        f"{one.metadata['Name']} {one.version} needs {asked}"
        for one in distributions()
        if canonicalize_name(one.metadata["Name"]) in PINS
        and PINS[canonicalize_name(one.metadata["Name"])] == one.version
        and (asked := one.metadata.get("Requires-Python"))
        and not SpecifierSet(asked).contains(first)
    ]
    assert refused == []
