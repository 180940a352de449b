"""Weights in one safetensors file that every framework reads.

The file starts with eight bytes (little-endian length of the header), then the JSON header, then the tensors' bytes.
The header is checked against the file's size before anything is allocated, and a file is written under a temporary
name, flushed to the disk and renamed, so that a reader never meets half of one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _atomic
from workbench._arrays import Array
from workbench.errors import FileError, InputError

MAX_HEADER = 100_000_000  # the limit of the safetensors format itself
_ITEM_SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4}
_ITEM_SIZES |= {"I64": 8, "U64": 8, "F64": 8}


def save(path: str | Path, tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> Path:
    """Write named arrays and string metadata; either the whole file appears or none.

    Raises
    ------
    InputError
        If a metadata value is not a string.
    FileError
        If the file cannot be written.
    """
    from safetensors.numpy import save as serialize

    path = Path(path)
    notes = dict(metadata or {})
    for key, value in notes.items():
        if not isinstance(value, str):
            raise InputError(f"Metadata of a weights file must be text, {key!r} is {type(value).__name__}. Use JSON.")
    # safetensors writes a malformed header for empty metadata without tensors
    blob = serialize({name: np.asarray(array, order="C") for name, array in tensors.items()}, metadata=notes or None)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _atomic.writing(path, durable=True) as temporary:
            temporary.write_bytes(blob)
    except OSError as error:
        raise FileError(
            f"The weights could not be written to {path}: {error.strerror or error}. Free space there or choose "
            "another place."
        ) from error
    return path


def load(path: str | Path, *, allow_non_finite: bool = False) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the named arrays and the metadata of a weights file.

    Parameters
    ----------
    allow_non_finite : bool
        Whether NaN and infinities are let through, to look at a network whose training went wrong.

    Raises
    ------
    FileError
        If the file is missing, cut short, not a weights file, or holds values that are not finite.
    """
    from safetensors.numpy import load as parse

    path = Path(path)
    header = _header(path)
    try:
        tensors = parse(path.read_bytes())
    except Exception as error:  # the parser has error types of its own; all mean one thing here
        raise FileError(f"{path.name} is not a readable weights file: {error}. Copy or download it again.") from error
    if not allow_non_finite:
        check_finite(path.name, tensors)
    return tensors, _metadata(header)


def peek(path: str | Path) -> dict[str, str]:
    """Return a weights file's metadata without reading its tensors.

    Raises
    ------
    FileError
        As :func:`load`.
    """
    return _metadata(_header(Path(path)))


def check_finite(source: str, tensors: Mapping[str, Array]) -> None:
    """Check that no tensor of a file, or whatever `source` is called, holds NaN or infinity.

    Raises
    ------
    FileError
        If one does; the message names it.
    """
    # NaN and infinities come through as the extremes, and two numbers need no memory, unlike a mask per tensor
    bad = [
        name
        for name, array in tensors.items()
        if array.dtype.kind == "f" and array.size and not np.isfinite([array.min(), array.max()]).all()
    ]
    if not bad:
        return
    count = int((~np.isfinite(tensors[bad[0]])).sum())
    others = f", and {len(bad) - 1} more tensors have such values" if len(bad) > 1 else ""
    raise FileError(
        f"Weights must be finite, but {source} holds NaN or infinity: {count} of {tensors[bad[0]].size} values of "
        f"{bad[0]!r}{others}. Use the weights of an earlier epoch or copy the file again; to look at the damage, "
        "load with `allow_non_finite=True`."
    )


def _metadata(header: dict[str, Any]) -> dict[str, str]:
    return dict(header.get("__metadata__", {}))


def _header(path: Path) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(MAX_HEADER, size - 8):
                raise FileError(
                    f"{path.name} is cut short or not a weights file: its header claims {length} bytes, the file has "
                    f"{size}. Copy or download it again."
                )
            text = file.read(length)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"The weights file {path} could not be read: {error.strerror or error}.") from error
    try:
        header = json.loads(text)
        end = max((_checked_end(name, entry) for name, entry in header.items() if name != "__metadata__"), default=0)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FileError(f"{path.name} is not a weights file: its header is damaged ({error}).") from error
    if 8 + length + end != size:
        raise FileError(
            f"{path.name} should have {8 + length + end} bytes by its header, it has {size}. Copy or download it again."
        )
    return dict(header)


def _checked_end(name: str, entry: dict[str, Any]) -> int:
    begin, end = entry["data_offsets"]
    wanted = math.prod(entry["shape"]) * _ITEM_SIZES[entry["dtype"]]
    if end - begin != wanted or begin < 0:
        raise ValueError(f"tensor {name!r} claims {end - begin} bytes for a shape that needs {wanted}")
    return int(end)
