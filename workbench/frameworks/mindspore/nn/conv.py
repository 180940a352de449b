"""Convolutions and transposed convolutions with torch's arguments, defaults, weight layout and initial values."""

from __future__ import annotations

import math
from typing import Any

from mindspore.ops import operations as P

from workbench.errors import InputError
from workbench.frameworks.mindspore._static import static
from workbench.frameworks.mindspore.nn import init
from workbench.frameworks.mindspore.nn._convolution import pays, quick_gradient
from workbench.frameworks.mindspore.nn.module import Module, Parameter

Size = int | tuple[int, ...]


def each(value: Size, ndim: int) -> tuple[int, ...]:
    """Return one number per spatial axis."""
    if isinstance(value, int):
        return (value,) * ndim
    if len(value) != ndim:
        raise InputError(f"Expected one number or {ndim} of them, one per spatial axis, got {tuple(value)}.")
    return tuple(int(entry) for entry in value)


class _ConvBase(Module):
    ndim = 0
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Size | str,
        dilation: Size,
        groups: int,
        bias: bool,
    ) -> None:
        super().__init__()
        if in_channels % groups or out_channels % groups:
            raise InputError(
                f"A grouped convolution needs channels divisible by groups={groups}, got {in_channels} in and "
                f"{out_channels} out."
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = each(kernel_size, self.ndim), each(stride, self.ndim)
        self.dilation = each(dilation, self.ndim)
        self.pads = _pads(padding, self.kernel_size, self.stride, self.dilation)
        self.padding = padding if isinstance(padding, str) else each(padding, self.ndim)
        outer = (in_channels, out_channels // groups) if self.transposed else (out_channels, in_channels // groups)
        shape = (*outer, *self.kernel_size)
        self.weight = Parameter(init.default_weight(shape))
        self.bias = Parameter(init.default_bias(out_channels, math.prod(shape[1:]))) if bias else None
        self.add_bias = P.BiasAdd(data_format="NCDHW" if self.ndim == 3 else "NCHW")

    def extend_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"


def _pads(padding: Size | str, kernel: Any, stride: Any, dilation: Any) -> tuple[int, ...]:
    """Return (before, after) for each spatial axis, flattened."""
    if padding == "valid":
        padding = 0
    if padding == "same":
        if set(stride) != {1}:
            raise InputError(f"padding='same' needs stride 1, got {stride}.")
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple(pad for extent in total for pad in (extent // 2, extent - extent // 2))
    if isinstance(padding, str):
        raise InputError(f"padding must be a number, a tuple, 'same' or 'valid', got {padding!r}.")
    return tuple(pad for before in each(padding, len(kernel)) for pad in (before, before))


def _only_zeros(padding_mode: str) -> None:
    if padding_mode != "zeros":
        raise InputError(f"padding_mode must be 'zeros', got {padding_mode!r}. Use F.pad before the convolution.")


class _Conv(_ConvBase):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        _only_zeros(padding_mode)
        self.convolve = self._operator()
        self.quick = quick_gradient(self) if self.ndim > 1 else ()

    def _operator(self) -> Any:
        return P.Conv2D(
            self.out_channels, self.kernel_size, 1, "pad", self.pads, self.stride, self.dilation, self.groups
        )

    def forward(self, x: Any) -> Any:
        if self.training and self.quick and pays(x.shape, self.weight.shape):
            y = self.quick[0](x, self.weight)
        else:
            y = self.convolve(x, self.weight)
        return y if self.bias is None else self.add_bias(y, self.bias)


class Conv2d(_Conv):
    """2D convolution."""

    ndim = 2


class Conv3d(_Conv):
    """3D convolution."""

    ndim = 3

    def _operator(self) -> Any:
        return P.Conv3D(
            self.out_channels, self.kernel_size, 1, "pad", self.pads, self.stride, self.dilation, self.groups
        )


class Conv1d(_Conv):
    """1D convolution, run as a 2D one of height 1."""

    ndim = 1

    def _operator(self) -> Any:
        flat = [(1, *value) for value in (self.kernel_size, self.stride, self.dilation)]
        return P.Conv2D(self.out_channels, flat[0], 1, "pad", (0, 0, *self.pads), flat[1], flat[2], self.groups)

    def forward(self, x: Any) -> Any:
        y = self.convolve(x.unsqueeze(2), self.weight.unsqueeze(2))
        return (y if self.bias is None else self.add_bias(y, self.bias)).squeeze(2)


class _ConvTranspose(_ConvBase):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        _only_zeros(padding_mode)
        self.output_padding = each(output_padding, self.ndim)
        self.convolve = self._operator()

    def _operator(self) -> Any:
        raise NotImplementedError


@static
def _enlarged(spatial: Any, kernel: Any, stride: Any, pads: Any, dilation: Any, more: Any) -> tuple[int, ...]:
    # the size formula of torch.nn.ConvTranspose
    return tuple(
        (size - 1) * stride[axis] - 2 * pads[2 * axis] + dilation[axis] * (kernel[axis] - 1) + more[axis] + 1
        for axis, size in enumerate(spatial)
    )


class ConvTranspose2d(_ConvTranspose):
    """2D transposed convolution: the gradient of a convolution with respect to its input."""

    ndim = 2

    def _operator(self) -> Any:
        return P.Conv2DBackpropInput(
            self.in_channels, self.kernel_size, "pad", self.pads, None, 1, self.stride, self.dilation, self.groups
        )

    def forward(self, x: Any) -> Any:
        spatial = _enlarged(x.shape[2:], self.kernel_size, self.stride, self.pads, self.dilation, self.output_padding)
        shape = (x.shape[0], self.out_channels, *spatial)
        y = self.convolve(x, self.weight, shape)
        return y if self.bias is None else self.add_bias(y, self.bias)


class ConvTranspose3d(_ConvTranspose):
    """3D transposed convolution."""

    ndim = 3

    def _operator(self) -> Any:
        return P.Conv3DTranspose(
            self.in_channels,
            self.out_channels,
            self.kernel_size,
            1,
            "pad",
            self.pads,
            self.stride,
            self.dilation,
            self.groups,
            self.output_padding,
        )

    def forward(self, x: Any) -> Any:
        y = self.convolve(x, self.weight)
        return y if self.bias is None else self.add_bias(y, self.bias)
