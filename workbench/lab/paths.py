"""From a path that a browser sent to a file that it may see."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import FileError


def inside(root: str | Path, relative: str, *, allow_hidden: bool = False) -> Path:
    """Resolve `relative` below the folder that the server shows, and refuse anything outside of it.

    Links are followed before the comparison, so a link that leads out of the folder is refused too.

    Raises
    ------
    FileError
        If the path leads out of `root`, is hidden while hidden files are not shown, or is no file.
        The message repeats what was asked for and never the server's own folders.
    """
    base = Path(root).expanduser().resolve()
    refusal = (
        f"Only files below the server's folder can be opened; got {relative!r}. Copy the file there, or have the "
        "server begin at a folder that holds both (--ServerApp.root_dir)."
    )
    if "\0" in relative:
        raise FileError(refusal.replace("\0", "?"))
    path = (base / relative.lstrip("/\\")).resolve()
    if not path.is_relative_to(base):
        raise FileError(refusal)
    if not allow_hidden and any(part.startswith(".") for part in path.relative_to(base).parts):
        raise FileError(f"Hidden files are not shown by this server; got {relative!r}. Rename the file.")
    if not path.is_file():
        raise FileError(f"There must be a file at {relative!r}, but there is none. Refresh the file browser.")
    return path
