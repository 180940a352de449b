from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench.explain.explainers.integrated_gradients import _why
from workbench.testing import toys
from workbench.testing.explainers import SHAPES, ExplainerContract


class TestIntegratedGradients(ExplainerContract):
    method = "integrated-gradients"
    options: ClassVar[dict[str, Any]] = {"points": 8}

    @pytest.mark.parametrize("baseline", [0, 0.5, "mean", "blur"])
    def test_the_map_sums_up_to_the_difference_of_the_scores(self, baseline):
        model, _ = toys.linear_model((4, 5, 3))
        volume = toys.noise_volume((4, 5, 3))
        why = self.explain(model, volume, target=2, baseline=baseline)
        empty = toys.noise_volume((4, 5, 3)).with_data(_baseline(volume.data, baseline))
        assert why.data.sum() == pytest.approx(why.score - self.explain(model, empty, target=2).score, rel=1e-3)

    def test_it_equals_captum(self):
        captum, torch = pytest.importorskip("captum.attr"), pytest.importorskip("torch")
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3])
        inputs = torch.from_numpy(model.prepare(volume).batch)
        method = captum.IntegratedGradients(model.module)
        theirs = method.attribute(inputs, target=1, n_steps=8, method="gausslegendre")[0, 0].detach().numpy()
        assert np.abs(self.explain(model, volume, target=1).data - theirs).max() <= 1e-5

    @pytest.mark.parametrize("size", [1, 3, 8])
    def test_the_batch_size_does_not_matter(self, size):
        model, volume = toys.cnn_model(2), toys.noise_volume(SHAPES[2])
        expected = self.explain(model, volume, target=1).data
        assert np.allclose(self.explain(model, volume, target=1, batch_size=size).data, expected, atol=1e-6)


def _baseline(data, baseline):
    if baseline == "mean":
        return np.full_like(data, data.mean())
    if baseline == "blur":
        from scipy.ndimage import gaussian_filter

        return gaussian_filter(data, 4)
    return np.full_like(data, baseline)


def test_a_sum_that_has_not_converged_is_told_with_what_to_do():
    model, volume = toys.cnn_model(2), toys.noise_volume((12, 12))
    next(model.module.parameters()).data.mul_(30)  # many kinks on the way from the baseline
    few = wb.explain(model, volume, "integrated-gradients", points=1, target=1)
    many = wb.explain(model, volume, "integrated-gradients", points=1000, target=1)
    (note,) = few.notes
    assert "The contributions sum up to" in note
    assert "points=4" in note
    assert not many.notes


def test_no_more_points_are_advised_than_can_be_had():
    assert "points=1000" in _why(999)
    assert "baseline='blur'" in _why(1000)
    assert "points=" not in _why(1000)
