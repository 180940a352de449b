"""CenterNet (Zhou et al. 2019, arXiv 1904.07850): a heat map of centres, and the size of the box at each."""

from __future__ import annotations

from typing import Any

from workbench.zoo.blocks.center import center_body, default_layer, sizes

__all__ = ["default_layer", "define", "sizes"]


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class; parameter names are those of CenterNet (``base.``, ``dla_up.``, ``hm.0.weight``)."""
    Body: Any = center_body(nn, F, ops)

    class CenterNet(Body):
        """Three maps [n, ..., i / 4, j / 4] of pictures [n, in_channels, i, j], by name.

        ``logits`` [num_classes]: sigmoid gives how likely a centre is there. ``wh`` [2]: width (along j) and height
        (along i) of the box in pixels of the map. ``reg`` [2]: where in its pixel of the map the centre lies, along j
        and i, 0 to 1 from the pixel's lower edge.
        """

        def __init__(self, in_channels: int, num_classes: int, backbone: str, width: int, head_channels: int) -> None:
            super().__init__(in_channels, backbone, width, head_channels)
            # -2.19: each place starts at a probability of 0.1
            self.hm = self.head(num_classes, -2.19)
            self.wh = self.head(2)
            self.reg = self.head(2)

        def forward(self, x: Any) -> Any:
            y = self.features(x)
            return {"logits": self.hm(y), "wh": self.wh(y), "reg": self.reg(y)}

    return CenterNet
