"""EllipseNet (Chen et al. 2021): CenterNet whose heads say the axes and the angle of an ellipse at each centre."""

from __future__ import annotations

from typing import Any

from workbench.zoo.blocks.center import center_body, default_layer, sizes

__all__ = ["default_layer", "define", "sizes"]


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class; parameter names are those of the original (``base.``, ``ratio_al.0.weight``)."""
    Body: Any = center_body(nn, F, ops)

    class EllipseNet(Body):
        """Seven maps [n, ..., i / 4, j / 4] of pictures [n, in_channels, i, j], by name, all of them real numbers.

        ``logits`` [num_classes]: sigmoid gives how likely a centre is there. ``reg`` [2]: where in its pixel of the map
        the centre lies, along j and i, 0 to 1. ``l`` [1]: diagonal of the rectangle around the ellipse in pixels of the
        map. ``ratio_al``, ``ratio_bl`` [1]: sigmoid gives the long and the short side of that rectangle over its
        diagonal. ``theta`` [1]: angle of the long axis over pi. ``sincos`` [2]: sine and cosine of the angle, for the
        term of the loss that is off by default.
        """

        def __init__(self, in_channels: int, num_classes: int, backbone: str, width: int, head_channels: int) -> None:
            super().__init__(in_channels, backbone, width, head_channels)
            # -2.19: each place starts at a probability of 0.1
            self.hm = self.head(num_classes, -2.19)
            self.reg = self.head(2)
            self.l = self.head(1)
            self.ratio_al = self.head(1)
            self.ratio_bl = self.head(1)
            self.sincos = self.head(2)
            self.theta = self.head(1)

        def forward(self, x: Any) -> Any:
            y = self.features(x)
            return {
                "logits": self.hm(y),
                "reg": self.reg(y),
                "l": self.l(y),
                "ratio_al": self.ratio_al(y),
                "ratio_bl": self.ratio_bl(y),
                "theta": self.theta(y),
                "sincos": self.sincos(y),
            }

    return EllipseNet
