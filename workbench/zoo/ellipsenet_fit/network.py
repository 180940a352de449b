"""The U-Net of :mod:`workbench.zoo.unet_2d` with a mask for each class, to which ellipses are fitted afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.zoo.unet_2d import network as unet


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return (multiple, minimum) of the size of a picture: it is halved ``depth - 1`` times."""
    return unet.sizes(config)


def default_layer(config: Mapping[str, Any]) -> str:
    """Return the last feature map at full resolution."""
    return unet.default_layer(config)


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class: logits [n, num_classes, i, j]; sigmoid gives how likely a pixel is inside."""
    UNet: Any = unet.define(nn, F, ops)

    class EllipseUNet(UNet):
        """A U-Net that has no class for the background: ellipses may lie within one another."""

        def __init__(self, in_channels: int, num_classes: int, width: int, depth: int) -> None:
            super().__init__(in_channels, num_classes, width, depth, unused_branch=False, output="logits")

    return EllipseUNet
