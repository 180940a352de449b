"""Which axis of a TIFF becomes which axis of a Volume.

Y and X are rows and columns. Z is the third axis; without it, the pages are. Samples (colours), channels, points in
time and everything else are one channel axis, in the order of the file, samples last.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from workbench._arrays import Array
from workbench.errors import FileError

#: Axes that may be slices, the likeliest first: Z, pages of no stated meaning.
_DEPTH = "ZIQ"
_NAMES = {"T": "points in time", "C": "channels", "I": "pages", "Z": "slices", "S": "samples"}


@dataclass(frozen=True)
class Plan:
    """How the axes of a series are brought into the order of a Volume."""

    order: tuple[int, ...]
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    channels: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def spatial(self) -> int:
        """2 for a picture, 3 for a volume."""
        return len(self.axes) - ("c" in self.axes)

    def arrange(self, data: Array) -> Array:
        """Return the values of the series as [i, j(, k)(, c)]."""
        return data.transpose(self.order).reshape(self.shape)


def make(
    path: Path,
    axes: str,
    shape: tuple[int, ...],
    ours: tuple[str, ...],
    names: tuple[str, ...],
    colours: tuple[str, ...],
) -> Plan:
    """Plan the way from a series to a Volume.

    Parameters
    ----------
    path : Path
        For the error.
    axes : str
        tifffile's letters, such as ``"ZCYX"``.
    shape : tuple of int
        Lengths of the axes; those of a region where one is read.
    ours : tuple of str
        The axes that we wrote ourselves, which are kept though they have length 1.
    names, colours : tuple of str
        Names along C and along S, where known.

    Raises
    ------
    FileError
        If two axes are rows, or columns.
    """
    places = {letter: axes.index(letter) for letter in "YX" if axes.count(letter) == 1}
    if len(places) != 2:
        raise FileError(f"{path}: a TIFF of shape {shape} ({axes}) is neither 2D nor 3D.")
    rest = [place for place in range(len(axes)) if axes[place] not in "YX"]
    long = [place for place in rest if shape[place] > 1]
    depth = next((place for letter in _DEPTH for place in long if axes[place] == letter), None)
    if depth is None and "k" in ours:
        depth = next((place for letter in _DEPTH for place in rest if axes[place] == letter), None)
    inner = [place for place in rest if place != depth]
    inner.sort(key=lambda place: axes[place] == "S")  # stable: samples last
    count = prod(shape[place] for place in inner)
    has_channels = count > 1 or ("c" in ours and bool(inner))
    spatial = (places["Y"], places["X"], *([] if depth is None else [depth]))
    lengths = tuple(shape[place] for place in spatial)
    return Plan(
        (*spatial, *inner),
        (*lengths, count) if has_channels else lengths,
        (*"ijk"[: len(spatial)], *("c",) * has_channels),
        _names(axes, shape, [place for place in inner if shape[place] > 1], names, colours),
        _notes(axes, shape, [place for place in inner if shape[place] > 1], depth),
    )


def _names(
    axes: str, shape: tuple[int, ...], inner: list[int], names: tuple[str, ...], colours: tuple[str, ...]
) -> tuple[str, ...]:
    """Return a name for every channel, or none."""
    along = {"C": names, "S": colours}
    parts: list[tuple[str, ...]] = []
    for place in inner:
        known = along.get(axes[place], ())
        if len(known) != shape[place]:
            if axes[place] != "T":
                return ()
            known = tuple(f"time {number}" for number in range(shape[place]))
        parts.append(known)
    out = [""] if parts else []
    for part in parts:
        out = [f"{before} {name}".strip() for before in out for name in part]
    return tuple(out)


def _notes(axes: str, shape: tuple[int, ...], inner: list[int], depth: int | None) -> tuple[str, ...]:
    if not any(axes[place] not in "CS" for place in inner) and len(inner) < 2:
        return ()
    listed = " x ".join(f"{shape[place]} {_NAMES.get(axes[place], f'of axis {axes[place]}')}" for place in inner)
    slices = f"; {_NAMES[axes[depth]]} are the third axis" if depth is not None else ""
    return (f"{listed} became the channels{', the last fastest' if len(inner) > 1 else ''}{slices}",)
