"""CDNet (He et al. 2021): VGG16 encoder, one decoder, and heads for mask, direction to the centre and centre points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.zoo.blocks.instance import class_logits, mask_channels

#: Convolutions of each stage of VGG16, and their channels as multiples of the width.
_STAGES = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
#: Parameters that the original registers beside those it uses.
_UNUSED = 3827


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG001  (every network module answers this)
    """Return (multiple, minimum): a picture is halved five times."""
    return 32, 32


def default_layer(config: Mapping[str, Any]) -> str:  # noqa: ARG001
    """Return the feature map that the mask is decided on, at full resolution."""
    return "shared"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class; the encoder's names are those of VGG16 with batch norm (``features.0.weight``)."""

    def vgg(in_channels: int, width: int) -> tuple[list[Any], list[int], list[int]]:
        layers: list[Any] = []
        ends, channels = [], []
        for length, factor in _STAGES:
            for _ in range(length):
                out_channels = width * factor
                layers += [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU()]
                in_channels = out_channels
            ends.append(len(layers) - 1)
            channels.append(in_channels)
            layers.append(nn.MaxPool2d(2))
        return layers, ends, channels

    class UpBlock(nn.Module):
        def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
            super().__init__()
            self.up = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(out_channels)
            self.conv2 = nn.Conv2d(out_channels + skip_channels, out_channels, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(out_channels)

        def forward(self, x: Any, skip: Any) -> Any:
            x = F.relu(self.bn1(self.up(x)))
            return F.relu(self.bn2(self.conv2(ops.cat((x, skip), dim=1))))

    class ResUnit(nn.Module):
        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(out_channels)
            self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(out_channels)
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1)

        def forward(self, x: Any) -> Any:
            y = F.relu(self.bn1(self.conv1(x)))
            return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    class Attention(nn.Module):
        """Strengthen features where another head answers."""

        def __init__(self, channels: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(channels, 1, 1, bias=False)

        def forward(self, features: Any, answer: Any) -> Any:
            return features * (1 + ops.sigmoid(self.conv(answer)))

    class CDNet(nn.Module):
        """Maps at the size of the pictures [n, in_channels, i, j], by name.

        ``logits`` [n, num_classes, i, j]; ``point`` [n, 1, i, j]; ``direction`` [n, directions + 1, i, j]; and ``mask``
        [n, 3, i, j] (background, inside, boundary) where that is not what ``logits`` are.
        """

        def __init__(
            self,
            in_channels: int,
            num_classes: int,
            width: int,
            heads: str,
            point: bool,
            directions: int,
            unused_parameters: bool,
        ) -> None:
            super().__init__()
            layers, ends, skips = vgg(in_channels, width)
            self.features = nn.Sequential(*layers)
            self.ends = ends
            filters = [max(1, width * 4 // 2**level) for level in range(len(skips))]
            inputs = [skips[-1], *filters[:-1]]
            blocks = [UpBlock(inputs[i], skips[-1 - i], filters[i]) for i in range(len(filters))]
            self.upsample_blocks = nn.ModuleList(blocks)
            self.shared = ResUnit(filters[-1], width)
            self.second = ResUnit(width, width)
            self.third = ResUnit(width, width)
            self.mask_conv = nn.Conv2d(width, mask_channels(num_classes), 1)
            self.direction_conv = nn.Conv2d(width, directions + 1, 1)
            self.point_conv = nn.Conv2d(width, 1, 1)
            self.num_classes = num_classes
            self.chained = heads == "chained"
            self.point = point
            if self.chained:
                self.attend_point = Attention(1)
                self.attend_direction = Attention(directions + 1)
            else:
                self.first = ResUnit(width, width)
            if unused_parameters:
                # which layers they belong to does not matter to any output; one vector stands for them
                extra = _UNUSED if self.chained else _UNUSED + 1 + directions + 1
                self.unused = nn.Parameter(ops.zeros(extra))

        def forward(self, x: Any) -> Any:
            skips = []
            for index in range(len(self.features)):
                x = self.features[index](x)
                if index in self.ends:
                    skips.append(x)
            for level in range(len(self.upsample_blocks)):
                x = self.upsample_blocks[level](x, skips[len(skips) - 1 - level])
            shared = self.shared(x)
            if self.chained:
                second = self.second(shared)
                point = self.point_conv(self.third(second))
                direction = self.direction_conv(self.attend_point(second, point))
                mask = self.mask_conv(self.attend_direction(shared, direction))
            else:
                mask = self.mask_conv(self.first(shared))
                second = self.second(shared)
                direction = self.direction_conv(second)
                point = self.point_conv(self.third(second))
            outputs = {"logits": class_logits(ops, mask, self.num_classes)}
            if self.point:
                outputs["point"] = point
            outputs["direction"] = direction
            if self.num_classes != mask.shape[1]:
                outputs["mask"] = mask
            return outputs

    return CDNet
