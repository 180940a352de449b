"""Bytes in and out: errors in our words, sizes checked before memory is taken, gzip, writing all or nothing."""

from __future__ import annotations

import bz2
import io
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from workbench import _atomic, _geometry
from workbench._words import size
from workbench.errors import FileError, InputError, WorkbenchError
from workbench.io._doubt import Doubt
from workbench.io._inflate import Inflated

T = TypeVar("T")

#: Deflate cannot shrink data by more than this factor, so a longer promise is a lie.
DEFLATE_LIMIT = 1032
_PIECE = 1 << 22
#: What is read behind the voxels: tags of MGH, not what somebody packed there to fill the memory.
_MOST_BEHIND = 1 << 20
_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"

#: The end of a note on a file that is longer than its header promises.
BEHIND = "behind the voxels that the header speaks of were left alone"
_NO_END = Doubt("the compressed data breaks off behind the last voxel, so that its checksum could not be tested")
_WRONG_SUM = Doubt(
    "the checksum of the compressed data is not that of what it holds: a value may be wrong. Compare with another copy"
)
#: What to do about a header that cannot be true, and about one that may be.
AGAIN = "It is damaged; get a fresh copy."
CORRECT = "Correct the header with the tool that wrote the file, or convert the file again from its source."


@contextmanager
def damage_becomes_file_error(path: object, what: str, *, private: bool = False) -> Iterator[None]:
    """Turn whatever a decoder raises on a damaged file into a FileError.

    With `private`, neither the words nor the traceback of the original error are kept: they may quote patient data.
    """
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as error:
        if private:
            raise FileError(_damage(path, what, type(error).__name__)) from None
        raise FileError(_damage(path, what, f"{type(error).__name__}: {error}")) from error


def _damage(path: object, what: str, cause: str) -> str:
    return f"{path} cannot be read as {what}; it is damaged or of a kind not supported ({cause}). Get a fresh copy."


def guarded(path: Path, what: str, function: Callable[[], T], *, private: bool = False) -> Callable[[], T]:
    """Return `function` wrapped in :func:`damage_becomes_file_error`."""

    def call() -> T:
        with damage_becomes_file_error(path, what, private=private):
            return function()

    return call


