"""A single sample is convolved as two are."""

from __future__ import annotations

import pytest
import torch

from workbench.frameworks import get
from workbench.frameworks.torch._convolving import SingleSamples

if not torch.backends.mkldnn.is_available():
    pytest.skip("this torch comes without oneDNN", allow_module_level=True)


def ways(network, x, mode):
    """Return the answer, and whether it was convolved slowly."""
    with torch.inference_mode(), torch.profiler.profile() as seen:
        if mode:
            with SingleSamples():
                found = network(x)
        else:
            found = network(x)
    return found, any(event.key.startswith("aten::slow_conv") for event in seen.key_averages())


@pytest.mark.parametrize("how", [{"padding": 1}, {"stride": 2, "padding": (0, 1, 2)}, {"dilation": 2, "bias": False}])
@pytest.mark.parametrize("channels_last", [False, True])
def test_one_sample_goes_where_two_go(how, channels_last):
    torch.manual_seed(0)
    network = torch.nn.Conv3d(3, 5, 3, **how).eval()
    x = torch.randn(1, 3, 20, 24, 22)
    if channels_last:
        network, x = (one.to(memory_format=torch.channels_last_3d) for one in (network, x))
    wanted, slow = ways(network, x, mode=False)
    found, quick = ways(network, x, mode=True)
    assert slow, "torch has learnt it: this module may go"
    assert not quick
    assert torch.allclose(found, wanted, atol=1e-5)


def test_everything_else_is_left_as_it_is():
    torch.manual_seed(0)
    for network, shape in (
        (torch.nn.Conv3d(2, 3, 3), (1, 2, 5, 6, 7)),
        (torch.nn.Conv3d(2, 3, 3, padding="same"), (1, 2, 30, 24, 26)),
        (torch.nn.Conv3d(2, 4, 3, groups=2), (1, 2, 30, 24, 26)),
        (torch.nn.Conv3d(2, 3, 3).double(), (1, 2, 30, 24, 26)),
        (torch.nn.Conv2d(2, 3, 3), (1, 2, 30, 24)),
        (torch.nn.Conv3d(2, 3, 3), (2, 30, 24, 26)),
    ):
        x = torch.randn(shape, dtype=next(network.parameters()).dtype)
        with torch.inference_mode():
            wanted = network(x)
            with SingleSamples():
                assert torch.equal(network(x), wanted)


def test_a_prediction_does_so():
    network = torch.nn.Conv3d(1, 2, 3).eval()
    x = torch.randn(1, 1, 30, 30, 30).numpy()
    with torch.profiler.profile() as seen:
        get("torch").forward(network, x)
    assert not any(event.key.startswith("aten::slow_conv") for event in seen.key_averages())
