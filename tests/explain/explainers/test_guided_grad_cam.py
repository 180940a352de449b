from __future__ import annotations

import numpy as np
import pytest

from workbench.testing import toys
from workbench.testing.explainers import ExplainerContract


class TestGuidedGradCAM(ExplainerContract):
    method = "guided-grad-cam"
    layer = "conv2"
    energy_layer = "act"
    proportional = False  # of two maps that are

    def test_it_equals_captum(self):
        captum, torch = pytest.importorskip("captum.attr"), pytest.importorskip("torch")
        model, volume = toys.cnn_model(2), toys.noise_volume((9, 8))
        inputs = torch.from_numpy(model.prepare(volume).batch).requires_grad_(True)
        method = captum.GuidedGradCam(model.module, model.module.conv2)
        theirs = method.attribute(inputs, target=2, interpolate_mode="bilinear")[0, 0].detach().numpy()
        why = self.explain(model, volume, target=2)
        assert np.abs(theirs).max() > 1e-4
        assert np.abs(why.data - theirs).max() <= 1e-5 * np.abs(theirs).max()
