"""Oriented derivatives of a mask, as LOD-Net learns them (Cheng et al. 2021, MICCAI)."""

from __future__ import annotations

from typing import Any

#: Where the eight neighbours lie: rows and columns.
ROWS = (-1, -1, -1, 0, 1, 1, 1, 0)
COLUMNS = (-1, 0, 1, 1, 1, 0, -1, -1)


def oriented_derivatives(F: Any, ops: Any, mask: Any, offsets: Any, *, unnormalised_grid: bool = False) -> Any:
    """Return how much a mask falls from each pixel towards points near its eight neighbours.

    For pixel p and direction j, ``(mask(p) - mask(p + u_j + o_j) + 1) / sqrt(|u_j + o_j|^2 + 1)`` with the unit offset
    u_j and the learned offset o_j: 0 where it rises by 1, largest where it falls by 1. The mask goes on as it is beyond
    the border.

    Parameters
    ----------
    F, ops : modules
        The shared vocabulary.
    mask : tensor [n, 1, h, w]
        0 to 1.
    offsets : tensor [n, 16, h, w]
        Learned offsets in pixels: column then row for each direction.
    unnormalised_grid : bool
        Sample as the original does, which takes the coordinates in pixels for coordinates from -1 to 1.

    Returns
    -------
    tensor [n, 8, h, w]
    """
    height, width = mask.shape[2:]
    rows = ops.cumsum(ops.ones_like(mask), dim=2)[:, 0] - 1
    columns = ops.cumsum(ops.ones_like(mask), dim=3)[:, 0] - 1
    derivatives = []
    for direction in range(len(ROWS)):
        dx = COLUMNS[direction] + offsets[:, 2 * direction]
        dy = ROWS[direction] + offsets[:, 2 * direction + 1]
        x, y = columns + dx, rows + dy
        if not unnormalised_grid:
            x, y = (2 * x + 1) / width - 1, (2 * y + 1) / height - 1
        there = F.grid_sample(mask, ops.stack((x, y), dim=3), padding_mode="border", align_corners=False)[:, 0]
        derivatives.append((mask[:, 0] - there + 1) / ops.sqrt(dx**2 + dy**2 + 1))
    return ops.stack(derivatives, dim=1)
