"""Palettes: what is made of a table of colours.

As an image, a pixel gets its colour; a table of greys gives greys in one channel. As labels, pixels keep their index,
which is the number of the class in the masks that most tools write.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench._arrays import Array


def look_up(table: Array) -> tuple[int, Callable[[Array], Array]]:
    """Return (channels, indices -> colours) for a table [entries, 3 or 4] of 8-bit colours; greys have one channel."""
    colours = table
    if (table[:, :3] == table[:, :1]).all() and (table.shape[1] == 3 or (table[:, 3] == 255).all()):
        colours = table[:, 0]

    def apply(indices: Array) -> Array:
        # an index behind the end of the table is black, as viewers show it
        padded = np.zeros((int(indices.max(initial=0)) + 1, *colours.shape[1:]), np.uint8)
        known = min(len(padded), len(colours))
        padded[:known] = colours[:known]
        return padded[indices]

    return (1 if colours.ndim == 1 else colours.shape[1]), apply


def one_channel(data: Array, notes: list[str]) -> Array:
    """Return one channel of colours that are greys, as masks are often saved; other colours as they are."""
    colours = data[..., :3] if data.shape[-1] > 2 else data[..., :1]
    if not (colours == colours[..., :1]).all():
        notes.append("these labels are colours; save them as the numbers of their classes, or with a palette")
        return data
    notes.append(f"the {data.shape[-1]} channels are greys; one of them was taken")
    return np.ascontiguousarray(data[..., 0])
