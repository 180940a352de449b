"""The gradient of a convolution, written so that the CPU's quick kernels make it."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np
from mindspore.ops import operations as P
from mindspore.ops.operations import _grad_ops as G

from workbench.frameworks.mindspore._static import static

#: Turning a kernel round costs as much as some convolving; it pays where the output has this many values a weight.
_VALUES_PER_WEIGHT = 4


class QuickGradient(ms.nn.Cell):  # type: ignore[misc]
    """A convolution of stride 1 in one group, whose gradients are made from convolutions of few channels.

    MindSpore's kernel for the gradient with respect to the input takes two to eight times as long as a convolution of
    the output's gradient with the kernel turned round, which is the same thing. The gradient with respect to the
    kernel lays out every patch of the input; where that has more channels than the output, the patches of the
    output's gradient, which give the same sums, are fewer.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel, dilation : tuple of int
        One number per spatial axis, two or three.
    pads : tuple of int
        Before and after each spatial axis.

    Notes
    -----
    Called with an input ``[n, in_channels, *spatial]`` and a weight ``[out_channels, in_channels, *kernel]``, float32;
    it returns ``[n, out_channels, *spatial]``, the spatial axes as the padding leaves them.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: tuple[int, ...],
        pads: tuple[int, ...],
        dilation: tuple[int, ...],
    ) -> None:
        super().__init__(auto_prefix=False)
        self.shape = (out_channels, in_channels, *kernel)
        self.turned_shape = (in_channels, out_channels, *kernel)
        back = _back(kernel, pads, dilation)
        self.swapped = in_channels > out_channels
        channels, around = (in_channels, back) if self.swapped else (out_channels, pads)
        if len(kernel) == 2:
            self.convolve = P.Conv2D(out_channels, kernel, 1, "pad", pads, 1, dilation)
            self.convolve_back = P.Conv2D(in_channels, kernel, 1, "pad", back, 1, dilation)
            self.correlate = G.Conv2DBackpropFilter(channels, kernel, "pad", around, around, 1, 1, dilation, 1)
        else:
            self.convolve = P.Conv3D(out_channels, kernel, 1, "pad", pads, 1, dilation)
            self.convolve_back = P.Conv3D(in_channels, kernel, 1, "pad", back, 1, dilation)
            self.correlate = G.Conv3DBackpropFilter(channels, kernel, 1, "pad", around, 1, dilation, 1)
        self.size = math.prod(kernel)
        # turning round by a product of matrices is quicker than any operator that reverses an axis
        self.reverse = ms.Tensor(np.eye(self.size, dtype=np.float32)[::-1].copy())
        self.multiply = P.MatMul()

    def construct(self, x: Any, weight: Any) -> Any:
        return self.convolve(x, weight)

    # Reads no shape of its arguments: in a graph that calls one Cell at several places, MindSpore 2.8 takes that of one
    # place for all, without a word.
    def bprop(self, x: Any, weight: Any, output: Any, gradient: Any) -> tuple[Any, Any]:  # noqa: ARG002 - MindSpore's
        of_input = self.convolve_back(gradient, self._turned(weight, self.shape))
        first, second = (x, gradient) if self.swapped else (gradient, x)
        if len(self.shape) == 5:  # the two kernels take their arguments the other way round
            first, second = second, first
        if self.swapped:
            return of_input, self._turned(self.correlate(first, second, self.turned_shape), self.turned_shape)
        return of_input, self.correlate(first, second, self.shape)

    def _turned(self, weight: Any, shape: tuple[int, ...]) -> Any:
        return self.multiply(weight.reshape(-1, self.size), self.reverse).reshape(shape).swapaxes(0, 1)


def quick_gradient(layer: Any) -> tuple[QuickGradient, ...]:
    """Return a `QuickGradient` for a convolution layer, or nothing where it would not be quicker.

    In a tuple, since a Cell that is an attribute by itself would be one of the network's layers.
    """
    if (
        ms.get_context("device_target") != "CPU"
        or layer.groups != 1
        or layer.in_channels < layer.out_channels
        or set(layer.stride) != {1}
        or set(layer.kernel_size) == {1}
        or min(_back(layer.kernel_size, layer.pads, layer.dilation)) < 0
    ):
        return ()
    return (QuickGradient(layer.in_channels, layer.out_channels, layer.kernel_size, layer.pads, layer.dilation),)


@static
def pays(inputs: tuple[int, ...], weight: tuple[int, ...]) -> bool:
    """Tell whether the gradient made from convolutions is the quicker one, for the shapes of input and kernel."""
    values = inputs[0] * weight[0] * math.prod(inputs[2:])
    return values >= _VALUES_PER_WEIGHT * math.prod(weight)


def _back(kernel: tuple[int, ...], pads: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """Return the padding of the convolution that leads from the output's gradient to the input's."""
    return tuple(dilation[axis // 2] * (kernel[axis // 2] - 1) - pad for axis, pad in enumerate(pads))
