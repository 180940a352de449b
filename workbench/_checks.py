"""The rules that the parts of a Volume obey, each with its error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError

Array = NDArray[Any]
AXES = (("i", "j"), ("i", "j", "c"), ("i", "j", "k"), ("i", "j", "k", "c"))
#: Endings of file names that say what kind of file it is; any other may be part of a patient's name.
_ENDINGS = {
    ".dcm", ".dicom", ".gz", ".ima", ".jpeg", ".jpg", ".mha", ".mhd", ".nhdr", ".nii", ".npy", ".npz", ".nrrd", ".png",
    ".tif", ".tiff", ".zip",
}  # fmt: skip


def as_array(data: Any, dtype: Any = None) -> Array:
    try:
        return np.asarray(data, dtype=dtype)
    except (TypeError, ValueError) as error:
        kind = type(data).__name__
        raise InputError(f"The values of a Volume are one array of numbers, got {kind} ({error}).") from None


def as_kind(array: Array, kind: str) -> Array:
    if kind != "labels" or array.dtype.kind not in "f":
        return array
    with np.errstate(invalid="ignore"):  # values that int32 cannot hold are found by the comparison
        whole = array.astype(np.int32)
    wrong = whole != array
    if wrong.any():
        raise InputError(
            f"Labels are whole numbers below 2**31, not fractions; got {array[wrong][0]:g}. Read it as an image, or "
            "threshold it first."
        )
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


def points(value: Any, what: str) -> NDArray[np.float64]:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{what} are numbers, got {value!r}.") from None


def constant(value: Any, dtype: np.dtype[Any], what: str) -> Any:
    """Return `value` if voxels of `dtype` can hold it."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"Give {what} as one number, got {value!r}.") from None
    if dtype.kind == "f":
        return value
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not low <= number <= high:
        raise InputError(f"Voxels of {dtype} hold {low} to {high}, got {what} {value!r}. Convert the data first.")
    return value


def room(shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Raise if an array to be made is larger than the free memory."""
    needed = math.prod(int(n) for n in shape) * dtype.itemsize
    if needed < 1 << 26:
        return
    import psutil

    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"A grid of {' x '.join(map(str, shape))} voxels takes {size(needed)} of memory, {size(free)} are free. "
            "Choose larger voxels, crop first, or check the spacing of the file."
        )


def ending(source: Path | None) -> str:
    """Return what of a file name may be shown: `.nii.gz`, `.dcm`, but not `.Smith`."""
    if source is None:
        return ""
    parts = [suffix for suffix in source.suffixes[-2:] if suffix.lower() in _ENDINGS]
    return "".join(parts if source.suffix.lower() == ".gz" else parts[-1:])


def size(nbytes: int) -> str:
    return f"{nbytes} bytes" if nbytes < 1e5 else f"{nbytes / 1e6:.1f} MB" if nbytes < 1e9 else f"{nbytes / 1e9:.1f} GB"
