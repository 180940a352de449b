"""DICOM: a folder or zip of slices, a multi-frame file, a single image, a segmentation.

Slices are put in order by their position along the normal of the image plane (DICOM PS3.3 C.7.6.2), never by name or
number. Axes are column, row, slice; the affine is built from ImagePositionPatient and ImageOrientationPatient, so all
patient positions (HFS, FFS, HFP, FFP, ...) come out right. Several images at one place become channels, and none is
left out but true copies. What is unusual is in ``volume.notes``; where somebody has to act on it (missing or uneven
slices, places that are guessed) it is a :class:`Doubt`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import FileError, InputError
from workbench.io import (
    _dicom_notes,
    _dicom_pixels,
    _dicom_segmentation,
    _dicom_slide,
    _dicom_stack,
    _dicom_write,
    _files,
    _meaning,
    _space,
)
from workbench.io._dicom_copies import without_copies
from workbench.io._dicom_file import looks_like_dicom, read_dataset
from workbench.io._dicom_groups import Group, split
from workbench.io._dicom_header import Slice, as_indices, is_segmentation, slices_of
from workbench.io._dicom_series import Series, SeriesInfo, choose_series, is_archive, list_series, scan
from workbench.io._doubt import Doubt
from workbench.io._format import Format
from workbench.io._pyramid import Levels
from workbench.io._zipped import is_zip
from workbench.volume import Volume

__all__ = ["Dicom", "SeriesInfo", "list_series"]

_NAMES_SHOWN = 3
_COLOURS = ("red", "green", "blue")


class Dicom(Format):
    """DICOM images."""

    name = "dicom"
    suffixes = (".dcm", ".dicom", ".ima")
    reads_packed = ("gzip",)
    read_options = ("series", "stack", "volume", "level", "region", "image", "kind")
    write_options = ()

    def sniff(self, head: bytes) -> bool:
        """The preamble with DICM, a first element of group 2 or 8, or a zip archive."""
        return looks_like_dicom(head) or is_zip(head)

    def matches(self, path: Path) -> bool:
        """A folder or a name without suffix is where a series is written."""
        return super().matches(path) or path.is_dir() or path.suffix == ""

    def read(self, path: Path, **options: Any) -> Volume:
        """Read the headers.

        Parameters
        ----------
        path : Path
            A file, a folder (with its subfolders) or a zip archive.
        **options
            ``series``: which series of a folder (a :class:`SeriesInfo`, a uid or its end, ``"none"`` for files without
            a uid). ``stack``: which of several stacks (orientations, sizes, acquisitions) in it. ``volume``: which of
            several images at the same positions. ``level``, ``region``, ``image``: of a whole slide, as for TIFF.
            ``kind="labels"``: the indices of a palette, and not its colours.
        """
        if _dicom_slide.is_slide(path, options.get("series")):
            return _dicom_slide.read(self, path, options)
        doubts: list[Doubt] = []
        if path.is_dir() or is_archive(path):
            found, doubts = scan(path)
        else:
            dataset = read_dataset(path)
            frames = slices_of(path, dataset)
            if not frames:
                raise FileError(f"{path} is DICOM without an image (a report, a plan, an index). Choose an image.")
            found = [Series()]
            found[0].add(path, dataset, frames)
        series = choose_series(path, found, options.get("series"))
        segmentations = [pair for pair in series.datasets if is_segmentation(pair[1])]
        if segmentations:
            if len(segmentations) > 1:
                raise InputError(
                    f"{path} holds {len(segmentations)} segmentations in one series. Read one file of them."
                )
            volume = _dicom_segmentation.read(path, *segmentations[0], series.frames)
        else:
            volume = self._image(path, series.frames, options)
        if doubts:
            volume = volume.with_meaning(notes=(*doubts, *volume.notes))
        return volume

    def levels(self, path: Path, **options: Any) -> Levels:
        """Return the levels of a whole slide."""
        return _dicom_slide.levels(path, options) if _dicom_slide.is_slide(path) else super().levels(path)

    def _image(self, path: Path, frames: list[Slice], options: dict[str, Any]) -> Volume:
        frames, notes = without_copies(frames)
        if options.get("kind") == "labels":
            frames = [as_indices(frame) for frame in frames]
        slices = _choose_stack(path, split(frames), options.get("stack"))
        stack = _dicom_stack.stack(slices, options.get("volume"))
        used = [item for items in stack.slices for item in items if item is not None]
        first = used[0]
        notes += [*stack.notes, *_dicom_notes.collect(used)]
        inverted = first.pixels.photometric == "MONOCHROME1"
        if inverted:
            notes.append("MONOCHROME1: high values are meant to look dark; the values are as stored")
        dtype = _dicom_pixels.result_dtype(used)
        inner = 3 if _dicom_pixels.is_colour(first.pixels) else 1
        channels = _channel_names(stack.channels, inner)
        count = len(stack.slices) * inner
        flat = first.position is None and all(len(items) == 1 for items in stack.slices)
        rows, columns = first.pixels.rows, first.pixels.columns
        shape: tuple[int, ...] = (rows, columns) if flat else (columns, rows, len(stack.slices[0]))
        full = (*shape, count) if count > 1 else shape
        _files.check_memory(path, _files.count_bytes(full, dtype))
        extra = _meaning.from_json(first.meaning)
        meaning = {
            "unit": first.scale.unit, "inverted": inverted, "space": _space_of(slices[0])
        } | _meaning.merge(extra, full, dtype)  # fmt: skip
        affine = stack.affine
        if flat:
            # a projection or a photograph: a picture like any other, rows first
            affine = _space.picture_affine(first.spacing)
        backwards = not flat and _runs_backwards(extra, affine)
        if backwards:
            affine = affine @ _flip_last(shape[2])
        if channels:
            meaning["channels"] = channels

        def load() -> Any:
            data = _dicom_pixels.load_grid(stack.slices, dtype)
            if flat:
                return data[:, :, 0].swapaxes(0, 1)
            return data[:, :, ::-1] if backwards else data

        axes = (*("i", "j", "k")[: len(shape)], *("c",) * (count > 1))
        affine = _meaning.exact_affine(extra, affine)
        if len(shape) == 3 and _meaning.is_picture(extra, shape):
            full, axes = (*shape[:2], *full[3:]), ("i", "j", *axes[3:])
            return self.lazy(
                path, lambda: load()[:, :, 0], affine, shape=full, dtype=dtype, axes=axes, notes=notes, **meaning
            )
        return self.lazy(path, load, affine, shape=full, dtype=dtype, axes=axes, notes=notes, **meaning)

    def write(self, volume: Volume, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write a folder of slices (CT for HU, else secondary capture), or one slice to a file."""
        _dicom_write.write(volume, path)


