"""Files in a zip archive, read in memory: nothing is unpacked to the disk, so no name in it can lead anywhere.

Only what ordinary archives use is read here, storing and deflating, with bounded sizes. Python's own reader would look
through the whole directory again for each of a thousand slices.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

from workbench import _checks
from workbench.errors import FileError
from workbench.io import _files
from workbench.io._visible import visible

_LOCAL = b"PK\x03\x04"
_EMPTY = b"PK\x05\x06"
_LOCAL_BYTES = 30
_ENCRYPTED = 1


@dataclass(frozen=True, order=True)
class Member:
    """A file in an archive, as much of a path as reading needs.

    Parameters
    ----------
    archive : Path
        The zip file.
    name : str
        Its name in the archive.
    start, packed, size : int
        Where its local header lies, and its bytes in the archive and unpacked.
    method, crc, flags : int
        How it is packed, the checksum of its bytes, the flags of the archive.
    """

    archive: Path
    name: str
    start: int
    packed: int
    size: int
    method: int
    crc: int
    flags: int

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"

    def open(self) -> BytesIO:
        """Return the unpacked bytes.

        Raises
        ------
        FileError
            If they are encrypted, packed in an unusual way, damaged, or more than the archive or the memory can hold.
        """
        if self.flags & _ENCRYPTED:
            raise FileError(f"{self.archive} is encrypted. Unpack it with its password and read the folder.")
        if self.method not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise FileError(
                f"{self.archive} is packed by method {self.method}, which is not supported (stored and deflated are). "
                "Unpack it and read the folder."
            )
        if self.size > (self.packed * _files.DEFLATE_LIMIT if self.method else self.packed):
            raise FileError(
                f"{self.archive} promises {self.size:,} bytes of a member that has {self.packed:,}. {_files.AGAIN}"
            )
        _files.check_memory(self.archive, self.size)
        return BytesIO(self._unpacked())

    def _unpacked(self) -> bytes:
        from isal import isal_zlib

        with self.archive.open("rb") as file:
            file.seek(self.start)
            head = file.read(_LOCAL_BYTES)
            file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
            raw = file.read(self.packed)
        whole = raw
        if self.method:
            # one byte more than promised is asked for: a longer stream is told, not cut
            whole = isal_zlib.decompressobj(-15).decompress(raw, self.size + 1)
        if head[:4] != _LOCAL or len(whole) != self.size or zlib.crc32(whole) != self.crc:
            raise FileError(f"{self.archive} is damaged: a member has not the bytes it promises. Get a fresh copy.")
        return whole


def is_zip(head: bytes) -> bool:
    """Tell whether bytes begin like a zip archive that is not NumPy's (whose first member is an array)."""
    length = int.from_bytes(head[26:28], "little")
    return head[:4] == _EMPTY or (head[:4] == _LOCAL and not head[30 : 30 + length].endswith(b".npy"))


def members(archive: Path) -> list[Member]:
    """Return the files of an archive, the hidden ones left out, in the order of their names."""
    with zipfile.ZipFile(archive) as opened:
        return sorted(
            Member(
                archive, info.filename, info.header_offset, info.compress_size, info.file_size,
                info.compress_type, info.CRC, info.flag_bits,
            )
            for info in opened.infolist()
            if not info.is_dir() and _is_data(info.filename)
        )  # fmt: skip


def _is_data(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return all(part == ".." or visible(Path(part)) for part in parts)


def describe(files: list[Member]) -> str:
    """Say what kinds of files there are, by known suffixes alone: names may be those of patients."""
    kinds = Counter(_checks.ending(Path(file.name)).lower() or "others" for file in files)
    return ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common(5)) or "nothing"
