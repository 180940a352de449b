"""What a file format has no field for - kind, channel and label names, unit, exact affine - as a line of JSON.

Formats with room for free text (NIfTI extensions, NRRD key/value pairs, NPZ members) carry it, so that what we write
reads back whole. Readers that do not know it lose nothing but the names.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from workbench.volume import KINDS, SPACES, Volume

KEY = "medical-workbench"


def to_json(volume: Volume) -> str:
    """Return the meaning of `volume`, its affine included, as JSON."""
    return json.dumps(
        {
            KEY: 1,
            "kind": volume.kind,
            "axes": list(volume.axes),
            "channels": list(volume.channels),
            "labels": {str(value): name for value, name in volume.labels.items()},
            "unit": volume.unit,
            "inverted": volume.inverted,
            "space": volume.space,
            "affine": volume.affine.tolist(),
        }
    )


def from_json(text: str | bytes) -> dict[str, Any]:
    """Return what of the meaning in `text` is well-formed; nothing if it is not ours."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or found.get(KEY) != 1:
        return {}
    meaning: dict[str, Any] = {}
    if found.get("kind") in KINDS:
        meaning["kind"] = found["kind"]
    if isinstance(found.get("axes"), list):
        meaning["axes"] = tuple(str(axis) for axis in found["axes"])
    if isinstance(found.get("channels"), list) and found["channels"]:
        meaning["channels"] = [str(name) for name in found["channels"]]
    if isinstance(found.get("labels"), dict):
        labels = found["labels"].items()
        meaning["labels"] = {int(value): str(name) for value, name in labels if value.lstrip("-").isdecimal()}
    if isinstance(found.get("unit"), str):
        meaning["unit"] = found["unit"]
    if found.get("inverted") is True:
        meaning["inverted"] = True
    if found.get("space") in SPACES:
        meaning["space"] = found["space"]
    try:
        affine = np.array(found.get("affine"), dtype=np.float64)
    except (TypeError, ValueError):
        affine = np.empty(0)
    if affine.shape == (4, 4) and np.isfinite(affine).all():
        meaning["affine"] = affine
    return meaning


def merge(meaning: dict[str, Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> dict[str, Any]:
    """Keep of `meaning` what fits the `shape` and `dtype` that the file's own fields state."""
    kept = {name: value for name, value in meaning.items() if name not in {"affine", "axes"}}
    if len(kept.get("channels", ())) not in {0, shape[-1]} or len(shape) < 3:
        kept.pop("channels", None)
    if kept.get("kind") == "labels" and dtype.kind == "f":
        kept.pop("kind")
    return kept


def is_picture(meaning: dict[str, Any], shape: tuple[int, ...] | list[int]) -> bool:
    """Tell whether a file that had to store one slice as 3D was a 2D picture."""
    return tuple(meaning.get("axes", ()))[:3] in {("i", "j"), ("i", "j", "c")} and (len(shape) < 3 or shape[2] == 1)


def exact_affine(meaning: dict[str, Any], affine: Any) -> Any:
    """Return the float64 affine of the JSON where the file's own agrees up to the rounding of its fields."""
    exact = meaning.get("affine")
    agrees = exact is not None and np.allclose(exact, affine, rtol=2e-6, atol=2e-6 * np.abs(affine).max())
    return exact if agrees else affine
