"""What the samples of a TIFF mean: greys, colours, indices of a palette, bits, inks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import FileError
from workbench.io._palette import look_up

_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _SEPARATED, _YCBCR, _CIELAB = 0, 1, 2, 3, 5, 6, 8
_ALPHA, _ASSOCIATED = {1, 2}, 1
_COLOURS = ("red", "green", "blue")
_APERIO_YCBCR, _JPEG2000 = 33003, {33003, 33004, 33005, 34712}


def is_inverted(series: Any) -> bool:
    """Tell whether high values are meant to look dark."""
    return int(series.keyframe.photometric) == _MINISWHITE


@dataclass(frozen=True)
class Values:
    """The type of the values, the names of the samples, and what turns stored numbers into values."""

    dtype: np.dtype[Any]
    colours: tuple[str, ...] = ()
    #: Stored [..., c] or [...] to values; None where they are the same.
    convert: Callable[[Array], Array] | None = None
    #: Samples that a pixel has after the conversion; None where it does not change their number.
    samples: int | None = None
    #: Channels that the conversion starts from, and the type of what is stored.
    needs: tuple[int, ...] = ()
    stored: np.dtype[Any] | None = None
    notes: list[str] = field(default_factory=list)


def of(path: Any, series: Any, kind: str | None, shows_values: bool) -> Values:
    """Tell what the samples of a series mean.

    Parameters
    ----------
    path : Path
        For the error.
    series : TiffPageSeries
        The picture.
    kind : str or None
        ``"labels"`` asks for the indices of a palette and for bits as 0 and 1.
    shows_values : bool
        Whether a palette is how a microscope's values are shown, and not what they mean.

    Raises
    ------
    FileError
        If the values are complex, or of a type that there is no reading of.
    """
    page = series.keyframe
    dtype = None if series.dtype is None else np.dtype(series.dtype).newbyteorder("=")
    if dtype is None or dtype.kind not in "biuf":
        what = "complex values" if dtype is not None and dtype.kind == "c" else f"samples of {page.bitspersample} bits"
        raise FileError(
            f"{path} holds {what}, which a picture cannot. Save the magnitude and the phase, or the real part, as "
            "float32."
        )
    photometric, notes = int(page.photometric), []
    if is_inverted(series):
        notes.append("white is 0 in this file (MINISWHITE): high values are meant to look dark; values are as stored")
    if dtype.kind == "b":
        return _bits(kind, notes)
    if photometric == _PALETTE and page.colormap is not None:
        if shows_values:
            notes.append("the file has a colour table for display, which was not applied")
        elif kind != "labels":
            return _palette(page, dtype, notes)
    samples = page.samplesperpixel
    if photometric == _SEPARATED and samples == 4 and dtype.kind == "u":
        notes.append("inks (CMYK) were turned into red, green and blue")
        return Values(dtype, _COLOURS, lambda inks: _from_inks(inks, dtype), 3, (4,), notes=notes)
    if photometric == _SEPARATED:
        notes.append("the samples are inks, as stored")
        return Values(dtype, notes=notes)
    if photometric >= _CIELAB and photometric in {8, 9, 10}:
        notes.append("colours are stored as CIE L*a*b*, and kept so")
        return Values(dtype, ("L*", "a*", "b*"), notes=notes)
    if samples == 3 and dtype.kind == "u" and _is_ycbcr_in_jpeg2000(page):
        return Values(dtype, _COLOURS, lambda stored: _from_ycbcr(stored, dtype), 3, (3,), notes=notes)
    extra = [int(one) for one in page.extrasamples]
    if _ASSOCIATED in extra and photometric in {_RGB, _YCBCR}:
        notes.append("the colours are stored multiplied by alpha")
    base = _COLOURS if photometric in {_RGB, _YCBCR} else ("grey",)
    if samples == len(base) + 1 and (not extra or extra[0] in _ALPHA or base is _COLOURS):
        return Values(dtype, (*base, "alpha"), notes=notes)
    return Values(dtype, base if samples == len(base) > 1 else (), notes=notes)


def unless_many(values: Values, shape: tuple[int, ...], spatial: int) -> Values:
    """Return `values` without looking up colours where that would give each of several channels colours of its own."""
    many = len(shape) > spatial and values.samples is not None and values.needs != shape[spatial:]
    if not many:
        return values
    notes = [*values.notes[:-1], "each channel has colours of its own, which were not applied"]
    return Values(values.stored or values.dtype, notes=notes)


def _bits(kind: str | None, notes: list[str]) -> Values:
    white = 1 if kind == "labels" else 255
    return Values(np.dtype(np.uint8), convert=lambda bits: bits.astype(np.uint8) * np.uint8(white), notes=notes)


def _palette(page: Any, stored: np.dtype[Any], notes: list[str]) -> Values:
    table = np.asarray(page.colormap).T
    # the entries have 16 bits; some writers fill in 8
    table = (table >> 8 if table.max(initial=0) > 255 else table).astype(np.uint8)
    colours, convert = look_up(table)
    notes.append("indices were turned into the colours of the palette" if colours > 1 else "the palette is of greys")
    return Values(np.dtype(np.uint8), _COLOURS if colours > 1 else (), convert, colours, (), stored, notes)


def _is_ycbcr_in_jpeg2000(page: Any) -> bool:
    # Aperio's code for it says so whatever the tag of the colours says
    return page.compression == _APERIO_YCBCR or (page.compression in _JPEG2000 and int(page.photometric) == _YCBCR)


def _from_ycbcr(stored: Array, dtype: np.dtype[Any]) -> Array:
    """Return red, green and blue as JPEG defines them (ITU-T T.871)."""
    top = np.iinfo(dtype).max
    light, blue, red = np.moveaxis(stored.astype(np.float64), -1, 0)
    blue, red = blue - (top + 1) / 2, red - (top + 1) / 2
    colours = (light + 1.402 * red, light - 0.344136 * blue - 0.714136 * red, light + 1.772 * blue)
    return np.asarray(np.clip(np.rint(np.stack(colours, axis=-1)), 0, top).astype(dtype))


def _from_inks(inks: Array, dtype: np.dtype[Any]) -> Array:
    top = np.iinfo(dtype).max
    light = top - inks.astype(np.float64)
    return np.asarray(np.rint(light[..., :3] * light[..., 3:] / top).astype(dtype))
