"""Stain normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.signatures import Range
from workbench.tools.catalogue import tool
from workbench.tools.ports import Port
from workbench.volume import Volume

Picture: TypeAlias = Annotated[Volume, Port("image", ndim=2, channels=3)]

#: Optical densities (red, green, blue) of hematoxylin and eosin, and the concentration that 1 % of the pixels exceed:
#: those of the Matlab implementation by Veta (2013), which others use as well.
_STAINS = np.array([[0.5626, 0.2159], [0.7201, 0.8012], [0.4062, 0.5581]])
_STRONGEST = np.array([1.9705, 1.0308])
#: Fewer stained pixels say nothing about a stain.
_LEAST_SHARE, _FEWEST = 0.01, 10
#: Two stains whose directions differ by less (in radians) are one.
_LEAST_ANGLE = 0.02


@dataclass(frozen=True)
class _Look:
    """The stains of a picture: densities [3, 2], and the concentrations [2] that are nearly the strongest."""

    stains: NDArray[np.float64]
    strongest: NDArray[np.float64]


@tool(
    group="colour",
    reference="Macenko et al. 2009, A method for normalizing histology slides, doi 10.1109/ISBI.2009.5193250",
    title="Macenko stain normalisation",
)
def macenko(
    image: Picture,
    like: Picture | None = None,
    *,
    light: Annotated[float, Range(1, 255)] = 240.0,
    threshold: Annotated[float, Range(0, 2)] = 0.15,
    percentile: Annotated[float, Range(above=0, below=50, unit="%")] = 1.0,
) -> Picture:
    """Give a picture of stained tissue the colours of another, or of a standard.

    A picture in which fewer than one pixel in a hundred is stained, or with one stain alone, is returned as it is, with
    a note that says so.

    Parameters
    ----------
    image : Volume
        Picture in red, green and blue, 8 bits each, of tissue stained with hematoxylin and eosin.
    like : Volume, optional
        The picture whose colours are wanted. By default those that most other implementations use.
    light : float
        Brightness of the picture where there is no tissue.
    threshold : float
        Pixels with less optical density in a colour (natural logarithm) are taken for background, and say nothing.
    percentile : float
        How many of the pixels lie beyond the directions that are taken for the stains, and as many beyond the strongest
        concentration: robust against single odd pixels.

    Returns
    -------
    Volume
        Picture of the same type.

    Raises
    ------
    InputError
        If a picture has not 8 bits, or there are no stains in the one that is to be the example.
    """
    densities = _densities(image, light)
    look = _look(densities, threshold, percentile)
    if isinstance(look, str):
        return image.with_meaning(notes=(*image.notes, f"the colours were not normalised: {look}"))
    wanted: _Look | str = _Look(_STAINS, _STRONGEST)
    if like is not None:
        wanted = _look(_densities(like, light), threshold, percentile)
    if isinstance(wanted, str):
        raise InputError(f"The picture that is to be the example cannot be one: {wanted}. Give another as `like`.")
    amounts = _amounts(look.stains, densities) * (wanted.strongest / look.strongest)[:, np.newaxis]
    colours = light * np.exp(-(wanted.stains @ amounts))
    return image.with_data(np.clip(np.rint(colours.T.reshape(image.shape)), 0, 255).astype(np.uint8))


def _densities(image: Volume, light: float) -> NDArray[np.float64]:
    """Return the optical densities [3, pixels] of a picture."""
    if image.dtype != np.uint8:
        raise InputError(
            f"macenko takes pictures of 8 bits (0 to 255), got {image.dtype}. Scale the values and convert them first."
        )
    # black has no finite density: it is taken for nearly black
    return np.asarray(-np.log(np.maximum(image.data.reshape(-1, 3).T, 1) / light))


def _look(densities: NDArray[np.float64], threshold: float, percentile: float) -> _Look | str:
    """Return the stains, or why there are none."""
    stained = densities[:, (densities >= threshold).all(axis=0)]
    if stained.shape[1] < max(_LEAST_SHARE * densities.shape[1], _FEWEST):
        return f"{stained.shape[1]} of {densities.shape[1]} pixels are stained, which is too few"
    # the plane of the two directions that hold most of the densities
    plane = np.linalg.eigh(stained @ stained.T)[1][:, [2, 1]]
    plane[:, 0] *= np.sign(plane[:, 0].sum())
    angles = np.arctan2(*(plane.T @ stained)[::-1])
    ends = np.percentile(angles, [percentile, 100 - percentile])
    if np.ptp(ends) < _LEAST_ANGLE:
        return "there is one stain alone"
    stains = plane @ np.stack([np.cos(ends), np.sin(ends)])
    # hematoxylin takes more of the red
    stains = stains[:, np.argsort(-stains[0])]
    strongest = np.percentile(_amounts(stains, densities), 100 - percentile, axis=1)
    if (strongest <= 0).any():
        return "there is one stain alone"
    return _Look(stains, strongest)


def _amounts(stains: NDArray[np.float64], densities: NDArray[np.float64]) -> NDArray[Any]:
    """Return how much of each stain [2, pixels] there is."""
    return np.linalg.lstsq(stains, densities, rcond=None)[0]
