"""What is built in is found by looking: one file in its folder is all that there is to add."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from tests.pages import Page
from workbench._plugins import Registry
from workbench._rooms import classes_in, modules_in, own
from workbench.datasets.catalogue import DATASETS
from workbench.explain.registry import EXPLAINERS
from workbench.explain.scoring import CHECKS
from workbench.jobs.executors import EXECUTORS
from workbench.tools.catalogue import TOOLS
from workbench.widgets.backends._base import VIEWERS
from workbench.widgets.desk_panel import PANELS

Lay = Callable[..., None]


@pytest.fixture
def lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lay]:
    """Lay files into a package: ``lay("workbench.explain.explainers", {"mine.py": "..."})``."""
    known = {*sys.modules}

    def lay(package: str, files: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, "utf-8")
        room = import_module(package)
        monkeypatch.setattr(room, "__path__", [*room.__path__, str(tmp_path)])

    yield lay
    monkeypatch.undo()
    for name in sorted({*sys.modules} - known, reverse=True):
        if str(tmp_path) in str(getattr(sys.modules[name], "__path__", getattr(sys.modules[name], "__file__", ""))):
            parent, _, child = name.rpartition(".")
            del sys.modules[name]
            delattr(sys.modules[parent], child)


@pytest.mark.parametrize(
    ("page", "source", "package", "file", "registry", "name"),
    [
        ("a-check", "my_check.py", "workbench.explain.checkers", "border.py", CHECKS, "border"),
        ("a-data-set", "my_discs.py", "workbench.datasets.sources", "discs.py", DATASETS, "discs"),
        ("a-panel", "my_panel.py", "workbench.widgets", "mean_panel.py", PANELS, "mean"),
        ("a-tool", "my_tools.py", "workbench.tools", "smoothing/smooth.py", TOOLS, "smooth"),
        ("a-viewer", "my_viewer.py", "workbench.widgets.backends", "axial.py", VIEWERS, "axial"),
        ("an-executor", "my_executor.py", "workbench.jobs.executors", "gentle.py", EXECUTORS, "gentle"),
        ("an-explainer", "my_explainer.py", "workbench.explain.explainers", "noise.py", EXPLAINERS, "noisy-gradient"),
    ],
)
def test_the_file_of_a_how_to_is_all_that_the_folder_of_its_kind_needs(
    lay: Lay, page: str, source: str, package: str, file: str, registry: Registry[Any], name: str
) -> None:
    text = Page(f"how-to/add-{page}.md").files[source]
    registry.reset()
    assert name not in registry.names()
    lay(package, {file: text})
    try:
        registry.reset()
        assert name in registry.names()
        assert registry.get(name) is registry.all()[name]
        assert registry.brought() == {}
    finally:
        registry.reset()


def test_a_data_set_that_was_laid_there_is_loaded(lay: Lay) -> None:
    page = Page("how-to/add-a-data-set.md")
    lay("workbench.datasets.sources", {"discs.py": page.files["my_discs.py"]})
    try:
        DATASETS.reset()
        assert wb.datasets.load("discs", n=3)[0]["image"].shape == (32, 32)
        with pytest.raises(wb.WorkbenchError, match="at least 3, one for each split, got n=2"):
            wb.datasets.load("discs", n=2)
    finally:
        DATASETS.reset()


SHAPES = """
from abc import abstractmethod
from fractions import Fraction
from numbers import Number

class Half(Fraction): pass
class Open(Fraction):
    @abstractmethod
    def close(self): ...
class Quarter(Half): pass
class Other: pass
ONE = Half(1)
"""


@pytest.fixture
def room(lay: Lay) -> str:
    """A folder of modules, with a helper and one that cannot be imported."""
    broken = "raise RuntimeError('imported')"
    lay("workbench.explain.explainers", {"some_shapes.py": SHAPES, "_helper.py": broken, "zz_broken.py": broken})
    return "workbench.explain.explainers"


def test_modules_are_listed_without_being_imported(room: str) -> None:
    found = {source.name: source for source in modules_in(room, lambda module: module.ONE)}
    assert {"some-shapes", "zz-broken", "grad-cam"} <= {*found}
    assert not {"helper", "-helper", "--init--"} & {*found}
    assert (found["some-shapes"].where, found["some-shapes"].foreign) == (f"{room}.some_shapes", False)
    assert f"{room}.some_shapes" not in sys.modules
    assert found["some-shapes"].load() == 1
    with pytest.raises(RuntimeError, match="imported"):
        found["zz-broken"].load()


def test_some_modules_of_a_folder(room: str) -> None:
    assert [source.name for source in modules_in(room, own, pattern="*_shapes.py")] == ["some-shapes"]


def test_classes_are_those_that_a_module_defines_and_finishes(room: str) -> None:
    from fractions import Fraction

    (source,) = classes_in(room, Fraction, pattern="some_shapes.py")()
    assert [kind.__name__ for kind in source.load()] == ["Half", "Quarter"]


def test_the_contract_is_none_of_its_own(lay: Lay) -> None:
    lay("workbench.explain.explainers", {"contract.py": "class Contract: pass\nclass Kept(Contract): pass"})
    contract = import_module("workbench.explain.explainers.contract").Contract
    (source,) = classes_in("workbench.explain.explainers", contract, pattern="contract.py")()
    assert [kind.__name__ for kind in source.load()] == ["Kept"]
