"""YOLOv5 (Jocher et al. 2020, doi 10.5281/zenodo.3908559), written anew from what is known of its layers.

A CSP backbone (Wang et al. 2019, arXiv 1911.11929), a path aggregation neck (Liu et al. 2018, arXiv 1803.01534), and a
1x1 convolution at strides 8, 16 and 32. The layers stand in one numbered list, as in the published weights
(``model.0.conv.weight``), so that these fit; places that have no weights there are left to the plain statements below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: Pixels per cell of the three maps.
STRIDES = (8, 16, 32)
#: Width and height in pixels of the anchors of each map.
ANCHORS = (
    ((10, 13), (16, 30), (33, 23)),
    ((30, 61), (62, 45), (59, 119)),
    ((116, 90), (156, 198), (373, 326)),
)
#: Names of the three outputs.
MAPS = ("p3", "p4", "p5")


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG001  (every network module answers this)
    """Return (multiple, minimum) of the size of a picture: it is halved five times."""
    return 32, 32


def default_layer(config: Mapping[str, Any]) -> str:  # noqa: ARG001
    """Return the finest map that boxes are read from; the coarser ones are made of it too."""
    return "model.17"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class."""

    class Conv(nn.Module):
        """Convolution, batch norm, SiLU."""

        def __init__(self, in_channels: int, channels: int, kernel: int = 1, stride: int = 1) -> None:
            super().__init__()
            padding = (kernel - 1) // 2
            self.conv = nn.Conv2d(in_channels, channels, kernel, stride=stride, padding=padding, bias=False)
            # with torch's own initial weights the signal of a fresh network dies out before its head
            nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
            self.bn = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.03)

        def forward(self, x: Any) -> Any:
            return F.silu(self.bn(self.conv(x)))

    class Bottleneck(nn.Module):
        def __init__(self, channels: int, residual: bool) -> None:
            super().__init__()
            self.cv1 = Conv(channels, channels)
            self.cv2 = Conv(channels, channels, 3)
            self.residual = residual

        def forward(self, x: Any) -> Any:
            y = self.cv2(self.cv1(x))
            return x + y if self.residual else y

    class C3(nn.Module):
        """Two halves of the channels, one through the bottlenecks, the other past them."""

        def __init__(self, in_channels: int, channels: int, repeats: int, residual: bool = True) -> None:
            super().__init__()
            half = channels // 2
            self.cv1 = Conv(in_channels, half)
            self.cv2 = Conv(in_channels, half)
            self.cv3 = Conv(2 * half, channels)
            self.m = nn.Sequential(*[Bottleneck(half, residual) for _ in range(repeats)])

        def forward(self, x: Any) -> Any:
            return self.cv3(ops.cat((self.m(self.cv1(x)), self.cv2(x)), dim=1))

    class SPPF(nn.Module):
        """Spatial pyramid pooling: maxima over windows of 5, 9 and 13, each made of the one before."""

        def __init__(self, channels: int) -> None:
            super().__init__()
            self.cv1 = Conv(channels, channels // 2)
            self.cv2 = Conv(channels * 2, channels)

        def forward(self, x: Any) -> Any:
            x = self.cv1(x)
            y = F.max_pool2d(x, 5, stride=1, padding=2)
            z = F.max_pool2d(y, 5, stride=1, padding=2)
            return self.cv2(ops.cat((x, y, z, F.max_pool2d(z, 5, stride=1, padding=2)), dim=1))

    class Detect(nn.Module):
        def __init__(self, widths: tuple[int, ...], num_classes: int) -> None:
            super().__init__()
            self.m = nn.ModuleList([nn.Conv2d(width, 3 * (5 + num_classes), 1) for width in widths])
            for layer, stride in zip(self.m, STRIDES, strict=True):
                # as if there were eight objects on 640 x 640 pixels, so that training does not start with thousands
                sure, kind = math.log(8 / (640 / stride) ** 2), math.log(0.6 / max(num_classes - 1, 1))
                layer.bias = nn.Parameter(ops.tensor(3 * [0.0, 0.0, 0.0, 0.0, sure, *[kind] * num_classes]))

        def forward(self, maps: Any) -> Any:
            return self.m[0](maps[0]), self.m[1](maps[1]), self.m[2](maps[2])

    class YOLO(nn.Module):
        """Raw boxes at three strides of pictures [n, in_channels, i, j].

        The channels of "p3", "p4", "p5" [n, 3 (5 + num_classes), i / stride, j / stride] are, for each of the three
        anchors: x, y, width, height, objectness, classes. "logits" [n, num_classes] has the surest box of each class.
        """

        def __init__(self, in_channels: int, num_classes: int, width: int, repeats: int) -> None:
            super().__init__()
            a, b, c, d, e = width, 2 * width, 4 * width, 8 * width, 16 * width
            self.num_classes = num_classes
            self.model = nn.ModuleList(
                [
                    Conv(in_channels, a, 6, stride=2),
                    Conv(a, b, 3, stride=2),
                    C3(b, b, repeats),
                    Conv(b, c, 3, stride=2),
                    C3(c, c, 2 * repeats),
                    Conv(c, d, 3, stride=2),
                    C3(d, d, 3 * repeats),
                    Conv(d, e, 3, stride=2),
                    C3(e, e, repeats),
                    SPPF(e),
                    Conv(e, d),
                    nn.Identity(),
                    nn.Identity(),
                    C3(2 * d, d, repeats, residual=False),
                    Conv(d, c),
                    nn.Identity(),
                    nn.Identity(),
                    C3(2 * c, c, repeats, residual=False),
                    Conv(c, c, 3, stride=2),
                    nn.Identity(),
                    C3(2 * c, d, repeats, residual=False),
                    Conv(d, d, 3, stride=2),
                    nn.Identity(),
                    C3(2 * d, e, repeats, residual=False),
                    Detect((c, d, e), num_classes),
                ]
            )

        def forward(self, x: Any) -> Any:
            layers = self.model
            fine = layers[4](layers[3](layers[2](layers[1](layers[0](x)))))
            middle = layers[6](layers[5](fine))
            coarse = layers[10](layers[9](layers[8](layers[7](middle))))
            joined = layers[13](ops.cat((F.interpolate(coarse, scale_factor=2, mode="nearest"), middle), dim=1))
            joined = layers[14](joined)
            third = layers[17](ops.cat((F.interpolate(joined, scale_factor=2, mode="nearest"), fine), dim=1))
            fourth = layers[20](ops.cat((layers[18](third), joined), dim=1))
            fifth = layers[23](ops.cat((layers[21](fourth), coarse), dim=1))
            p3, p4, p5 = layers[24]((third, fourth, fifth))
            tops = ops.stack((self.surest(p3), self.surest(p4), self.surest(p5)), dim=1)
            return {"logits": ops.amax(tops, dim=1), "p3": p3, "p4": p4, "p5": p5}

        def surest(self, raw: Any) -> Any:
            """Return the largest logit of a box's confidence per class [n, num_classes]."""
            values = ops.reshape(raw, (raw.shape[0], 3, 5 + self.num_classes, raw.shape[2] * raw.shape[3]))
            sure = values[:, :, 4:5]
            if self.num_classes > 1:
                # the confidence is sigmoid(a) sigmoid(b); its logit is -log(exp(-a) + exp(-b) + exp(-a - b))
                sure, kind = sure + ops.zeros_like(values[:, :, 5:]), values[:, :, 5:]
                sure = -ops.logsumexp(ops.stack((-sure, -kind, -sure - kind), dim=4), dim=4)
            return ops.amax(sure, dim=(1, 3))

    return YOLO
