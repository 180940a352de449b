"""The rules that the parts of a Volume obey, each with its error."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench._arrays import Array
from workbench._words import size
from workbench.errors import InputError

AXES = (("i", "j"), ("i", "j", "c"), ("i", "j", "k"), ("i", "j", "k", "c"))
#: Endings of file names that say what kind of file it is; any other may be part of a patient's name.
_ENDINGS = {
    ".bif", ".bmp", ".btf", ".czi", ".dcm", ".dicom", ".gif", ".gz", ".hdr", ".ima", ".img", ".jpeg", ".jpg", ".lsm",
    ".mgh", ".mgz", ".mha", ".mhd", ".mnc", ".mrxs", ".ndpi", ".nhdr", ".nii", ".npy", ".npz", ".nrrd", ".png",
    ".qptiff", ".scn", ".svs", ".svslide", ".tif", ".tiff", ".vms", ".vmu", ".webp", ".zip",
}  # fmt: skip

#: Half a unit: from there on it is not known which whole number is meant.
_LEAST_FRACTION = 0.5 - 1e-6
#: More values than these, or one as small as a label, are label numbers and not greys.
_MOST_GREYS, _LEAST_GREY = 8, 32


def as_array(data: Any, dtype: Any = None) -> Array:
    try:
        return native(np.asarray(data, dtype=dtype))
    except (TypeError, ValueError) as error:
        kind = type(data).__name__
        raise InputError(f"The values of a Volume are one array of numbers, got {kind} ({error}).") from None


def native(array: Array) -> Array:
    """Return `array` in the byte order of this machine, so that no writer has to think of it."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def as_kind(array: Array, kind: str, step: float = 0.0) -> Array:
    """Return `array` as voxels of `kind` are kept: real numbers that are labels become whole ones.

    Parameters
    ----------
    array : array
        Values.
    kind : {"image", "labels", "scores"}
        What they are.
    step : float
        Distance of the numbers that the file could store (its slope). A label is stored to half a step only.

    Raises
    ------
    InputError
        If a label is farther from a whole number than the rounding explains, or int32 cannot hold it.
    """
    if kind != "labels" or array.dtype.kind != "f":
        return array
    whole = np.empty(array.shape, np.int32)
    for part, result in zip(_slabs(array), _slabs(whole), strict=True):
        with np.errstate(invalid="ignore"):  # values that int32 cannot hold are found by the comparison
            result[...] = np.rint(part)
            # a label that went through float32 on its way is exact to its last digits only
            rounding = 4 * np.finfo(np.float32).eps * np.maximum(np.abs(part), 1)
            fine = np.abs(part - result) <= np.minimum(rounding + abs(step) / 2, _LEAST_FRACTION)
        if not fine.all():
            raise InputError(
                f"Labels are whole numbers below 2**31, not fractions; got {part[~fine][0]:g}. Read it as an image, "
                "or threshold it first."
            )
    return whole


def _slabs(array: Array) -> Array | list[Array]:
    # one slab at a time, so that what is worked out on the way takes little memory
    return array if array.ndim > 1 else [array]


def present(array: Array) -> list[int]:
    """Return the whole numbers that occur, in order."""
    if array.dtype.itemsize > 2 or array.dtype.kind == "i":
        return [int(value) for value in np.unique(array)]
    found = np.zeros(np.iinfo(np.uint16).max + 1, dtype=bool)
    for part in _slabs(array.view(np.uint8) if array.dtype == bool else array):
        found[part] = True
    return [int(value) for value in np.flatnonzero(found)]


def remap(array: Array, values: Mapping[int, int], where: str) -> Array:
    """Return labels with each stored value replaced by the one that `values` gives for it.

    Raises
    ------
    InputError
        If a value occurs that `values` does not name; the message lists them.
    """
    stored = present(array)
    unknown = [value for value in stored if value not in values]
    if unknown:
        shown = ", ".join(map(str, unknown[:8])) + (", ..." if len(unknown) > 8 else "")
        raise InputError(
            f"{where} hold values that `label_values` does not name: {shown}. Named: {sorted(values)}. Name every "
            "stored value; a mask with many greys was saved with losses (JPEG): save it again as PNG, or threshold it."
        )
    top = max(values[value] for value in stored)
    new = np.array([values[value] for value in stored], np.uint8 if top <= 255 else np.int32)
    out = np.empty(array.shape, new.dtype)
    for part, result in zip(_slabs(array), _slabs(out), strict=True):
        result[...] = new[np.searchsorted(stored, part)]
    return out


