"""The example of docs/how-to/add-a-tool.md: a package of its own, found by its entry point."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from tests.pages import Page, check_found, site_of
from workbench.errors import InputError
from workbench.tools.catalogue import TOOLS

PAGE = Page("how-to/add-a-tool.md")
site = site_of(PAGE, TOOLS.reset)


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """The whole contract."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert "smooth" in [tool.name for tool in wb.tools.list()]
    with pytest.raises(InputError, match="sigma must be one number of mm, at least 0 and at most 100"):
        wb.tools.smooth(wb.Volume(np.zeros((3, 3, 3))), sigma=-1)


def test_it_is_tried_as_the_page_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scope = PAGE.run("try_it.py")
    assert scope["soft"].data.std() < 0.95 * scope["ct"].data.std()
    assert wb.read(tmp_path / "smoothed" / "000000.nii.gz").same_grid(scope["ct"])


def test_an_impulse_becomes_as_wide_as_was_asked_for_in_mm() -> None:
    impulse = np.zeros((41, 21, 1), np.float32)
    impulse[20, 10] = 1
    soft = wb.tools.smooth(wb.Volume(impulse, np.diag([0.5, -1.0, 3.0, 1])), sigma=[2.0, 2.0, 0.0]).data[..., 0]
    for axis, step in ((0, 0.5), (1, 1.0)):
        profile = soft.sum(axis=1 - axis)
        places = (np.arange(len(profile)) - len(profile) // 2) * step
        assert np.sqrt((profile * places**2).sum() / profile.sum()) == pytest.approx(2, rel=0.02)


def test_it_needs_a_notebook_cell_and_nothing_else() -> None:
    source = PAGE.files["my_tools.py"].replace("def smooth", "def soften")
    exec(compile(source, "cell", "exec"), {"__name__": "__main__"})
    volume = wb.Volume(np.eye(6)[..., None].repeat(4, axis=-1))
    assert np.array_equal(wb.tools.soften(volume).data, wb.tools.smooth(volume).data)
    assert {"smooth", "soften"} <= {tool.name for tool in wb.tools.list()}
