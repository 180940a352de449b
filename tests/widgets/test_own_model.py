"""A model that is there already, at the App: predicted, explained, shown as code; not trained."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from tests.zoo.foreign.networks import Classifier, halving, volume
from workbench.errors import InputError, StateError
from workbench.widgets import fit


def test_a_network_is_explained_in_the_app(tmp_path):
    net, image = halving(1), volume(12, 10)
    app = wb.App(image, folder=tmp_path, model=net)
    assert (app.model.weights, app.desk.choice.algorithm, app.explain.blocked) == ("own", "own-halving", "")
    answer = app.explain.predict()
    assert np.array_equal(answer.data, wb.wrap(net).predict(image).data)
    app.explain.method = "saliency"
    drawn = np.argwhere(answer.data > 0)[0]
    app.viewer.tool = "pick"
    app.viewer._click(tuple(image.to_world(drawn)))
    app.explain.wait(60)
    assert app.explain.problem == {}
    assert app.explain.explanation.target.label == answer.data[tuple(drawn)]
    code = app.code()
    assert "# `model` is the model that you gave: model = wb.wrap(network, ...)" in code
    names = {"model": app.model.model, "volume": image}
    made = next(line for line in code.splitlines() if line.startswith("why = "))
    exec(f"import workbench as wb\nprediction = model.predict(volume)\n{made}", names)
    assert np.allclose(names["why"].data, app.explain.explanation.data)


def test_it_is_not_trained(tmp_path):
    app = wb.App(folder=tmp_path)
    app.data.load("phantom-ct", n=4, size=(16, 16, 16))
    app.model.use(wb.wrap(Classifier(), classes=["a", "b", "c"]))
    assert "is trained where it was made" in app.train.blocked or "for classification" in app.train.blocked
    assert fit.training_misfit(app.desk.choice, app.desk.case, tune=False) == fit.NO_TRAINING


def test_one_can_go_back_to_the_zoo_and_to_it_again(tmp_path):
    app = wb.App(volume(12, 10), folder=tmp_path, model=halving(1))
    own = app.model.model
    app.model.algorithm = "2d-unet"
    app.model.options = {"width": 2, "depth": 2}
    assert app.model.model.name == "2d-unet"
    app.model.use(own)
    assert app.model.model is own
    assert app.parameters()["model"]["weights"] == "own"


def test_nothing_was_given(tmp_path):
    app = wb.App(volume(12, 10), folder=tmp_path)
    app.model.weights = "own"
    assert "Give a model first" in app.explain.blocked
    with pytest.raises(StateError, match="Give a model first"):
        app.explain.predict()
    with pytest.raises(InputError, match="network must be a model that was made elsewhere"):
        app.model.use(3)
