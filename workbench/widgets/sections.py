"""Sections: single planes of a grid at full resolution, through each layer.

A large volume is shown coarse, as all of its voxels are more than a line carries at once; the planes that are looked at
are small. So the browser asks for these, as the crosshair moves, and draws them in place of the coarse ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.widgets.transfer import Header, WireType

if TYPE_CHECKING:
    from workbench.widgets.transfer import Parcel

#: How far apart, in voxels, two grids may lie to count as one.
_TOLERANCE = 1e-3


class Place(TypedDict):
    """Which section: of the voxels of a layer, in a plane of the grid of that or another one, as both are now."""

    layer: str
    version: int | str
    on: Annotated[str, "The layer whose grid is meant."]
    on_version: int | str
    axis: Annotated[int, "The axis through the plane: 0, 1 or 2, as they lie in memory."]
    index: int


class Look(Place):
    """The browser asks for a section."""

    type: Literal["look"]


class Section(Place, Header):
    """A section; its voxels come with it as a buffer, the lower axis fastest. What is outside of the layer is NaN."""

    type: Literal["section"]


class NoSection(Place):
    """A section that cannot be had now."""

    type: Literal["no-section"]
    cause: str


def section(parcel: Parcel, on: Parcel, axis: int, index: int) -> tuple[Header, bytes]:
    """Return the voxels of a layer in a plane of a grid, and what they are.

    Parameters
    ----------
    parcel : Parcel
        The layer.
    on : Parcel
        The layer whose grid is meant. Where it is another one than the layer's own, values are taken between voxels
        (labels from the nearest).
    axis : int
        The axis through the plane.
    index : int
        The voxel along it.

    Raises
    ------
    InputError
        If there is no such plane.
    """
    if not (0 <= axis < 3 and 0 <= index < on.shape[axis]):
        raise InputError(f"A section lies inside of its grid, {on.shape}, got voxel {index} of axis {axis}.")
    header = parcel.header()
    if _alike(parcel, on):
        # a view: np.take would copy all of an array whose first axis is the fastest
        plane = np.moveaxis(parcel.voxels, axis, 0)[index]
    else:
        plane = _between(parcel, on, axis, index)
        header = {**header, "dtype": cast("WireType", plane.dtype.name)}
    if parcel.samples > 1:
        plane = np.moveaxis(plane, -1, 0)
    return header, plane.tobytes(order="F")


def _alike(parcel: Parcel, on: Parcel) -> bool:
    if parcel is on:
        return True
    if parcel.shape != on.shape:
        return False
    moved = np.linalg.inv(parcel.affine) @ on.affine - np.eye(4)
    reach = np.abs(moved[:3, :3]) @ np.array(on.shape) + np.abs(moved[:3, 3])
    return bool((reach < _TOLERANCE).all())


def _between(parcel: Parcel, on: Parcel, axis: int, index: int) -> NDArray[np.generic]:
    """Return what a layer has in a plane of another grid; nothing where it has no voxel."""
    from scipy.ndimage import map_coordinates

    to_own = np.linalg.inv(parcel.affine) @ on.affine
    places = np.indices([n for one, n in enumerate(on.shape) if one != axis], np.float64)
    places = np.insert(places, axis, index, axis=0)
    at = np.tensordot(to_own[:3, :3], places, axes=1) + to_own[:3, 3].reshape(3, 1, 1)
    outside = np.any((at < -0.5) | (at >= np.reshape(parcel.shape, (3, 1, 1)) - 0.5), axis=0)
    labels = parcel.kind == "labels"
    voxels = parcel.voxels[..., None] if parcel.samples == 1 else parcel.voxels
    output = voxels.dtype if labels else np.dtype(np.float32)
    planes = [
        map_coordinates(voxels[..., sample], at, output, order=0 if labels else 1, mode="nearest")
        for sample in range(voxels.shape[-1])
    ]
    found = np.stack(planes, axis=-1)
    found[outside] = 0 if labels else np.nan
    return np.asarray(found[..., 0] if parcel.samples == 1 else found)
