from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from workbench.frameworks import get
from workbench.frameworks.torch._doubling import _Merged, _MergedPointwise
from workbench.frameworks.torch._folding import folded


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
            if layer.affine:
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


class Residual(Doubling):
    """A doubled map beside another one, convolved 3 wide and, for a shortcut, 1 wide."""

    def __init__(self, ndim, **options):
        super().__init__(ndim, **options)
        self.shortcut = type(self.skip)(7, 6, 1, bias=options.get("bias", True))

    def forward(self, x):
        skip, up = self.skip(x), self.up(self.down(x))
        both = torch.cat((up, skip) if self.first else (skip, up), dim=1)
        return self.act(self.norm(self.join(both)) + self.shortcut(both))


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    "options", [{}, {"first": True}, {"up_bias": True}, {"first": True, "up_bias": True, "bias": False}]
)
def test_a_shortcut_beside_it_is_one_with_the_doubling(ndim, options):
    module = settled(Residual(ndim, **options))
    network = folded(module)
    kinds = [type(layer) for layer in network.modules()]
    assert kinds.count(_Merged) == kinds.count(_MergedPointwise) == 1
    with torch.no_grad():
        wanted, found = module(inputs(ndim)), network(inputs(ndim))
    assert torch.allclose(found, wanted, atol=1e-5 * float(wanted.abs().max()))


class LooksAtTheDoubled(Doubling):
    """Somebody else wants the maps side by side, so that they have to be made."""

    def forward(self, x):
        both = torch.cat((self.skip(x), self.up(self.down(x))), dim=1)
        return self.join(both), both


def test_maps_side_by_side_that_somebody_looks_at_are_made():
    assert folded(LooksAtTheDoubled(2).eval()) is None


class HasAClosedPart(nn.Module):
    """Most of it can be written down as a graph."""

    def __init__(self):
        super().__init__()
        self.closed, self.rest = Unwritable(), Doubling(2)

    def forward(self, x):
        return self.rest(nn.functional.pad(self.closed(x), (1, 1, 1, 1)))


def test_a_part_that_cannot_be_written_down_stays_and_the_rest_is_folded():
    module = settled(HasAClosedPart())
    network = folded(module)
    assert [type(layer) for layer in network.modules()].count(_Merged) == 1
    for sign in (1, -1):  # both ways that the closed part may go
        x = sign * (inputs(2).abs() + 0.1)
        with torch.no_grad():
            assert torch.allclose(network(x), module(x), atol=1e-5)


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


