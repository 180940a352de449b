"""Forward passes over images of any size: whole where they fit, else window by window."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import Cancelled, StateError

Array = NDArray[Any]
Outputs = Array | Mapping[str, Array]
Forward = Callable[[Array], Outputs]
Progress = Callable[[float], None]
Cancel = Callable[[], bool]


def sliding_windows(
    forward: Forward,
    images: Array,
    window: Sequence[int],
    *,
    overlap: float = 0.5,
    batch_size: int = 4,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    out_of_memory: Callable[[BaseException], bool] | None = None,
) -> Outputs:
    """Return the outputs for whole images, computed in overlapping windows.

    Where windows overlap, outputs are averaged with Gaussian weights that fall towards a window's border, where a
    network sees the least of the surroundings. A window as large as an image is the image.

    Parameters
    ----------
    forward : callable
        Outputs [m, k, *window] of windows [m, c, *window]; or several by name, of which those at the window's
        resolution are kept.
    images : array [n, c, *spatial]
    window : sequence of int
        Size of a window; cut to the size of the images.
    overlap : float
        Share of a window that the next one covers again, 0 to below 1.
    batch_size : int
        Windows per forward pass; halved for good when memory runs out.
    progress : callable, optional
        Called with the share of the work done, 0 to 1.
    cancel : callable, optional
        Asked before each forward pass; True stops.
    out_of_memory : callable, optional
        Tells whether an exception means that memory ran out.

    Returns
    -------
    array [n, k, *spatial], float32, or a dict of such

    Raises
    ------
    Cancelled
        If `cancel` said so.
    StateError
        If not even a single window fits into memory.
    """
    shape = images.shape[2:]
    window = tuple(min(w, n) for w, n in zip(window, shape, strict=True))
    corners = itertools.product(*(_starts(n, w, overlap) for n, w in zip(shape, window, strict=True)))
    boxes = [tuple(slice(a, a + w) for a, w in zip(corner, window, strict=True)) for corner in corners]
    places: list[tuple[Any, ...]] = [(n, slice(None), *box) for n in range(len(images)) for box in boxes]
    importance = _gaussian(window) if len(boxes) > 1 else np.ones(window, np.float32)
    results: dict[str, Array] = {}
    named = False
    done = 0
    while done < len(places):
        if cancel is not None and cancel():
            raise Cancelled(f"The prediction was cancelled after {done} of {len(places)} windows.")
        chosen = places[done : done + batch_size]
        try:
            outputs = forward(np.stack([images[place] for place in chosen]))
        except Exception as error:
            if out_of_memory is None or not out_of_memory(error):
                raise
            if len(chosen) == 1:
                raise StateError(
                    f"A window of {'x'.join(map(str, window))} voxels does not fit into the device's memory. Choose a "
                    "smaller model.patch_size, a narrower network or another device."
                ) from error
            batch_size = len(chosen) // 2
            continue
        named = isinstance(outputs, Mapping)
        dense = outputs if isinstance(outputs, Mapping) else {"": outputs}
        for key, values in dense.items():
            if values.shape[2:] != window:
                continue
            result = results.setdefault(key, np.zeros((len(images), values.shape[1], *shape), np.float32))
            for place, output in zip(chosen, values, strict=True):
                result[place] += output * importance
        done += len(chosen)
        if progress is not None:
            progress(done / len(places))
    if len(boxes) > 1:
        weight = np.zeros(shape, np.float32)
        for box in boxes:
            weight[box] += importance
        for result in results.values():
            result /= weight
    return results if named else results[""]


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
