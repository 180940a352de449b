"""Forward passes over images of any size: whole where they fit, else window by window."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import StateError, WorkbenchError

Array = NDArray[Any]
Forward = Callable[[Array], Array]
Progress = Callable[[float], None]
Cancel = Callable[[], bool]


class Cancelled(WorkbenchError, RuntimeError):
    """The prediction was cancelled before it was finished; nothing partial is returned."""


def sliding_window(
    forward: Forward,
    image: Array,
    window: Sequence[int],
    *,
    overlap: float = 0.5,
    batch_size: int = 4,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    out_of_memory: Callable[[BaseException], bool] = lambda error: False,
) -> Array:
    """Return the outputs for a whole image, computed in overlapping windows.

    Where windows overlap, outputs are averaged with Gaussian weights that fall towards a window's border, where a
    network sees the least of the surroundings.

    Parameters
    ----------
    forward : callable
        Outputs [n, k, *window] of windows [n, c, *window].
    image : array [c, *spatial]
        At least as large as a window along each axis.
    window : sequence of int
        Size of a window.
    overlap : float
        Share of a window that the next one covers again, 0 to below 1.
    batch_size : int
        Windows per forward pass; halved for good when memory runs out.
    progress : callable, optional
        Called with the share of the work done, 0 to 1.
    cancel : callable, optional
        Asked before each batch; True stops.
    out_of_memory : callable, optional
        Tells whether an exception means that memory ran out.

    Returns
    -------
    array [k, *spatial], float32

    Raises
    ------
    Cancelled
        If `cancel` said so.
    StateError
        If not even a single window fits into memory.
    """
    window = tuple(min(w, n) for w, n in zip(window, image.shape[1:], strict=True))
    places = list(itertools.product(*(_starts(n, w, overlap) for n, w in zip(image.shape[1:], window, strict=True))))
    importance = _gaussian(window)
    total = np.zeros(image.shape[1:], np.float32)
    result: Array | None = None
    done = 0
    while done < len(places):
        if cancel is not None and cancel():
            raise Cancelled(f"The prediction was cancelled after {done} of {len(places)} windows.")
        boxes = [
            tuple(slice(a, a + w) for a, w in zip(p, window, strict=True)) for p in places[done : done + batch_size]
        ]
        try:
            outputs = forward(np.stack([image[(slice(None), *box)] for box in boxes]))
        except Exception as error:
            if not out_of_memory(error):
                raise
            if batch_size == 1:
                raise StateError(
                    f"A window of {'x'.join(map(str, window))} voxels does not fit into the device's memory. Choose a "
                    "smaller model.patch_size, a narrower network or another device."
                ) from error
            batch_size = max(1, min(batch_size, len(boxes)) // 2)
            continue
        if result is None:
            result = np.zeros((outputs.shape[1], *image.shape[1:]), np.float32)
        for box, output in zip(boxes, outputs, strict=True):
            result[(slice(None), *box)] += output * importance
            total[box] += importance
        done += len(boxes)
        if progress is not None:
            progress(done / len(places))
    assert result is not None
    result /= total
    return result


def _starts(length: int, window: int, overlap: float) -> list[int]:
    if length <= window:
        return [0]
    count = int(np.ceil((length - window) / max(1, int(window * (1 - overlap))))) + 1
    return [round(i * (length - window) / (count - 1)) for i in range(count)]


def _gaussian(window: Sequence[int]) -> Array:
    weights = np.ones((), np.float32)
    for length in window:
        # a standard deviation of an eighth of the window, as in nnU-Net; the floor keeps the corners above zero
        line = np.exp(-0.5 * ((np.arange(length) - (length - 1) / 2) / (length / 8)) ** 2)
        weights = np.multiply.outer(weights, line.astype(np.float32))
    return np.maximum(weights, 1e-3).astype(np.float32)
