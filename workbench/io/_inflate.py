"""Gzip and zlib as a stream: several members one after the other, and whatever lies behind the last one.

RFC 1952 lets a gzip file consist of several members. Transfer tools pad files with zeros or leave other bytes behind
the end; `gunzip` ignores them with a warning, and so does this. A checksum that is not that of the data is told and
not an error, as the data may be whole: other readers do not even look at it.
"""

from __future__ import annotations

import io
from typing import IO, Any

_MAGIC = b"\x1f\x8b"
_INPUT = 1 << 18
#: Headers are short, and the decoder copies what it is given and does not need.
_FIRST = 1 << 12
#: The headers are read here, so that the decoder does not end over a checksum.
_RAW = -15
_DEFLATE = 8
# flags of RFC 1952: a checksum of the header, further fields, a name, a comment, and what must not be set
_HEADER_SUM, _EXTRA, _NAME, _COMMENT, _RESERVED = 2, 4, 8, 16, 0xE0
_PRESET = 0x20  # of RFC 1950: a dictionary that the reader has to know


class Inflated(io.RawIOBase):
    """The decompressed bytes of `file`, from its present position on.

    Attributes
    ----------
    trailing : int
        Bytes behind the last member, known once the end has been read.
    doubtful : bool
        Whether a checksum or a length was not that of the data, known once the end has been read.

    Raises
    ------
    EOFError
        When a member ends before its end mark.
    ValueError
        When the data is damaged.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._pending = file.read(_FIRST)
        self._is_gzip = self._pending[:2] == _MAGIC
        self._decoder: Any = _new_decoder()
        self._in_header = True
        self._fresh = 0  # bytes read of a further member that has given none yet
        self._sum, self._length = int(not self._is_gzip), 0
        self.trailing = 0
        self.doubtful = False

    def readable(self) -> bool:
        """Tell that this is a stream to read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as the next piece goes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        while len(view) and self._decoder is not None:
            if self._in_header:
                self._read_header()
                continue
            if self._decoder.eof:
                self._next_member()
                continue
            piece = self._inflate(len(view))
            if piece:
                view[: len(piece)] = piece
                return len(piece)
        return 0

    def close(self) -> None:
        """Close the file below, too."""
        self._file.close()
        super().close()

    def _read_header(self) -> None:
        head = _gzip_header if self._is_gzip else _zlib_header
        try:
            while (length := head(self._pending)) is None:
                more = self._file.read(_INPUT)
                if not more:
                    raise EOFError("the compressed data ends before its end mark")
                self._pending += more
                self._fresh += len(more) if self._fresh else 0
        except (ValueError, EOFError):
            if not self._fresh:
                raise
            self._end(self._fresh)  # it only looked like another member
            return
        self._pending, self._in_header = self._pending[length:], False

    def _inflate(self, most: int) -> bytes:
        from isal import isal_zlib

        given = self._pending or self._file.read(_INPUT)
        self._pending = b""
        try:
            piece: bytes = self._decoder.decompress(given, most)
        except isal_zlib.error as error:  # type: ignore[misc]
            if not self._fresh:
                raise ValueError(f"the compressed data is damaged: {error}") from error
            return self._end(self._fresh)
        if not given and not piece and not self._decoder.eof:
            if not self._fresh:
                raise EOFError("the compressed data ends before its end mark")
            return self._end(self._fresh)
        if piece or self._decoder.eof:
            self._fresh = 0
        self._sum = (isal_zlib.crc32 if self._is_gzip else isal_zlib.adler32)(piece, self._sum)
        self._length += len(piece)
        self._pending = self._decoder.unconsumed_tail
        return piece

    def _next_member(self) -> None:
        rest = self._check_end(self._decoder.unused_data)
        padding = 0
        while True:
            kept = rest.lstrip(b"\0")
            padding += len(rest) - len(kept)
            if len(kept) >= len(_MAGIC) or not (more := self._file.read(_INPUT)):
                break
            rest = kept + more
        if self._is_gzip and kept[:2] == _MAGIC:
            self._decoder, self._pending, self._fresh = _new_decoder(), kept, padding + len(kept)
            self._in_header, self._sum, self._length = True, 0, 0
        else:
            self._end(padding + len(kept))

    def _check_end(self, rest: bytes) -> bytes:
        """Compare the checksum, and the length of gzip, with those of the data; return what lies behind them."""
        size = 8 if self._is_gzip else 4
        while len(rest) < size and (more := self._file.read(_INPUT)):
            rest += more
        if len(rest) < size:
            raise EOFError("the compressed data ends before its end mark")
        if self._is_gzip:
            found = (int.from_bytes(rest[:4], "little"), int.from_bytes(rest[4:8], "little"))
            self.doubtful |= found != (self._sum, self._length % 2**32)
        else:
            self.doubtful |= int.from_bytes(rest[:4], "big") != self._sum
        return bytes(rest[size:])

    def _end(self, found: int) -> bytes:
        self.trailing = found + sum(len(piece) for piece in iter(lambda: self._file.read(_INPUT), b""))
        self._decoder, self._in_header = None, False
        return b""


def _gzip_header(data: bytes) -> int | None:
    """Return the length of the header that `data` begins with; None if there is more of it to be read."""
    fixed = 10
    if len(data) < fixed:
        return None
    if data[:2] != _MAGIC or data[2] != _DEFLATE or data[3] & _RESERVED:
        raise ValueError("the compressed data is damaged: its header is none of gzip")
    flags, end = data[3], fixed
    if flags & _EXTRA:
        end += 2 + int.from_bytes(data[end : end + 2], "little")
    for text in (_NAME, _COMMENT):
        if flags & text:
            zero = data.find(b"\0", end)
            if zero < 0:
                return None
            end = zero + 1
    if flags & _HEADER_SUM:
        end += 2
    return end if len(data) >= end else None


def _zlib_header(data: bytes) -> int | None:
    """Return the length of the header that `data` begins with; None if there is more of it to be read."""
    length = 2
    if len(data) < length:
        return None
    if data[0] & 15 != _DEFLATE or int.from_bytes(data[:length], "big") % 31 or data[1] & _PRESET:
        raise ValueError("the compressed data is damaged: its header is none of gzip or zlib")
    return length


def _new_decoder() -> Any:
    from isal import isal_zlib

    return isal_zlib.decompressobj(_RAW)
