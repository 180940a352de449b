""" "Copy as code" of the App, run in a fresh namespace, shows the same pictures and gives the same numbers."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench import io, training, zoo
from workbench.volume import Volume
from workbench.widgets import App, Viewer

OPTIONS = {"n": 6, "size": (16, 16, 16)}
SMALL = {"width": 2, "depth": 2}
PATIENCE = 120.0


def run_cell(code: str) -> tuple[dict[str, Any], Any]:
    """Run code as a notebook cell does; return its names and the value of its last expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    scope: dict[str, Any] = {}
    exec(compile(tree, "cell", "exec"), scope)
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), scope) if last is not None else None
    return scope, value


def same(app: App) -> dict[str, Any]:
    """Run the App's code, compare every layer, how it is shown, and the picture; return the names it defines."""
    code = app.code()
    assert "\n\n\n" not in code
    assert "wb.train(" not in "".join(line for line in code.splitlines() if not line.startswith("#"))
    scope, shown = run_cell(code)
    assert isinstance(shown, Viewer)
    assert len(shown.layers) == len(app.viewer.layers)
    for mine, theirs in zip(app.viewer.layers, shown.layers, strict=True):
        assert theirs.style() == mine.style()
        assert theirs.colors == mine.colors
        assert theirs.volume.same_grid(mine.volume)
        np.testing.assert_allclose(theirs.volume.data, mine.volume.data, rtol=1e-4, atol=1e-7)
    assert shown.png() == app.viewer.png()
    return scope


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory of its own, beside the folder with the data: paths have to be found from it."""
    place = tmp_path / "notebooks"
    place.mkdir()
    monkeypatch.chdir(place)
    return tmp_path


@pytest.fixture
def app(here: Path) -> App:
    return wb.App("phantom-ct", folder=here / "runs", **OPTIONS)


def test_a_data_set(app: App) -> None:
    app.model.options = SMALL
    app.data.select(1, "train")
    scope = same(app)
    assert scope["volume"].fingerprint() == app.data.volume.fingerprint()
    assert scope["model"].weights_fingerprint() == app.model.build().weights_fingerprint()


def test_a_file_by_a_path_from_the_notebook(here: Path, affine: np.ndarray) -> None:
    (here / "my scans").mkdir()
    volume = Volume(np.arange(8 * 7 * 6, dtype=np.int16).reshape(8, 7, 6), affine)
    scan = io.write(volume, here / "my scans" / "a.mha")
    app = wb.App(scan)
    app.model.options = SMALL
    app.explain.run("saliency", target=1)
    assert "Path('../my scans/a.mha')" in app.code()
    assert str(here) not in app.code()
    same(app)


def test_settings_of_the_views_and_of_every_layer(app: App) -> None:
    app.viewer.panes, app.viewer.convention = "coronal", "neurological"
    app.viewer.crosshair = (12.5, -3.25, 20.0)
    image, truth = app.viewer.layers
    image.window, image.colormap = (-500.0, 500.0), "bone"
    truth.visible, truth.opacity, truth.outline = False, 0.25, False
    scope, shown = run_cell(app.code())
    assert (shown.panes, shown.convention, shown.crosshair) == ("coronal", "neurological", (12.5, -3.25, 20.0))
    assert [layer.style() for layer in shown.layers] == [layer.style() for layer in app.viewer.layers]
    assert "data" in scope


def test_prediction_and_two_maps_one_of_them_hidden(app: App) -> None:
    app.model.options = SMALL
    app.explain.predict()
    first = app.explain.run("saliency", target=1)
    second = app.explain.run("grad-cam", target=2, layer="encoders.0")
    scope = same(app)
    np.testing.assert_array_equal(scope["prediction"].data, app.explain.prediction.data)
    np.testing.assert_allclose(scope["why_1"].data, first.data, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(scope["why"].data, second.data, rtol=1e-4, atol=1e-8)
    assert {one.name: one.visible for one in app.viewer.layers}["Saliency: lungs"] is False
    assert [layer.visible for layer in app.viewer.layers] == [True, True, False, True, True]


def test_a_click_into_the_viewer(app: App) -> None:
    app.model.options = SMALL
    app.explain.method, app.explain.target = "saliency", "voxel"
    app.viewer._click(tuple(app.data.volume.to_world((9, 5, 7))))
    app.explain.wait(PATIENCE)
    assert "mm=(" in app.code()
    same(app)


def test_a_region_that_was_predicted(app: App) -> None:
    app.model.options = SMALL
    app.explain.predict()
    label = int(np.bincount(app.explain.prediction.data.ravel()).argmax())
    app.explain.run("saliency", target=wb.explain.Region(app.explain.prediction, label=label))
    same(app)


@pytest.mark.slow
def test_a_finished_run_is_loaded_and_not_trained_again(app: App, here: Path) -> None:
    app.model.options = SMALL
    app.train.learning_rate = 0.01
    run = app.train.start(epochs=2)
    run.wait(PATIENCE)
    app.train._refresh()
    app.explain.predict()
    made = app.explain.run(target="lungs")
    app.explain.over_training()
    code = app.code()
    epoch = run.checkpoint().position.epoch
    assert f"Run(Path('../runs/{run.id}')).model(" in code
    assert f"epoch={epoch}," in code
    assert str(here) not in code
    scope = same(app)
    assert scope["model"].weights_fingerprint() == made.weights_fingerprint
    assert scope["run"] == run
    assert len(scope["over_training"]) == len(app.explain.timeline)
    assert training.runs(here / "runs") == [run], "nothing was trained"


def test_weights_from_a_file_and_trained_ones(app: App, here: Path) -> None:
    model = zoo.create("3d-unet", in_channels=1, classes=app.data.dataset.classes, seed=7, **SMALL)
    app.model.load(model.save(here / "weights.safetensors"))
    app.explain.run("saliency", target=1)
    scope = same(app)
    assert scope["model"].weights_fingerprint() == model.weights_fingerprint()
    app.model.load("3d-unet-phantom-ct")
    assert "wb.zoo.load('3d-unet-phantom-ct'" in app.code()
    same(app)


@pytest.mark.parametrize("color_by", ["class", "score", "match"])
def test_boxes_that_were_detected(here: Path, color_by: str) -> None:
    app = wb.App()
    app.demos.load("detection")
    app.explain.color_by = color_by
    app.explain.least = 0.4
    app.viewer.layers[-1].opacity = 0.3
    scope = same(app)
    assert len(scope["prediction"]) == len(app.explain.prediction)


def test_classes_and_data_that_were_given_as_objects(here: Path) -> None:
    dataset = wb.datasets.load("phantom-xray", n=8, size=(64, 64), task="classification")
    app = wb.App(dataset.select([5, 2, 1]))
    app.model.load("covid-resnet-phantom-xray")
    app.explain.predict()
    scope = same(app)
    assert scope["prediction"].probabilities == pytest.approx(app.explain.prediction.probabilities, abs=1e-5)


def test_data_in_memory_are_named_by_what_they_are(here: Path, affine: np.ndarray) -> None:
    app = wb.App(Volume(np.ones((6, 7, 8), np.float32), affine))
    assert "# `volume` is what you gave to the App; it is in memory only." in app.code()


def test_an_earlier_model_is_loaded_beside_the_present_one(app: App) -> None:
    app.model.options = SMALL
    app.explain.run("saliency", target=1)
    app.model.options = {"width": 4, "depth": 2}
    app.explain.run("saliency", target=1)
    scope = same(app)
    assert scope["model_2"].config["width"] == 2
    assert scope["model"].config["width"] == 4


def test_a_layer_that_was_added_by_hand_is_told(app: App) -> None:
    app.viewer.add(app.data.volume.with_data(app.data.volume.data * 0), name="mine")
    assert "# Not in this code: mine" in app.code()
    run_cell(app.code())


@pytest.mark.slow
def test_in_a_fresh_process(app: App, here: Path) -> None:
    app.model.options = SMALL
    made = app.explain.run("saliency", target=1)
    code = app.code() + "\nprint(why.data.sum(), volume.fingerprint())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    total, fingerprint = done.stdout.split()
    assert float(total) == pytest.approx(float(made.data.sum()), rel=1e-4)
    assert fingerprint == app.data.volume.fingerprint()
