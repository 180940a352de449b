"""Maps that are saved from the panel, and the report that holds all that was found of a case."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from tests.widgets.explain_table import Table
from workbench.errors import FileError, InputError
from workbench.io import GeometryWarning
from workbench.zoo.shipped import place_of


def test_a_map_is_saved_as_each_format(desk: Table, tmp_path: Path) -> None:
    made = desk.panel.run("saliency", target=1)
    told: list[Any] = []
    desk.panel.send = lambda message, *_: told.append(message)
    for name in ("a.nii.gz", "b.dcm", "c.png"):
        desk.click(action="save", number=1, path=str(tmp_path / name))
        assert desk.panel.problem == {}
        assert told[-1] == {"saved_map": {"name": name, "folder": str(tmp_path.resolve())}}
    again = wb.explain.Explanation.load(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(again.data, made.data)
    assert str(again.target) == str(made.target)
    read = wb.read(tmp_path / "b.dcm")
    np.testing.assert_allclose(np.sort(read.data.ravel()), np.sort(made.data.ravel()), rtol=1e-6)
    assert wb.read(tmp_path / "c.png").num_channels == 3
    assert str(tmp_path) not in repr(desk.panel.get_state()), "no notebook keeps the folder"


def test_what_is_there_is_replaced_only_if_that_is_wanted(desk: Table, tmp_path: Path) -> None:
    desk.panel.run("saliency", target=1)
    place = tmp_path / "doe-john.png"
    place.write_bytes(b"mine")
    desk.click(action="save", number=1, path=str(place))
    assert place.read_bytes() == b"mine"
    assert desk.panel.question["title"] == "There is a file of this name already."
    assert "doe-john" not in repr(desk.panel.get_state())
    desk.click(action="answer", yes=True)
    assert place.read_bytes().startswith(b"\x89PNG")


def test_what_a_dicom_map_lacks_is_told(desk: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.panel.run("saliency", target=1)

    def export(why: Any, place: Path, *, patient: bool) -> Path:
        warnings.warn("it is written without references", GeometryWarning, stacklevel=1)
        return place

    monkeypatch.setattr(wb.explain.Explanation, "export", export)
    desk.click(action="save", number=1, path=str(tmp_path / "a.dcm"))
    assert desk.panel.note == "saved as .dcm; it is written without references"


def test_what_cannot_be_saved_says_why(desk: Table, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be one of the list; none has been made yet"):
        desk.panel.save(tmp_path / "a.png")
    desk.panel.run("saliency", target=1)
    with pytest.raises(InputError, match=r"ends with .nii.gz, .nii, .npz, .dcm, .png, got 'a.bmp'"):
        desk.panel.save(tmp_path / "a.bmp")
    with pytest.raises(FileError, match="There is no folder"):
        desk.panel.save(tmp_path / "none" / "a.png")
    with pytest.raises(InputError, match="there is no map number 7, but 1"):
        desk.panel.save(tmp_path / "a.png", 7)
    desk.click(action="save", number=1, path=str(tmp_path / "jane.bmp"))
    assert "jane" not in repr(desk.panel.get_state())


def test_the_report_of_a_case_holds_all_of_it(tmp_path: Path) -> None:
    app = wb.App("phantom-xray", n=8, size=(32, 32), task="classification")
    app.model.load(place_of("covid-resnet-phantom-xray"))
    app.explain.run("saliency", target=1)
    app.explain.run("occlusion", target=1, window=8, stride=8)
    app.explain.strip.measure()
    app.inside.look_at_features()
    app.inside.measure_flow()
    app.inside.measure_sensitivity()
    app.inside.measure_occluders()
    page = app.report(tmp_path / "report.html").read_text()
    for heading in ("Agreement of the maps", "Gradient by layer", "Effect of the preprocessing", "Scores by occluder"):
        assert f"<h2>{heading}</h2>" in page
    assert "Saliency: lesion / Occlusion: lesion" in page
    assert "<figcaption>layer4 0</figcaption>" in page
    assert "wb.explain.occluders(why)" in page
    assert "@media print" in page
    sent: list[Any] = []
    app.bar.send = lambda message, buffers=None: sent.append((message, buffers))
    app.bar.print_report()
    assert sent[0][0] == {"printed": "report"}
    assert b"Scores by occluder" in sent[0][1][0]
