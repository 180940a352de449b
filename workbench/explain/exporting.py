"""Maps for other programs: a DICOM Parametric Map, or a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench import io
from workbench.errors import InputError
from workbench.io import _dicom_parametric
from workbench.io.dicom import Dicom
from workbench.volume import Volume

if TYPE_CHECKING:
    from workbench.explain.explanation import Explanation

_HEAD_BYTES = 132
#: From zero upwards, and to both sides of it; legible with a colour-blind eye.
_COLOURS = ("inferno", "RdBu_r")


def export(why: Explanation, path: Path, source: Path | None, patient: bool) -> Path:
    """Do what `Explanation.export` says."""
    suffix = path.suffix.lower()
    if suffix == ".dcm":
        found = source if source is not None else _read_from(why)
        _dicom_parametric.write(
            why.volume,
            path,
            label=why.method,
            description=f"{why.title} ({why.algorithm})",
            source=found,
            patient=patient,
            supposed=source is None,
        )
        return path
    if suffix != ".png":
        raise InputError(
            f"A map is exported as .dcm or .png, got the name {path.name!r}. NIfTI and NPZ are written by save()."
        )
    if source is not None or patient:
        raise InputError("A picture (.png) refers to no images: source and patient must be left out. Export to .dcm.")
    return Path(io.write(_picture(why), path))


def _read_from(why: Explanation) -> Path | None:
    """Return the DICOM images that the volume was read from, if they are still there."""
    place = None if why._input is None else why._input.source
    if place is None or not place.exists():
        return None
    if place.is_dir():
        return place
    with place.open("rb") as file:
        return place if Dicom().sniff(file.read(_HEAD_BYTES)) else None


def _picture(why: Explanation) -> Volume:
    """Return the map in colours, ``[i, j, c]`` uint8, upright."""
    import matplotlib as mpl

    (flat,) = slice_of_peak(why.volume, [why.volume])
    low, high = why.display_range
    shares = np.clip((np.asarray(flat.data, np.float64) - low) / (high - low), 0, 1)
    colours = mpl.colormaps[_COLOURS[low < 0]](shares)[..., :3]
    return Volume(np.rint(colours * 255).astype(np.uint8), flat.affine, axes=("i", "j", "c"), space=flat.space)


def slice_of_peak(volume: Volume, layers: Sequence[Volume]) -> list[Volume]:
    """Return the slice of layers, all on one grid, in which a map is highest, upright; pictures are as they are."""
    if volume.spatial_ndim == 2:
        return [*layers]
    # as radiologists look at it: rows to the back, columns to the left
    turned = volume.reorient("LPS")
    peak = np.unravel_index(int(np.argmax(np.asarray(turned.data))), turned.shape)
    return [one.reorient("LPS").slice_2d(2, int(peak[2])).reorient("PL") for one in layers]
