"""What lies in a folder, for a person who picks a file: below a few roots, hidden files left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, TypedDict

from workbench.errors import FileError

#: Entries that are listed at once; who has more in a folder types the path.
_MOST = 2000
_DATA = "WORKBENCH_DATA"


class Root(TypedDict):
    """A folder that a picker starts from."""

    name: str
    path: str


class FileEntry(TypedDict):
    """A file or a folder in a picker."""

    name: str
    path: str
    folder: bool
    bytes: int | None


class Listing(TypedDict):
    """What a picker shows of a folder."""

    folder: str
    parent: Annotated[str, "Empty at a root."]
    roots: list[Root]
    entries: list[FileEntry]
    left_out: Annotated[int, "Entries that are not listed."]


def roots() -> list[tuple[str, Path]]:
    """Return the folders that a picker starts from and stays in: name and place."""
    found = {"here": Path.cwd(), "home": Path.home()}
    if os.environ.get(_DATA):
        found["data"] = Path(os.environ[_DATA])
    places: dict[Path, str] = {}
    for name, place in found.items():
        whole = place.expanduser().resolve()
        if whole.is_dir():
            places.setdefault(whole, name)
    return [(name, place) for place, name in places.items()]


def listing(folder: str | None, wanted: Callable[[str], bool]) -> Listing:
    """Return what a picker shows of a folder.

    Parameters
    ----------
    folder : str or None
        The folder; None for the working directory.
    wanted : callable
        Tells by its name whether a file can be picked.

    Returns
    -------
    Listing

    Raises
    ------
    FileError
        If the folder lies outside of the roots, or cannot be read.
    """
    known = roots()
    place = Path(folder).expanduser().resolve() if folder else known[0][1]
    if not any(place.is_relative_to(root) for _, root in known):
        places = ", ".join(str(root) for _, root in known)
        raise FileError(f"The list shows folders below {places}; {place} is none of them. Type the path instead.")
    try:
        found = sorted(_entries(place, wanted), key=lambda entry: (not entry["folder"], entry["name"].lower()))
    except OSError as error:
        raise FileError(f"{place} cannot be listed: {error.strerror or error}. Type the path of the file.") from error
    parent = place.parent
    inside = any(parent.is_relative_to(root) for _, root in known)
    return {
        "folder": str(place),
        "parent": str(parent) if inside else "",
        "roots": [{"name": name, "path": str(root)} for name, root in known],
        "entries": found[:_MOST],
        "left_out": max(len(found) - _MOST, 0),
    }


def _entries(folder: Path, wanted: Callable[[str], bool]) -> Iterable[FileEntry]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            is_folder = _is_folder(entry)
            if is_folder or wanted(entry.name):
                size = None if is_folder else entry.stat().st_size
                yield {"name": entry.name, "path": str(folder / entry.name), "folder": is_folder, "bytes": size}


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads round in a circle
        return False
