"""The App without a browser: the whole way from data to an explained prediction."""

from __future__ import annotations

import base64
import json
import re
from io import BytesIO as io_bytes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import workbench as wb
from workbench import datasets, io
from workbench.errors import InputError, MissingExtraError, StateError
from workbench.volume import Volume
from workbench.widgets.app import App
from workbench.widgets.backends import _base

OPTIONS = {"n": 5, "size": (16, 16, 16)}


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> App:
    """An App with which somebody went the whole way."""
    app = wb.App(folder=tmp_path_factory.mktemp("runs"))
    app.data.load("phantom-ct", **OPTIONS)
    app.model.algorithm = "3d-unet"
    app.model.options = {"width": 2, "depth": 2}
    app.train.learning_rate = 0.01
    run = app.train.start(epochs=1)
    app.explain.run(target="lungs")
    run.wait(120)
    app.train._refresh()
    return app


def test_options_of_what_was_made_already_are_refused(volume: Volume) -> None:
    for data in (volume, wb.datasets.load("phantom-ct", n=2, size=16)):
        with pytest.raises(InputError, match="made before got an unknown option 'size'"):
            wb.App(data, size=3)


def test_an_empty_app_says_what_comes_first() -> None:
    app = wb.App()
    assert app.demos.shown
    assert app.train.blocked == "Load a data set first"
    assert app.explain.blocked == "Load a data set or open a file first"
    for act in (app.explain.run, app.report, app.bar.napari, app.train.start):
        with pytest.raises(StateError):
            act()
    scope: dict[str, Any] = {}
    exec(app.code(), scope)
    assert isinstance(scope["app"], App)


@pytest.mark.slow
def test_the_whole_way(used: App) -> None:
    assert used.train.run is not None
    assert used.train.run.checkpoints()
    assert used.model.run == used.train.run, "what is explained is what was trained"
    assert used.explain.explanation is not None
    trained = used.train.run.model()
    assert used.explain.explanation.weights_fingerprint == trained.weights_fingerprint()
    assert [layer.name for layer in used.viewer.layers] == ["image", "Grad-CAM: lungs", "truth"]
    grid = used.viewer.layers[0].volume
    assert all(layer.volume.same_grid(grid) for layer in used.viewer.layers)


def test_attention_over_training(used: App) -> None:
    epochs = used.explain.over_training()
    assert [epoch for epoch, _ in epochs][-1] == 1
    assert len(used.explain.timeline) == len(epochs)
    assert used.explain.strip.title == "Attention over training"
    layer = next(one for one in used.viewer.layers if one.name == "over training")
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
    assert page.startswith("<!doctype html>")
    assert "Jane" not in page
    assert str(tmp_path) not in page
    assert "Path(&#x27;&lt;your file&gt;.gz&#x27;)" in page, "the code is in it, but for the name of the file"
    assert not re.search(r"(src|href)=.?https?:", page)
    assert page.count("data:image/png;base64,") == 1
    told = json.loads(page.split('id="parameters">')[1].split("</script>")[0])
    assert told["data"]["fingerprint"] == app.data.volume.fingerprint()  # type: ignore[union-attr]
    assert told["maps"][0]["method"] == "saliency"
    assert told["model"]["options"] == {"width": 2, "depth": 2}


def test_the_report_has_curves_scores_and_code(used: App, tmp_path: Path) -> None:
    used.explain.predict()
    with pytest.raises(InputError, match=r"A report is written as \.html or \.htm, and report\.pdf ends as another"):
        used.report(tmp_path / "report.pdf")
    page = used.report(tmp_path / "report.html").read_text()
    pictures = re.findall(r'<figure class="chart"><img alt="(\w+)" src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert [caption for caption, _ in pictures] == ["Loss", "Validation"]
    loss = base64.b64decode(pictures[0][1]).decode()
    assert "mean of the epoch" in loss
    assert "epoch" in loss
    scores = used.train.run.metrics()[-1]["val"]
    told = json.loads(page.split('id="parameters">')[1].split("</script>")[0])
    assert told["run"]["scores"]["dice"] == pytest.approx(scores["dice"])
    assert f"<th>lungs</th><td>{told['prediction']['by class']['lungs']:.4g}</td>" in page
    assert "model = " in page
    large = base64.b64decode(
        re.findall(r'class="views"><figure class=""><img alt="[^"]*" src="data:image/png;base64,([^"]+)"', page)[0]
    )
    assert Image.open(io_bytes(large)).width > 1400


def test_a_link_to_the_report_is_sent_and_not_kept(used: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(used.bar, "send", lambda content, buffers=None: sent.append((content, buffers)))
    (tmp_path / "Jane Doe").mkdir()
    path = used.report(tmp_path / "Jane Doe" / "report.html")
    told, buffers = sent[-1]
    assert told["saved"] == {"name": "report.html", "folder": str(path.parent)}
    assert buffers[0].decode() == path.read_text()
    assert "Jane" not in json.dumps(used.bar.get_state(), default=str)


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
    monkeypatch.setattr(_base, "find_spec", lambda name: None)
    app = wb.App("phantom-ct", **OPTIONS)
    with pytest.raises(MissingExtraError, match="napari"):
        app.bar.napari()
    assert "not installed" in app.bar.problem["title"]


def test_nothing_in_the_report_is_taken_for_markup(tmp_path: Path) -> None:
    app = wb.App(Volume(np.zeros((4, 4, 4), np.float32)))
    app.viewer.layers[0].name = "<b>image</b>"
    app.tools.facts = lambda: {"</script><i>heading": {"<u>key": "<u>value", "more": {"<u>inner": ["<u>one", 2.0]}}}
    page = app.report(tmp_path / "report.html").read_text()
    data = page.split('id="parameters">')[1].split("</script>")[0]
    assert not re.search("<[biu]>", page.replace(data, ""))
    assert "&lt;b&gt;image&lt;/b&gt;" in page
    assert "<th>&lt;u&gt;inner</th><td>&lt;u&gt;one, 2.0</td>" in page
    told = json.loads(data)
    assert told["</script><i>heading"]["<u>key"] == "<u>value"
