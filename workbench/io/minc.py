"""MINC 1 (netCDF) and MINC 2 (HDF5, with the extra ``minc``), read through nibabel."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _checks
from workbench._arrays import Array
from workbench.errors import FileError, MissingExtraError
from workbench.io import _files
from workbench.io._format import Format
from workbench.volume import Volume

_NETCDF, _HDF5 = (b"CDF\1", b"CDF\2"), b"\x89HDF\r\n\x1a\n"


class Minc(Format):
    """MINC 1 and 2."""

    name = "minc"
    suffixes = (".mnc", ".mnc.gz")
    can_write = False
    read_options = ("kind",)

    def sniff(self, head: bytes) -> bool:
        """The magic of netCDF or HDF5."""
        return head.startswith((*_NETCDF, _HDF5))

    def read(self, path: Path, **options: Any) -> Volume:
        """Read the header; axes that are not spatial become channels."""
        notes: list[str] = []
        image = _open(path, notes)
        names = [str(name) for name in image.dataobj.minc_file._dim_names]
        shape = tuple(int(n) for n in image.shape)
        spatial = [place for place, name in enumerate(names) if name.endswith("space")]
        rest = [place for place in range(len(shape)) if place not in spatial]
        if len(spatial) != 3 or min(shape) < 1:
            raise FileError(f"{path}: a MINC volume has three spatial axes, this one has {names} of length {shape}.")
        channels = int(np.prod([shape[place] for place in rest]))
        full = (*(shape[place] for place in spatial), *([channels] if channels > 1 else []))
        if channels > 1:
            listed = ", ".join(f"{names[place]} ({shape[place]})" for place in rest)
            notes.append(f"the channels are {listed}, the last fastest")
        stored = np.dtype(image.get_data_dtype()).newbyteorder("=")
        # nibabel scales whole numbers by the range that the file gives, slice by slice
        dtype = np.dtype(np.float64) if stored.kind in "iu" else stored
        _files.check_memory(path, _files.count_bytes(full, dtype))
        as_labels = options.get("kind") == "labels"

        def load() -> Array:
            opened = _open(path, [])
            data = np.asarray(opened.dataobj).transpose([*spatial, *rest]).reshape(full)
            return _checks.as_kind(data, "labels", _step(opened, stored)) if as_labels else data

        return self.lazy(
            path, load, _files.usable_affine(path, image.affine), shape=full,
            dtype=np.dtype(np.int32) if as_labels else dtype, axes=("i", "j", "k", "c")[: len(full)], notes=notes,
            kind="labels" if as_labels else "image",
        )  # fmt: skip


def _open(path: Path, notes: list[str]) -> Any:
    from nibabel.fileholders import FileHolder
    from nibabel.minc1 import Minc1Image
    from nibabel.minc2 import Minc2Image

    if not _files.read_head(path, 8).startswith(_HDF5):
        content = io.BytesIO(_files.read_unpacked(path, notes))  # the place of the voxels has to be looked for
        image = Minc1Image.from_file_map({"image": FileHolder(fileobj=content)})
        stored = image.dataobj.minc_file._image
        if stored.data.size != int(np.prod(stored.shape)):
            raise FileError(f"{path} is cut short: it holds {stored.data.size:,} voxels of {stored.shape}.")
        return image
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("Reading MINC 2 files (HDF5, through h5py)", "minc") from None
    with h5py.File(path, "r") as file:
        if "minc-2.0" not in file:
            raise FileError(f"{path} is an HDF5 file, but not of MINC. Export the volume as NIfTI.")
    return Minc2Image.from_file_map({"image": FileHolder(str(path))})


def _step(image: Any, stored: np.dtype[Any]) -> float:
    """Return the largest distance between values that the file could store."""
    if stored.kind not in "iu":
        return 0.0
    minc = image.dataobj.minc_file
    low, high = minc._get_valid_range()
    ends = []
    for one in (minc._image_min, minc._image_max):
        values = minc._get_array(one) if minc._get_dimensions(one) else minc._get_scalar(one)
        ends.append(np.asarray(values, dtype=float))
    return float(np.max(ends[1] - ends[0]) / (high - low))
