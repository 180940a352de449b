"""What the millimetres of a file are of, and the affine of a picture: one rule for all formats.

Right and left are written beside voxels only where a file says so. Where it does not, formats differ in the affine they
take (each has its convention), not in `Volume.space`. For want of a place NIfTI and MGH give a doubt, for they have a
field for it; in NRRD and MetaImage, which hold anything, it is a plain note.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from workbench import _geometry
from workbench.io._doubt import Doubt

UNSTATED = "the file does not say where in the body the voxels lie"


def no_size(sizes: Iterable[float]) -> Doubt:
    """Return the doubt about voxel sizes of which some are none."""
    return Doubt(f"voxel sizes {[float(size) for size in sizes]} hold what is no size; taken as 1 mm")


def space(*, placed: bool, sized: bool) -> str:
    """Return what the millimetres are of, see `Volume`.

    Parameters
    ----------
    placed : bool
        Whether the file says how its axes run in the body. A default of the format says nothing.
    sized : bool
        Whether it gives a size along a spatial axis. Others are 1 mm then, which is doubted.
    """
    return "patient" if placed else "object" if sized else "pixels"


def picture_affine(spacing: tuple[float, ...] | None) -> _geometry.Affine:
    """Return the affine of a picture whose rows and columns lie `spacing` mm apart (1 mm where unknown)."""
    return np.asarray(_geometry.PICTURE_AFFINE * np.array([*(spacing or (1.0, 1.0)), 1.0, 1.0]))
