"""A small picture of a map over its image, with the outline of the truth: what a report shows of a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench._atomic import writing
from workbench.explain.explanation import Explanation
from workbench.explain.exporting import slice_of_peak
from workbench.volume import Volume

#: Longest side in pixels: several fit beside one another on a page.
_LONGEST = 192
#: From zero upwards, and to both sides of it, as `Explanation.export` has them.
_COLOURS = ("inferno", "RdBu_r")
_MOST_OPAQUE = 0.6
#: Green is told from both colour maps by an eye that sees no red.
_OUTLINE = (0, 200, 120)


def write_picture(path: Path, image: Volume, why: Explanation, inside: Array | None) -> None:
    """Write the slice with the map's highest voxel as PNG: no text, no name, no header."""
    import matplotlib as mpl
    from PIL import Image

    grey = image.channels_first()[0].astype(np.float32)
    grid = why.volume
    layers: list[Any] = [grid.with_data(grey, kind="image", labels={}), grid]
    if inside is not None:
        layers.append(grid.with_data(inside.astype(np.float32), kind="image", labels={}))
    flat = [np.asarray(one.data, np.float32) for one in slice_of_peak(grid, layers)]
    low, high = np.percentile(flat[0], [1, 99])
    base = np.clip((flat[0] - low) / max(float(high - low), 1e-12), 0, 1)
    least, most = why.display_range
    shares = np.clip((flat[1] - least) / (most - least), 0, 1)
    colours = mpl.colormaps[_COLOURS[least < 0]](shares)[..., :3]
    strength = _MOST_OPAQUE * (np.abs(2 * shares - 1) if least < 0 else shares)[..., None]
    pixels = np.rint(255 * ((1 - strength) * base[..., None] + strength * colours)).astype(np.uint8)
    factor = max(1, _LONGEST // max(pixels.shape[:2]))
    pixels = pixels.repeat(factor, 0).repeat(factor, 1)
    if inside is not None:
        from scipy.ndimage import binary_erosion

        marked = (flat[2] >= 0.5).repeat(factor, 0).repeat(factor, 1)
        pixels[marked & ~binary_erosion(marked)] = _OUTLINE
    with writing(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")
