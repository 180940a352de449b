"""The App on MindSpore, without a browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.widgets import App

pytest.importorskip("mindspore", reason="the extra 'mindspore' is not installed")


@pytest.mark.mindspore
def test_methods_of_the_other_framework_are_not_offered(tmp_path: Path) -> None:
    app = App("phantom-ct", tmp_path, n=4, size=(16, 16, 16))
    app.model.algorithm = "3d-unet"
    app.explain.method = "deep-lift"
    app.model.framework = "mindspore"
    reasons = {one["value"]: one["reason"] for one in app.explain.methods if not one["enabled"]}
    alone = ("deep-lift", "guided-backprop", "guided-grad-cam", "lrp")
    assert reasons == dict.fromkeys(alone, "on torch alone, the model is on mindspore")
    assert app.explain.method == "grad-cam"
    app.model.framework = "torch"
    assert all(one["enabled"] for one in app.explain.methods)


@pytest.mark.slow
@pytest.mark.mindspore
def test_train_and_explain_on_mindspore(tmp_path: Path) -> None:
    app = App("phantom-ct", tmp_path, n=4, size=(16, 16, 16))
    app.model.algorithm, app.model.framework = "3d-unet", "mindspore"
    app.model.options = {"width": 2, "depth": 2}
    run = app.train.start(epochs=1, batch_size=2)
    run.wait(120)
    assert run.state == "finished", run.status
    app.model.use_run(run)
    assert app.model.build().framework.name == "mindspore"
    made = app.explain.run("saliency", target=1)
    assert made.data.shape == (16, 16, 16)
    assert np.isfinite(made.data).all()
    assert made.data.any()
    assert "framework='mindspore'" in app.code()
