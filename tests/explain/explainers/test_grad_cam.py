from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from tests.explain.layer_contract import LayerExplainerContract, activation_and_gradient
from workbench.errors import InputError
from workbench.testing import toys
from workbench.testing.explainers import SHAPES


class TestGradCAM(LayerExplainerContract):
    method = "grad-cam"

    @pytest.mark.parametrize("relu", [True, False])
    @pytest.mark.parametrize("ndim", [2, 3])
    @pytest.mark.parametrize("layer", ["conv1", "pool", "conv2"])
    def test_it_equals_captum(self, ndim, relu, layer):
        captum, torch = pytest.importorskip("captum.attr"), pytest.importorskip("torch")
        model, volume = toys.cnn_model(ndim), toys.noise_volume(SHAPES[ndim])
        inputs = torch.from_numpy(model.prepare(volume).batch)
        method = captum.LayerGradCam(model.module, model.module.get_submodule(layer))
        coarse = method.attribute(inputs, target=1, relu_attributions=relu)
        mode = {2: "bilinear", 3: "trilinear"}[ndim]
        theirs = captum.LayerAttribution.interpolate(coarse, volume.shape, mode)[0, 0].detach().numpy()
        why = self.explain(model, volume, target=1, layer=layer, relu=relu)
        assert np.abs(theirs).max() > 1e-3
        assert np.abs(why.data - theirs).max() <= 1e-5 * np.abs(theirs).max()

    @pytest.mark.parametrize("ndim", [2, 3])
    def test_a_segmentation_target_equals_captum(self, ndim):
        captum, torch = pytest.importorskip("captum.attr"), pytest.importorskip("torch")
        model, volume = toys.segmentation_model(ndim), toys.noise_volume(SHAPES[ndim])
        inputs = torch.from_numpy(model.prepare(volume).batch)
        predicted = model.module(inputs).argmax(1)
        mask = (predicted == 1).float()

        def score(x):
            return (model.module(x)[:, 1] * mask).flatten(1).sum(1) / mask.sum()

        method = captum.LayerGradCam(score, model.module.conv1)
        theirs = method.attribute(inputs, relu_attributions=True)[0, 0].detach().numpy()
        why = self.explain(model, volume, target=1, layer="conv1")
        assert np.abs(why.data - theirs).max() <= 1e-5

    def test_a_map_that_relu_makes_zero_is_noted(self):
        model, volume = toys.cnn_model(2), toys.noise_volume(SHAPES[2])
        state = model.framework.state(model.module)
        state["fc.weight"][:] = -1  # the last activations are positive, so everything speaks against every class
        why = self.explain(toys.cnn_model(2, state=state), volume, target=0, layer="act2")
        assert (why.data == 0).all()
        assert any("relu=False" in note for note in why.notes)


class TestHiResCAM(LayerExplainerContract):
    method = "hires-cam"

    def test_before_a_linear_head_the_map_sums_up_to_the_score(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        why = self.explain(model, volume, target=1, layer="gap", relu=False)
        bias = float(model.framework.state(model.module)["fc.bias"][1])
        assert float(why.data[0, 0]) == pytest.approx(why.score - bias, rel=1e-4)


class TestLayerCAM(LayerExplainerContract):
    method = "layer-cam"

    def test_it_equals_the_formula(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        a, g = activation_and_gradient(model, volume, "conv1", 1)
        why = self.explain(model, volume, target=1, layer="conv1")
        assert np.allclose(why.data, np.maximum((a * np.maximum(g, 0)).sum(0), 0), atol=1e-5)


class TestGradCAMPlusPlus(LayerExplainerContract):
    method = "grad-cam++"
    proportional = False

    def test_it_equals_the_formula(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        a, g = activation_and_gradient(model, volume, "conv1", 1)
        expected = np.zeros((8, 8))
        for channel, slope in zip(a, g, strict=True):
            weight = 0.0
            for value in slope.ravel():
                below = 2 * value**2 + channel.sum() * value**3
                weight += (value**2 / below if below else 0) * max(value, 0)
            expected += weight * channel
        why = self.explain(model, volume, target=1, layer="conv1")
        assert np.allclose(why.data, np.maximum(expected, 0), atol=1e-4)


def test_a_method_that_looks_at_no_layer_refuses_one():
    with pytest.raises(InputError, match="looks at no layer"):
        wb.explain(toys.cnn_model(2), toys.noise_volume((8, 8)), "saliency", layer="conv1")
