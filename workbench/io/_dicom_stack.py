"""From slices to a grid: sort by position along the normal, find gaps, doubles and tilt, and say what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import _geometry
from workbench.errors import InputError
from workbench.io._dicom_header import Slice
from workbench.io._dicom_levels import Vectors, directions, levels_of, sideways, spread
from workbench.io._dicom_volumes import Volumes, mm, volumes_of
from workbench.io._doubt import Doubt

_TILT_DEGREES = 0.05
_NAMES_SHOWN = 12
_ASIDE_MM = 0.1
#: More positions than any scanner makes.
_MOST_SPARSE = 4096


@dataclass
class Stack:
    """Slices in place: ``slices[c][k]`` is the slice of channel c at position k, or None where one is missing."""

    slices: Volumes
    affine: NDArray[np.float64]  # RAS; axes are column, row, slice
    notes: list[str]
    channels: list[str]


def stack(slices: list[Slice], volume: Any = None, *, sparse: bool = False) -> Stack:
    """Put slices of one size and orientation in order.

    Parameters
    ----------
    slices : list of Slice
        One group of ``_dicom_groups.split``.
    volume : int, optional
        Which of several images at the same positions (echoes, time points, ...); all, as channels, if absent.
    sparse : bool
        Whether it is usual that most positions are absent, as in segmentations, which leave out empty frames.

    Raises
    ------
    InputError
        If there is no such `volume`.
    """
    notes: list[str] = []
    slices = _located(slices, notes)
    if slices[0].position is None or slices[0].orientation is None:
        return _without_positions(slices, volume, notes)
    steps = np.mean(list({item.spacing or (1.0, 1.0): None for item in slices}), axis=0)
    if slices[0].spacing is None:
        notes.append(Doubt("the pixel spacing is not given; taken as 1 mm"))
    across, down = directions(slices)
    normal = np.cross(across, down)
    levels = levels_of(slices, normal)
    volumes, names = _chosen(*volumes_of(levels, notes), volume)
    positions = np.array([level[0].position for level in levels])
    most = _MOST_SPARSE if sparse else 2 * len(levels)
    step, places = _step(positions, normal, levels[0][0], most, notes, sparse=sparse)
    aside = sideways(np.array([item.position for item in slices]), normal)
    if aside > _ASIDE_MM:
        words = f"slices do not lie on one line: up to {aside:.3g} mm sideways of where the affine puts them"
        notes.append(Doubt(words))
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2], lps[:3, 3] = across * steps[1], down * steps[0], step, positions[0]
    filled = [_placed(items, places) for items in volumes]
    return Stack(filled, _geometry.check_affine(_geometry.LPS_RAS @ lps), notes, names)


def _chosen(volumes: Volumes, names: list[str], volume: Any) -> tuple[Volumes, list[str]]:
    if volume is None:
        return volumes, names
    if not isinstance(volume, int) or not 0 <= volume < len(volumes):
        listing = f": {'; '.join(f'{n}: {name}' for n, name in enumerate(names[:_NAMES_SHOWN]))}" if names else ""
        listing += "; ..." if len(names) > _NAMES_SHOWN else ""
        raise InputError(f"volume= is 0 to {len(volumes) - 1} here, got {volume!r}{listing}.")
    return [volumes[volume]], []


def _step(
    positions: Vectors, normal: Vectors, head: Slice, most: int, notes: list[str], *, sparse: bool
) -> tuple[Vectors, list[int]]:
    """Return the vector from one slice to the next, and the place of each slice on the even grid."""
    count = len(positions)
    if count == 1:
        if head.thickness is None:
            notes.append("one slice without a thickness; taken as 1 mm")
        return normal * (head.thickness or 1.0), [0]
    heights = positions @ normal
    found = spread(heights, head, most, sparse=sparse)
    gaps, places = found.gaps, found.places or list(range(count))
    step = (positions[-1] - positions[0]) / places[-1]
    if found.places is None:
        even = np.linspace(heights[0], heights[-1], count)
        notes.append(
            Doubt(
                f"slices are unevenly spaced: gaps from {gaps.min():.4g} to {gaps.max():.4g} mm (median "
                f"{np.median(gaps):.4g}); stacked at the mean of {gaps.mean():.4g} mm, which misplaces slices by up to "
                f"{np.abs(heights - even).max():.4g} mm"
            )
        )
    elif found.missing:
        missing = sorted(set(range(places[-1] + 1)) - set(places))
        where = ", ".join(mm(positions[0] + step * place) for place in missing[:8])
        notes.append(
            Doubt(
                f"{len(missing)} missing slices of {places[-1] + 1}, {found.usual:.4g} mm apart: k = {missing[:8]} at "
                f"{where}{' ...' if len(missing) > 8 else ''} (LPS mm); left blank so that all others keep their place"
            )
        )
    lean = float(np.degrees(np.arccos(np.clip(step @ normal / np.linalg.norm(step), -1, 1))))
    if lean > _TILT_DEGREES:
        notes.append(f"gantry tilt of {lean:.2f} degrees: slices are sheared against each other, as is the affine")
    return step, places


def _placed(items: list[Slice | None], places: list[int]) -> list[Slice | None]:
    placed: list[Slice | None] = [None] * (places[-1] + 1)
    for item, place in zip(items, places, strict=True):
        placed[place] = item
    return placed


def _located(slices: list[Slice], notes: list[str]) -> list[Slice]:
    """Place slices that lack a position by their SliceLocation, where all have one and they differ."""
    head = slices[0]
    unknown = head.position is None or head.orientation is None
    locations = {item.location for item in slices}
    if not unknown or head.pictures or None in locations or len(locations) < 2:
        return slices
    notes.append(Doubt(f"{len(slices)} images do not say where they lie; stacked by SliceLocation, as if axial"))
    return [
        replace(item, position=(0.0, 0.0, item.location or 0.0), orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
        for item in slices
    ]


def _without_positions(slices: list[Slice], volume: Any, notes: list[str]) -> Stack:
    head = slices[0]
    row_step, column_step = head.spacing or (1.0, 1.0)
    affine = np.diag([-column_step, -row_step, head.thickness or 1.0, 1.0])
    if head.pictures:
        volumes, names = _chosen(*volumes_of([slices], notes), volume)
        return Stack(volumes, affine, notes, names)
    ordered: list[Slice | None] = [*sorted(slices, key=lambda item: (item.order[1:], str(item.path)))]
    if len(slices) > 1:
        apart = head.thickness or 1
        notes.append(Doubt(f"{len(slices)} images do not say where they lie; stacked by number, {apart:g} mm apart"))
    volumes, _ = _chosen([ordered], [], volume)
    return Stack(volumes, affine, notes, [])
