"""Slices of a volume that is too large to be fetched unasked: sharp all the same, in place, and while scrolling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.browser.test_viewer import orange, shown, stage

#: Stripes that a coarse grid has no voxel for: two voxels dark, two bright. On an oblique grid, flipped and with axes
#: in another order than RAS; one bright bar through all of it, and a striped label.
SCENE = """
import numpy as np, workbench as wb
from workbench.volume import Volume
from workbench.widgets import Layer
shape = (300, 520, 400)
data = np.zeros(shape, np.int16, order="F")
data[:] = ((np.arange(520) % 4) // 2 * 800)[:, None]
data[:, 96:104, :] = data[:, :, 246:254] = 0
data[150:153, 100:103, :] = 2000
turn = np.deg2rad(12)
rotation = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
affine = np.eye(4)
affine[:3, :3] = rotation @ np.array([[0, -0.5, 0], [0, 0, 0.6], [-0.8, 0, 0]])
affine[:3, 3] = [130, -110, 90]
ct = Volume(data, affine, unit="HU")
blob = np.zeros(shape, np.uint8, order="F")
blob[:, 300:420, 40:160] = ((np.arange(120) % 4) // 2 * 3).astype(np.uint8)[:, None]
seg = Volume(blob, affine, kind="labels", labels={3: "stripes"})
place = tuple(ct.to_world([151, 101, 250]))
clicks = []
"""


def changes(picture: np.ndarray) -> int:
    """Return how often a row of pixels goes from dark to bright, in the row that has most."""
    grey = picture.astype(int).sum(axis=-1)
    bright = grey > 450
    return int((bright[:, 1:] & ~bright[:, :-1]).sum(axis=1).max())


@pytest.fixture
def scene(lab: Any) -> Any:
    lab.page.set_viewport_size({"width": 1600, "height": 1000})
    lab.run_cell(SCENE)
    return lab


def test_a_slice_has_what_the_coarse_volume_has_not_and_lies_where_it_is(scene: Any) -> None:
    cell = scene.run_cell(
        "viewer = wb.view(Layer(ct, window=(0, 1600)), panes='sagittal', crosshair=place, height=760)\n"
        "viewer.on_click(lambda xyz, ijk: clicks.append(ijk))\nviewer"
    )
    viewer = shown(cell)
    picture = stage(scene, viewer, "viewer-sharp-slice")
    # niivue's sagittal plane goes through the second voxel axis, whose stripes it lies between; the first lies upright
    assert "about" not in viewer.locator(".mwb-v-readout").inner_text()
    assert "value 2000 HU" in viewer.locator(".mwb-v-readout").inner_text()
    bright = picture.astype(int).sum(axis=-1) > 650
    rows, columns = np.nonzero(bright)
    # the bar is three voxels thick, of 0.8 mm, and runs through all of the picture
    height = np.count_nonzero(bright[:, int(np.median(columns))])
    assert columns.max() - columns.min() > 300
    assert 3 <= height <= 25, height
    viewer.locator("canvas").click(position={"x": float(np.median(columns)), "y": float(np.median(rows))})
    scene.page.wait_for_timeout(1200)
    assert abs(scene.python("list(map(int, clicks[-1]))")[0] - 151) <= 1


def test_stripes_and_a_striped_label_are_seen_in_planes_across_them(scene: Any) -> None:
    code = "viewer = wb.view(Layer(ct, window=(0, 800)), {}crosshair=tuple(ct.to_world([151, 360, 60])), height=760"
    viewer = shown(scene.run_cell(code.format("") + ", panes='axial')\nviewer"))
    plain = stage(scene, viewer, "viewer-sharp-stripes")
    assert changes(plain) > 80, "130 stripes, of which the coarse volume has none"
    cell = scene.run_cell(code.format("Layer(seg, opacity=1.0), ") + ", panes='axial')\nviewer")
    over = shown(cell)
    labels = orange(stage(scene, over, "viewer-sharp-labels"))
    begun = (labels[:, 1:] & ~labels[:, :-1]).sum(axis=1).max()
    assert begun > 20, "30 stripes of the label"
    # a style that changes is drawn at full resolution too
    scene.run_cell("viewer.layers[1].visible = False")
    scene.page.wait_for_timeout(1500)
    assert orange(stage(scene, over, "viewer-sharp-hidden")).sum() == 0


def test_scrolling_stays_sharp_and_python_follows(scene: Any) -> None:
    cell = scene.run_cell(
        "viewer = wb.view(Layer(ct, window=(0, 800)), panes='axial', crosshair=place, height=760)\nviewer"
    )
    viewer = shown(cell)
    canvas = viewer.locator("canvas")
    canvas.click(position={"x": 380, "y": 300})
    for _ in range(12):
        scene.page.keyboard.press("PageUp")
        scene.page.wait_for_timeout(60)
    scene.page.wait_for_timeout(1500)
    assert changes(stage(scene, viewer, "viewer-sharp-scrolled")) > 80
    text = viewer.locator(".mwb-v-readout").inner_text()
    assert "about" not in text
    value = scene.python("int(ct.data[tuple(np.rint(ct.to_voxel(viewer.crosshair)).astype(int))])")
    assert f"value {value} HU" in text
