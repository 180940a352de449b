"""U-CSRNet: the dilated network of CSRNet (Li et al. 2018, arXiv 1802.10062), back at the resolution of its input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Channels of the first ten convolutions of VGG-16 and of the dilated back-end, as multiples of the width.
_FRONT: tuple[int, ...] = (1, 1, 0, 2, 2, 0, 4, 4, 4, 0, 8, 8, 8)  # 0 is a max-pooling
_BACK: tuple[int, ...] = (8, 8, 8, 4, 2, 1)
_STRIDE = 8


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG001  (every network module answers this)
    """Return (multiple, minimum) of the size of a picture: three poolings halve it."""
    return _STRIDE, _STRIDE


def default_layer(config: Mapping[str, Any]) -> str:
    """Return the last feature map before the head."""
    return "upsampling" if config["upsampling"] == "transposed" else "backend"


def define(nn: Any, F: Any, ops: Any) -> type:  # noqa: ARG001  (every network module takes these)
    """Return the network class; parameter names are those of CSRNet's files (``frontend.0.weight``)."""

    def convolutions(channels: int, plan: tuple[int, ...], width: int, dilation: int, batch_norm: bool) -> Any:
        layers = []
        for factor in plan:
            if factor == 0:
                layers.append(nn.MaxPool2d(2, stride=2))
                continue
            layers.append(nn.Conv2d(channels, factor * width, 3, padding=dilation, dilation=dilation))
            channels = factor * width
            if batch_norm:
                layers.append(nn.BatchNorm2d(channels))
            layers.append(nn.ReLU())
        return nn.Sequential(*layers)

    def doublings(width: int) -> Any:
        layers = []
        for _ in range(3):
            layers.append(nn.ConvTranspose2d(width, width, 4, stride=2, padding=1, bias=False))
            layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU())
        return nn.Sequential(*layers)

    class UCSRNet(nn.Module):
        """Maps [n, num_classes, i, j] (or at an eighth of the size) of pictures [n, in_channels, i, j]."""

        def __init__(
            self, in_channels: int, num_classes: int, width: int, upsampling: str, batch_norm: bool, init: str
        ) -> None:
            super().__init__()
            self.frontend = convolutions(in_channels, _FRONT, width, 1, batch_norm)
            self.backend = convolutions(_FRONT[-1] * width, _BACK, width, 2, batch_norm)
            self.upsampling = doublings(width) if upsampling == "transposed" else nn.Identity()
            self.output_layer = nn.Conv2d(_BACK[-1] * width, num_classes, 1)
            for module in self.modules():
                if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                    # CSRNet's small weights need a front-end that was trained before: maps from scratch would be flat
                    if init == "normal" or module is self.output_layer:
                        nn.init.normal_(module.weight, std=0.01)
                    else:
                        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)

        def forward(self, x: Any) -> Any:
            x = self.backend(self.frontend(x))
            return self.output_layer(self.upsampling(x))

    return UCSRNet
