"""Voxels behind a text header (NRRD, MetaImage): in the same file, in another, or spread over several.

Several files are pieces of equal length, one after the other, the slowest axis last. They are named one by one or by a
pattern of numbers, and must lie in the folder of the header.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from workbench._arrays import Array
from workbench.errors import FileError
from workbench.io import _files

_PATTERN = re.compile(r"[^%]*%0?\d*d[^%]*")
_MOST_FILES = 1 << 16
_LONGEST_LINE = 1 << 20
#: What ends the names of a list: an empty line, or the end of the header.
ENCODINGS = ("raw", "gzip", "bzip2", "ascii", "hex")


@dataclass(frozen=True)
class Pieces:
    """The files, and how their bytes become numbers.

    Attributes
    ----------
    files : sequence of Path
        One or more, in order.
    encoding : str
        One of `ENCODINGS`; ``"gzip"`` takes zlib, too.
    start : int
        Byte of the file at which lines are counted from.
    lines : int
        Lines to leave out.
    skip : int
        Bytes to leave out of what the encoding gives; -1 takes the last bytes of a raw file.
    """

    files: Sequence[Path]
    encoding: str
    start: int = 0
    lines: int = 0
    skip: int = 0

    def check(self, header: Path, sizes: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Raise if the files are too short for what the header promises, or memory is."""
        needed = _files.count_bytes(sizes, dtype)
        count = len(self.files)
        if needed % (count * dtype.itemsize):
            raise FileError(
                f"{header}: {count} data files do not share {sizes} voxels evenly. Correct the list, or get the files "
                "that are missing."
            )
        for file in self.files:
            size = file.stat().st_size
            if self.encoding in {"ascii", "hex"}:
                least = needed // dtype.itemsize if self.encoding == "ascii" else 2 * needed
                if least // count > size:
                    raise FileError(f"{file} is cut short: it promises {sizes} numbers as text. Get a fresh copy.")
            elif self.encoding != "bzip2":
                offset = max(self.skip, 0) + (self._after_lines(file) if self.encoding == "raw" else 0)
                _files.check_promise(file, needed // count, offset, compressed=self.encoding == "gzip")
        _files.check_memory(header, needed)

    def is_whole(self, sizes: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        """Tell whether the length alone says that nothing is missing; otherwise reading it has to."""
        if self.encoding == "raw":
            return True
        if self.encoding != "gzip" or self.skip:
            return False
        needed = _files.count_bytes(sizes, dtype) // len(self.files)
        return not any(_files.gzip_length_is_wrong(file, needed) for file in self.files)

    def rest(self, sizes: tuple[int, ...], dtype: np.dtype[Any]) -> list[str]:
        """Return a note on bytes behind the voxels of raw files; what follows compressed ones shows in reading."""
        if self.encoding != "raw" or self.skip == -1:
            return []
        needed = _files.count_bytes(sizes, dtype) // len(self.files)
        count = sum(file.stat().st_size - self._after_lines(file) - self.skip - needed for file in self.files)
        return [f"{count:,} bytes {_files.BEHIND}"] if count > 0 else []

    def read(self, sizes: tuple[int, ...], dtype: np.dtype[Any], notes: list[str]) -> Array:
        """Return the voxels, first axis fastest, in native byte order; what is odd behind them goes into `notes`."""
        if len(self.files) == 1:
            return self._read_file(self.files[0], sizes, dtype, notes)
        out = np.empty(sizes, dtype.newbyteorder("="), order="F")
        flat = out.reshape(-1, order="F")  # a view, being in that order
        length = flat.size // len(self.files)
        for number, file in enumerate(self.files):
            with _files.damage_becomes_file_error(file, "voxels"):  # of many files, the one that is damaged
                flat[number * length : (number + 1) * length] = self._read_file(file, (length,), dtype, notes)
        return out

    def _after_lines(self, file: Path) -> int:
        if not self.lines:
            return self.start
        with file.open("rb") as stream:
            stream.seek(self.start)
            for _ in range(self.lines):
                stream.readline(_LONGEST_LINE)
            return stream.tell()

    def _read_file(self, file: Path, sizes: tuple[int, ...], dtype: np.dtype[Any], notes: list[str]) -> Array:
        offset = self._after_lines(file)
        if self.encoding == "raw":
            needed = _files.count_bytes(sizes, dtype)
            offset = file.stat().st_size - needed if self.skip == -1 else offset + self.skip
            return _files.read_array(file, offset, sizes, dtype, packed=False)
        with file.open("rb") as raw:
            raw.seek(offset)
            if self.encoding == "ascii":
                numbers = np.array(raw.read().split(), dtype=dtype.newbyteorder("="))
                return numbers.reshape(sizes, order="F")
            stream = self._decoded(raw)
            _files.skip(stream, self.skip)
            return _files.read_stream(stream, file, sizes, dtype, notes)

    def _decoded(self, raw: IO[bytes]) -> IO[bytes]:
        import bz2
        import io

        if self.encoding == "bzip2":
            return cast("IO[bytes]", bz2.BZ2File(raw))
        if self.encoding == "hex":
            return io.BytesIO(bytes.fromhex(raw.read().decode("ascii", "replace")))
        from workbench.io._inflate import Inflated

        return cast("IO[bytes]", Inflated(raw))


def named(header: Path, words: str, names: Sequence[str]) -> list[Path]:
    """Return the files that a header names.

    Parameters
    ----------
    header : Path
        The header's file.
    words : str
        What the field says: a name, ``LIST``, or a pattern with first, last and step (``slice%03d.raw 1 20 1``).
    names : sequence of str
        The lines after a ``LIST``.

    Raises
    ------
    FileError
        If a file is missing or lies outside of the header's folder, or the pattern is none.
    """
    if words.upper().split()[:1] == ["LIST"]:
        found = [name.strip() for name in names if name.strip()]
        if not found:
            raise FileError(f"{header}: the list of its data files is empty. {_files.AGAIN}")
    elif "%" in words:
        found = _counted(header, words)
    else:
        found = [words]
    if len(found) > _MOST_FILES:
        raise FileError(f"{header} names {len(found):,} data files, more than {_MOST_FILES:,}. {_files.CORRECT}")
    return [_files.beside(header, name) for name in found]


def _counted(header: Path, words: str) -> list[str]:
    parts = words.split()
    place = next((number for number, part in enumerate(parts) if "%" in part), 0)
    pattern, numbers = " ".join(parts[: place + 1]), parts[place + 1 :]
    try:
        first, last, step = (int(word) for word in [*numbers, "1"][:3])
        files = range(first, last + (1 if step > 0 else -1), step)
    except ValueError:
        files = range(0)
    if not _PATTERN.fullmatch(pattern) or not files:
        raise FileError(
            f"{header}: data files by number are a name with one %d, the first number, the last and the step; it says "
            f"{words[:60]!r}. {_files.CORRECT}"
        )
    return [pattern % number for number in files[: _MOST_FILES + 1]]
