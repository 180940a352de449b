"""The residual network (He et al. 2016, arXiv 1512.03385) as a body that several algorithms put a head on.

A bottleneck has its stride on the 3x3 convolution ("v1.5"). Names of weights are the customary ones
(``conv1.weight``, ``layer1.0.bn1.weight``), so that published files fit.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

#: Blocks per stage by depth, and whether they are bottlenecks.
STAGES = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
}


def channels(depth: int, width: int = 64) -> tuple[int, int, int, int, int]:
    """Return the channels of the five maps that the body's ``features`` gives.

    Examples
    --------
    >>> channels(50)
    (64, 256, 512, 1024, 2048)
    """
    e = 4 if STAGES[depth][1] else 1
    return width, width * e, 2 * width * e, 4 * width * e, 8 * width * e


def resnet(nn: Any, F: Any, ops: Any) -> SimpleNamespace:
    """Return the classes ``BasicBlock``, ``Bottleneck``, ``FrozenBatchNorm`` and ``Body`` of a framework.

    ``Body(in_channels, depth, width=64, stem="imagenet", norm="batch")`` gives its last feature map when called,
    and all of them by ``features(x)``: the stem before pooling, then those of ``layer1`` to ``layer4``; with the
    stem "imagenet" their strides are 2, 4, 8, 16 and 32, with "small" 1, 1, 2, 4 and 8. A network with a head derives
    from it, or holds one.
    """

    class FrozenBatchNorm(nn.Module):
        """Batch norm whose scale, shift and statistics are buffers: never trained, as in DETR."""

        def __init__(self, num_features: int) -> None:
            super().__init__()
            self.register_buffer("weight", ops.ones(num_features))
            self.register_buffer("bias", ops.zeros(num_features))
            self.register_buffer("running_mean", ops.zeros(num_features))
            self.register_buffer("running_var", ops.ones(num_features))

        def forward(self, x: Any) -> Any:
            scale = self.weight / ops.sqrt(self.running_var + 1e-5)
            shift = self.bias - self.running_mean * scale
            return x * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)

    norms = {"batch": nn.BatchNorm2d, "frozen": FrozenBatchNorm}

    def shortcut(in_channels: int, out_channels: int, stride: int, norm: Any) -> Any:
        if stride == 1 and in_channels == out_channels:
            return nn.Identity()
        return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), norm(out_channels))

    class BasicBlock(nn.Module):
        expansion = 1

        def __init__(self, in_channels: int, channels: int, stride: int, norm: Any = nn.BatchNorm2d) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
            self.bn1 = norm(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.bn2 = norm(channels)
            self.downsample = shortcut(in_channels, channels, stride, norm)

        def forward(self, x: Any) -> Any:
            y = F.relu(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            return F.relu(y + self.downsample(x))

    class Bottleneck(nn.Module):
        expansion = 4

        def __init__(self, in_channels: int, channels: int, stride: int, norm: Any = nn.BatchNorm2d) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
            self.bn1 = norm(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
            self.bn2 = norm(channels)
            self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
            self.bn3 = norm(4 * channels)
            self.downsample = shortcut(in_channels, 4 * channels, stride, norm)

        def forward(self, x: Any) -> Any:
            y = F.relu(self.bn1(self.conv1(x)))
            y = F.relu(self.bn2(self.conv2(y)))
            y = self.bn3(self.conv3(y))
            return F.relu(y + self.downsample(x))

    def stage(block: Any, in_channels: int, channels: int, length: int, stride: int, norm: Any) -> Any:
        first = block(in_channels, channels, stride, norm)
        return nn.Sequential(first, *(block(channels * block.expansion, channels, 1, norm) for _ in range(length - 1)))

    class Body(nn.Module):
        def __init__(
            self, in_channels: int, depth: int, width: int = 64, stem: str = "imagenet", norm: str = "batch"
        ) -> None:
            super().__init__()
            lengths, bottleneck = STAGES[depth]
            block = Bottleneck if bottleneck else BasicBlock
            layer = norms[norm]
            if stem == "imagenet":
                self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
                self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
            else:
                self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
                self.maxpool = nn.Identity()
            self.bn1 = layer(width)
            given = channels(depth, width)
            self.layer1 = stage(block, width, width, lengths[0], 1, layer)
            self.layer2 = stage(block, given[1], width * 2, lengths[1], 2, layer)
            self.layer3 = stage(block, given[2], width * 4, lengths[2], 2, layer)
            self.layer4 = stage(block, given[3], width * 8, lengths[3], 2, layer)

        def features(self, x: Any) -> Any:
            stem = F.relu(self.bn1(self.conv1(x)))
            first = self.layer1(self.maxpool(stem))
            second = self.layer2(first)
            third = self.layer3(second)
            return stem, first, second, third, self.layer4(third)

        def forward(self, x: Any) -> Any:
            return self.features(x)[4]

    return SimpleNamespace(BasicBlock=BasicBlock, Bottleneck=Bottleneck, FrozenBatchNorm=FrozenBatchNorm, Body=Body)
