"""Rules that every annotated sample must keep, whatever it was read from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench._checks import as_kind, present, suggest_label_values
from workbench._words import lengths
from workbench.errors import InputError
from workbench.volume import UNLABELLED, UNLABELLED_NAME, Volume

#: More label values than these, all of them near black or near white, are what JPEG makes of a mask.
_FEW, _DARK = 8, 48


def check_label_volume(
    label: Volume, image: Volume, classes: Sequence[str], case: str, file: str = "", *, unlabelled: bool = False
) -> Volume:
    """Return `label` as an integer Volume that names `classes`, and 255 where it, or `unlabelled`, says that it may.

    Raises
    ------
    InputError
        If it is on another grid than the image (the message gives both), or holds values that are no class.
    """
    where = f"The labels of {case!r}" + (f" ({file})" if file else "")
    values, found = _whole_numbers(label, image, where)
    unlabelled = (unlabelled or label.has_unlabelled) and len(classes) <= UNLABELLED
    names = dict(enumerate(classes)) | ({UNLABELLED: UNLABELLED_NAME} if unlabelled else {})
    unknown = found[~np.isin(found, list(names))]
    if unknown.size:
        named = ", ".join(f"{value} {name}" for value, name in enumerate(classes))
        raise InputError(
            f"{where} hold values that have no name: {_some(unknown)}. Known: {named}. "
            f"{_advice(found, unknown, len(classes), file)}"
        )
    small = values.astype(np.uint8 if len(classes) <= 256 else np.uint16, copy=False)
    return image.with_data(small, kind="labels", labels=names, source=label.source, notes=())


def check_instance_volume(label: Volume, image: Volume, case: str) -> Volume:
    """Return `label` as a Volume of whole numbers from 0 on the grid of the image, such as the numbers of instances.

    Raises
    ------
    InputError
        If it is on another grid, or holds values below 0 or between whole numbers.
    """
    values, found = _whole_numbers(label, image, f"The labels of {case!r}")
    if found[0] < 0:
        raise InputError(f"The labels of {case!r} are numbers from 0 (the background), got {found[0]}.")
    kept = np.uint16 if found[-1] <= np.iinfo(np.uint16).max else np.int32
    small = values.astype(kept, copy=False)
    return image.with_data(small, kind="labels", labels=label.labels or None, source=label.source, notes=())


def check_class(label: Any, classes: Sequence[str], case: str) -> int | None:
    """Return the class index of `label`, which may be an index or a name.

    Raises
    ------
    InputError
        If it is neither.
    """
    if label is None:
        return None
    if isinstance(label, str):
        if label not in classes:
            raise InputError(f"The label of {case!r} is {label!r}, which is not one of {', '.join(classes)}.")
        return list(classes).index(label)
    value = np.asarray(label)
    if value.size != 1 or not np.issubdtype(value.dtype, np.number) or float(value.item()) != int(value.item()):
        raise InputError(f"The label of {case!r} must be one class index or name, got {label!r}.")
    index = int(value.item())
    if not 0 <= index < len(classes):
        raise InputError(f"The label of {case!r} is {index}; the classes are 0 to {len(classes) - 1}.")
    return index


def common_image(images: Iterable[tuple[str, Volume]]) -> tuple[int, int]:
    """Return (spatial_ndim, channels) that all images share.

    Raises
    ------
    InputError
        If two differ; the message names both.
    """
    first_case, first = next(iter(images := list(images)))
    for case, image in images:
        if (image.spatial_ndim, image.num_channels) != (first.spatial_ndim, first.num_channels):
            raise InputError(
                f"All images must have the same axes and channels: {first_case!r} is {first.spatial_ndim}D with "
                f"{first.num_channels} channel(s), {case!r} is {image.spatial_ndim}D with {image.num_channels}."
            )
    return first.spatial_ndim, first.num_channels


def _whole_numbers(label: Volume, image: Volume, where: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return (values on the spatial axes, those that occur), or say which rule a label volume breaks."""
    if label.num_channels != 1 or label.spatial_ndim != image.spatial_ndim:
        colours = " Colours are no labels: save the numbers of the classes." if "red" in label.channels else ""
        raise InputError(
            f"{where} must be {image.spatial_ndim}D without channels, got shape {label.shape} with axes {label.axes}."
            f"{colours}"
        )
    # a picture without a size says nothing of where it lies but by its rows and columns: a PNG beside an X-ray
    flat = label.spatial_ndim == 2 and "pixels" in {label.space, image.space}
    if not (label.spatial_shape == image.spatial_shape if flat else label.same_grid(image)):
        raise InputError(
            f"{where} must lie on the grid of the image. Image: {_grid(image)}. Labels: {_grid(label)}. "
            "Bring them together with `label.resample_like(image)`."
        )
    try:
        values = as_kind(label.data.reshape(label.spatial_shape), "labels")
    except InputError as error:
        raise InputError(f"{where} must be whole numbers. {error}") from None
    return values, np.array(present(values))


def _advice(found: NDArray[Any], unknown: NDArray[Any], classes: int, file: str) -> str:
    """Return what to do about label values without a name."""
    mapping = suggest_label_values(found.tolist())
    if mapping is not None:
        # calling 255 "unlabelled" here would take the lesion out of the data
        if len(mapping) > classes:
            return f"They look like greys: name {len(mapping)} classes, and give `label_values={mapping}`."
        how = "Give" if file else 'Give the mask as `mask > 127`, or read its file with `kind="labels"` and'
        return f"They look like a mask made to be looked at. {how} `label_values={mapping}`."
    if found.size > _FEW and found[0] >= 0 and found[-1] <= 255 and ((found < _DARK) | (found > 255 - _DARK)).all():
        return "They look like a mask saved with losses (JPEG). Save it as PNG, or give `mask > 127`."
    advice = "Name every value with `label_names=` (or `classes=`), or mend the file."
    if UNLABELLED in unknown:
        advice += f" If {UNLABELLED} marks voxels that nobody annotated, name it {UNLABELLED_NAME!r}."
    return advice


def _grid(volume: Volume) -> str:
    spacing = lengths(volume.spacing, volume.space)
    origin = ", ".join(f"{x:.4g}" for x in volume.affine[:3, 3])
    # the letters are told whatever the space: they may be what differs
    return f"shape {volume.spatial_shape}, spacing {spacing}, {volume.orientation}, first voxel at ({origin})"


def _some(values: np.ndarray[Any, Any], most: int = 8) -> str:
    shown = ", ".join(f"{value:g}" for value in values[:most])
    return shown + (f" and {values.size - most} more" if values.size > most else "")
