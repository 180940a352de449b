"""The series of a folder or a zip archive: found, listed without a word about the patient, chosen."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import FileError, InputError
from workbench.io import _zipped
from workbench.io._dicom_file import HEAD_BYTES, Source, head_of, looks_like_dicom, read_dataset
from workbench.io._dicom_header import Slice, is_segmentation, slices_of
from workbench.io._files import damage_becomes_file_error
from workbench.io._visible import walk

_MOST_FILES = 100_000


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


@dataclass
class Series:
    """The frames of a series, and the headers of its files as far as they are needed again."""

    frames: list[Slice]
    datasets: list[tuple[Source, Any]]

    def info(self) -> SeriesInfo:
        """Return what may be shown of the series."""
        first = self.frames[0]
        shape = (first.pixels.columns, first.pixels.rows, len(self.frames))
        files = dict.fromkeys(path if isinstance(path, Path) else path.archive for path, _ in self.datasets)
        return SeriesInfo(first.series, first.modality, len(self.frames), shape, tuple(files))


def list_series(folder: str | os.PathLike[str]) -> list[SeriesInfo]:
    """Return the series of images in a folder and its subfolders, or in a zip archive, the largest first.

    Raises
    ------
    FileError
        If the folder does not exist or holds no DICOM image.
    """
    path = Path(folder).expanduser()
    if not path.is_dir() and not is_archive(path):
        raise FileError(f"{path} is not a folder or a zip archive. Give the folder that holds the DICOM files.")
    with damage_becomes_file_error(path, "DICOM", private=True):
        return [item.info() for item in scan(path)[0]]


def is_archive(path: Path) -> bool:
    """Tell whether a path is that of a zip archive (NumPy's own are none)."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _zipped.is_zip(file.read(1024))


def scan(place: Path) -> tuple[list[Series], list[FileError]]:
    """Return the series of a folder or an archive, the largest first, and what is wrong with files that are damaged.

    Raises
    ------
    FileError
        If there is no DICOM image, or there are too many files.
    """
    sources: Iterable[Source] = walk(place) if place.is_dir() else _zipped.members(place)
    found: dict[str, Series] = {}
    damaged: list[FileError] = []
    seen: list[Source] = []
    for source in sources:
        seen.append(source)
        if len(seen) > _MOST_FILES:
            raise FileError(f"{place} holds more than {_MOST_FILES:,} files. Give the folder of one study.")
        if Path(source.name).name.upper() == "DICOMDIR" or (isinstance(source, Path) and not source.is_file()):
            continue
        head = head_of(source)
        if not looks_like_dicom(head):
            continue
        try:
            dataset, frames = _read_frames(source)
        except FileError as error:
            if head[128:HEAD_BYTES] == b"DICM":  # otherwise it was only a guess that this is DICOM
                damaged.append(error)
            continue
        if frames:
            series = found.setdefault(frames[0].series, Series([], []))
            series.frames += frames
            # of most files only the numbers in Slice are needed again
            series.datasets.append((source, dataset if is_segmentation(dataset) else {}))
    if not found:
        raise FileError(_nothing(place, seen, damaged))
    return sorted(found.values(), key=lambda series: -len(series.frames)), damaged


def _nothing(place: Path, seen: list[Source], damaged: list[FileError]) -> str:
    bad = f" DICOM files that cannot be read: {len(damaged)}; the first: {damaged[0]}" if damaged else ""
    if place.is_dir():
        return f"{place} holds no DICOM image; {len(seen)} files were looked at. Give the folder of the slices.{bad}"
    what = _zipped.describe([source for source in seen if isinstance(source, _zipped.Member)])
    return (
        f"{place} is a zip archive without a DICOM image; it holds {what}. Only DICOM is read from archives: unpack it "
        f"and read the files.{bad}"
    )


def _read_frames(source: Source) -> tuple[Any, list[Slice]]:
    dataset = read_dataset(source)
    if not any(keyword in dataset for keyword in ("SOPClassUID", "SeriesInstanceUID", "Rows")):
        raise FileError(
            f"{source} says neither what it is nor what series it is of; it is cut short. Get a fresh copy."
        )
    return dataset, slices_of(source, dataset)


def choose_series(place: Path, found: list[Series], wanted: Any) -> Series:
    """Return the one series, or the `wanted` one of several.

    Raises
    ------
    InputError
        If there are several and not exactly one of them is wanted.
    """
    listing = "; ".join(str(series.info()) for series in found)
    if wanted is None:
        if len(found) == 1:
            return found[0]
        raise InputError(f"{place} holds {len(found)} series; choose one with series= (the end of its uid): {listing}.")
    uid = wanted.uid if isinstance(wanted, SeriesInfo) else str(wanted).lstrip(".")
    fitting = [series for series in found if uid and series.frames[0].series.endswith(uid)]
    if len(fitting) != 1:
        raise InputError(f"series={uid!r} fits {len(fitting)} of the {len(found)} series in {place}: {listing}.")
    return fitting[0]
