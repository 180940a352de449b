"""The series of a folder or a zip archive: found, listed without a word about the patient, chosen."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import FileError, InputError
from workbench.io import _zipped
from workbench.io._dicom_file import HEAD_BYTES, Source, head_of, looks_like_dicom, quiet, read_dataset
from workbench.io._dicom_header import Slice, is_segmentation, slices_of
from workbench.io._dicom_lookup import code, numbers
from workbench.io._dicom_notes import left_out
from workbench.io._doubt import Doubt
from workbench.io._files import damage_becomes_file_error
from workbench.io._format import GeometryWarning
from workbench.io._visible import walk
from workbench.io._zipped import Member

_MOST_FILES = 100_000
_SUFFIX = 8
#: By what the series without a uid is called; no uid has letters.
_NO_UID = "none"
_TIME = re.compile(r"(\d\d):?(\d\d):?(\d\d)")


@dataclass(frozen=True, repr=False)
class SeriesInfo:
    """One series of a folder, without a word about the patient.

    Give it, its ``uid``, or its ``suffix`` as ``read(folder, series=...)``.

    Attributes
    ----------
    uid : str
        Series Instance UID, ``""`` where the files have none.
    suffix : str
        The end of the uid, at least eight characters and as many as tell it from the other series; ``"none"`` for the
        series without a uid.
    modality : str
        Modality, such as ``"CT"``.
    slices : int
        How many images it has.
    shape : tuple of int
        Columns, rows, images.
    number : int or None
        Series Number.
    time : str
        Time of day at which the series, or its first image, began: ``"10:22:31"``, or ``""``.
    files : tuple of Path
        The files; of a series in an archive, the archive.
    """

    uid: str
    suffix: str
    modality: str
    slices: int
    shape: tuple[int, ...]
    number: int | None
    time: str
    files: tuple[Path, ...]

    def __str__(self) -> str:
        more = "" if self.number is None else f", series number {self.number}"
        more += f", at {self.time}" if self.time else ""
        dots = "..." if self.uid != self.suffix and self.uid else ""
        return f"{dots}{self.suffix}: {self.modality}, {self.slices} slices, {'x'.join(map(str, self.shape))}{more}"

    def __repr__(self) -> str:
        # the whole uid and the names of the files would stay in a saved notebook
        return f"<SeriesInfo {self}>"


@dataclass
class Series:
    """The frames of a series, and the headers of its files as far as they are needed again."""

    frames: list[Slice] = field(default_factory=list)
    datasets: list[tuple[Source, Any]] = field(default_factory=list)
    number: int | None = None
    time: str = ""

    @property
    def uid(self) -> str:
        """Series Instance UID, ``""`` where there is none."""
        return self.frames[0].series

    def add(self, source: Source, dataset: Any, frames: list[Slice]) -> None:
        """Take in a file; the first that has a number or a time gives it."""
        self.frames += frames
        # of most files only the numbers in Slice are needed again
        self.datasets.append((source, dataset if is_segmentation(dataset) else {}))
        with quiet():
            if self.number is None:
                self.number = next((int(value) for value in numbers(dataset.get("SeriesNumber"))), None)
            self.time = self.time or _time_of_day(dataset)

    def info(self, among: list[Series]) -> SeriesInfo:
        """Return what may be shown of the series, and by what it is chosen among others."""
        first = self.frames[0]
        shape = (first.pixels.columns, first.pixels.rows, len(self.frames))
        files = dict.fromkeys(path if isinstance(path, Path) else path.archive for path, _ in self.datasets)
        suffix = _suffix(self.uid, [other.uid for other in among])
        return SeriesInfo(
            self.uid, suffix, first.modality, len(self.frames), shape, self.number, self.time, tuple(files)
        )


def _suffix(uid: str, uids: list[str]) -> str:
    """Return the shortest end of a uid that fits no other; the whole of it where it is the end of another."""
    ends = (uid[-length:] for length in range(_SUFFIX, len(uid)))
    return next((end for end in ends if sum(other.endswith(end) for other in uids) == 1), uid) or _NO_UID


def _time_of_day(dataset: Any) -> str:
    for keyword in ("SeriesTime", "AcquisitionTime", "ContentTime"):
        found = _TIME.match(code(dataset, keyword))
        if found:
            return ":".join(found.groups())
    return ""


def list_series(folder: str | os.PathLike[str]) -> list[SeriesInfo]:
    """Return the series of images in a folder and its subfolders, or in a zip archive, the largest first.

    Raises
    ------
    FileError
        If the folder does not exist or holds no DICOM image.

    Warns
    -----
    GeometryWarning
        If files are damaged, so that slices or a whole series may be missing.
    """
    path = Path(folder).expanduser()
    if not path.is_dir() and not is_archive(path):
        raise FileError(f"{path} is not a folder or a zip archive. Give the folder that holds the DICOM files.")
    with damage_becomes_file_error(path, "DICOM", private=True):
        found, doubts = scan(path)
    for doubt in doubts:
        warnings.warn(doubt, GeometryWarning, stacklevel=2)
    return [series.info(found) for series in found]


def is_archive(path: Path) -> bool:
    """Tell whether a path is that of a zip archive (NumPy's own are none)."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _zipped.is_zip(file.read(1024))


def scan(place: Path) -> tuple[list[Series], list[Doubt]]:
    """Return the series of a folder or an archive, the largest first, and doubts about files that were left out.

    Raises
    ------
    FileError
        If there is no DICOM image, or there are too many files.
    """
    sources: Iterable[Source] = walk(place) if place.is_dir() else _zipped.members(place)
    found: dict[str, Series] = {}
    damaged: list[tuple[int, FileError]] = []
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
                damaged.append((len(seen), error))
            continue
        if frames:
            found.setdefault(frames[0].series, Series()).add(source, dataset, frames)
    if not found:
        raise FileError(_nothing(place, seen, damaged))
    doubts = [left_out([(number, _reason(error, seen[number - 1])) for number, error in damaged], len(seen))]
    return sorted(found.values(), key=lambda series: -len(series.frames)), doubts if damaged else []


def _reason(error: FileError, source: Source) -> str:
    """Return what is wrong with a file without its name, which may be that of a patient: notes are kept."""
    words = str(error)
    # all messages about a file begin with it; a name such as "1" is in numbers, too
    for name in (str(source), str(source.archive) if isinstance(source, Member) else ""):
        if name and words.startswith(name):
            return f"it{words.removeprefix(name)}"
    return type(error).__name__


def _nothing(place: Path, seen: list[Source], damaged: list[tuple[int, FileError]]) -> str:
    bad = f" DICOM files that cannot be read: {len(damaged)}; the first: {damaged[0][1]}" if damaged else ""
    if place.is_dir():
        return f"{place} holds no DICOM image; {len(seen)} files were looked at. Give the folder of the slices.{bad}"
    what = _zipped.describe([source for source in seen if isinstance(source, Member)])
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
    listing = "; ".join(str(series.info(found)) for series in found)
    if wanted is None:
        if len(found) == 1:
            return found[0]
        raise InputError(
            f"{place} holds {len(found)} series; choose one with series= (what stands before the colon): {listing}."
        )
    # a line of the list is as good as what it begins with
    uid = wanted.uid if isinstance(wanted, SeriesInfo) else str(wanted).partition(":")[0].strip(" .")
    whole = [series for series in found if series.uid == ("" if uid == _NO_UID else uid)]
    fitting = whole or [series for series in found if uid and series.uid.endswith(uid)]
    if len(fitting) != 1:
        raise InputError(f"series={uid!r} fits {len(fitting)} of the {len(found)} series in {place}: {listing}.")
    return fitting[0]
