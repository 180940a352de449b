"""The connected parts of label maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from workbench._checks import present
from workbench.evaluation.overlap import spatial
from workbench.volume import UNLABELLED, Volume

#: What voxels of one part have in common.
Connectivity: TypeAlias = Literal["faces", "edges", "corners"]
#: So many boxes cost nothing.
_MOST_BOXES = 2**16
_STEPS: dict[str, int] = {"faces": 1, "edges": 2, "corners": 3}


def structures(labels: Volume) -> list[int]:
    """Return the values of a label map that are structures: neither background nor "unlabelled"."""
    left_out = (0, UNLABELLED) if labels.has_unlabelled else (0,)
    return [value for value in present(spatial(labels)) if value not in left_out]


def masks(labels: Volume, values: list[int]) -> Iterator[tuple[int, tuple[slice, ...], NDArray[np.bool_]]]:
    """Yield each of the `values` that occur, the box that it lies in, and where it is in there."""
    from scipy import ndimage

    array, known = spatial(labels), np.array(sorted(values), dtype=np.int64)
    if not len(known):
        return
    if array.dtype == bool:
        array = array.view(np.uint8)
    if known[0] < 1 or known[-1] > _MOST_BOXES:
        # a box is found for every number up to the highest, so that these have to be low
        places = np.minimum(np.searchsorted(known, array), len(known) - 1)
        array, known = np.where(known[places] == array, places + 1, 0), np.arange(1, len(known) + 1)
    boxes = ndimage.find_objects(array, int(known[-1]))
    for value, number in zip(sorted(values), known, strict=True):
        box = boxes[number - 1]
        if box is not None:
            yield value, box, array[box] == number


def parts(mask: NDArray[np.bool_], connectivity: Connectivity) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the number of the part that each voxel belongs to (0 for none), and how many voxels each part has.

    Parameters
    ----------
    mask : array [*spatial]
    connectivity : {"faces", "edges", "corners"}
        In a picture, pixels that touch in a corner share what is an edge of voxels: "edges" and "corners" are the same.
    """
    from scipy import ndimage

    around = ndimage.generate_binary_structure(mask.ndim, min(_STEPS[connectivity], mask.ndim))
    numbers, count = ndimage.label(mask, around)
    return numbers, np.bincount(numbers.ravel(), minlength=count + 1)[1:]
