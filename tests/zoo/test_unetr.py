from __future__ import annotations

import numpy as np

from workbench.testing.algorithms.parity import ParityByDefault
from workbench.testing.algorithms.segmentation import SegmentationContract


class TestUNETR(ParityByDefault, SegmentationContract):
    name = "unetr"
    tiny = {"feature_size": 4, "hidden_size": 8, "mlp_dim": 8, "num_heads": 2, "image_size": 32}
    size = (32, 16, 16)
    default_size = (32, 16, 16)

    def test_states_are_taken_where_the_option_says(self) -> None:
        inputs = self.inputs(1)
        paper, code = (self.model(states=states, seed=1) for states in ("3-6-9", "4-7-10"))
        code.framework.load_state(code.module, paper.state())
        assert not np.allclose(paper.forward(inputs), code.forward(inputs), atol=1e-3)

    def test_volumes_are_cut_to_the_size_of_the_positions(self, monkeypatch) -> None:
        model, seen = self.model(image_size=16), []
        forward = model.forward
        monkeypatch.setattr(model, "forward", lambda x, **how: seen.append(x.shape[2:]) or forward(x, **how))
        model.predict(self.volume(self.in_channels, (32, 16, 16)))
        assert set(seen) == {(16, 16, 16)}
        seen.clear()
        model.patch_size = (32, 16, 16)  # as training says
        model.predict(self.volume(self.in_channels, (32, 16, 16)))
        assert set(seen) == {(32, 16, 16)}


class TestMonai(SegmentationContract):
    name = "unetr"
    tiny = {
        "hidden_size": 4,
        "feature_size": 4,
        "mlp_dim": 4,
        "num_heads": 2,
        "image_size": 16,
        "projection": "perceptron",
        "states": "4-7-10",
        "idle_norms": False,
    }
    num_classes = 2
    size = (16, 16, 16)

    def test_a_patch_becomes_a_token_by_the_same_map(self) -> None:
        linear, conv = self.model(), self.model(projection="conv")
        state = linear.state()
        name = "vit.patch_embed.proj.weight"
        cube = state[name].reshape(4, 16, 16, 16, self.in_channels)
        state[name] = np.ascontiguousarray(np.moveaxis(cube, -1, 1))
        conv.framework.load_state(conv.module, state)
        assert np.allclose(linear.forward(self.inputs(1)), conv.forward(self.inputs(1)), atol=1e-5)
