from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.testing import toys
from workbench.testing.explainers import SHAPES, ExplainerContract


class TestSaliency(ExplainerContract):
    method = "saliency"

    def test_the_map_of_a_linear_network_is_its_weights(self):
        model, weights = toys.linear_model((4, 5, 3), classes=2)
        volume = toys.noise_volume((4, 5, 3), toys.OBLIQUE)
        assert np.allclose(self.explain(model, volume, target=1).data, np.abs(weights[1, 0]), atol=1e-6)
        signed = self.explain(model, volume, target=0, absolute=False)
        assert np.allclose(signed.data, weights[0, 0], atol=1e-6)

    @pytest.mark.parametrize(
        ("reduction", "expected"),
        [
            ("max", lambda w: np.abs(w).max(axis=0)),
            ("sum", lambda w: np.abs(w).sum(axis=0)),
            ("mean", lambda w: np.abs(w).mean(axis=0)),
            ("norm", lambda w: np.sqrt((w**2).sum(axis=0))),
        ],
    )
    def test_channels_are_reduced_as_asked(self, reduction, expected):
        model, weights = toys.linear_model((4, 5), classes=2, channels=3)
        why = self.explain(model, toys.noise_volume((4, 5, 3), axes=("i", "j", "c")), target=1, channels=reduction)
        assert np.allclose(why.data, expected(weights[1]), atol=1e-5)

    def test_a_softmax_score_has_the_slope_of_the_probability(self):
        model, weights = toys.linear_model((4, 5), classes=2)
        volume = toys.noise_volume((4, 5)).with_data(np.zeros((4, 5), np.float32))
        why = self.explain(model, volume, target=1, activation="softmax", absolute=False)
        assert why.score == pytest.approx(0.5)
        assert np.allclose(why.data, 0.25 * (weights[1, 0] - weights[0, 0]), atol=1e-6)

    @pytest.mark.parametrize("ndim", [2, 3])
    def test_it_equals_captum(self, ndim):
        captum, torch = pytest.importorskip("captum.attr"), pytest.importorskip("torch")
        model, volume = toys.cnn_model(ndim), toys.noise_volume(SHAPES[ndim])
        inputs = torch.from_numpy(model.prepare(volume).batch)
        theirs = captum.Saliency(model.module).attribute(inputs, target=1)[0, 0].detach().numpy()
        assert np.abs(self.explain(model, volume, target=1).data - theirs).max() <= 1e-5


class TestInputXGradient(ExplainerContract):
    method = "input-x-gradient"

    def test_it_equals_captum(self):
        captum, torch = pytest.importorskip("captum.attr"), pytest.importorskip("torch")
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3])
        inputs = torch.from_numpy(model.prepare(volume).batch)
        theirs = captum.InputXGradient(model.module).attribute(inputs, target=1)[0, 0].detach().numpy()
        assert np.abs(self.explain(model, volume, target=1).data - theirs).max() <= 1e-5

    def test_the_map_of_a_linear_network_sums_up_to_the_score(self):
        model, _ = toys.linear_model((4, 5, 3))
        why = self.explain(model, toys.noise_volume((4, 5, 3)), target=2)
        assert why.data.sum() == pytest.approx(why.score, rel=1e-4)


def test_a_voxel_of_a_segmentation_depends_on_its_neighbours_only():
    model = toys.segmentation_model(3, preprocess={"orientation": "RAS", "size": (12, 12, 12)})
    volume = toys.noise_volume((8, 7, 9), toys.OBLIQUE)
    why = wb.explain(model, volume, "saliency", wb.explain.Voxel((5, 2, 6)))
    far = np.ones(volume.shape, bool)
    far[4:7, 1:4, 5:8] = False
    assert np.abs(why.data[far]).max() < 1e-6
    assert np.abs(why.data[5, 2, 6]) > 0