def count_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return the bytes that voxels take, in whole numbers that cannot overflow."""
    return math.prod(int(n) for n in shape) * dtype.itemsize


def is_gzip(path: Path) -> bool:
    """Tell whether a file begins with the two bytes of gzip."""
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def is_bzip2(path: Path) -> bool:
    """Tell whether a file begins like bzip2."""
    with path.open("rb") as file:
        return file.read(len(_BZIP2)) == _BZIP2


def packing_of(path: Path) -> str:
    """Return how a whole file is compressed: ``"gzip"``, ``"bzip2"`` or not at all (``""``)."""
    return "gzip" if is_gzip(path) else "bzip2" if is_bzip2(path) else ""


def open_stream(path: Path, *, packed: bool | None = None) -> IO[bytes]:
    """Open a file for reading; gzip is undone, whatever members it consists of, and bzip2.

    `packed` says whether it is gzip where another file has told; otherwise its first bytes do.
    """
    file = path.open("rb")
    if packed is None:
        head = file.peek(len(_BZIP2))
        packed = head.startswith(_GZIP)
        if head.startswith(_BZIP2):
            file.close()
            return cast("IO[bytes]", bz2.open(path))
    return cast("IO[bytes]", io.BufferedReader(Inflated(file))) if packed else file


def read_head(path: Path, count: int) -> bytes:
    """Return up to `count` first bytes, gzip and bzip2 undone; what a damaged file gives is given."""
    head = b""
    with open_stream(path) as stream:
        try:
            while len(head) < count and (piece := stream.read1(count - len(head))):  # type: ignore[attr-defined]
                head += piece
        except (EOFError, ValueError, OSError):
            # what a damaged file gives is enough to tell its format; reading it will say what is wrong
            return head
    return head


def read_unpacked(path: Path, notes: list[str]) -> bytes:
    """Return all of a file, gzip and bzip2 undone; of one that breaks off what is there, which is noted."""
    pieces: list[bytes] = []
    with open_stream(path) as stream:
        try:
            while piece := stream.read1(_PIECE):  # type: ignore[attr-defined]
                pieces.append(piece)
        except EOFError:
            notes.append(_NO_END)
        _doubt_sum(stream, notes)
    return b"".join(pieces)


def check_promise(path: Path, needed: int, offset: int = 0, *, compressed: bool | None = None) -> None:
    """Raise if a file is too short for the `needed` bytes that its header promises after `offset`.

    Also refuses what the free memory cannot hold. Nothing is allocated.
    """
    size = path.stat().st_size
    if compressed is None and is_bzip2(path):
        return check_memory(path, needed)  # bzip2 may shrink data by any factor
    packed = is_gzip(path) if compressed is None else compressed
    most = size * DEFLATE_LIMIT if packed else size
    if offset + needed > most:
        raise FileError(
            f"{path} is cut short: its header promises {needed:,} bytes of voxels from byte {offset:,}, "
            f"the {'compressed ' if packed else ''}file has {size:,} bytes. Get a fresh copy."
        )
    return check_memory(path, needed)


def check_memory(
    path: object, needed: int, remedy: str = "If the size is true, use a machine with more memory or a cropped file."
) -> None:
    """Raise if `needed` bytes are more than the free memory; `remedy` says what to do then."""
    if needed < 1 << 26:
        return
    import psutil

    free = psutil.virtual_memory().available
    if needed > free:
        raise FileError(f"{path} promises {size(needed)} of voxels; {size(free)} of memory are free. {remedy}")


def usable_affine(path: Path, affine: Any) -> NDArray[np.float64]:
    """Return the affine of a file's header (voxel to RAS mm) if it is one.

    Raises
    ------
    FileError
        If it is not finite or is singular.
    """
    try:
        return _geometry.check_affine(affine)
    except InputError as error:
        raise FileError(f"{path} has no usable geometry. {error} {CORRECT}") from None


def plain_size(path: Path) -> int:
    """Return the size of a file; of a gzip file what its last bytes say of it decompressed, modulo 2**32."""
    return _last_length(path) if is_gzip(path) else path.stat().st_size


def gzip_length_is_wrong(path: Path, expected: int) -> bool:
    """Tell whether the length at the end of a gzip stream is not `expected`: it is cut, or of several members."""
    return _last_length(path) != expected % 2**32


def _last_length(path: Path) -> int:
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def fill(stream: IO[bytes], array: NDArray[Any], path: Path) -> None:
    """Read bytes into a contiguous array; raise if there are too few."""
    view = _bytes_of(array)
    done = 0
    while done < len(view):
        try:
            count = stream.readinto(view[done : done + _PIECE])  # type: ignore[attr-defined]
        except EOFError:
            count = 0
        if not count:
            raise FileError(f"{path} is cut short: {done:,} of {len(view):,} bytes of voxels. Get a fresh copy.")
        done += count


def _bytes_of(array: NDArray[Any]) -> memoryview:
    # a view, not a copy: both layouts are one piece of memory
    flat: Any = array.T.reshape(-1) if array.flags.f_contiguous else array.reshape(-1)
    return memoryview(flat.view(np.uint8))


def read_array(
    path: Path,
    offset: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    notes: list[str] | None = None,
    *,
    packed: bool | None = None,
    last: bool = False,
) -> NDArray[Any]:
    """Read voxels stored first axis fastest, after `offset` bytes, gzip undone, into native byte order.

    What is odd about the end of the file is added to `notes`; with `last`, also that something follows the voxels.
    """
    array = np.empty(shape, dtype=dtype, order="F")
    notes = [] if notes is None else notes
    with open_stream(path, packed=packed) as stream:
        skip(stream, offset)
        fill(stream, array, path)
        _look_behind(stream, notes, last=last)
        trailing = getattr(getattr(stream, "raw", None), "trailing", 0)
        if trailing:
            notes.append(f"{trailing:,} bytes behind the end of the compressed data were left alone")
    return native(array)


def _look_behind(stream: IO[bytes], notes: list[str], *, last: bool) -> None:
    """Read on behind the voxels: the checksum lies there, and is only tested by whoever reads that far."""
    try:
        more = stream.read(_MOST_BEHIND)
    except EOFError:
        notes.append(_NO_END)  # all voxels are there, and other readers do not look any further
        return
    _doubt_sum(stream, notes)
    if more and last:
        notes.append(f"bytes {BEHIND}")


def _doubt_sum(stream: IO[bytes], notes: list[str]) -> None:
    if getattr(getattr(stream, "raw", stream), "doubtful", False):
        notes.append(_WRONG_SUM)


def native(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that may be written over in the byte order of this machine."""
    return array if array.dtype.isnative else array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))


