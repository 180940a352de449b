"""Pooling and resizing as modules; the work is done in ``functional.py``."""

from __future__ import annotations

from typing import Any

from workbench.frameworks.mindspore import functional as F
from workbench.frameworks.mindspore.nn.conv import Size
from workbench.frameworks.mindspore.nn.module import Module


class _MaxPool(Module):
    ndim = 0

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.arguments = (kernel_size, stride, padding, dilation, ceil_mode)

    def forward(self, x: Any) -> Any:
        return F.max_pool(x, self.ndim, *self.arguments)


class MaxPool2d(_MaxPool):
    """Largest value of each window."""

    ndim = 2


class MaxPool3d(_MaxPool):
    """Largest value of each window."""

    ndim = 3


class _AvgPool(Module):
    ndim = 0

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.arguments = (kernel_size, stride, padding, ceil_mode, count_include_pad)

    def forward(self, x: Any) -> Any:
        return F.avg_pool(x, self.ndim, *self.arguments)


class AvgPool2d(_AvgPool):
    """Mean of each window."""

    ndim = 2


class AvgPool3d(_AvgPool):
    """Mean of each window."""

    ndim = 3


class _Adaptive(Module):
    ndim = 0
    kind = "avg"

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Any) -> Any:
        return F.adaptive_pool(x, self.ndim, self.output_size, self.kind)


class AdaptiveAvgPool1d(_Adaptive):
    """Means over as many windows as asked for."""

    ndim = 1


class AdaptiveAvgPool2d(_Adaptive):
    """Means over as many windows as asked for."""

    ndim = 2


class AdaptiveAvgPool3d(_Adaptive):
    """Means over as many windows as asked for."""

    ndim = 3


class AdaptiveMaxPool2d(_Adaptive):
    """Largest values over as many windows as asked for."""

    ndim, kind = 2, "max"


class AdaptiveMaxPool3d(_Adaptive):
    """Largest values over as many windows as asked for."""

    ndim, kind = 3, "max"


class Upsample(Module):
    """Resizes the spatial axes; see ``F.interpolate``."""

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.arguments = (size, scale_factor, mode, align_corners, recompute_scale_factor)

    def forward(self, x: Any) -> Any:
        return F.interpolate(x, *self.arguments)
