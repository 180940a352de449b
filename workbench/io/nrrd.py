"""NRRD: a text header and voxels, in one file (.nrrd) or in several (.nhdr with its data files); .seg.nrrd of Slicer.

Follows the format definition of the Teem project. The world may be LPS, RAS or LAS (all are brought to RAS); the axes
without a space direction, wherever they are, become the channels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench import _geometry
from workbench._arrays import Array
from workbench.errors import FileError, InputError
from workbench.io import _files, _meaning, _nrrd_header, _nrrd_segments, _pieces
from workbench.io._format import Format
from workbench.io._nrrd_header import NAMES, Header
from workbench.volume import Volume


class Nrrd(Format):
    """NRRD and NHDR."""

    name = "nrrd"
    suffixes = (".nrrd", ".nhdr")
    reads_packed = ()
    write_options = ("compress",)

    def sniff(self, head: bytes) -> bool:
        """The magic line ``NRRD000n``."""
        return head.startswith(b"NRRD000")

    def read(self, path: Path, **options: Any) -> Volume:  # noqa: ARG002
        """Read the header; a segmentation in several layers is read whole, to see whether its segments overlap."""
        header = _nrrd_header.parse(path)
        ndim, sizes = header.whole("dimension", path)[0], header.whole("sizes", path)
        if not 2 <= ndim <= 5 or len(sizes) != ndim or min(sizes) < 1:
            raise FileError(
                f"{path}: a volume has 2 to 5 axes of 1 or more voxels, the header says dimension {ndim} and sizes "
                f"{sizes}. {_files.CORRECT}"
            )
        dtype = _nrrd_header.dtype_of(header, path)
        notes: list[str] = []
        axes = _nrrd_header.axes_of(header, path, sizes, notes)
        pieces = _data(path, header)
        pieces.check(path, tuple(sizes), dtype)
        notes += pieces.rest(tuple(sizes), dtype)

        meaning = _meaning.from_json(header.keys.get(_meaning.KEY, ""))
        affine = _meaning.exact_affine(meaning, axes.affine)
        rest = [axis for axis in range(ndim) if axis not in axes.spatial]
        lengths = tuple(sizes[axis] for axis in axes.spatial)
        if _meaning.is_picture(meaning, lengths):
            lengths = lengths[:2]
        channels = int(np.prod([sizes[axis] for axis in rest], dtype=object))
        shape = (*lengths, channels) if channels > 1 else lengths
        kept = {"space": axes.space} | _meaning.merge(meaning, shape, dtype)
        if axes.channels and channels > 1:
            kept.setdefault("channels", axes.channels)
        if unit := header.fields.get("sample units", "").strip('"'):
            kept.setdefault("unit", unit[:16])

        def load() -> Array:
            data = pieces.read(tuple(sizes), dtype, notes).transpose([*axes.spatial, *rest])
            return data.reshape(shape, order="F")

        loader: Any = load
        segments = _nrrd_segments.segments(header.keys, channels) if dtype.kind in "iu" else []
        if segments and not meaning:
            notes += _nrrd_segments.notes(header.keys)
            kept["kind"] = "labels"
            if channels == 1:
                kept["labels"] = _nrrd_segments.names(segments)
            else:
                data, named, words = _nrrd_segments.merge(_files.guarded(path, self.name, load)(), segments)
                kept, notes = {"kind": "labels", "space": axes.space, **named}, [*notes, *words]
                shape, dtype, loader = data.shape, data.dtype, lambda: data
        return self._lazy(path, loader, affine, shape, len(lengths), dtype, notes, kept, pieces, tuple(sizes))

    def _lazy(
        self, path: Path, load: Any, affine: Any, shape: tuple[int, ...], spatial: int, dtype: np.dtype[Any],
        notes: list[str], kept: dict[str, Any], pieces: _pieces.Pieces, sizes: tuple[int, ...],
    ) -> Volume:  # fmt: skip
        whole = pieces.is_whole(sizes, dtype)
        data = None if whole else _files.guarded(path, self.name, load)()
        volume = self.lazy(
            path, load if data is None else lambda: data, affine, shape=shape, dtype=dtype.newbyteorder("="),
            axes=(*"ijk"[:spatial], *("c",) * (len(shape) > spatial)), notes=notes, **kept,
        )  # fmt: skip
        return volume if whole else volume.load()

    def write(self, volume: Volume, path: Path, **options: Any) -> None:
        """Write NRRD, or NHDR and its data file; ``compress=False`` stores the voxels raw."""
        packed = bool(options.get("compress", True))
        data = volume.data.view(np.uint8) if volume.dtype == bool else volume.data
        data = data.astype(np.float32) if data.dtype == np.float16 else data
        dtype = data.dtype.newbyteorder("=")
        if dtype not in NAMES:
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


def _data(path: Path, header: Header) -> _pieces.Pieces:
    """Return where the voxels are and how they are written."""
    encoding = _nrrd_header.encoding_of(header, path)
    if encoding not in _pieces.ENCODINGS:
        raise FileError(f"{path}: the encoding {encoding!r} is not supported. Save it as raw or gzip.")
    lines, skip = (header.whole(key, path, "0")[0] for key in ("line skip", "byte skip"))
    if not 0 <= lines <= 10000 or skip < -1 or (skip == -1 and encoding != "raw") or (skip and encoding == "ascii"):
        raise FileError(
            f"{path}: line skip {lines} and byte skip {skip} are not supported with encoding {encoding}. Save it as "
            "one file (.nrrd), which needs neither."
        )
    name = header.fields.get("data file")
    files = [path] if name is None else _pieces.named(path, name, header.files)
    return _pieces.Pieces(files, encoding, header.end if name is None else 0, lines, skip)


def _header(volume: Volume, dtype: np.dtype[Any], packed: bool, data_file: str | None) -> bytes:
    lps = _geometry.LPS_RAS @ volume.affine
    spatial = [*volume.spatial_shape, 1][:3]
    channels = "c" in volume.axes
    kinds = {3: "RGB-color", 4: "RGBA-color"}.get(volume.num_channels if volume.dtype == np.uint8 else 0, "vector")
    lines = [
        "NRRD0005",
        f"type: {NAMES[dtype]}",
        f"dimension: {3 + channels}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, [volume.num_channels] * channels + spatial))}",
        f"space directions: {'none ' * channels}{' '.join(_vector(lps[:3, column]) for column in range(3))}",
        f"kinds: {(kinds + ' ') * channels}domain domain domain",
        "endian: little",
        f"encoding: {'gzip' if packed else 'raw'}",
        'space units: "mm" "mm" "mm"',
        f"space origin: {_vector(lps[:3, 3])}",
        f"{_meaning.KEY}:={_meaning.to_json(volume)}",
        *([f"data file: {data_file}"] if data_file else []),
    ]
    return ("\n".join(lines) + "\n\n").encode()


def _vector(numbers: Any) -> str:
    return f"({','.join(repr(float(number) + 0.0) for number in numbers)})"
