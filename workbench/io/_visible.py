"""Which files of a folder are data: not the hidden ones, and not what systems and editors leave behind.

JupyterLab keeps copies of files that were opened in ``.ipynb_checkpoints``; macOS leaves ``._name`` beside files and
``__MACOSX`` in archives; Windows leaves ``Thumbs.db`` and ``desktop.ini``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_LEFT_BEHIND = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"}

#: Files beside the data that are no data: tables, texts, settings.
_BESIDE = (".txt", ".csv", ".tsv", ".json", ".xml", ".md", ".pdf", ".xlsx", ".bval", ".bvec", ".yaml", ".yml", ".html")


def visible(path: Path) -> bool:
    """Tell by its name whether a file or folder may hold data."""
    return not path.name.startswith(".") and path.name.lower() not in _LEFT_BEHIND


def beside(path: Path) -> bool:
    """Tell by its name whether a file lies beside the data and is none: a table, a text, settings."""
    return path.name.lower().endswith(_BESIDE)


def walk(folder: Path) -> Iterator[Path]:
    """Yield the visible files of a folder and of its visible subfolders, in order of their names."""
    for place, folders, names in os.walk(folder):
        # `folder` itself was named by the user, so it may be hidden
        folders[:] = sorted(name for name in folders if visible(Path(name)))
        yield from (Path(place) / name for name in sorted(names) if visible(Path(name)))
