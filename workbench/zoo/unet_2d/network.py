"""The U-Net of lungmask (Hofmanninger et al. 2020): conv-ReLU-norm, average pooling, bilinear up-sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return (multiple, minimum) of the size of a picture: it is halved ``depth - 1`` times."""
    multiple = 2 ** (config["depth"] - 1)
    return multiple, multiple


def default_layer(config: Mapping[str, Any]) -> str:
    """Return the last feature map at full resolution."""
    return f"up_path.{config['depth'] - 2}.conv_block"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class; parameter names are those of lungmask's files (``down_path.0.block.0.weight``)."""

    def add_unused(block: Any, in_channels: int, out_channels: int) -> None:
        # lungmask's files hold the weights of a residual branch that its published configuration never runs
        block.residual_input_conv = nn.Conv2d(in_channels, out_channels, 1)
        block.residual_batchnorm = nn.BatchNorm2d(out_channels)

    class ConvBlock(nn.Module):
        def __init__(self, in_channels: int, out_channels: int, unused_branch: bool) -> None:
            super().__init__()
            self.block = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 3, padding=1),
                nn.ReLU(),
                nn.BatchNorm2d(out_channels),
                nn.Conv2d(out_channels, out_channels, 3, padding=1),
                nn.ReLU(),
                nn.BatchNorm2d(out_channels),
            )
            if unused_branch:
                add_unused(self, in_channels, out_channels)

        def forward(self, x: Any) -> Any:
            return self.block(x)

    class UpBlock(nn.Module):
        def __init__(self, in_channels: int, out_channels: int, unused_branch: bool) -> None:
            super().__init__()
            self.up = nn.Sequential(
                nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(in_channels, out_channels, 1)
            )
            self.conv_block = ConvBlock(in_channels, out_channels, unused_branch)
            if unused_branch:
                add_unused(self, in_channels, out_channels)

        def forward(self, x: Any, skip: Any) -> Any:
            # a 1x1 convolution and an interpolation commute: the convolution goes first, on a quarter of the pixels
            x = self.up[0](self.up[1](x))
            return self.conv_block(ops.cat((x, skip), dim=1))

    class UNet(nn.Module):
        """Class logits [n, num_classes, i, j] of pictures [n, in_channels, i, j]."""

        def __init__(
            self, in_channels: int, num_classes: int, width: int, depth: int, unused_branch: bool, output: str
        ) -> None:
            super().__init__()
            widths = [width * 2**level for level in range(depth)]
            down = [ConvBlock(in_channels, width, unused_branch)]
            down += [ConvBlock(widths[i], widths[i + 1], unused_branch) for i in range(depth - 1)]
            up = [UpBlock(widths[i + 1], widths[i], unused_branch) for i in reversed(range(depth - 1))]
            self.down_path = nn.ModuleList(down)
            self.up_path = nn.ModuleList(up)
            self.last = nn.Conv2d(width, num_classes, 1)
            self.depth = depth
            self.log_softmax = output == "log-softmax"

        def forward(self, x: Any) -> Any:
            skips = []
            for level in range(self.depth - 1):
                x = self.down_path[level](x)
                skips.append(x)
                x = F.avg_pool2d(x, 2)
            x = self.down_path[self.depth - 1](x)
            for level in range(self.depth - 1):
                x = self.up_path[level](x, skips[self.depth - 2 - level])
            x = self.last(x)
            if self.log_softmax:
                x = F.log_softmax(x, dim=1)
            return x

    return UNet
