"""What a loss may ask of a tensor beyond the shared vocabulary, which the frameworks say in different ways."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench._arrays import Array


def to_numpy(ops: Any, tensor: Any) -> Array:
    """Return the values of a tensor of any framework, without its gradient; `ops` is of the framework's vocabulary."""
    tensor = ops.detach(tensor)
    return np.asarray(tensor.asnumpy() if hasattr(tensor, "asnumpy") else tensor.cpu().numpy())


def place_of(tensor: Any) -> Any:
    """Return the device of a tensor; None on MindSpore, where a process has one."""
    return None if hasattr(tensor, "asnumpy") else tensor.device
