"""ResNet (He et al. 2016, arXiv 1512.03385), with the stride of a bottleneck on its 3x3 convolution ("v1.5")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.zoo.blocks.resnet import channels, resnet


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG001  (every network module answers this)
    """Return (multiple, minimum): any size will do."""
    return 1, 1


def default_layer(config: Mapping[str, Any]) -> str:  # noqa: ARG001
    """Return the last feature map before pooling."""
    return "layer4"


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class; parameter names are the customary ones (``layer1.0.conv1.weight``, ``fc.weight``)."""
    body: Any = resnet(nn, F, ops).Body

    class ResNet(body):
        """Class logits [n, num_classes] of pictures [n, in_channels, i, j]."""

        def __init__(self, in_channels: int, num_classes: int, depth: int, width: int, stem: str) -> None:
            super().__init__(in_channels, depth, width, stem)
            self.fc = nn.Linear(channels(depth, width)[4], num_classes)

        def forward(self, x: Any) -> Any:
            return self.fc(ops.mean(self.features(x)[4], dim=(2, 3)))

    return ResNet
