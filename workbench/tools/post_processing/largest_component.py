"""The largest part of label maps."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.evaluation.overlap import spatial
from workbench.tools import _parts
from workbench.tools.catalogue import tool
from workbench.tools.ports import Labels
from workbench.work import IDLE, Work


@tool(
    group="post-processing",
    reference="Rosenfeld and Pfaltz 1966, Sequential operations in picture processing, doi 10.1145/321356.321357",
)
def largest_component(
    labels: Labels,
    *,
    of: Literal["each label", "all labels"] = "each label",
    connectivity: _parts.Connectivity = "faces",
    work: Work = IDLE,
) -> Labels:
    """Keep the largest connected part of each label, or of all labels together.

    Parameters
    ----------
    labels : Volume
        Label map. Voxels that nobody annotated ("unlabelled") stay as they are.
    of : {"each label", "all labels"}
        Whether every label keeps its largest part, or what is no background is taken as one and keeps its largest part,
        whatever labels that has.
    connectivity : {"faces", "edges", "corners"}
        What the voxels of one part share at least. In a picture, "edges" and "corners" both mean all eight neighbours.

    Returns
    -------
    Volume
        The same labels; the other parts are background. Of parts of one size the first stays, in the order of the axes.
    """
    array = spatial(labels)
    values = _parts.structures(labels)
    if of == "all labels":
        inside = np.isin(array, values)
        stays = _largest(inside, connectivity)
        work.tell(1.0)
        return labels.with_data(np.where(inside & ~stays, 0, array).astype(array.dtype))
    out = array.copy()
    for index, (value, box, mask) in enumerate(_parts.masks(labels, values)):
        out[box][mask & ~_largest(mask, connectivity)] = 0
        work.tell((index + 1) / len(values), f"label {value}")
    return labels.with_data(out)


def _largest(mask: NDArray[np.bool_], connectivity: _parts.Connectivity) -> NDArray[np.bool_]:
    numbers, counts = _parts.parts(mask, connectivity)
    return np.asarray(numbers == counts.argmax() + 1 if len(counts) else mask)
