from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.testing import toys
from workbench.testing.explainers import AFFINES, PREPROCESS, SHAPES, ExplainerContract
from workbench.testing.marks import needs_mindspore


def define_pooled(nn, F, ops):
    class Pooled(nn.Module):
        """The mean of a rectified map is the score of class 1."""

        def __init__(self, ndim, classes):
            super().__init__()
            self.act = nn.ReLU()
            self.gap = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}[ndim](1)
            self.fc = nn.Linear(1, classes)

        def forward(self, x):
            return self.fc(ops.flatten(self.gap(self.act(x)), 1))

    return Pooled


class TestCAM(ExplainerContract):
    method = "cam"

    @pytest.mark.parametrize("ndim", [2, 3])
    def test_the_map_is_on_the_grid_of_the_input(self, ndim):
        volume = toys.noise_volume(SHAPES[ndim], AFFINES[ndim])
        why = self.explain(toys.cnn_model(ndim, preprocess=PREPROCESS[ndim]), volume)
        assert why.shape == volume.shape
        assert np.array_equal(why.affine, volume.affine)
        assert np.ptp(why.data) > 0

    @pytest.mark.parametrize("ndim", [2, 3])
    def test_the_peak_lies_where_the_blob_lies(self, ndim):
        voxel = (4, 8, 7)[:ndim]
        place = (AFFINES[ndim] @ [*voxel, *[0] * (3 - ndim), 1])[:3]
        volume = toys.blob_volume((14, 12, 11)[:ndim], place, 2.0, AFFINES[ndim])
        state = {"fc.weight": np.array([[0.0], [5.0]], np.float32), "fc.bias": np.zeros(2, np.float32)}
        config = {"ndim": ndim, "classes": 2}
        model = toys.ToyModel(define_pooled, config, state=state, preprocess=PREPROCESS[ndim])
        why = self.explain(model, volume, target=1)
        assert np.abs(toys.peak_mm(why) - place).max() <= max(volume.spacing)

    @needs_mindspore
    @pytest.mark.parametrize("ndim", [2, 3])
    def test_both_frameworks_give_the_same_map(self, ndim):
        pytest.importorskip("mindspore")
        volume = toys.noise_volume(SHAPES[ndim])
        models = [toys.cnn_model(ndim, framework=name) for name in ("torch", "mindspore")]
        maps = [self.explain(model, volume, target=1).data for model in models]
        assert np.abs(maps[0] - maps[1]).max() <= 1e-4 * np.abs(maps[0]).max()

    def test_it_is_the_last_map_times_the_weights_of_the_head(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        state = model.framework.state(model.module)
        maps = model.framework.capture(model.module, ["act2"], model.prepare(volume).batch)["act2"][0]
        wanted = np.tensordot(state["fc.weight"][1], maps, axes=1)
        why = self.explain(model, volume, target=1)
        assert why.native_resolution == (4, 4)
        assert wanted.mean() == pytest.approx(why.score - state["fc.bias"][1], abs=1e-5)
        step, *_ = wb.explain.progressive(model, volume, "cam", 1)
        assert step[0] == 1
        assert why.data[0, 0] == pytest.approx(wanted[0, 0], abs=1e-5)
        assert why.data[-1, -1] == pytest.approx(wanted[-1, -1], abs=1e-5)
        softmax = self.explain(model, volume, target=1, activation="softmax")
        assert np.allclose(softmax.data, why.data, atol=1e-6)

    def test_the_zoos_residual_network_has_one(self):
        model = wb.zoo.create("covid-resnet", in_channels=1, num_classes=3, depth=18, width=8)
        why = self.explain(model, toys.noise_volume((64, 96)), target=2)
        assert why.native_resolution == (2, 3)
        assert np.ptp(why.data) > 0

    def test_a_network_without_such_a_head_is_refused(self):
        with pytest.raises(InputError, match=r"cannot explain this model: .* global average pooling and one linear"):
            self.explain(toys.segmentation_model(2), toys.noise_volume((8, 8)), target=1)
        # its last layer is a linear one, but what it weighs are squares of the last map
        with pytest.raises(InputError, match=r"needs a network that ends in .*Take 'grad-cam'"):
            self.explain(toys.energy_model(2), toys.noise_volume((8, 8)), target=1)

    def test_a_map_that_the_score_does_not_come_by_is_no_such_head(self):
        model = wb.zoo.create("lung-nodule-transformer", in_channels=1, num_classes=3, variant="small")
        with pytest.raises(InputError, match=r"needs a network that ends in"):
            self.explain(model, toys.noise_volume((32, 32)), target=1)
