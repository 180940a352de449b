"""Deformable convolution (DCNv2, Zhu et al. 2019, arXiv 1811.11168) out of sampling and a matrix product.

So it runs wherever `grid_sample` does; the originals need a CUDA extension of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def deformable_conv(nn: Any, F: Any, ops: Any) -> type:
    """Return the class of a 3x3 deformable convolution with stride 1; weights are named as in the DCNv2 package.

    Each of the nine taps reads the input where a convolution of the input (``conv_offset_mask``) says, interpolated
    linearly and zero outside, times a weight between 0 and 1 that it says too. Its 27 channels are dy and dx of each
    tap in turn, then the nine weights before the sigmoid. It starts at zero: a plain convolution at half strength.
    """

    class DeformableConv(nn.Module):
        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__()
            # holds the weights in the shape of a convolution, drawn as those of one
            drawn = nn.Conv2d(in_channels, out_channels, 3)
            self.weight = nn.Parameter(ops.detach(drawn.weight))
            self.bias = nn.Parameter(ops.zeros(out_channels))
            self.conv_offset_mask = nn.Conv2d(in_channels, 27, 3, padding=1)
            nn.init.zeros_(self.conv_offset_mask.weight)
            nn.init.zeros_(self.conv_offset_mask.bias)
            taps = np.arange(9, dtype=np.float32).reshape(1, 9, 1, 1)
            self.register_buffer("down", ops.tensor(taps // 3 - 1), persistent=False)
            self.register_buffer("right", ops.tensor(taps % 3 - 1), persistent=False)

        def forward(self, x: Any) -> Any:
            n, c, height, width = x.shape
            said = self.conv_offset_mask(x)
            shift = said[:, :18].reshape(n, 9, 2, height, width)
            strength = F.sigmoid(said[:, 18:])
            # counted from the input, as MindSpore's graph mode knows no device to put a range on
            ones = ops.ones_like(said[:1, :1])
            i = shift[:, :, 0] + self.down + ops.cumsum(ones, 2) - 1
            j = shift[:, :, 1] + self.right + ops.cumsum(ones, 3) - 1
            # grid_sample counts from -1 to 1, from edge to edge of the picture, columns first
            grid = ops.stack(((2 * j + 1) / width - 1, (2 * i + 1) / height - 1), -1).reshape(n, 9 * height, width, 2)
            read = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
            read = read.reshape(n, c, 9, height * width) * strength.reshape(n, 1, 9, height * width)
            weight = self.weight.reshape(1, -1, 9 * c)
            y = ops.matmul(weight, read.reshape(n, 9 * c, height * width))
            return y.reshape(n, -1, height, width) + self.bias.reshape(1, -1, 1, 1)

    return DeformableConv
