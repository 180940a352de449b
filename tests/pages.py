"""Pages of the documentation that hold a package: taken from the page, laid out as an installer does, and run.

Nothing of the workbench is replaced: the package lies on the import path with the metadata that an installation writes,
so it is found by its entry point as any other, here and in the processes that a test starts.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"


class Page:
    """The blocks of a page: Python files by the name in their first line, and what its ``pyproject.toml`` says."""

    def __init__(self, name: str) -> None:
        self.text = (DOCS / name).read_text("utf-8")
        self.files = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", self.text, flags=re.DOTALL))
        (self.project,) = [tomllib.loads(block)["project"] for block in self.blocks("toml")]

    def blocks(self, language: str) -> list[str]:
        """Return the blocks in a language, in order."""
        return re.findall(rf"```{language}\n(.*?)```", self.text, flags=re.DOTALL)

    def run(self, name: str) -> dict[str, Any]:
        """Run one of the page's files and return its names."""
        scope: dict[str, Any] = {}
        exec(compile(self.files[name], name, "exec"), scope)
        return scope

    def test_class(self) -> type:
        """Return the class that the page's test file defines."""
        (name,) = [name for name in self.files if name.startswith("test_")]
        (found,) = [value for key, value in self.run(name).items() if key.startswith("Test")]
        return found  # type: ignore[no-any-return]

    @property
    def entry_points(self) -> list[tuple[str, str, str]]:
        """Group, name and value of each entry point."""
        groups = self.project["entry-points"].items()
        return [(group, name, value) for group, entries in groups for name, value in entries.items()]


@contextmanager
def installed(page: Page, site: Path, *forget: Callable[[], None], package: str = "") -> Iterator[Path]:
    """Have the page's package installed for the length of a ``with`` block.

    Parameters
    ----------
    site : Path
        An empty folder.
    *forget : callables
        Make those forget what they found who remember which entry points there are.
    package : str
        Dotted package that the files belong to; by default they are modules of their own.
    """
    parts = package.split(".") if package else []
    folder = site.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    for depth in range(1, len(parts) + 1):
        site.joinpath(*parts[:depth], "__init__.py").touch()
    modules = [name for name in page.files if not name.startswith(("test_", "try_"))]
    for name in modules:
        (folder / name).write_text(page.files[name], "utf-8")
    _write_metadata(page, site)
    own = {parts[0]} if parts else {Path(name).stem for name in modules}
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(site))
            patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")])))
            for one in forget:
                one()
            yield site
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] in own]:
            del sys.modules[name]
        importlib.invalidate_caches()
        for one in forget:
            one()


def site_of(page: Page, *forget: Callable[[], None]) -> Any:
    """Return the fixture, for a whole module, that has the page's package installed; it gives the folder."""

    @pytest.fixture(scope="module", autouse=True)
    def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
        with installed(page, tmp_path_factory.mktemp("site"), *forget) as folder:
            yield folder

    return site


def check_found(page: Page) -> None:
    """Check that the package is found by the entry points that the page gives it."""
    for group, name, value in page.entry_points:
        (entry,) = [entry for entry in metadata.entry_points(group=group) if entry.name == name]
        assert entry.dist is not None
        assert (entry.value, entry.dist.name) == (value, page.project["name"])


def _write_metadata(page: Page, site: Path) -> None:
    name, version = page.project["name"], page.project["version"]
    facts = site / f"{name.replace('-', '_')}-{version}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [line for group, key, value in page.entry_points for line in (f"[{group}]", f"{key} = {value}")]
    (facts / "entry_points.txt").write_text("\n".join(lines) + "\n")
