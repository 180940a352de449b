"""Batch, instance, group and layer normalisation with torch's defaults and names."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
from mindspore import ops
from mindspore.ops import operations as P

from workbench.errors import InputError
from workbench.frameworks.mindspore._static import static
from workbench.frameworks.mindspore.nn.module import Module, Parameter, constant
from workbench.frameworks.stepping import single_value_error

#: The kernel of the CPU adds up values one after the other, in float32: its variance of 20,000 values is wrong by 1e-5,
#: that of 100,000 by 1e-4. Up to this many it is about as exact as torch's.
_EXACT_SUMS = 4096


@static
def _check_count(shape: tuple[int, ...]) -> None:
    if math.prod(shape) == shape[1]:
        raise single_value_error()


@static
def _are_many(shape: tuple[int, ...]) -> bool:
    return math.prod(shape) > _EXACT_SUMS * shape[1]


@static
def _check_end(shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if tuple(shape[len(shape) - len(wanted) :]) != tuple(wanted):
        raise InputError(f"A layer norm over {tuple(wanted)} takes shapes that end in it, got {tuple(shape)}.")


class _BatchNorm(Module):
    ndim = 0

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        if momentum is None or not track_running_stats:
            raise InputError(
                "On MindSpore a batch norm keeps running statistics with a fixed momentum; got "
                f"momentum={momentum}, track_running_stats={track_running_stats}. Use nn.InstanceNorm or nn.GroupNorm."
            )
        self.num_features, self.eps, self.momentum, self.affine = num_features, eps, momentum, affine
        shape = (num_features,)
        scale, shift = constant(shape, 1.0), constant(shape, 0.0)
        if affine:
            self.weight, self.bias = Parameter(scale), Parameter(shift)
        else:
            self.weight, self.bias = None, None
        self.unit, self.zero = scale, shift
        self.register_buffer("running_mean", constant(shape, 0.0))
        self.register_buffer("running_var", constant(shape, 1.0))
        self.on_batch = P.BatchNorm(is_training=True, epsilon=eps, momentum=momentum)
        self.on_statistics = P.BatchNorm(is_training=False, epsilon=eps, momentum=momentum)
        # the device is chosen before a network is built
        self.summed_in_turn = ms.get_context("device_target") == "CPU"

    def forward(self, x: Any) -> Any:
        shape = x.shape
        if self.training:
            _check_count(shape)
        # the kernel knows 2D and 4D: any volume is a plane to it, since statistics run over all spatial axes
        if len(shape) == 3:
            x = x.unsqueeze(3)
        elif len(shape) == 5:
            x = x.reshape(shape[0], shape[1], shape[2], -1)
        scale = self.unit if self.weight is None else self.weight
        shift = self.zero if self.bias is None else self.bias
        if self.training and self.summed_in_turn and _are_many(shape):
            y = self._on_many(x, scale, shift)
        else:
            normalise = self.on_batch if self.training else self.on_statistics
            y = normalise(x, scale, shift, self.running_mean, self.running_var)[0]
        return y if y.shape == shape else y.reshape(shape)

    def _on_many(self, x: Any, scale: Any, shift: Any) -> Any:
        """Return what the kernel would, if its sums were exact.

        Its error moves a value by 1e-5, which is enough to put some of a million activations on the other side of a
        ReLU's kink than in torch: the gradient there is another one then. So what the kernel made is normalised again.
        """
        z, _, _, _, variance = self.on_batch(x, self.unit, self.zero, self.running_mean, self.running_var)
        found, made = ops.stop_gradient(variance) + self.eps, ops.stop_gradient(z)
        mean = self._mean(made)
        spread = self._mean(made * made) - mean * mean
        # what is missing to a variance of 1 is the share of eps in the kernel's; on_statistics adds an eps of its own
        return self.on_statistics(z, scale, shift, mean, spread + self.eps / found - self.eps)[0]

    def _mean(self, x: Any) -> Any:
        # along the last axis of two, which is exact and the quickest there is; over several, MindSpore copies first
        rows = x.reshape(x.shape[0] * x.shape[1], -1).sum(-1)
        return rows.reshape(x.shape[0], x.shape[1]).sum(0) * (x.shape[1] / x.size)

    def extend_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}"


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of ``[n, c]`` or ``[n, c, i]``."""

    ndim = 1


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of ``[n, c, i, j]``."""

    ndim = 2


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of ``[n, c, i, j, k]``."""

    ndim = 3


