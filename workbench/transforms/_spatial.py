"""MONAI's random affine and elastic transforms with ranges that do not depend on the size of the image.

This module imports MONAI; import it where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from monai.transforms.spatial.dictionary import Rand2DElasticd, Rand3DElasticd, RandAffined
from monai.transforms.transform import MapTransform

# what lies outside the image looks like its border, in images and labels alike
_PADDING = "border"


class AffineByShare(RandAffined):
    """`RandAffined` whose shift is a share of the image's size instead of a number of voxels."""

    def __init__(self, values: Mapping[str, Any], keys: Sequence[str], mode: Sequence[str], ndim: int) -> None:
        super().__init__(
            keys,
            prob=values["prob"],
            rotate_range=[math.radians(values["rotate_deg"])] * (1 if ndim == 2 else 3),
            scale_range=[values["scale"]] * ndim,
            translate_range=[0.0] * ndim,
            mode=list(mode),
            padding_mode=_PADDING,
        )
        self._share = values["translate"]

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        """Set the range of shifts for this image, then do what MONAI does."""
        size = next(iter(data.values())).shape[1:]
        self.rand_affine.rand_affine_grid.translate_range = tuple(self._share * n for n in size)
        changed: dict[Hashable, Any] = super().__call__(data, lazy=lazy)
        return changed


def elastic(values: Mapping[str, Any], keys: Sequence[str], mode: Sequence[str], ndim: int) -> MapTransform:
    """Return MONAI's elastic transform for shifts of about `magnitude` voxels that vary over `smooth` voxels."""
    common: dict[str, Any] = {"prob": values["prob"], "mode": list(mode), "padding_mode": _PADDING}
    size = values["magnitude"]
    if ndim == 2:
        # control points every `smooth` pixels, each moved by noise of that deviation
        return Rand2DElasticd(keys, spacing=values["smooth"], magnitude_range=(size / 2, size), **common)
    # white noise of deviation 1, smoothed over s voxels, keeps a deviation of (2 sqrt(pi) s)^(-3/2)
    sigma = values["smooth"] / 2
    gain = (2 * math.sqrt(math.pi) * sigma) ** 1.5
    uniform = math.sqrt(3.0)  # MONAI draws from -1 to 1, whose deviation is 1 / sqrt(3)
    low, high = 0.5 * size * gain * uniform, size * gain * uniform
    return Rand3DElasticd(keys, sigma_range=(sigma, sigma), magnitude_range=(low, high), **common)
