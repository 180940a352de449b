"""DICOM: a folder of slices, an enhanced multi-frame file, a single image, a segmentation.

Slices are put in order by their position along the normal of the image plane (DICOM PS3.3 C.7.6.2), never by name or
number. Axes are column, row, slice; the affine is built from ImagePositionPatient and ImageOrientationPatient, so all
patient positions (HFS, FFS, HFP, FFP, ...) come out right. What is unusual - missing, double or uneven slices, gantry
tilt - is in ``volume.notes`` and a :class:`GeometryWarning`.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _geometry
from workbench.errors import FileError, InputError
from workbench.io import _dicom_pixels, _dicom_segmentation, _dicom_slide, _dicom_stack, _dicom_write, _files, _meaning
from workbench.io._dicom_header import Slice, is_segmentation, looks_like_dicom, read_dataset, slices_of
from workbench.io._format import Format, GeometryWarning
from workbench.io._pyramid import Levels
from workbench.volume import Volume

_MOST_FILES = 100_000
_NAMES_SHOWN = 3


@dataclass(frozen=True)
class SeriesInfo:
    """One series of a folder, without a word about the patient.

    Give it, its ``uid``, or the last characters of the uid as ``read(folder, series=...)``.
    """

    uid: str = field(repr=False)
    modality: str
    slices: int
    shape: tuple[int, ...]
    files: tuple[Path, ...] = field(repr=False)

    @property
    def suffix(self) -> str:
        """Last eight characters of the uid: enough to choose by."""
        return self.uid[-8:]

    def __str__(self) -> str:
        return f"...{self.suffix}: {self.modality}, {self.slices} slices, {'x'.join(map(str, self.shape))}"


class Dicom(Format):
    """DICOM images."""

    name = "dicom"
    suffixes = (".dcm", ".dicom", ".ima")
    reads_packed = False
    read_options = ("series", "stack", "volume", "level", "region", "image")
    write_options = ()

    def sniff(self, head: bytes) -> bool:
        """The preamble with DICM, or a first element of group 2 or 8."""
        return looks_like_dicom(head)

    def matches(self, path: Path) -> bool:
        """A folder or a name without suffix is where a series is written."""
        return super().matches(path) or path.is_dir() or path.suffix == ""

    def read(self, path: Path, **options: Any) -> Volume:
        """Read the headers.

        Parameters
        ----------
        path : Path
            A file, or a folder (with its subfolders).
        **options
            ``series``: which series of a folder (uid, its ending, or a :class:`SeriesInfo`). ``stack``: which of
            several stacks (orientations, sizes) in it. ``volume``: which of several images at the same positions.
            ``level``, ``region``, ``image``: of a whole slide, as for TIFF.
        """
        if _dicom_slide.is_slide(path):
            return _dicom_slide.read(self, path, options)
        if path.is_dir():
            found, damaged = _scan(path)
            chosen = _choose_series(path, found, options.get("series"))
            frames, datasets = chosen.frames, chosen.datasets
        else:
            damaged = []
            dataset = read_dataset(path)
            frames, datasets = slices_of(path, dataset), [(path, dataset)]
            if not frames:
                raise FileError(f"{path} is DICOM without an image (a report, a plan, an index). Choose an image.")
        segmentations = [pair for pair in datasets if is_segmentation(pair[1])]
        if segmentations:
            if len(segmentations) > 1:
                raise InputError(
                    f"{path} holds {len(segmentations)} segmentations in one series. Read one file of them."
                )
            volume = _dicom_segmentation.read(*segmentations[0], frames)
        else:
            volume = self._image(path, frames, options)
        if damaged:
            note = f"{len(damaged)} DICOM files in the folder are damaged or of a kind not supported and were left out"
            volume = volume.with_meaning(notes=(note, *volume.notes))
        for note in volume.notes:
            warnings.warn(note, GeometryWarning, stacklevel=4)
        return volume

    def levels(self, path: Path, **options: Any) -> Levels:
        """Return the levels of a whole slide."""
        return _dicom_slide.levels(path, options) if _dicom_slide.is_slide(path) else super().levels(path)

    def _image(self, path: Path, frames: list[Slice], options: dict[str, Any]) -> Volume:
        slices = _choose_stack(path, _dicom_stack.split(frames), options.get("stack"))
        stack = _dicom_stack.stack(slices, options.get("volume"))
        notes = list(stack.notes)
        first = slices[0].pixels
        if first.photometric == "MONOCHROME1":
            notes.append("MONOCHROME1: high values are meant to look dark; the values are as stored")
        if any(item.lut for item in slices):
            notes.append("the file maps its values by a table (Modality LUT), which was not applied")
        used = [item for items in stack.slices for item in items if item is not None]
        dtype = _dicom_pixels.result_dtype(used)
        colour = _dicom_pixels.is_colour(first)
        channels = ["red", "green", "blue"] if colour and len(stack.slices) == 1 else stack.channels
        count = len(stack.slices) * (3 if colour else 1)
        flat = slices[0].position is None and len(used) == 1
        shape: tuple[int, ...] = (
            (first.rows, first.columns) if flat else (first.columns, first.rows, len(stack.slices[0]))
        )
        full = (*shape, count) if count > 1 else shape
        _files.check_memory(path, _files.count_bytes(full, dtype))
        extra = _meaning.from_json(slices[0].meaning)
        meaning = {"unit": slices[0].unit} | _meaning.merge(extra, full, dtype)
        affine = stack.affine
        if flat:
            # a projection or a photograph: a picture like any other, rows first
            sizes = np.array([*(slices[0].spacing or (1.0, 1.0)), 1.0, 1.0])
            affine = _geometry.PICTURE_AFFINE * sizes
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


def list_series(folder: str | os.PathLike[str]) -> list[SeriesInfo]:
    """Return the series of images in a folder and its subfolders, the largest first.

    Raises
    ------
    FileError
        If the folder does not exist or holds no DICOM image.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise FileError(f"{path} is not a folder. Give the folder that holds the DICOM files.")
    return [item.info() for item in _scan(path)[0]]


