"""Whether a map foretells how the score changes."""

import numpy as np
import pytest

import workbench as wb
from workbench.explain.checkers.infidelity import _boxes
from workbench.testing import CheckContract, toys

OPTIONS = {"samples": 30, "baseline": 0}


class TestInfidelity(CheckContract):
    name = "infidelity"
    options = {"samples": 5}

    def value(self, why):
        return wb.explain.score(why, checks={self.name: OPTIONS}).rows[0]["value"]

    def test_what_each_voxel_adds_foretells_everything(self):
        model, _ = toys.linear_model((6, 5, 4))
        why = wb.explain.explain(model, toys.noise_volume((6, 5, 4), toys.OBLIQUE), "input-x-gradient", 2)
        assert self.value(why) == pytest.approx(0, abs=1e-6)
        assert self.value(why.with_data(3 * why.data)) == pytest.approx(0, abs=1e-6), "its scale does not matter"
        assert self.value(why.with_data(-why.data)) == 1.0, "upside down it foretells nothing"

    def test_it_equals_captum(self):
        captum, torch = pytest.importorskip("captum.metrics"), pytest.importorskip("torch")
        model, volume = toys.cnn_model(2), toys.noise_volume((16, 14))
        why = wb.explain.explain(model, volume, "integrated-gradients", 1, baseline=0)
        boxes = _boxes((16, 14), OPTIONS["samples"], np.random.default_rng(0))
        hidden = np.zeros((len(boxes), 1, 16, 14), np.float32)
        for number, box in enumerate(boxes):
            hidden[number, 0][box] = 1

        def perturb(inputs):
            return torch.from_numpy(hidden), inputs * (1 - torch.from_numpy(hidden))

        inputs = torch.from_numpy(model.prepare(volume).batch)
        attribution = torch.from_numpy(np.ascontiguousarray(why.data))[None, None]
        theirs = captum.infidelity(
            model.module, perturb, inputs, attribution, target=1, n_perturb_samples=len(boxes), normalize=True
        )
        with torch.no_grad():
            changes = (model.module(inputs) - model.module(inputs * (1 - torch.from_numpy(hidden))))[:, 1].numpy()
        assert self.value(why) == pytest.approx(float(theirs) / float((changes**2).mean()), rel=1e-4)
