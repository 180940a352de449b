"""What formats share whose headers nibabel reads and whose voxels we read (Analyze, MGH): shape, scaling, labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench import _checks
from workbench._arrays import Array
from workbench.errors import FileError
from workbench.io import _files
from workbench.io._format import Format
from workbench.volume import Volume


def volume(
    format_: Format,
    path: Path,
    source: Path,
    header: Any,
    affine: Any,
    *,
    kind: str | None,
    notes: list[str],
    space: str,
    odd_end: bool = False,
) -> Volume:
    """Make the lazy Volume of a file whose header nibabel has read.

    Parameters
    ----------
    format_ : Format
        For its name and :meth:`~workbench.io.Format.lazy`.
    path, source : Path
        What was asked for, and the file with the voxels.
    header : nibabel header
        Shape, type, offset and scaling of the voxels.
    affine : array [4, 4]
        Voxel to RAS mm.
    kind : str or None
        ``"labels"`` rounds by half of the slope, as for NIfTI.
    notes : list of str
        For the Volume.
    space : str
        What the millimetres are of.
    odd_end : bool
        Whether the end of the file does not look as it should, so that only reading it tells if it is whole.

    Raises
    ------
    FileError
        If the file is too short, or its axes are none.
    """
    shape = [int(n) for n in header.get_data_shape()]
    if not shape or len(shape) > 7 or min(shape) < 1:
        raise FileError(f"{path}: an image has 1 to 7 axes of 1 or more voxels, got {shape}. {_files.AGAIN}")
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    shape = [*shape, 1, 1][: max(3, len(shape))]
    dtype, offset = header.get_data_dtype(), int(header.get_data_offset())
    if dtype.kind not in "iuf":
        raise FileError(f"{path} holds values of {dtype}, which is not supported. Convert it to float32.")
    slope, inter = _scaling(header)
    _files.check_promise(source, _files.count_bytes(tuple(shape), dtype), offset)
    channels = int(np.prod(shape[3:]))
    if sum(n > 1 for n in shape[3:]) > 1:
        notes.append(f"axes of length {shape[3:]} beyond the 3 spatial ones are one channel axis, first fastest")
    full = (*shape[:3], channels) if channels > 1 else tuple(shape[:3])
    scaled = (slope, inter) != (1.0, 0.0)
    result = np.dtype(np.float64) if scaled else dtype.newbyteorder("=")
    whole = kind == "labels" and result.kind == "f"

    if source != path:  # a file of nothing but voxels
        end = offset + _files.count_bytes(tuple(shape), dtype)
        odd_end = _files.is_gzip(source) and _files.gzip_length_is_wrong(source, end)

    def load() -> Array:
        data = _files.read_array(source, offset, tuple(shape), dtype, notes).reshape(full, order="F")
        data = data * slope + inter if scaled else data
        return _checks.as_kind(data, "labels", slope if dtype.kind in "iu" else 0) if whole else data

    # what is odd about the end is to be among the notes
    data = _files.guarded(path, format_.name, load)() if odd_end else None
    made = format_.lazy(
        path, load if data is None else lambda: data, _files.usable_affine(path, affine), shape=full,
        dtype=np.dtype(np.int32) if whole else result, axes=("i", "j", "k", "c")[: len(full)], notes=notes, space=space,
        kind="labels" if kind == "labels" else "image",
    )  # fmt: skip
    return made.load() if odd_end else made


def _scaling(header: Any) -> tuple[float, float]:
    slope, inter = header.get_slope_inter()
    slope = 1.0 if slope is None or not np.isfinite(slope) or slope == 0 else float(slope)
    return slope, 0.0 if inter is None or not np.isfinite(inter) else float(inter)
