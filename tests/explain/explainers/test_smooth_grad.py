from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.explain.explainers._sampling import Mean
from workbench.testing import toys
from workbench.testing.explainers import ExplainerContract


class TestSmoothGrad(ExplainerContract):
    method = "smooth-grad"
    options = {"samples": 3, "noise": 0.01}

    @pytest.mark.parametrize("of", ["saliency", "input-x-gradient", "integrated-gradients", "deep-lift"])
    def test_without_noise_the_map_is_that_of_the_method(self, of):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        why = self.explain(model, volume, target=1, of=of, noise=0)
        assert np.allclose(why.data, wb.explain(model, volume, of, 1).data, atol=1e-6)

    @pytest.mark.parametrize("of", ["input-x-gradient", "guided-backprop"])
    def test_it_is_the_mean_of_the_maps_at_noisy_inputs(self, of):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        spread = 0.2 * float(np.ptp(volume.data))
        maps = []
        for index in range(3):
            noise = np.random.default_rng([5, index]).normal(0, spread, (1, 8, 8))[0]
            maps.append(wb.explain(model, volume.with_data((volume.data + noise).astype(np.float32)), of, 1).data)
        why = self.explain(model, volume, target=1, of=of, noise=0.2, seed=5)
        assert np.allclose(why.data, np.mean(maps, axis=0), atol=1e-5)
        error = np.std(maps, axis=0, ddof=1) / np.sqrt(3)
        assert f"with 3 samples: the standard error of a voxel is {error.mean():.3g}" in why.notes[-1]
        assert why.standard_error == pytest.approx(error.mean(), rel=1e-3)
        assert f"{why.standard_error:.3g} of a voxel on average" in why._repr_html_()
        assert why.describe()["standard_error"] == why.standard_error

    def test_another_seed_draws_other_noise(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        first, other = (self.explain(model, volume, target=1, noise=0.5, seed=seed) for seed in (1, 2))
        assert np.array_equal(first.replay().data, first.data)
        assert not np.allclose(first.data, other.data, atol=1e-3)

    def test_what_the_framework_lacks_cannot_be_smoothed_there(self):
        pytest.importorskip("mindspore")
        with pytest.raises(wb.errors.InputError, match="'deep-lift' is to be had on torch alone"):
            self.explain(toys.cnn_model(2, framework="mindspore"), toys.noise_volume((8, 8)), target=1, of="deep-lift")


def test_a_running_mean_has_the_error_of_all_its_samples():
    samples = np.random.default_rng(2).normal(3, 2, (7, 4, 5))
    mean = Mean((4, 5))
    for one in samples:
        mean.add(one)
    assert np.allclose(mean.value, samples.mean(0))
    assert np.allclose(mean.error, samples.std(0, ddof=1) / np.sqrt(7))


def test_the_passes_are_those_of_all_samples():
    method = next(one for one in wb.explain.methods() if one.name == "smooth-grad")
    options = method.check_options({"samples": 5, "of": "integrated-gradients"})
    assert method.passes((8, 8), (1, 1), options) == 5 * 33
    assert method.sampled
