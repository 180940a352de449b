"""The data panel without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import datasets, io
from workbench.datasets.catalogue import DATASETS
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


@pytest.mark.parametrize("relative", [False, True])
def test_a_path_among_the_options_is_used_and_kept_in_no_state(
    panel: DataPanel, tmp_path: Path, affine: np.ndarray, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Path() if relative else tmp_path
    for folder in ("Jane_Doe", "labels"):
        (tmp_path / folder).mkdir()
    for number in range(4):
        data = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7) + number
        io.write(Volume(data, affine), tmp_path / "Jane_Doe" / f"case{number}.nii.gz")
        labels = Volume((data % 2).astype(np.uint8), affine, kind="labels")
        io.write(labels, tmp_path / "labels" / f"case{number}.nii.gz")
    panel.name = "folder"
    known = panel._known("folder")
    assert known["images"].private
    assert not known["task"].private
    click(panel, action="tell", name="images", text=str(place / "Jane_Doe"))
    click(panel, action="tell", name="labels", text=str(place / "labels"))
    panel.options = {"label_names": "even, odd"}
    click(panel, action="load")
    assert panel.problem == {}
    assert panel.dataset is not None
    assert (len(panel.dataset), panel.dataset.classes) == (4, ("even", "odd"))
    assert "Jane" not in json.dumps(panel.get_state(), default=str)
    assert run(panel.code())["data"].fingerprint() == panel.dataset.fingerprint()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"n": "0"}, "Cases must be a whole number, at least 1, got 0. The default is 40."),
        ({"n": "ten"}, "got 'ten'"),
        ({"size": "32, wide"}, "Size must be one whole number"),
        ({"size": "16.5"}, "one whole number"),
        ({"noise": "-3"}, "Noise must be a number, at least 0, got -3"),
        ({"lesion_probability": "1.5"}, "at least 0 and at most 1, got 1.5"),
        ({"spacing": "0"}, "above 0, or one for each axis, got 0"),
        ({"fractions": "0.5, -2"}, "got '0.5, -2'"),
        ({"labels": "bones"}, "one of organs, lesion"),
    ],
)
def test_a_wrong_option_is_told_beside_it(panel: DataPanel, options: dict[str, str], told: str) -> None:
    panel.name = "phantom-ct"
    panel.options = options
    assert told in panel.faults[next(iter(options))]
    click(panel, action="load")
    assert told in panel.problem["cause"]
    assert panel.desk.case is None


def test_what_the_limits_refuse_the_data_set_refuses_too() -> None:
    """The limits say nothing that the data sets themselves do not say."""
    for name in ("phantom-ct", "phantom-xray", "phantom-cells"):
        entry = DATASETS.get(name)
        for option in entry.parameters.values():
            for bound, step in ((option.low, -1), (option.above, 0)):
                if bound is not None:
                    given = [bound + step] * 2 if option.many else bound + step
                    with pytest.raises(InputError):
                        entry.load(**{"n": 2, option.name: given})


def test_a_rule_that_only_the_data_set_knows_is_told_beside_the_option_too(panel: DataPanel) -> None:
    panel.name = "phantom-ct"
    panel.options = {"n": 3, "size": "8", "orientation": "XYZ"}
    click(panel, action="load")
    assert "orientation" in panel.faults


def test_a_case_that_is_typed_and_not_there_is_told_beside_it(panel: DataPanel) -> None:
    panel.load("phantom-ct", **TINY)
    panel.select(0, "all")
    for text in ("6", "-1", "two", ""):
        click(panel, action="fill", name="index", text=text)
        assert "Case number must be a whole number, at least 0 and at most 5" in panel.faults["index"]
        assert panel.index == 0
    click(panel, action="fill", name="index", text="4")
    assert (panel.faults, panel.index) == ({}, 4)


def test_a_very_large_data_set_is_asked_about_and_never_made_unasked(panel: DataPanel) -> None:
    panel.name = "phantom-ct"
    for options, possible in (
        ({"n": "1000000000"}, False),
        ({"size": "5000"}, False),
        ({"n": "200000", "size": "8"}, True),
    ):
        panel.options = options
        click(panel, action="load")
        assert panel.desk.case is None
        assert "of memory for the list and one case" in panel.question["text"]
        assert "derived from" in panel.question["text"]
        assert bool(panel.question["yes"]) == possible
    click(panel, action="answer", yes=False)
    assert panel.desk.case is None


def test_the_last_of_several_cases_that_were_asked_for_is_shown(panel: DataPanel) -> None:
    panel.load("phantom-ct", **TINY)
    panel.select(0, "all")
    for index in (1, 2, 5):
        panel._on_message(panel, {"action": "select", "index": index}, [])
    panel.wait(60)
    assert panel.index == 5
    assert panel.problem == {}
