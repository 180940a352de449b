"""The chunks of a PNG: what Pillow tells only after it has decoded the pixels, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.errors import FileError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNK = 1 << 20
_KEPT = {b"IHDR", b"eXIf", b"acTL", b"tRNS", b"zTXt", b"tEXt"}


@dataclass(frozen=True)
class Chunks:
    """What is read of a PNG before its pixels.

    Attributes
    ----------
    depth : int
        Bits of a sample.
    colour : int
        0 grey, 2 colours, 3 palette, 4 grey and alpha, 6 colours and alpha.
    frames : int
        1, or the frames of an animation.
    orientation : int
        The EXIF tag, 1 where there is none.
    transparent : bool
        Whether one colour is declared to be transparent.
    whole : bool
        Whether the last block (IEND) is there; only decoding tells whether anything else is missing.
    """

    depth: int
    colour: int
    frames: int
    orientation: int
    transparent: bool
    whole: bool


def read(path: Path) -> Chunks:
    """Walk over the chunks of a PNG without decoding its pixels.

    Raises
    ------
    FileError
        If it has no header, or ends before its pixels.
    """
    found: dict[bytes, bytes] = {}
    pixels = False
    with path.open("rb") as file:
        file.seek(len(SIGNATURE))
        size = path.stat().st_size
        while True:
            head = file.read(8)
            length, name = int.from_bytes(head[:4], "big"), head[4:]
            whole, pixels = name == b"IEND", pixels or name == b"IDAT"
            if whole or len(head) < 8 or file.tell() + length + 4 > size:
                break
            start = file.tell()
            if name in _KEPT and length <= _MOST_CHUNK:
                content = file.read(length)
                if name not in {b"zTXt", b"tEXt"} or content.startswith(b"Raw profile type "):
                    found.setdefault(name, content)
            file.seek(start + length + 4)
    if not whole and not pixels:
        raise FileError(f"{path} is cut short: it ends before its pixels. Get a fresh copy.")
    header = found.get(b"IHDR", b"")
    if len(header) != 13:
        raise FileError(f"{path} is a PNG without a header (IHDR). Get a fresh copy.")
    frames = int.from_bytes(found.get(b"acTL", b"")[:4], "big")
    return Chunks(header[8], header[9], max(frames, 1), _orientation(found), b"tRNS" in found, whole)


def _orientation(found: dict[bytes, bytes]) -> int:
    from PIL import Image

    from workbench.io import _orientation

    exif = found.get(b"eXIf") or _raw_profile(found.get(b"zTXt", b""), found.get(b"tEXt", b""))
    tags = Image.Exif()
    try:
        tags.load(exif)
    except (SyntaxError, ValueError):
        return 1  # EXIF that cannot be read says nothing
    return _orientation.known(tags.get(_orientation.TAG))


def _raw_profile(packed: bytes, plain: bytes) -> bytes:
    """Return EXIF from the text block that some programs wrote before PNG had a block for it: hexadecimal, in lines."""
    import zlib

    if packed.startswith(b"Raw profile type exif\0\0"):
        try:
            text = zlib.decompressobj().decompress(packed.split(b"\0\0", 1)[1], _MOST_CHUNK)
        except zlib.error:
            return b""
    elif plain.startswith(b"Raw profile type exif\0"):
        text = plain.split(b"\0", 1)[1]
    else:
        return b""
    try:
        return bytes.fromhex(b"".join(text.split()[2:]).decode("ascii", "replace"))
    except ValueError:
        return b""
