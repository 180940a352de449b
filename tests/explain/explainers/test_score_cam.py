from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from tests.explain.layer_contract import LayerExplainerContract, activation_and_gradient
from workbench.frameworks import LinearScore
from workbench.testing import toys


def define_channels(nn, F, ops):
    class Channels(nn.Module):
        """Two channels of a map, x and twice x but for 0.5; the score is the sum of both."""

        def __init__(self, classes):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 1)
            self.fc = nn.Linear(2, classes)

        def forward(self, x):
            return self.fc(self.conv(x).flatten(2).sum(2))

    return Channels


def channels_model():
    state = {
        "conv.weight": np.array([1, 2], np.float32).reshape(2, 1, 1, 1),
        "conv.bias": np.array([0, -0.5], np.float32),
        "fc.weight": np.array([[1.0, 3.0]], np.float32),
        "fc.bias": np.array([0.25], np.float32),
    }
    return toys.ToyModel(define_channels, {"classes": 1}, state=state)


class TestScoreCAM(LayerExplainerContract):
    method = "score-cam"

    def test_the_map_is_the_one_worked_out_by_hand(self):
        volume = toys.noise_volume((1, 2)).with_data(np.array([[1.0, 3.0]], np.float32))
        # both channels are 0 at the left and 1 at the right once they are masks: through either one sees (0, 3), of
        # which the score is 3 + 3 * (6 - 1); that of (0, 0) is 3 * (-1): each channel weighs 21
        why = self.explain(channels_model(), volume, target=0, layer="conv")
        assert np.allclose(why.data, [[21 * (1 + 1.5), 21 * (3 + 5.5)]])

    def test_with_softmax_the_weights_sum_up_to_one(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        image = model.prepare(volume).batch
        score = LinearScore(np.eye(3, dtype=np.float32)[1])
        a, _ = activation_and_gradient(model, volume, "conv1", 1)
        low, high = a.min((1, 2), keepdims=True), a.max((1, 2), keepdims=True)
        seen = (((a - low) / (high - low))[:, None] * image).astype(np.float32)
        powers = np.exp(model.framework.scores(model.module, seen, score).astype(float))
        wanted = np.tensordot(powers / powers.sum(), a, axes=1)
        why = self.explain(model, volume, target=1, layer="conv1", softmax=True, relu=False)
        assert np.allclose(why.data, wanted, atol=1e-5)

    def test_a_channel_that_is_the_same_everywhere_has_no_weight(self):
        model, volume = channels_model(), toys.noise_volume((3, 3)).with_data(np.full((3, 3), 2, np.float32))
        assert np.array_equal(self.explain(model, volume, target=0, layer="conv").data, np.zeros((3, 3)))


@pytest.mark.parametrize("method", ["score-cam", "ablation-cam"])
def test_batches_are_halved_where_memory_runs_out(method, monkeypatch):
    model, volume = toys.cnn_model(2, width=8), toys.noise_volume((8, 8))
    wanted = wb.explain(model, volume, method, 1, "conv1").data
    plain = model.framework.scores

    def small(module, x, score):
        if len(x) > 2:
            raise MemoryError
        return plain(module, x, score)

    monkeypatch.setattr(model.framework, "scores", small)
    why = wb.explain(model, volume, method, 1, "conv1", batch_size=8)
    assert np.allclose(why.data, wanted, atol=1e-5)
    assert max(size for size, _, _ in why.schedule) == 2
