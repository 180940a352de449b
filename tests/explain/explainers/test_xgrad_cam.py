from __future__ import annotations

import numpy as np

from tests.explain.layer_contract import LayerExplainerContract, activation_and_gradient
from workbench.explain.explainers.xgrad_cam import XGradCAM
from workbench.testing import toys


class TestXGradCAM(LayerExplainerContract):
    method = "xgrad-cam"

    def test_the_weights_are_those_worked_out_by_hand(self):
        activation = np.array([[[1.0, 3.0]], [[2.0, 0.0]], [[1.0, -1.0]]])
        gradient = np.array([[[4.0, 0.0]], [[-1.0, 9.0]], [[5.0, 5.0]]])
        # (1*4 + 3*0) / 4 = 1;  2*(-1) / 2 = -1;  a channel that sums up to zero has no weight
        assert np.array_equal(XGradCAM().combine(activation, gradient), [[1 - 2, 3]])

    def test_it_equals_the_formula_of_pytorch_grad_cam(self):
        model, volume = toys.cnn_model(3), toys.noise_volume((6, 7, 5))
        a, g = activation_and_gradient(model, volume, "act2", 1)
        weights = (g * a / (a.sum((1, 2, 3), keepdims=True) + 1e-7)).sum((1, 2, 3))
        theirs = (weights[:, None, None, None] * a).sum(0)
        found = XGradCAM().combine(a, g)
        assert np.abs(theirs).max() > 1e-3
        assert np.allclose(found, theirs, atol=1e-5)
