from __future__ import annotations

import numpy as np

from tests.explain.layer_contract import LayerExplainerContract, activation_and_gradient
from workbench.testing import toys


class TestAblationCAM(LayerExplainerContract):
    method = "ablation-cam"

    def test_before_a_linear_head_a_channel_weighs_what_it_adds(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((8, 8))
        a, _ = activation_and_gradient(model, volume, "act2", 1)
        adds = model.framework.state(model.module)["fc.weight"][1] * a.mean((1, 2))
        why = self.explain(model, volume, target=1, layer="gap", relu=False)
        # the pooled channels, each times its weight times itself
        assert np.allclose(why.data, (adds * a.mean((1, 2))).sum(), atol=1e-5)

    def test_it_equals_one_pass_for_each_channel(self):
        model, volume = toys.cnn_model(3, width=5), toys.noise_volume((6, 7, 5))
        a, _ = activation_and_gradient(model, volume, "conv1", 1)
        whole, wanted = self.explain(model, volume, target=1, layer="conv1").score, np.zeros((6, 7, 5))
        for channel in range(5):
            with model.framework.replace(model.module, "conv1", lambda out, k=channel: _without(out, k)):
                left = model.forward(model.prepare(volume).batch)[0, 1]
            wanted += (whole - left) * a[channel]
        why = self.explain(model, volume, target=1, layer="conv1", relu=False, batch_size=3)
        assert np.abs(wanted).max() > 1e-3
        assert np.allclose(why.data, wanted, atol=1e-4)


def _without(output, channel):
    output[:, channel] = 0
    return output
