"""MetaImage: a text header and raw or zlib voxels, in one file (.mha) or two (.mhd with .raw or .zraw).

Follows the MetaIO documentation and what ITK writes: positions are LPS, line i of ``TransformMatrix`` is the unit
vector of axis i, channels are interleaved.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench import _geometry
from workbench.errors import FileError, InputError
from workbench.io import _files, _meaning
from workbench.io._format import Format
from workbench.volume import Array, Volume

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
# MET_LONG has 4 bytes in the format, whatever the machine; the 8-byte names are written for 8-byte types
_NAMES = {np.dtype(code): name for name, code in _TYPES.items() if name not in {"MET_LONG", "MET_ULONG"}}
_MOST_HEADER = 1 << 16
_OURS = "MedicalWorkbench"


class MetaImage(Format):
    """MHA and MHD."""

    name = "metaimage"
    suffixes = (".mha", ".mhd")
    write_options = ("compress",)

    def sniff(self, head: bytes) -> bool:
        """A key of the header on the first line, and the number of axes soon after."""
        first = head.lstrip().split(b"=")[0].strip()
        return first in {b"ObjectType", b"NDims", b"Comment"} and b"NDims" in head

    def read(self, path: Path, **options: Any) -> Volume:  # noqa: ARG002
        """Read the header; a fourth axis and interleaved elements become channels."""
        fields, end = _parse(path)
        ndim = _number(fields, "NDims", path, int)
        if not 2 <= ndim <= 4:
            raise FileError(
                f"{path}: a MetaImage of 2 to 4 axes is a volume, its NDims is {ndim}. Save one volume of it, or get a "
                "fresh copy if it is damaged."
            )
        sizes = [int(n) for n in _numbers(fields, ("DimSize",), path, ndim)]
        inner = _number(fields, "ElementNumberOfChannels", path, int, 1)
        if min(sizes) < 1 or inner < 1:
            raise FileError(
                f"{path}: lengths and channels are 1 or more, the header says {sizes} and {inner}. {_files.AGAIN}"
            )
        name = fields.get("ElementType", "").upper().removesuffix("_ARRAY")
        if name not in _TYPES:
            raise FileError(
                f"{path}: the ElementType of a MetaImage is one of {', '.join(_TYPES)}, its header says {name!r}. Save "
                "it as MET_FLOAT."
            )
        big = _flag(fields, "BinaryDataByteOrderMSB") or _flag(fields, "ElementByteOrderMSB")
        dtype = np.dtype(_TYPES[name]).newbyteorder(">" if big else "<")
        stored = (inner, *sizes)
        packed = _flag(fields, "CompressedData")
        source, offset = _data_place(path, fields, end, _files.count_bytes(stored, dtype), packed)
        if packed:
            length = _number(fields, "CompressedDataSize", path, int, 0)
            if offset + length > source.stat().st_size:
                raise FileError(f"{source} is cut short: {length:,} compressed bytes are promised. Get a fresh copy.")
        _files.check_promise(source, _files.count_bytes(stored, dtype), offset, compressed=packed)

        meaning = _meaning.from_json(fields.get(_OURS, ""))
        affine = _meaning.exact_affine(meaning, _affine(fields, path, min(ndim, 3)))
        flat = ndim == 2 or _meaning.is_picture(meaning, sizes)
        spatial = tuple(sizes[:2] if flat else sizes[:3])
        channels = inner * (sizes[3] if ndim == 4 else 1)
        shape = (*spatial, channels) if channels > 1 else spatial
        axes = (*("i", "j", "k")[: len(spatial)], *("c",) * (channels > 1))

        def load() -> Array:
            reader = _files.inflate_array if packed else _files.read_array
            data = np.moveaxis(reader(source, offset, stored, dtype), 0, -1)
            return data.reshape((*sizes, inner)[:ndim] if inner == 1 else data.shape, order="F").reshape(
                shape, order="F"
            )

        kept = _meaning.merge(meaning, shape, dtype)
        native = dtype.newbyteorder("=")
        return self.lazy(path, load, affine, shape=shape, dtype=native, axes=axes, **kept)

    def write(self, volume: Volume, path: Path, **options: Any) -> None:
        """Write MHA, or MHD and its data file; ``compress=False`` stores the voxels raw."""
        if _geometry.has_shear(volume.affine):
            raise InputError(
                "MetaImage stores axes at right angles, and those of this volume are sheared (a tilted gantry?). "
                "Write NIfTI or NRRD, or resample_like an unsheared volume first."
            )
        packed = bool(options.get("compress", True))
        data = volume.data.view(np.uint8) if volume.dtype == bool else volume.data
        data = data.astype(np.float32) if data.dtype == np.float16 else data
        dtype = data.dtype.newbyteorder("=")
        if dtype not in _NAMES:
            raise InputError(f"MetaImage has no element type for {dtype}. Convert the data first.")
        detached = path.suffix.lower() == ".mhd"
        target = path.with_suffix(".zraw" if packed else ".raw") if detached else path
        voxels = np.moveaxis(data, -1, 0) if "c" in volume.axes else data
        voxels = voxels.astype(dtype.newbyteorder("<"), copy=False)
        if not packed:
            header = _header(volume, dtype, None, target.name if detached else "LOCAL")
            with _files.writing(target) as temporary, temporary.open("wb") as file:
                file.write(b"" if detached else header)
                _files.write_array(file, voxels)
        else:
            pieces = _files.deflate(voxels, gzip=False)
            header = _header(volume, dtype, sum(map(len, pieces)), target.name if detached else "LOCAL")
            with _files.writing(target) as temporary, temporary.open("wb") as file:
                file.write(b"" if detached else header)
                file.writelines(pieces)
        if detached:
            with _files.writing(path) as temporary:
                temporary.write_bytes(header)


def _parse(path: Path) -> tuple[dict[str, str], int]:
    with path.open("rb") as file:
        raw = file.read(_MOST_HEADER)
    fields: dict[str, str] = {}
    place = 0
    while place < len(raw):
        end = raw.find(b"\n", place)
        end = len(raw) if end < 0 else end
        key, found, value = raw[place:end].decode("latin-1").partition("=")
        place = end + 1
        if not found:
            if key.strip():
                raise FileError(f"{path}: a MetaImage header has lines 'key = value', got {key[:40]!r}. {_files.AGAIN}")
            continue
        # what we write is UTF-8, which latin-1 carries through unharmed
        fields[key.strip()] = value.strip().encode("latin-1").decode("utf-8", "replace")
        if key.strip() == "ElementDataFile":
            return fields, place
    raise FileError(
        f"{path}: a MetaImage header ends with ElementDataFile, this one has {sorted(fields)}. {_files.AGAIN}"
    )


def _data_place(path: Path, fields: dict[str, str], end: int, needed: int, packed: bool) -> tuple[Path, int]:
    name = fields["ElementDataFile"]
    if not _flag(fields, "BinaryData", True):
        raise FileError(f"{path}: MetaImage voxels written as text are not supported. Save it as binary.")
    if name.upper().startswith("LIST") or "%" in name:
        raise FileError(f"{path}: MetaImage voxels spread over several files are not supported. Save it as one file.")
    source, offset = (path, end) if name.upper() == "LOCAL" else (_files.beside(path, name), 0)
    skip = _number(fields, "HeaderSize", path, int, 0)
    if skip == -1 and not packed:
        return source, max(source.stat().st_size - needed, 0)
    if not 0 <= skip <= source.stat().st_size:
        raise FileError(
            f"{path}: HeaderSize lies in the data file of {source.stat().st_size:,} bytes, got {skip}. {_files.AGAIN}"
        )
    return source, offset + skip


def _affine(fields: dict[str, str], path: Path, ndim: int) -> Any:
    total = _number(fields, "NDims", path, int)
    spacing = _numbers(fields, ("ElementSpacing", "ElementSize"), path, total, [1.0] * total)
    origin = _numbers(fields, ("Offset", "Position", "Origin"), path, total, [0.0] * total)
    unit = np.eye(total).ravel().tolist()
    rows = _numbers(fields, ("TransformMatrix", "Rotation", "Orientation"), path, total * total, unit)
    matrix = np.eye(4)
    directions = np.array(rows).reshape(total, total).T[:ndim, :ndim]
    matrix[:ndim, :ndim] = directions * spacing[:ndim]
    matrix[:ndim, 3] = origin[:ndim]
    return _files.usable_affine(path, _geometry.LPS_RAS @ matrix)


def _header(volume: Volume, dtype: np.dtype[Any], packed: int | None, data_file: str) -> bytes:
    lps = _geometry.LPS_RAS @ volume.affine
    spatial = [*volume.spatial_shape, 1][:3]
    fields = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": True,
        "BinaryDataByteOrderMSB": False,
        "CompressedData": packed is not None,
        "CompressedDataSize": packed,
        "TransformMatrix": _text(_geometry.directions(lps).T.ravel()),
        "Offset": _text(lps[:3, 3]),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": _text(_geometry.spacing(lps)),
        "DimSize": " ".join(map(str, spatial)),
        "ElementNumberOfChannels": volume.num_channels if "c" in volume.axes else None,
        "ElementType": _NAMES[dtype],
        _OURS: _meaning.to_json(volume),
        "ElementDataFile": data_file,
    }
    return "".join(f"{key} = {value}\n" for key, value in fields.items() if value is not None).encode()


def _text(numbers: Any) -> str:
    return " ".join(repr(float(number) + 0.0) for number in numbers)


def _flag(fields: dict[str, str], key: str, default: bool = False) -> bool:
    return fields[key].lower() in {"true", "t", "1", "yes"} if key in fields else default


def _number(fields: dict[str, str], key: str, path: Path, kind: type[int], default: int | None = None) -> int:
    if key not in fields and default is not None:
        return default
    try:
        return kind(fields[key])
    except (KeyError, ValueError):
        raise FileError(
            f"{path}: the header needs a whole number {key}, got {fields.get(key)!r}. {_files.AGAIN}"
        ) from None


def _numbers(
    fields: dict[str, str], keys: tuple[str, ...], path: Path, count: int, default: list[float] | None = None
) -> list[float]:
    key = next((key for key in keys if key in fields), keys[0])
    if key not in fields and default is not None:
        return default
    try:
        numbers = [float(word) for word in fields[key].split()]
    except (KeyError, ValueError):
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise FileError(
            f"{path}: the header needs {count} finite numbers for {key}, got {fields.get(key)!r}. {_files.CORRECT}"
        )
    return numbers
