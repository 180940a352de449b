"""A small picture of a map over its image, with the outline of the truth: what a report shows of a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench._atomic import writing
from workbench.explain.explanation import Explanation
from workbench.explain.exporting import grey, in_proportion, over, slice_of_peak
from workbench.volume import Volume

#: Longest side in pixels: several fit beside one another on a page.
_LONGEST = 192
#: Green is told from both colour maps by an eye that sees no red.
_OUTLINE = (0, 200, 120)


def write_picture(path: Path, image: Volume, why: Explanation, inside: Array | None) -> None:
    """Write the slice with the map's highest voxel as PNG: no text, no name, no header."""
    from PIL import Image

    grid = why.volume
    layers: list[Any] = [grid, grid.with_data(grey(image), kind="image", labels={})]
    if inside is not None:
        layers.append(grid.with_data(inside.astype(np.float32), kind="image", labels={}))
    slices = slice_of_peak(grid, layers)
    flat = [np.asarray(one.data, np.float32) for one in slices]
    spacing = slices[0].spacing
    longest = max(n * length for n, length in zip(flat[0].shape, spacing, strict=True)) / min(spacing)
    factor = max(1, int(_LONGEST // longest))
    pixels = in_proportion(over(flat[1], flat[0], why.display_range), spacing, factor)
    if inside is not None:
        from scipy.ndimage import binary_erosion

        marked = in_proportion(flat[2] >= 0.5, spacing, factor)
        pixels[marked & ~binary_erosion(marked)] = _OUTLINE
    with writing(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")
