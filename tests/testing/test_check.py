"""``pytest --pyargs workbench.testing.check``: what packages bring is held to the contract of its kind."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.pages import Page, installed
from workbench.io._registry import FORMATS
from workbench.testing.check import held

PAGES = ("add-a-format", "add-a-data-set", "add-an-explainer", "add-a-viewer")


def pytest_in(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest as an author does, who has no checkout; return its status and what it says."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:napari", "-v", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_what_is_installed_is_found_and_checked(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for name in PAGES:
            page = Page(f"how-to/{name}.md")
            stack.enter_context(installed(page, tmp_path / name))
        status, said = pytest_in(tmp_path, "--pyargs", "workbench.testing.check", "-m", "not slow and not mindspore")
    assert status == 0, said
    for passed in (
        "Test_format_plain::test_mutations_never_escape",
        "Test_data_set_discs::test_a_subset_is_the_split",
        "Test_explanation_method_noisy_gradient::test_the_same_call_gives_the_same_map",
        "Test_viewer_backend_axial::test_unknown_option_is_named",
    ):
        assert f"{passed} PASSED" in said
    assert "Test_viewer_backend_axial::test_shows_image_and_labels SKIPPED" in said
    assert "failed" not in said


@pytest.mark.slow
def test_what_is_broken_fails_with_the_reason_and_hides_nothing(tmp_path: Path) -> None:
    page = Page("how-to/add-a-format.md")
    broken = Page("how-to/add-a-data-set.md")
    broken.files["my_discs.py"] = "raise ImportError('no module of mine')"
    with installed(page, tmp_path / "format"), installed(broken, tmp_path / "set"):
        status, said = pytest_in(tmp_path, "--pyargs", "workbench.testing.check", "-k", "plain or used")
    assert status == 1
    assert "Test_format_plain::test_unknown_option_is_named PASSED" in said
    assert "test_everything_can_be_used[workbench.datasets] FAILED" in said
    assert "ImportError: no module of mine" in said
    assert "test_everything_can_be_used[workbench.formats] PASSED" in said


@pytest.mark.parametrize("configuration", ["", "[pytest]\naddopts = --strict-markers\n"])
def test_an_author_needs_a_test_file_and_nothing_else(tmp_path: Path, configuration: str) -> None:
    page = Page("how-to/add-an-explainer.md")
    (tmp_path / "pytest.ini").write_text(configuration or "[pytest]\n")
    (tmp_path / "test_mine.py").write_text(page.files["test_my_explainer.py"])
    with installed(page, tmp_path / "site"):
        status, said = pytest_in(
            tmp_path, "test_mine.py", "-k", "grid or option or mindspore", "-W", "error::pytest.PytestWarning"
        )
    assert status == 0, said
    assert "test_an_unknown_option_names_the_nearest PASSED" in said


def test_a_failing_assertion_shows_its_values(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "from workbench.testing import PanelContract\n\nclass TestMine(PanelContract):\n    name = 'no such panel'\n"
    )
    status, said = pytest_in(tmp_path, "test_mine.py", "-k", "registered")
    assert status == 1
    assert "assert 'no such panel' in ('data', 'demos'" in said


@pytest.mark.parametrize(
    ("name", "shape", "suffixes"),
    [
        ("nifti", (4, 5, 6), (".nii", ".nii.gz")),
        ("picture", (40, 50), (".png", ".jpg", ".jpeg")),
        ("numpy", (4, 5, 6), (".npy", ".npz")),
    ],
)
def test_what_a_format_can_hold_is_found_by_what_it_refuses(name: str, shape: Any, suffixes: tuple[str, ...]) -> None:
    found = held(FORMATS.get(name))
    assert (found["shape"], found["dtype"]) == (shape, "uint8")
    assert found["suffixes"] == suffixes
