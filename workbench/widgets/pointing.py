"""What the mouse does in a viewer: its tools, the voxel that was picked, the distances that were measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import dist, isclose, isfinite
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, get_args

import numpy as np

from workbench.errors import InputError, WorkbenchError, check_keywords
from workbench.volume import Volume

if TYPE_CHECKING:
    from workbench.widgets.layer import Layer

#: What a click or a drag on a slice means. Each works in full; drawing will bring a tool of its own.
Tool = Literal["navigate", "pick", "window", "measure"]
TOOLS: tuple[Tool, ...] = get_args(Tool)

Point = tuple[float, float, float]
#: What reading voxels may raise.
CANNOT_READ = (WorkbenchError, OSError, ValueError, MemoryError)


@dataclass(frozen=True)
class Pick:
    """A voxel that was picked.

    Attributes
    ----------
    mm : (float, float, float)
        Where, in RAS mm.
    ijk : (int, int, int)
        The voxel of the lowest layer whose box holds the place; 0 along an axis that the layer has not.
    values : mapping of str to number, tuple or None
        What each layer has at the place, by its name: one number for each channel; None where a layer has no voxel
        there, or its voxels cannot be read.
    """

    mm: Point
    ijk: tuple[int, int, int]
    values: Mapping[str, Any]

    @property
    def value(self) -> Any:
        """What the lowest layer has there."""
        return next(iter(self.values.values()), None)


def pick(layers: Sequence[Layer], mm: Point) -> Pick:
    """Return what `layers` (at least one, from the bottom up) have at a place in RAS mm."""
    values: dict[str, Any] = {}
    for layer in layers:
        values[layer.name] = None
        with suppress(*CANNOT_READ):
            values[layer.name] = _value(layer.volume, mm)
    return Pick(mm, voxel_at(layers[0].volume, mm), values)


def voxel_at(volume: Volume, mm: Point) -> tuple[int, int, int]:
    """Return the voxel whose box holds a place in RAS mm, inside of the grid or not."""
    at = [int(index) for index in np.rint(np.asarray(volume.to_voxel(mm)))]
    return at[0], at[1], at[2] if len(at) > 2 else 0


def _value(volume: Volume, mm: Point) -> Any:
    ijk = voxel_at(volume, mm)
    at = ijk[: volume.spatial_ndim]
    inside = all(0 <= index < length for index, length in zip(at, volume.spatial_shape, strict=True))
    if not inside or any(ijk[volume.spatial_ndim :]):
        return None
    found = np.asarray(volume.data[at])
    return found.item() if found.ndim == 0 else tuple(found.tolist())


class Measurement(TypedDict):
    """A distance between two places."""

    start: Annotated[Point, "RAS mm."]
    stop: Annotated[Point, "RAS mm."]
    length: Annotated[float, "In `unit`."]
    unit: Annotated[Literal["mm", "px"], "Pixels, where no size of a pixel is known."]


def measured(given: Any, space: str) -> Measurement:
    """Return a measurement with the length that follows from its ends.

    Parameters
    ----------
    given : mapping
        At least ``start`` and ``stop``; a length that is not theirs, and a unit, are not believed.
    space : {"patient", "object", "pixels"}
        That of the lowest layer.

    Raises
    ------
    InputError
        If it is no such mapping, or an end of it is not three finite numbers.
    """
    if not isinstance(given, Mapping):
        raise InputError(f'A measurement is {{"start": (x, y, z), "stop": (x, y, z)}} in RAS mm, got {given!r}.')
    check_keywords(given, tuple(Measurement.__annotations__), "A measurement")
    start, stop = (_point(given.get(end), end) for end in ("start", "stop"))
    length, told = dist(start, stop), given.get("length")
    if isinstance(told, float) and isclose(told, length):
        length = told  # a page whose last digits are others would take them for a change, and for news
    return {"start": start, "stop": stop, "length": length, "unit": "px" if space == "pixels" else "mm"}


def _point(given: Any, name: str) -> Point:
    if isinstance(given, Iterable) and not isinstance(given, str):
        values = list(given)
        with suppress(TypeError, ValueError):
            point = tuple(float(value) for value in values)
            if len(point) == 3 and all(map(isfinite, point)):
                return point
    raise InputError(f"A measurement: {name} must be three finite numbers (RAS mm), got {given!r}.")
