"""From a volume of any grid to the array a network takes, and from the network's grid back onto the volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import _geometry
from workbench.errors import InputError, check_keywords, choose
from workbench.transforms.intensity import INVERT, check_intensity, normalize, upright_if
from workbench.volume import Volume

Array = NDArray[Any]

_DEFAULTS: dict[str, Any] = {
    "invert": "never",
    "orientation": None,
    "spacing": None,
    "intensity": {},
    "size": None,
    "fit": "resize",
    "divisible_by": 1,
}


class Preprocess:
    """What is done to a volume before a network sees it, as plain data.

    The steps, in this order: turn dark to bright, turn the axes, resample, normalise the intensities, bring to a fixed
    size, pad with zeros to a multiple. Each may be left out.

    Parameters
    ----------
    spec : mapping, optional
        ``invert``: "if-inverted" turns images whose high values are meant to look dark (MONOCHROME1, see
        `Volume.upright`), so that all images of a data set look alike; "never" takes the values as stored.
        ``orientation``: code such as "RAS" ("IPL" for pictures: the order that leaves ordinary ones as they are), None
        leaves the axes. ``spacing``: mm per axis. ``intensity``: see `check_intensity`. ``size``: voxels per axis, and
        ``fit``: how to get there, "resize" (interpolate) or "pad-crop" (around the centre). ``divisible_by``: pad to
        multiples of this many voxels, equally at both ends.
    **options
        The same by keyword.

    Examples
    --------
    >>> import numpy as np
    >>> prepared = Preprocess(orientation="RAS", divisible_by=8).apply(Volume(np.eye(12)[:, :, None] * np.ones(20)))
    >>> prepared.array.shape
    (1, 16, 16, 24)
    >>> prepared.restore(prepared.array[0]).shape
    (12, 12, 20)
    """

    def __init__(self, spec: Mapping[str, Any] | None = None, **options: Any) -> None:
        given = {**(spec or {}), **options}
        check_keywords(given, _DEFAULTS, "The preprocessing")
        full = _DEFAULTS | given
        self.invert = choose(full["invert"], INVERT, "way to invert")
        self.orientation: str | None = full["orientation"]
        self.spacing = _positive(full["spacing"], float, "spacing")
        self.size = _positive(full["size"], int, "size")
        self.fit = choose(full["fit"], ("resize", "pad-crop"), "way to a fixed size")
        self.intensity = check_intensity(full["intensity"])
        if not isinstance(full["divisible_by"], Integral) or full["divisible_by"] < 1:
            raise InputError(f"`divisible_by` is a whole number of voxels, at least 1, got {full['divisible_by']!r}.")
        self.divisible_by = int(full["divisible_by"])

    @property
    def spec(self) -> dict[str, Any]:
        """The whole specification as JSON-able data; ``Preprocess(spec)`` makes the same again."""
        return {
            "invert": self.invert,
            "orientation": self.orientation,
            "spacing": None if self.spacing is None else list(self.spacing),
            "intensity": dict(self.intensity),
            "size": None if self.size is None else list(self.size),
            "fit": self.fit,
            "divisible_by": self.divisible_by,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Preprocess) and self.spec == other.spec

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        changed = {name: value for name, value in self.spec.items() if value != _DEFAULTS[name] and name != "intensity"}
        changed["intensity"] = self.intensity["kind"]
        return f"<Preprocess {', '.join(f'{name}={value}' for name, value in changed.items())}>"

    def apply(self, volume: Volume) -> Prepared:
        """Prepare an image.

        Parameters
        ----------
        volume : Volume
            Voxels that are not finite, or that float32 cannot hold, are given the lowest finite value, as those
            outside of a scanner's field of view are; their number is in the result's ``notes``.

        Returns
        -------
        Prepared
            The network's input, with the way back to the grid of `volume`.

        Raises
        ------
        InputError
            If `volume` is not a Volume, or has no finite voxel.
        """
        _check_volume(volume)
        volume = upright_if(volume, self.invert)
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is dealt with below
            values = volume.data.astype(np.float32)
        data, notes = _finite(values)
        image = volume.with_data(data, kind="image")
        turned = self._turn(image)
        sampled = self._sampling_grid(turned)
        if sampled is not turned:
            turned = _smoothed(turned, sampled).resample_like(sampled, order=1)
        array = normalize(np.ascontiguousarray(turned.channels_first()), self.intensity)
        low, high = self._margins(sampled.spatial_shape)
        array = _pad_crop(array, low, high)
        return Prepared(
            array, _geometry.shifted(sampled.affine, [-n for n in low]), _geometry_of(volume), sampled is turned, notes
        )

    def apply_labels(self, volume: Volume) -> NDArray[np.int64]:
        """Bring a label volume onto the network's grid: array [*spatial], int64; what is added is 0.

        Raises
        ------
        InputError
            If `volume` is not a Volume of labels.
        """
        _check_volume(volume)
        if volume.kind != "labels":
            raise InputError(f"Expected a volume of labels, got kind {volume.kind!r}. Read it with kind='labels'.")
        turned = self._turn(volume)
        sampled = self._sampling_grid(turned)
        if sampled is not turned:
            turned = turned.resample_like(sampled, order=0)
        low, high = self._margins(sampled.spatial_shape)
        return np.asarray(_pad_crop(turned.channels_first()[:1], low, high)[0], np.int64)

    def _turn(self, volume: Volume) -> Volume:
        return volume if self.orientation is None else volume.reorient(self.orientation)

    def _sampling_grid(self, volume: Volume) -> Volume:
        """Return the grid before padding: `volume` itself where nothing has to be interpolated."""
        ndim, shape = volume.spatial_ndim, volume.spatial_shape
        spacing = _per_axis(self.spacing, ndim, "spacing")
        new = shape
        if spacing is not None:
            new = tuple(
                max(1, round(n * had / want)) for n, had, want in zip(shape, volume.spacing, spacing, strict=True)
            )
        size = _per_axis(self.size, ndim, "size")
        if size is not None and self.fit == "resize":
            new = size
        if new == shape and (spacing is None or np.allclose(spacing, volume.spacing, rtol=1e-3)):
            return volume
        if spacing is None or (self.fit == "resize" and size is not None):
            ratio = np.array(shape) / np.array(new)
        else:
            ratio = np.array(spacing) / np.array(volume.spacing)
        return _scaled_grid(volume, ratio, new)

    def _margins(self, shape: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the voxels to add (negative: to cut) at the beginning and at the end of each axis."""
        size = _per_axis(self.size, len(shape), "size")
        wanted = size if size is not None and self.fit == "pad-crop" else shape
        extra = [-(-w // self.divisible_by) * self.divisible_by - n for w, n in zip(wanted, shape, strict=True)]
        return [e // 2 for e in extra], [e - e // 2 for e in extra]


@dataclass(frozen=True)
class Prepared:
    """A volume as a network sees it.

    Parameters
    ----------
    array : array [c, *spatial], float32
        Network input of one sample.
    affine : array [4, 4]
        Network grid to RAS mm.
    source : Volume
        Grid of the volume it was made from; its voxels are not kept.
    exact : bool
        Whether the way back needs no interpolation.
    notes : tuple of str
        What was done beyond the specification.
    """

    array: NDArray[np.float32]
    affine: NDArray[np.float64]
    source: Volume
    exact: bool
    notes: tuple[str, ...] = ()

    @property
    def batch(self) -> NDArray[np.float32]:
        """The network input with a batch axis: [1, c, *spatial]."""
        return self.array[np.newaxis]

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Shape of the network's grid."""
        return self.array.shape[1:]

    @property
    def grid(self) -> Volume:
        """The network's grid as a Volume without values (all voxels are 0)."""
        return _empty(self.affine, self.spatial_shape)

    def grid_of(self, shape: Sequence[int]) -> Volume:
        """Return a grid of `shape` over the field of view of the network's input, such as that of a feature map."""
        if tuple(shape) == self.spatial_shape:
            return self.grid
        return _scaled_grid(self.grid, np.array(self.spatial_shape) / np.array(shape), tuple(shape))

    def restore(self, array: Array, *, kind: str = "scores", order: int | None = None, **meaning: Any) -> Volume:
        """Put an array from the network's side onto the grid of the volume that was prepared.

        Parameters
        ----------
        array : array [*spatial] or [c, *spatial]
            Values on the network's grid, or on a coarser or finer one over the same field of view.
        kind : {"scores", "labels", "image"}
            What the values are; labels are not interpolated.
        order : int, optional
            Order of interpolation; default 0 for labels, 1 otherwise.
        **meaning
            ``channels``, ``labels``, ``unit`` of the result.

        Returns
        -------
        Volume
            Voxels that the network did not see are 0.
        """
        ndim = self.source.spatial_ndim
        if array.ndim not in {ndim, ndim + 1}:
            raise InputError(
                f"A map to restore is [*spatial] or [c, *spatial] with {ndim} spatial axes, got {array.shape}."
            )
        channels_first = array if array.ndim > ndim else array[np.newaxis]
        affine = self.grid_of(channels_first.shape[1:]).affine
        meaning = {"space": self.source.space, **meaning}
        volume = Volume.from_channels_first(channels_first, affine, kind=kind, **meaning)
        restored = volume.resample_like(self.source, order=order)
        if np.array_equal(restored.affine, self.source.affine):
            return restored
        # equal up to rounding; the caller gets back the very affine that was handed in
        return Volume(restored.data, self.source.affine, axes=restored.axes, kind=kind, **meaning)


def _scaled_grid(grid: Volume, ratio: Array, shape: Sequence[int]) -> Volume:
    # same centre: for the ratio of the shapes, that is the same field of view
    return _empty(_geometry.rescaled(grid.affine, grid.spatial_shape, shape, ratio.tolist()), shape)


def _empty(affine: Array, shape: Sequence[int], space: str | None = None) -> Volume:
    def voxels() -> Array:
        return np.zeros(shape, np.uint8)

    axes = ("i", "j", "k")[: len(shape)]
    return Volume(voxels, affine, shape=shape, dtype=np.uint8, axes=axes, space=space)


def _geometry_of(volume: Volume) -> Volume:
    return _empty(volume.affine, volume.spatial_shape, volume.space)


def _pad_crop(array: Array, low: Sequence[int], high: Sequence[int]) -> Array:
    cut = tuple(slice(max(0, -a), n - max(0, -b)) for n, a, b in zip(array.shape[1:], low, high, strict=True))
    width = [(0, 0), *((max(0, a), max(0, b)) for a, b in zip(low, high, strict=True))]
    return np.ascontiguousarray(np.pad(array[(slice(None), *cut)], width))


def _smoothed(volume: Volume, grid: Volume) -> Volume:
    """Blur before making voxels larger, so that fine structure does not turn into false coarse structure."""
    ratio = np.array(grid.spacing) / np.array(volume.spacing)
    # wider than the volume blurs no more, but takes time without bound where a header gives an absurd voxel size
    sigma = np.clip((ratio - 1) / 2, 0, volume.spatial_shape)
    if sigma.max() < 0.1:
        return volume
    from scipy import ndimage

    across = [*sigma, *([0] if "c" in volume.axes else [])]
    return volume.with_data(ndimage.gaussian_filter(volume.data, across, mode="nearest"))


def _check_volume(volume: object) -> None:
    if not isinstance(volume, Volume):
        shape = f" of shape {volume.shape}" if isinstance(volume, np.ndarray) else ""
        raise InputError(
            f"What is prepared for a network is a Volume, got {type(volume).__name__}{shape}. Make one of an array "
            "with `wb.Volume(array, affine)`, or read a file with `wb.read(path)`."
        )


def _finite(data: Array) -> tuple[Array, tuple[str, ...]]:
    bad = ~np.isfinite(data)
    count = int(bad.sum())
    if not count:
        return data, ()
    if count == data.size:
        raise InputError(
            f"A volume needs voxels of finite value, but none of its {count} has one (NaN, infinity, or beyond what "
            "float32 holds). Check the file, or rescale the values."
        )
    data[bad] = data[~bad].min()
    return data, (f"{count} voxels that are not finite were given the lowest value, {data[bad][0]:g}.",)


def _positive(value: Any, kind: type, what: str) -> tuple[Any, ...] | None:
    if value is None:
        return None
    values = tuple(value) if isinstance(value, list | tuple | np.ndarray) else (value,)
    try:
        numbers = tuple(kind(v) for v in values)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or not all(n > 0 and np.isfinite(n) for n in numbers):
        raise InputError(f"The {what} is one number above 0 or one per axis, got {value!r}.")
    return numbers


def _per_axis(values: tuple[Any, ...] | None, ndim: int, what: str) -> tuple[Any, ...] | None:
    if values is None:
        return None
    if len(values) == 1:
        return values * ndim
    if len(values) != ndim:
        raise InputError(f"The {what} {list(values)} has {len(values)} axes, the volume has {ndim}.")
    return values
