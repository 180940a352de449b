"""Which formats there are, and which of them a file is."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _checks
from workbench._accepting import instances_of
from workbench._plugins import Registry
from workbench.errors import FileError, InputError, choose
from workbench.io._doubt import Doubt
from workbench.io._files import (
    damage_becomes_file_error,
    guarded,
    header_of,
    packing_of,
    read_head,
    refusal_becomes_error,
)
from workbench.io._folders import refuse_unless_dicom
from workbench.io._format import HEAD_BYTES, Format, GeometryWarning
from workbench.io._pyramid import Levels
from workbench.signatures import checked
from workbench.volume import KINDS, Volume

_OWN = (
    "workbench.io.nifti:Nifti",
    "workbench.io.dicom:Dicom",
    "workbench.io.metaimage:MetaImage",
    "workbench.io.nrrd:Nrrd",
    "workbench.io.picture:Picture",
    "workbench.io.tiff:Tiff",
    "workbench.io.numpy_arrays:NumpyArrays",
    "workbench.io.analyze:Analyze",
    "workbench.io.mgh:Mgh",
    "workbench.io.minc:Minc",
    "workbench.io.slide:Slide",
)


#: Every format; `FORMATS.register` adds a class that is written down in a notebook.
FORMATS: Registry[Format] = Registry(
    "workbench.formats", "format", instances_of(Format, needs=("suffixes",)), builtin=_OWN
)
register = FORMATS.register


def formats() -> list[Format]:
    """Return every format that can be read, built-in, of packages and registered here."""
    return list(FORMATS.all().values())


@checked("wb.read()")
def read(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    kind: str | None = None,
    labels: Any = None,
    unit: str | None = None,
    label_values: Mapping[int, int] | None = None,
    **options: Any,
) -> Volume:
    """Read a medical image from a file or a folder.

    The format is told by the content of the file; the geometry is read now, the voxels when they are first used.

    Parameters
    ----------
    path : path
        A file, or a folder of DICOM slices. (Of any other folder the error says how to open it as a data set.)
    format : str, optional
        Name of the format, where the content does not tell.
    kind : {"image", "labels", "scores"}, optional
        What the values are, where the file does not say (``kind="labels"`` for a label map). A format that stores
        labels in several ways (the indices of a palette, whole numbers with a slope) is told, too.
    labels : mapping of int to str, optional
        Names of the label values.
    unit : str, optional
        Unit of the values.
    label_values : mapping of int to int, optional
        With ``kind="labels"``: the label that each stored value stands for, such as ``{0: 0, 255: 1}``.
    **options
        Options of the format, such as ``series=`` for DICOM, ``level=`` and ``region=`` for a whole slide, or ``key=``
        for NPZ.

    Raises
    ------
    FileError
        If the path is missing, or the file is damaged, cut short, or of no known format.
    InputError
        If an option is unknown or a choice must be made (several series, several arrays).

    Warns
    -----
    GeometryWarning
        For each note of the volume that somebody has to act on, see `workbench.io.Doubt`.
    """
    source = header_of(_path(path))
    with damage_becomes_file_error(source, "a file"):
        chosen = _format_of(source, format)
    chosen.check_options(options, "read")
    with damage_becomes_file_error(source, chosen.name, private=chosen.name == "dicom"):
        if kind is not None and "kind" in chosen.read_options:
            options["kind"] = choose(kind, KINDS, "kind of volume")
        volume = chosen.read(source, **options)
        given = {"kind": kind, "labels": labels, "unit": unit}
        meaning = {name: value for name, value in given.items() if value is not None}
        volume = volume.with_meaning(**meaning) if meaning else volume
        if label_values is not None:
            volume = _mapped(volume, label_values, source)
    for note in volume.notes:
        if isinstance(note, Doubt):
            warnings.warn(str(note), GeometryWarning, stacklevel=3)  # `read` is called by what checks its arguments
    return volume


@checked("wb.io.levels()")
def levels(path: str | os.PathLike[str], *, format: str | None = None, **options: Any) -> Levels:  # noqa: A002
    """Return the sizes that a picture file holds, as ``read(path, level=, region=)`` takes them.

    Parameters
    ----------
    path : path
        A whole slide or another picture.
    format : str, optional
        Name of the format, where the content does not tell.
    **options
        ``image=`` for another picture of the file.

    Returns
    -------
    Levels
        A sequence of levels (rows and columns, how much reduced, mm between pixels); ``.images`` names the other
        pictures in the file.

    Raises
    ------
    FileError
        If the path is missing or the file is damaged.
    InputError
        If files of this format have no levels.
    """
    source = header_of(_path(path))
    with damage_becomes_file_error(source, "a file"):
        chosen = _format_of(source, format)
    with damage_becomes_file_error(source, chosen.name, private=chosen.name == "dicom"):
        return chosen.levels(source, **options)


def _mapped(volume: Volume, label_values: Mapping[int, int], path: Path) -> Volume:
    """Return labels with their stored values replaced; they are read when they are asked for, as before."""
    if volume.kind != "labels":
        raise InputError(
            f'label_values goes with kind="labels", got kind={volume.kind!r} and label_values={label_values!r} for '
            f'{path}. Give kind="labels", or leave label_values out.'
        )
    values = _checks.check_label_values(label_values)
    dtype = np.dtype(np.uint8 if max(values.values()) <= 255 else np.int32)
    notes = [note for note in volume.notes if "label_values=" not in note]
    return Volume(
        guarded(path, "labels", lambda: _checks.remap(volume.data, values, f"The labels of {path}").astype(dtype)),
        volume.affine, shape=volume.shape, dtype=dtype, kind="labels", axes=volume.axes,
        labels=volume.labels, source=volume.source, notes=notes, space=volume.space,
    )  # fmt: skip


@checked("wb.write()")
def write(
    volume: Volume,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    **options: Any,
) -> Path:
    """Write a Volume; the suffix of `path` tells the format. The file appears whole or not at all.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    InputError
        If the format cannot hold this volume (geometry, type or channels), or the suffix is of no known format.
    FileError
        If the place cannot be written.
    """
    if not isinstance(volume, Volume):
        raise InputError(f"write takes a Volume, got {type(volume).__name__}. Wrap it: wb.Volume(array, affine).")
    target = _path(path)
    with refusal_becomes_error(target):
        chosen = format_for(target, format)
        chosen.check_options(options, "write")
        chosen.write(volume.load(), target, **options)
    return target


def _path(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise InputError(f"Give the path of a file or a folder, got {path!r}.")
    return Path(path).expanduser()


def _format_of(path: Path, name: str | None) -> Format:
    if not path.exists():
        raise FileError(f"{path} does not exist. Check the spelling, or the folder that the notebook runs in.")
    if name is not None:
        return FORMATS.get(name)
    if path.is_dir():
        refuse_unless_dicom(path, formats())
        return FORMATS.get("dicom")
    if path.stat().st_size == 0:
        raise FileError(f"{path} is empty (0 bytes). Get a fresh copy.")
    head = read_head(path, HEAD_BYTES)
    fitting = [known for known in formats() if _knows(known, head)]
    if fitting:
        # the content decides; the suffix only between formats that both know the content
        chosen = max(fitting, key=lambda known: known.matches(path))
        if (packing := packing_of(path)) and packing not in chosen.reads_packed:
            raise FileError(
                f"{path} is a {chosen.name} file that was compressed as a whole ({packing}). Unpack it first."
            )
        return chosen
    named = [known.name for known in formats() if known.matches(path)]
    if named:
        packing = packing_of(path)
        inside = f", once its {packing} data is unpacked as far as that goes" if packing else ""
        raise FileError(
            f"{path} is named like {named[0]} but does not begin like it{inside}. It is damaged or misnamed; get a "
            "fresh copy, or give it the ending of what it is."
        )
    raise FileError(f"{path} is of no known format. {_listing()}{FORMATS.lacking()}")


def _knows(known: Format, head: bytes) -> bool:
    """Ask a format for its own; one of a package that cannot even be asked is left out from then on."""
    try:
        return known.sniff(head)
    except Exception as error:  # noqa: BLE001 - whatever it raises, the others can still be asked
        FORMATS.leave_out(known.name, error)
        return False


def format_for(path: Path, name: str | None = None) -> Format:
    """Return the format that a path is written in, so that a long wait does not end with a wrong ending.

    Raises
    ------
    InputError
        If its ending tells none that can be written.
    """
    writers = {known.name: known for known in formats() if known.can_write}
    if name is not None:
        return writers[choose(name, writers, "format to write")]
    fitting = [known for known in writers.values() if known.matches(path)]
    if not fitting:
        raise InputError(
            f"The suffix of {path.name!r} tells no format that can be written. {_listing()}{FORMATS.lacking()}"
        )
    return fitting[0]


def _listing() -> str:
    return "Formats: " + "; ".join(f"{known.name} ({', '.join(known.suffixes)})" for known in formats()) + "."
