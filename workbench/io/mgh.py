"""MGH and MGZ of FreeSurfer; the header is read by nibabel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.errors import FileError
from workbench.io import _brain, _files, _space
from workbench.io._doubt import Doubt
from workbench.io._format import Format
from workbench.volume import Volume

#: Version 1, big-endian, and the types of voxel that nibabel knows: bytes, 32-bit integers, floats, 16-bit integers.
_VERSION, _TYPES = b"\0\0\0\1", {0, 1, 3, 4, 10}
_MOST_TAGS = 1 << 20
#: Where the header says whether it knows the place of the voxels.
_FLAG = slice(28, 30)


class Mgh(Format):
    """MGH and MGZ."""

    name = "mgh"
    suffixes = (".mgh", ".mgz")
    can_write = False
    read_options = ("kind",)

    def sniff(self, head: bytes) -> bool:
        """The version, lengths above 0, and a known type."""
        numbers = [int.from_bytes(head[place : place + 4], "big") for place in range(4, 24, 4)]
        return head[:4] == _VERSION and len(head) >= 284 and numbers[4] in _TYPES and min(numbers[:4]) > 0

    def read(self, path: Path, **options: Any) -> Volume:
        """Read the header; frames become channels."""
        from nibabel.freesurfer.mghformat import MGHHeader, footer_dtype, header_dtype

        with _files.open_stream(path) as stream:
            head = stream.read(header_dtype.itemsize)
        if len(head) < header_dtype.itemsize:
            raise FileError(f"{path} is cut short: an MGH header has {header_dtype.itemsize} bytes, got {len(head)}.")
        placed = int.from_bytes(head[_FLAG], "big", signed=True) > 0
        if not placed:
            # a flag below 0 means the same, and nibabel fills in the default where it is 0
            head = head[: _FLAG.start] + bytes(2) + head[_FLAG.stop :]
        with _files.damage_becomes_file_error(path, "MGH"):
            header = MGHHeader(head + bytes(footer_dtype.itemsize))
        notes: list[str] = []
        if not placed:
            notes.append(Doubt(f"{_space.UNSTATED}; FreeSurfer's default was taken, with voxels of 1 mm"))
        if (frames := int(header["dims"][3])) > 1:
            notes.append(f"the {frames} frames are the channels; the time between them is not kept")
        end = header.get_data_offset() + header.get_data_size()
        # tags of any length follow the voxels, so only an end that is far off is odd
        odd = _files.is_gzip(path) and not end <= _files.plain_size(path) <= end + _MOST_TAGS
        affine: Any = header.get_affine()
        return _brain.volume(
            self, path, path, header, affine, kind=options.get("kind"), notes=notes, odd_end=odd,
            space=_space.space(placed=placed, sized=False),
        )  # fmt: skip
