"""What a file picker shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import FileError
from workbench.widgets import DataPanel, ModelPanel
from workbench.widgets._files import listing


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "here"
    for folder in ("scans", ".ipynb_checkpoints"):
        (place / folder).mkdir(parents=True)
    for name in ("b.nii.gz", "A.mha", "notes.txt", ".hidden.nii", "IM0001", "weights.safetensors"):
        (place / name).write_bytes(b"12345")
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", str(place / "scans"))
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    return place


def test_folders_first_then_files_and_nothing_hidden(here: Path) -> None:
    found = listing(None, lambda name: True)
    assert found["folder"] == str(here)
    names = [entry["name"] for entry in found["entries"]]
    assert names == ["scans", "A.mha", "b.nii.gz", "IM0001", "notes.txt", "weights.safetensors"]
    assert found["entries"][0]["folder"]
    assert found["entries"][1]["bytes"] == 5


def test_each_panel_shows_what_it_could_open(here: Path) -> None:
    data, model = DataPanel(), ModelPanel()
    assert [entry["name"] for entry in data.browse()["entries"]] == ["scans", "A.mha", "b.nii.gz", "IM0001"]
    assert [entry["name"] for entry in model.browse()["entries"]] == ["scans", "weights.safetensors"]


def test_nothing_outside_of_the_roots_is_listed(here: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(FileError, match=r"is none of them\. Type the path"):
        listing(str(tmp_path / "other"), lambda name: True)
    with pytest.raises(FileError, match="is none of them"):
        listing(str(here / ".." / "other"), lambda name: True)
    (here / "link").symlink_to(tmp_path / "other")
    with pytest.raises(FileError, match="is none of them"):
        listing(str(here / "link"), lambda name: True)
    assert listing(None, lambda name: True)["parent"] == ""
    assert listing(str(here / "scans"), lambda name: True)["parent"] == str(here)


def test_a_folder_that_cannot_be_listed_is_told(here: Path) -> None:
    with pytest.raises(FileError, match="cannot be listed"):
        listing(str(here / "nothing"), lambda name: True)


def test_the_page_gets_an_answer_and_no_state_keeps_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = DataPanel()
    sent: list[dict[str, object]] = []
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append(content))
    panel._on_message(panel, {"action": "browse", "ask": 7}, [])
    assert sent[-1]["answer"] == 7
    assert sent[-1]["folder"] == str(here)
    panel._on_message(panel, {"action": "browse", "ask": 8, "folder": "/"}, [])
    assert "Type the path" in str(sent[-1]["error"])
    assert str(here) not in str(panel.get_state())
