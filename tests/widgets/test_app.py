"""The App without a browser: the whole way from data to an explained prediction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench import datasets, io
from workbench.errors import InputError, MissingExtraError, StateError
from workbench.volume import Volume
from workbench.widgets.app import App
from workbench.widgets.backends import base

OPTIONS = {"n": 5, "size": (16, 16, 16)}


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> App:
    """An App with which somebody went the whole way."""
    app = wb.App(folder=tmp_path_factory.mktemp("runs"))
    app.data.load("phantom-ct", **OPTIONS)
    app.model.algorithm = "3d-unet"
    app.model.options = {"width": 2, "depth": 2}
    app.train.learning_rate = 0.01
    app.train.start(epochs=1)
    app.explain.run(target="lungs")
    return app


def test_an_empty_app_says_what_comes_first() -> None:
    app = wb.App()
    assert app.train.blocked == "Load a data set first"
    assert app.explain.blocked == "Load a data set or open a file first"
    for act in (app.explain.run, app.report, app.bar.napari, app.train.start):
        with pytest.raises(StateError):
            act()
    scope: dict[str, Any] = {}
    exec(app.code(), scope)
    assert isinstance(scope["app"], App)


def test_the_whole_way(used: App) -> None:
    assert used.train.run is not None
    assert used.train.run.checkpoints()
    assert used.model.run == used.train.run, "what is explained is what was trained"
    assert used.explain.explanation is not None
    trained = used.train.run.model()
    assert used.explain.explanation.weights_fingerprint == trained.weights_fingerprint()
    assert [layer.name for layer in used.viewer.layers] == ["image", "truth", "Grad-CAM: lungs"]
    grid = used.viewer.layers[0].volume
    assert all(layer.volume.same_grid(grid) for layer in used.viewer.layers)


def test_code_of_the_app_gives_the_same_map(used: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path))
    scope: dict[str, Any] = {}
    exec(used.code(), scope)
    made = used.explain.explanation
    assert made is not None
    assert scope["volume"].fingerprint() == used.data.volume.fingerprint()  # type: ignore[union-attr]
    assert scope["model"].weights_fingerprint() == made.weights_fingerprint, "trained again, bit for bit"
    np.testing.assert_array_equal(scope["why"].data, made.data)


def test_code_of_the_explain_panel_reads_the_run_and_gives_the_same_map(used: App) -> None:
    scope: dict[str, Any] = {}
    exec(used.explain.code(), scope)
    made = used.explain.explanation
    assert made is not None
    assert scope["run"] == used.train.run
    np.testing.assert_array_equal(scope["why"].data, made.data)


def test_attention_over_training(used: App) -> None:
    epochs = used.explain.over_training()
    assert [epoch for epoch, _ in epochs][-1] == 1
    assert len(used.explain.timeline) == len(epochs)
    assert used.explain.strip.title == "Attention over training"
    layer = used.viewer.layers[-1]
    used.explain.show_epoch(0)
    assert layer.volume is epochs[0][1].volume
    used.explain.show_epoch(99)
    assert layer.volume is epochs[-1][1].volume


def test_the_report_stands_alone_and_names_no_one(tmp_path: Path, affine: np.ndarray) -> None:
    scan = io.write(Volume(np.arange(8 * 7 * 6, dtype=np.int16).reshape(8, 7, 6), affine), tmp_path / "Jane_Doe.nii.gz")
    app = wb.App(scan)
    app.model.algorithm = "3d-unet"
    app.model.options = {"width": 2, "depth": 2}
    app.explain.run("saliency", target=1)
    path = app.report(tmp_path / "report.html")
    page = path.read_text()
    assert "Jane" not in page
    assert "http" not in page.replace("<!doctype html>", "")
    assert page.count("data:image/png;base64,") == 1
    told = json.loads(page.split('id="parameters">')[1].split("</script>")[0])
    assert told["data"]["fingerprint"] == app.data.volume.fingerprint()  # type: ignore[union-attr]
    assert told["maps"][0]["method"] == "saliency"
    assert told["model"]["options"] == {"width": 2, "depth": 2}


def test_another_case_takes_the_maps_of_the_first_away() -> None:
    app = wb.App("phantom-ct", **OPTIONS)
    app.model.options = {"width": 2, "depth": 2}
    app.explain.run("saliency", target=1)
    app.data.select(1, "train")
    assert [layer.name for layer in app.viewer.layers] == ["image", "truth"]
    assert app.explain.maps == []


@pytest.mark.parametrize("given", ["name", "dataset", "volume", "path"])
def test_what_an_app_can_begin_with(given: str, tmp_path: Path, affine: np.ndarray) -> None:
    dataset = datasets.load("phantom-ct", **OPTIONS)
    volume = Volume(np.ones((4, 5, 6), np.float32), affine)
    if given == "name":
        app = wb.App("phantom-ct", **OPTIONS)
    elif given == "dataset":
        app = wb.App(dataset)
    elif given == "volume":
        app = wb.App(volume)
    else:
        app = wb.App(str(io.write(volume, tmp_path / "scan.nii.gz")))
    expected = volume if given in ("volume", "path") else dataset.subset("test")[0]["image"]
    assert app.data.volume.fingerprint() == expected.fingerprint()  # type: ignore[union-attr]
    assert app.model.algorithm == "3d-unet"


def test_what_an_app_cannot_begin_with_is_told() -> None:
    with pytest.raises(InputError, match="got int"):
        wb.App(3)
    with pytest.raises(InputError, match="Did you mean 'phantom-ct'"):
        wb.App("phantom-cd")


def test_a_picture_stands_in_where_no_front_end_runs(used: App) -> None:
    bundle, _ = used._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["image/png"].startswith("iVBOR")


def test_napari_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    app = wb.App("phantom-ct", **OPTIONS)
    with pytest.raises(MissingExtraError, match="napari"):
        app.bar.napari()
    assert "not installed" in app.bar.problem["title"]


def test_code_reads_the_data_once_and_looks_at_the_case_that_is_shown(used: App) -> None:
    assert used.code().count("datasets.load") == 1
    used.data.select(1, "train")
    code = used.code()
    assert code.index("wb.train(") < code.index("subset('train')[1]") < code.index("wb.view(")
