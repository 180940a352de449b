"""3D U-Net (Cicek et al. 2016, arXiv 1606.06650): channels are doubled before each pooling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.zoo.blocks import conv_unit


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return (multiple, minimum) of the size of a volume: it is halved ``depth - 1`` times."""
    multiple = 2 ** (config["depth"] - 1)
    # an instance normalisation of a single voxel is zero, whatever the voxel
    return multiple, 2 * multiple if config["norm"] == "instance" else multiple


def default_layer(config: Mapping[str, Any]) -> str:
    """Return the last feature map at full resolution."""
    return f"decoders.{config['depth'] - 2}"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class."""

    class Up(nn.Module):
        def __init__(self, channels: int, up: str, up_bias: bool) -> None:
            super().__init__()
            self.learned = up == "transposed"
            if self.learned:
                self.conv = nn.ConvTranspose3d(channels, channels, 2, stride=2, bias=up_bias)

        def forward(self, x: Any) -> Any:
            if self.learned:
                return self.conv(x)
            return F.interpolate(x, scale_factor=2, mode="nearest")

    class UNet3D(nn.Module):
        """Class logits [n, num_classes, i, j, k] of volumes [n, in_channels, i, j, k]."""

        def __init__(
            self,
            in_channels: int,
            num_classes: int,
            width: int,
            depth: int,
            norm: str,
            order: str,
            conv_bias: bool,
            up: str,
            up_bias: bool,
        ) -> None:
            super().__init__()

            def pair(first: int, middle: int, last: int) -> Any:
                return nn.Sequential(
                    conv_unit(nn, 3, first, middle, norm=norm, order=order, bias=conv_bias),
                    conv_unit(nn, 3, middle, last, norm=norm, order=order, bias=conv_bias),
                )

            widths = [width * 2**level for level in range(depth)]
            encoders = [pair(in_channels, max(width // 2, in_channels), width)]
            encoders += [pair(widths[i], widths[i], widths[i + 1]) for i in range(depth - 1)]
            levels = list(reversed(range(depth - 1)))
            self.encoders = nn.ModuleList(encoders)
            self.ups = nn.ModuleList([Up(widths[i + 1], up, up_bias) for i in levels])
            self.decoders = nn.ModuleList([pair(widths[i + 1] + widths[i], widths[i], widths[i]) for i in levels])
            self.head = nn.Conv3d(width, num_classes, 1)
            self.depth = depth

        def forward(self, x: Any) -> Any:
            skips = []
            for level in range(self.depth - 1):
                x = self.encoders[level](x)
                skips.append(x)
                x = F.max_pool3d(x, 2)
            x = self.encoders[self.depth - 1](x)
            for level in range(self.depth - 1):
                x = ops.cat((skips[self.depth - 2 - level], self.ups[level](x)), dim=1)
                x = self.decoders[level](x)
            return self.head(x)

    return UNet3D
