"""What detectors use of the MindSpore vocabulary, against torch: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.frameworks import get

pytestmark = pytest.mark.mindspore
pytest.importorskip("mindspore", reason="the mindspore extra is not installed")


def both(function, *arrays: np.ndarray):
    """Return (value, gradients) of the sum of a function, by framework."""
    import mindspore as ms
    import torch

    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    value = function(*get("torch").vocabulary[1:], *tensors).sum()
    value.backward()
    torch_side = (value.item(), [tensor.grad.numpy() for tensor in tensors])
    _, F, ops = get("mindspore").vocabulary
    objective = ms.value_and_grad(lambda *x: function(F, ops, *x).sum(), tuple(range(len(arrays))))
    value, gradients = objective(*(ms.Tensor(array) for array in arrays))
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return torch_side, (float(value.asnumpy()), [gradient.asnumpy() for gradient in gradients])


def test_atan() -> None:
    x = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32) * 4
    one, other = both(lambda F, ops, x: ops.atan(x) * x, x)
    assert np.isclose(one[0], other[0], rtol=1e-5)
    assert np.allclose(one[1][0], other[1][0], atol=1e-5)
