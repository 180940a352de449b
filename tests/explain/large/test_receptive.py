"""How far a network looks, where noise around 0 does not show it, and where its weights change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from workbench.explain import Voxel
from workbench.explain.large.receptive import receptive_field
from workbench.testing import toys
from workbench.volume import Volume


class OfRange(nn.Module):
    """Sees nothing but values from 40 to 240, as a soft-tissue window does."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv3d(1, 4, 3, padding=1), nn.Conv3d(4, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(torch.relu(self.one((x.clamp(40, 240) - 140) / 50)))


@pytest.fixture
def scan() -> Volume:
    data = np.random.default_rng(0).uniform(-100, 300, (40, 36, 38)).astype(np.float32)
    return Volume(data, toys.OBLIQUE, unit="HU")


def test_a_network_that_cuts_off_values_is_measured_in_the_range_of_the_volume(scan):
    torch.manual_seed(0)
    model = wb.wrap(OfRange().eval(), task="segmentation")
    assert receptive_field(model, model.prepare(scan)).before == (2, 2, 2)
    target = Voxel((20, 18, 19), label=1)
    box, whole = (wb.explain(model, scan, "saliency", target, field=field) for field in ("parts", "whole"))
    assert box.field.kind == "box"
    assert box.score == pytest.approx(whole.score, abs=1e-5)
    assert np.abs(box.data - whole.data).max() <= 1e-4 * np.abs(whole.data).max()


def test_other_weights_are_measured_anew_and_none_at_all_not():
    module = OfRange().eval()
    model = wb.wrap(module, task="segmentation")
    with torch.no_grad():
        module.two.weight.zero_()
    scaled = model.prepare(Volume(np.random.default_rng(0).uniform(0, 300, (32, 32, 32)).astype(np.float32)))
    assert receptive_field(model, scaled) is None, "no gradient comes through"
    with torch.no_grad():
        module.two.weight.normal_()
    assert receptive_field(model, scaled).before == (2, 2, 2)
