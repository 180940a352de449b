"""From slices to a grid: sort by position along the normal, find gaps, duplicates and tilt, and say what was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench import _geometry
from workbench.errors import FileError, InputError
from workbench.io import _files
from workbench.io._dicom_header import Slice

#: Slices nearer than this (mm) lie at the same position.
_SAME_MM = 1e-3
#: A gap differs from the usual one if it is off by more than this share of it.
_UNEVEN = 0.02
_TILT_DEGREES = 0.05
#: More positions than any scanner makes.
_MOST_SPARSE = 4096


@dataclass
class Stack:
    """Slices in place: ``slices[c][k]`` is the slice of channel c at position k, or None where one is missing."""

    slices: list[list[Slice | None]]
    affine: NDArray[np.float64]  # RAS; axes are column, row, slice
    notes: list[str]
    channels: list[str]


def split(slices: list[Slice]) -> list[list[Slice]]:
    """Group slices that can be stacked: same size, spacing, orientation and stack name."""
    groups: dict[object, list[Slice]] = {}
    for item in slices:
        turn = tuple(np.round(item.orientation, 3) + 0.0) if item.orientation else None
        step = tuple(np.round(item.spacing, 4)) if item.spacing else None
        size = (item.pixels.rows, item.pixels.columns, item.pixels.samples)
        groups.setdefault((item.stack, size, step, turn, item.position is None), []).append(item)
    return sorted(groups.values(), key=len, reverse=True)


def stack(slices: list[Slice], volume: int | None = None, *, sparse: bool = False) -> Stack:
    """Put the slices of one group in order.

    Parameters
    ----------
    slices : list of Slice
        One group of :func:`split`.
    volume : int, optional
        Which of several images at the same positions (echoes, time points, ...); all, as channels, if absent.
    sparse : bool
        Whether it is usual that most positions are absent, as in segmentations, which leave out empty frames.

    Raises
    ------
    FileError
        If the directions of the slices are not two unit vectors at right angles.
    """
    notes: list[str] = []
    slices = _without_copies(slices, notes)
    if slices[0].position is None or slices[0].orientation is None:
        return _without_positions(slices, notes)
    row_step, column_step = slices[0].spacing or (1.0, 1.0)
    if slices[0].spacing is None:
        notes.append("the pixel spacing is not given; taken as 1 mm")
    across, down = _directions(slices[0])
    normal = np.cross(across, down)
    slices = sorted(slices, key=lambda item: float(np.dot(item.position or (), normal)))
    levels = _levels(slices, normal)
    volumes, names = _volumes(levels, notes)
    if volume is not None:
        if not 0 <= volume < len(volumes):
            raise InputError(f"volume= is 0 to {len(volumes) - 1} here, got {volume!r}.")
        volumes, names = [volumes[volume]], []
    positions = np.array([level[0].position for level in levels])
    step, places = _step(positions, normal, levels[0][0].thickness, _MOST_SPARSE if sparse else 2 * len(levels), notes)
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2], lps[:3, 3] = across * column_step, down * row_step, step, positions[0]
    filled = [_placed(items, places) for items in volumes]
    return Stack(filled, _geometry.check_affine(_geometry.LPS_RAS @ lps), notes, names if len(filled) > 1 else [])


def _directions(item: Slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    across, down = np.array(item.orientation).reshape(2, 3)
    lengths = np.linalg.norm([across, down], axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(float(across @ down)) > 0.01:
        raise FileError(
            f"{item.path}: ImageOrientationPatient is two unit vectors at right angles, the header has "
            f"{list(item.orientation or ())}. {_files.AGAIN}"
        )
    return across / lengths[0], down / lengths[1]


def _without_copies(slices: list[Slice], notes: list[str]) -> list[Slice]:
    unique: dict[tuple[str, int], Slice] = {}
    for number, item in enumerate(slices):
        unique.setdefault((item.instance_uid or f"#{number}", item.frame), item)
    if len(unique) < len(slices):
        notes.append(f"{len(slices) - len(unique)} files are copies of others (same instance UID) and were left out")
    return list(unique.values())


def _levels(slices: list[Slice], normal: NDArray[np.float64]) -> list[list[Slice]]:
    levels: list[list[Slice]] = []
    last = -np.inf
    for item in slices:
        height = float(np.dot(item.position or (), normal))
        if height - last > _SAME_MM:
            levels.append([])
            last = height
        levels[-1].append(item)
    return [sorted(level, key=lambda item: item.order) for level in levels]


def _volumes(levels: list[list[Slice]], notes: list[str]) -> tuple[list[list[Slice | None]], list[str]]:
    counts = {len(level) for level in levels}
    if counts == {1}:
        return [[level[0] for level in levels]], []
    if len(counts) == 1 and _differ(levels):
        count = counts.pop()
        notes.append(f"{count} images lie at each position; they are the channels (choose one with volume=)")
        return [[level[c] for level in levels] for c in range(count)], [_name(levels, c) for c in range(count)]
    keys = sorted({_key(item) for level in levels for item in level})
    if len(keys) > 1 and all(len({_key(item) for item in level}) == len(level) for level in levels):
        found = [{_key(item): item for item in level} for level in levels]
        blank = sum(len(keys) - len(level) for level in levels)
        notes.append(
            f"{len(keys)} images at each position are the channels; {blank} slices of them are missing, left blank"
        )
        return [[level.get(key) for level in found] for key in keys], [f"volume {c}" for c in range(len(keys))]
    doubled = [level for level in levels if len(level) > 1]
    where = ", ".join(_mm(level[0].position) for level in doubled[:8])
    extra = sum(len(level) - 1 for level in doubled)
    notes.append(
        f"{extra} duplicate slices at {len(doubled)} of {len(levels)} positions were left out: {where}"
        f"{' ...' if len(doubled) > 8 else ''} (LPS mm)"
    )
    return [[level[0] for level in levels]], []


def _key(item: Slice) -> tuple[float, float, float]:
    return item.tags["time"], item.tags["echo"], item.tags["b"]


def _differ(levels: list[list[Slice]]) -> bool:
    # several volumes of one series differ in time, echo, ... or at least in their instance numbers, in the same way
    # at each position; a lone position with two files is a duplicate
    return len(levels) > 1 or len(levels[0][0].order) == 0 or levels[0][0].order[:-2] != levels[0][1].order[:-2]


def _name(levels: list[list[Slice]], channel: int) -> str:
    units = {"time": "time {:g}", "echo": "echo {:g} ms", "b": "b {:g}", "trigger": "trigger {:g} ms"}
    level = levels[0]
    varying = [key for key in units if len({item.tags[key] for item in level}) > 1]
    names = [", ".join(units[key].format(item.tags[key]) for key in varying) for item in level]
    return names[channel] if len(set(names)) == len(names) else f"volume {channel}"


def _step(
    positions: NDArray[np.float64], normal: NDArray[np.float64], thickness: float | None, most: int, notes: list[str]
) -> tuple[NDArray[np.float64], list[int]]:
    """Return the vector from one slice to the next, and the place of each slice on the even grid."""
    count = len(positions)
    if count == 1:
        if thickness is None:
            notes.append("one slice without a thickness; taken as 1 mm")
        return normal * (thickness or 1.0), [0]
    heights = positions @ normal
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    # with few slices the median may be the gap itself; a stated spacing that divides all gaps is better
    if thickness and count < 5 and thickness < usual and _whole(gaps / thickness):
        usual = thickness
    if usual > gaps.min() * 1.5 and _whole(gaps / gaps.min()):
        usual = float(gaps.min())
    multiples = gaps / usual
    places = [0, *np.cumsum(np.rint(multiples)).astype(int).tolist()]
    whole = _whole(multiples)
    if np.abs(multiples - 1).max() <= _UNEVEN:
        places = list(range(count))
    elif whole and places[-1] + 1 <= most:
        missing = sorted(set(range(places[-1] + 1)) - set(places))
        step = (positions[-1] - positions[0]) / places[-1]
        where = ", ".join(_mm(positions[0] + step * place) for place in missing[:8])
        notes.append(
            f"{len(missing)} missing slices of {places[-1] + 1}, {usual:.4g} mm apart: k = {missing[:8]} at {where}"
            f"{' ...' if len(missing) > 8 else ''} (LPS mm); left blank so that all others keep their place"
        )
    else:
        even = np.linspace(heights[0], heights[-1], count)
        notes.append(
            f"slices are unevenly spaced: gaps from {gaps.min():.4g} to {gaps.max():.4g} mm (median "
            f"{np.median(gaps):.4g}); stacked at the mean of {gaps.mean():.4g} mm, which misplaces slices by up to "
            f"{np.abs(heights - even).max():.4g} mm"
        )
        places = list(range(count))
    step = (positions[-1] - positions[0]) / places[-1]
    lean = float(np.degrees(np.arccos(np.clip(step @ normal / np.linalg.norm(step), -1, 1))))
    if lean > _TILT_DEGREES:
        notes.append(f"gantry tilt of {lean:.2f} degrees: slices are sheared against each other, as is the affine")
    track = positions[0] + np.outer(places, step)
    off = float(np.linalg.norm(np.cross(positions - track, normal), axis=1).max())
    if off > 0.1:
        notes.append(f"slices do not lie on one line: up to {off:.3g} mm sideways of where the affine puts them")
    return step, places


def _whole(multiples: NDArray[np.float64]) -> bool:
    near = np.abs(multiples - np.rint(multiples)) <= _UNEVEN * np.maximum(multiples, 1)
    return bool(near.all() and multiples.min() > 0.5)


def _placed(items: list[Slice | None], places: list[int]) -> list[Slice | None]:
    placed: list[Slice | None] = [None] * (places[-1] + 1)
    for item, place in zip(items, places, strict=True):
        placed[place] = item
    return placed


def _without_positions(slices: list[Slice], notes: list[str]) -> Stack:
    ordered: list[Slice | None] = [*sorted(slices, key=lambda item: item.order[-2:])]
    head = slices[0]
    row_step, column_step = head.spacing or (1.0, 1.0)
    if len(slices) > 1:
        notes.append(
            f"{len(slices)} images do not say where they lie; stacked by number, {head.thickness or 1:g} mm apart"
        )
    affine = np.diag([-column_step, -row_step, head.thickness or 1.0, 1.0])
    return Stack([ordered], affine, notes, [])


def _mm(position: object) -> str:
    return "(" + " ".join(f"{value:.4g}" for value in np.asarray(position, dtype=float)) + ")"
