"""Layer-wise relevance propagation by Captum, on a copy of the network."""

from __future__ import annotations

import copy
from typing import Any

import torch

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks.base import LinearScore
from workbench.frameworks.torch._tensors import (
    bare,
    device_of,
    differentiating,
    dtype_of,
    need_layers,
    run,
    to_array,
    to_tensor,
)

_KINDS = ("Conv{}d", "BatchNorm{}d", "AvgPool{}d", "AdaptiveAvgPool{}d", "MaxPool{}d")
#: What the epsilon rule holds for: all that is linear, or chooses among its inputs.
_LINEAR = (
    *(torch.nn.Linear, torch.nn.Flatten, torch.nn.Identity),
    *(getattr(torch.nn, kind.format(n)) for kind in _KINDS for n in (2, 3)),
)
_PASSING = (torch.nn.ReLU, torch.nn.Dropout, torch.nn.Tanh)


def propagate(network: torch.nn.Module, score: LinearScore, x: Array, *, biases: bool = True) -> tuple[Array, float]:
    """Return the relevance of an input ``[1, channels, *spatial]``, of its shape, and the raw score that is shared out.

    Parameters
    ----------
    biases : bool
        Whether the network keeps its biases and means, which take a share of the relevance.

    Raises
    ------
    InputError
        If a layer has no rule or runs several times, or the network does not show its layers.
    """
    from captum.attr import LRP
    from captum.attr._utils.lrp_rules import EpsilonRule

    network = bare(network)
    need_layers(network, "integrated-gradients, saliency, occlusion")
    with differentiating(network):
        inputs = to_tensor(x, device_of(network)).to(dtype_of(network)).requires_grad_(True)
        if score.plus:
            raise InputError(
                "Layer-wise relevance propagation must have a score of one output, got one of several. "
                "Take 'integrated-gradients'."
            )
        scored = _Scored(copy.deepcopy(network), score, inputs)
        for layer in scored.modules():
            if any(layer.children()):
                continue
            if isinstance(layer, _LINEAR):
                layer.rule = EpsilonRule()
                if not biases:
                    _centre(layer)
            elif not isinstance(layer, _PASSING):
                raise InputError(
                    f"Layer-wise relevance propagation must have a rule for each layer, got a {type(layer).__name__}. "
                    "Take 'deep-lift' or 'integrated-gradients'."
                )
            else:
                layer.inplace = False
        try:
            found = LRP(scored).attribute(inputs)
        except RuntimeError as error:
            if "used more than once" not in str(error):
                raise
            raise InputError(
                "Layer-wise relevance propagation must meet each layer once, got a network that runs one again. "
                "Take 'deep-lift' or 'integrated-gradients'."
            ) from error
        return to_array(found.float()), float(scored(inputs).detach())


class _Scored(torch.nn.Module):
    """A network whose last layer is the score: so each output has the share of it that it makes."""

    def __init__(self, network: torch.nn.Module, score: LinearScore, inputs: torch.Tensor) -> None:
        super().__init__()
        self.network, self.select = network, score.select
        with torch.no_grad():
            output = score.select(run(network, inputs.clone()))
        weights = torch.from_numpy(score.weights_for(output.shape)[:1]).to(output)
        self.last = torch.nn.Linear(weights.numel(), 1, bias=False)
        self.last.weight = torch.nn.Parameter(weights.reshape(1, -1))

    def forward(self, inputs: torch.Tensor) -> Any:
        return self.last(self.select(run(self.network, inputs.clone())).flatten(1))[:, 0]


def _centre(layer: torch.nn.Module) -> None:
    """Take from a layer what it adds whatever comes in."""
    with torch.no_grad():
        for name in ("bias", "running_mean"):
            tensor = getattr(layer, name, None)
            if tensor is not None:
                tensor.zero_()
