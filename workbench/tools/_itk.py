"""Volumes as ITK has them: axes in the other order, places in LPS."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench._geometry import LPS_RAS, directions
from workbench.errors import MissingExtraError
from workbench.volume import Volume


def itk(what: str) -> ModuleType:
    """Return SimpleITK.

    Parameters
    ----------
    what : str
        What needs it, in the user's words.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import SimpleITK
    except ImportError:
        raise MissingExtraError(f"{what} (SimpleITK)", "tools") from None
    return SimpleITK


def to_itk(sitk: ModuleType, array: NDArray[Any], volume: Volume) -> Any:
    """Return voxels as an image of ITK that lies where `volume` does; of a picture, with its spacing alone.

    Parameters
    ----------
    array : array [*spatial]
        Values for the grid of `volume`.
    """
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.T))
    image.SetSpacing(volume.spacing)
    if volume.spatial_ndim == 3:
        lps = LPS_RAS @ volume.affine
        image.SetDirection(directions(lps).ravel().tolist())
        image.SetOrigin(lps[:3, 3].tolist())
    return image


def from_itk(sitk: ModuleType, image: Any) -> NDArray[Any]:
    """Return the voxels of an image of ITK as array [*spatial]."""
    return np.asarray(sitk.GetArrayFromImage(image).T)
