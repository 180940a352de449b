"""The first picture of a viewer: its planes, small, as PNG; it travels with the widget and is saved with it."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from workbench.widgets.layer import Layer
from workbench.widgets.planes import Convention, PlaneName, Point, need_layers, paint, planes

#: Longest side in pixels: enough to know a case by until the voxels are there.
LONGEST = 256
#: Grey levels, or colours of a palette. The noise of a scanner is most of a PNG, and more levels show little more.
LEVELS = 32


class Still(TypedDict):
    """A plane as it is drawn in advance, to be seen until the voxels are there."""

    view: PlaneName
    convention: Convention
    png: bytes


def stills(layers: Sequence[Layer], crosshair: Point, convention: Convention) -> list[Still]:
    """Return the planes through a point as small pictures.

    Parameters
    ----------
    layers : sequence of Layer
        From the bottom up; the lowest decides the extent.
    crosshair : (x, y, z)
        RAS mm.
    convention : {"radiological", "neurological"}
        Whether the patient's right is on the left of the picture.

    Returns
    -------
    list of Still
        One for each plane.
    """
    drawn = planes(need_layers(layers).volume, crosshair, convention, LONGEST)
    return [Still(view=plane.name, convention=convention, png=_png(paint(layers, plane)[::-1])) for plane in drawn]


def slice_png(layers: Sequence[Layer], crosshair: Point, convention: Convention, longest: int) -> bytes:
    """Return the first plane through a point, axial or that of a picture, as PNG; no side has more pixels than that."""
    plane = planes(need_layers(layers).volume, crosshair, convention, longest)[0]
    return _png(paint(layers, plane)[::-1])


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    if (pixels == pixels[..., :1]).all():
        step = 255 / (LEVELS - 1)
        image = Image.fromarray(np.rint(np.rint(pixels[..., 0] / step) * step).astype(np.uint8))
    else:
        image = Image.fromarray(np.ascontiguousarray(pixels)).quantize(8 * LEVELS, dither=Image.Dither.NONE)
    buffer = BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
