"""Which files of a folder are data: not the hidden ones, which programs keep for themselves beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

#: What systems leave beside the data without a leading dot.
_LEFT_BY_SYSTEMS = {"__macosx", "thumbs.db", "desktop.ini"}


def visible(path: PurePath) -> bool:
    """Tell whether the last part of a path is the name of data (``.ipynb_checkpoints``, ``.git``, ``._x`` are not)."""
    return not path.name.startswith(".") and path.name.lower() not in _LEFT_BY_SYSTEMS


def walk(folder: Path) -> Iterator[Path]:
    """Yield the visible files of a folder and of its visible subfolders, in the order of their names."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if visible(PurePath(name)))
        for name in sorted(names):
            path = Path(place, name)
            if visible(path) and path.is_file():
                yield path
