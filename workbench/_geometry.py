"""The arithmetic of affines: everything that knows what the columns of a 4x4 matrix mean.

An affine maps voxel indices ``(i, j, k)`` to millimetres in RAS (x to the right, y to the front, z to the head). A 2D
picture has one too: its third column is the normal of the picture, scaled by the thickness.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError

Affine = NDArray[np.float64]

#: RAS <-> LPS: the first two world axes change sign (DICOM, ITK and NRRD files are written in LPS).
LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

#: A picture without geometry: rows run to the back (P), columns to the left (L), as an axial slice is looked at.
PICTURE_AFFINE = np.array([[0.0, -1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])

_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))


def check_affine(affine: Any) -> Affine:
    """Return `affine` as a new 4x4 float64 matrix, or say which rule it breaks.

    Raises
    ------
    InputError
        If it is not 4x4, not finite, singular, or its last row is not 0 0 0 1.
    """
    try:
        matrix = np.array(affine, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"An affine must be a 4x4 matrix of numbers, got {affine!r} ({error}). Give one, or leave it out."
        ) from None
    if matrix.shape != (4, 4):
        raise InputError(
            f"An affine must be 4x4 (voxel to RAS mm), got shape {matrix.shape}. Give one, or leave it out."
        )
    if not np.isfinite(matrix).all():
        raise InputError(f"An affine must be finite, got {matrix.tolist()}. Give the geometry with `affine=`.")
    if not np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-6):
        raise InputError(
            f"The last row of an affine must be 0 0 0 1, got {matrix[3].tolist()}. Give it with the translation in the "
            "last column."
        )
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.isfinite(lengths).all() or (lengths < 1e-12).any() or (lengths > 1e12).any():
        raise InputError(f"Every voxel axis of an affine must have a length above 0 mm, got {lengths.tolist()}.")
    if abs(np.linalg.det(matrix[:3, :3] / lengths)) < 1e-6:
        raise InputError(f"The three voxel axes of an affine must not lie in one plane, got {matrix[:3, :3].tolist()}.")
    matrix[3] = (0, 0, 0, 1)
    return matrix


def spacing(affine: Affine) -> tuple[float, float, float]:
    """Return the length in mm of one step along each voxel axis."""
    x, y, z = np.linalg.norm(affine[:3, :3], axis=0)
    return float(x), float(y), float(z)


def directions(affine: Affine) -> Affine:
    """Return the 3x3 matrix of unit vectors along the voxel axes (columns)."""
    return np.asarray(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))


def has_shear(affine: Affine, tolerance: float = 1e-4) -> bool:
    """Tell whether the voxel axes are not at right angles to each other."""
    unit = directions(affine)
    return bool(np.abs(unit.T @ unit - np.eye(3)).max() > tolerance)


def voxel_volume(affine: Affine, ndim: int = 3) -> float:
    """Return the volume of a voxel in mm3; with two axes, the area of a pixel in mm2. Sheared axes are no error."""
    if ndim == 2:
        return float(np.linalg.norm(np.cross(affine[:3, 0], affine[:3, 1])))
    return float(abs(np.linalg.det(affine[:3, :3])))


def orientation(affine: Affine, ndim: int = 3) -> str:
    """Return the letters of the world directions nearest to the first `ndim` voxel axes (``"RAS"``)."""
    world, signs = _nearest_axes(affine, ndim)
    return "".join(_LETTERS[axis][sign > 0] for axis, sign in zip(world, signs, strict=True))


def reorientation(affine: Affine, shape: Sequence[int], target: str) -> tuple[list[int], list[int], Affine]:
    """Work out how to bring the voxel axes to `target`.

    Parameters
    ----------
    affine : array [4, 4]
        Present affine.
    shape : sequence of 2 or 3 int
        Present spatial shape.
    target : str
        Orientation code. For a picture two letters, or three of which the two in its plane count.

    Returns
    -------
    order : list of int
        Spatial axis of the source that becomes each axis of the result.
    steps : list of int
        1 or -1 for each axis of the result: whether to flip it after transposing.
    affine : array [4, 4]
        Affine of the result.
    """
    ndim = len(shape)
    world, signs = _nearest_axes(affine, ndim)
    wanted = _parse_code(target, world, ndim)
    order = [world.index(axis) for axis, _ in wanted]
    steps = [1 if signs[source] == sign else -1 for source, (_, sign) in zip(order, wanted, strict=True)]
    change = np.eye(4)
    for result, (source, step) in enumerate(zip(order, steps, strict=True)):
        change[:3, result] = 0
        change[source, result] = step
        if step < 0:
            change[source, 3] = shape[source] - 1
    return order, steps, affine @ change


def rescaled(affine: Affine, shape: Sequence[int], new_shape: Sequence[int], steps: Sequence[float]) -> Affine:
    """Return the affine of a grid of `new_shape` with the same centre, a step of which is `steps` old voxels long."""
    change = np.eye(4)
    for axis, step in enumerate(steps):
        change[axis, axis] = step
        change[axis, 3] = (shape[axis] - 1) / 2 - step * (new_shape[axis] - 1) / 2
    return np.asarray(affine @ change)


def shifted(affine: Affine, start: Sequence[float]) -> Affine:
    """Return the affine of a grid whose first voxel is voxel `start` of the old one."""
    moved = np.array(affine, dtype=np.float64)
    moved[:3, 3] += moved[:3, : len(start)] @ np.asarray(start, dtype=float)
    return moved


def from_codes(code: str, spacing_mm: Sequence[float] = (1, 1, 1), origin: Sequence[float] = (0, 0, 0)) -> Affine:
    """Return the axis-aligned affine with orientation `code`, `spacing_mm` and `origin` (all 48 codes are valid)."""
    matrix = np.eye(4)
    for column, (axis, sign) in enumerate(_parse_code(code, [0, 1, 2], 3)):
        matrix[:3, column] = 0
        matrix[axis, column] = sign * spacing_mm[column]
    matrix[:3, 3] = origin
    return matrix


def check_code(code: Any) -> str:
    """Return an orientation code of three letters, or of two for a picture.

    Raises
    ------
    InputError
        If it is none.
    """
    _parse(code, 2 if isinstance(code, str) and len(code) < len(_LETTERS) else 3)
    return str(code)


def codes() -> list[str]:
    """Return all 48 orientation codes."""
    return ["".join(letters) for order in permutations(_LETTERS) for letters in product(*order)]


def _nearest_axes(affine: Affine, ndim: int) -> tuple[list[int], list[int]]:
    # the rotation nearest to the axes (polar decomposition), so that shear does not favour one axis over another
    left, _, right = np.linalg.svd(directions(affine))
    rotation = left @ right
    # strongest axis first, as nibabel does it: on an ambiguous affine both must give the same letters
    nearest = [0, 0, 0]
    free = [0, 1, 2]
    for column in np.argsort(-np.abs(rotation).max(axis=0), kind="stable"):
        nearest[column] = max(free, key=lambda axis: abs(rotation[axis, column]))
        free.remove(nearest[column])
    return nearest[:ndim], [1 if rotation[nearest[column], column] >= 0 else -1 for column in range(ndim)]


def _parse(code: Any, ndim: int) -> list[tuple[int, int]]:
    """Return the world axis and the sign of each letter."""
    letters = {pair[side]: (axis, 2 * side - 1) for axis, pair in enumerate(_LETTERS) for side in (0, 1)}
    parsed = [letters.get(letter) for letter in str(code).upper()]
    known = [item for item in parsed if item is not None]
    if len(known) != len(parsed) or len({axis for axis, _ in known}) != len(known) or len(known) not in {ndim, 3}:
        raise InputError(
            f"An orientation is {ndim} letters of the pairs R/L, A/P, S/I (such as {'RAS'[:ndim]!r}), got {code!r}."
        )
    return known


def _parse_code(code: str, world: list[int], ndim: int) -> list[tuple[int, int]]:
    inside = [item for item in _parse(code, ndim) if item[0] in world]
    if len(inside) != ndim:
        plane = "".join("/".join(_LETTERS[axis]) + " " for axis in world)
        raise InputError(f"This picture lies in the plane of {plane.strip()}; it cannot be turned to {code!r}.")
    return inside
