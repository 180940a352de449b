from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.explain.explainers.rise import Slope, smooth_mask
from workbench.testing import toys
from workbench.testing.explainers import ExplainerContract


class TestRise(ExplainerContract):
    method = "rise"
    options = {"samples": 150, "cells": 5}
    off_mm = 4.0

    def test_of_a_linear_network_voxels_that_are_seen_alone_have_their_share(self):
        model, weights = toys.linear_model((3, 4), classes=2)
        volume = toys.noise_volume((3, 4))
        share = weights[1, 0] * volume.data
        why = self.explain(model, volume, target=1, cells=4, samples=4000, baseline=0)
        # a mask of as many cells as voxels is independent from voxel to voxel
        errors = np.abs(why.data - share)
        told = float(why.notes[-1].split("voxel is ")[1].split(" on")[0])
        assert errors.mean() < 3 * told
        assert told < 0.1 * np.abs(share).max()

    def test_another_seed_draws_other_masks(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        first, other = (self.explain(model, volume, target=1, seed=seed) for seed in (1, 2))
        assert np.array_equal(first.replay().data, first.data)
        assert not np.allclose(first.data, other.data, atol=1e-3)


def test_the_slope_is_that_of_least_squares():
    rng = np.random.default_rng(4)
    masks, scores = rng.uniform(size=(30, 2, 3)), 1e4 + rng.normal(size=30)
    slope = Slope((2, 3))
    for mask, score in zip(masks, scores, strict=True):
        slope.add(mask, score)
    for place in np.ndindex(2, 3):
        fit, covariance = np.polyfit(masks[(slice(None), *place)], scores, 1, cov=True)
        assert slope.value[place] == pytest.approx(fit[0], rel=1e-6)
        assert slope.error[place] == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-6)


@pytest.mark.parametrize("shape", [(9, 14), (7, 8, 5)])
def test_masks_show_every_voxel_as_often_as_asked(shape):
    masks = [smooth_mask(np.random.default_rng(i), (3,) * len(shape), shape, 0.3) for i in range(600)]
    assert all(mask.shape == shape and mask.min() >= 0 and mask.max() <= 1 for mask in masks)
    assert np.abs(np.mean(masks, axis=0) - 0.3).max() < 0.1


def test_the_passes_are_the_samples_and_that_of_the_baseline():
    method = wb.explain.registry.get("rise")
    assert method.passes((8, 8), (1, 1), method.check_options({})) == 1001
