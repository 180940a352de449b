"""What the header of a NIfTI file says: the layouts of both versions, and what is made of odd fields.

nifti1.h and nifti2.h of the NIfTI data format working group. Fields that many writers get wrong without harm are read
as they are meant, with a note; a header is called damaged only where no reader could tell what is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import FileError
from workbench.io import _files, _meaning, _nifti_affine
from workbench.io._doubt import Doubt


def _layout(*fields: tuple[str, str, int], size: int) -> np.dtype[Any]:
    return np.dtype(
        {
            "names": [name for name, _, _ in fields],
            "formats": [kind for _, kind, _ in fields],
            "offsets": [offset for _, _, offset in fields],
            "itemsize": size,
        }
    )


NIFTI1 = _layout(
    ("sizeof_hdr", "i4", 0), ("regular", "S1", 38), ("dim", "8i2", 40), ("intent_code", "i2", 68),
    ("datatype", "i2", 70), ("bitpix", "i2", 72), ("pixdim", "8f4", 76), ("vox_offset", "f4", 108),
    ("scl_slope", "f4", 112), ("scl_inter", "f4", 116), ("xyzt_units", "u1", 123), ("qform_code", "i2", 252),
    ("sform_code", "i2", 254), ("quatern", "3f4", 256), ("qoffset", "3f4", 268), ("srow", "(3,4)f4", 280),
    ("magic", "S4", 344), size=348,
)  # fmt: skip
NIFTI2 = _layout(
    ("sizeof_hdr", "i4", 0), ("magic", "S8", 4), ("datatype", "i2", 12), ("bitpix", "i2", 14), ("dim", "8i8", 16),
    ("pixdim", "8f8", 104), ("vox_offset", "i8", 168), ("scl_slope", "f8", 176), ("scl_inter", "f8", 184),
    ("qform_code", "i4", 344), ("sform_code", "i4", 348), ("quatern", "3f8", 352), ("qoffset", "3f8", 376),
    ("srow", "(3,4)f8", 400), ("xyzt_units", "i4", 500), ("intent_code", "i4", 504), size=540,
)  # fmt: skip
MAGIC1, MAGIC2 = b"n+1\0", b"n+2\0\r\n\x1a\n"
#: Header and voxels in two files.
PAIR1, PAIR2 = b"ni1\0", b"ni2\0\r\n\x1a\n"

RGB = np.dtype(("u1", 3))
RGBA = np.dtype(("u1", 4))
DTYPES: dict[int, np.dtype[Any]] = {
    2: np.dtype("u1"), 4: np.dtype("i2"), 8: np.dtype("i4"), 16: np.dtype("f4"), 32: np.dtype("c8"),
    64: np.dtype("f8"), 128: RGB, 256: np.dtype("i1"), 512: np.dtype("u2"), 768: np.dtype("u4"),
    1024: np.dtype("i8"), 1280: np.dtype("u8"), 1792: np.dtype("c16"), 2304: RGBA,
}  # fmt: skip
COLOURS = ("red", "green", "blue", "alpha")
INTENT_LABEL = 1002
#: Codes whose components turn with the body; those of colours, which do not.
_TURNING = {1004, 1005, 1006, 1007, 1010}
_INTENT_COLOURS = {2003: 3, 2004: 4}
#: Steps of the fourth axis, by the code in bits 3 to 5 of xyzt_units.
_STEPS = {8: "s", 16: "ms", 24: "us", 32: "Hz", 40: "ppm", 48: "rad/s"}
_MOST_EXTENSION = 1 << 20


@dataclass
class Header:
    """The fields of a header that say what the voxels are."""

    stored_shape: tuple[int, ...]
    dtype: np.dtype[Any]  # as stored, with byte order
    data_path: Path
    offset: int
    slope: float
    inter: float
    affine: NDArray[np.float64]
    space: str  # what the millimetres are of, see `Volume`
    spatial_ndim: int
    intent: int
    extra: dict[str, Any]
    notes: list[str]

    @property
    def base(self) -> np.dtype[Any]:
        """Type of one stored number."""
        return self.dtype.base

    @property
    def scaled(self) -> bool:
        """Whether the values are slope times the stored numbers plus intercept."""
        return (self.slope, self.inter) != (1.0, 0.0) and self.dtype.subdtype is None

    @property
    def result_dtype(self) -> np.dtype[Any]:
        """Type that holds the values without loss."""
        base = self.base.newbyteorder("=")
        if base.kind == "c":
            return np.dtype(np.float32 if base.itemsize == 8 else np.float64)
        if not self.scaled:
            return base
        exact = base.itemsize <= 2 if base.kind in "iu" else base.itemsize <= 4
        return np.dtype(np.float32 if exact else np.float64)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels where the header tells them."""
        if _INTENT_COLOURS.get(self.intent) == self.shape[-1] and len(self.shape) > self.spatial_ndim:
            return COLOURS[: self.shape[-1]]
        if len(self.stored_shape) > self.spatial_ndim:
            return ()
        if self.dtype.subdtype is not None:
            return COLOURS[: self.dtype.shape[0]]
        return ("real", "imaginary") if self.base.kind == "c" else ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the Volume: spatial axes, then channels if there are any."""
        spatial = self.stored_shape[: self.spatial_ndim]
        inner = self.dtype.shape[0] if self.dtype.subdtype else 2 if self.base.kind == "c" else 1
        channels = int(np.prod(self.stored_shape[self.spatial_ndim :])) * inner
        return spatial if channels == 1 else (*spatial, channels)


def read_header(path: Path) -> Header:
    """Read the header of a single file or a pair.

    Raises
    ------
    FileError
        If the file is cut short, or its header says something that no reader can make sense of.
    """
    notes: list[str] = []
    with _files.open_stream(path) as stream:
        raw = stream.read(540)
        fields = _fields(raw, path, notes)
        first = fields.dtype.itemsize
        said = float(fields["vox_offset"])
        if not np.isfinite(said) or not 0 <= said < 2**40:
            raise FileError(
                f"{path}: the voxels of a NIfTI file begin at a byte of the file, got {said}. {_files.AGAIN}"
            )
        start = max(int(said), first)
        most = min(start, _MOST_EXTENSION)
        extension = raw[first:] + stream.read(most - len(raw)) if start > len(raw) else raw[first:start]
    order: Any = fields["dim"].dtype.byteorder
    extra = _extensions(extension, order, notes)
    dtype = _dtype(path, int(fields["datatype"]), order)
    shape, ndim = _shape(path, [int(n) for n in fields["dim"]], extra, notes)
    needed = _files.count_bytes(tuple(shape), dtype)
    data_path, offset = _place(path, fields, int(said), needed, notes)
    slope, inter = _scaling(fields, notes)
    intent = int(fields["intent_code"])
    _note_more(fields, shape, ndim, intent, dtype, notes)
    affine, space = _nifti_affine.read(fields, shape[:ndim], path, notes)
    return Header(tuple(shape), dtype, data_path, offset, slope, inter, affine, space, ndim, intent, extra, notes)


def _fields(raw: bytes, path: Path, notes: list[str]) -> Any:
    layout = NIFTI2 if raw[4:12] in {MAGIC2, PAIR2} else NIFTI1
    if len(raw) < layout.itemsize:
        raise FileError(
            f"{path} is cut short: a NIfTI header has {layout.itemsize} bytes, the file has {len(raw)}. Get a "
            "fresh copy."
        )
    orders: tuple[Any, ...] = ("<", ">")
    both = [np.frombuffer(raw, layout.newbyteorder(order), 1)[0] for order in orders]
    for fields in both:
        if fields["sizeof_hdr"] == layout.itemsize:
            return fields
    # the number of axes tells the order of bytes as well, and the magic has said that this is NIfTI
    known = [fields for fields in both if 1 <= fields["dim"][0] <= 7 and int(fields["datatype"]) in DTYPES]
    if len(known) == 1 and (known[0]["dim"][1:4] >= 1).all():
        notes.append(f"the header gives its own size as {int(known[0]['sizeof_hdr'])} bytes; it has {layout.itemsize}")
        return known[0]
    raise FileError(
        f"{path}: a NIfTI header begins with its size (348 or 540), got the bytes {raw[:4].hex()}. {_files.AGAIN}"
    )


def _dtype(path: Path, code: int, order: Any) -> np.dtype[Any]:
    if code not in DTYPES:
        raise FileError(
            f"{path}: the data type of a NIfTI file is one of {sorted(DTYPES)} here, its header says {code}. Convert "
            "it to float32 (16) with the tool that wrote it, or get a fresh copy if it is damaged."
        )
    return DTYPES[code] if DTYPES[code].subdtype else DTYPES[code].newbyteorder(order)


def _shape(path: Path, dim: list[int], extra: dict[str, Any], notes: list[str]) -> tuple[list[int], int]:
    """Return the stored shape, spatial axes filled up or taken away, and the number of spatial axes."""
    used = dim[1 : dim[0] + 1] if 1 <= dim[0] <= 7 else []
    # several writers leave 0 where an axis has one step
    shape = [1 if n == 0 and axis >= 2 else n for axis, n in enumerate(used)]
    if not shape or min(shape) < 1:
        raise FileError(
            f"{path}: a NIfTI image has 1 to 7 axes of 1 or more voxels, its header says {dim}. {_files.AGAIN}"
        )
    if 0 in used:
        notes.append(f"the header gives axes of length 0 ({used}); they are read as 1")
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) == 2 or _meaning.is_picture(extra, shape):
        ndim = 2
        shape = [shape[0], shape[1], *shape[3:]]
    else:
        ndim = 3
        shape = [*shape, 1, 1][: max(3, len(shape))]
    if sum(n > 1 for n in shape[ndim:]) > 1:
        notes.append(
            f"axes of length {shape[ndim:]} beyond the {ndim} spatial ones are one channel axis, first fastest"
        )
    return shape, ndim


def _place(path: Path, fields: Any, said: int, needed: int, notes: list[str]) -> tuple[Path, int]:
    """Return the file with the voxels, and the byte that they begin at."""
    first = fields.dtype.itemsize
    single = fields["magic"].rstrip(b"\0") in {MAGIC1.rstrip(b"\0"), MAGIC2} or _is_named_single(path)
    data_path = path if single else _files.voxels_beside(path)
    size = _files.plain_size(data_path)
    if not single:
        # the offset of a single file, kept in the header of a pair
        if said and said + needed > size >= needed:
            notes.append(f"the voxels begin at byte 0 of their file, not at {said} as the header says")
            return data_path, 0
        return data_path, said
    least = first + 4  # four bytes that tell of extensions
    if said >= least:
        return data_path, said
    offset = first if size == first + needed else said if said >= first and size == said + needed else least
    if said != offset:
        notes.append(f"the voxels begin at byte {offset}, not at {said} as the header says")
    return data_path, offset


def _scaling(fields: Any, notes: list[str]) -> tuple[float, float]:
    """Return slope and intercept of the values; a slope of 0 or none says that they are as stored."""
    slope, inter = float(fields["scl_slope"]), float(fields["scl_inter"])
    if slope == 0 or not np.isfinite(slope):
        if inter and np.isfinite(inter):
            notes.append(f"the header gives an intercept of {inter:g} without a slope; the values are as stored")
        return 1.0, 0.0
    if not np.isfinite(inter):
        notes.append(Doubt(f"the intercept of the values is finite, the header has {inter}; it was taken as 0"))
        return slope, 0.0
    return slope, inter


def _is_named_single(path: Path) -> bool:
    return path.name.lower().endswith((".nii", ".nii.gz"))


def _extensions(extension: bytes, order: str, notes: list[str]) -> dict[str, Any]:
    """Return our meaning from the chain of extensions; the codes of others are noted."""
    # 4 flag bytes, then extensions: size, code (6 is a comment), content
    place, kind = 4, "big" if order == ">" else "little"
    others: list[int] = []
    meaning: dict[str, Any] = {}
    while extension[:1].strip(b"\0") and place + 8 <= len(extension):
        size = int.from_bytes(extension[place : place + 4], kind)  # type: ignore[arg-type]
        code = int.from_bytes(extension[place + 4 : place + 8], kind)  # type: ignore[arg-type]
        if size < 8:
            break
        content = extension[place + 8 : place + size].rstrip(b"\0 ")
        if code == 6 and _meaning.KEY.encode() in content:
            meaning = meaning or _meaning.from_json(content)
        else:
            others.append(code)
        place += size
    if others:
        notes.append(f"extensions of the header were not read (codes {', '.join(map(str, others))})")
    return meaning


def _note_more(fields: Any, shape: list[int], ndim: int, intent: int, dtype: np.dtype[Any], notes: list[str]) -> None:
    step, unit = float(fields["pixdim"][4]), _STEPS.get(int(fields["xyzt_units"]) & 0x38, "")
    if len(shape) > ndim and shape[ndim] > 1 and unit and np.isfinite(step) and step > 0:
        notes.append(f"the {shape[ndim]} channels are {step:.6g} {unit} apart")
    if intent == INTENT_LABEL and dtype.kind == "f":
        notes.append('the file says that its real numbers are labels; kind="labels" reads them as such')
    elif intent and intent != INTENT_LABEL and intent not in _INTENT_COLOURS:
        turning = "; its components are channels as stored and do not turn with the axes" if intent in _TURNING else ""
        notes.append(f"the file says what its values are by intent code {intent}{_intent(intent)}{turning}")


def _intent(code: int) -> str:
    from nibabel.nifti1 import intent_codes

    try:
        return f" ({intent_codes.label[code]})"
    except KeyError:
        return ""
