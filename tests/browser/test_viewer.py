"""The viewer as a person sees it: in JupyterLab, in Chromium. Proofs are pixels of page screenshots."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

#: An oblique grid, flipped and anisotropic; a body with a label block on the patient's right (the left of the screen).
SCENE = """
import numpy as np, workbench as wb
from workbench.volume import Volume
from workbench.widgets import Layer, Viewer, transfer
i, j, k = np.mgrid[0:60, 0:50, 0:40]
turn = np.deg2rad(20)
affine = np.eye(4)
rotation = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
affine[:3, :3] = rotation @ np.diag([-1.0, 1.2, 1.5])
affine[:3, 3] = [40, -20, -20]
body = (((i - 30) / 26.0) ** 2 + ((j - 25) / 21.0) ** 2 + ((k - 20) / 17.0) ** 2 < 1) * 100.0 + i
ct = Volume(body.astype(np.float32), affine, unit="HU")
blob = np.zeros(i.shape, np.uint8)
blob[8:20, 20:32, 14:26] = 4
seg = Volume(blob, affine, kind="labels", labels={4: "lesion"})
middle = tuple(ct.to_world([14, 26, 20]))
"""


def shown(cell: Any, number: int = -1) -> Any:
    """Return the viewer of a cell, once it has drawn."""
    viewers = cell.locator(".mwb-viewer")
    viewer = viewers.last if number < 0 else viewers.nth(number)
    viewer.locator("canvas").wait_for()
    viewer.locator(".mwb-v-message").wait_for(state="hidden")
    viewer.scroll_into_view_if_needed()
    viewer.page.wait_for_timeout(2500)
    return viewer


def orange(picture: np.ndarray) -> np.ndarray:
    """Return where the first label colour (#e69f00) is seen."""
    r, g, b = np.moveaxis(picture.astype(int), -1, 0)
    return (abs(r - 230) < 20) & (abs(g - 159) < 20) & (b < 40)


def stage(lab: Any, viewer: Any, name: str) -> np.ndarray:
    """Return the pixels of the drawing area alone."""
    return lab.shot(name, viewer.locator(".mwb-v-stage"))


def numbers(text: str, what: str) -> list[float]:
    found = re.search(rf"{what} \(([^)]*)\)", text)
    assert found, text
    return [float(part) for part in found.group(1).split(",")]


def test_overlay_lies_over_the_labelled_block_and_moves_with_the_crosshair(lab: Any) -> None:
    lab.run_cell(SCENE)
    cell = lab.run_cell(
        "viewer = wb.view(ct, Layer(seg, opacity=1.0), panes='axial', crosshair=middle)\n"
        "clicks = []; viewer.on_click(lambda xyz, ijk: clicks.append((xyz, ijk)))\nviewer"
    )
    viewer = shown(cell)
    picture = stage(lab, viewer, "viewer-overlay")
    rows, columns = np.nonzero(orange(picture))
    assert len(rows) > 1000
    assert columns.mean() < picture.shape[1] / 2, "the block is on the patient's right: left in radiological convention"

    # a click on the middle of the block is told to Python as the voxel in the middle of the block
    canvas = viewer.locator("canvas")
    canvas.click(position={"x": float(columns.mean()), "y": float(rows.mean())})
    lab.page.wait_for_timeout(1500)
    xyz, ijk = lab.python("[list(map(float, clicks[-1][0])), list(clicks[-1][1])]")
    assert np.abs(np.array(ijk) - [14, 26, 20]).max() <= 1.5, ijk

    # the readout, the crosshair in Python and the voxels agree
    text = viewer.locator(".mwb-v-readout").inner_text()
    crosshair, voxel, value = lab.python(
        "(lambda v: [list(viewer.crosshair), v.tolist(), float(ct.data[tuple(v)])])"
        "(np.rint(ct.to_voxel(viewer.crosshair)).astype(int))"
    )
    assert crosshair == pytest.approx(xyz, abs=1e-3)
    assert numbers(text, "RAS") == pytest.approx(crosshair, abs=0.051)
    assert numbers(text, "voxel") == voxel
    assert f"{value:g} HU" in text
    assert "labels: lesion" in text

    # two slices above the block it is gone, and the crosshair's readout says so
    lab.run_cell("viewer.crosshair = tuple(ct.to_world([14, 26, 28]))")
    lab.page.wait_for_timeout(2000)
    assert orange(stage(lab, viewer, "viewer-overlay-above")).sum() == 0
    assert "background" in viewer.locator(".mwb-v-readout").inner_text()

    # and by keyboard back into it
    canvas.focus()
    for _ in range(5):
        canvas.press("PageDown")
    lab.page.wait_for_timeout(2500)
    assert orange(stage(lab, viewer, "viewer-overlay-back")).sum() > 1000
    assert lab.python("viewer.crosshair[2]") < 21.0


def test_controls_change_what_is_drawn_and_python_knows(lab: Any) -> None:
    lab.run_cell(SCENE)
    cell = lab.run_cell("viewer = wb.view(ct, Layer(seg, opacity=1.0), crosshair=middle)\nviewer")
    viewer = shown(cell)
    before = stage(lab, viewer, "viewer-all")
    columns = np.nonzero(orange(before))[1]
    assert len(columns) > 500
    assert viewer.locator(".mwb-v-view").all_inner_texts() == ["axial", "coronal", "sagittal", "3D"]

    viewer.get_by_role("button", name="Axial").click()
    lab.page.wait_for_timeout(1500)
    assert viewer.locator(".mwb-v-left").inner_text() == "R"
    radiological = np.nonzero(orange(stage(lab, viewer, "viewer-radiological")))[1].mean()
    viewer.get_by_role("button", name="R on left").click()
    lab.page.wait_for_timeout(1500)
    picture = stage(lab, viewer, "viewer-neurological")
    neurological = np.nonzero(orange(picture))[1].mean()
    assert radiological < picture.shape[1] / 2 < neurological
    assert viewer.locator(".mwb-v-left").inner_text() == "L"
    assert lab.python("[viewer.panes, viewer.convention]") == ["axial", "neurological"]

    viewer.get_by_label("Show labels").uncheck()
    lab.page.wait_for_timeout(1500)
    assert orange(stage(lab, viewer, "viewer-hidden")).sum() == 0
    assert lab.python("viewer.layers[1].visible") is False
    viewer.get_by_label("Show labels").check()
    viewer.get_by_label("Opacity of labels, percent").fill("40")
    viewer.get_by_label("Colour map of image").select_option("viridis")
    viewer.get_by_label("Highest value of image shown, HU").fill("150")
    viewer.get_by_label("Highest value of image shown, HU").press("Enter")
    lab.page.wait_for_timeout(1500)
    lab.shot("viewer-styled", viewer)
    assert lab.python("[viewer.layers[1].opacity, viewer.layers[0].colormap, list(viewer.layers[0].window)]") == [
        0.4, "viridis", [-160.0, 150.0],
    ]  # fmt: skip

    with lab.page.expect_download() as download:
        viewer.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "viewer.png"

    lab.dark()
    picture = lab.shot("viewer-dark", viewer)
    assert picture[20, picture.shape[1] - 20].max() < 100, "the toolbar follows the dark theme"
    assert viewer.evaluate("(element) => element.scrollWidth <= element.clientWidth"), "nothing scrolls sideways"


def test_large_volumes_come_coarse_first_and_then_exactly(lab: Any) -> None:
    lab.run_cell(SCENE)
    lab.run_cell("transfer.FIRST_BYTES = 20_000; transfer.BRICK_BYTES = 30_000")
    cell = lab.run_cell("viewer = wb.view(ct, Layer(seg, opacity=1.0), crosshair=middle)\nviewer")
    viewer = shown(cell)
    readout = viewer.locator(".mwb-v-readout")
    lab.page.wait_for_function(
        "(element) => element.textContent.includes('image: ') && !element.textContent.includes('about')",
        arg=readout.element_handle(),
    )
    value = lab.python("float(ct.data[tuple(np.rint(ct.to_voxel(viewer.crosshair)).astype(int))])")
    assert f"image: {value:g} HU" in readout.inner_text()
    # a second view of the same model draws from what is already here; a new volume replaces the old one
    again = shown(lab.run_cell("viewer"))
    assert orange(stage(lab, again, "viewer-second")).sum() > 500
    lab.run_cell("viewer.layers[1].volume = seg.with_data(np.zeros_like(blob), labels=seg.labels)")
    lab.page.wait_for_timeout(4000)
    assert orange(stage(lab, again, "viewer-replaced")).sum() == 0


def test_the_3d_view_follows_layers_that_come_and_go(lab: Any) -> None:
    lab.run_cell(SCENE)
    viewer = shown(lab.run_cell("viewer = wb.view(ct, crosshair=middle, panes='3d')\nviewer"))

    def coloured(name: str) -> int:
        lab.page.wait_for_timeout(2500)
        r, g, b = np.moveaxis(stage(lab, viewer, name).astype(int), -1, 0)
        return int(((r > b + 20) & (g > b + 10)).sum())

    nothing = coloured("viewer-3d-alone")
    lab.run_cell("layer = viewer.add(Layer(seg, opacity=1.0))")
    added = coloured("viewer-3d-added")
    lab.run_cell("viewer.remove(layer)")
    removed = coloured("viewer-3d-removed")
    assert added > nothing + 200
    assert removed < nothing + 50


def test_pictures_are_shown_as_they_are(lab: Any) -> None:
    lab.run_cell("""
import numpy as np, workbench as wb
from workbench.volume import Volume
from workbench.widgets import Layer
rgb = np.zeros((120, 200, 3), np.uint8)
rgb[:60, :100] = (200, 0, 0); rgb[:60, 100:] = (0, 200, 0); rgb[60:, :100] = (0, 0, 200)
mask = np.zeros((120, 200), np.uint8); mask[80:100, 150:180] = 1
picture = Volume(rgb, axes=("i", "j", "c"))""")
    cell = lab.run_cell("wb.view(picture, Layer(Volume(mask, kind='labels', labels={1: 'polyp'}), opacity=1.0))")
    viewer = shown(cell)
    pixels = stage(lab, viewer, "viewer-picture").astype(int)
    rows, columns = np.nonzero(orange(pixels))
    height, width = pixels.shape[:2]
    assert columns.mean() > width / 2
    assert rows.mean() > height / 2
    red, green, blue = (np.argwhere(pixels[..., c] - pixels.min(axis=-1) > 150).mean(axis=0) for c in range(3))
    assert red[0] < height / 2
    assert green[0] < height / 2
    assert blue[1] < width / 2 < green[1]
    lab.shot("viewer-picture-whole", viewer)
    assert not viewer.get_by_role("button", name="Axial").is_visible()


def test_high_values_look_dark_where_they_are_meant_to(lab: Any) -> None:
    cell = lab.run_cell(
        "import numpy as np, workbench as wb\nfrom workbench.volume import Volume\n"
        "film = np.full((60, 60), 200, np.uint8); film[:, 30:] = 50\n"
        "film[0, 0], film[-1, -1] = 0, 255\n"
        "viewer = wb.view(Volume(film, inverted=True)); viewer"
    )
    viewer = shown(cell)
    picture = stage(lab, viewer, "viewer-inverted")
    middle = picture[picture.shape[0] // 2].astype(int).mean(axis=-1)
    left, right = middle[int(0.45 * len(middle))], middle[int(0.55 * len(middle))]
    # the brighter half of the film by its values is the darker one on the screen
    assert left < 90
    assert right > 160
    assert lab.python("viewer.layers[0].colormap") == "gray_r"
    viewer.locator("select.mwb-v-select").first.select_option("gray")
    lab.page.wait_for_timeout(1500)
    picture = stage(lab, viewer, "viewer-inverted-gray")
    middle = picture[picture.shape[0] // 2].astype(int).mean(axis=-1)
    assert middle[int(0.45 * len(middle))] > 160


def test_failures_are_told_in_the_cell(lab: Any) -> None:
    lab.run_cell("import workbench as wb\nfrom workbench.volume import Volume\nfrom workbench.widgets import Viewer")
    empty = lab.run_cell("Viewer()")
    empty.get_by_text("Nothing to show yet").wait_for()
    cell = lab.run_cell("""
from workbench.errors import FileError
def loader():
    raise FileError("slice 12 ends early: got 100 of 512 bytes.")
from IPython.display import display
viewer = Viewer(); display(viewer)
viewer.add(Volume(loader, shape=(8, 8, 8), dtype="int16"))""")
    cell.get_by_text("slice 12 ends early").first.wait_for()
    lab.shot("viewer-broken-file", cell.locator(".mwb-viewer"))
    lab.page.evaluate("""() => {
        const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return kind === "webgl2" ? null : get.call(this, kind, ...rest);
        };
    }""")
    cell = lab.run_cell("import numpy as np\nwb.view(np.zeros((5, 5, 5), np.float32))")
    cell.get_by_text("no WebGL 2").wait_for()
    lab.shot("viewer-no-webgl", cell.locator(".mwb-viewer"))


def test_a_lost_graphics_context_is_told_and_the_picture_comes_back(lab: Any) -> None:
    lab.run_cell(SCENE)
    cell = lab.run_cell("viewer = wb.view(ct, Layer(seg, opacity=1.0), panes='axial', crosshair=middle)\nviewer")
    viewer = shown(cell)
    before = stage(lab, viewer, "viewer-before-the-loss")
    lose = """(canvas) => {
        window.taken = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
        window.taken.loseContext();
    }"""
    viewer.locator("canvas").evaluate(lose)
    message = viewer.locator(".mwb-v-message")
    message.get_by_text("took the graphics away").wait_for()
    # what is asked for meanwhile is not forgotten
    lab.run_cell("viewer.layers[1].visible = False")
    lab.run_cell("viewer.layers[1].visible = True\nviewer.convention = 'neurological'")
    assert orange(stage(lab, viewer, "viewer-lost")).sum() == 0
    assert message.is_visible()

    # the browser gives it back
    lab.page.evaluate("() => window.taken.restoreContext()")
    message.wait_for(state="hidden")
    lab.page.wait_for_timeout(2500)
    after = stage(lab, viewer, "viewer-restored")
    assert orange(after).sum() == pytest.approx(orange(before).sum(), rel=0.1)
    assert np.nonzero(orange(before))[1].mean() < before.shape[1] / 2 < np.nonzero(orange(after))[1].mean()
    canvas = viewer.locator("canvas")
    canvas.focus()
    canvas.press("PageUp")
    lab.page.wait_for_timeout(1500)
    assert lab.python("viewer.crosshair[2] - middle[2]") == pytest.approx(1.0, abs=0.3), "the new canvas hears the keys"

    # the browser does not give it back: the button does
    viewer.locator("canvas").evaluate(lose)
    viewer.get_by_role("button", name="Draw again").click()
    message.wait_for(state="hidden")
    lab.page.wait_for_timeout(2500)
    assert orange(stage(lab, viewer, "viewer-drawn-again")).sum() > 1000
    assert viewer.locator("canvas").count() == 1


def test_a_saved_notebook_holds_a_picture_and_no_voxels(lab: Any) -> None:
    lab.run_cell("""
import numpy as np, workbench as wb
from workbench.volume import Volume
data = np.full((30, 30, 30), 7717, np.int16); data[5:20] = 123""")
    shown(lab.run_cell("wb.view(Volume(data, source='DOE_JOHN.nii.gz'))"))
    saved = lab.saved_notebook()
    output = saved["cells"][-2]["outputs"][-1]["data"]
    assert len(output["image/png"]) > 1000
    text = json.dumps(saved["cells"]) + json.dumps(
        [
            {key: value for key, value in state["state"].items() if key not in {"_esm", "_css"}}
            for states in saved["metadata"].get("widgets", {}).values()
            for state in states["state"].values()
        ]
    )
    assert "DOE_JOHN" not in text.replace("source='DOE_JOHN.nii.gz'", "")
    assert len(text) < 400_000


def test_the_itk_viewer_draws_without_a_network(lab: Any) -> None:
    lab.run_cell(SCENE)
    cell = lab.run_cell("wb.view(ct, seg, backend='itk', height=360)")
    cell.locator(".mwb-v-itk canvas").first.wait_for()
    cell.locator(".mwb-v-message").wait_for(state="hidden")
    lab.page.wait_for_timeout(4000)
    pixels = lab.shot("viewer-itk", cell.locator(".mwb-v-stage")).astype(int)
    middle = pixels[:, pixels.shape[1] // 3 : -pixels.shape[1] // 3]
    assert middle.std() > 5, "something is drawn on the grey ground"
