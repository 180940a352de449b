"""Which of the shapes that were found is which of those that are there, for every kind of shape by its own rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.evaluation.detection import match_boxes
from workbench.evaluation.ellipses import ellipse_dice
from workbench.evaluation.points import match_points
from workbench.shapes import Boxes, Ellipses, Points, Shapes


def match_shapes(found: Shapes, true: Shapes, *, overlap: float = 0.5, radius: float = 10.0) -> NDArray[np.int64]:
    """Give each shape that was found the one of its class that it hits.

    Parameters
    ----------
    found, true : Boxes, Points or Ellipses
        Of one kind; brought onto the grid of `true`.
    overlap : float
        Least intersection over union of boxes, least Dice of ellipses, above 0 and at most 1.
    radius : float
        Largest distance of points, in voxels.

    Returns
    -------
    array [found], int64
        Row in `true`, or -1 for a false positive. No row is given twice; those that are given to none were missed.

    Raises
    ------
    InputError
        If they are not of one kind.

    Examples
    --------
    >>> match_shapes(Points([[1, 1], [40, 40]]), Points([[2, 2]])).tolist()
    [0, -1]
    """
    if type(found) is not type(true):
        raise InputError(f"Shapes of one kind are matched, got {type(found).__name__} and {type(true).__name__}.")
    placed = found.onto(true.affine)
    if isinstance(placed, Boxes) and isinstance(true, Boxes):
        scores = np.ones(len(placed)) if placed.scores is None else placed.scores
        return match_boxes(Boxes(placed.values, placed.labels, placed.affine, scores), true, overlap)
    given = np.full(len(placed), -1, np.int64)
    if isinstance(placed, Points):
        for label in np.unique(placed.labels):
            rows, columns = np.flatnonzero(placed.labels == label), np.flatnonzero(true.labels == label)
            for row, column in match_points(placed.values[rows], true.values[columns], radius):
                given[rows[row]] = columns[column]
        return given
    return _ellipses(placed, true, overlap, given)


def _ellipses(found: Shapes, true: Shapes, overlap: float, given: NDArray[np.int64]) -> NDArray[np.int64]:
    """Let the surest choose first among those that nobody took yet, as for boxes."""
    assert isinstance(found, Ellipses)
    order = np.arange(len(found)) if found.scores is None else np.argsort(-found.scores, kind="stable")
    free = set(range(len(true)))
    for row in order:
        dices = {
            k: ellipse_dice(found.values[row], true.values[k]) for k in free if true.labels[k] == found.labels[row]
        }
        best = max(dices, key=dices.__getitem__, default=None)
        if best is not None and dices[best] >= overlap:
            given[row] = best
            free.discard(best)
    return given
