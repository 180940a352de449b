"""Volume: an array, where its voxels lie in the body, and what its values mean."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench import _checks, _cropping, _geometry, _resampling
from workbench._arrays import Array
from workbench._words import size, voxels
from workbench.errors import FileError, InputError, check_keywords, choose
from workbench.grid import Grid, Spacing
from workbench.signatures import checked_class

KINDS = ("image", "labels", "scores")
#: What the millimetres of an affine are of: a patient, some other thing, or nothing (a size nobody stated).
SPACES = ("patient", "object", "pixels")
#: A label map that gives this value this name has voxels that nobody annotated: not to be learnt from, nor scored.
UNLABELLED, UNLABELLED_NAME = 255, "unlabelled"


@checked_class("Volume")
class Volume:
    """A medical image: voxels, affine, meaning.

    Parameters
    ----------
    data : array [i, j], [i, j, c], [i, j, k] or [i, j, k, c], or callable
        Voxels, or a function without arguments that returns them; then `shape` and `dtype` must be given, and the
        voxels are loaded when ``.data`` is first used. They are kept in the byte order of the machine.
    affine : array [4, 4], optional
        Maps voxel indices to RAS millimetres (for a picture, the third column is its normal). Without one, a 3D array
        has RAS axes and 1 mm voxels; a picture has 1 mm pixels, rows running to the back and columns to the left.
    space : {"patient", "object", "pixels"}, optional
        What the affine's millimetres are of. ``"patient"``: its axes are those of a patient, and viewers write R, L, A,
        P, S and I at the edges. ``"object"``: sizes are known, and there is no patient to have a right and a left
        (microscopy, a photograph with a scale). ``"pixels"``: no size is known, and 1 mm stands for a voxel. By default
        ``"patient"``, but ``"pixels"`` for a picture without an affine.
    kind : {"image", "labels", "scores"}
        What the values are. Labels are integers and are never interpolated.
    axes : tuple of str, optional
        Names of the axes, channels last. Told from the number of axes when absent (three axes mean i, j, k).
    channels : sequence of str, optional
        Name of each channel.
    labels : mapping of int to str, optional
        Name of each label value. 255 named "unlabelled" marks voxels that nobody annotated.
    unit : str
        Unit of the values: "HU", "a.u." or "".
    source : path, optional
        File or folder that the voxels came from.
    notes : iterable of str
        What a careful reader should know about the data: missing slices, gantry tilt, ...
    inverted : bool
        Whether high values are meant to look dark (MONOCHROME1). The values are as stored; viewers draw them so.

    Examples
    --------
    >>> import numpy as np
    >>> volume = Volume(np.zeros((4, 5, 6), np.int16), np.diag([1, 1, 2.5, 1]), unit="HU")
    >>> volume
    <Volume image 4x5x6 int16, 1x1x2.5 mm RAS, HU, 240 bytes, loaded>
    >>> volume.resample(1.25).shape
    (3, 4, 12)
    """

    def __init__(
        self,
        data: ArrayLike | Callable[[], Array],
        affine: ArrayLike | None = None,
        *,
        kind: str = "image",
        axes: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        labels: Mapping[int, str] | Sequence[str] | None = None,
        unit: str = "",
        source: str | Path | None = None,
        notes: Iterable[str] = (),
        inverted: bool = False,
        space: str | None = None,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
    ) -> None:
        self.kind = choose(kind, KINDS, "kind of volume")
        self._loader: Callable[[], Array] | None = None
        self._data: Array | None = None
        if callable(data):
            if shape is None or dtype is None:
                raise InputError("A Volume whose data is loaded later needs both `shape=` and `dtype=` now.")
            self._loader = data
            self._shape, self._dtype = tuple(int(n) for n in shape), np.dtype(dtype).newbyteorder("=")
        else:
            self._data = _checks.as_kind(_checks.as_array(data, dtype), kind)
            self._shape, self._dtype = self._data.shape, self._data.dtype
        self.axes = _checks.check_axes(axes, self._shape)
        _checks.check_dtype(self._dtype, kind)
        unplaced = affine is None and self.spatial_ndim == 2
        self.space = choose(space or ("pixels" if unplaced else "patient"), SPACES, "space of a volume")
        if affine is None:
            affine = _geometry.PICTURE_AFFINE if self.spatial_ndim == 2 else np.eye(4)
        self._grid = Grid(affine, self.spatial_shape)
        self.channels = _checks.check_channels(channels, self.num_channels)
        self.labels = _checks.check_labels(labels)
        self.unit = str(unit)
        self.source = Path(source) if source is not None else None
        # a doubt of a reader is a string of its own kind, and stays one
        self.notes = tuple(note if isinstance(note, str) else str(note) for note in notes)
        self.inverted = bool(inverted)

    @classmethod
    def from_channels_first(cls, array: Array, affine: ArrayLike | None = None, **meaning: Any) -> Volume:
        """Make a Volume of an array [c, *spatial], as networks return it; one channel becomes no channel axis."""
        array = np.asarray(array)
        if array.ndim not in {3, 4}:
            what = f"A channels-first array is [c, i, j] or [c, i, j, k], got shape {array.shape}."
            raise InputError(f"{what} Add an axis of channels: array[None].")
        if len(array) == 1:
            return cls(array[0], affine, axes=_checks.AXES[0 if array.ndim == 3 else 2], **meaning)
        return cls(np.moveaxis(array, 0, -1), affine, axes=_checks.AXES[1 if array.ndim == 3 else 3], **meaning)

    @property
    def data(self) -> Array:
        """Voxels, indexed [i, j(, k)(, c)] as the affine maps them; loaded on first use."""
        if self._data is None:
            assert self._loader is not None
            try:
                data = _checks.as_kind(np.asarray(self._loader()), self.kind)
            except MemoryError:
                raise FileError(
                    f"Loading {self!r} needs {size(self.nbytes, digits=3)} of memory, which is not free."
                ) from None
            if data.shape != self._shape:
                raise FileError(f"The header promised voxels of shape {self._shape}, the data has {data.shape}.")
            self._data = data.astype(self._dtype, copy=False)
            self._note_labels()
            self._loader = None  # lets go of whatever the loader held
        return self._data

    def load(self) -> Volume:
        """Load the voxels now; returns the same Volume."""
        _ = self.data
        return self

    @property
    def is_loaded(self) -> bool:
        """Whether the voxels are in memory."""
        return self._data is not None

    @property
    def affine(self) -> _geometry.Affine:
        """Voxel indices to RAS mm, [4, 4] float64, read-only."""
        return self._grid.affine

    @property
    def grid(self) -> Grid:
        """Where the voxels lie, without them."""
        return self._grid

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis, the channel axis included."""
        return self._shape

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Length of the spatial axes."""
        return self._shape[: self.spatial_ndim]

    @property
    def spatial_ndim(self) -> int:
        """2 for a picture, 3 for a volume."""
        return len(self.axes) - ("c" in self.axes)

    @property
    def has_unlabelled(self) -> bool:
        """Whether this is a label map in which 255 means that nobody annotated the voxel."""
        return self.labels.get(UNLABELLED) == UNLABELLED_NAME

    @property
    def num_channels(self) -> int:
        """Length of the channel axis; 1 if there is none."""
        return self._shape[-1] if "c" in self.axes else 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self._dtype

    @property
    def nbytes(self) -> int:
        """Memory that the loaded voxels take."""
        return int(np.prod(self._shape, dtype=object)) * self._dtype.itemsize

    @property
    def spacing(self) -> tuple[float, ...]:
        """Millimetres between neighbouring voxels along each spatial axis."""
        return self._grid.spacing

    @property
    def voxel_volume(self) -> float:
        """Cubic millimetres that a voxel takes; in a picture, square millimetres that a pixel takes."""
        return _geometry.voxel_volume(self.affine, self.spatial_ndim)

    @property
    def orientation(self) -> str:
        """World direction nearest to each spatial axis, such as "RAS" or, for a picture, "PL"."""
        return self._grid.orientation

    def __repr__(self) -> str:
        facts = [
            f"{self.kind} {'x'.join(map(str, self.shape))} {self.dtype}",
            " ".join(voxels(self.spacing, self.orientation, self.space)) or "no physical size",
            f"{self.num_channels} channels" if "c" in self.axes else "",
            f"{len(self.labels)} named labels" if self.labels else "",
            self.unit,
            "inverted" if self.inverted else "",
            size(self.nbytes, digits=3),
            "loaded" if self.is_loaded else "not loaded",
            _checks.ending(self.source),
            f"{len(self.notes)} notes" if self.notes else "",
        ]
        return f"<Volume {', '.join(fact for fact in facts if fact)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.data, self._grid.affine, self._meaning())

    def with_data(self, array: ArrayLike, **meaning: Any) -> Volume:
        """Return a Volume with other values on the same grid.

        `array` is [*spatial_shape] or [*spatial_shape, c]; `meaning` gives ``kind``, ``channels``, ``labels``,
        ``unit``, ``inverted``, ``space`` or ``axes`` where they differ from this Volume's.
        """
        array = np.asarray(array)
        if array.shape[: self.spatial_ndim] != self.spatial_shape or array.ndim - self.spatial_ndim not in {0, 1}:
            what = f"The grid has shape {self.spatial_shape} (and maybe channels), got an array of shape {array.shape}."
            raise InputError(f"{what} For another grid make another Volume: wb.Volume(array, affine).")
        has_channels = array.ndim > self.spatial_ndim
        kept = self._meaning() | {"axes": _checks.AXES[2 * (self.spatial_ndim - 2) + has_channels]}
        if not has_channels or array.shape[-1] != self.num_channels:
            kept["channels"] = None
        if meaning.get("kind", self.kind) != self.kind:
            kept |= {"labels": None, "unit": "", "inverted": False}
        return Volume(array, self._grid.affine, **(kept | meaning))

    def with_meaning(self, **meaning: Any) -> Volume:
        """Return the same voxels with another ``kind``, ``channels``, ``labels``, ``unit``, ``notes``, ...

        Real numbers that become labels must be whole; this is checked when they are loaded.
        """
        check_keywords(
            meaning, ("kind", "channels", "labels", "unit", "notes", "source", "inverted", "space"), "with_meaning"
        )
        kept = self._meaning() | meaning
        if self._data is not None:
            made = Volume(self._data, self._grid.affine, **kept)
            if self.kind != "labels":
                made._note_labels()
            return made
        whole = kept["kind"] == "labels" and self._dtype.kind == "f"
        dtype = np.dtype(np.int32) if whole else self._dtype
        return Volume(lambda: self.data, self._grid.affine, shape=self._shape, dtype=dtype, **kept)

    def _note_labels(self) -> None:
        """Note what a careful reader should know about the values, where they became labels."""
        assert self._data is not None
        if self.kind == "labels" and (note := _checks.note_of_labels(self._data, self.labels)):
            self.notes = tuple(dict.fromkeys((*self.notes, note)))

    def upright(self) -> Volume:
        """Return values of which the high ones are meant to look bright.

        An inverted Volume (MONOCHROME1) has each value v replaced by (lowest + highest) - v, which keeps type and
        range; voxels that are not finite stay. Any other is returned as it is.
        """
        if not self.inverted:
            return self

        def turn(data: Array) -> Array:
            if data.dtype.kind == "b":
                return ~data
            finite = data[np.isfinite(data)] if data.dtype.kind == "f" else data
            if not finite.size:
                return data
            # whole numbers may not hold the sum of both ends, but their distance from one end does not leave the range
            return np.asarray(finite.min() + (finite.max() - data)).astype(data.dtype)

        return self._derive(turn, self._grid.affine, self._shape, inverted=False)

    def same_grid(self, other: Volume, tolerance: float = 1e-4) -> bool:
        """Tell whether both have the same spatial shape and no corner lies more than `tolerance` mm apart."""
        if not isinstance(other, Volume):
            raise InputError(
                f"same_grid takes another Volume (other), got {other!r}. Wrap it: wb.Volume(array, affine)."
            )
        return self._grid.same_place(other.grid, tolerance)

    def fingerprint(self) -> str:
        """Return the SHA-256 of values, type, shape and affine."""
        digest = hashlib.sha256(f"{self.dtype.newbyteorder('<').str}{self.shape}{self.axes}".encode())
        digest.update(np.ascontiguousarray(self._grid.affine + 0.0, dtype="<f8").tobytes())
        for part in self.data:  # one slab at a time: no second copy of the volume
            digest.update(np.ascontiguousarray(part, dtype=self.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()

    def channels_first(self) -> Array:
        """Return the values as [c, *spatial], as networks take them; a view where possible."""
        return np.moveaxis(self.data, -1, 0) if "c" in self.axes else self.data[np.newaxis]

    def to_world(self, ijk: ArrayLike) -> NDArray[np.float64]:
        """Map voxel indices [..., 3] ([..., 2] in a picture) to RAS mm [..., 3]."""
        return self._grid.to_world(ijk)

    def to_voxel(self, xyz: ArrayLike) -> NDArray[np.float64]:
        """Map RAS mm [..., 3] to (fractional) voxel indices [..., spatial_ndim]."""
        return self._grid.to_voxel(xyz)

    def reorient(self, code: str = "RAS") -> Volume:
        """Flip and transpose the axes so that they run to `code`; no voxel value and no point in mm changes.

        For a picture, give two letters, or three of which the two in its plane count.
        """
        order, steps, affine = _geometry.reorientation(self._grid.affine, self.spatial_shape, code)
        axes = (*order, self.spatial_ndim) if "c" in self.axes else tuple(order)

        def turn(data: Array) -> Array:
            return data.transpose(axes)[tuple(slice(None, None, step) for step in steps)]

        return self._derive(turn, affine, [self._shape[axis] for axis in axes])

    def resample(self, spacing: Spacing, *, order: _resampling.Order | None = None) -> Volume:
        """Interpolate onto voxels of `spacing` mm over the same field of view (same centre).

        Parameters
        ----------
        spacing : float or sequence of float
            Millimetres, for all spatial axes or for each.
        order : int, optional
            0 nearest, 1 linear, 2 to 5 spline. Default: 0 for labels, 1 otherwise. The dtype stays.
        """
        change, shape = self._grid.to_spacing(spacing)
        data = _resampling.sample(self, change, shape, order, None)
        return Volume(data, self._grid.affine @ change, **self._meaning())

    def resample_like(self, other: Volume | Grid, *, order: _resampling.Order | None = None, fill: float = 0) -> Volume:
        """Interpolate onto the grid of `other`, or the Grid `other`; voxels outside of this Volume become `fill`."""
        given: object = other
        if not isinstance(given, (Volume, Grid)):
            what = f"resample_like takes the Volume whose grid is wanted, got {type(other).__name__}."
            raise InputError(f"{what} Give other as one; for another size of voxels use resample(spacing).")
        grid, space = (other.grid, other.space) if isinstance(other, Volume) else (other, self.space)
        if self._grid.same_place(grid, 1e-6):
            return self if self.space == space else self.with_meaning(space=space)
        data = _resampling.sample(self, self._grid.to_grid(grid), grid.shape, order, fill)
        return Volume(data, grid.affine, **(self._meaning() | {"space": space}))

    def crop(self, start: Sequence[int], stop: Sequence[int]) -> Volume:
        """Keep the voxels from `start` up to, not including, `stop` (indices, one per spatial axis)."""
        return self._derive(*_cropping.crop(self, start, stop))

    def pad(self, before: int | Sequence[int], after: int | Sequence[int], value: float = 0) -> Volume:
        """Add voxels of `value` at the beginning and the end of each spatial axis."""
        return self._derive(*_cropping.pad(self, before, after, value))

    def slice_2d(self, axis: str | int, index: int) -> Volume:
        """Cut one slice out of a 3D Volume; the picture keeps its place in the body."""
        axes = _checks.AXES["c" in self.axes]
        return self._derive(*_cropping.slice_2d(self, axis, index), axes=axes)

    def _meaning(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "axes": self.axes,
            "channels": self.channels or None,
            "labels": self.labels,
            "unit": self.unit,
            "source": self.source,
            "notes": self.notes,
            "inverted": self.inverted,
            "space": self.space,
        }

    def _derive(
        self, change: Callable[[Array], Array], affine: _geometry.Affine, shape: Sequence[int], **meaning: Any
    ) -> Volume:
        # stays lazy if this Volume is: only the geometry is worked out now
        kept = self._meaning() | meaning
        if self._data is not None:
            return Volume(change(self._data), affine, **kept)
        return Volume(lambda: change(self.data), affine, shape=shape, dtype=self._dtype, **kept)


def _rebuild(data: Array, affine: Array, meaning: dict[str, Any]) -> Volume:
    return Volume(data, affine, **meaning)
