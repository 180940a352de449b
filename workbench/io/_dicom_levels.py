"""Heights of slices along their normal: which lie at one place, and how evenly the places follow each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.io._dicom_header import Slice

Vectors = NDArray[np.float64]

#: A gap differs from the usual one if it is off by more than this share of it.
UNEVEN = 0.02


@dataclass(frozen=True)
class Spread:
    """How evenly the places of slices follow each other.

    ``places`` are whole numbers on an even grid with the step ``usual``, None where no such grid fits.
    """

    usual: float
    gaps: Vectors
    places: list[int] | None

    @property
    def missing(self) -> int:
        """Places of the grid without a slice."""
        return self.places[-1] + 1 - len(self.places) if self.places else 0


def directions(slices: list[Slice]) -> tuple[Vectors, Vectors]:
    """Return the mean unit vectors (LPS) along the rows and down the columns."""
    pairs = np.array(list(dict.fromkeys(item.orientation for item in slices))).reshape(-1, 2, 3)
    across, down = np.mean(pairs / np.linalg.norm(pairs, axis=2, keepdims=True), axis=0)
    return across / np.linalg.norm(across), down / np.linalg.norm(down)


def same_mm(slices: list[Slice]) -> float:
    """Return within how many mm slices lie at the same place: a twentieth of a slice, and of a millimetre at most."""
    size = slices[0].thickness or min(slices[0].spacing or (1.0,))
    return float(np.clip(0.05 * size, 1e-4, 0.05))


def levels_of(slices: list[Slice], normal: Vectors) -> list[list[Slice]]:
    """Return the slices by their height along `normal`, the lowest first; those at one height in one list."""
    heights = np.array([item.position for item in slices]) @ normal
    near = same_mm(slices)
    levels: list[list[Slice]] = []
    last = -np.inf
    for number in np.argsort(heights, kind="stable"):
        if heights[number] - last > near:
            levels.append([])
            last = heights[number]
        levels[-1].append(slices[number])
    return levels


def spread(heights: Vectors, head: Slice, most: int, *, sparse: bool = False) -> Spread:
    """Return how evenly two or more rising heights follow each other.

    Parameters
    ----------
    heights : array [n]
        In mm.
    head : Slice
        One of the slices, for what it states of their spacing and thickness.
    most : int
        Places that the grid may have.
    sparse : bool
        Whether it is usual that most places are empty.
    """
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    # with few slices the median may be the gap itself; a stated spacing that divides all gaps is better. A thickness is
    # no spacing: slices of 8 mm that lie 24 mm apart lack nothing, but it tells which of several gaps is the usual one
    alike = float(np.ptp(gaps)) <= UNEVEN * usual
    stated = head.between or (None if alike and not sparse else head.thick)
    fits = stated and len(heights) < 5 and stated < usual and _whole(gaps / stated)
    if stated and fits and round(float(gaps.sum()) / stated) < most:
        usual = stated
    if usual > gaps.min() * 1.5 and _whole(gaps / gaps.min()):
        usual = float(gaps.min())
    multiples = gaps / usual
    if np.abs(multiples - 1).max() <= UNEVEN:
        return Spread(usual, gaps, list(range(len(heights))))
    places = [0, *np.cumsum(np.rint(multiples)).astype(int).tolist()]
    return Spread(usual, gaps, places if _whole(multiples) and places[-1] + 1 <= most else None)


def _whole(multiples: Vectors) -> bool:
    near = np.abs(multiples - np.rint(multiples)) <= UNEVEN * np.maximum(multiples, 1)
    return bool(near.all() and multiples.min() > 0.5)


def sideways(positions: Vectors, normal: Vectors) -> float:
    """Return by how many mm positions [n, 3] lie beside the line from the lowest to the highest, at most."""
    order = np.argsort(positions @ normal, kind="stable")
    first, last = positions[order[0]], positions[order[-1]]
    rise = float((last - first) @ normal)
    lean = (last - first) / rise if rise > 1e-6 else normal
    track = first + np.outer((positions - first) @ normal, lean)
    return float(np.linalg.norm(np.cross(positions - track, normal), axis=1).max())