def read_stream(
    stream: IO[bytes], path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], notes: list[str]
) -> NDArray[Any]:
    """Read voxels like :func:`read_array` from an open stream that nothing should follow them in."""
    array = np.empty(shape, dtype=dtype, order="F")
    fill(stream, array, path)
    _look_behind(stream, notes, last=True)
    return native(array)


def skip(stream: IO[bytes], count: int) -> None:
    """Move `count` bytes ahead without keeping them."""
    while count:
        piece = stream.read(min(count, _PIECE))
        if not piece:
            return
        count -= len(piece)


def beside(header: Path, name: str) -> Path:
    """Return the path of the data file that a header names; it must lie in the header's own folder.

    Raises
    ------
    FileError
        If the name leads elsewhere (an absolute path, ``..``, a link), or the file is missing.
    """
    folder = header.parent.resolve()
    target = (folder / name.replace("\\", "/")).resolve()
    if not target.is_relative_to(folder):
        raise FileError(
            f"{header} names a data file outside of its own folder ({name!r}), which is refused. Move it there."
        )
    if not target.is_file():
        raise FileError(f"{header} names the data file {name!r}, which is not beside it. Put both in one folder.")
    return target


def header_of(path: Path) -> Path:
    """Return the ``.hdr`` that describes the voxels of an ``.img``, and any other path as it is.

    Raises
    ------
    FileError
        If there is none beside it.
    """
    if not path.name.lower().endswith((".img", ".img.gz")) or not path.is_file():
        return path
    return _partner(path, ".img", ".hdr", "the header that says what its voxels are")


def voxels_beside(header: Path) -> Path:
    """Return the ``.img`` that a ``.hdr`` describes.

    Raises
    ------
    FileError
        If there is none beside it.
    """
    return _partner(header, ".hdr", ".img", "the voxels that it describes")


def _partner(path: Path, own: str, other: str, what: str) -> Path:
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    stem = name[: -len(own)] if name.lower().endswith(own) else Path(name).stem
    wanted = [f"{stem}{suffix}" for suffix in (other, other.upper(), f"{other}.gz")]
    found = next((path.with_name(name) for name in wanted if path.with_name(name).is_file()), None)
    if found is None:
        raise FileError(f"{path} needs {wanted[0]} beside it, {what}. Put both into one folder.")
    return found


def write_array(stream: IO[bytes], array: NDArray[Any]) -> None:
    """Write voxels first axis fastest, one slab at a time so that no second copy of the volume is made."""
    turned = array.T
    if turned.ndim < 2:
        stream.write(np.ascontiguousarray(turned).tobytes())
        return
    for slab in turned:
        stream.write(np.ascontiguousarray(slab).data)


def deflate(array: NDArray[Any], *, gzip: bool) -> list[bytes]:
    """Compress voxels first axis fastest, one slab at a time, as a gzip or zlib stream; returns its pieces."""
    from isal import isal_zlib

    coder = isal_zlib.compressobj(2, isal_zlib.DEFLATED, 31 if gzip else 15)
    return [*(coder.compress(np.ascontiguousarray(slab).data.cast("B")) for slab in array.T), coder.flush()]


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary name for a file as :func:`workbench._atomic.writing` does, where `path` can be one.

    Raises
    ------
    FileError
        If its folder is not there, or a folder is there in its place.
    """
    if not path.parent.is_dir():
        raise FileError(f"The folder {path.parent} does not exist. Create it, then write {path.name}.")
    if path.is_dir():
        raise FileError(f"{path} is a folder. Give the name of a file in it.")
    with _atomic.writing(path) as temporary:
        yield temporary


@contextmanager
def refusal_becomes_error(path: Path) -> Iterator[None]:
    """Turn what the system or an encoder says against writing `path` into a FileError or an InputError."""
    try:
        yield
    except WorkbenchError:
        raise
    except OSError as error:
        raise FileError(
            f"{path} cannot be written ({error.strerror or error}). Choose a folder that is writable and has space."
        ) from error
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"This volume cannot be written as {path.name} ({error}). Choose another format.") from error