def _space_of(item: Slice) -> str:
    # frames that do not say where they lie were stacked as if axial, which is no reason to write R and L beside them
    placed = item.position is not None and item.orientation is not None and not item.unplaced
    return _space.space(placed=placed, sized=item.spacing is not None)


def _channel_names(names: list[str], inner: int) -> list[str]:
    if inner == 1:
        return names
    return [f"{name} {colour}".strip() for name in names or [""] for colour in _COLOURS]


def _choose_stack(path: Path, groups: list[Group], wanted: Any) -> list[Slice]:
    if wanted is None and len(groups) == 1:
        return groups[0].slices
    if wanted is None:
        _check_placed(path, groups)
    if not isinstance(wanted, int) or not 0 <= wanted < len(groups):
        listing = "; ".join(f"{number}: {group}" for number, group in enumerate(groups))
        what = "acquisitions" if all(group.name for group in groups) else "sizes or orientations"
        raise InputError(
            f"{path} holds slices of {len(groups)} {what} that do not stack; choose with stack=, got {wanted!r}: "
            f"{listing}."
        )
    return groups[wanted].slices


def _check_placed(path: Path, groups: list[Group]) -> None:
    """Raise if some slices say where they lie and others do not, which is a damaged series, not several stacks."""
    slices = [item for group in groups for item in group.slices]
    for keyword, name in (("ImagePositionPatient", "position"), ("ImageOrientationPatient", "orientation")):
        lacking = [item for item in slices if getattr(item, name) is None]
        if not lacking or len(lacking) == len(slices):
            continue
        more = ", ..." if len(lacking) > _NAMES_SHOWN else ""
        names = ", ".join(_within(item, path) for item in lacking[:_NAMES_SHOWN]) + more
        placed = next(
            n for n, group in enumerate(groups) if all(getattr(item, name) is not None for item in group.slices)
        )
        raise InputError(
            f"Each slice needs {keyword} to be put in its place, but {len(lacking)} of the {len(slices)} slices in "
            f"{path} lack it: {names}. Export them again, or leave them out with stack={placed}, which takes the "
            f"{len(groups[placed].slices)} slices whose place is known."
        )


def _within(item: Slice, place: Path) -> str:
    if item.path == place:
        return f"{place.name} frame {item.frame + 1}"
    name = item.path.relative_to(place).as_posix() if isinstance(item.path, Path) else item.path.name
    return f"{name} frame {item.frame + 1}" if item.frame else name


def _runs_backwards(meaning: dict[str, Any], affine: Any) -> bool:
    # DICOM has no order of slices, so what we wrote from a left-handed affine says so itself
    exact = meaning.get("affine")
    return exact is not None and float(exact[:3, 2] @ affine[:3, 2]) < 0


def _flip_last(count: int) -> Any:
    change = np.diag([1.0, 1.0, -1.0, 1.0])
    change[2, 3] = count - 1
    return change
