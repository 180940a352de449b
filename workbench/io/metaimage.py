"""MetaImage: a text header and raw, zlib or text voxels, in one file (.mha) or several (.mhd with .raw or .zraw).

Follows the MetaIO documentation and what ITK writes: positions are LPS, line i of ``TransformMatrix`` is the unit
vector of axis i, channels are interleaved.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench import _geometry
from workbench._arrays import Array
from workbench.errors import FileError, InputError
from workbench.io import _files, _meaning, _pieces, _space
from workbench.io._format import Format
from workbench.volume import Volume

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
# MET_LONG has 4 bytes in the format, whatever the machine; the 8-byte names are written for 8-byte types
_NAMES = {np.dtype(code): name for name, code in _TYPES.items() if name not in {"MET_LONG", "MET_ULONG"}}
_MOST_HEADER = 1 << 20
_UNIT_MM = {"um": 0.001, "mm": 1.0, "cm": 10.0, "m": 1000.0}
_OURS = "MedicalWorkbench"
#: Each with the older names for the same.
_STEPS = ("ElementSpacing", "ElementSize")
_OFFSETS = ("Offset", "Position", "Origin")
_TURNS = ("TransformMatrix", "Rotation", "Orientation")


class MetaImage(Format):
    """MHA and MHD."""

    name = "metaimage"
    suffixes = (".mha", ".mhd")
    reads_packed = ()
    write_options = ("compress",)

    def sniff(self, head: bytes) -> bool:
        """A key of the header on the first line, and the number of axes soon after."""
        first = head.lstrip().split(b"=")[0].strip()
        return first in {b"ObjectType", b"NDims", b"Comment"} and b"NDims" in head

    def read(self, path: Path, **options: Any) -> Volume:  # noqa: ARG002
        """Read the header; a fourth axis and interleaved elements become channels."""
        fields, end, names = _parse(path)
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
        pieces = _data(path, fields, end, names)
        pieces.check(path, stored, dtype)
        length = _number(fields, "CompressedDataSize", path, int, 0)
        if pieces.encoding == "gzip" and pieces.start + length > pieces.files[0].stat().st_size:
            raise FileError(
                f"{pieces.files[0]} is cut short: {length:,} compressed bytes are promised. Get a fresh copy."
            )

        meaning = _meaning.from_json(fields.get(_OURS, ""))
        notes = pieces.rest(stored, dtype)
        stated, space = _affine(fields, path, min(ndim, 3), notes)
        affine = _meaning.exact_affine(meaning, stated)
        flat = ndim == 2 or _meaning.is_picture(meaning, sizes)
        spatial = tuple(sizes[:2] if flat else sizes[:3])
        channels = inner * (sizes[3] if ndim == 4 else 1)
        shape = (*spatial, channels) if channels > 1 else spatial
        axes = (*("i", "j", "k")[: len(spatial)], *("c",) * (channels > 1))

        def load() -> Array:
            data = np.moveaxis(pieces.read(stored, dtype, notes), 0, -1)
            return data.reshape((*sizes, inner)[:ndim] if inner == 1 else data.shape, order="F").reshape(
                shape, order="F"
            )

        kept = {"space": space} | _meaning.merge(meaning, shape, dtype)
        if not meaning and dtype == np.uint8 and inner in {3, 4} and ndim < 4:
            kept["channels"] = ("red", "green", "blue", "alpha")[:inner]
        notes += _unused(fields, ndim, sizes)
        volume = self.lazy(
            path, load, affine, shape=shape, dtype=dtype.newbyteorder("="), axes=axes, notes=notes, **kept
        )
        return volume.load() if pieces.encoding == "ascii" else volume

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


def _parse(path: Path) -> tuple[dict[str, str], int, list[str]]:
    """Return the fields, the byte after the header, and the lines of a list of data files."""
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
            listed = fields[key.strip()].upper().startswith("LIST")
            return fields, place, raw[place:].decode("utf-8", "replace").splitlines() if listed else []
    raise FileError(
        f"{path}: a MetaImage header ends with ElementDataFile, this one has {sorted(fields)}. {_files.AGAIN}"
    )


def _data(path: Path, fields: dict[str, str], end: int, names: list[str]) -> _pieces.Pieces:
    """Return where the voxels are and how they are written."""
    name = fields["ElementDataFile"]
    encoding = "gzip" if _flag(fields, "CompressedData") else "raw"
    encoding = encoding if _flag(fields, "BinaryData", True) else "ascii"
    local = name.upper() == "LOCAL"
    files = [path] if local else _pieces.named(path, name, names)
    if encoding == "raw" and all(file.name.lower().endswith(".gz") and _files.is_gzip(file) for file in files):
        encoding = "gzip"  # packed by hand, and the header left as it was
    skip = _number(fields, "HeaderSize", path, int, 0)
    if skip == -1 and encoding == "raw":
        return _pieces.Pieces(files, encoding, skip=-1)
    size = min(file.stat().st_size for file in files)
    if not 0 <= skip <= size:
        raise FileError(f"{path}: HeaderSize lies in the data file of {size:,} bytes, got {skip}. {_files.AGAIN}")
    return _pieces.Pieces(files, encoding, (end if local else 0) + skip)


def _unused(fields: dict[str, str], ndim: int, sizes: list[int]) -> list[str]:
    """Return notes on what a header says that is not used."""
    notes = []
    slope = fields.get("ElementToIntensityFunctionSlope", "1").split()
    inter = fields.get("ElementToIntensityFunctionOffset", "0").split()
    if [*map(_float, slope), *map(_float, inter)] != [1.0, 0.0]:
        notes.append(f"the header scales its values (slope {slope[0]}, offset {inter[0]}); they are as stored")
    if "ElementSpacing" in fields and "ElementSize" in fields:
        steps, extents = ([_float(word) for word in fields[key].split()] for key in ("ElementSpacing", "ElementSize"))
        if not np.allclose(steps[: len(extents)], extents[: len(steps)], rtol=1e-3):
            notes.append(f"voxels have an extent of {extents} mm and lie {steps} mm apart")
    if ndim == 4 and sizes[3] > 1:
        notes.append(f"the fourth axis, of length {sizes[3]}, is the channels")
    return notes


def _float(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _affine(fields: dict[str, str], path: Path, ndim: int, notes: list[str]) -> tuple[Any, str]:
    """Return the affine, and what its millimetres are of."""
    total = _number(fields, "NDims", path, int)
    spacing = _numbers(fields, _STEPS, path, total, [1.0] * total)
    origin = _numbers(fields, _OFFSETS, path, total, [0.0] * total)
    rows = _numbers(fields, _TURNS, path, total * total, np.eye(total).ravel().tolist())
    matrix = np.eye(4)
    directions = np.array(rows).reshape(total, total).T[:ndim, :ndim]
    matrix[:ndim, :ndim] = directions * spacing[:ndim]
    matrix[:ndim, 3] = origin[:ndim]
    unit_mm = _UNIT_MM.get(fields.get("DistanceUnits", "mm").lower().strip("?"), 1.0)
    matrix[:3] *= unit_mm
    if unit_mm != 1:
        notes.append(f"lengths were in {fields['DistanceUnits']}; now in mm")
    affine = _files.usable_affine(path, _geometry.LPS_RAS @ matrix)
    said = fields.get("AnatomicalOrientation", "").upper()
    # the letters say where each axis comes from, ours where it goes to
    ours = _geometry.orientation(affine).translate(str.maketrans("RLAPIS", "LRPASI"))
    if ndim == 3 and len(said) == 3 and set(said) <= set("RLAPIS") and said != ours:
        notes.append(f"AnatomicalOrientation says {said}, TransformMatrix {ours}; TransformMatrix was taken")
    turned = any(key in fields for key in _TURNS)
    if not turned:
        begin = "where its offset is" if any(key in fields for key in _OFFSETS) else "0"
        notes.append(f"{_space.UNSTATED}; axes taken as L, P, S from {begin}")
    elif not any(key in fields for key in _OFFSETS):
        notes.append("the file does not say where its first voxel lies; taken as the origin")
    # two directions of two numbers lie in no body
    return affine, _space.space(placed=turned and ndim == 3, sized=any(key in fields for key in _STEPS))


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
