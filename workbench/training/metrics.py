"""The metrics of a run: one JSON object per line, appended by the worker, read by anybody at any time."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workbench import _atomic
from workbench.errors import FileError
from workbench.jobs.files import plain

# Four times a second is smooth to the eye and costs nothing beside a training step.
FLUSH_SECONDS = 0.25


class MetricsWriter:
    """Appends lines to a metrics file.

    Parameters
    ----------
    path : Path
        The file; created if it does not exist.
    keep : int or None
        Cut the file to this many bytes first: what a checkpoint recorded (`position`), so that the lines
        after it are not there twice when the steps after it are taken again.
    """

    def __init__(self, path: Path, keep: int | None = None) -> None:
        self._stream = path.open("ab")
        size = self._stream.seek(0, os.SEEK_END)
        self.missing = max(0, (keep or 0) - size)
        if keep is not None and size > keep:
            self._stream.truncate(keep)
            self._stream.seek(0, os.SEEK_END)
        self._flushed = time.monotonic()

    def append(self, line: dict[str, Any]) -> None:
        """Add one line; it reaches readers within `FLUSH_SECONDS` if lines keep coming."""
        text = json.dumps(plain(line), separators=(",", ":"), allow_nan=False)
        self._stream.write(text.encode() + b"\n")
        now = time.monotonic()
        if now - self._flushed > FLUSH_SECONDS:
            self._stream.flush()
            self._flushed = now

    def position(self) -> int:
        """Put all lines on the disk and return the size of the file in bytes."""
        _atomic.sync(self._stream)
        return self._stream.tell()

    def flush(self) -> None:
        """Hand all lines to readers."""
        self._stream.flush()

    def close(self) -> None:
        """Hand all lines to readers and close the file."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Cursor:
    """How far a reader has read: a byte offset, and the line before it to notice a file that was cut back."""

    offset: int = 0
    last: bytes = b""


@dataclass(frozen=True)
class Follow:
    """What is new in a metrics file.

    Attributes
    ----------
    lines : list of dict
        The complete lines after the cursor.
    cursor : Cursor
        Where to go on from.
    restarted : bool
        True if the run was resumed from a checkpoint before the cursor: `lines` then holds everything
        from the beginning, and what was read earlier is to be forgotten.
    """

    lines: list[dict[str, Any]]
    cursor: Cursor
    restarted: bool = False


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return every complete line of a metrics file; a torn last line (being written, or cut by a crash) is left out.

    Raises
    ------
    FileError
        If a line other than the last is not a JSON object; the message tells which.
    """
    return follow(path).lines


def follow(path: Path, cursor: Cursor | None = None) -> Follow:
    """Return the complete lines that were added since `cursor` (None: from the beginning).

    Raises
    ------
    FileError
        If a complete line is not a JSON object.
    """
    cursor = cursor or Cursor()
    try:
        with path.open("rb") as stream:
            stream.seek(cursor.offset - len(cursor.last))
            if stream.read(len(cursor.last)) != cursor.last:
                stream.seek(0)
                return _parse(stream.read(), Cursor(), path.name, restarted=True)
            return _parse(stream.read(), cursor, path.name, restarted=False)
    except FileNotFoundError:
        return Follow([], Cursor(), restarted=cursor.offset > 0)


def _parse(content: bytes, start: Cursor, name: str, *, restarted: bool) -> Follow:
    pieces = content.split(b"\n")
    complete, last, offset = pieces[:-1], start.last, start.offset
    lines = []
    for index, piece in enumerate(complete):
        try:
            line = json.loads(piece)
            if not isinstance(line, dict):
                raise ValueError("not an object")
        except ValueError as error:
            if index == len(complete) - 1 and not pieces[-1]:
                break  # the last line: torn by a power cut
            raise FileError(
                f"Every line of {name} but the last must hold one JSON object, but the line at byte {offset} does not "
                f"({error}). The file was edited or damaged: restore it, or remove that line."
            ) from error
        lines.append(line)
        last = piece + b"\n"
        offset += len(last)
    return Follow(lines, Cursor(offset, last), restarted)
