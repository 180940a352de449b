"""Every non-linear call as a module of its own: the numbers stay the network's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workbench.frameworks import LinearScore
from workbench.frameworks.torch.stepwise import Stepwise

SCORE = LinearScore(np.ones(1, np.float32))


class Called(torch.nn.Module):
    """A network that is one function, and a mean."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x * 1).flatten(1).square().mean(1, keepdim=True)


def volume(*shape: int) -> torch.Tensor:
    drawn = torch.from_numpy(np.random.default_rng(5).normal(size=shape).astype(np.float32))
    return drawn.requires_grad_(True)


POOLS = [
    (F.max_pool2d, (2,), {}),
    (F.max_pool2d, (3, 2, 1), {}),
    (F.max_pool2d, (3,), {"stride": 2, "ceil_mode": True}),
    (F.max_pool2d, ((3, 2),), {"stride": (1, 3), "padding": (1, 0)}),
    (F.max_pool2d, (2,), {"stride": 5}),
    (torch.nn.MaxPool2d(2, 3, 1, ceil_mode=True), (), {}),
    (F.max_pool3d, (2,), {}),
    (F.max_pool3d, (3, 2, 1), {}),
    (torch.nn.MaxPool3d(3, stride=(2, 1, 2), padding=1), (), {}),
]


@pytest.mark.parametrize(("pool", "args", "options"), POOLS)
def test_maxima_over_windows_are_those_of_torch(pool: Callable[..., torch.Tensor], args: tuple, options: dict) -> None:
    three = pool is F.max_pool3d or isinstance(pool, torch.nn.MaxPool3d)
    x = volume(*((1, 2, 7, 9, 6) if three else (1, 3, 11, 8)))
    network = Called(lambda x: pool(x - 3, *args, **options))
    steps = Stepwise(network, SCORE, x)
    assert [type(step) for step in steps.steps] == [torch.nn.MaxPool1d, torch.nn.ReLU]  # the square is a step, too
    torch.testing.assert_close(steps(x), network(x)[:, 0])
    ours, theirs = (torch.autograd.grad(found.sum(), x)[0] for found in (steps(x), network(x)))
    torch.testing.assert_close(ours, theirs)


CALLS = {
    "a function": F.relu,
    "a function in place": lambda x: F.relu(x * 1, inplace=True),
    "a method in place": lambda x: (x * 1).relu_(),
    "a method": lambda x: x.sigmoid(),
    "a module": torch.nn.SiLU(),
    "a module in place": torch.nn.Hardswish(inplace=True),
    "a slope that is learnt": torch.nn.PReLU(),
    "a power": lambda x: x**3,
    "named arguments": lambda x: torch.clamp(input=x, min=-0.5, max=0.7),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_functions_of_single_values_are_one_step_each(call: Callable[[torch.Tensor], torch.Tensor]) -> None:
    network, x = Called(call), volume(1, 2, 5, 4)
    steps = Stepwise(network, SCORE, x)
    assert steps.replaced == 2
    torch.testing.assert_close(steps(x), network(x)[:, 0])
    assert steps.scores.requires_grad is False


def test_what_is_written_in_place_is_seen_under_the_old_name() -> None:
    def call(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y.tanh_()
        return y + 1

    network, x = Called(call), volume(1, 1, 4, 4)
    torch.testing.assert_close(Stepwise(network, SCORE, x)(x), network(x)[:, 0])


def test_steps_that_do_not_depend_on_the_input_are_left_alone() -> None:
    grid = torch.nn.Parameter(torch.linspace(-1, 1, 16).reshape(4, 4))
    network, x = Called(lambda x: x * torch.tanh(grid * 1)), volume(1, 1, 4, 4)
    steps = Stepwise(network, SCORE, x)
    assert (len(steps.steps), steps.replaced) == (2, 1)


def test_windows_with_holes_and_products_of_maps_are_left_alone() -> None:
    def call(x: torch.Tensor) -> torch.Tensor:
        largest, _places = F.max_pool2d(F.max_pool2d(x, 2, 1, dilation=2), 2, return_indices=True)
        return largest ** (x.abs().mean() * 1)

    network, x = Called(call), volume(1, 1, 6, 6)
    steps = Stepwise(network, SCORE, x)
    assert len(steps.steps) == 2  # the magnitude, and the square


def test_a_number_to_the_power_of_a_map_is_left_alone() -> None:
    network, x = Called(lambda x: torch.pow(2.0, x)), volume(1, 1, 4, 4)
    steps = Stepwise(network, SCORE, x)
    assert len(steps.steps) == 1  # the square
    torch.testing.assert_close(steps(x), network(x)[:, 0])


def test_rectifiers_alone() -> None:
    network, x = Called(lambda x: F.relu(torch.tanh(x)).relu_()), volume(1, 1, 6, 6)
    assert Stepwise(network, SCORE, x, relu_only=True).replaced == 2


def test_a_score_that_no_voxel_matters_to_has_a_gradient_of_zero() -> None:
    x = volume(1, 1, 3, 3)
    steps = Stepwise(Called(lambda x: torch.ones_like(x)), SCORE, x)
    (gradient,) = torch.autograd.grad(steps(x).sum(), x)
    assert not gradient.any()