class NormsLast(nn.Module):
    """Norms after their activations: pooled, interpolated and put side by side before they are convolved."""

    def __init__(self, ndim, *, bias=True, functional=False):
        super().__init__()
        convolution, norm = {2: (nn.Conv2d, nn.BatchNorm2d), 3: (nn.Conv3d, nn.BatchNorm3d)}[ndim]
        self.one, self.norm_one = convolution(2, 4, 3, padding=1), norm(4)
        self.two, self.norm_two = convolution(4, 5, 3, padding=1, bias=bias), norm(5, affine=bias)
        self.point = convolution(5, 3, 1)
        self.up = nn.Upsample(scale_factor=2, mode={2: "bilinear", 3: "trilinear"}[ndim])
        self.join, self.norm_join = convolution(7, 6, 3, padding=1, bias=bias), norm(6)
        self.last = convolution(6, 2, 1)
        self.act = nn.functional.relu if functional else nn.ReLU()
        self.pool = {2: nn.functional.avg_pool2d, 3: nn.functional.avg_pool3d}[ndim]

    def forward(self, x):
        skip = self.norm_one(self.act(self.one(x)))
        deep = self.norm_two(self.act(self.two(self.pool(skip, 2))))
        joined = torch.cat((self.point(self.up(deep)), skip), dim=1)
        return self.last(self.norm_join(self.act(self.join(joined))))


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"functional": True}])
@pytest.mark.parametrize("size", [(6, 10, 8), (2, 4, 2)])
def test_norms_are_carried_to_the_convolutions_after_them(ndim, options, size):
    module = settled(NormsLast(ndim, **options))
    network = folded(module)
    assert not [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    x = torch.randn(2, 2, *size[:ndim], generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted, found = module(x), network(x)
    # zeros around a map were never added to: the border of maps, of one voxel too, is where that shows
    assert torch.allclose(found, wanted, atol=1e-5 * float(wanted.abs().max()))


class Looked(nn.Module):
    """One norm is looked at by a layer that is no convolution of its kind, and stays; the other one is carried."""

    def __init__(self, then):
        super().__init__()
        self.one, self.norm_one = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.two, self.norm_two = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.last = nn.Conv2d(4, 2, 3, padding=1)
        self.then = then

    def forward(self, x):
        x = self.norm_one(nn.functional.relu(self.one(x)))
        y = self.two(x) + self.then(x)
        return self.last(self.norm_two(nn.functional.relu(y)))


@pytest.mark.parametrize(
    "then",
    [
        nn.Identity(),
        nn.Conv2d(4, 4, 5, padding=2),
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        nn.AvgPool2d(3, stride=1, padding=1),
        nn.MaxPool2d(3, stride=1, padding=1),
        nn.BatchNorm2d(4),
    ],
    ids=lambda layer: str(layer)[:40],
)
def test_a_norm_stays_where_others_look_at_it(then):
    module = settled(Looked(then))
    network = folded(module)
    left = {name for name, layer in network.named_modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)}
    assert "norm_one" in left
    assert "norm_two" not in left
    with torch.no_grad():
        assert torch.allclose(network(inputs(2)), module(inputs(2)), atol=1e-5)


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
    assert set(forms) - {"folded-fused"} == {"folded-channels-last", "folded-contiguous"}
    assert framework.layouts(module) == ("contiguous", "channels-last")
    x = inputs(3).numpy()
    wanted = framework.forward(module, x)
    for form in (*forms, *forms):
        with framework.layout(module, form) as network:
            assert np.allclose(framework.forward(network, x), wanted, atol=1e-5)
    assert module.join.weight.is_contiguous()


def test_a_network_with_hooks_is_not_folded_but_with_those_that_only_ask():
    framework, network = get("torch"), nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()).eval()
    handle = network[0].register_forward_hook(lambda *given: 2 * given[-1])
    assert folded(network) is None
    handle.remove()
    with framework.interruptible(network, lambda: False):
        inside = folded(network)
    assert inside is not None
    # nobody asks any more, whatever was asked while it was folded
    assert not any(layer._forward_pre_hooks or layer._forward_hooks for layer in inside.modules())


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("layout", ["folded-contiguous", "folded-channels-last"])
def test_an_instance_norm_keeps_the_layout_and_its_digits(ndim, affine, layout):
    convolution, norm, last = {
        2: (nn.Conv2d, nn.InstanceNorm2d, torch.channels_last),
        3: (nn.Conv3d, nn.InstanceNorm3d, torch.channels_last_3d),
    }[ndim]
    module = nn.Sequential(convolution(2, 5, 3, padding=1), norm(5, affine=affine)).eval()
    nn.init.constant_(module[0].bias, 7.0)  # far from zero: a sum of squares loses digits
    if affine:
        nn.init.uniform_(module[1].weight, 0.5, 1.5)
        nn.init.normal_(module[1].bias)
    x = torch.randn(2, 2, *(33, 30, 28)[:ndim])
    exact = module.double()(x.double())
    module.float()
    with get("torch").layout(module, layout) as network, torch.inference_mode():
        answer = network(x)
    np.testing.assert_allclose(answer.numpy(), exact.detach().numpy(), rtol=0, atol=2e-5)
    assert answer.is_contiguous(memory_format=last if layout.endswith("last") else torch.contiguous_format)


def test_weights_that_nothing_is_done_to_are_not_copied():
    module = nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).eval()
    network = folded(module)
    assert network.get_submodule("0").weight.data_ptr() == module[0].weight.data_ptr()
    assert not network.get_submodule("0").weight.requires_grad
    assert module[0].weight.requires_grad
    assert network.get_submodule("2").weight.data_ptr() != module[2].weight.data_ptr()
