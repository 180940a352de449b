"""Distances to a structure."""

from __future__ import annotations

import numpy as np

from workbench._geometry import has_shear
from workbench.errors import InputError
from workbench.evaluation.overlap import spatial
from workbench.tools import _parts
from workbench.tools.catalogue import tool
from workbench.tools.ports import Image, Labels

_SHEARED = "the axes are not at right angles: distances were measured as if they were, and are not exact"


@tool(
    group="measuring",
    reference="Maurer et al. 2003, A linear time algorithm for computing exact Euclidean distance transforms, "
    "doi 10.1109/TPAMI.2003.1177156",
)
def distance_map(labels: Labels, *, label: int | None = None, signed: bool = False) -> Image:
    """Measure how far each voxel is from a structure.

    Distances are those of the centres of voxels, exact for voxels of any size. On a grid with sheared axes they are
    not, and the result has a note that says so.

    Parameters
    ----------
    labels : Volume
        Label map.
    label : int, optional
        The structure; by default everything that has a label. Voxels that nobody annotated ("unlabelled") have none.
    signed : bool
        Whether voxels inside get minus the distance to the nearest voxel outside. Otherwise they get 0.

    Returns
    -------
    Volume
        float32, in mm; in pixels where no size of a pixel is known.

    Raises
    ------
    InputError
        If there is no such structure, or, where the sign is wanted, nothing outside of it.
    """
    from scipy.ndimage import distance_transform_edt

    present = _parts.structures(labels)
    wanted = present if label is None else [label]
    inside = np.isin(spatial(labels), wanted)
    if not inside.any():
        what = "no label" if label is None else f"no voxel of label {label}"
        raise InputError(
            f"There is {what} in the map, and nothing to measure from. Labels that are there: "
            f"{', '.join(map(str, present)) or 'none'}."
        )
    if signed and inside.all():
        raise InputError("Every voxel belongs to the structure, and none lies outside to measure from. Pad it first.")
    distance = distance_transform_edt(~inside, sampling=labels.spacing)
    if signed:
        distance -= distance_transform_edt(inside, sampling=labels.spacing)
    unit = "px" if labels.space == "pixels" else "mm"
    made = labels.with_data(distance.astype(np.float32), kind="image", unit=unit)
    return made.with_meaning(notes=(*made.notes, _SHEARED)) if has_shear(labels.affine) else made
