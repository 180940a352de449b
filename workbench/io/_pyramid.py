"""Pictures in several sizes: which level to read, which part of it, and where its pixels lie in millimetres.

A whole slide holds the same picture several times, each level reduced from the one before. Pixel ``i`` of a level that
is reduced ``d`` times covers the pixels ``i * d`` to ``i * d + d - 1`` of level 0, so its centre is at
``i * d + (d - 1) / 2`` there: every level has an affine of its own, and a point in millimetres is the same in all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _geometry
from workbench.errors import InputError, choose
from workbench.io import _files

#: A level whose longer side is at most this long fits a large screen.
SCREEN = 4096
#: What level= and region= have to say about a picture that is too large.
SMALLER = "Read a coarser level with level=, or a part with region=((row, column), (row, column))."

Region = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Level:
    """One size of a picture.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns.
    downsample : tuple of float
        Pixels of level 0 that one pixel covers, down and across.
    spacing : tuple of float or None
        Millimetres between neighbouring pixels, down and across; None where the file does not say.
    """

    shape: tuple[int, int]
    downsample: tuple[float, float]
    spacing: tuple[float, float] | None


@dataclass(frozen=True, repr=False)
class Levels(Sequence[Level]):
    """The levels of a picture, the finest first, and the names of the other pictures in the file.

    Attributes
    ----------
    levels : tuple of Level
        What ``level=`` chooses from.
    images : tuple of str
        What ``image=`` chooses from besides. A label may show a patient's name, so none is read unless asked for.
    """

    levels: tuple[Level, ...]
    images: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.levels)

    def __getitem__(self, index: Any) -> Any:
        return self.levels[index]

    def __iter__(self) -> Iterator[Level]:
        return iter(self.levels)

    def __repr__(self) -> str:
        lines = ["level        rows x columns   reduced   mm per pixel"]
        for number, level in enumerate(self.levels):
            rows, columns = level.shape
            size = "not said" if level.spacing is None else " x ".join(f"{step:.4g}" for step in level.spacing)
            lines.append(f"{number:>5} {f'{rows} x {columns}':>21} {np.mean(level.downsample):>9.4g}   {size}")
        if self.images:
            lines.append(f"other pictures, read with image=: {', '.join(self.images)}")
            if "label" in self.images or "macro" in self.images:
                lines.append("(a label may show a patient's name)")
        return "\n".join(lines)


def make(shapes: Sequence[tuple[int, int]], spacing: tuple[float, float] | None, images: Sequence[str] = ()) -> Levels:
    """Return the levels of `shapes` (rows, columns; the finest first), level 0 having `spacing`."""
    finest = shapes[0]
    levels = []
    for shape in shapes:
        factors = _factors(finest, shape)
        steps = None if spacing is None else (spacing[0] * factors[0], spacing[1] * factors[1])
        levels.append(Level(shape, factors, steps))
    return Levels(tuple(levels), tuple(images))


def _factors(finest: tuple[int, int], shape: tuple[int, int]) -> tuple[float, float]:
    """Return by how much `shape` is reduced; a whole number where rounding of the lengths explains the difference."""
    ratios = [full / length for full, length in zip(finest, shape, strict=True)]
    whole = round(sum(ratios) / 2)
    if all(abs(full - length * whole) < whole for full, length in zip(finest, shape, strict=True)):
        return float(whole), float(whole)
    return ratios[0], ratios[1]


def is_reduced(finest: tuple[int, int], shape: tuple[int, int]) -> bool:
    """Tell whether `shape` is that of the same picture, reduced by the same factor (2 or more) down and across."""
    factors = _factors(finest, shape)
    return factors[0] == factors[1] and factors[0] >= 2


def default(levels: Levels) -> int:
    """Return the finest level that fits a screen, else the coarsest."""
    fitting = [number for number, level in enumerate(levels) if max(level.shape) <= SCREEN]
    return fitting[0] if fitting else len(levels) - 1


def choose_level(levels: Levels, level: Any, path: Path) -> int:
    """Return the number of the level to read.

    Raises
    ------
    InputError
        If there is no such level; the message shows all.
    """
    if level is None:
        return default(levels)
    if isinstance(level, bool) or not isinstance(level, int | np.integer) or not 0 <= level < len(levels):
        raise InputError(f"{path} has levels 0 to {len(levels) - 1}, got level={level!r}.\n{levels!r}")
    return int(level)


def choose_image(images: dict[str, Any], name: Any) -> Any:
    """Return the picture called `name` (or its number among them).

    Raises
    ------
    InputError
        If there is none.
    """
    return images[choose(str(name).lower(), images, "image of this file")]


def check_region(region: Any, shape: tuple[int, int], number: int) -> Region:
    """Return `region` as ((row, column) of the start, (row, column) after the stop); the whole level for None.

    Raises
    ------
    InputError
        If it is empty, leaves the level, or is not two pairs of whole pixels.
    """
    if region is None:
        return (0, 0), shape
    try:
        (top, left), (bottom, right) = (tuple(int(n) for n in corner) for corner in region)
        exact = np.array_equal(np.asarray(region, dtype=float), [[top, left], [bottom, right]])
    except (TypeError, ValueError):
        exact = False
    if not exact or not (0 <= top < bottom <= shape[0] and 0 <= left < right <= shape[1]):
        raise InputError(
            f"region=((row, column), (row, column)) is a start and a stop in whole pixels of the level, as crop takes "
            f"them; level {number} has {shape[0]} rows and {shape[1]} columns, got {region!r}."
        )
    return (top, left), (bottom, right)


def affine(base: _geometry.Affine, level: Level, region: Region) -> _geometry.Affine:
    """Return the affine of a region of a level, `base` being that of level 0."""
    change = np.eye(4)
    for axis, (factor, start) in enumerate(zip(level.downsample, region[0], strict=True)):
        change[axis, axis] = factor
        change[axis, 3] = start * factor + (factor - 1) / 2
    return np.asarray(base @ change)


def notes(levels: Levels, number: int) -> list[str]:
    """Return what a reader should know about the level that was read and about what was not."""
    found = []
    if len(levels) > 1:
        factor = float(np.mean(levels[number].downsample))
        reduced = f", reduced {factor:.4g} times" if number else ""
        found.append(f"level {number} of 0 to {len(levels) - 1}{reduced}; level= and region= take others")
    if levels.images:
        found.append(f"other pictures of the file were not read ({', '.join(levels.images)}); image= takes them")
    return found


def check_size(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise an error that says how to read less if a region is larger than the free memory."""
    _files.check_memory(path, _files.count_bytes(shape, dtype), SMALLER)


def region_shape(region: Region) -> tuple[int, int]:
    """Return rows and columns of a region."""
    return region[1][0] - region[0][0], region[1][1] - region[0][1]


def label_note(name: str) -> list[str]:
    """Return the note that goes with a picture that was asked for by name."""
    return [f"this is the {name} of the slide; it may show a patient's name"] if name in {"label", "macro"} else []
