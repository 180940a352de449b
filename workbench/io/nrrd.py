"""NRRD: a text header and raw or gzip voxels, in one file (.nrrd) or two (.nhdr with its data file).

Follows the format definition of the Teem project. The world may be LPS, RAS or LAS (all are brought to RAS); the axis
without a space direction, wherever it is, becomes the channels.
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

_ALIASES = {
    "i1": "signed char,int8,int8_t", "u1": "uchar,unsigned char,uint8,uint8_t",
    "i2": "short,short int,signed short,signed short int,int16,int16_t",
    "u2": "ushort,unsigned short,unsigned short int,uint16,uint16_t", "i4": "int,signed int,int32,int32_t",
    "u4": "uint,unsigned int,uint32,uint32_t",
    "i8": "longlong,long long,long long int,signed long long,signed long long int,int64,int64_t",
    "u8": "ulonglong,unsigned long long,unsigned long long int,uint64,uint64_t", "f4": "float", "f8": "double",
}  # fmt: skip
_TYPES = {alias: code for code, aliases in _ALIASES.items() for alias in aliases.split(",")}
_NAMES = {np.dtype(code): aliases.split(",")[-1] for code, aliases in _ALIASES.items()}
_NAMES |= {np.dtype("i1"): "int8", np.dtype("u1"): "uint8"}
_MOST_HEADER = 1 << 20
_OURS = "medical-workbench"

#: Signs that bring each world to RAS. `scanner-xyz` is read as LPS, as ITK does.
_SPACES = {
    "right-anterior-superior": (1, 1, 1), "ras": (1, 1, 1), "left-anterior-superior": (-1, 1, 1), "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1), "lps": (-1, -1, 1), "scanner-xyz": (-1, -1, 1),
}  # fmt: skip
_UNIT_MM = {"mm": 1.0, "millimeter": 1.0, "m": 1000.0, "cm": 10.0, "um": 0.001, "µm": 0.001, "micron": 0.001}


class Nrrd(Format):
    """NRRD and NHDR."""

    name = "nrrd"
    suffixes = (".nrrd", ".nhdr")
    write_options = ("compress",)

    def sniff(self, head: bytes) -> bool:
        """The magic line ``NRRD000n``."""
        return head.startswith(b"NRRD000")

    def read(self, path: Path, **options: Any) -> Volume:  # noqa: ARG002
        """Read the header."""
        fields, keys, end = _parse(path)
        ndim = _whole(fields, "dimension", path)[0]
        sizes = _whole(fields, "sizes", path)
        if not 2 <= ndim <= 5 or len(sizes) != ndim or min(sizes) < 1:
            raise FileError(
                f"{path}: a volume has 2 to 5 axes of 1 or more voxels, the header says dimension {ndim} and sizes "
                f"{sizes}. {_files.CORRECT}"
            )
        kind = _need(fields, "type", path)
        if kind not in _TYPES:
            raise FileError(
                f"{path}: the type of an NRRD file is one of {', '.join(_NAMES.values())} (or another name of these), "
                f"its header says {kind!r}. Save it as float."
            )
        dtype = np.dtype(_byte_order(fields, _TYPES[kind], path) + _TYPES[kind])
        notes: list[str] = []
        spatial, affine = _geometry_of(fields, path, sizes, notes)
        load = _loader(path, fields, end, tuple(sizes), dtype)

        meaning = _meaning.from_json(keys.get(_OURS, ""))
        affine = _meaning.exact_affine(meaning, affine)
        rest = [axis for axis in range(ndim) if axis not in spatial]
        lengths = tuple(sizes[axis] for axis in spatial)
        if _meaning.is_picture(meaning, lengths):
            lengths = lengths[:2]
        channels = int(np.prod([sizes[axis] for axis in rest], dtype=object))
        shape = (*lengths, channels) if channels > 1 else lengths
        axes = (*("i", "j", "k")[: len(lengths)], *("c",) * (channels > 1))
        kept = _meaning.merge(meaning, shape, dtype)
        volume = self.lazy(
            path, lambda: load().transpose([*spatial, *rest]).reshape(shape, order="F"), affine,
            shape=shape, dtype=dtype.newbyteorder("="), axes=axes, notes=notes, **kept,
        )  # fmt: skip
        source, packed = _source(path, fields)
        if packed == "gzip" and _files.gzip_length_is_wrong(source, _files.count_bytes(tuple(sizes), dtype)):
            volume.load()
        return volume

    def write(self, volume: Volume, path: Path, **options: Any) -> None:
        """Write NRRD, or NHDR and its data file; ``compress=False`` stores the voxels raw."""
        packed = bool(options.get("compress", True))
        data = volume.data.view(np.uint8) if volume.dtype == bool else volume.data
        data = data.astype(np.float32) if data.dtype == np.float16 else data
        dtype = data.dtype.newbyteorder("=")
        if dtype not in _NAMES:
            raise InputError(f"NRRD has no type for {dtype}. Convert the data first.")
        voxels = np.moveaxis(data, -1, 0) if "c" in volume.axes else data
        voxels = voxels.astype(dtype.newbyteorder("<"), copy=False)
        detached = path.suffix.lower() == ".nhdr"
        target = path.with_suffix(".raw.gz" if packed else ".raw") if detached else path
        header = _header(volume, dtype, packed, target.name if detached else None)
        with _files.writing(target) as temporary, temporary.open("wb") as file:
            file.write(b"" if detached else header)
            if packed:
                file.writelines(_files.deflate(voxels, gzip=True))
            else:
                _files.write_array(file, voxels)
        if detached:
            with _files.writing(path) as temporary:
                temporary.write_bytes(header)


def _parse(path: Path) -> tuple[dict[str, str], dict[str, str], int]:
    with path.open("rb") as file:
        raw = file.read(_MOST_HEADER)
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    place = raw.find(b"\n") + 1
    while 0 < place < len(raw):
        end = raw.find(b"\n", place)
        end = len(raw) if end < 0 else end
        line = raw[place:end].decode("utf-8", "replace").rstrip("\r")
        place = end + 1
        if not line:
            return fields, keys, place
        if line.startswith("#"):
            continue
        key, found, value = line.partition(":=")
        if found and ": " not in key:
            keys[key] = value
            continue
        key, found, value = line.partition(":")
        if not found:
            raise FileError(f"{path}: an NRRD header has lines 'field: value', got {line[:40]!r}. {_files.AGAIN}")
        fields[key.strip().lower().replace("datafile", "data file").replace("byteskip", "byte skip")] = value.strip()
    if "data file" in fields:
        return fields, keys, len(raw)
    raise FileError(
        f"{path}: an NRRD header ends with an empty line, this one goes on for {len(raw):,} bytes. {_files.AGAIN}"
    )


def _encoding(fields: dict[str, str], path: Path) -> str:
    said = _need(fields, "encoding", path).lower()
    return {"gz": "gzip", "txt": "ascii", "text": "ascii", "bz2": "bzip2"}.get(said, said)


def _byte_order(fields: dict[str, str], code: str, path: Path) -> str:
    """Return numpy's sign for the order of bytes; a wrong guess would be a volume of wrong numbers."""
    said = fields.get("endian", "").lower()
    if said in ("big", "little"):
        return ">" if said == "big" else "<"
    if np.dtype(code).itemsize == 1 or (not said and _encoding(fields, path) == "ascii"):
        return "<"
    found = f"says {said!r}" if said else "does not say"
    raise FileError(
        f"{path}: voxels of more than one byte need `endian: little` or `endian: big` in the header, this one {found}. "
        f"{_files.CORRECT}"
    )


