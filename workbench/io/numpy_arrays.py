"""NumPy's own files: one array (.npy) or several by name (.npz). Pickled objects are refused.

An NPZ written here holds ``data`` and ``medical_workbench``, a JSON text with affine, kind, axes, channels, labels and
unit. An NPY holds the array alone, so its volume gets the default geometry.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from workbench import _checks, _geometry
from workbench._arrays import Array
from workbench.errors import FileError, InputError, choose
from workbench.io import _files, _meaning, _space
from workbench.io._format import Format
from workbench.volume import Volume

_MEANING_NAME = "medical_workbench"
_NPY = b"\x93NUMPY"
_NPY_FORMAT: Any = np.lib.format


class NumpyArrays(Format):
    """NPY and NPZ."""

    name = "numpy"
    suffixes = (".npy", ".npz")
    reads_packed = ()
    read_options = ("key", "axes")
    write_options = ("compress",)

    def sniff(self, head: bytes) -> bool:
        """The magic of NPY, or a zip archive whose first member is an NPY file."""
        length = int.from_bytes(head[26:28], "little")
        return head.startswith(_NPY) or (head[:4] == b"PK\3\4" and head[30 : 30 + length].endswith(b".npy"))

    def read(self, path: Path, **options: Any) -> Volume:
        """Read an array; ``key=`` chooses one of several, ``axes=`` names its axes (``("i", "j", "c")``)."""
        with path.open("rb") as file:
            archive = file.read(2) == b"PK"
        axes = options.get("axes")
        if not archive:
            if options.get("key") is not None:
                raise InputError(f"{path} holds one array; key={options['key']!r} chooses among the arrays of an NPZ.")
            with path.open("rb") as file:
                shape, dtype = _header(file, path)
                _check_numbers(path, dtype)
                _files.check_promise(path, _files.count_bytes(shape, dtype), file.tell(), compressed=False)
            space = _space.space(placed=False, sized=False)
            return self.lazy(path, lambda: _load_npy(path), None, shape=shape, dtype=dtype, axes=axes, space=space)
        return self._read_npz(path, options.get("key"), axes)

    def _read_npz(self, path: Path, key: str | None, axes: Any) -> Volume:
        with zipfile.ZipFile(path) as archive:
            entries = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            text = _text(archive, entries.pop(_MEANING_NAME, None))
            found: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
            for name, info in entries.items():
                if info.filename.endswith(".npy"):
                    with archive.open(info) as member:
                        found[name] = _header(member, path, refuse_objects=name == key or len(entries) == 1)
        name = _choose_array(path, found, key)
        shape, dtype = found[name]
        _check_numbers(path, dtype)
        # how many, not which: an array may be called after a patient
        others = len(found) - 1
        notes = [f"other arrays of the file ({others}) were not read; key= takes them"] if others else []
        info = entries[name]
        if (
            _files.count_bytes(shape, dtype) > info.file_size
            or info.file_size > info.compress_size * _files.DEFLATE_LIMIT + 1024
        ):
            raise FileError(
                f"{path}: array {name!r} promises {_files.count_bytes(shape, dtype):,} bytes that are not there."
            )
        _files.check_memory(path, _files.count_bytes(shape, dtype))
        meaning = _meaning.from_json(text) if name == "data" else {}
        affine = _geometry.check_affine(meaning["affine"]) if "affine" in meaning else None
        if axes is None and len(meaning.get("axes", ())) == len(shape):
            axes = meaning["axes"]
        kept = {"space": _space.space(placed=affine is not None, sized=False)} | _meaning.merge(meaning, shape, dtype)
        return self.lazy(
            path, lambda: _load_npz(path, info), affine, shape=shape, dtype=dtype, axes=axes, notes=notes, **kept
        )

    def write(self, volume: Volume, path: Path, **options: Any) -> None:
        """Write NPZ (``compress=True`` makes it smaller and slower) or NPY, which keeps the array alone."""
        with _files.writing(path) as temporary, temporary.open("wb") as file:
            if path.suffix.lower() == ".npy":
                np.save(file, volume.data, allow_pickle=False)
            else:
                save = np.savez_compressed if options.get("compress") else np.savez
                save(file, data=volume.data, **{_MEANING_NAME: np.array(_meaning.to_json(volume))})


def _header(stream: IO[bytes], path: Path, refuse_objects: bool = True) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = _NPY_FORMAT.read_magic(stream)
    if version not in {(1, 0), (2, 0), (3, 0)}:
        raise FileError(f"{path}: NPY version {version} is not known (1.0, 2.0 and 3.0 are). Save it again.")
    readers = {(1, 0): _NPY_FORMAT.read_array_header_1_0, (2, 0): _NPY_FORMAT.read_array_header_2_0}
    shape, _, dtype = readers.get(version, readers[2, 0])(stream)
    if dtype.hasobject and refuse_objects:
        raise FileError(
            f"{path} holds pickled Python objects, which can run any program when opened and are refused. "
            "Save a plain numeric array instead."
        )
    if any(n < 0 for n in shape):
        raise FileError(f"{path}: an array has no negative lengths, the header says {shape}. It is damaged.")
    return tuple(int(n) for n in shape), dtype


def _check_numbers(path: Path, dtype: np.dtype[Any]) -> None:
    if fault := _checks.no_numbers(dtype, "Save"):
        raise FileError(f"{path} holds {fault}")


def _text(archive: zipfile.ZipFile, info: zipfile.ZipInfo | None) -> str:
    if info is None or info.file_size > 1 << 22:
        return ""
    with archive.open(info) as member:
        return str(_NPY_FORMAT.read_array(member, allow_pickle=False))


def _choose_array(path: Path, found: dict[str, tuple[tuple[int, ...], np.dtype[Any]]], key: str | None) -> str:
    if key is not None:
        return choose(key, found, "array of this file")
    fitting = [n for n, (shape, dtype) in found.items() if 2 <= len(shape) <= 4 and dtype.kind in "biuf"]
    if len(fitting) == 1:
        return fitting[0]
    if "data" in fitting:
        return "data"
    listing = ", ".join(f"{name} {shape} {dtype}" for name, (shape, dtype) in found.items()) or "none"
    if not fitting:
        raise FileError(f"{path} holds no numeric array of 2 to 4 axes. Arrays: {listing}.")
    raise InputError(f"{path} holds several arrays; choose one with key=. Arrays: {listing}.")


def _load_npy(path: Path) -> Array:
    with path.open("rb") as file:
        return np.asarray(_NPY_FORMAT.read_array(file, allow_pickle=False))


def _load_npz(path: Path, info: zipfile.ZipInfo) -> Array:
    with zipfile.ZipFile(path) as archive, archive.open(info) as member:
        return np.asarray(_NPY_FORMAT.read_array(member, allow_pickle=False))
