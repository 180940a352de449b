"""The App without a browser, for every algorithm of the zoo: data, training, prediction, explanation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench import zoo

#: Per algorithm: options that make it tiny. What it is trained on follows from its task.
TINY: dict[str, dict[str, Any]] = {
    "cd-net": {"width": 4},
    "covid-resnet": {"depth": 18, "width": 4},
    "covid-transformer": {"patch": 8, "dim": 8, "depth": 1, "heads": 2, "mlp_dim": 8, "image_size": 64},
    "ellipsenet": {"width": 4, "head_channels": 4},
    "ellipsenet-fit": {"width": 4, "depth": 3},
    "han-net": {"width": 4, "depth": 2},
    "lod-net": {"width": 2, "depth": 18, "head_width": 4},
    "lung-nodule-cnn": {"width": 4, "repeats": 1},
    "lung-nodule-transformer": {"depth": 18, "width": 4, "dim": 8, "heads": 2, "mlp_dim": 8, "queries": 5},
    "lung-nodules-detection": {"width": 4, "head_channels": 4},
    "mtcsn": {"depth": 18, "width": 2, "decoder_width": 4, "tissues": 4},
    "ts-cam": {"patch": 8, "dim": 8, "depth": 1, "heads": 2, "mlp_dim": 8, "image_size": 64},
    "u-csrnet": {"width": 2},
    "2d-unet": {"width": 2, "depth": 3},
    "3d-unet": {"width": 2, "depth": 2},
    "unetr": {"feature_size": 4, "hidden_size": 8, "mlp_dim": 8, "num_heads": 2, "image_size": 32},
    "weakly-lesion-localisation": {"width": 2, "depth": 3, "critic_depth": 3},
}
CELLS = ("instances", "points", "detection", "ellipses")


def test_none_is_left_out() -> None:
    assert set(TINY) == {card.name for card in zoo.cards()}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TINY))
def test_the_whole_way(name: str, tmp_path: Path) -> None:
    task = zoo.algorithm(name).task
    app = wb.App(folder=tmp_path)
    if zoo.card(name).dimensions == 3:
        app.data.load("phantom-ct", n=5, size=(16, 16, 16))
    else:
        data = "phantom-cells" if task.kind in CELLS else "phantom-xray"
        app.data.load(data, n=10, size=(64, 64), task=task.kind)
    app.model.algorithm = name
    app.model.options = TINY[name]
    run = app.train.start(epochs=1)
    # waits for the first epoch
    app.explain.run()
    assert run.wait().state == "finished", run.log()
    assert np.isfinite(run.metrics()[-1]["loss"])
    assert app.model.run == run
    why, image = app.explain.explanation, app.data.volume
    assert why is not None
    assert image is not None
    assert why.data.shape == image.spatial_shape
    assert np.isfinite(why.data).all()
    assert any(layer.name.startswith("Grad-CAM") for layer in app.viewer.layers)
