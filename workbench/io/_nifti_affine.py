"""Where the voxels of a NIfTI file lie: sform, qform, or voxel sizes alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import _geometry
from workbench.errors import FileError
from workbench.io import _files, _space
from workbench.io._doubt import Doubt

_UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
#: Rounding of the fields moves a corner by less than this part of a voxel.
_AGREEMENT = 0.02


def read(fields: Any, shape: list[int], path: Path, notes: list[str]) -> tuple[NDArray[np.float64], str]:
    """Return the affine, voxel to RAS mm, and what its millimetres are of; what is odd about it goes into `notes`.

    The sform if its code is above 0, else the qform if its code is, else voxel sizes with the origin at the centre and
    x running left, as nibabel has it. One that is no geometry (not finite, singular) gives way to the next.
    """
    units = int(fields["xyzt_units"]) & 7
    factor = _UNIT_MM.get(units, 1.0)
    scale = np.array([[factor], [factor], [factor], [1.0]])
    if factor != 1:
        notes.append(f"lengths were in {'metres' if units == 1 else 'microns'}; now in mm")
    sizes = np.abs(np.asarray(fields["pixdim"][1:4], dtype=np.float64))
    unusable = ~np.isfinite(sizes) | (sizes == 0)
    if int(fields["sform_code"]) > 0:
        sform = np.vstack([np.asarray(fields["srow"], dtype=np.float64), [0, 0, 0, 1]])
        affine = _usable(lambda: scale * sform, path)
        if affine is not None:
            _compare(affine, fields, sizes, scale, shape, path, notes)
            return affine, _space.space(placed=True, sized=True)
        instead = "its qform was" if int(fields["qform_code"]) > 0 else "voxel sizes were"
        notes.append(Doubt(f"the sform of the file is no geometry ({sform[:3].tolist()}); {instead} taken instead"))
    if unusable.any():
        notes.append(_space.no_size(sizes))
        sizes[unusable] = 1
    if int(fields["qform_code"]) > 0:
        affine = _usable(lambda: scale * _qform(fields, sizes, path), path)
        if affine is not None:
            return affine, _space.space(placed=True, sized=True)
        quatern = np.asarray(fields["quatern"]).tolist()
        notes.append(Doubt(f"the qform of the file is no geometry (quaternion {quatern}); voxel sizes were taken"))
    affine = np.diag([*sizes * [-1, 1, 1], 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array([*shape, 1][:3]) - 1) / 2)
    notes.append(Doubt(f"{_space.UNSTATED}; origin at the centre, LAS axes"))
    sized = not unusable[: len(shape)].all()
    return _files.usable_affine(path, scale * affine), _space.space(placed=False, sized=sized)


def _usable(make: Callable[[], Any], path: Path) -> NDArray[np.float64] | None:
    """Return the affine that `make` makes, None where it is none."""
    try:
        return _files.usable_affine(path, make())
    except FileError:
        return None


def _compare(
    affine: NDArray[np.float64], fields: Any, sizes: NDArray[np.float64], scale: NDArray[np.float64], shape: list[int],
    path: Path, notes: list[str],
) -> None:  # fmt: skip
    """Note by how much a qform that is meant disagrees with the sform that was taken."""
    if int(fields["qform_code"]) <= 0 or not (np.isfinite(sizes) & (sizes > 0)).all():
        return
    other = _usable(lambda: scale * _qform(fields, sizes, path), path)
    if other is None:
        notes.append("the qform of the file is no geometry; its sform was taken")
        return
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in [*shape, 1][:3]], [1])).reshape(4, -1)
    apart = float(np.linalg.norm(((affine - other) @ corners)[:3], axis=0).max())
    if apart <= _AGREEMENT * min(_geometry.spacing(affine)):
        return
    words = f"sform and qform disagree by up to {apart:.4g} mm at a corner of the volume"
    ours, theirs = _geometry.directions(affine), _geometry.directions(other)
    if np.linalg.det(ours) * np.linalg.det(theirs) < 0:
        swapped = "one is a mirror image of the other, so left and right may be swapped"
        notes.append(Doubt(f"{words}: {swapped}; sform taken"))
        return
    # half the distance of unit vectors is the sine of half the angle: exact for small ones
    angle = 2 * np.degrees(np.arcsin(np.clip(np.linalg.norm(ours - theirs, axis=0) / 2, 0, 1))).max()
    notes.append(f"{words} (axes turned by up to {angle:.2f} degrees); sform taken")


def _qform(fields: Any, sizes: NDArray[np.float64], path: Path) -> NDArray[np.float64]:
    handed = -1.0 if float(fields["pixdim"][0]) < 0 else 1.0
    affine = np.eye(4)
    stored = np.asarray(fields["quatern"])
    rounding = 3 * float(np.finfo(stored.dtype).eps)
    affine[:3, :3] = _rotation(stored.astype(np.float64), rounding, path) * sizes * [1, 1, handed]
    affine[:3, 3] = fields["qoffset"]
    return affine


def _rotation(quatern: NDArray[np.float64], rounding: float, path: Path) -> NDArray[np.float64]:
    b, c, d = quatern
    square = 1.0 - float(quatern @ quatern)
    if not np.isfinite(square) or square < -1e-3:
        raise FileError(
            f"{path}: the quaternion of a qform has length 1 or less, the header says {quatern.tolist()}. "
            f"{_files.CORRECT}"
        )
    # on half turns rounding leaves a length slightly off 1; its root would turn the volume by a hundredth of a degree
    a = np.sqrt(square) if square > rounding else 0.0
    norm = np.sqrt(a * a + b * b + c * c + d * d)
    a, b, c, d = a / norm, b / norm, c / norm, d / norm
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )


def quaternion(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (b, c, d) of the unit quaternion of a rotation matrix [3, 3], as the fields of a qform store it."""
    # eigenvector of the largest eigenvalue (Bar-Itzhack 2000): stable for every rotation, half turns included
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    matrix = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    b, c, d, a = np.linalg.eigh(matrix)[1][:, -1]
    return np.array([b, c, d]) * (-1.0 if a < 0 else 1.0)
