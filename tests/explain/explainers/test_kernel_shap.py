from __future__ import annotations

import itertools

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.testing import toys
from workbench.testing.explainers import ExplainerContract
from workbench.volume import Volume

STRIPES = np.repeat([[1, 2, 3, 4]], 6, axis=0).repeat(2, axis=1).astype(np.uint8)  # 6 x 8


def shapley(model, volume, index):
    """The Shapley value of each stripe as it is defined: its mean gain over all orders."""
    found, orders = np.zeros(4), list(itertools.permutations(range(4)))
    for order in orders:
        seen, before = np.zeros_like(volume.data), None
        for part in [None, *order]:
            if part is not None:
                seen[part + 1 == STRIPES] = volume.data[part + 1 == STRIPES]
            score = float(model.forward(seen[None, None].astype(np.float32))[0, index])
            if part is not None:
                found[part] += (score - before) / len(orders)
            before = score
    return found


class TestKernelShap(ExplainerContract):
    method = "kernel-shap"
    options = {"count": 40, "samples": 160}
    off_mm = 3.5

    def test_all_coalitions_give_the_shapley_value(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((6, 8))
        labels = Volume(STRIPES, volume.affine, kind="labels")
        why = self.explain(model, volume, target=1, segments=labels)
        wanted = shapley(model, volume, 1)
        assert np.abs(wanted).min() > 1e-3
        assert np.allclose(why.data, wanted[STRIPES - 1], atol=1e-5)
        assert why.notes == ()

    def test_drawn_coalitions_come_near_it_and_say_how_near(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((6, 8))
        labels = Volume(STRIPES, volume.affine, kind="labels")
        wanted = shapley(model, volume, 1)
        values = []
        for seed in range(20):
            why = self.explain(model, volume, target=1, segments=labels, samples=10, seed=seed)
            values.append(why.data[0, ::2])
            assert "with 10 samples: the standard error" in why.notes[-1]
            empty = model.forward(np.zeros((1, 1, 6, 8), np.float32))[0, 1]
            assert why.data[0, ::2].sum() == pytest.approx(why.score - empty, abs=1e-5)
        error = np.std(values, axis=0, ddof=1) / np.sqrt(20)
        assert (error > 0).all()
        assert (np.abs(np.mean(values, axis=0) - wanted) < 4 * error + 0.05 * np.abs(wanted).max()).all()

    def test_a_single_part_has_all_of_it(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((6, 8))
        labels = Volume(np.ones((6, 8), np.uint8), volume.affine, kind="labels")
        empty = model.forward(np.zeros((1, 1, 6, 8), np.float32))[0, 1]
        why = self.explain(model, volume, target=1, segments=labels)
        assert np.allclose(why.data, why.score - empty, atol=1e-6)

    def test_too_few_samples_are_refused(self):
        with pytest.raises(InputError, match=r"at least twice the parts, which are \d+, got 30\. Give samples=\d+"):
            self.explain(toys.cnn_model(2), toys.noise_volume((12, 12)), target=1, samples=30)
