from __future__ import annotations

from pathlib import Path

import pytest

from workbench.io._visible import visible, walk


@pytest.mark.parametrize(
    "name", [".ipynb_checkpoints", "._a.png", ".git", ".a.nii", "__MACOSX", "Thumbs.db", "desktop.ini", "DESKTOP.INI"]
)
def test_what_systems_leave_behind_is_no_data(name):
    assert not visible(Path("folder") / name)
    assert visible(Path(name) / "a.png")


def test_hidden_folders_are_not_entered(tmp_path):
    for name in ("b/2.png", "a.png", "b/1.png", ".ipynb_checkpoints/a-checkpoint.png", "b/.hidden/x.png", "b/._1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [file.relative_to(tmp_path).as_posix() for file in walk(tmp_path)] == ["a.png", "b/1.png", "b/2.png"]
    assert [file.name for file in walk(tmp_path / ".ipynb_checkpoints")] == ["a-checkpoint.png"]
