"""Activations as modules; the mathematics is in ``functional.py``."""

from __future__ import annotations

from typing import Any

from workbench.frameworks.mindspore import functional as F
from workbench.frameworks.mindspore.nn.module import Module, Parameter, constant


class ReLU(Module):
    """``max(x, 0)``; `inplace` saves memory in torch and means nothing here."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Any) -> Any:
        return F.relu(x)


class ReLU6(ReLU):
    """``min(max(x, 0), 6)``."""

    def forward(self, x: Any) -> Any:
        return F.relu6(x)


class LeakyReLU(Module):
    """``x`` where positive, ``negative_slope * x`` elsewhere."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, x: Any) -> Any:
        return F.leaky_relu(x, self.negative_slope)


class PReLU(Module):
    """A leaky ReLU whose slope is learned, one for all channels or one for each."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(constant((num_parameters,), init))

    def forward(self, x: Any) -> Any:
        return F.prelu(x, self.weight)


class ELU(Module):
    """``x`` where positive, ``alpha * (exp(x) - 1)`` elsewhere."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, x: Any) -> Any:
        return F.elu(x, self.alpha)


class GELU(Module):
    """``x * Phi(x)``, exact by default."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        return F.gelu(x, self.approximate)


class SiLU(ReLU):
    """``x * sigmoid(x)``."""

    def forward(self, x: Any) -> Any:
        return F.silu(x)


class Mish(ReLU):
    """``x * tanh(softplus(x))``."""

    def forward(self, x: Any) -> Any:
        return F.mish(x)


class Hardswish(ReLU):
    """``x * relu6(x + 3) / 6``."""

    def forward(self, x: Any) -> Any:
        return F.hardswish(x)


class Softplus(Module):
    """``log(1 + exp(beta * x)) / beta``."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Any) -> Any:
        return F.softplus(x, self.beta, self.threshold)


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``."""

    def forward(self, x: Any) -> Any:
        return F.sigmoid(x)


class Tanh(Module):
    """Hyperbolic tangent."""

    def forward(self, x: Any) -> Any:
        return F.tanh(x)


class Softmax(Module):
    """Exponentials that sum to one along `dim`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Any:
        return F.softmax(x, self.dim)


class LogSoftmax(Softmax):
    """Logarithm of the softmax."""

    def forward(self, x: Any) -> Any:
        return F.log_softmax(x, self.dim)
