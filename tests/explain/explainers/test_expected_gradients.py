from __future__ import annotations

import numpy as np
import pytest

from workbench.testing import toys
from workbench.testing.explainers import ExplainerContract


class TestExpectedGradients(ExplainerContract):
    method = "expected-gradients"
    options = {"samples": 6}

    @pytest.mark.parametrize("baselines", ["blur", "noise", "constant"])
    def test_of_a_linear_network_it_is_the_weights_times_the_mean_way(self, baselines):
        model, weights = toys.linear_model((4, 5), classes=2)
        volume = toys.noise_volume((4, 5))
        why = self.explain(model, volume, target=1, baselines=baselines, samples=400, seed=3)
        way = why.data / weights[1, 0]  # input minus the mean of the baselines
        mean = volume.data - way
        data = volume.data
        if baselines == "blur":
            assert np.ptp(mean) < np.ptp(data)
            assert mean.mean() == pytest.approx(data.mean(), abs=0.05)
        else:
            centre = data.mean() if baselines == "noise" else (data.min() + data.max()) / 2
            spread = data.std() if baselines == "noise" else np.ptp(data) / np.sqrt(12)
            # within five standard errors of what the rule says
            assert np.abs(mean - centre).max() < 5 * spread / np.sqrt(400)
        assert (np.ptp(mean) < 1e-5) == (baselines == "constant")

    def test_another_seed_draws_other_baselines(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        first, other = (self.explain(model, volume, target=1, seed=seed) for seed in (1, 2))
        assert np.array_equal(first.replay().data, first.data)
        assert not np.allclose(first.data, other.data, atol=1e-3)
        assert "with 6 samples: the standard error" in first.notes[-1]

    def test_the_map_sums_up_to_the_score_above_that_of_the_baselines(self):
        model = toys.energy_model(2)
        volume = toys.noise_volume((6, 6))
        why = self.explain(model, volume, target=1, baselines="constant", samples=3000)
        # positive voxels alone have an energy; a flat value v has 100 v^2, or none where it is below zero
        low, high = float(volume.data.min()), float(volume.data.max())
        of_baselines = 100 * high**3 / 3 / (high - low)
        assert why.data.sum() == pytest.approx(why.score - of_baselines, abs=0.08 * why.score)


class TestGradientShap(ExplainerContract):
    method = "gradient-shap"
    options = {"samples": 4, "noise": 0.005}

    def test_without_noise_it_is_expected_gradients(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        plain = TestExpectedGradients().explain(model, volume, target=1, samples=4)
        assert np.allclose(self.explain(model, volume, target=1, noise=0).data, plain.data, atol=1e-6)
        assert not np.allclose(self.explain(model, volume, target=1, noise=0.2).data, plain.data)
