"""What one parse of a TIFF says: which pages are one picture, which its levels, and which are other pictures.

tifffile groups the pages; its answer is the same whatever the compression. Pages that are reductions of the first are
its levels, whether a program has flagged them or not, and never a stack.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import FileError
from workbench.io import _pyramid

#: Names that vendors give to the pictures of a slide; any other name may tell about a patient.
_KNOWN_NAMES = ("label", "macro", "thumbnail", "overview", "map", "probability")
#: Those of them that show the slide, and not what is on it.
_ASIDE = ("label", "macro", "thumbnail", "overview")


@dataclass
class Found:
    """The picture of a file (series of tifffile, one per level, the finest first) and the others by name."""

    levels: list[Any]
    images: dict[str, Any]


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a TIFF for the time of the block."""
    import tifffile

    with quiet(), tifffile.TiffFile(path) as tiff:
        # the planes of an OME-TIFF may be spread over files, which are looked for in its own folder only
        if tiff.is_ome and _names_other_folders(tiff.ome_metadata or ""):
            raise FileError(f"{path} names data files outside of its own folder, which is refused. Move them there.")
        yield tiff


def find(tiff: Any, path: Path) -> Found:
    """Tell the picture and its levels from the other pictures of a file.

    Raises
    ------
    FileError
        If the file holds no picture.
    """
    series = [one for one in tiff.series if "Y" in one.axes and "X" in one.axes]
    if not series:
        raise FileError(f"{path} is a TIFF without a picture. Get a fresh copy.")
    main = _main(series)
    levels = [one for one in main.levels if _fits(main, one)]
    for one in series:
        reduced = len(one.pages) == 1 and len(one.levels) == 1 and _pyramid.is_reduced(size(main), size(one))
        if one is not main and reduced and _fits(main, one) and not _known_name(one):
            levels.append(one)
    levels.sort(key=size, reverse=True)
    images: dict[str, Any] = {}
    for one in series:
        if one is main or one in levels:
            continue
        name = _known_name(one)
        images[name if name and name not in images else str(len(images) + 1)] = one
    return Found(levels, images)


def _main(series: list[Any]) -> Any:
    named = [one for one in series if one.name == "Baseline"]
    if named:
        return named[0]
    # a slide scanner's overview may come before the slide, and so may its label
    if series[0].kind == "scn":
        return max(series, key=size)
    return next((one for one in series if _known_name(one) not in _ASIDE), series[0])


def _known_name(series: Any) -> str:
    """Return the name of a picture as vendors give it, "" for any other."""
    words = series.name.lower().replace("_", " ").split()
    return next((name for name in _KNOWN_NAMES if name in words), "")


def _fits(main: Any, other: Any) -> bool:
    rest = [n for a, n in zip(main.axes, main.shape, strict=True) if a not in "YX"]
    return (main.dtype, main.axes, rest) == (
        other.dtype, other.axes, [n for a, n in zip(other.axes, other.shape, strict=True) if a not in "YX"],
    )  # fmt: skip


def size(series: Any) -> tuple[int, int]:
    """Return rows and columns of a series."""
    return series.shape[series.axes.index("Y")], series.shape[series.axes.index("X")]


def _names_other_folders(text: str) -> bool:
    from xml.etree import ElementTree as ET

    try:
        names = [one.get("FileName", "") for one in ET.fromstring(text).iter() if one.tag.endswith("UUID")]  # noqa: S314
    except ET.ParseError:
        return False
    return any("/" in name or "\\" in name for name in names)


def check_whole(path: Path, series: Any) -> list[str]:
    """Raise if pixels of a series lie behind the end of the file; return a note on planes that are in no file.

    Raises
    ------
    FileError
        If the file is cut short.
    """
    size_ = path.stat().st_size
    pages = [page for page in series.pages if page is not None]
    ours = [page for page in pages if page.parent.filehandle.name == path.name]
    end = max((o + n for page in ours for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)), default=0)
    if end > size_:
        raise FileError(f"{path} is cut short: its pixels end at byte {end:,}, the file at {size_:,}.")
    missing = len(series.pages) - len(pages)
    return [f"{missing} of {len(series.pages)} planes are in files that are not here; they are 0"] if missing else []


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what decoders say about odd metadata to themselves: real damage is raised."""
    logger = logging.getLogger("tifffile")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)
