"""Pieces of an image that are hidden as a whole: superpixels, supervoxels, or what somebody has labelled."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Explainer, Problem
from workbench.explain.labels import pack, unpack
from workbench.parameters import Parameter

SEGMENTS = Parameter(
    "segments",
    "any",
    None,
    "The pieces, such as organs; voxels of label 0 are never hidden. Superpixels of the input if not given.",
    also="a label Volume",
)
#: Share of a piece's size that one standard deviation of intensity is worth, and rounds until pieces rest.
_COMPACTNESS, _ROUNDS = 0.5, 6


def count_option(default: int) -> Parameter:
    """The option that says how many superpixels there are to be."""
    return Parameter("count", "integer", default, "About how many superpixels the input is cut into.", low=2)


class SegmentExplainer(Explainer):
    """A method that hides pieces of the input; one of its options is `SEGMENTS`, one `count_option`."""

    def check_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        options = super().check_options(given)
        packed = pack(options["segments"], f"The method {self.name!r}", "segments")
        return {**options, "segments": packed}

    def expected(self, options: Mapping[str, Any]) -> int:
        """Return about how many pieces there are."""
        if options["segments"] is None:
            return int(options["count"])
        return int((np.unique(unpack(options["segments"]).data) > 0).sum())


def segments_of(problem: Problem) -> tuple[Array, int]:
    """Return the number of each voxel's piece ``[*spatial]``, from 1, 0 where there is none; and how many there are.

    Raises
    ------
    InputError
        If nothing that the network sees is labelled.
    """
    packed = problem.options["segments"]
    if packed is None:
        labels = superpixels(problem.input[0], problem.options["count"], problem.spacing)
    elif problem.grid is None:
        raise InputError("segments= needs the grid that the network sees, got a Problem without. Leave segments out.")
    else:
        labels = np.asarray(unpack(packed).resample_like(problem.grid, order=0).data).reshape(problem.spatial_shape)
    found = np.unique(labels[labels > 0])
    if not len(found):
        raise InputError("segments= must label a voxel that the network sees, got 0 everywhere. Look at its affine.")
    return np.where(labels > 0, np.searchsorted(found, labels) + 1, 0), len(found)


def superpixels(image: Array, count: int, spacing: tuple[float, ...]) -> Array:
    """Cut an image into pieces of about one intensity and one size (Achanta et al. 2012, SLIC), numbered from 1.

    Pieces are compact in mm; where that is what it takes to follow an edge, one may lie in several parts.

    Parameters
    ----------
    image : ndarray
        ``[channels, *spatial]``.
    count : int
        About how many there are to be; never more than voxels.
    spacing : tuple of float
        In mm.
    """
    shape = image.shape[1:]
    scale = image.std(axis=tuple(range(1, image.ndim)), keepdims=True, dtype=np.float64)
    values = np.divide(image, scale, out=np.zeros(image.shape, np.float64), where=scale > 0)
    extents = np.array(shape) * np.array(spacing)
    side = (extents.prod() / count) ** (1 / len(shape))
    along = [int(np.clip(round(extent / side), 1, size)) for extent, size in zip(extents, shape, strict=True)]
    axes = [(np.arange(n) + 0.5) * size / n - 0.5 for n, size in zip(along, shape, strict=True)]
    places = np.array(list(itertools.product(*axes)))
    cells = [np.minimum((np.arange(size) * n) // size, n - 1) for n, size in zip(along, shape, strict=True)]
    labels = np.ravel_multi_index(np.meshgrid(*cells, indexing="ij"), along)
    for _ in range(_ROUNDS):
        middles = np.stack([_means(channel, labels, len(places)) for channel in values], axis=1)
        labels = _nearest(values, labels, places, middles, np.array(spacing), side)
        grid = np.meshgrid(*map(np.arange, shape), indexing="ij")
        moved = np.stack([_means(axis, labels, len(places)) for axis in grid], axis=1)
        kept = np.isfinite(moved).all(axis=1)
        places[kept] = moved[kept]
    return np.asarray(np.unique(labels, return_inverse=True)[1].reshape(shape) + 1)


def _means(values: Array, labels: Array, count: int) -> Array:
    """Return the mean of each piece; NaN of those that nothing belongs to."""
    sums = np.bincount(labels.ravel(), values.ravel(), count)
    sizes = np.bincount(labels.ravel(), minlength=count)
    return np.divide(sums, sizes, out=np.full(count, np.nan), where=sizes > 0)


def _nearest(values: Array, labels: Array, places: Array, middles: Array, spacing: Array, side: float) -> Array:
    """Return the piece that each voxel is nearest to, by intensity and place, of those around it."""
    shape = labels.shape
    best, found = np.full(shape, np.inf), labels.copy()
    reach = np.ceil(side / spacing).astype(int)
    for number, (place, middle) in enumerate(zip(places, middles, strict=True)):
        if not np.isfinite(middle).all():
            continue
        low = np.maximum(np.floor(place).astype(int) - reach, 0)
        high = np.minimum(np.ceil(place).astype(int) + reach + 1, shape)
        part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        far = ((values[(slice(None), *part)] - middle.reshape(-1, *[1] * len(shape))) ** 2).sum(axis=0)
        for axis, (a, b) in enumerate(zip(low, high, strict=True)):
            off = (np.arange(a, b) - place[axis]) * spacing[axis] / side * _COMPACTNESS
            far = far + (off**2).reshape([-1 if other == axis else 1 for other in range(len(shape))])
        closer = far < best[part]
        best[part][closer] = far[closer]
        found[part][closer] = number
    return found
