"""Volume files opened by double-click: in the viewer, and without a copy of them being left behind."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

import workbench as wb
from tests.browser.app_page import REDRAW_MS
from tests.browser.lab_page import ORANGE, double_click, drawn, write_labels
from workbench.io import formats
from workbench.lab.file_types import SHOWN_BY_BROWSERS


def test_double_click_opens_a_volume_in_the_viewer(open_lab: Any, server: Any) -> None:
    volume = write_labels(server.folder / "oblique.nii.gz")
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    before = lab.server.kernels()
    panel = double_click(lab, "oblique.nii.gz")
    stage = drawn(panel)
    lab.shot("lab-document")
    assert lab.server.kernels() == before, "a file needs no kernel"

    panel.get_by_role("button", name="Axial").click()
    lab.page.wait_for_timeout(REDRAW_MS)
    middle = volume.to_world([15.5, 30.5, 21.5])
    picture = lab.shot("lab-document-axial", stage).astype(int)
    # the label's orange, at half opacity over black; not the crosshair's blue, not the letters' yellow
    block = np.argwhere(np.abs(picture - np.array(ORANGE) // 2).max(axis=2) < 25)
    assert len(block) > 5000
    row, column = block.mean(axis=0)
    panel.locator("canvas").click(position={"x": float(column), "y": float(row)})
    lab.page.wait_for_timeout(REDRAW_MS)
    text = panel.locator(".mwb-v-readout").inner_text()
    lab.shot("lab-document-clicked")
    found = [float(part) for part in text.split("RAS (")[1].split(")")[0].split(",")]
    assert found[:2] == pytest.approx(middle[:2], abs=0.8)
    assert "lesion" in text


def left_behind(folder: Path) -> list[str]:
    """Return what lies in the folders of checkpoints, but for notebooks: those of other tests are copied rightly."""
    found = [path for path in folder.rglob("*") if ".ipynb_checkpoints" in path.parts[:-1]]
    return [str(path.relative_to(folder)) for path in found if path.suffix != ".ipynb"]


def write_one_of_each(folder: Path) -> list[str]:
    """Write a file of every suffix that can be written here, and return their names."""
    folder.mkdir()
    data = np.zeros((12, 10, 6), np.int16)
    data[3:8, 2:7, 1:5] = 700
    volume = wb.Volume(data, np.diag([-1.5, 1.0, 2.0, 1.0]))
    pictures = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp")
    names = []
    for known in formats():
        for suffix in known.suffixes:
            name = f"seen{suffix}"
            if suffix in pictures:
                Image.fromarray((data[:, :, 3] // 3).astype(np.uint8)).save(folder / name)
            elif suffix in (".mgh", ".mgz"):
                nibabel.save(nibabel.MGHImage(data.astype(np.float32), volume.affine), folder / name)
            elif suffix == ".hdr":
                nibabel.save(nibabel.Spm99AnalyzeImage(data, volume.affine), folder / name)
            elif known.can_write and suffix not in (".svs", ".ndpi", ".scn", ".bif", ".qptiff", ".lsm", ".btf"):
                wb.write(volume.slice_2d("k", 3) if known.name == "dicom" else volume, folder / name)
            else:
                continue
            names.append(name)
    return names


@pytest.mark.slow
def test_looking_at_a_file_leaves_no_copy_of_it(open_lab: Any, server: Any) -> None:
    home = server.folder / "seen"
    names = write_one_of_each(home)
    assert {"seen.nii", "seen.nii.gz", "seen.mha", "seen.nrrd", "seen.dcm", "seen.mgz", "seen.hdr", "seen.png"} <= {
        *names
    }
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    lab.page.evaluate("() => window.jupyterapp.commands.execute('filebrowser:open-path', { path: 'seen' })")
    asked: list[str] = []
    lab.page.on("request", lambda sent: asked.append(sent.url))
    for name in names:
        before = len(asked)
        lab.page.locator(".jp-DirListing-itemText").get_by_text(name, exact=True).dblclick()
        shown = lab.page.locator(".jp-Document:visible")
        if Path(name).suffix in SHOWN_BY_BROWSERS:
            shown.locator(".jp-ImageViewer img").wait_for()
        else:
            viewer = shown.locator(".wb-VolumeView")
            viewer.locator(".mwb-v-stage, .wb-VolumeView-failure").first.wait_for()
            # 3D arrays without a format's name are shown as well as all others
            assert viewer.locator(".wb-VolumeView-failure").count() == 0, (name, viewer.inner_text())
            viewer.locator(".mwb-v-message").wait_for(state="hidden")
            contents = [url for url in asked[before:] if f"/api/contents/seen/{name}" in url]
            assert contents == [], "the contents API is asked for nothing"
        assert left_behind(server.folder) == [], name
        lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.close()")
        shown.wait_for(state="detached")
    # in the picture viewer's place, when asked for
    lab.page.evaluate(
        """async () => { await window.jupyterapp.commands.execute("docmanager:open", {
            path: "seen/seen.png", factory: "Medical volume" }); }"""
    )
    drawn(lab.page.locator(".jp-Document:visible", has=lab.page.locator(".wb-VolumeView")))
    assert left_behind(server.folder) == []


def test_a_volume_keeps_its_place_and_cannot_be_saved_over(open_lab: Any, server: Any) -> None:
    volume = write_labels(server.folder / "kept.nii.gz")
    other = server.folder / "other.nii.gz"
    write_labels(other)
    before = other.read_bytes()
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    drawn(double_click(lab, "kept.nii.gz"))
    lab.page.reload()
    lab.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
    stage = drawn(lab.page.locator(".jp-Document:visible", has=lab.page.locator(".wb-VolumeView")))
    assert lab.shot("lab-document-restored", stage).std() > 5
    tab = lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="kept.nii.gz")
    assert tab.count() == 1

    # "Save As" says what it cannot do, and touches nothing
    lab.page.evaluate("() => { void window.jupyterapp.commands.execute('docmanager:save-as'); }")
    dialog = lab.page.get_by_role("dialog")
    dialog.get_by_text("Volumes are not saved from here").wait_for()
    lab.shot("lab-document-save-as")
    dialog.get_by_role("button", name="Ok").click()
    dialog.wait_for(state="detached")
    assert other.read_bytes() == before

    # renamed, it stays open; changed on the disk, "Reload" shows what is there now
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.rename('renamed.nii.gz')")
    lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="renamed.nii.gz").wait_for()
    panel = lab.page.locator(".jp-Document:visible", has=lab.page.locator(".wb-VolumeView"))
    drawn(panel)
    assert panel.locator(".wb-VolumeView-failure").count() == 0
    wb.write(
        volume.with_data(np.where(volume.data, 7, 0), labels={7: "after the change"}), server.folder / "renamed.nii.gz"
    )
    lab.page.evaluate("() => { void window.jupyterapp.commands.execute('docmanager:reload'); }")
    panel.get_by_text("after the change").first.wait_for()
    assert left_behind(server.folder) == []


def test_other_formats_and_broken_files(open_lab: Any, server: Any) -> None:
    data = np.zeros((30, 24, 18), np.int16)
    data[5:15, 4:12, 3:15] = 700
    wb.write(wb.Volume(data, np.diag([-1.5, 1.0, 2.0, 1.0])), server.folder / "scan.mha")
    (server.folder / "diary.nii.gz").write_text("Dear diary, this is no volume.")
    whole = server.folder / "whole.nii"
    wb.write(wb.Volume(data), whole)
    (server.folder / "short.nii").write_bytes(whole.read_bytes()[:3000])

    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    stage = drawn(double_click(lab, "scan.mha"))
    picture = lab.shot("lab-document-mha", stage)
    assert (picture.min(axis=2) > 200).sum() > 1000, "the bright block is seen"

    for name in ("diary.nii.gz", "short.nii"):
        panel = double_click(lab, name)
        told = panel.locator(".wb-VolumeView-failure, .mwb-v-bad")
        told.wait_for()
        lab.shot(f"lab-document-broken-{name.split('.')[0]}")
        words = told.inner_text()
        assert name in words or "ends early" in words, words
        assert str(server.folder) not in words
    # the server answered 400, which Chromium writes to the console as an error of its own
    assert all("400 (Bad Request)" in line for line in lab.errors), lab.errors
    lab.errors.clear()
