"""Stopping a torch network between its layers, forwards and backwards."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch

from workbench import frameworks, zoo
from workbench.errors import Cancelled
from workbench.frameworks import LinearScore

X = np.ones((1, 1, 8, 8), np.float32)


class Net(torch.nn.Module):
    """Three layers that count how often they ran."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(*(torch.nn.Conv2d(1, 1, 1) for _ in range(3)))
        self.runs = 0
        for layer in self.layers:
            layer.register_forward_hook(self._count)

    def _count(self, *_: object) -> None:
        self.runs += 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def after(calls: int) -> Callable[[], bool]:
    """Say yes from the call after so many on."""
    count = iter(range(1000))
    return lambda: next(count) >= calls


@pytest.fixture
def net() -> Net:
    return Net().eval()


@pytest.fixture
def torch_framework() -> frameworks.Framework:
    return frameworks.get("torch")


def test_a_pass_is_stopped_before_the_next_layer(net: Net, torch_framework: frameworks.Framework) -> None:
    with pytest.raises(Cancelled, match="between two layers"), torch_framework.interruptible(net, after(2)):
        torch_framework.forward(net, X)
    assert net.runs == 2


def test_the_way_back_is_stopped_too(net: Net, torch_framework: frameworks.Framework) -> None:
    score = LinearScore(np.ones((1, 8, 8), np.float32))
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 4

    with pytest.raises(Cancelled), torch_framework.interruptible(net, cancelled):
        torch_framework.input_gradient(net, X, score)
    assert net.runs == 3, "all three layers ran forwards"
    with torch_framework.interruptible(net, lambda: False):
        torch_framework.input_gradient(net, X, score)


def test_nothing_stays_behind(net: Net, torch_framework: frameworks.Framework) -> None:
    before = torch_framework.forward(net, X)
    with pytest.raises(Cancelled), torch_framework.interruptible(net, lambda: True):
        torch_framework.forward(net, X)
    np.testing.assert_array_equal(torch_framework.forward(net, X), before)
    assert all(not layer._forward_pre_hooks for layer in net.layers)


def test_another_thread_is_not_disturbed(net: Net, torch_framework: frameworks.Framework) -> None:
    found: list[object] = []
    with torch_framework.interruptible(net, lambda: True):
        thread = threading.Thread(target=lambda: found.append(torch_framework.forward(net, X)))
        thread.start()
        thread.join(30)
    assert len(found) == 1


def test_a_prediction_window_by_window_is_stopped_within_a_window() -> None:
    model = zoo.create("3d-unet", in_channels=1, num_classes=2, width=2, depth=2)
    calls = 0

    def cancelled() -> bool:
        nonlocal calls
        calls += 1
        return calls > 5

    from workbench.volume import Volume

    with pytest.raises(Cancelled):
        model.predict(Volume(np.zeros((16, 16, 16), np.float32)), cancel=cancelled)
    assert calls == 6
