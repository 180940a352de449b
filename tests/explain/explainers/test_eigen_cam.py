from __future__ import annotations

import numpy as np
import pytest

from tests.explain.layer_contract import LayerExplainerContract
from workbench.explain.explainers.eigen_cam import EigenCAM


class TestEigenCAM(LayerExplainerContract):
    method = "eigen-cam"
    knows_target = False

    @pytest.mark.parametrize("sign", [1, -1])
    def test_two_channels_with_one_pattern_show_it(self, sign):
        pattern = np.array([[0.0, 1.0], [2.0, 5.0]])
        # one direction, (3, 4) / 5, holds all of it: the pattern five times over, whatever its sign
        found = EigenCAM().combine(sign * np.stack([3 * pattern, 4 * pattern]), np.zeros((2, 2, 2)))
        assert np.allclose(found, 5 * pattern)

    def test_the_first_direction_is_that_of_the_singular_values(self):
        activation = np.random.default_rng(3).normal(size=(4, 3, 5, 2))
        _, _, directions = np.linalg.svd(activation.reshape(4, -1).T, full_matrices=False)
        wanted = np.tensordot(directions[0], activation, axes=1)
        assert np.allclose(EigenCAM().combine(activation, activation), wanted * np.sign(wanted.sum()))
