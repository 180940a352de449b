"""Mosaics: all slices of one moment as tiles of one picture, as Siemens MR scanners store series in time.

How many tiles there are, and to which side the slices go on, stands in private elements; only those numbers are read
there. The position in the file is that of a slice as large as the whole mosaic, around the same centre.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from math import ceil, sqrt
from typing import Any

import numpy as np

from workbench.errors import FileError
from workbench.io._dicom_file import Pixels, Source
from workbench.io._dicom_frames import Place, along_normal, between, thickness
from workbench.io._dicom_lookup import UNREADABLE, code, codes, numbers, private
from workbench.io._dicom_spacing import Spacing
from workbench.io._doubt import Doubt

#: First row and column of a tile.
Corner = tuple[int, int]

_UNPACK = "Export the series as single slices, or as enhanced DICOM."


def count_tiles(source: Source, dataset: Any) -> int:
    """Return how many slices are tiled in the picture; 0 if it is no mosaic.

    Raises
    ------
    FileError
        If it is a mosaic, but the file does not say of how many slices, or is of another maker.
    """
    if code(dataset, "Modality") != "MR":
        return 0
    types = codes(dataset, "ImageType")
    if "VFRAME" in types:
        raise FileError(f"{source} is a wall of tiles of a kind that is not supported (image type VFRAME). {_UNPACK}")
    count = private(dataset, 0x0019, "SIEMENS MR HEADER", 0x0A)
    if "MOSAIC" not in types:
        return int(count[0]) if count and count[0] > 1 else 0
    count = count or _csa(dataset, "NumberOfImagesInMosaic")
    if not count or count[0] < 1:
        raise FileError(
            f"{source} is a mosaic of slices, and the private element that says how many is missing or empty. {_UNPACK}"
        )
    return int(count[0])


def tile(
    source: Source, dataset: Any, pixels: Pixels, count: int, spacing: Spacing | None, place: Place
) -> tuple[list[Place], list[Corner], Pixels, list[str]]:
    """Return the places of the tiles, their corners in the picture, how one is stored, and notes."""
    side = ceil(sqrt(count))
    if pixels.rows % side or pixels.columns % side:
        raise FileError(
            f"{source} is a mosaic of {count} slices, {side} x {side} tiles, into which {pixels.rows} rows and "
            f"{pixels.columns} columns cannot be divided. {_UNPACK}"
        )
    notes: list[str] = []
    rows, columns = pixels.rows // side, pixels.columns // side
    corners = [(number // side * rows, number % side * columns) for number in range(count)]
    step = abs(between([dataset])) or thickness([dataset], notes)
    if place.stated:
        across, down = np.array(place.orientation).reshape(2, 3)
        row_step, column_step = spacing or (1.0, 1.0)
        half = np.array([(pixels.columns - columns) / 2 * column_step, (pixels.rows - rows) / 2 * row_step])
        position = np.array(place.position) + half[0] * across + half[1] * down
        place = replace(place, position=tuple(float(x) for x in position))
        normal = _csa(dataset, "SliceNormalVector")
        if len(normal) != 3 or not any(normal):
            notes.append(Doubt("the mosaic does not say to which side its slices go on; taken along the normal"))
        elif float(np.cross(across, down) @ normal) < 0:
            step = -step
    places = along_normal([number * step for number in range(count)], [place] * count, notes)
    return places, corners, replace(pixels, rows=rows, columns=columns), notes


def _csa(dataset: Any, name: str) -> tuple[float, ...]:
    """Return the numbers of an entry of the private header (CSA) of the image."""
    with warnings.catch_warnings(action="ignore"):  # nibabel warns that its DICOM readers are experimental
        from nibabel.nicom import csareader

    try:
        header = csareader.get_csa_header(dataset, "image")  # type: ignore[no-untyped-call]
        return numbers(header["tags"][name]["items"]) if header else ()
    except (*UNREADABLE, csareader.CSAError):
        return ()
