"""Files and folders that appear whole or not at all: the only temporary names, waits for the disk and renames here."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

T = TypeVar("T")

#: Encoders look at the end of a name, and at this before it (".ome.tif").
_BEFORE_LAST = ".ome"
_LONGEST_ENDING = 8
# An open reader makes a rename fail on Windows, and a rename a reader; either is gone within milliseconds.
_ATTEMPTS = 20
_PAUSE_SECONDS = 0.01


def temporary_beside(path: Path) -> Path:
    """Return a hidden name beside `path` that ends like it and says nothing else of it.

    It is short, as `path` may be as long as a name can be, and drawn at random, as `path` may name a patient.
    """
    known = _BEFORE_LAST if path.stem.lower().endswith(_BEFORE_LAST) else ""
    return _hidden(path.parent, f"{known}{path.suffix}"[-_LONGEST_ENDING:])


def _hidden(folder: Path, ending: str = "") -> Path:
    return folder / f".{secrets.token_hex(4)}{ending}"


@contextlib.contextmanager
def writing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a temporary name beside `path`; what is written there becomes `path` at the end of the ``with`` block.

    If the block is left by an exception, `path` is as it was and the temporary file is gone. A link is followed, so
    that it stays one. What cannot be replaced (a device, a pipe) is written to as it is.

    Parameters
    ----------
    path : Path
        The file to make or to replace.
    durable : bool
        Whether to wait until the disk has it, so that a power cut too leaves the old or the new file.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written.
    """
    target = path.resolve() if path.is_symlink() else path
    if target.exists() and not target.is_file():
        yield target
        return
    temporary = temporary_beside(target)
    try:
        yield temporary
        if durable:
            _sync(temporary, os.O_RDWR)
        replace(temporary, target)
    except OSError as error:
        if error.filename is None or Path(error.filename) != temporary:
            raise
        # what failed is the file that was asked for; nobody knows the other name
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):  # what went wrong before is what counts
            temporary.unlink(missing_ok=True)
    if durable:
        sync_folder(target.parent)


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace the file `path` by `text` in UTF-8, line ends as they are; a reader sees the old or the new file.

    Parameters and errors are those of :func:`writing`.
    """
    with writing(path, durable=durable) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


@contextlib.contextmanager
def making_folder(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give an empty temporary folder beside `path` that becomes `path` at the end of the ``with`` block.

    Parameters are those of :func:`writing`. An empty folder at `path` gives way; one that holds something does not,
    because it cannot be replaced in one step: the caller says what is to become of it.

    Raises
    ------
    OSError
        If `path` is there and holds something, or cannot be written.
    """
    temporary = _hidden(path.parent)
    try:
        temporary.mkdir()
        yield temporary
        if durable:
            sync_folder(temporary)
        if path.is_dir():
            path.rmdir()
        replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if durable:
        sync_folder(path.parent)


def replace(source: Path, target: Path) -> None:
    """Rename `source` to `target`, replacing a file of that name, as one step."""
    patiently(lambda: source.replace(target))


def patiently(action: Callable[[], T]) -> T:
    """Return what `action` returns; on Windows it is tried again while another process has the file open."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return action()
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(_PAUSE_SECONDS)
    return action()


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there; a crash half way through never leaves a folder that looks whole."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    doomed = path
    if not path.name.startswith("."):
        doomed = _hidden(path.parent)
        replace(path, doomed)
    shutil.rmtree(doomed)


def sync(stream: IO[Any]) -> None:
    """Wait until all that was written to `stream` is on the disk."""
    stream.flush()
    os.fsync(stream.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in folder `path` are on the disk (without effect where folders cannot be opened)."""
    if os.name != "nt":
        _sync(path, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
