"""NumPy arrays to torch tensors and back."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch

from workbench.frameworks.base import Array, LinearScore


def to_tensor(array: Array, device: torch.device) -> torch.Tensor:
    """Return a tensor on `device`; on the CPU it shares the array's memory where torch allows that."""
    array = np.asarray(array, order="C")
    if not array.flags.writeable:
        # torch has no read-only tensors; sharing would let an in-place operation write into the caller's data
        array = array.copy()
    return torch.from_numpy(array).to(device, non_blocking=True)


def to_array(tensor: torch.Tensor) -> Array:
    """Return a NumPy copy that shares no memory with the tensor."""
    tensor = tensor.detach()
    return (tensor.cpu() if tensor.device.type != "cpu" else tensor.clone()).numpy()


def device_of(module: torch.nn.Module) -> torch.device:
    """Return the device of a module's weights (the CPU if it has none)."""
    for tensor in itertools.chain(module.parameters(), module.buffers()):
        return tensor.device
    return torch.device("cpu")


def score_of(outputs: Any, score: LinearScore) -> torch.Tensor:
    """Return the differentiable score of each sample, shape ``[n]``."""
    output = score.select(outputs)
    weights = torch.from_numpy(score.weights_for(output.shape)).to(output.device)
    if score.activation == "softmax":
        output = torch.softmax(output, dim=1)
    elif score.activation == "sigmoid":
        output = torch.sigmoid(output)
    scores: torch.Tensor = (output * weights).flatten(1).sum(1)
    return scores
