"""Resampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from workbench.errors import InputError
from workbench.signatures import PER_AXIS, Range
from workbench.tools.catalogue import tool
from workbench.tools.ports import Port
from workbench.volume import Volume


@tool(
    group="geometry",
    reference="Lehmann et al. 1999, Survey: interpolation methods in medical image processing, doi 10.1109/42.816070",
)
def resample(
    volume: Volume,
    like: Volume | None = None,
    *,
    spacing: Annotated[float | Sequence[float] | None, Range(above=0, unit="mm"), PER_AXIS] = None,
    order: Annotated[int | None, Range(0, 5)] = None,
    fill: float = 0.0,
) -> Annotated[Volume, Port("volume", grid="new")]:
    """Interpolate onto voxels of another size, or onto the grid of another volume.

    Parameters
    ----------
    volume : Volume
        Of any kind.
    like : Volume, optional
        The volume whose grid is wanted.
    spacing : float or sequence of float, optional
        The size of voxels that is wanted, over the same field of view.
    order : int, optional
        0 nearest, 1 linear, 2 to 5 spline. By default 0 for labels, which are never mixed, and 1 otherwise.
    fill : float
        Value of voxels outside of the volume, where `like` reaches beyond it.

    Returns
    -------
    Volume
        Of the same kind and type.

    Raises
    ------
    InputError
        If both `like` and `spacing` are given, or neither; or labels are to be mixed.
    """
    if like is not None and spacing is None:
        return volume.resample_like(like, order=order, fill=fill)
    if spacing is not None and like is None:
        return volume.resample(spacing, order=order)
    raise InputError(
        "resample takes either the spacing that is wanted or the volume whose grid is wanted, got "
        f"{'neither' if like is None else 'both'}. Give one: spacing=1.0, or like=volume."
    )
