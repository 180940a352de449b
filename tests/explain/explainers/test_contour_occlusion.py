from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.testing import toys
from workbench.testing.explainers import ExplainerContract
from workbench.volume import Volume

HALVES = np.repeat([[3, 0, 9]], 4, axis=0).repeat(2, axis=1).astype(np.uint8)  # 4 x 6


class TestContourOcclusion(ExplainerContract):
    method = "contour-occlusion"
    options = {"count": 60}
    off_mm = 3.0

    @pytest.mark.parametrize("baseline", [0, 0.5])
    def test_a_part_of_a_linear_network_loses_its_share(self, baseline):
        model, weights = toys.linear_model((4, 6), classes=2)
        volume = toys.noise_volume((4, 6))
        share = weights[1, 0] * (volume.data - baseline)
        wanted = np.zeros((4, 6))
        for label in (3, 9):
            wanted[label == HALVES] = share[label == HALVES].sum()
        labels = Volume(HALVES, volume.affine, kind="labels")
        why = self.explain(model, volume, target=1, segments=labels, baseline=baseline, batch_size=1)
        assert np.allclose(why.data, wanted, atol=1e-5)

    def test_labels_may_lie_on_any_grid(self):
        model, volume = toys.cnn_model(3, preprocess={"orientation": "RAS"}), toys.noise_volume((6, 7, 5), toys.OBLIQUE)
        labels = Volume(np.arange(210).reshape(6, 7, 5) // 70 + 1, volume.affine, kind="labels")
        here, turned = (
            self.explain(model, volume, target=1, segments=one).data for one in (labels, labels.reorient("LIP"))
        )
        assert np.abs(here).max() > 1e-3
        assert np.array_equal(here, turned)

    def test_labels_are_stored_with_the_map(self, tmp_path):
        model, volume = toys.cnn_model(2), toys.noise_volume((4, 6))
        labels = Volume(HALVES, volume.affine, kind="labels")
        why = self.explain(model, volume, target=1, segments=labels)
        assert "segments=segments" in why.code()
        again = wb.explain.Explanation.load(why.save(tmp_path / "why.npz")).replay(model, volume)
        assert np.array_equal(again.data, why.data)


def test_the_passes_are_one_for_each_part():
    method = wb.explain.registry.get("contour-occlusion")
    labels = Volume(HALVES, np.eye(4), kind="labels")
    assert method.passes((4, 6), (1, 1), method.check_options({"segments": labels})) == 3
    assert method.passes((4, 6), (1, 1), method.check_options({"count": 20})) == 21
