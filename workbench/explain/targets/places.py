"""What of an answer is drawn at a place, as the target that explains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.targets.answers import KINDS, explainable
from workbench.explain.targets.base import Target
from workbench.explain.targets.classes import Class
from workbench.explain.targets.outputs import Output
from workbench.explain.targets.regions import Region
from workbench.shapes import Boxes, Ellipses, Shapes
from workbench.volume import Volume

#: How far beside a line one may click, in voxels: lines are drawn a voxel wide, and wider on large pictures.
_BESIDE, _BESIDE_PART = 1.0, 0.006
#: Radius of the disc that a point is drawn as, in voxels.
_DISC = 2.5


def target_at(model: Any, prediction: Any, mm: Sequence[float], *, least: float = 0.0) -> Target | None:
    """Return the target for what of a prediction is drawn at a place: of several the smallest, None where nothing is.

    Parameters
    ----------
    model : Model
    prediction
        What `model.predict` returned.
    mm : (float, float, float)
        RAS millimetres, as a click in a viewer has them.
    least : float
        Least score of the shapes that are drawn.

    Returns
    -------
    Target or None
        A shape, an object, a label where it was predicted, or what a map says at that voxel.

    Raises
    ------
    InputError, StateError
        As `targets_in`.
    """
    place = np.asarray(mm)
    if place.dtype.kind not in "iuf" or place.shape != (3,) or not np.isfinite(place).all():
        raise InputError(f"target_at(): mm must be three finite numbers (RAS mm), got {mm!r}. viewer.picked has them.")
    hits = [hit for told in explainable(model, prediction) for hit in _hits(model, prediction, told, place, least)]
    # the first of those that are alike in size: what was drawn stands before what was not
    return min(hits, key=lambda hit: hit[0])[1] if hits else None


def _hits(
    model: Any, prediction: Any, told: tuple[str, Any], place: Array, least: float
) -> Iterator[tuple[float, Target]]:
    """Yield the target of one thing that can be explained if it is drawn at a place, with its size in voxels."""
    kind, which = told
    if isinstance(prediction, Shapes):
        if kind == prediction.kind:
            one = prediction.select([which])
            sure = one.scores is None or one.scores[0] >= least
            size = _size_at(one, place) if sure else None
            if size is not None:
                yield size, KINDS[kind](prediction, which)
        return
    for part in prediction.values() if isinstance(prediction, Mapping) else [prediction]:
        if not isinstance(part, Volume):
            continue
        ijk = _voxel(part, place)
        if ijk is None:
            continue
        if kind == "instance" and part.data[ijk] == which:
            yield 0, KINDS[kind](prediction, which)
        elif kind == "output" and _is_drawn(which[2], ijk):
            yield 0, Output(which[0], which[1], ijk)
        elif kind == "class" and _is_label(model, part, ijk, which):
            yield 0, Region(part, which, name=str(model.classes[which]))
        elif kind == "class" and part.kind == "scores" and which == _shown_class(model, part):
            # behind what is told more exactly
            yield 1, Class(which)


def _size_at(one: Shapes, place: Array) -> float | None:
    """Return the size of a shape that is drawn at a place; None if it is not."""
    at = (np.linalg.inv(one.affine) @ [*place, 1])[: one.ndim]
    size = _size(one)
    beside = max(_BESIDE, _BESIDE_PART * float(np.sqrt(size)))
    if isinstance(one, Boxes):
        low, high = one.values[0][: one.ndim], one.values[0][one.ndim :]
        return size if ((at >= low - beside) & (at <= high + beside)).all() else None
    if isinstance(one, Ellipses):
        # the voxels around the place that the ellipse covers; one that is smaller than a voxel may cover none
        around = one.shifted(1 - np.rint(at)).filled([3] * one.ndim)
        near = np.linalg.norm(one.centers[0] - at) <= beside
        return size if near or around.any() else None
    return size if np.linalg.norm(one.centers[0] - at) <= _DISC else None


def _size(one: Shapes) -> float:
    if isinstance(one, Boxes):
        return float(np.prod(one.values[0][one.ndim :] - one.values[0][: one.ndim]))
    return float(np.pi * np.prod(one.values[0][2:4])) if isinstance(one, Ellipses) else 0.0


def _voxel(volume: Volume, place: Array) -> tuple[int, ...] | None:
    ijk = np.rint(np.asarray(volume.to_voxel(place))).astype(int)
    inside = (ijk[: volume.spatial_ndim] >= 0).all() and (ijk[: volume.spatial_ndim] < volume.spatial_shape).all()
    return tuple(map(int, ijk[: volume.spatial_ndim])) if inside else None


def _is_drawn(mask: Volume | None, ijk: tuple[int, ...]) -> bool:
    """Tell whether an output is drawn at a voxel: everywhere, if it has no mask of its own."""
    return mask is None or bool(mask.data[ijk] > 0)


def _is_label(model: Any, part: Volume, ijk: tuple[int, ...], label: int) -> bool:
    """Tell whether the numbers of a label volume are classes, and this one is there."""
    task = model.algorithm.task
    classes = part.kind == "labels" and task.kind == "segmentation" and not (label == 0 and task.background)
    return classes and bool(part.data[ijk] == label)


def _shown_class(model: Any, part: Volume) -> int:
    """Return the class that a map of scores is of: the last of two, where the first is that nothing is there."""
    return len(model.classes) - 1 if "c" not in part.axes else -1
