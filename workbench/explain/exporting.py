"""Maps for other programs: a DICOM Parametric Map, or a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench import io
from workbench._arrays import Array
from workbench.errors import InputError
from workbench.io import _dicom_parametric
from workbench.io.dicom import Dicom
from workbench.volume import Volume

if TYPE_CHECKING:
    from workbench.explain.explanation import Explanation

_HEAD_BYTES = 132
#: From zero upwards, and to both sides of it; legible with a colour-blind eye.
_COLOURS = ("inferno", "RdBu_r")
_MOST_OPAQUE = 0.6


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
    """Return the map in colours, over what it explains where that is known, ``[i, j, c]`` uint8, upright."""
    layers = [why.volume] if why._input is None else [why.volume, why.volume.with_data(grey(why._input), kind="image")]
    flat = slice_of_peak(why.volume, layers)
    values, *image = (np.asarray(one.data, np.float32) for one in flat)
    pixels = in_proportion(over(image[0] if image else None, values, why.display_range), flat[0].spacing)
    return Volume(pixels, axes=("i", "j", "c"))


def grey(image: Volume) -> Array:
    """Return an image in one channel, ``[*spatial]`` float32: of colours the mean, of other channels the first."""
    channels = image.channels_first()
    colours = image.dtype == np.uint8 and len(channels) in (3, 4)
    return np.asarray(channels[:3].mean(axis=0) if colours else channels[0], np.float32)


def over(image: Array | None, values: Array, ends: tuple[float, float]) -> Array:
    """Return a map in colours over an image in grey, the more opaque the larger it is.

    Parameters
    ----------
    image : ndarray or None
        ``[i, j]``; without it the colours are there alone.
    values : ndarray
        ``[i, j]``.
    ends : (float, float)
        Values for the two ends of the colour map: from zero, or about it.

    Returns
    -------
    ndarray
        ``[i, j, 3]`` uint8.
    """
    import matplotlib as mpl

    least, most = ends
    shares = np.clip((values.astype(np.float64) - least) / (most - least), 0, 1)
    colours = mpl.colormaps[_COLOURS[least < 0]](shares)[..., :3]
    if image is None:
        return np.asarray(np.rint(colours * 255).astype(np.uint8))
    low, high = np.percentile(image, [1, 99])
    base = np.clip((image - low) / max(float(high - low), 1e-12), 0, 1)
    strength = _MOST_OPAQUE * (np.abs(2 * shares - 1) if least < 0 else shares)[..., None]
    return np.asarray(np.rint(255 * ((1 - strength) * base[..., None] + strength * colours)).astype(np.uint8))


def in_proportion(pixels: Array, spacing: Sequence[float], factor: int = 1) -> Array:
    """Return a picture ``[i, j, ...]`` with square pixels: those that are longer along an axis are repeated.

    Parameters
    ----------
    spacing : (float, float)
        Of its pixels, in mm.
    factor : int
        How often every one is repeated, beyond that.
    """
    finest = min(spacing)
    for axis, (count, length) in enumerate(zip(pixels.shape[:2], spacing, strict=True)):
        size = factor * max(1, round(count * length / finest))
        pixels = pixels.take((np.arange(size) * count) // size, axis=axis)
    return pixels


def slice_of_peak(volume: Volume, layers: Sequence[Volume]) -> list[Volume]:
    """Return the slice of layers, all on one grid, in which a map is highest, upright; pictures are as they are."""
    if volume.spatial_ndim == 2:
        return [*layers]
    # as radiologists look at it: rows to the back, columns to the left
    turned = volume.reorient("LPS")
    peak = np.unravel_index(int(np.argmax(np.asarray(turned.data))), turned.shape)
    return [one.reorient("LPS").slice_2d(2, int(peak[2])).reorient("PL") for one in layers]
