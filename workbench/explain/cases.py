"""Other cases that an input is compared with: told in a map's options by their fingerprints, laid onto its grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.volume import Volume

#: Says of plain data that it stands for a Volume.
_KIND = "case"


class Case(dict[str, Any]):
    """Another case among the options of a method: its Volume, and as data its fingerprint and shape alone.

    A map that is stored tells which case it was compared with and holds no picture of another patient; what is to be
    run elsewhere (`Request.save`) takes the Volume along.
    """

    volume: Volume

    @classmethod
    def of(cls, volume: Volume) -> Case:
        """Return what stands for a Volume."""
        made = cls(kind=_KIND, fingerprint=volume.fingerprint(), shape=list(volume.shape))
        made.volume = volume
        return made

    def __repr__(self) -> str:
        return f"<Case {'x'.join(map(str, self['shape']))}, {self['fingerprint'][:8]}>"


def checked(value: Any, owner: str, name: str) -> Case:
    """Return the case that a value is.

    Raises
    ------
    InputError
        If it is no Volume, or what a stored map tells of one.
    """
    if isinstance(value, Case):
        return value
    if isinstance(value, Volume):
        return Case.of(value)
    raise InputError(
        f"{owner}: {name} must be a Volume to be another case, got what a stored map tells of one (fingerprint "
        f"{str(value.get('fingerprint'))[:8]}). Read that case again and give it."
    )


def is_case(value: Any) -> bool:
    """Tell whether a value is another case, or what a stored map tells of one."""
    return isinstance(value, Volume) or (isinstance(value, Mapping) and value.get("kind") == _KIND)


def cases_in(options: Mapping[str, Any]) -> list[Case]:
    """Return the cases among options, in order."""
    parts = (part for value in options.values() for part in (value if isinstance(value, list) else [value]))
    return [part for part in parts if isinstance(part, Case)]


def mapped(options: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Return options with what `change` makes of each case among them."""

    def one(value: Any) -> Any:
        return change(value) if is_case(value) else value

    return {name: [one(part) for part in value] if isinstance(value, list) else one(value)
            for name, value in options.items()}  # fmt: skip


def laid(model: Any, volume: Volume, grid: Volume, channels: int) -> tuple[Array, float]:
    """Return another case as the network sees it, on the grid of the input, and how much of that grid it covers.

    It is prepared as an input is, and laid centre on centre: scanners put patients anywhere, so places in mm say
    nothing across cases. One that is registered to the input should be brought onto its grid first
    (``other.resample_like(volume)``): then it stays where it is. What it does not cover is 0, as the network's padding.

    Parameters
    ----------
    model : Model
    volume : Volume
    grid : Volume
        The grid of the network's input.
    channels : int
        Those of the network's input.

    Returns
    -------
    image : ndarray
        ``[channels, *spatial]`` float32.
    covered : float
        Share of the grid, 0 to 1.

    Raises
    ------
    InputError
        If it has other channels or axes than the input, or holds what is not finite.
    """
    if volume.spatial_ndim != grid.spatial_ndim:
        raise InputError(
            f"Another case as a baseline: it must have {grid.spatial_ndim} spatial axes as the input, got {volume!r}."
        )
    prepared = model.prepare(volume)
    array, own = np.asarray(prepared.array, np.float32), prepared.grid
    if len(array) != channels:
        raise InputError(
            f"Another case as a baseline: it must have the input's {channels} channels, got {len(array)}. Give a case "
            "of the same modality."
        )
    if not np.isfinite(array).all():
        raise InputError(f"Another case as a baseline: its values must be finite, got others in {volume!r}.")
    affine = np.array(own.affine)
    affine[:3, 3] += _centre(grid) - _centre(own)
    if array.shape[1:] == grid.spatial_shape and np.allclose(affine, grid.affine, atol=1e-6):
        return array, 1.0
    image = Volume.from_channels_first(array, affine).resample_like(grid, order=1).channels_first()
    there = Volume(np.ones(own.spatial_shape, np.uint8), affine).resample_like(grid, order=0)
    return np.ascontiguousarray(image, np.float32), float(np.mean(there.data))


def _centre(grid: Volume) -> Array:
    return np.asarray(grid.to_world((np.array(grid.spatial_shape) - 1) / 2))
