"""From a path that a browser sent to what it may see, and from words about files to words that a browser may see."""

from __future__ import annotations

import os
import re
from pathlib import Path

from workbench.errors import FileError

#: The folders of an absolute path, of Linux and macOS or of Windows; addresses and fractions have something before.
_FOLDERS = re.compile(r"(?<![\w.:/~-])(?:/(?:[^\s/'\"]+/)+|[A-Za-z]:\\(?:[^\s\\'\"]+\\)+)")


def below(root: str | Path, relative: str, *, allow_hidden: bool = False) -> Path:
    """Resolve `relative` below the folder that the server shows, and refuse anything outside of it.

    Links are followed before the comparison, so a link that leads out of the folder is refused too.

    Raises
    ------
    FileError
        If the path leads out of `root`, or is hidden while hidden files are not shown.
        The message repeats what was asked for and never the server's own folders.
    """
    base = resolved(root)
    refusal = (
        f"Only files and folders below the server's folder can be opened; got {relative!r}. Copy them there, or have "
        "the server begin at a folder that holds both (--ServerApp.root_dir)."
    )
    if "\0" in relative:
        raise FileError(refusal.replace("\0", "?"))
    path = (base / relative.lstrip("/\\")).resolve()
    if not path.is_relative_to(base):
        raise FileError(refusal)
    if not allow_hidden and is_hidden(base, path):
        raise FileError(f"Hidden files are not shown by this server; got {relative!r}. Rename the file.")
    return path


def inside(root: str | Path, relative: str, *, allow_hidden: bool = False) -> Path:
    """Resolve the path of a file as `below` does.

    Raises
    ------
    FileError
        As `below`; also if it is no file.
    """
    path = below(root, relative, allow_hidden=allow_hidden)
    if not path.is_file():
        raise FileError(f"There must be a file at {relative!r}, but there is none. Refresh the file browser.")
    return path


def resolved(root: str | Path) -> Path:
    """Return the folder that the server shows, links followed."""
    return Path(root).expanduser().resolve()


def is_hidden(base: Path, path: Path) -> bool:
    """Tell whether a path below `base` has a part that begins with a dot."""
    return any(part.startswith(".") for part in path.relative_to(base).parts)


def discreet(words: str, root: str | Path) -> str:
    """Return words without the folders of the server: where it keeps its files is nobody's business but its own.

    Examples
    --------
    >>> discreet("/srv/jo/runs/a is gone; so is /mnt/scans/b.nii (epoch 3/10)", "/srv/jo")
    'runs/a is gone; so is …/b.nii (epoch 3/10)'
    """
    base = resolved(root)
    if base == Path(base.anchor):
        return words
    own = re.escape(str(base))
    inner = re.sub(rf"{own}(?![\w-]|\.\w)", "this folder", re.sub(own + re.escape(os.sep), "", words))
    return _FOLDERS.sub("…/", inner)
