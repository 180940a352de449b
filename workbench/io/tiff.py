"""TIFF: pictures, stacks, microscopy (OME, ImageJ, LSM) and whole slides that are TIFF (.svs, .ndpi, .scn, ...).

Axes, levels and meaning come from one parse by tifffile, whatever the compression. What we write carries affine and
names as a line of JSON in the description, so that it reads back whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _geometry
from workbench._arrays import Array
from workbench.errors import InputError
from workbench.io import (
    _files,
    _meaning,
    _orientation,
    _palette,
    _pyramid,
    _space,
    _tiff_axes,
    _tiff_parse,
    _tiff_pixels,
    _tiff_scale,
    _tiff_values,
)
from workbench.io._doubt import Doubt
from workbench.io._format import Format
from workbench.volume import Volume

_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class Tiff(Format):
    """TIFF, and the slides and stacks that are TIFF inside."""

    name = "tiff"
    suffixes = (".tif", ".tiff", ".btf", ".svs", ".ndpi", ".scn", ".bif", ".qptiff", ".lsm")
    reads_packed = ()
    read_options = ("level", "region", "image", "kind")
    write_options = ("compress",)

    def sniff(self, head: bytes) -> bool:
        """The magic of TIFF or BigTIFF."""
        return head.startswith(_HEADS)

    def levels(self, path: Path, **options: Any) -> _pyramid.Levels:
        """Return the levels of a picture and the names of the others in the file."""
        with _tiff_parse.opened(path) as tiff:
            found = _find(tiff, path, options.get("image"))
            return _levels(found, _scale(tiff, found, options.get("image")))

    def read(self, path: Path, **options: Any) -> Volume:
        """Read the header of one level.

        Parameters
        ----------
        path : Path
            The file.
        **options
            ``level``: which size of a pyramid, 0 the finest (the finest that fits a screen of 4096 pixels).
            ``region``: ``((row, column), (row, column))``, start and stop in pixels of that level. ``image``: another
            picture of the file (``"label"``, ``"macro"``, ``"thumbnail"``, or its number; see ``wb.io.levels``).
            ``kind="labels"``: the indices of a palette, and 1-bit pictures as 0 and 1.
        """
        header = _header(path, options)
        values, plan, turn, notes = header.values, header.plan, header.turn, header.notes

        def load() -> Array:
            with _tiff_parse.opened(path) as tiff:
                series = _find(tiff, path, options.get("image")).levels[header.number]
                data = plan.arrange(_tiff_pixels.read(path, series, header.region))
            data = data if values.convert is None else values.convert(data)
            return np.ascontiguousarray(_orientation.upright(data, turn))

        loader, shape, channels = load, *_after(plan, values)
        shape = _orientation.upright_shape(shape, turn)
        _pyramid.check_size(path, shape, values.dtype)
        if options.get("kind") == "labels" and "red" in channels and plan.spatial == 2:
            data = _palette.one_channel(_files.guarded(path, self.name, load)(), notes)
            loader, shape = (lambda: data), data.shape
        kept = _meaning.merge(header.meaning, shape, values.dtype)
        if channels and len(shape) > plan.spatial:
            kept.setdefault("channels", channels)
        return self.lazy(
            path, loader, header.affine, shape=shape, dtype=values.dtype,
            axes=(*"ijk"[: plan.spatial], *("c",) * (len(shape) > plan.spatial)), notes=notes, **kept,
        )  # fmt: skip

    def write(self, volume: Volume, path: Path, **options: Any) -> None:
        """Write a TIFF of every type, 2D and 3D, with ``compress=False`` without compression."""
        if not path.name.lower().endswith((".tif", ".tiff", ".btf")):
            raise InputError(f"{path.suffix} files are read only. Write {path.with_suffix('.tif').name}.")
        import tifffile

        data = volume.data.view(np.uint8) if volume.dtype == bool else volume.data
        data = data.astype(np.float32) if data.dtype == np.float16 else data
        if data.dtype.itemsize > 8:
            raise InputError(f"TIFF has no type for {data.dtype}. Convert the data first.")
        pages = np.moveaxis(data, 2, 0) if volume.spatial_ndim == 3 else data
        colour = volume.dtype == np.uint8 and volume.num_channels in {3, 4} and "c" in volume.axes
        if "c" in volume.axes and not colour:
            pages = np.moveaxis(pages, -1, -3)
        axes = "Z" * (volume.spatial_ndim == 3) + ("YX" if "c" not in volume.axes else "YXS" if colour else "CYX")
        with _files.writing(path) as temporary:
            tifffile.imwrite(
                temporary, np.ascontiguousarray(pages), photometric="rgb" if colour else "minisblack",
                compression="zlib" if options.get("compress", True) else None,
                description=_meaning.to_json(volume), metadata={"axes": axes},
            )  # fmt: skip


@dataclass
class _Header:
    """What is known before the pixels are decoded."""

    number: int
    region: _pyramid.Region
    plan: _tiff_axes.Plan
    values: _tiff_values.Values
    turn: int
    affine: _geometry.Affine
    meaning: dict[str, Any]
    notes: list[str]


def _header(path: Path, options: dict[str, Any]) -> _Header:
    with _tiff_parse.opened(path) as tiff:
        found = _find(tiff, path, options.get("image"))
        scale = _scale(tiff, found, options.get("image"))
        levels = _levels(found, scale)
        number = _pyramid.choose_level(levels, options.get("level"), path)
        series = found.levels[number]
        region = _pyramid.check_region(options.get("region"), levels[number].shape, number)
        dark = _tiff_values.is_inverted(series) and options.get("kind") != "labels"
        meaning: dict[str, Any] = {"inverted": dark} | _meaning.from_json(series.keyframe.description or "")
        turn = _orientation.known(series.keyframe.tags.valueof(_orientation.TAG))
        shows_values = tiff.is_imagej or tiff.is_ome or tiff.is_lsm
        values = _tiff_values.of(path, series, options.get("kind"), shows_values)
        notes = [*_tiff_parse.check_whole(path, series), *scale.notes]
        rows, columns = _pyramid.region_shape(region)
        lengths = [{"Y": rows, "X": columns}.get(a, n) for a, n in zip(series.axes, series.shape, strict=True)]
        ours = meaning.get("axes", ())
        plan = _tiff_axes.make(path, series.axes, tuple(lengths), ours, scale.channels, values.colours)
    values = _tiff_values.unless_many(values, plan.shape, plan.spatial)
    if turn != 1 and (len(levels) > 1 or options.get("region") is not None):
        notes.append(f"the file asks to be turned (orientation tag {turn}), which was not done to level and region")
        turn = 1
    notes += [
        *_pyramid.label_note(str(options.get("image")).lower()), *_pyramid.notes(levels, number), *values.notes,
        *plan.notes, *_orientation.note(turn),
    ]  # fmt: skip
    if plan.spatial == 3 and scale.spacing and not scale.depth and "affine" not in meaning:
        notes.append(Doubt("the distance between slices is not given; taken as 1 mm"))
    affine = _affine(meaning, levels, scale, number, region, turn)
    meaning.setdefault("space", _space.space(placed="affine" in meaning, sized=levels[0].spacing is not None))
    return _Header(number, region, plan, values, turn, affine, meaning, notes)


def _affine(
    meaning: dict[str, Any], levels: _pyramid.Levels, scale: _tiff_scale.Scale, number: int, region: _pyramid.Region,
    turn: int,
) -> _geometry.Affine:  # fmt: skip
    if "affine" in meaning:
        base = _geometry.check_affine(meaning["affine"])
        return _orientation.upright_affine(_pyramid.affine(base, levels[number], region), levels[number].shape, turn)
    # a picture without a place of its own lies like any other, once it is upright
    spacing = levels[0].spacing and _orientation.upright_shape(levels[0].spacing, turn)
    base = _space.picture_affine(spacing)
    base[:3, 2] *= scale.depth or 1.0
    return _pyramid.affine(base, levels[number], region)


def _find(tiff: Any, path: Path, image: Any) -> _tiff_parse.Found:
    """Return the levels of the picture that was asked for; the others are named for the main one only."""
    found = _tiff_parse.find(tiff, path)
    return found if image is None else _tiff_parse.Found([_pyramid.choose_image(found.images, image)], {})


def _scale(tiff: Any, found: _tiff_parse.Found, image: Any) -> _tiff_scale.Scale:
    # the size of the slide's pixels is not that of its label's
    by_word = isinstance(image, str) and not image.isdecimal()
    return _tiff_scale.Scale() if by_word else _tiff_scale.read(tiff, found.levels[0], len(found.levels) > 1)


def _levels(found: _tiff_parse.Found, scale: _tiff_scale.Scale) -> _pyramid.Levels:
    return _pyramid.make([_tiff_parse.size(one) for one in found.levels], scale.spacing, tuple(found.images))


def _after(plan: _tiff_axes.Plan, values: _tiff_values.Values) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the shape and the names of the channels after colours were looked up."""
    if values.samples is None:
        return plan.shape, plan.channels
    spatial = plan.shape[: plan.spatial]
    return ((*spatial, values.samples), values.colours) if values.samples > 1 else (plan.shape, plan.channels)
