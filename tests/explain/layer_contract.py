"""What every method that needs a layer promises beside the rest."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.frameworks import LinearScore
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


def activation_and_gradient(model, volume, layer, index):
    score = LinearScore(np.eye(3, dtype=np.float32)[index])
    _, activation, gradient = model.framework.layer_gradient(model.module, layer, model.prepare(volume).batch, score)
    return activation[0].astype(float), gradient[0].astype(float)
