"""An array in the place of a volume: taken where nothing depends on where its voxels lie, refused elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import InputError
from workbench.volume import Volume

#: What is noted of such a volume, and of every map of it.
UNPLACED = "Made of an array without an affine: millimetres, right and left mean nothing here."


def as_volume(model: Any, given: Any) -> Any:
    """Return a Volume of an array; anything else as it is.

    Parameters
    ----------
    model : Model
    given : object
        An array ``[*spatial]``, ``[c, *spatial]``, ``[*spatial, c]`` or ``[1, c, *spatial]``.

    Returns
    -------
    Volume
        With 1 mm voxels, which a note of it says.

    Raises
    ------
    InputError
        If the model turns or resamples what it is given, so that it has to know where voxels lie; if the axes of the
        array cannot be told apart.
    """
    if not isinstance(given, np.ndarray):
        return given
    if not (hasattr(model, "spatial_ndim") and hasattr(model, "preprocess")):
        return given
    needed = [name for name in ("orientation", "spacing") if model.preprocess.get(name) is not None]
    if needed:
        raise InputError(
            f"volume must be a Volume for {model.name}, whose preprocessing says {' and '.join(needed)}, got an array "
            f"{given.shape}, of which nobody knows where its voxels lie. Wrap it: wb.Volume(array, affine)."
        )
    ndim, channels = model.spatial_ndim, model.in_channels
    array = given[0] if given.ndim == ndim + 2 and len(given) == 1 else given
    known: dict[str, Any] = {"notes": (UNPLACED,), "space": "pixels"}
    if array.ndim == ndim and channels == 1:
        return Volume(array, axes="ijk"[:ndim], **known)
    first, last = array.ndim == ndim + 1 and array.shape[0] == channels, array.shape[-1:] == (channels,)
    if array.ndim == ndim + 1 and first != last:
        return Volume.from_channels_first(array if first else np.moveaxis(array, -1, 0), **known)
    raise InputError(
        f"volume must be an array [{channels}, {', '.join('ijk'[:ndim])}] or [{', '.join('ijk'[:ndim])}, {channels}] "
        f"for {model.name}, which has its channels at one end, got shape {given.shape}. Make a Volume of it: "
        "wb.Volume(array, affine)."
    )