class GroupNorm(Module):
    """Normalisation over groups of channels of one sample."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise InputError(f"num_channels={num_channels} must be divisible by num_groups={num_groups}.")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        scale, shift = constant((num_channels,), 1.0), constant((num_channels,), 0.0)
        if affine:
            self.weight, self.bias = Parameter(scale), Parameter(shift)
        else:
            self.weight, self.bias = None, None
        self.unit, self.zero = scale, shift

    def forward(self, x: Any) -> Any:
        # not here, since `super().forward` would call itself for ever in a graph
        return self._by_kernel(x)

    def _by_kernel(self, x: Any) -> Any:
        scale = self.unit if self.weight is None else self.weight
        shift = self.zero if self.bias is None else self.bias
        return ops.group_norm(x, self.num_groups, scale, shift, self.eps)

    def extend_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class _InstanceNorm(GroupNorm):
    # MindSpore has no CPU kernel for instance norm; a group norm with one channel a group is the same thing
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,  # noqa: ARG002 - torch's signature; without running statistics it decides nothing
        affine: bool = False,
        track_running_stats: bool = False,
    ) -> None:
        if track_running_stats:
            raise InputError(
                "On MindSpore an instance norm keeps no running statistics; leave out track_running_stats=True."
            )
        super().__init__(num_features, num_features, eps, affine)
        self.num_features = num_features
        self.multiply = P.MatMul()

    def forward(self, x: Any) -> Any:
        if not self.training:
            return self._by_kernel(x)
        # the gradient of the kernel takes twice as long as that of products with a row of ones
        n, channels = x.shape[:2]
        scale = self.unit if self.weight is None else self.weight
        shift = self.zero if self.bias is None else self.bias
        rows = x.reshape(n * channels, -1)
        length = rows.shape[1]
        row = ops.ones((1, length), ms.float32)
        centred = rows - self.multiply(rows.sum(-1, keepdims=True) * (1 / length), row)
        # a mean of many large values is off by rounding
        centred = centred - self.multiply(ops.stop_gradient(centred).sum(-1, keepdims=True) * (1 / length), row)
        variance = (centred * centred).sum(-1, keepdims=True) * (1 / length)
        scales = (P.Rsqrt()(variance + self.eps).reshape(n, channels) * scale).reshape(-1, 1)
        shifts = (ops.zeros((n, channels), ms.float32) + shift).reshape(-1, 1)
        return (centred * self.multiply(scales, row) + self.multiply(shifts, row)).reshape(x.shape)


class InstanceNorm1d(_InstanceNorm):
    """Normalisation of each channel of each sample, ``[n, c, i]``."""


class InstanceNorm2d(_InstanceNorm):
    """Normalisation of each channel of each sample, ``[n, c, i, j]``."""


class InstanceNorm3d(_InstanceNorm):
    """Normalisation of each channel of each sample, ``[n, c, i, j, k]``."""


class LayerNorm(Module):
    """Normalisation over the last axes."""

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps = shape, eps
        scale, shift = constant(shape, 1.0), constant(shape, 0.0)
        self.weight = Parameter(scale) if elementwise_affine else None
        self.bias = Parameter(shift) if elementwise_affine and bias else None
        length = math.prod(shape)
        self.row = constant((1, length), 1.0)
        self.average = constant((length, 1), 1.0 / length)
        self.multiply, self.add_bias = P.MatMul(), P.BiasAdd()

    def forward(self, x: Any) -> Any:
        # Not the LayerNorm kernel: MindSpore 2.8 fails now and then in its gradient ("For LayerNormGrad, the index 7 is
        # out of range of input num 7"), at no fixed place. Means and what is spread along a row are products of
        # matrices of rank one: on a CPU these take a quarter of the time of reductions and of broadcasting.
        _check_end(x.shape, self.normalized_shape)
        rows = x.reshape(-1, self.row.shape[1])
        centred = rows - self.multiply(self.multiply(rows, self.average), self.row)
        spread = P.Rsqrt()(self.multiply(centred * centred, self.average) + self.eps)
        scale = self.row if self.weight is None else self.weight.reshape(1, -1)
        y = centred * self.multiply(spread, scale)
        return (y if self.bias is None else self.add_bias(y, self.bias.reshape(-1))).reshape(x.shape)

    def extend_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, {math.prod(self.normalized_shape)} values"