def _need(fields: dict[str, str], key: str, path: Path) -> str:
    if key not in fields:
        raise FileError(f"{path}: an NRRD header needs the field {key!r}, it has {sorted(fields)}. {_files.AGAIN}")
    return fields[key]


def _whole(fields: dict[str, str], key: str, path: Path) -> list[int]:
    try:
        numbers = [int(word) for word in _need(fields, key, path).split()]
    except ValueError:
        numbers = []
    if not numbers:
        raise FileError(
            f"{path}: {key!r} of an NRRD header is in whole numbers, it says {fields[key][:60]!r}. {_files.AGAIN}"
        )
    return numbers


def _source(path: Path, fields: dict[str, str]) -> tuple[Path, str]:
    name = fields.get("data file")
    if name is not None and (name.upper().startswith("LIST") or "%" in name):
        raise FileError(f"{path}: NRRD voxels spread over several files are not supported. Save it as one file.")
    encoding = _encoding(fields, path)
    if encoding not in {"raw", "gzip", "ascii"}:
        raise FileError(f"{path}: the encoding {encoding!r} is not supported. Save it as raw or gzip.")
    return (path if name is None else _files.beside(path, name)), encoding


def _loader(path: Path, fields: dict[str, str], end: int, sizes: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    source, encoding = _source(path, fields)
    needed = _files.count_bytes(sizes, dtype)
    offset = end if source == path else 0
    skips = {"line skip": "0", "byte skip": "0"} | fields
    lines, skip = (_whole(skips, key, path)[0] for key in ("line skip", "byte skip"))
    if lines < 0 or lines > 10000 or skip < -1 or (skip and encoding == "gzip"):
        raise FileError(
            f"{path}: line skip {lines} and byte skip {skip} are not supported with encoding {encoding}. Save it as "
            "one file (.nrrd), which needs neither."
        )
    if lines:
        with source.open("rb") as file:
            file.seek(offset)
            for _ in range(lines):
                file.readline(_MOST_HEADER)
            offset = file.tell()
    offset = max(source.stat().st_size - needed, 0) if skip == -1 else offset + skip
    if encoding == "ascii":
        if int(np.prod(sizes, dtype=object)) > source.stat().st_size:
            raise FileError(f"{source} is cut short: it promises {sizes} numbers as text. Get a fresh copy.")
        return lambda: _read_text(source, offset, sizes, dtype)
    _files.check_promise(source, needed, offset, compressed=encoding == "gzip")
    reader = _files.inflate_array if encoding == "gzip" else _files.read_array
    return lambda: reader(source, offset, sizes, dtype)


def _read_text(source: Path, offset: int, sizes: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    numbers = np.array(source.read_bytes()[offset:].split(), dtype=dtype.newbyteorder("="))
    return numbers.reshape(sizes, order="F")


def _geometry_of(fields: dict[str, str], path: Path, sizes: list[int], notes: list[str]) -> tuple[list[int], Any]:
    ndim = len(sizes)
    directions = _vectors(fields.get("space directions", ""), path)
    matrix = np.eye(4)
    if directions:
        if len(directions) != ndim:
            raise FileError(
                f"{path}: {ndim} axes need {ndim} space directions, got {len(directions)}. {_files.CORRECT}"
            )
        spatial = [axis for axis, vector in enumerate(directions) if vector is not None]
        vectors = [vector for vector in directions if vector is not None]
        if len(spatial) not in {2, 3} or any(len(vector) != len(vectors[0]) for vector in vectors):
            raise FileError(
                f"{path}: a volume has 2 or 3 space directions, the header says {directions}. {_files.CORRECT}"
            )
        world = min(len(vectors[0]), 3)
        for column, vector in enumerate(vectors):
            matrix[:3, column] = 0
            matrix[:world, column] = vector[:world]
        origin = _vectors(fields.get("space origin", ""), path)
        if origin and origin[0] is not None:
            matrix[:world, 3] = origin[0][:world]
        if len(spatial) == 2:
            normal = np.cross(matrix[:3, 0], matrix[:3, 1])
            matrix[:3, 2] = normal / (np.linalg.norm(normal) or 1.0)
    else:
        kinds = fields.get("kinds", "").lower().split()
        spatial = [a for a in range(ndim) if len(kinds) != ndim or kinds[a] in {"domain", "space", "???", "none"}][:3]
        words = fields.get("spacings", "").split()
        steps = [float(word) for word in words] if len(words) == ndim else [1.0] * ndim
        for column, axis in enumerate(spatial):
            matrix[column, column] = steps[axis] if np.isfinite(steps[axis]) else 1.0
        notes.append("the file does not say where in the body the voxels lie; axes taken as L, P, S from 0")
    space = fields.get("space", "").lower().removesuffix("-time")
    if directions and space not in _SPACES:
        notes.append(f"the world {space or 'of the file'} is not an anatomical one; taken as LPS")
    units = [word.strip('"') for word in fields.get("space units", "").split()]
    scale = _UNIT_MM.get(units[0].lower(), 1.0) if units else 1.0
    signs = np.array(_SPACES.get(space, (-1, -1, 1)), dtype=float)
    matrix[:3] *= signs[:, None] * scale
    return spatial, _files.usable_affine(path, matrix)


def _vectors(text: str, path: Path) -> list[list[float] | None]:
    vectors: list[list[float] | None] = []
    for word in text.replace(" ,", ",").replace(", ", ",").replace("( ", "(").replace(" )", ")").split():
        if word.lower() == "none":
            vectors.append(None)
            continue
        try:
            vector = [float(number) for number in word.strip("()").split(",")]
        except ValueError:
            raise FileError(f"{path}: a vector looks like (1,0,0), got {word[:60]!r}. {_files.AGAIN}") from None
        # a vector of NaN is how some writers say that the axis is not spatial
        vectors.append(None if np.isnan(vector).all() else vector)
    return vectors


def _header(volume: Volume, dtype: np.dtype[Any], packed: bool, data_file: str | None) -> bytes:
    lps = _geometry.LPS_RAS @ volume.affine
    spatial = [*volume.spatial_shape, 1][:3]
    channels = "c" in volume.axes
    kinds = {3: "RGB-color", 4: "RGBA-color"}.get(volume.num_channels if volume.dtype == np.uint8 else 0, "vector")
    lines = [
        "NRRD0005",
        f"type: {_NAMES[dtype]}",
        f"dimension: {3 + channels}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, [volume.num_channels] * channels + spatial))}",
        f"space directions: {'none ' * channels}{' '.join(_vector(lps[:3, column]) for column in range(3))}",
        f"kinds: {(kinds + ' ') * channels}domain domain domain",
        "endian: little",
        f"encoding: {'gzip' if packed else 'raw'}",
        'space units: "mm" "mm" "mm"',
        f"space origin: {_vector(lps[:3, 3])}",
        f"{_OURS}:={_meaning.to_json(volume)}",
        *([f"data file: {data_file}"] if data_file else []),
    ]
    return ("\n".join(lines) + "\n\n").encode()


def _vector(numbers: Any) -> str:
    return f"({','.join(repr(float(number) + 0.0) for number in numbers)})"
