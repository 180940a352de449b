"""The way down a feature pyramid (Lin et al. 2017, arXiv 1612.03144): coarse maps are added to finer ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def top_down(nn: Any, F: Any) -> type:
    """Return the class ``TopDown`` of a framework.

    ``TopDown(widths, channels)`` takes maps of so many channels each, finest first, each half as large as the one
    before, and gives one map of `channels` channels at the resolution of the finest: what comes from below is enlarged
    (nearest neighbour), added to the map (brought to `channels` by a 1x1 convolution), and at the end smoothed by a 3x3
    convolution. ``gates``, one [n, channels, 1, 1] per map, scale the sums.
    """

    class TopDown(nn.Module):
        def __init__(self, widths: Sequence[int], channels: int) -> None:
            super().__init__()
            self.laterals = nn.ModuleList([nn.Conv2d(width, channels, 1) for width in widths])
            self.output = nn.Conv2d(channels, channels, 3, padding=1)
            self.count = len(widths)

        def forward(self, maps: Any, gates: Any = None) -> Any:
            x = self.laterals[self.count - 1](maps[self.count - 1])
            if gates is not None:
                x = x * gates[self.count - 1]
            for step in range(1, self.count):
                level = self.count - 1 - step
                x = self.laterals[level](maps[level]) + F.interpolate(x, scale_factor=2, mode="nearest")
                if gates is not None:
                    x = x * gates[level]
            return self.output(x)

    return TopDown
