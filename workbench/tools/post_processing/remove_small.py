"""Small parts of label maps."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from workbench.errors import InputError
from workbench.evaluation.overlap import spatial
from workbench.signatures import Range
from workbench.tools import _parts
from workbench.tools.catalogue import tool
from workbench.tools.ports import Labels
from workbench.work import IDLE, Work

#: A part of exactly the volume that is asked for stays, whatever the last digit of a product.
_ROUNDING = 1e-9


@tool(
    group="post-processing",
    reference="Soille 2004, Morphological image analysis: area opening, doi 10.1007/978-3-662-05088-0",
    title="Remove small parts",
)
def remove_small(
    labels: Labels,
    *,
    volume: Annotated[float, Range(0, unit="mm3", log=True)] = 100.0,
    voxels: Annotated[int | None, Range(0)] = None,
    connectivity: _parts.Connectivity = "faces",
    work: Work = IDLE,
) -> Labels:
    """Drop connected parts that are smaller than a volume, label by label.

    Parameters
    ----------
    labels : Volume
        Label map. Voxels that nobody annotated ("unlabelled") stay as they are.
    volume : float
        Parts below it become background; one of exactly this volume stays. In a picture it is an area, in mm2.
    voxels : int, optional
        Number of voxels, in place of the volume.
    connectivity : {"faces", "edges", "corners"}
        What the voxels of one part share at least. In a picture, "edges" and "corners" both mean all eight neighbours.

    Returns
    -------
    Volume
        The same labels without the small parts.

    Raises
    ------
    InputError
        If no size of a voxel is known and `voxels` is not given.
    """
    if voxels is None and labels.space == "pixels":
        raise InputError(
            f"The voxels have no physical size, so that {volume:g} mm3 is no number of them. Give voxels=... instead."
        )
    least = float(voxels) if voxels is not None else volume / labels.voxel_volume * (1 - _ROUNDING)
    out = spatial(labels).copy()
    values = _parts.structures(labels)
    for index, (value, box, mask) in enumerate(_parts.masks(labels, values)):
        numbers, counts = _parts.parts(mask, connectivity)
        is_small = np.append(False, counts < least)
        out[box][is_small[numbers]] = 0
        work.tell((index + 1) / len(values), f"label {value}")
    return labels.with_data(out)
