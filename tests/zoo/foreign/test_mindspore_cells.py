"""Cells of MindSpore that somebody else wrote."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from tests.zoo.foreign.networks import volume

pytestmark = pytest.mark.mindspore
ms = pytest.importorskip("mindspore")


def classifier():
    class Classifier(ms.nn.Cell):
        """Written in MindSpore's own words, with a pair of outputs."""

        def __init__(self):
            super().__init__()
            ms.set_seed(0)
            self.conv = ms.nn.Conv2d(1, 4, 3, has_bias=True)
            self.norm = ms.nn.BatchNorm2d(4)
            self.act = ms.nn.ReLU()
            self.head = ms.nn.Dense(4, 3)

        def construct(self, x):
            features = self.act(self.norm(self.conv(x)))
            return self.head(features.mean((2, 3))), features

    return Classifier()


def test_it_is_wrapped_as_a_module_is():
    net, image = classifier(), volume(9, 7)
    net.set_train()
    net.norm.set_train(False)
    model = wb.wrap(net, classes=["a", "b", "c"])
    assert (model.framework.name, model.name, model.default_layer()) == ("mindspore", "own-classifier", "act")
    found = model.predict(image)
    assert (net.training, net.norm.training, net.head.training) == (True, False, True)
    scores = net.set_train(False)(ms.Tensor(image.data[None, None]))[0].asnumpy()[0]
    assert found.probabilities == pytest.approx((np.exp(scores) / np.exp(scores).sum()).tolist(), rel=1e-4)


def test_the_layer_of_a_residual_network_is_the_block_and_not_its_shortcut():
    class Block(ms.nn.Cell):
        def __init__(self):
            super().__init__()
            self.long, self.short = ms.nn.Conv2d(1, 3, 3), ms.nn.Conv2d(1, 3, 1)

        def construct(self, x):
            return ms.ops.relu(self.long(x) + self.short(x))

    class Residual(ms.nn.Cell):
        def __init__(self):
            super().__init__()
            self.blocks, self.head = ms.nn.SequentialCell(Block()), ms.nn.Dense(3, 2)

        def construct(self, x):
            return self.head(self.blocks(x).mean((2, 3)))

    assert wb.wrap(Residual()).default_layer() == "blocks.0"


@pytest.mark.parametrize("method", ["grad-cam", "saliency", "occlusion", "score-cam"])
def test_it_is_explained(method):
    net, image = classifier(), volume(9, 7)
    why = wb.explain(net, image, method, 1)
    scores = net(ms.Tensor(image.data[None, None]))[0].asnumpy()[0]
    assert why.score == pytest.approx(float(scores[1]), rel=1e-4)
    assert why.shape == (9, 7)


def test_its_gradient_is_the_known_one():
    net = ms.nn.SequentialCell(ms.nn.Conv3d(1, 2, 1, has_bias=False))
    net[0].weight.set_data(ms.Tensor(np.array([1.0, 3.0], np.float32).reshape(2, 1, 1, 1, 1)))
    image = volume(5, 4, 3)
    why = wb.explain(net, image, "saliency", wb.explain.Voxel((2, 1, 0), label=1), absolute=False)
    expected = np.zeros(image.shape)
    expected[2, 1, 0] = 3
    assert np.allclose(why.data, expected, atol=1e-6)


def test_its_weights_can_be_mixed():
    model = wb.wrap(classifier())
    before = model.weights_fingerprint()
    why = wb.explain(model, volume(9, 7), "saliency", 0)
    assert np.isfinite(wb.explain.score(why, checks=["randomisation"]).rows[0]["value"])
    assert model.weights_fingerprint() == before
