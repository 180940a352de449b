"""Convolutions that do what follows them in the same go answer as the layers one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.frameworks import get
from workbench.frameworks.torch import _fusing
from workbench.frameworks.torch._folding import folded
from workbench.frameworks.torch._fusing import fused

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}

pytestmark = pytest.mark.skipif(not _fusing._available(), reason="this build of torch has no fused convolutions")


class Residual(nn.Module):
    """A residual block with a shortcut of its own, and one after it without."""

    def __init__(self, ndim, activation, **how):
        super().__init__()
        convolution, norm = CONVOLUTIONS[ndim], NORMS[ndim]
        self.first, self.first_norm = convolution(2, 6, 3, padding=1, **how), norm(6)
        self.second, self.second_norm = convolution(6, 6, 3, padding=1), norm(6)
        self.shortcut, self.shortcut_norm = convolution(2, 6, 1, **how), norm(6)
        self.third, self.third_norm = convolution(6, 6, 3, padding=1), norm(6)
        self.activation = activation

    def forward(self, x):
        y = self.activation(self.first_norm(self.first(x)))
        y = self.activation(self.second_norm(self.second(y)) + self.shortcut_norm(self.shortcut(x)))
        return self.activation(y + self.third_norm(self.third(y)))


def settled(module):
    """Give norms statistics other than those they begin with."""
    torch.manual_seed(0)
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.normal_(layer.bias)
    return module.eval()


def convolutions_of(network):
    return [layer for layer in network.modules() if isinstance(layer, _fusing._Convolution)]


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("activation", [nn.ReLU(), nn.LeakyReLU(0.3), F.relu, torch.relu, F.leaky_relu])
@pytest.mark.parametrize("samples", [1, 3])
def test_a_residual_block_answers_alike(ndim, activation, samples):
    module = settled(Residual(ndim, activation, stride=2))
    network = fused(folded(module))
    assert len(convolutions_of(network)) == 4
    if activation in (F.relu, torch.relu) or isinstance(activation, nn.ReLU):
        # nothing is left beside the convolutions: no addition, no activation
        assert {node.op for node in network.graph.nodes} == {"placeholder", "call_module", "output"}
        assert not any(isinstance(layer, nn.ReLU) for layer in network.modules())
    for size in (9, 12):  # weights that were laid out for one size serve another
        x = torch.randn(samples, 2, *(size, size + 1, size + 2)[:ndim])
        kept = x.clone()
        with torch.inference_mode():
            np.testing.assert_allclose(network(x), module(x), rtol=0, atol=1e-5)
        assert torch.equal(x, kept)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    "how",
    [{"groups": 2}, {"dilation": 2, "padding": 2}, {"stride": (2, 1, 3)}, {"bias": False}, {"padding": (0, 2, 1)}],
    ids=str,
)
def test_a_convolution_of_each_kind_answers_alike(ndim, how):
    how = {name: value[:ndim] if isinstance(value, tuple) else value for name, value in how.items()}
    module = settled(nn.Sequential(CONVOLUTIONS[ndim](4, 6, 3, **how), NORMS[ndim](6), nn.ReLU()))
    network = fused(folded(module))
    assert len(convolutions_of(network)) == 1
    assert len(list(network.graph.nodes)) == 3
    x = torch.randn(2, 4, *(11, 12, 13)[:ndim])
    with torch.inference_mode():
        np.testing.assert_allclose(network(x), module(x), rtol=0, atol=1e-5)


class Head(nn.Module):
    """What becomes of the output of a convolution with a norm is said by whoever tests."""

    def __init__(self, forward, **parts):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.other = nn.Conv2d(2, 4, 3, padding=1)
        for name, part in parts.items():
            setattr(self, name, part)
        self._forward = forward

    def forward(self, x):
        return self._forward(self, x)


def made(self, x):
    return self.norm(self.conv(x))


def over_all(self, x):
    return F.relu(made(self, x) + self.weight)


def repeated(self, x):
    return F.leaky_relu(made(self, x) + self.other(x).mean((2, 3), keepdim=True))


def seen_twice(self, x):
    y = made(self, x)
    return F.relu(y) + y


def doubled(self, x):
    y = made(self, x)
    return y + y


def changed_between(self, x):
    other = self.other(x)
    y = made(self, x)
    changed = other.mul_(2)
    return y + other + changed


def later(self, x):
    y = made(self, x)
    return y + self.other(x).tanh()


def called_twice(self, x):
    return self.last(F.relu(self.last(made(self, x))))


def times(self, x):
    return torch.add(made(self, x), self.other(x), alpha=3)


def a_number(self, x):
    return x.shape[2] + made(self, x)


@pytest.mark.parametrize(
    "forward",
    [a_number, over_all, repeated, seen_twice, doubled, changed_between, later, called_twice, times],
)
def test_what_looks_like_a_residual_block_and_is_none_answers_alike(forward):
    torch.manual_seed(1)
    module = settled(Head(forward, weight=nn.Parameter(torch.randn(1, 4, 1, 1)), last=nn.Conv2d(4, 4, 1)))
    network = fused(folded(module))
    assert convolutions_of(network)
    x = torch.randn(2, 2, 7, 8)
    with torch.inference_mode():
        np.testing.assert_allclose(network(x), module(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(2, 3, 3, padding="same"),
        nn.ConvTranspose2d(2, 3, 2),
        nn.Conv2d(2, 3, 3).double(),
    ],
    ids=["reflect", "same", "transposed", "double"],
)
def test_other_convolutions_are_left_as_they_are(convolution):
    module = settled(nn.Sequential(convolution, nn.BatchNorm2d(3).to(convolution.weight.dtype)))
    assert fused(folded(module)) is None
    assert "folded-fused" not in get("torch").layouts(module, forward_only=True)


class PaddedByShape(nn.Conv2d):
    """Pads by the shape of its input, which cannot be written down as a graph."""

    def forward(self, x):
        return super().forward(F.pad(x, (1, 1, 1, 1)) if x.shape[-1] > 3 else x)


def test_a_convolution_that_does_more_than_its_class_is_left_as_it_is():
    module = settled(nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), PaddedByShape(3, 4, 3), nn.ReLU()))
    network = fused(folded(module))
    assert len(convolutions_of(network)) == 1
    x = torch.randn(1, 2, 8, 8)
    with torch.inference_mode():
        np.testing.assert_allclose(network(x), module(x), rtol=0, atol=1e-5)


def test_a_sample_without_an_axis_for_samples_is_answered():
    module = settled(Head(lambda self, x: F.relu(self.other(x[0])) + made(self, x)[0]))
    network = fused(folded(module))
    assert convolutions_of(network)
    x = torch.randn(1, 2, 7, 8)
    with torch.inference_mode():
        np.testing.assert_allclose(network(x), module(x), rtol=0, atol=1e-5)


def test_it_is_made_once_and_again_when_weights_change():
    module = settled(nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU()))
    x = torch.randn(1, 2, 6, 6)
    framework = get("torch")
    with framework.layout(module, "folded-fused") as first, framework.layout(module, "folded-fused") as second:
        assert first is second
    with torch.no_grad():
        module[0].weight.mul_(-2)
    with framework.layout(module, "folded-fused") as network, torch.inference_mode():
        assert network is not first
        np.testing.assert_allclose(network(x), module(x), rtol=0, atol=1e-6)


def test_it_is_offered_first():
    assert get("torch").layouts(settled(Residual(3, F.relu)), forward_only=True)[0] == "folded-fused"
