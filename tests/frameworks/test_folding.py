from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from workbench.frameworks import get
from workbench.frameworks.torch._folding import _Merged, folded


class Doubling(nn.Module):
    """A convolution, and a doubled map beside it that is convolved with it."""

    def __init__(self, ndim, *, first=False, up_bias=False, bias=True):
        super().__init__()
        convolution, up, norm = {
            2: (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d),
            3: (nn.Conv3d, nn.ConvTranspose3d, nn.BatchNorm3d),
        }[ndim]
        self.skip = convolution(2, 3, 3, padding=1)
        self.down = convolution(2, 5, 2, stride=2)
        self.up = up(5, 4, 2, stride=2, bias=up_bias)
        self.join = convolution(7, 6, 3, padding=1, bias=bias)
        self.norm = norm(6)
        self.act = nn.ReLU()
        self.first = first

    def forward(self, x):
        skip, up = self.skip(x), self.up(self.down(x))
        return self.act(self.norm(self.join(torch.cat((up, skip) if self.first else (skip, up), dim=1))))


def settled(module):
    """Give the norms statistics and scales that are not those of a fresh one."""
    torch.manual_seed(3)
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias)
    return module.eval()


def inputs(ndim, channels=2):
    # odd sides are refused by the network itself, so they are even; unequal, so that axes cannot be mixed up
    return torch.randn(2, channels, *(6, 10, 8)[:ndim], generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    "options", [{}, {"first": True}, {"up_bias": True}, {"first": True, "up_bias": True, "bias": False}]
)
def test_a_doubled_map_is_convolved_without_doubling_it(ndim, options):
    module = settled(Doubling(ndim, **options))
    network = folded(module)
    assert any(isinstance(layer, _Merged) for layer in network.modules())
    kinds = (nn.modules.batchnorm._BatchNorm, nn.ConvTranspose2d, nn.ConvTranspose3d)
    assert not [layer for layer in network.modules() if isinstance(layer, kinds)]
    with torch.no_grad():
        wanted, found = module(inputs(ndim)), network(inputs(ndim))
    # the border is where a bias and the zeros around a map meet
    assert torch.allclose(found, wanted, atol=1e-5 * float(wanted.abs().max()))


def test_the_network_itself_is_left_as_it_was():
    module = settled(Doubling(2))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    network = folded(module)
    assert not {id(weight) for weight in module.parameters()} & {id(weight) for weight in network.parameters()}
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not module.act.inplace


def test_a_changed_weight_is_folded_anew():
    module = settled(Doubling(2))
    network = folded(module)
    assert folded(module) is network
    with torch.no_grad():
        module.join.weight.mul_(2)
        assert torch.allclose(folded(module)(inputs(2)), module(inputs(2)), atol=1e-5)
    module.norm.running_mean.add_(1)
    with torch.no_grad():
        assert torch.allclose(folded(module)(inputs(2)), module(inputs(2)), atol=1e-5)


class Shared(nn.Module):
    """Maps and layers that are used twice are left alone; so is a norm in training of its own."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.one, self.two = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
        self.up = nn.ConvTranspose2d(2, 2, 2, stride=2)
        self.join = nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, x):
        y = self.conv(x)
        y = self.one(y) + self.two(self.conv(y))
        doubled = self.up(nn.functional.avg_pool2d(y, 2))
        return self.join(torch.cat((y, doubled), 1)) + doubled


def test_what_is_used_twice_is_left_alone():
    module = settled(Shared())
    assert folded(module) is None


class Unwritable(nn.Module):
    """Its forward pass depends on the values."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2)

    def forward(self, x):
        return self.norm(self.conv(x)) if x.sum() > 0 else x


def test_what_cannot_be_written_down_as_a_graph_is_left_alone():
    assert folded(Unwritable().eval()) is None
    assert get("torch").layouts(Unwritable().eval(), forward_only=True) == ("contiguous", "channels-last")


def test_forms_of_a_network_answer_alike():
    framework, module = get("torch"), settled(Doubling(3))
    forms = framework.layouts(module, forward_only=True)
    assert forms == ("folded-channels-last", "folded-contiguous", "contiguous")
    assert framework.layouts(module) == ("contiguous", "channels-last")
    x = inputs(3).numpy()
    wanted = framework.forward(module, x)
    for form in (*forms, *forms):
        with framework.layout(module, form) as network:
            assert np.allclose(framework.forward(network, x), wanted, atol=1e-5)
    assert module.join.weight.is_contiguous()
