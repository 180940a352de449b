from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import FileError, InputError, StateError
from workbench.shapes import Boxes, Points
from workbench.testing.viewers import BLOCK, scene
from workbench.volume import Volume
from workbench.widgets import Layer, Viewer


class Browser:
    """Stands for the front end: says what a browser says, keeps what it is sent."""

    def __init__(self, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.viewer = viewer
        self.sent: list[tuple[dict[str, Any], Any]] = []
        monkeypatch.setattr(viewer, "send", lambda message, buffers=None: self.sent.append((message, buffers)))

    def say(self, **message: Any) -> None:
        self.viewer._handle_custom_msg(message, [])


def test_layers_come_and_go() -> None:
    viewer = Viewer()
    image, labels = scene()
    assert viewer.add(image) is image
    top = viewer.add(labels.volume, opacity=0.25, name="lesions")
    assert viewer.layers == (image, top)
    assert [described["kind"] for described in viewer._layers] == ["image", "labels"]
    assert viewer._styles[top.id]["opacity"] == 0.25
    viewer.remove(image)
    assert viewer.layers == (top,)
    assert list(viewer._styles) == [top.id]
    viewer.clear()
    assert viewer.layers == ()
    with pytest.raises(InputError, match="not in this viewer"):
        viewer.remove(image)


def test_crosshair_starts_in_the_middle_and_stays_where_it_is_put() -> None:
    image, labels = scene()
    viewer = wb.view(image, labels)
    assert viewer.crosshair == pytest.approx(image.volume.to_world([11, 9, 7]))
    viewer = wb.view(image, labels, crosshair=BLOCK)
    assert viewer.crosshair == BLOCK


def test_style_of_a_layer_reaches_the_browser_and_back() -> None:
    image, labels = scene()
    viewer = wb.view(image, labels)
    image.colormap = "viridis"
    viewer.set_window(-10, 90)
    assert viewer._styles[image.id]["colormap"] == "viridis"
    assert viewer._styles[image.id]["window"] == (-10, 90)
    styles = json.loads(json.dumps(viewer._styles))
    styles[labels.id] |= {"opacity": 0.4, "visible": False}
    styles[image.id]["window"] = [0, 50]
    viewer.set_state({"_styles": styles})
    assert (labels.opacity, labels.visible) == (0.4, False)
    assert image.window == (0, 50)


def test_pull_is_answered_with_bricks_and_what_they_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = scene()
    viewer = wb.view(image)
    browser = Browser(viewer, monkeypatch)
    browser.say(type="pull", layer=image.id, version=0, level=0, bricks=[0])
    [(message, [buffer])] = browser.sent
    assert message["type"] == "brick"
    assert message["dtype"] == "int16"
    assert message["window"] == (0, 100)
    assert np.frombuffer(buffer, np.int16).tolist() == [50] * (24 * 20 * 16)
    assert len(json.dumps(message)) < 1000, "voxels travel as buffers, never as JSON"


def test_pull_of_a_replaced_volume_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = scene()
    viewer = wb.view(image)
    browser = Browser(viewer, monkeypatch)
    image.volume = Volume(np.zeros((2, 2, 2), np.uint8))
    assert viewer._layers[0]["version"] == 1
    assert viewer._layers[0]["shape"] == (2, 2, 2)
    browser.say(type="pull", layer=image.id, version=0, level=0, bricks=[0])
    browser.say(type="pull", layer="gone", version=0, level=0, bricks=[0])
    assert browser.sent == []
    browser.say(type="pull", layer=image.id, version=1, level=0, bricks=[0])
    assert len(browser.sent) == 1


def test_voxels_that_cannot_be_read_are_refused_with_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def loader() -> Any:
        raise FileError("slice 12 ends early: got 100 of 512 bytes.")

    viewer = wb.view(Volume(loader, shape=(8, 8, 8), dtype="int16"))
    browser = Browser(viewer, monkeypatch)
    browser.say(type="pull", layer=viewer.layers[0].id, version=0, level=0, bricks=[0])
    [(message, _)] = browser.sent
    assert message["type"] == "refused"
    assert "slice 12 ends early" in message["cause"]
    data, _ = viewer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data, "the widget itself tells the cause"


def test_click_tells_millimetres_and_voxel(monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = scene()
    viewer = wb.view(image)
    browser = Browser(viewer, monkeypatch)
    clicks: list[Any] = []
    stop = viewer.on_click(lambda xyz, ijk: clicks.append((xyz, ijk)))
    browser.say(type="click", xyz=list(image.volume.to_world([3, 4, 5])))
    stop()
    browser.say(type="click", xyz=[0, 0, 0])
    assert len(clicks) == 1
    xyz, ijk = clicks[0]
    assert ijk == (3, 4, 5)
    assert xyz == pytest.approx(image.volume.to_world([3, 4, 5]))


def test_linked_viewers_share_the_crosshair() -> None:
    one, two = wb.view(scene()[0]), wb.view(scene()[0])
    one.crosshair = (1.0, 2.0, 3.0)
    one.link(two)
    assert two.crosshair == (1.0, 2.0, 3.0)
    two.crosshair = (4.0, 5.0, 6.0)
    assert one.crosshair == (4.0, 5.0, 6.0)
    # what the browser moved it moves in both itself; an echo by the kernel would tug at the mouse
    one.set_state({"crosshair": [7.0, 8.0, 9.0]})
    assert two.crosshair == (4.0, 5.0, 6.0)


def test_mimebundle_has_a_picture_and_no_voxels() -> None:
    image, labels = scene()
    secret = Volume(np.full((24, 20, 16), 777.125, np.float32), image.volume.affine, source="/data/DOE^JOHN.nii.gz")
    viewer = wb.view(secret, labels, crosshair=BLOCK)
    data, _ = viewer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.width > 400
    assert len(data["image/png"]) < 300_000
    state = {key: value for key, value in viewer.get_state().items() if key not in {"_esm", "_css"}}
    saved = json.dumps(state, default=str) + data["text/plain"]
    assert "777.1" not in saved, "a point is in no random name"
    assert "DOE" not in saved
    assert len(saved) < 8000


def test_an_empty_viewer_has_no_picture() -> None:
    data, _ = Viewer()._repr_mimebundle_()
    assert "image/png" not in data
    with pytest.raises(StateError, match=r"viewer\.add"):
        Viewer().png()


def test_screenshot_is_a_png(tmp_path: Any) -> None:
    viewer = wb.view(*scene())
    with pytest.raises(InputError, match=r"A screenshot is written as \.png, and shot\.jpg ends as another"):
        viewer.screenshot(tmp_path / "shot.jpg")
    path = viewer.screenshot(tmp_path / "shot.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_mistakes_are_named() -> None:
    image, _ = scene()
    with pytest.raises(InputError, match="Did you mean 'crosshair'"):
        wb.view(image, crosshairs=(0, 0, 0))
    with pytest.raises(InputError, match="Did you mean 'opacity'"):
        Viewer().add(image.volume, opacty=0.5)
    with pytest.raises(InputError, match="Did you mean 'viridis'"):
        Layer(image.volume, colormap="virdis")
    with pytest.raises(InputError, match="between 0"):
        Layer(image.volume, opacity=1.5)
    with pytest.raises(InputError, match="low < high"):
        image.window = (5, 5)
    with pytest.raises(InputError, match="channel must be 0 to 0"):
        Layer(image.volume, channel=1)
    with pytest.raises(InputError, match="got dict"):
        wb.view({})
    with pytest.raises(InputError, match="Did you mean 'neurological'"):
        wb.view(image, convention="neurologic")
    viewer = wb.view(image)
    with pytest.raises(InputError, match="already"):
        viewer.add(image)


def test_an_explanation_is_shown_by_its_volume() -> None:
    class Explanation:
        volume = Volume(np.zeros((3, 3, 3), np.float32), kind="scores")

    viewer = wb.view(Explanation())
    assert viewer.layers[0].kind == "scores"
    assert viewer.layers[0].colormap == "inferno"


def test_the_text_of_an_empty_viewer_can_be_chosen() -> None:
    assert "viewer.add(volume)" in Viewer().empty_text
    assert wb.App().viewer.empty_text == "Load a data set or open a file"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(4, 4, 4), (8, 8, 2), (3, 40, 3)])
def test_a_still_of_a_small_volume_warns_of_nothing(shape: tuple[int, int, int]) -> None:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    image = Volume(values, np.diag([2.0, 2.0, 3.0, 1.0]))
    assert Viewer(image, image.with_data(values % 2, kind="scores")).png().startswith(b"\x89PNG")


def test_layers_have_names_of_their_own_unless_somebody_chose_them() -> None:
    image, labels = scene()
    viewer = wb.view(image.volume, labels.volume, labels.volume, Layer(labels.volume, name="labels"))
    assert [layer.name for layer in viewer.layers] == ["image", "labels", "labels 2", "labels"]
    grid = Volume(np.zeros((20, 20), np.uint8))
    viewer = wb.view(grid, Points([[3, 4]]), Boxes([[1, 1, 5, 5]]))
    assert [layer.name for layer in viewer.layers] == ["image", "points", "boxes"]


def test_the_first_picture_travels_with_the_state_once_the_viewer_is_shown() -> None:
    from PIL import Image

    image, labels = scene()
    viewer = wb.view(image, labels, crosshair=BLOCK)
    assert viewer._first == []
    viewer._repr_mimebundle_()
    assert [one["view"] for one in viewer._first] == ["axial", "coronal", "sagittal"]
    assert all(one["convention"] == "radiological" for one in viewer._first)
    assert sum(len(one["png"]) for one in viewer._first) < 20_000
    for one in viewer._first:
        picture = np.asarray(Image.open(io.BytesIO(one["png"])).convert("RGB")).astype(int)
        orange = np.argwhere(np.abs(picture - [230, 159, 0]).max(axis=-1) < 30)
        assert len(orange) > 8, one["view"]
        if one["view"] != "sagittal":
            # the block is towards the patient's left, which is on the right of the screen
            assert orange[:, 1].mean() > 0.55 * picture.shape[1], one["view"]
    viewer.add(labels.volume)
    assert viewer._first == [], "what is shown now is not what was drawn"


def test_a_first_picture_of_voxels_that_cannot_be_read_is_left_out() -> None:
    def loader() -> Any:
        raise FileError("slice 12 ends early: got 100 of 512 bytes.")

    viewer = wb.view(Volume(loader, shape=(8, 8, 8), dtype="int16"))
    viewer.draw_first()
    assert viewer._first == []


def test_layers_that_can_be_taken_away_are_told_to_the_page_and_go_at_a_press(monkeypatch: pytest.MonkeyPatch) -> None:
    image, labels = scene()
    viewer = wb.view(image, labels)
    browser = Browser(viewer, monkeypatch)
    assert viewer._removable == []
    browser.say(type="remove", layer=image.id)
    assert viewer.layers == (image, labels), "nobody allowed it"
    viewer.allow_removal(labels)
    assert viewer._removable == [labels.id]
    browser.say(type="remove", layer=labels.id)
    assert (viewer.layers, viewer._removable) == ((image,), [])
    browser.say(type="remove", layer=labels.id)
    asked: list[str] = []
    viewer.allow_removal(image, lambda: asked.append("image"))
    browser.say(type="remove", layer=image.id)
    assert (asked, viewer.layers) == (["image"], (image,))
    with pytest.raises(InputError, match="not in this viewer"):
        viewer.allow_removal(labels)
