"""Label volumes among the options of a method: as plain data, so that a map is stored and replayed with them."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.volume import Volume

#: Says of plain data that it is labels.
_KIND = "labels"


def pack(given: Any, owner: str, name: str) -> dict[str, Any] | None:
    """Return labels as plain data, and None as it is.

    Parameters
    ----------
    given : Volume or mapping or None
        Labels on any grid, or what this function returned.
    owner, name : str
        What takes the option, and what it is called, for messages.

    Raises
    ------
    InputError
        If it is no Volume of whole numbers from 0 to 65535.
    """
    if given is None or is_packed(given):
        return None if given is None else dict(given)
    labels = whole_numbers(given, owner, name)
    content = base64.b64encode(zlib.compress(labels.astype("<u2").tobytes())).decode("ascii")
    return {
        "kind": _KIND,
        "shape": list(labels.shape),
        "affine": np.asarray(given.affine, np.float64).tolist(),
        "content": content,
    }


def whole_numbers(given: Any, owner: str, name: str) -> Array:
    """Return the labels of a Volume, ``[*spatial]`` uint16.

    Raises
    ------
    InputError
        If it is no Volume of whole numbers from 0 to 65535.
    """
    if not isinstance(given, Volume) or given.num_channels != 1:
        found = type(given).__name__ if not isinstance(given, Volume) else f"one of {given.num_channels} channels"
        raise InputError(f"{owner}: {name} must be a label Volume, got {found}. Wrap it: wb.Volume(labels, affine).")
    data = np.asarray(given.data).reshape(given.spatial_shape)
    with np.errstate(invalid="ignore"):  # what is beyond the type is found by comparing
        labels: Array = data.astype(np.uint16)
    if not np.array_equal(labels, data):
        raise InputError(
            f"{owner}: {name} must hold whole numbers from 0 to 65535, got values from {data.min():g} to "
            f"{data.max():g}, as of an image. Take a label map, or mark what is above a threshold: "
            'image.with_data((image.data > threshold).astype("uint8"), kind="labels").'
        )
    return labels


def unpack(packed: Mapping[str, Any]) -> Volume:
    """Return the Volume that `pack` was given, without its names."""
    content = np.frombuffer(zlib.decompress(base64.b64decode(packed["content"])), "<u2")
    return Volume(content.reshape(packed["shape"]).astype(np.uint16), np.array(packed["affine"]), kind="labels")


def is_packed(value: Any) -> bool:
    """Tell whether an option is what `pack` returned."""
    return isinstance(value, Mapping) and value.get("kind") == _KIND
