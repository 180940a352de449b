"""Pairs of .hdr and .img: Analyze 7.5 (SPM's included), read through nibabel's headers, and NIfTI in two files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import FileError
from workbench.io import _brain, _files, _space
from workbench.io._doubt import Doubt
from workbench.io._format import Format
from workbench.io._nifti_header import PAIR1, PAIR2
from workbench.io.nifti import Nifti
from workbench.volume import Volume

_SIZE = 348
_SIDE = Doubt("Analyze does not say which side is left; x was taken to run to the left, as SPM and nibabel have it")


class Analyze(Format):
    """Analyze 7.5, and NIfTI pairs."""

    name = "analyze"
    suffixes = (".hdr", ".img", ".hdr.gz", ".img.gz")
    can_write = False
    read_options = ("kind",)

    def sniff(self, head: bytes) -> bool:
        """The size of the header, 348, in either order of bytes (NIfTI says what it is at byte 344)."""
        if head[344:348] == PAIR1 or head[4:12] == PAIR2:
            return True
        return head[344:347] not in {b"n+1", b"ni1"} and _SIZE in {
            int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big"),
        }  # fmt: skip

    def read(self, path: Path, **options: Any) -> Volume:
        """Read the header. The axes of Analyze run to L, A and S where no ``.mat`` of SPM says otherwise."""
        with _files.open_stream(path) as stream:
            head = stream.read(_SIZE)
        if head[344:348] == PAIR1 or head[4:12] == PAIR2:
            return Nifti().read(path, **options)
        from nibabel.spm2analyze import Spm2AnalyzeHeader

        if len(head) < _SIZE:
            raise FileError(f"{path} is cut short: an Analyze header has {_SIZE} bytes, got {len(head)}.")
        with _files.damage_becomes_file_error(path, "Analyze"):
            header = Spm2AnalyzeHeader(head)
            # the check of nibabel makes 0 a 1 without a word
            sizes = Spm2AnalyzeHeader(head, check=False)["pixdim"][1:4][: len(header.get_data_shape())]
        source = _files.voxels_beside(path)
        affine, space, notes = _affine(path, header, sizes)
        return _brain.volume(self, path, source, header, affine, kind=options.get("kind"), notes=notes, space=space)


def _affine(path: Path, header: Any, sizes: Any) -> tuple[Any, str, list[str]]:
    """Return the affine, what its millimetres are of, and notes on where it comes from."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    beside = path.with_name(f"{Path(name).stem}.mat")
    if beside.is_file():
        from scipy.io import loadmat

        with _files.damage_becomes_file_error(beside, "SPM's .mat file"):
            found = loadmat(beside)
            placed = "mat" in found  # M is of a time when SPM had x run as the settings of the site said
            matrix = found["mat"] if "mat" in found else np.diag([-1.0, 1, 1, 1]) @ found["M"]
            # SPM counts voxels from 1
            change = np.eye(4)
            change[:3, 3] = 1
            notes = [*([] if placed else [_SIDE]), "its place comes from the .mat file beside it"]
            return np.asarray(matrix, dtype=float) @ change, _space.space(placed=placed, sized=True), notes
    origin = np.asarray(header["origin"][:3], dtype=float)
    words: list[str] = [_SIDE, *([] if origin.any() else [f"{_space.UNSTATED}; origin at the centre"])]
    usable = [bool(np.isfinite(size) and size) for size in sizes]
    if not all(usable):
        words.append(_space.no_size(sizes))
        header["pixdim"][1:4] = [abs(s) if np.isfinite(s) and s else 1 for s in header["pixdim"][1:4]]
    return header.get_best_affine(), _space.space(placed=False, sized=any(usable)), words