@dataclass
class _Series:
    frames: list[Slice]
    datasets: list[tuple[Path, Any]]

    def info(self) -> SeriesInfo:
        first = self.frames[0]
        shape = (first.pixels.columns, first.pixels.rows, len(self.frames))
        files = tuple(path for path, _ in self.datasets)
        return SeriesInfo(first.series, first.modality, len(self.frames), shape, files)


def _scan(folder: Path) -> tuple[list[_Series], list[FileError]]:
    """Return the series, the largest first, and what is wrong with the files that cannot be read."""
    found: dict[str, _Series] = {}
    damaged: list[FileError] = []
    seen = 0
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place) / name
            seen += 1
            if seen > _MOST_FILES:
                raise FileError(f"{folder} holds more than {_MOST_FILES:,} files. Give the folder of one study.")
            if name.upper() == "DICOMDIR" or not path.is_file():
                continue
            with path.open("rb") as file:
                head = file.read(132)
            if not looks_like_dicom(head):
                continue
            try:
                dataset, frames = _read_frames(path)
            except FileError as error:
                if head[128:132] == b"DICM":  # otherwise it was only a guess that this is DICOM
                    damaged.append(error)
                continue
            if frames:
                series = found.setdefault(frames[0].series, _Series([], []))
                series.frames += frames
                # of most files only the numbers in Slice are needed again
                series.datasets.append((path, dataset if is_segmentation(dataset) else {}))
    if not found:
        bad = f" Damaged DICOM files: {len(damaged)}; the first: {damaged[0]}" if damaged else ""
        raise FileError(
            f"{folder} holds no DICOM image; {seen} files were looked at. Give the folder of the slices.{bad}"
        )
    return sorted(found.values(), key=lambda series: -len(series.frames)), damaged


def _read_frames(path: Path) -> tuple[Any, list[Slice]]:
    dataset = read_dataset(path)
    if not any(keyword in dataset for keyword in ("SOPClassUID", "SeriesInstanceUID", "Rows")):
        raise FileError(f"{path} says neither what it is nor what series it is of; it is cut short. Get a fresh copy.")
    return dataset, slices_of(path, dataset)


def _choose_series(folder: Path, found: list[_Series], wanted: Any) -> _Series:
    listing = "; ".join(str(series.info()) for series in found)
    if wanted is None:
        if len(found) == 1:
            return found[0]
        raise InputError(
            f"{folder} holds {len(found)} series; choose one with series= (the end of its uid): {listing}."
        )
    uid = wanted.uid if isinstance(wanted, SeriesInfo) else str(wanted).lstrip(".")
    fitting = [series for series in found if uid and series.frames[0].series.endswith(uid)]
    if len(fitting) != 1:
        raise InputError(f"series={uid!r} fits {len(fitting)} of the {len(found)} series in {folder}: {listing}.")
    return fitting[0]


def _choose_stack(path: Path, stacks: list[list[Slice]], wanted: Any) -> list[Slice]:
    if wanted is None and len(stacks) == 1:
        return stacks[0]
    if wanted is None:
        _check_placed(path, stacks)
    if not isinstance(wanted, int) or not 0 <= wanted < len(stacks):
        listing = "; ".join(
            f"{number}: {len(items)} slices {items[0].pixels.columns}x{items[0].pixels.rows}, "
            f"spacing {items[0].spacing}, orientation {items[0].orientation}"
            for number, items in enumerate(stacks)
        )
        raise InputError(
            f"{path} holds slices of {len(stacks)} sizes or orientations that do not stack; choose with stack=, "
            f"got {wanted!r}: {listing}."
        )
    return stacks[wanted]


def _check_placed(path: Path, stacks: list[list[Slice]]) -> None:
    """Raise if some slices say where they lie and others do not, which is a damaged series, not several stacks."""
    slices = [item for items in stacks for item in items]
    for keyword, name in (("ImagePositionPatient", "position"), ("ImageOrientationPatient", "orientation")):
        lacking = [item for item in slices if getattr(item, name) is None]
        if not lacking or len(lacking) == len(slices):
            continue
        more = ", ..." if len(lacking) > _NAMES_SHOWN else ""
        names = ", ".join(_within(item, path) for item in lacking[:_NAMES_SHOWN]) + more
        placed = next(n for n, items in enumerate(stacks) if all(getattr(item, name) is not None for item in items))
        raise InputError(
            f"Each slice needs {keyword} to be put in its place, but {len(lacking)} of the {len(slices)} slices in "
            f"{path} lack it: {names}. Export them again, or leave them out with stack={placed}, which takes the "
            f"{len(stacks[placed])} slices whose place is known."
        )


def _within(item: Slice, folder: Path) -> str:
    name = item.path.relative_to(folder).as_posix() if item.path != folder else item.path.name
    return f"{name} frame {item.frame + 1}" if item.frame or item.path == folder else name


def _runs_backwards(meaning: dict[str, Any], affine: Any) -> bool:
    # DICOM has no order of slices, so what we wrote from a left-handed affine says so itself
    exact = meaning.get("affine")
    return exact is not None and float(exact[:3, 2] @ affine[:3, 2]) < 0


def _flip_last(count: int) -> Any:
    change = np.diag([1.0, 1.0, -1.0, 1.0])
    change[2, 3] = count - 1
    return change
