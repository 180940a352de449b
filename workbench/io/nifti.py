"""NIfTI-1 and NIfTI-2, single file, plain or gzip (.nii, .nii.gz).

Header layout: nifti1.h and nifti2.h of the NIfTI data format working group. The affine is the sform if its code is
above 0 (the qform, with a warning, if that matrix is singular), else the qform if its code is, else voxel sizes with
the origin at the centre and x running left, as nibabel has it. Unlike nibabel, `xyzt_units` of metres and microns are
turned into millimetres.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import _geometry
from workbench.errors import FileError, InputError
from workbench.io import _files, _meaning
from workbench.io._format import Format, GeometryWarning
from workbench.volume import Array, Volume


def _layout(*fields: tuple[str, str, int], size: int) -> np.dtype[Any]:
    return np.dtype(
        {
            "names": [name for name, _, _ in fields],
            "formats": [kind for _, kind, _ in fields],
            "offsets": [offset for _, _, offset in fields],
            "itemsize": size,
        }
    )


_NIFTI1 = _layout(
    ("sizeof_hdr", "i4", 0), ("regular", "S1", 38), ("dim", "8i2", 40), ("intent_code", "i2", 68),
    ("datatype", "i2", 70), ("bitpix", "i2", 72), ("pixdim", "8f4", 76), ("vox_offset", "f4", 108),
    ("scl_slope", "f4", 112), ("scl_inter", "f4", 116), ("xyzt_units", "u1", 123), ("qform_code", "i2", 252),
    ("sform_code", "i2", 254), ("quatern", "3f4", 256), ("qoffset", "3f4", 268), ("srow", "(3,4)f4", 280),
    ("magic", "S4", 344), size=348,
)  # fmt: skip
_NIFTI2 = _layout(
    ("sizeof_hdr", "i4", 0), ("magic", "S8", 4), ("datatype", "i2", 12), ("bitpix", "i2", 14), ("dim", "8i8", 16),
    ("pixdim", "8f8", 104), ("vox_offset", "i8", 168), ("scl_slope", "f8", 176), ("scl_inter", "f8", 184),
    ("qform_code", "i4", 344), ("sform_code", "i4", 348), ("quatern", "3f8", 352), ("qoffset", "3f8", 376),
    ("srow", "(3,4)f8", 400), ("xyzt_units", "i4", 500), ("intent_code", "i4", 504), size=540,
)  # fmt: skip
_MAGIC1, _MAGIC2 = b"n+1\0", b"n+2\0\r\n\x1a\n"

_RGB = np.dtype(("u1", 3))
_RGBA = np.dtype(("u1", 4))
_DTYPES: dict[int, np.dtype[Any]] = {
    2: np.dtype("u1"), 4: np.dtype("i2"), 8: np.dtype("i4"), 16: np.dtype("f4"), 32: np.dtype("c8"),
    64: np.dtype("f8"), 128: _RGB, 256: np.dtype("i1"), 512: np.dtype("u2"), 768: np.dtype("u4"),
    1024: np.dtype("i8"), 1280: np.dtype("u8"), 1792: np.dtype("c16"), 2304: _RGBA,
}  # fmt: skip
_CODES = {dtype: code for code, dtype in _DTYPES.items() if dtype.subdtype is None}
_COLOURS = ("red", "green", "blue", "alpha")
_UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
_INTENT_LABEL = 1002


class Nifti(Format):
    """NIfTI-1 and NIfTI-2."""

    name = "nifti"
    suffixes = (".nii", ".nii.gz")
    write_options = ("version",)

    def sniff(self, head: bytes) -> bool:
        """Magic at byte 344 (NIfTI-1) or 4 (NIfTI-2)."""
        return head[344:348] == _MAGIC1 or head[4:12] == _MAGIC2

    def read(self, path: Path, **options: Any) -> Volume:  # noqa: ARG002
        """Read the header; 4D files get a channel axis, RGB files three or four channels."""
        header = _read_header(path)
        for doubt in header.doubts:
            warnings.warn(doubt, GeometryWarning, stacklevel=4)
        stored = header.stored_shape
        _files.check_promise(path, _files.count_bytes(stored, header.dtype), header.offset)
        shape = header.shape
        affine = _meaning.exact_affine(header.extra, header.affine)
        meaning = _meaning.merge(header.extra, shape, header.result_dtype)
        if header.intent == _INTENT_LABEL and header.result_dtype.kind in "iu":
            meaning.setdefault("kind", "labels")
        if header.channel_names:
            meaning.setdefault("channels", header.channel_names)
        volume = self.lazy(
            path, lambda: _load(path, header), affine, shape=shape, dtype=header.result_dtype,
            axes=("i", "j", "k", "c")[: header.spatial_ndim] + ("c",) * (len(shape) > header.spatial_ndim),
            notes=[*header.notes, *header.doubts], **meaning,
        )  # fmt: skip
        total = header.offset + _files.count_bytes(stored, header.dtype)
        if _files.is_gzip(path) and _files.gzip_length_is_wrong(path, total):
            # cut short, or written in several members: only reading it tells
            volume.load()
        return volume

    def write(self, volume: Volume, path: Path, **options: Any) -> None:
        """Write NIfTI-1, or NIfTI-2 where the shape needs it or ``version=2`` asks for it."""
        big = max(volume.shape) > 32767
        version = options.get("version", 2 if big else 1)
        if version not in {1, 2} or (big and version == 1):
            raise InputError(f"NIfTI version {version!r} cannot hold shape {volume.shape}. Use version=2.")
        data, stored = _storable(volume)
        header = _make_header(volume, stored, version)
        if path.name.lower().endswith(".gz"):
            with (
                _files.writing(path) as temporary,
                temporary.open("wb") as file,
                _gzip_writer(file) as stream,
            ):
                stream.write(header)
                _files.write_array(stream, data)
        else:
            with _files.writing(path) as temporary, temporary.open("wb") as file:
                file.write(header)
                _files.write_array(file, data)


@dataclass
class _Header:
    stored_shape: tuple[int, ...]
    dtype: np.dtype[Any]  # as stored, with byte order
    offset: int
    slope: float
    inter: float
    affine: NDArray[np.float64]
    spatial_ndim: int
    intent: int
    extra: dict[str, Any]
    notes: list[str]
    doubts: list[str] = field(default_factory=list)  # notes that are warned of, too

    @property
    def base(self) -> np.dtype[Any]:
        return self.dtype.base

    @property
    def scaled(self) -> bool:
        return (self.slope, self.inter) != (1.0, 0.0) and self.dtype.subdtype is None

    @property
    def result_dtype(self) -> np.dtype[Any]:
        base = self.base.newbyteorder("=")
        if base.kind == "c":
            return np.dtype(np.float32 if base.itemsize == 8 else np.float64)
        if not self.scaled:
            return base
        exact = base.itemsize <= 2 if base.kind in "iu" else base.itemsize <= 4
        return np.dtype(np.float32 if exact else np.float64)

    @property
    def channel_names(self) -> tuple[str, ...]:
        if self.dtype.subdtype is not None and len(self.stored_shape) <= self.spatial_ndim:
            return _COLOURS[: self.dtype.shape[0]]
        return ("real", "imaginary") if self.base.kind == "c" and len(self.stored_shape) <= self.spatial_ndim else ()

    @property
    def shape(self) -> tuple[int, ...]:
        spatial = self.stored_shape[: self.spatial_ndim]
        inner = self.dtype.shape[0] if self.dtype.subdtype else 2 if self.base.kind == "c" else 1
        channels = int(np.prod(self.stored_shape[self.spatial_ndim :])) * inner
        return spatial if channels == 1 else (*spatial, channels)


def _read_header(path: Path) -> _Header:
    with _files.open_stream(path) as stream:
        raw = stream.read(540)
        fields = _fields(raw, path)
        version1 = fields.dtype.itemsize == 348
        offset = float(fields["vox_offset"])
        first = 348 if version1 else 540
        if not np.isfinite(offset) or not 0 <= offset < 2**40:
            raise FileError(
                f"{path}: the voxels of a NIfTI file begin at a byte of the file, got {offset}. {_files.AGAIN}"
            )
        start = max(int(offset), first)
        extension = raw[first:] + stream.read(min(start, 1 << 20) - len(raw)) if start > len(raw) else raw[first:start]
    dim = [int(n) for n in fields["dim"]]
    if not 1 <= dim[0] <= 7 or any(n < 1 for n in dim[1 : dim[0] + 1]):
        raise FileError(
            f"{path}: a NIfTI image has 1 to 7 axes of 1 or more voxels, its header says {dim}. {_files.AGAIN}"
        )
    code = int(fields["datatype"])
    if code not in _DTYPES:
        raise FileError(
            f"{path}: the data type of a NIfTI file is one of {sorted(_DTYPES)} here, its header says {code}. Convert "
            "it to float32 (16) with the tool that wrote it, or get a fresh copy if it is damaged."
        )
    order: Any = fields["dim"].dtype.byteorder
    dtype = _DTYPES[code] if _DTYPES[code].subdtype else _DTYPES[code].newbyteorder(order)
    extra = _meaning.from_json(_comment(extension, order))
    notes: list[str] = []
    shape = dim[1 : dim[0] + 1]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) == 2 or _meaning.is_picture(extra, shape):
        ndim = 2
        shape = [shape[0], shape[1], *shape[3:]]
    else:
        ndim = 3
        shape = [*shape, 1, 1][: max(3, len(shape))]
    if len(shape) > ndim + 1:
        notes.append(
            f"axes of length {shape[ndim:]} beyond the {ndim} spatial ones are one channel axis, first fastest"
        )
    slope, inter = float(fields["scl_slope"]), float(fields["scl_inter"])
    if slope == 0 or not np.isfinite(slope):
        slope, inter = 1.0, 0.0
    if not np.isfinite(inter):
        raise FileError(f"{path}: the intercept of the values must be finite, the header says {inter}. {_files.AGAIN}")
    doubts: list[str] = []
    affine = _affine(fields, shape[:ndim], path, notes, doubts)
    return _Header(
        tuple(shape), dtype, start, slope, inter, affine, ndim, int(fields["intent_code"]), extra, notes, doubts
    )  # fmt: skip


def _fields(raw: bytes, path: Path) -> Any:
    layout = _NIFTI2 if raw[4:12] == _MAGIC2 else _NIFTI1
    if len(raw) < layout.itemsize:
        raise FileError(
            f"{path} is cut short: a NIfTI header has {layout.itemsize} bytes, the file has {len(raw)}. Get a "
            "fresh copy."
        )
    orders: tuple[Any, ...] = ("<", ">")
    for order in orders:
        fields = np.frombuffer(raw, layout.newbyteorder(order), 1)[0]
        if fields["sizeof_hdr"] == layout.itemsize:
            return fields
    raise FileError(
        f"{path}: a NIfTI header begins with its size (348 or 540), got the bytes {raw[:4].hex()}. {_files.AGAIN}"
    )


def _affine(fields: Any, shape: list[int], path: Path, notes: list[str], doubts: list[str]) -> NDArray[np.float64]:
    units = int(fields["xyzt_units"]) & 7
    factor = _UNIT_MM.get(units, 1.0)
    scale = np.array([[factor], [factor], [factor], [1.0]])
    if factor != 1:
        notes.append(f"lengths were in {'metres' if units == 1 else 'microns'}; now in mm")
    sizes = np.abs(np.asarray(fields["pixdim"][1:4], dtype=np.float64))
    if int(fields["sform_code"]) > 0:
        sform = np.vstack([np.asarray(fields["srow"], dtype=np.float64), [0, 0, 0, 1]])
        try:
            return _files.usable_affine(path, scale * sform)
        except FileError:
            if int(fields["qform_code"]) <= 0 or not (np.isfinite(sizes) & (sizes > 0)).all():
                raise
            affine = _files.usable_affine(path, scale * _qform(fields, sizes, path))
            doubts.append(f"the sform of the file is no geometry ({sform[:3].tolist()}); its qform was taken instead")
            return affine
    if (sizes == 0).any():
        notes.append(f"voxel sizes {sizes.tolist()} hold a 0; taken as 1 mm")
        sizes[sizes == 0] = 1
    if int(fields["qform_code"]) > 0:
        return _files.usable_affine(path, scale * _qform(fields, sizes, path))
    affine = np.diag([*sizes * [-1, 1, 1], 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array([*shape, 1][:3]) - 1) / 2)
    notes.append("the file does not say where in the body the voxels lie; origin at the centre, LAS axes")
    return _files.usable_affine(path, scale * affine)


def _qform(fields: Any, sizes: NDArray[np.float64], path: Path) -> NDArray[np.float64]:
    handed = -1.0 if float(fields["pixdim"][0]) < 0 else 1.0
    affine = np.eye(4)
    stored = np.asarray(fields["quatern"])
    rounding = 3 * float(np.finfo(stored.dtype).eps)
    affine[:3, :3] = _rotation(stored.astype(np.float64), rounding, path) * sizes * [1, 1, handed]
    affine[:3, 3] = fields["qoffset"]
    return affine


def _rotation(quatern: NDArray[np.float64], rounding: float, path: Path) -> NDArray[np.float64]:
    b, c, d = quatern
    square = 1.0 - float(quatern @ quatern)
    if not np.isfinite(square) or square < -1e-3:
        raise FileError(
            f"{path}: the quaternion of a qform has length 1 or less, the header says {quatern.tolist()}. "
            f"{_files.CORRECT}"
        )
    # on half turns rounding leaves a length slightly off 1; its root would turn the volume by a hundredth of a degree
    a = np.sqrt(square) if square > rounding else 0.0
    norm = np.sqrt(a * a + b * b + c * c + d * d)
    a, b, c, d = a / norm, b / norm, c / norm, d / norm
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )


def _comment(extension: bytes, order: str) -> bytes:
    # 4 flag bytes, then extensions: size, code (6 is a comment), content
    place, kind = 4, "big" if order == ">" else "little"
    if not extension[:1].strip(b"\0"):
        return b""
    while place + 8 <= len(extension):
        size = int.from_bytes(extension[place : place + 4], kind)  # type: ignore[arg-type]
        code = int.from_bytes(extension[place + 4 : place + 8], kind)  # type: ignore[arg-type]
        if size < 8:
            return b""
        content = extension[place + 8 : place + size].rstrip(b"\0 ")
        if code == 6 and _meaning.KEY.encode() in content:
            return content
        place += size
    return b""


def _gzip_writer(file: Any) -> Any:
    from isal import igzip

    # neither name nor time in the header: the same volume gives the same bytes
    return igzip.IGzipFile("", "wb", 2, file, mtime=0)  # type: ignore[no-untyped-call]


def _load(path: Path, header: _Header) -> Any:
    shape, dtype = header.stored_shape, header.dtype
    if dtype.subdtype is not None:
        colours = _files.read_array(path, header.offset, (dtype.shape[0], *shape), dtype.base)
        return np.moveaxis(colours, 0, header.spatial_ndim).reshape(header.shape, order="F")
    data = _files.read_array(path, header.offset, shape, dtype)
    if data.dtype.kind == "c":
        parts = np.stack([data.real, data.imag], axis=header.spatial_ndim)
        return parts.reshape(header.shape, order="F") * header.slope + header.inter
    data = data.reshape(header.shape, order="F")
    if header.scaled:
        data = data.astype(header.result_dtype, copy=False)
        data *= header.slope
        data += header.inter
    return data


def _storable(volume: Volume) -> tuple[Array, np.dtype[Any]]:
    data = volume.data
    if data.dtype == np.uint8 and volume.channels in {_COLOURS[:3], _COLOURS}:
        return np.moveaxis(data, -1, 0), np.dtype(("u1", data.shape[-1]))
    if data.dtype == bool:
        return data.view(np.uint8), np.dtype(np.uint8)
    if data.dtype == np.float16:
        data = data.astype(np.float32)
    dtype = data.dtype.newbyteorder("=")
    if dtype not in _CODES:
        raise InputError(f"NIfTI has no data type for {dtype}. Convert the data first.")
    return data, dtype


def _make_header(volume: Volume, stored: np.dtype[Any], version: int) -> bytes:
    layout, magic, first = (_NIFTI1, _MAGIC1, 348) if version == 1 else (_NIFTI2, _MAGIC2, 540)
    text = _meaning.to_json(volume).encode()
    size = -(-(len(text) + 8) // 16) * 16
    extension = size.to_bytes(4, "little") + (6).to_bytes(4, "little") + text.ljust(size - 8, b"\0")
    begin = -(-(first + 4 + size) // 16) * 16
    fields = np.zeros(1, layout.newbyteorder("<"))[0]
    spatial = volume.spatial_shape
    channels = () if "c" not in volume.axes or stored.subdtype else (volume.num_channels,)
    dims = (*spatial, *[1] * (3 - len(spatial)), *channels) if channels else spatial
    fields["sizeof_hdr"] = first
    fields["magic"] = magic
    fields["dim"] = [len(dims), *dims, *[1] * (7 - len(dims))]
    fields["datatype"] = 128 if stored == _RGB else 2304 if stored == _RGBA else _CODES[stored]
    fields["bitpix"] = stored.itemsize * 8
    fields["vox_offset"] = begin
    fields["scl_slope"] = 1
    fields["xyzt_units"] = 2
    fields["intent_code"] = _INTENT_LABEL if volume.kind == "labels" else 0
    fields["sform_code"] = 1
    fields["srow"] = volume.affine[:3]
    sizes = _geometry.spacing(volume.affine)
    fields["pixdim"] = [1, *sizes, 1, 1, 1, 1]
    if not _geometry.has_shear(volume.affine):
        directions = _geometry.directions(volume.affine)
        handed = -1.0 if np.linalg.det(directions) < 0 else 1.0
        fields["qform_code"] = 1
        fields["pixdim"][0] = handed
        fields["quatern"] = _quaternion(directions * [1, 1, handed])
        fields["qoffset"] = volume.affine[:3, 3]
    return (bytes(fields.tobytes()) + b"\1\0\0\0" + extension).ljust(begin, b"\0")


def _quaternion(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    # eigenvector of the largest eigenvalue (Bar-Itzhack 2000): stable for every rotation, half turns included
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    matrix = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    b, c, d, a = np.linalg.eigh(matrix)[1][:, -1]
    return np.array([b, c, d]) * (-1.0 if a < 0 else 1.0)
