"""The orientation tag of cameras and scanners (TIFF 6.0 and EXIF 2.3, tag 274): how a picture is to be turned."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from workbench import _geometry
from workbench._arrays import Array

T = TypeVar("T")

TAG = 274
#: For each value: whether rows and columns change places, and then the step along each (-1 turns it round).
_TURNS = {
    1: (False, 1, 1), 2: (False, 1, -1), 3: (False, -1, -1), 4: (False, -1, 1),
    5: (True, 1, 1), 6: (True, 1, -1), 7: (True, -1, -1), 8: (True, -1, 1),
}  # fmt: skip


def known(value: object) -> int:
    """Return the value of the tag if it is one of the eight, else 1 (upright)."""
    return value if isinstance(value, int) and value in _TURNS else 1


def upright(data: Array, value: int) -> Array:
    """Turn pixels [row, column, ...] upright."""
    swapped, down, across = _TURNS[value]
    return (data.swapaxes(0, 1) if swapped else data)[::down, ::across]


def upright_shape(shape: tuple[T, ...], value: int) -> tuple[T, ...]:
    """Return the shape (or the spacing) of the upright picture."""
    return (shape[1], shape[0], *shape[2:]) if _TURNS[value][0] else shape


def upright_affine(affine: _geometry.Affine, shape: tuple[int, ...], value: int) -> _geometry.Affine:
    """Return the affine of the upright picture, `affine` and `shape` being those of the stored one."""
    swapped, *steps = _TURNS[value]
    change = np.eye(4)
    for axis, (step, length) in enumerate(zip(steps, upright_shape(shape, value), strict=False)):
        stored = 1 - axis if swapped else axis
        change[:2, axis] = 0
        change[stored, axis] = step
        if step < 0:
            change[stored, 3] = length - 1
    return np.asarray(affine @ change)


def note(value: int) -> list[str]:
    """Return the note that goes with a picture that was turned."""
    return [] if value == 1 else [f"turned upright by the orientation tag of the file ({value})"]
