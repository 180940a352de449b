"""The rules that the parts of a Volume obey, each with its error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError

Array = NDArray[Any]
AXES = (("i", "j"), ("i", "j", "c"), ("i", "j", "k"), ("i", "j", "k", "c"))


def as_kind(array: Array, kind: str) -> Array:
    if kind != "labels" or array.dtype.kind not in "f":
        return array
    whole = array.astype(np.int32)
    if not np.array_equal(whole, array):
        raise InputError("Labels are whole numbers, got fractions. Read it as an image, or threshold it first.")
    return whole


def check_axes(axes: Sequence[str] | None, shape: tuple[int, ...]) -> tuple[str, ...]:
    names = {2: AXES[0], 3: AXES[2], 4: AXES[3]}.get(len(shape)) if axes is None else tuple(axes)
    if names not in AXES or len(names) != len(shape):
        raise InputError(
            f"A Volume has axes i, j (, k) and maybe c (channels, last); got shape {shape} with axes {axes}. "
            "Choose or move axes first."
        )
    if 0 in shape:
        raise InputError(f"A Volume needs at least one voxel along each axis, got shape {shape}.")
    return names


def check_dtype(dtype: np.dtype[Any], kind: str) -> None:
    if dtype.kind not in "biuf":
        raise InputError(f"Values are numbers or booleans, got {dtype}. Take the magnitude of complex values.")
    if kind == "labels" and dtype.kind == "f":
        raise InputError(f"Labels are whole numbers, got {dtype}.")


def check_labels(labels: Mapping[int, str] | Sequence[str] | None) -> dict[int, str]:
    pairs = labels.items() if isinstance(labels, Mapping) else enumerate(labels or ())
    try:
        return {int(value): str(name) for value, name in pairs}
    except (TypeError, ValueError):
        raise InputError(f"Labels map whole numbers to names, got {labels!r}.") from None


def numbers(value: Any, ndim: int, what: str) -> NDArray[np.float64]:
    try:
        return np.broadcast_to(np.asarray(value, dtype=float), (ndim,)).copy()
    except (TypeError, ValueError):
        raise InputError(f"Give {what} as one number or {ndim} (one per spatial axis), got {value!r}.") from None


def size(nbytes: int) -> str:
    return f"{nbytes} bytes" if nbytes < 1e5 else f"{nbytes / 1e6:.1f} MB" if nbytes < 1e9 else f"{nbytes / 1e9:.1f} GB"
