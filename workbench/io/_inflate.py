"""Gzip and zlib as a stream: several members one after the other, and whatever lies behind the last one.

RFC 1952 lets a gzip file consist of several members. Transfer tools pad files with zeros or leave other bytes behind
the end; `gunzip` ignores them with a warning, and so does this.
"""

from __future__ import annotations

import io
from typing import IO, Any

_MAGIC = b"\x1f\x8b"
_INPUT = 1 << 18
#: Headers are short, and the decoder copies what it is given and does not need.
_FIRST = 1 << 12
_AUTO = 47  # gzip or zlib, told by the first bytes


class Inflated(io.RawIOBase):
    """The decompressed bytes of `file`, from its present position on.

    Attributes
    ----------
    trailing : int
        Bytes behind the last member, known once the end has been read.

    Raises
    ------
    EOFError
        When a member ends before its end mark.
    ValueError
        When the data is damaged or its checksum is wrong.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._pending = file.read(_FIRST)
        self._is_gzip = self._pending[:2] == _MAGIC
        self._decoder: Any = _new_decoder()
        self._fresh = 0  # bytes read of a further member that has given none yet
        self.trailing = 0

    def readable(self) -> bool:
        """Tell that this is a stream to read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as the next piece goes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        while len(view) and self._decoder is not None:
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

    def _inflate(self, most: int) -> bytes:
        from isal import isal_zlib

        given = self._pending or self._file.read(_INPUT)
        self._pending = b""
        try:
            piece: bytes = self._decoder.decompress(given, most)
        except isal_zlib.error as error:  # type: ignore[misc]
            if not self._fresh:
                raise ValueError(f"the compressed data is damaged: {error}") from error
            return self._end(self._fresh)  # it only looked like another member
        if not given and not piece and not self._decoder.eof:
            if not self._fresh:
                raise EOFError("the compressed data ends before its end mark")
            return self._end(self._fresh)
        if piece or self._decoder.eof:
            self._fresh = 0
        self._pending = self._decoder.unconsumed_tail
        return piece

    def _next_member(self) -> None:
        rest = self._decoder.unused_data
        padding = 0
        while True:
            kept = rest.lstrip(b"\0")
            padding += len(rest) - len(kept)
            if len(kept) >= len(_MAGIC) or not (more := self._file.read(_INPUT)):
                break
            rest = kept + more
        if self._is_gzip and kept[:2] == _MAGIC:
            self._decoder, self._pending, self._fresh = _new_decoder(), kept, padding + len(kept)
        else:
            self._end(padding + len(kept))

    def _end(self, found: int) -> bytes:
        self.trailing = found + sum(len(piece) for piece in iter(lambda: self._file.read(_INPUT), b""))
        self._decoder = None
        return b""


def _new_decoder() -> Any:
    from isal import isal_zlib

    return isal_zlib.decompressobj(_AUTO)
