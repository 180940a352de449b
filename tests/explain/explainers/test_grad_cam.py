from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.testing import toys
from workbench.testing.explainers import SHAPES, ExplainerContract


class LayerExplainerContract(ExplainerContract):
    layer = "conv2"
    energy_layer = "act"

    def test_the_default_layer_is_the_models(self):
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3])
        why = self.explain(model, volume, layer=None)
        assert why.layer == model.default_layer()

    def test_the_native_resolution_is_that_of_the_layer(self):
        model, volume = toys.cnn_model(3), toys.noise_volume((6, 8, 5), np.diag([1, 2, 3, 1]))
        why = self.explain(model, volume)
        assert why.native_resolution == (3, 4, 2)
        assert why.native_spacing == (2, 4, 7.5)

    def test_a_coarse_layer_peaks_where_the_blob_lies(self):
        place = (toys.OBLIQUE @ [5, 8, 4, 1])[:3]
        volume = toys.blob_volume((16, 14, 12), place, 3.0, toys.OBLIQUE)
        model = toys.energy_model(3, pool=2, preprocess={"orientation": "RAS", "size": (16, 16, 16)})
        why = self.explain(model, volume, target=1, layer="pool")
        assert why.native_resolution == (8, 8, 8)
        assert np.linalg.norm(toys.centre_mm(why) - place) < 0.5

    def test_a_wrong_layer_names_the_nearest(self):
        with pytest.raises(InputError, match=r"Unknown layer 'conv3'.*Did you mean 'conv2'"):
            self.explain(toys.cnn_model(2), toys.noise_volume(SHAPES[2]), layer="conv3")

    @pytest.mark.parametrize("layer", ["fc", "flatten"])
    def test_a_layer_without_a_map_says_which_ones_have_one(self, layer):
        with pytest.raises(InputError, match=r"needs a layer with a map .* have one: 'act2', 'conv2', 'pool'") as error:
            self.explain(toys.cnn_model(2), toys.noise_volume(SHAPES[2]), layer=layer)
        assert "gap" not in str(error.value)

    def test_a_single_cell_is_noted(self):
        why = self.explain(toys.cnn_model(2), toys.noise_volume(SHAPES[2]), layer="gap", relu=False)
        assert why.native_resolution == (1, 1)
        assert np.ptp(why.data) < 1e-6
        assert any("single cell" in note for note in why.notes)


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
        a, g = _activation_and_gradient(model, volume, "conv1", 1)
        why = self.explain(model, volume, target=1, layer="conv1")
        assert np.allclose(why.data, np.maximum((a * np.maximum(g, 0)).sum(0), 0), atol=1e-5)


class TestGradCAMPlusPlus(LayerExplainerContract):
    method = "grad-cam++"
    proportional = False

    def test_it_equals_the_formula(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        a, g = _activation_and_gradient(model, volume, "conv1", 1)
        expected = np.zeros((8, 8))
        for channel, slope in zip(a, g, strict=True):
            weight = 0.0
            for value in slope.ravel():
                below = 2 * value**2 + channel.sum() * value**3
                weight += (value**2 / below if below else 0) * max(value, 0)
            expected += weight * channel
        why = self.explain(model, volume, target=1, layer="conv1")
        assert np.allclose(why.data, np.maximum(expected, 0), atol=1e-4)


def _activation_and_gradient(model, volume, layer, index):
    from workbench.frameworks import LinearScore

    score = LinearScore(np.eye(3, dtype=np.float32)[index])
    _, activation, gradient = model.framework.layer_gradient(model.module, layer, model.prepare(volume).batch, score)
    return activation[0].astype(float), gradient[0].astype(float)


def test_a_method_that_looks_at_no_layer_refuses_one():
    with pytest.raises(InputError, match="looks at no layer"):
        wb.explain(toys.cnn_model(2), toys.noise_volume((8, 8)), "saliency", layer="conv1")
