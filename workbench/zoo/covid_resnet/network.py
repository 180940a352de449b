"""ResNet (He et al. 2016, arXiv 1512.03385), with the stride of a bottleneck on its 3x3 convolution ("v1.5")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Blocks per stage, and whether they are bottlenecks.
_STAGES = {18: ((2, 2, 2, 2), False), 34: ((3, 4, 6, 3), False), 50: ((3, 4, 6, 3), True)}


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG001  (every network module answers this)
    """Return (multiple, minimum): any size will do."""
    return 1, 1


def default_layer(config: Mapping[str, Any]) -> str:  # noqa: ARG001
    """Return the last feature map before pooling."""
    return "layer4"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class; parameter names are the customary ones (``layer1.0.conv1.weight``, ``fc.weight``)."""

    def shortcut(in_channels: int, out_channels: int, stride: int) -> Any:
        if stride == 1 and in_channels == out_channels:
            return nn.Identity()
        return nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
        )

    class BasicBlock(nn.Module):
        expansion = 1

        def __init__(self, in_channels: int, channels: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            self.downsample = shortcut(in_channels, channels, stride)

        def forward(self, x: Any) -> Any:
            y = F.relu(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            return F.relu(y + self.downsample(x))

    class Bottleneck(nn.Module):
        expansion = 4

        def __init__(self, in_channels: int, channels: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(4 * channels)
            self.downsample = shortcut(in_channels, 4 * channels, stride)

        def forward(self, x: Any) -> Any:
            y = F.relu(self.bn1(self.conv1(x)))
            y = F.relu(self.bn2(self.conv2(y)))
            y = self.bn3(self.conv3(y))
            return F.relu(y + self.downsample(x))

    def stage(block: Any, in_channels: int, channels: int, length: int, stride: int) -> Any:
        first = block(in_channels, channels, stride)
        return nn.Sequential(first, *(block(channels * block.expansion, channels, 1) for _ in range(length - 1)))

    class ResNet(nn.Module):
        """Class logits [n, num_classes] of pictures [n, in_channels, i, j]."""

        def __init__(self, in_channels: int, num_classes: int, depth: int, width: int, stem: str) -> None:
            super().__init__()
            lengths, bottleneck = _STAGES[depth]
            block = Bottleneck if bottleneck else BasicBlock
            if stem == "imagenet":
                self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
                self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
            else:
                self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
                self.maxpool = nn.Identity()
            self.bn1 = nn.BatchNorm2d(width)
            e = block.expansion
            self.layer1 = stage(block, width, width, lengths[0], 1)
            self.layer2 = stage(block, width * e, width * 2, lengths[1], 2)
            self.layer3 = stage(block, width * 2 * e, width * 4, lengths[2], 2)
            self.layer4 = stage(block, width * 4 * e, width * 8, lengths[3], 2)
            self.fc = nn.Linear(width * 8 * e, num_classes)

        def forward(self, x: Any) -> Any:
            x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(ops.mean(x, dim=(2, 3)))

    return ResNet
