"""A network that somebody trains is asked in evaluation mode by every method, and is as it was afterwards."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from workbench.testing import toys

METHODS = ["deep-lift", "guided-backprop", "guided-grad-cam", "lrp", "saliency", "grad-cam", "occlusion"]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2),
    )  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_the_network_stays_as_it_was(method):
    volume = toys.noise_volume((12, 10))
    training, evaluated = network().train(), network().eval()
    before = {name: value.clone() for name, value in training.state_dict().items()}
    found = wb.explain(wb.wrap(training, task="classification"), volume, method, 1)
    assert training.training
    assert all(layer.training for layer in training.modules())
    assert all(torch.equal(value, before[name]) for name, value in training.state_dict().items())
    wanted = wb.explain(wb.wrap(evaluated, task="classification"), volume, method, 1)
    assert np.allclose(found.data, wanted.data, atol=1e-6)
    assert np.ptp(wanted.data) > 0
