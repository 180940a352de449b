"""What a model takes: volumes, batches and data sets, refused in words where they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench._words import count
from workbench.datasets import Dataset
from workbench.errors import InputError
from workbench.volume import Volume

if TYPE_CHECKING:
    from workbench.zoo.model import Model


def check_volume(model: Model, volume: Any) -> None:
    """Check that a model takes a volume; raises `InputError`."""
    ndim = model.spatial_ndim
    if not isinstance(volume, Volume):
        raise InputError(f"A model looks at a Volume, got {type(volume).__name__}. Wrap it: wb.Volume(array, affine).")
    if volume.spatial_ndim != ndim:
        fix = (
            "Cut a slice with volume.slice_2d('k', index)."
            if ndim == 2
            else "Stack slices to a volume, or choose an algorithm for pictures."
        )
        raise InputError(f"{model.name} takes {ndim}D volumes, got {volume.spatial_ndim}D {volume!r}. {fix}")
    if volume.num_channels != model.in_channels:
        raise InputError(
            f"{model.name} was made for {count(model.in_channels, 'channel')}, the volume has "
            f"{volume.num_channels}. {model.algorithm.channels_remedy(volume.num_channels)}"
        )


def check_batch(model: Model, shape: Sequence[int]) -> None:
    """Check that a network takes batches of this shape; raises `InputError`."""
    ndim = model.spatial_ndim
    if len(shape) != ndim + 2:
        axes = ", ".join("ijk"[:ndim])
        raise InputError(f"{model.name} takes batches [n, c, {axes}], got {len(shape)} axes: shape {shape}.")
    if shape[1] != model.in_channels:
        raise InputError(
            f"{model.name} was made for {count(model.in_channels, 'channel')}, got {shape[1]} (shape {shape}). "
            f"{model.algorithm.channels_remedy(shape[1])}"
        )
    multiple, minimum = model.algorithm.sizes(model.config)
    for axis, length in zip("ijk", shape[2:], strict=False):
        if length % multiple or length < minimum:
            below = max(minimum, length // multiple * multiple)
            near = sorted({below, max(minimum, -(-length // multiple) * multiple)})
            rule = f"multiples of {multiple}" + (f", at least {minimum}" if minimum > multiple else "")
            raise InputError(
                f"{model.name} takes sizes that are {rule}, got {length} along {axis}. Nearest that fit: "
                f"{' and '.join(map(str, near))}. predict and prepare pad by themselves."
            )


def check_data(model: Model, dataset: Any) -> None:
    """Check that a model takes the images of a data set; raises `InputError`."""
    if not isinstance(dataset, Dataset):
        given = type(dataset).__name__
        raise InputError(
            f"predict_over takes a Dataset or a folder, got {given}. Make one: wb.datasets.from_list(...)."
        )
    if dataset.spatial_ndim != model.spatial_ndim:
        raise InputError(
            f"{model.name} takes {model.spatial_ndim}D images, but data set {dataset.name} has "
            f"{dataset.spatial_ndim}D images. Choose other data, or a model for these."
        )
    if dataset.in_channels != model.in_channels:
        raise InputError(
            f"{model.name} was made for {count(model.in_channels, 'channel')}, but images of data set {dataset.name} "
            f"have {dataset.in_channels}. Choose other data, or a model for these."
        )
