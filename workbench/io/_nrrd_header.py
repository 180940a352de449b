"""What the header of an NRRD file says: fields and key/value pairs, the world its axes lie in, what each axis is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import FileError
from workbench.io import _files, _meaning, _space

ALIASES = {
    "i1": "signed char,int8,int8_t", "u1": "uchar,unsigned char,uint8,uint8_t",
    "i2": "short,short int,signed short,signed short int,int16,int16_t",
    "u2": "ushort,unsigned short,unsigned short int,uint16,uint16_t", "i4": "int,signed int,int32,int32_t",
    "u4": "uint,unsigned int,uint32,uint32_t",
    "i8": "longlong,long long,long long int,signed long long,signed long long int,int64,int64_t",
    "u8": "ulonglong,unsigned long long,unsigned long long int,uint64,uint64_t", "f4": "float", "f8": "double",
}  # fmt: skip
TYPES = {alias: code for code, aliases in ALIASES.items() for alias in aliases.split(",")}
NAMES = {np.dtype(code): aliases.split(",")[-1] for code, aliases in ALIASES.items()}
NAMES |= {np.dtype("i1"): "int8", np.dtype("u1"): "uint8"}
_MOST_HEADER = 1 << 20

#: Signs that bring each world to RAS. `scanner-xyz` is read as LPS, as ITK does.
_SPACES = {
    "right-anterior-superior": (1, 1, 1), "ras": (1, 1, 1), "left-anterior-superior": (-1, 1, 1), "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1), "lps": (-1, -1, 1), "scanner-xyz": (-1, -1, 1),
}  # fmt: skip
_UNIT_MM = {
    "mm": 1.0, "millimeter": 1.0, "millimeters": 1.0, "m": 1000.0, "meter": 1000.0, "cm": 10.0, "centimeter": 10.0,
    "um": 0.001, "µm": 0.001, "μm": 0.001, "micron": 0.001, "microns": 0.001, "micrometer": 0.001, "nm": 1e-6,
}  # fmt: skip
#: Names of the components of an axis, by its kind.
_COMPONENTS = {
    "rgb-color": ("red", "green", "blue"), "rgba-color": ("red", "green", "blue", "alpha"),
    "complex": ("real", "imaginary"),
}  # fmt: skip
#: Kinds whose components turn with the body.
_TURNING = ("vector", "normal", "gradient", "matrix", "quaternion")


@dataclass
class Header:
    """Fields by their names in small letters, key/value pairs, the byte after the header, lines of a list of files."""

    fields: dict[str, str]
    keys: dict[str, str]
    end: int
    files: list[str] = field(default_factory=list)

    def need(self, key: str, path: Path) -> str:
        """Return a field, or say that it is missing."""
        if key not in self.fields:
            raise FileError(
                f"{path}: an NRRD header needs the field {key!r}, it has {sorted(self.fields)}. {_files.AGAIN}"
            )
        return self.fields[key]

    def whole(self, key: str, path: Path, default: str | None = None) -> list[int]:
        """Return the whole numbers of a field."""
        words = self.fields.get(key, default) if default is not None else self.need(key, path)
        try:
            numbers = [int(word) for word in str(words).split()]
        except ValueError:
            numbers = []
        if not numbers:
            raise FileError(
                f"{path}: {key!r} of an NRRD header is in whole numbers, it says {str(words)[:60]!r}. {_files.AGAIN}"
            )
        return numbers

    def words(self, key: str, count: int) -> list[str]:
        """Return one word for each of `count` axes, quotation marks taken off; nothing if there are not as many."""
        words = [word.strip('"') for word in self.fields.get(key, "").split()]
        return words if len(words) == count else []


def parse(path: Path) -> Header:
    """Read the header.

    Raises
    ------
    FileError
        If a line is no field, or the header has no end.
    """
    with path.open("rb") as file:
        raw = file.read(_MOST_HEADER)
    header = Header({}, {}, len(raw))
    place = raw.find(b"\n") + 1
    while 0 < place < len(raw):
        end = raw.find(b"\n", place)
        end = len(raw) if end < 0 else end
        line = raw[place:end].decode("utf-8", "replace").rstrip("\r")
        place = end + 1
        if not line:
            header.end = place
            return header
        if header.files or _is_list(header):
            header.files.append(line)
            continue
        if line.startswith("#"):
            continue
        key, found, value = line.partition(":=")
        if found and ": " not in key:
            header.keys[key] = value
            continue
        key, found, value = line.partition(":")
        if not found:
            raise FileError(f"{path}: an NRRD header has lines 'field: value', got {line[:40]!r}. {_files.AGAIN}")
        header.fields[_spelled(key)] = value.strip()
    if "data file" in header.fields:
        return header
    raise FileError(
        f"{path}: an NRRD header ends with an empty line, this one goes on for {len(raw):,} bytes. {_files.AGAIN}"
    )


def _is_list(header: Header) -> bool:
    return header.fields.get("data file", "").upper().split()[:1] == ["LIST"]


def _spelled(key: str) -> str:
    """Return the name of a field in the spelling that the definition gives first."""
    name = key.strip().lower()
    others = {
        "datafile": "data file", "byteskip": "byte skip", "lineskip": "line skip", "sampleunits": "sample units",
        "centers": "centerings", "oldmin": "old min", "oldmax": "old max", "blocksize": "block size",
        "axismins": "axis mins", "axismaxs": "axis maxs",
    }  # fmt: skip
    return others.get(name, name)


@dataclass(frozen=True)
class Axes:
    """Which axes are spatial, where their voxels lie, and what the others are."""

    spatial: list[int]
    affine: NDArray[np.float64]
    channels: tuple[str, ...]
    space: str  # what the millimetres are of, see `Volume`


def axes_of(header: Header, path: Path, sizes: list[int], notes: list[str]) -> Axes:
    """Tell the spatial axes from the others.

    Raises
    ------
    FileError
        If there are not 2 or 3 spatial axes, or they are no geometry.
    """
    ndim = len(sizes)
    directions = _vectors(header.fields.get("space directions", ""), path)
    world = header.fields.get("space", "").lower().removesuffix("-time")
    world = {"rast": "ras", "last": "las", "lpst": "lps"}.get(world, world)
    matrix = np.eye(4)
    if directions:
        spatial, sized = _from_directions(directions, header, path, ndim, matrix), True
    else:
        spatial, sized = _from_kinds(header, sizes, matrix, notes)
    if directions and world not in _SPACES:
        mirrored = " (its axes are left-handed: the volume may be a mirror image)" if "left-handed" in world else ""
        notes.append(f"the world {world or 'of the file'} is not an anatomical one; taken as LPS{mirrored}")
    if directions and "space origin" not in header.fields:
        notes.append("the file does not say where its first voxel lies; taken as the origin")
    units = [word.strip('"').lower() for word in header.fields.get("space units", "").split()]
    if not directions:
        units = [word.lower() for word in header.words("units", ndim)]
        units = [units[axis] for axis in spatial] if units else []
    scale = np.array([_UNIT_MM.get(unit, 1.0) for unit in [*units, "", "", ""][:3]])
    # without directions, axes of the world are those of the voxels, and so are their units
    signs = np.array(_SPACES.get(world, (-1, -1, 1)), dtype=float)
    matrix[:3] *= (signs * scale)[:, None]
    rest = [axis for axis in range(ndim) if axis not in spatial]
    # a world that no axis is placed in says nothing about the axes
    space = _space.space(placed=bool(directions) and world in _SPACES, sized=sized)
    return Axes(spatial, _files.usable_affine(path, matrix), _components(header, sizes, rest, notes), space)


def _from_directions(
    directions: list[list[float] | None], header: Header, path: Path, ndim: int, matrix: NDArray[np.float64]
) -> list[int]:
    if len(directions) != ndim:
        raise FileError(f"{path}: {ndim} axes need {ndim} space directions, got {len(directions)}. {_files.CORRECT}")
    lengths = {len(vector) for vector in directions if vector is not None}
    with_time = header.fields.get("space", "").lower().endswith(("-time", "st"))
    world = min(max(lengths, default=0), 3)
    # in a world with time, an axis that moves in time alone is no spatial one
    spatial = [
        axis for axis, vector in enumerate(directions)
        if vector is not None and not (with_time and len(vector) > 3 and not any(vector[:3]))
    ]  # fmt: skip
    if len(spatial) not in {2, 3} or len(lengths) != 1:
        raise FileError(f"{path}: a volume has 2 or 3 space directions, the header says {directions}. {_files.CORRECT}")
    for column, axis in enumerate(spatial):
        matrix[:3, column] = 0
        matrix[:world, column] = (directions[axis] or [])[:world]
    origin = _vectors(header.fields.get("space origin", ""), path)
    if origin and origin[0] is not None:
        matrix[:world, 3] = origin[0][:world]
    if len(spatial) == 2:
        normal = np.cross(matrix[:3, 0], matrix[:3, 1])
        matrix[:3, 2] = normal / (np.linalg.norm(normal) or 1.0)
    return spatial


def _from_kinds(
    header: Header, sizes: list[int], matrix: NDArray[np.float64], notes: list[str]
) -> tuple[list[int], bool]:
    """Return the spatial axes, and whether the header gives a size for any of them."""
    ndim = len(sizes)
    kinds = [kind.lower() for kind in header.words("kinds", ndim)]
    spatial = [axis for axis in range(ndim) if not kinds or kinds[axis] in {"domain", "space", "???", "none"}][:3]
    given = {key: header.words(key, ndim) for key in ("spacings", "axis mins", "axis maxs")}
    numbers = {key: [float(word) for word in words] or [np.nan] * ndim for key, words in given.items()}
    nodes = [word.lower() == "node" for word in header.words("centerings", ndim)] or [False] * ndim
    steps: list[float] = []
    for column, axis in enumerate(spatial):
        step, low, high = (numbers[key][axis] for key in given)
        if not np.isfinite(step) or not step:
            # a cell has its ends half a step beyond its samples, a node has them at its samples
            step = (high - low) / max(1, sizes[axis] - nodes[axis])
        steps.append(step)
        step = step if np.isfinite(step) and step else 1.0
        matrix[column, column] = step
        if np.isfinite(low):
            matrix[column, 3] = low if nodes[axis] else low + step / 2
    begin = "where their ends are given (axis mins)" if given["axis mins"] else "0"
    notes.append(f"{_space.UNSTATED}; axes taken as L, P, S from {begin}")
    usable = [bool(np.isfinite(step) and step) for step in steps]
    if any(usable) and not all(usable):
        notes.append(_space.no_size(steps))
    return spatial, any(usable)


def _components(header: Header, sizes: list[int], rest: list[int], notes: list[str]) -> tuple[str, ...]:
    """Return the names of the channels, and note what they are."""
    kinds = [kind.lower() for kind in header.words("kinds", len(sizes))]
    long = [axis for axis in rest if sizes[axis] > 1]
    if len(long) > 1:
        lengths = [sizes[axis] for axis in long]
        notes.append(f"axes of length {lengths} beyond the spatial ones are one channel axis, first fastest")
    names: tuple[str, ...] = ()
    for axis in long:
        kind = kinds[axis] if kinds else ""
        if any(word in kind for word in _TURNING) and _meaning.KEY not in header.keys:
            notes.append(f"the channels are a {kind}, as stored; its components do not turn with the axes")
        if kind == "time":
            notes.append(f"the {sizes[axis]} channels are points in time")
        known = _COMPONENTS.get(kind, ())
        names = known if len(long) == 1 and len(known) == sizes[axis] else ()
    if "old min" in header.fields or "old max" in header.fields:
        ends = " to ".join(_number_or_not(header.fields.get(f"old {end}", "")) for end in ("min", "max"))
        notes.append(f"the values stood for {ends} before they were quantised (old min, old max); they are as stored")
    if "measurement frame" in header.fields:
        notes.append("the file gives a measurement frame for its vectors, which was not applied")
    gradients = sum(key.lower().startswith("dwmri_gradient") for key in header.keys)
    if gradients:
        notes.append(f"{gradients} diffusion gradients of the header are not kept")
    return names


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


def dtype_of(header: Header, path: Path) -> np.dtype[Any]:
    """Return the type of the stored numbers, with its byte order; a wrong guess would be a volume of wrong numbers."""
    kind = header.need("type", path)
    if kind not in TYPES:
        raise FileError(
            f"{path}: the type of an NRRD file is one of {', '.join(NAMES.values())} (or another name of these), "
            f"its header says {kind!r}. Save it as float."
        )
    code, said = TYPES[kind], header.fields.get("endian", "").lower()
    if said in ("big", "little"):
        return np.dtype((">" if said == "big" else "<") + code)
    if np.dtype(code).itemsize == 1 or (not said and encoding_of(header, path) == "ascii"):
        return np.dtype("<" + code)
    found = f"says {said!r}" if said else "does not say"
    raise FileError(
        f"{path}: voxels of more than one byte need `endian: little` or `endian: big` in the header, this one {found}. "
        f"{_files.CORRECT}"
    )


def encoding_of(header: Header, path: Path) -> str:
    """Return the encoding by its first name."""
    said = header.need("encoding", path).lower()
    return {"gz": "gzip", "txt": "ascii", "text": "ascii", "bz2": "bzip2"}.get(said, said)


def _number_or_not(text: str) -> str:
    """Return a number of a header as text; whatever else stands there may be of a patient, and is not told."""
    try:
        return f"{float(text):g}"
    except ValueError:
        return "?"
