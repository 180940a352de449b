"""NIfTI-1 and NIfTI-2, plain or gzip: single files (.nii, .nii.gz), and pairs (.hdr with .img) that are read only.

Unlike nibabel, `xyzt_units` of metres and microns are turned into millimetres. What is made of odd headers is in
``_nifti_header`` and ``_nifti_affine``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench import _checks, _geometry
from workbench._arrays import Array
from workbench.errors import InputError
from workbench.io import _files, _meaning
from workbench.io._format import Format
from workbench.io._nifti_affine import quaternion
from workbench.io._nifti_header import (
    COLOURS,
    DTYPES,
    INTENT_LABEL,
    MAGIC1,
    MAGIC2,
    NIFTI1,
    NIFTI2,
    PAIR1,
    PAIR2,
    RGB,
    RGBA,
    Header,
    read_header,
)  # fmt: skip
from workbench.volume import Volume

_CODES = {dtype: code for code, dtype in DTYPES.items() if dtype.subdtype is None}


class Nifti(Format):
    """NIfTI-1 and NIfTI-2."""

    name = "nifti"
    suffixes = (".nii", ".nii.gz")
    read_options = ("kind",)
    write_options = ("version",)

    def sniff(self, head: bytes) -> bool:
        """Magic at byte 344 (NIfTI-1) or 4 (NIfTI-2)."""
        return head[344:348] in {MAGIC1, PAIR1} or head[4:12] in {MAGIC2, PAIR2}

    def read(self, path: Path, **options: Any) -> Volume:
        """Read the header; 4D files get a channel axis, RGB files three or four channels.

        With ``kind="labels"``, real numbers are taken as the whole numbers that they were before the file's slope
        rounded them: a stored whole number stands for everything within half a slope.
        """
        header = read_header(path)
        source, stored = header.data_path, header.stored_shape
        needed = _files.count_bytes(stored, header.dtype)
        _files.check_promise(source, needed, header.offset)
        shape, dtype = header.shape, header.result_dtype
        affine = _meaning.exact_affine(header.extra, header.affine)
        meaning = {"space": header.space} | _meaning.merge(header.extra, shape, dtype)
        if header.intent == INTENT_LABEL and dtype.kind in "iu":
            meaning.setdefault("kind", "labels")
        if options.get("kind") == "labels":
            meaning["kind"] = "labels"
        if header.channel_names:
            meaning.setdefault("channels", header.channel_names)
        whole = meaning.get("kind") == "labels" and dtype.kind == "f"
        notes = list(header.notes)
        rest = 0 if _files.packing_of(source) else source.stat().st_size - header.offset - needed
        if rest:
            notes.append(f"{rest:,} bytes {_files.BEHIND}")

        def load() -> Array:
            data = _load(header, notes)
            return _checks.as_kind(data, "labels", header.slope if header.base.kind in "iu" else 0) if whole else data

        loader = load
        odd = _files.is_gzip(source) and _files.gzip_length_is_wrong(source, header.offset + needed)
        if odd or _files.is_bzip2(source):
            # cut short, written in several members, or followed by other bytes: only reading it tells
            data = _files.guarded(source, self.name, load)()
            loader = lambda: data  # noqa: E731
        volume = self.lazy(
            path, loader, affine, shape=shape, dtype=np.dtype(np.int32) if whole else dtype,
            axes=("i", "j", "k", "c")[: header.spatial_ndim] + ("c",) * (len(shape) > header.spatial_ndim),
            notes=notes, **meaning,
        )  # fmt: skip
        return volume if loader is load else volume.load()

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


def _gzip_writer(file: Any) -> Any:
    from isal import igzip

    # neither name nor time in the header: the same volume gives the same bytes
    return igzip.IGzipFile("", "wb", 2, file, mtime=0)  # type: ignore[no-untyped-call]


def _load(header: Header, notes: list[str]) -> Any:
    path, shape, dtype = header.data_path, header.stored_shape, header.dtype
    if dtype.subdtype is not None:
        colours = _files.read_array(path, header.offset, (dtype.shape[0], *shape), dtype.base, notes, last=True)
        return np.moveaxis(colours, 0, header.spatial_ndim).reshape(header.shape, order="F")
    data = _files.read_array(path, header.offset, shape, dtype, notes, last=True)
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
    if data.dtype == np.uint8 and volume.channels in {COLOURS[:3], COLOURS}:
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
    layout, magic, first = (NIFTI1, MAGIC1, 348) if version == 1 else (NIFTI2, MAGIC2, 540)
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
    fields["datatype"] = 128 if stored == RGB else 2304 if stored == RGBA else _CODES[stored]
    fields["bitpix"] = stored.itemsize * 8
    fields["vox_offset"] = begin
    fields["scl_slope"] = 1
    fields["xyzt_units"] = 2
    fields["intent_code"] = INTENT_LABEL if volume.kind == "labels" else 0
    fields["sform_code"] = 1
    fields["srow"] = volume.affine[:3]
    sizes = _geometry.spacing(volume.affine)
    fields["pixdim"] = [1, *sizes, 1, 1, 1, 1]
    if not _geometry.has_shear(volume.affine):
        directions = _geometry.directions(volume.affine)
        handed = -1.0 if np.linalg.det(directions) < 0 else 1.0
        fields["qform_code"] = 1
        fields["pixdim"][0] = handed
        fields["quatern"] = quaternion(directions * [1, 1, handed])
        fields["qoffset"] = volume.affine[:3, 3]
    return (bytes(fields.tobytes()) + b"\1\0\0\0" + extension).ljust(begin, b"\0")