def check_label_values(values: Any) -> dict[int, int]:
    """Return `values` as a mapping of stored values to labels.

    Raises
    ------
    InputError
        If it is none, or a label is below 0.
    """
    try:
        pairs = {int(stored): int(label) for stored, label in values.items()}
    except (AttributeError, TypeError, ValueError):
        pairs = {}
    if not pairs or min(pairs.values()) < 0:
        raise InputError(
            f"`label_values` maps stored values to labels from 0 up, such as {{0: 0, 255: 1}}, got {values!r}."
        )
    return pairs


def suggest_label_values(stored: Iterable[int]) -> dict[int, int] | None:
    """Return the mapping to 0, 1, ... where labels look like greys of a picture: few values, 0 and 255 among them.

    Masks are often saved so that a person can see them: 0 and 255, or 0, 128 and 255. 0, 1 and 255 is another thing:
    a label map in which 255 marks what nobody annotated.
    """
    values = sorted({int(value) for value in stored})
    if not 2 <= len(values) <= _MOST_GREYS or values[0] != 0 or values[-1] != 255 or values[1] < _LEAST_GREY:
        return None
    return {value: label for label, value in enumerate(values)}


def note_of_labels(array: Array, names: Mapping[int, str]) -> str:
    """Return the note on labels that look like greys; empty if they do not."""
    if array.dtype == bool or 255 in names or array.max(initial=0) != 255:
        return ""
    mapping = suggest_label_values(present(array))
    if mapping is None:
        return ""
    return (
        f"the labels are {', '.join(map(str, mapping))}, as in a mask made to be looked at; "
        f"label_values={mapping} reads them as {', '.join(map(str, mapping.values()))}"
    )


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


def no_numbers(dtype: np.dtype[Any], do: str) -> str:
    """Return why values of a type are none for voxels, and what to `do` ("Save", "Take") instead; empty if they are."""
    if dtype.kind in "biuf":
        return ""
    what, advice = f"values of type {dtype}", f"{do} them as numbers."
    if dtype.names:
        what, advice = (
            f"records with the fields {', '.join(dtype.names)}",
            f"{do} one field: array[{dtype.names[0]!r}].",
        )
    elif dtype.kind == "c":
        advice = f"{do} the magnitude, or the real part."
    return f"{what}, and a voxel is one real number or boolean. {advice}"


def check_dtype(dtype: np.dtype[Any], kind: str) -> None:
    if fault := no_numbers(dtype, "Take"):
        raise InputError(f"The array holds {fault}")
    if kind == "labels" and dtype.kind == "f":
        raise InputError(f"Labels are whole numbers, got {dtype}.")


def check_channels(channels: Sequence[str] | None, count: int) -> tuple[str, ...]:
    names = tuple(str(name) for name in channels) if channels is not None else ()
    if names and len(names) != count:
        raise InputError(
            f"Name every channel: channels must be {count} here, got the names {list(names)}. Give as many, or leave "
            "them out."
        )
    return names


def check_labels(labels: Mapping[int, str] | Sequence[str] | None) -> dict[int, str]:
    try:
        pairs = labels.items() if isinstance(labels, Mapping) else enumerate(labels or ())
        return {int(value): str(name) for value, name in pairs}
    except (TypeError, ValueError):
        raise InputError(f"Labels map whole numbers to names, got {labels!r}. Give them as {{1: 'liver'}}.") from None


def numbers(value: Any, ndim: int, what: str) -> NDArray[np.float64]:
    try:
        return np.broadcast_to(np.asarray(value, dtype=float), (ndim,)).copy()
    except (TypeError, ValueError):
        raise InputError(f"Give {what} as one number or {ndim} (one per spatial axis), got {value!r}.") from None


def points(value: Any, what: str, name: str) -> NDArray[np.float64]:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{what} are numbers, got {value!r}. Give {name} as an array of them.") from None


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
