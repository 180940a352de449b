"""Where the volumes of tests lie."""

from __future__ import annotations

import numpy as np

from workbench._arrays import Array


def oblique() -> Array:
    """Return an oblique, anisotropic affine with flipped axes: what an identity affine would hide.

    Returns
    -------
    ndarray, 4 x 4, float64
        From voxels to RAS millimetres.
    """
    angle = np.deg2rad(20.0)
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    out = np.eye(4)
    out[:3, :3] = rotation @ np.diag([-0.8, 1.25, 2.5])
    out[:3, 3] = [12.0, -34.5, 56.25]
    return out
