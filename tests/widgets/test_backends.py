from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, MissingExtraError, StateError
from workbench.shapes import Boxes
from workbench.testing.viewers import BLOCK, ViewerContract, scene
from workbench.volume import Volume
from workbench.widgets import Layer, view
from workbench.widgets.backends import _base as registry
from workbench.widgets.backends import get, names


def rgb(png: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


class TestNiivue(ViewerContract):
    name = "niivue"
    options: ClassVar = {"crosshair": BLOCK}

    def pixels(self, opened: Any) -> np.ndarray:
        return rgb(opened.png())


class TestMatplotlib(ViewerContract):
    name = "matplotlib"
    options: ClassVar = {"crosshair": BLOCK}

    def pixels(self, opened: Any) -> np.ndarray:
        opened.canvas.draw()
        return np.asarray(opened.canvas.buffer_rgba())[..., :3]


NAPARI = """
import sys
from pathlib import Path
import pytest
from workbench.testing.viewers import ViewerContract, scene

class TestNapari(ViewerContract):
    name = "napari"

    def pixels(self, opened):
        opened.viewer.dims.set_point(0, -999)
        for axis, value in zip(range(3), {block}):
            opened.viewer.dims.set_point(axis, value)
        return opened.screenshot()

    def close(self, opened):
        opened.close()

    def test_edited_labels_come_back_on_their_grid(self, backend):
        layers = scene()
        window = backend.open(layers)
        try:
            window._ours[layers[1].id][1].data[0:2] = 7
            edited = window.labels()
        finally:
            window.close()
        assert edited.same_grid(layers[1].volume)
        assert edited.kind == "labels"
        assert edited.labels == {{3: "lesion"}}
        assert (edited.data[:2] == 7).all()
        assert (layers[1].volume.data[16:22, 12:18, 9:14] == 3).all()
"""


@pytest.mark.slow
def test_napari_passes_the_contract(tmp_path: Any) -> None:
    """In a process of its own, under a virtual display: a Qt application must not live in the test runner."""
    import shutil

    pytest.importorskip("napari", reason="napari is not installed (extra: napari)")
    if not shutil.which("xvfb-run"):
        if os.environ.get("WORKBENCH_REQUIRE_BROWSER"):
            pytest.fail("xvfb-run is missing; WORKBENCH_REQUIRE_BROWSER forbids to skip")
        pytest.skip("xvfb-run is missing: napari needs a display")
    test = tmp_path / "test_napari_window.py"
    test.write_text(NAPARI.format(block=BLOCK))
    environment = {key: value for key, value in os.environ.items() if key != "QT_QPA_PLATFORM"}
    root = str(Path.cwd())
    done = subprocess.run(
        ["xvfb-run", "-a", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={root}",
         f"--confcutdir={root}", str(test)],
        env={**environment, "PYTHONPATH": root}, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_napari_without_a_display_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("napari", reason="napari is not installed (extra: napari)")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    with pytest.raises(StateError, match="xvfb-run"):
        wb.view(*scene(), backend="napari")


def test_missing_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"medical-workbench\[napari\]"):
        wb.view(*scene(), backend="napari")


def test_unknown_backend_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'niivue'"):
        wb.view(*scene(), backend="nivue")


def test_five_backends_are_ours() -> None:
    assert {"niivue", "matplotlib", "napari", "itk", "itkwidgets"} <= set(names())


def test_a_package_can_bring_a_backend_and_a_cell_declare_one(plug_ins: Any) -> None:
    class Echo(registry.Backend):
        name = "echo"

        def open(self, layers: Any, **options: Any) -> Any:
            return [layer.name for layer in layers]

    plug_ins(registry.VIEWERS, echo=Echo, odd=ImportError("no such thing"))
    assert wb.view(*scene(), backend="echo") == ["image", "labels"]
    assert get("echo").name == "echo"
    with pytest.raises(StateError, match=r"viewer backend plug-in 'odd'.*no such thing"):
        get("odd")
    registry.register(type("Louder", (Echo,), {"name": "louder"}))
    assert wb.view(*scene(), backend="louder") == ["image", "labels"]


class TestItk(ViewerContract):
    """Its widget is seen in the browser tests; here its fallback picture stands for it."""

    name = "itk"
    options: ClassVar = {"crosshair": BLOCK}

    def pixels(self, opened: Any) -> np.ndarray:
        return rgb(opened.png())

    def test_large_volumes_are_shown_coarser_and_labels_on_their_grid(self, backend: registry.Backend) -> None:
        image, labels = scene()
        large = Layer(Volume(np.zeros((200, 150, 100), np.uint8), image.volume.affine))
        opened = backend.open([large, labels])
        shown = [layer.volume for layer in opened.layers]
        assert np.prod(shown[0].shape) < 2_000_000
        assert shown[1].same_grid(shown[0])
        assert shown[1].data.max() == 3
        assert opened.layers[1].opacity == labels.opacity

    def test_two_images_are_too_many(self, backend: registry.Backend) -> None:
        with pytest.raises(InputError, match="one image and one label volume"):
            backend.open([scene()[0], scene()[0]])


def test_itkwidgets_is_given_the_voxels_and_their_place_in_lps(monkeypatch: pytest.MonkeyPatch) -> None:
    itkwidgets = pytest.importorskip("itkwidgets", reason="itkwidgets is not installed (extra: itk)")
    seen: dict[str, Any] = {}
    monkeypatch.setattr(itkwidgets, "view", lambda **given: seen.update(given) or "a viewer")
    affine = np.array([[0, 2.0, 0, 10], [1.5, 0, 0, -20], [0, 0, 3.0, 30], [0, 0, 0, 1]])
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = Volume(voxels, affine)
    labels = Layer(Volume((voxels > 20).astype(np.uint8), affine, kind="labels"), opacity=0.3)
    assert wb.view(image, labels, backend="itkwidgets", rotate=True) == "a viewer"
    assert (seen["label_blend"], seen["rotate"]) == (0.3, True)
    given = seen["image"]
    assert list(given.size) == [2, 3, 4]
    # where ITK puts index (1, 2, 3), turned from LPS to RAS, is where the volume has it
    point = np.asarray(given.origin) + given.direction @ (np.array([1, 2, 3]) * given.spacing)
    np.testing.assert_allclose(point * [-1, -1, 1], image.to_world((1, 2, 3)))
    assert given.data[3, 2, 1] == voxels[1, 2, 3]
    assert np.array_equal(seen["label_image"].data.transpose(), labels.volume.data)
    with pytest.raises(InputError, match="one image and one label volume"):
        wb.view(image, image, backend="itkwidgets")


def test_shapes_are_drawn_as_outlines_over_the_volume_below() -> None:
    image, _ = scene()
    ground = image.volume
    box = Boxes([[1.5, 1.5, 1.5, 4.5, 4.5, 4.5]], [2], ground.affine)
    shown = view(ground, {"class": 1, "mask": None}, box).layers
    assert [layer.kind for layer in shown] == ["image", "labels"]
    assert shown[1].volume.same_grid(ground)
    assert sorted(np.unique(shown[1].volume.data)) == [0, 3]
    with pytest.raises(InputError, match="give the volume first"):
        view(box)
