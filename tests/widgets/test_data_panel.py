"""The data panel without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import datasets, io
from workbench.errors import FileError, InputError, StateError
from workbench.volume import Volume
from workbench.widgets import DataPanel

TINY = {"n": 6, "size": (16, 14, 12)}


@pytest.fixture
def panel() -> DataPanel:
    return DataPanel()


def click(panel: Any, **message: Any) -> None:
    panel._on_message(panel, message, [])
    panel.wait(60)


def run(code: str) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    exec(code, scope)
    return scope


def test_the_catalogue_is_offered_what_is_here_first(panel: DataPanel) -> None:
    names = [entry["name"] for entry in panel.catalogue]
    assert set(names) == {card.name for card in datasets.list()}
    available = [entry["available"] for entry in panel.catalogue]
    assert available == sorted(available, reverse=True)
    assert next(e for e in panel.catalogue if e["name"] == "phantom-ct")["available"]
    for entry in panel.catalogue:
        assert entry["available"] or "download" in entry["hint"]


def test_load_shows_the_first_case_of_the_test_part(panel: DataPanel) -> None:
    calls: list[str] = []
    panel.desk.observe(lambda change: calls.append(change["new"].split), "case")
    dataset = panel.load("phantom-ct", **TINY)
    assert panel.split == "test"
    assert panel.splits[-1] == ["all", 6]
    assert panel.volume is not None
    assert panel.volume.fingerprint() == dataset.subset("test")[0]["image"].fingerprint()
    assert panel.truth is not None
    assert panel.truth.kind == "labels"
    assert panel.summary.startswith("CT 16x14x12, ")
    assert panel.summary.endswith(f"mm, {panel.volume.orientation}")
    assert "segmentation, 6 labels" in panel.details
    assert calls == ["test"]


def test_options_typed_into_the_form_are_used(panel: DataPanel) -> None:
    panel.name = "phantom-ct"
    panel.options = {"n": 5, "size": "16, 14, 12", "seed": 3, "noise": 14}
    click(panel, action="load")
    assert panel.problem == {}
    expected = datasets.load("phantom-ct", n=5, size=(16, 14, 12), seed=3)
    assert panel.dataset is not None
    assert panel.dataset.fingerprint() == expected.fingerprint()


def test_another_data_set_forgets_the_options_of_the_first(panel: DataPanel) -> None:
    panel.name = "phantom-ct"
    panel.options = {"n": 5}
    panel.name = "phantom-xray"
    assert panel.options == {}


def test_select_moves_through_the_cases(panel: DataPanel) -> None:
    panel.load("phantom-ct", **TINY)
    click(panel, action="select", split="all", index=0)
    click(panel, action="select", index=4)
    assert (panel.split, panel.index, panel.count) == ("all", 4, 6)
    assert panel.volume.fingerprint() == panel.dataset[4]["image"].fingerprint()  # type: ignore[union-attr, index]


def test_a_case_that_is_not_there_is_told_and_the_shown_one_stays(panel: DataPanel) -> None:
    panel.load("phantom-ct", **TINY)
    shown = panel.volume
    with pytest.raises(InputError, match="cases 0 to 5, got 9"):
        panel.select(9, "all")
    assert panel.volume is shown
    assert "got 9" in panel.problem["cause"]


def test_classes_are_named(panel: DataPanel) -> None:
    panel.load("phantom-xray", n=6, size=(16, 14), task="classification")
    label = panel.sample["label"]  # type: ignore[index]
    assert panel.truth is None
    assert f"this case: {panel.dataset.classes[label]}" in panel.details  # type: ignore[union-attr]


@pytest.fixture
def scan(tmp_path: Path, affine: np.ndarray) -> Path:
    data = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
    return io.write(Volume(data, affine), tmp_path / "Jane_Doe.nii.gz")


def test_a_file_is_read(panel: DataPanel, scan: Path) -> None:
    click(panel, action="open", path=str(scan))
    assert panel.problem == {}
    assert panel.volume.fingerprint() == io.read(scan).fingerprint()  # type: ignore[union-attr]
    assert (panel.source, panel.dataset, panel.splits) == ("file", None, [])
    with pytest.raises(StateError, match="one volume only"):
        panel.select(1)


def test_no_file_name_in_the_state_that_a_notebook_saves(panel: DataPanel, scan: Path) -> None:
    panel.read(scan)
    assert "Jane" not in json.dumps(panel.get_state(), default=str)
    scan.write_bytes(scan.read_bytes()[:40])
    with pytest.raises(FileError):
        DataPanel.read(panel, scan)
    assert panel.problem["cause"]
    assert "Jane" not in json.dumps(panel.get_state(), default=str)


def test_what_is_wrong_is_told(panel: DataPanel) -> None:
    click(panel, action="load")
    assert "No data set is chosen" in panel.problem["cause"]
    click(panel, action="open", path=" ")
    assert "No path was given" in panel.problem["cause"]
    with pytest.raises(InputError, match="Did you mean 'phantom-ct'"):
        panel.load("phantom-cd")
    with pytest.raises(InputError, match="'sise'"):
        panel.load("phantom-ct", sise=3)


def test_code_reads_the_same_case_again(panel: DataPanel) -> None:
    panel.load("phantom-ct", **TINY, seed=2)
    panel.select(1, "train")
    scope = run(panel.code())
    assert scope["volume"].fingerprint() == panel.volume.fingerprint()  # type: ignore[union-attr]
    assert scope["data"].fingerprint() == panel.dataset.fingerprint()  # type: ignore[union-attr]


def test_code_reads_the_same_file_again(panel: DataPanel, scan: Path) -> None:
    panel.read(scan)
    assert run(panel.code())["volume"].fingerprint() == panel.volume.fingerprint()  # type: ignore[union-attr]


def test_code_before_anything_is_loaded_is_a_comment(panel: DataPanel) -> None:
    assert panel.code().splitlines()[-1].startswith("# Nothing is loaded yet")
