"""What there is to measure of each label."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.evaluation.overlap import spatial
from workbench.evaluation.table import Table
from workbench.tools import _parts
from workbench.tools.catalogue import tool
from workbench.tools.ports import Labels, Port
from workbench.volume import Volume
from workbench.work import IDLE, Work

#: What the axes of the world are called, where there is a patient and where there is none.
_WORLD = {"patient": "RAS", "object": "xyz"}


@tool(
    group="measuring",
    reference="Zwanenburg et al. 2020, The image biomarker standardization initiative, doi 10.1148/radiol.2020191145",
    title="Measure labels",
)
def measure(
    labels: Labels, image: Annotated[Volume | None, Port("image", channels=1)] = None, *, work: Work = IDLE
) -> Table:
    """Measure each label: size, centre, box, and the values of an image in it.

    Parameters
    ----------
    labels : Volume
        Label map. Background and voxels that nobody annotated ("unlabelled") are not measured.
    image : Volume, optional
        Values on the same grid.

    Returns
    -------
    Table
        A row for each label that occurs. Columns: the label, its name, voxels; volume in ml (area in mm2 in a picture);
        the mean place of its voxels in mm, along R, A and S; its first and last voxel along each axis; mean, standard
        deviation (of all its voxels, not an estimate from a sample), smallest and largest value of the image, in its
        unit.
        Where no physical size is known there are no columns in mm, and the centre is told in pixels.

    Raises
    ------
    InputError
        If the image is on another grid.
    """
    if image is not None and not image.same_grid(labels):
        raise InputError(
            f"The image must lie on the grid of the labels, got {image!r} for {labels!r}. "
            "Bring it there: wb.tools.resample(image, like=labels)."
        )
    values = _parts.structures(labels)
    table = Table()
    for index, (value, box, mask) in enumerate(_parts.masks(labels, values)):
        row = {"label": value, "name": labels.labels.get(value, ""), **_size(labels, box, mask)}
        table.add(**row, **({} if image is None else _values(image, spatial(image)[box][mask])))
        work.tell((index + 1) / len(values), f"label {value}")
    return table


def _size(labels: Volume, box: tuple[slice, ...], mask: NDArray[np.bool_]) -> dict[str, Any]:
    voxels = int(mask.sum())
    centre = [_middle(mask, axis) + part.start for axis, part in enumerate(box)]
    row: dict[str, Any] = {"voxels": voxels}
    if labels.space != "pixels":
        total = voxels * labels.voxel_volume
        row |= {"area (mm2)": total} if labels.spatial_ndim == 2 else {"volume (ml)": total / 1000}
        world = zip(_WORLD[labels.space], labels.to_world(centre), strict=True)
        row |= {f"centre {axis} (mm)": float(place) for axis, place in world}
    else:
        row |= {f"centre {axis} (px)": float(place) for axis, place in zip(labels.axes, centre, strict=False)}
    for axis, part in zip(labels.axes, box, strict=False):
        row |= {f"first {axis}": part.start, f"last {axis}": part.stop - 1}
    return row


def _middle(mask: NDArray[np.bool_], axis: int) -> float:
    """Return the mean index of the voxels along an axis."""
    counts = mask.sum(axis=tuple(other for other in range(mask.ndim) if other != axis))
    return float(counts @ np.arange(len(counts)) / counts.sum())


def _values(image: Volume, values: NDArray[Any]) -> dict[str, float]:
    unit = f" ({image.unit})" if image.unit else ""
    exact = values.astype(np.float64)
    found = {"mean": exact.mean(), "std": exact.std(), "min": exact.min(), "max": exact.max()}
    return {f"{name}{unit}": float(number) for name, number in found.items()}
