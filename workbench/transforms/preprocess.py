"""From a volume of any grid to what a network takes, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import _geometry
from workbench._arrays import Array
from workbench.errors import InputError
from workbench.parameters import Parameter, by_name, check_values
from workbench.transforms._sampling import Sampler
from workbench.transforms.axes import as_tuple, per_axis
from workbench.transforms.intensity import INVERT, check_intensity, measure, upright_if
from workbench.transforms.prepared import Prepared, empty, scaled_grid
from workbench.volume import Volume

#: What a preprocessing may say; `intensity` has parameters of its own.
PARAMETERS = by_name(
    Parameter("invert", "choice", "never", "Whether images that are meant to look dark are turned.", choices=INVERT),
    Parameter("orientation", "text", None, "Code that the axes are turned to, such as RAS; or reversed."),
    Parameter("spacing", "number", None, "Voxel size that is resampled to.", above=0, unit="mm", per_axis=True),
    Parameter("intensity", "any", {}, "How intensities are normalised."),
    Parameter("size", "integer", None, "Size that is brought to.", low=1, unit="voxels", per_axis=True),
    Parameter("fit", "choice", "resize", "How it is brought to that size.", choices=("resize", "pad-crop")),
    Parameter("divisible_by", "integer", 1, "Padded to multiples of this.", low=1, unit="voxels"),
)


#: Of the axes: in the order in which SimpleITK gives an array of an image, the last one first; none is flipped.
REVERSED = "reversed"


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
        leaves the axes, "reversed" takes the last one first and flips none (as SimpleITK's arrays are).
        ``spacing``: mm per axis. ``intensity``: see `check_intensity`. ``size``: voxels per axis, and ``fit``: how to
        get there, "resize" (interpolate) or "pad-crop" (around the centre). ``divisible_by``: pad to multiples of this
        many voxels, equally at both ends.
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
        full = check_values(PARAMETERS, {**(spec or {}), **options}, "The preprocessing")
        self.invert: str = full["invert"]
        code = full["orientation"]
        self.orientation: str | None = code if code in (None, REVERSED) else _geometry.check_code(code)
        spacing = as_tuple(full["spacing"])
        self.spacing = None if spacing is None else tuple(map(float, spacing))
        self.size = as_tuple(full["size"])
        self.fit: str = full["fit"]
        self.intensity = check_intensity(full["intensity"])
        self.divisible_by: int = full["divisible_by"]

    def check_axes(self, ndim: int) -> None:
        """Check that what is given axis by axis is given for each of `ndim` axes.

        Raises
        ------
        InputError
            If spacing or size have another number of axes.
        """
        per_axis(self.spacing, ndim, "spacing")
        per_axis(self.size, ndim, "size")

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
        named = {name: value for name, value in self.spec.items() if name != "intensity"}
        changed = {name: value for name, value in named.items() if value != PARAMETERS[name].default}
        changed["intensity"] = self.intensity["kind"]
        return f"<Preprocess {', '.join(f'{name}={value}' for name, value in changed.items())}>"

    def apply(self, volume: Volume, *, at_least: int = 1) -> Prepared:
        """Prepare an image.

        Parameters
        ----------
        volume : Volume
            Voxels that are not finite, or that float32 cannot hold, are given the lowest finite value, as those
            outside of a scanner's field of view are; their number is in the result's ``notes``.
        at_least : int
            The smallest size that the network takes: a thinner volume gets a margin of zeros.

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
        turned = self._turn(upright_if(volume, self.invert))
        sampled = self._sampling_grid(turned)
        sampler = Sampler(turned, sampled)
        low, high = self._margins(sampled.spatial_shape, at_least)
        return Prepared(
            sampler,
            measure(self.intensity, sampler.slabs),
            _geometry.shifted(sampled.affine, [-n for n in low]),
            low,
            high,
            empty(volume.affine, volume.spatial_shape, volume.space),
            exact=sampled is turned,
            unit=volume.unit,
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
        if self.orientation is None:
            return volume
        return volume.reorient(volume.orientation[::-1] if self.orientation == REVERSED else self.orientation)

    def _sampling_grid(self, volume: Volume) -> Volume:
        """Return the grid before padding: `volume` itself where nothing has to be interpolated."""
        ndim, shape = volume.spatial_ndim, volume.spatial_shape
        spacing = per_axis(self.spacing, ndim, "spacing")
        new = shape
        if spacing is not None:
            new = tuple(
                max(1, round(n * had / want)) for n, had, want in zip(shape, volume.spacing, spacing, strict=True)
            )
        size = per_axis(self.size, ndim, "size")
        if size is not None and self.fit == "resize":
            new = size
        if new == shape and (spacing is None or np.allclose(spacing, volume.spacing, rtol=1e-3)):
            return volume
        if spacing is None or (self.fit == "resize" and size is not None):
            ratio = np.array(shape) / np.array(new)
        else:
            ratio = np.array(spacing) / np.array(volume.spacing)
        return scaled_grid(volume, ratio, new)

    def _margins(self, shape: Sequence[int], at_least: int = 1) -> tuple[list[int], list[int]]:
        """Return the voxels to add (negative: to cut) at the beginning and at the end of each axis."""
        size = per_axis(self.size, len(shape), "size")
        wanted = size if size is not None and self.fit == "pad-crop" else shape
        step = self.divisible_by
        extra = [-(-max(w, at_least) // step) * step - n for w, n in zip(wanted, shape, strict=True)]
        return [e // 2 for e in extra], [e - e // 2 for e in extra]


def _pad_crop(array: Array, low: Sequence[int], high: Sequence[int]) -> Array:
    cut = tuple(slice(max(0, -a), n - max(0, -b)) for n, a, b in zip(array.shape[1:], low, high, strict=True))
    width = [(0, 0), *((max(0, a), max(0, b)) for a, b in zip(low, high, strict=True))]
    return np.ascontiguousarray(np.pad(array[(slice(None), *cut)], width))


def _check_volume(volume: object) -> None:
    if not isinstance(volume, Volume):
        shape = f" of shape {volume.shape}" if isinstance(volume, np.ndarray) else ""
        raise InputError(
            f"What is prepared for a network is a Volume, got {type(volume).__name__}{shape}. Make one of an array "
            "with `wb.Volume(array, affine)`, or read a file with `wb.read(path)`."
        )
