from __future__ import annotations

import numpy as np

import workbench as wb
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.testing.algorithms.segmentation import SegmentationContract


class TestUNet2D(ParityByDefault, SegmentationContract):
    name = "2d-unet"
    tiny = {"width": 4, "depth": 3}
    size = (16, 12)
    default_size = (64, 64)

    def test_log_softmax_is_the_softmax_of_the_logits(self) -> None:
        plain, logged = self.model(seed=1), self.model(seed=1, output="log-softmax")
        logits, logs = plain.forward(self.inputs()), logged.forward(self.inputs())
        assert np.allclose(np.exp(logs).sum(axis=1), 1, atol=1e-5)
        assert np.allclose(logs, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), atol=1e-5)

    def test_the_unused_branch_changes_nothing(self, tmp_path) -> None:
        held = self.model(seed=1, unused_branch=True)
        plain = self.model(seed=2)
        report = plain.load(held.save(tmp_path / "held.safetensors"), strict=False)
        assert not report.missing
        assert all("residual" in name for name in report.unexpected)
        assert np.array_equal(plain.forward(self.inputs()), held.forward(self.inputs()))

    def test_slices_of_a_volume_keep_their_place(self) -> None:
        volume = wb.Volume(np.random.default_rng(0).normal(size=(20, 18, 6)), np.diag([-1, 2, 3, 1.0]))
        slice_ = volume.slice_2d("k", 4)
        answer = wb.zoo.create("2d-unet", **self.tiny).predict(slice_)
        assert np.array_equal(answer.affine, slice_.affine)
        assert answer.spatial_shape == (20, 18)
