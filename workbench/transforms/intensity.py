"""Intensity normalisation: values of any scanner and unit to values that a network can learn from.

The rules and results are those of MONAI's ``NormalizeIntensity``, ``ScaleIntensityRange`` and
``ScaleIntensityRangePercentiles`` (the tests compare them). They are written out here because importing MONAI takes
several seconds, and a prediction should not wait for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError, check_keywords, choose
from workbench.volume import Volume

Array = NDArray[np.float32]

#: What is done to images whose high values are meant to look dark.
INVERT = ("never", "if-inverted")
KINDS = ("zscore", "window", "range", "percentile", "none")
_DEFAULTS: dict[str, Any] = {"kind": "zscore", "low": None, "high": None, "out": [0.0, 1.0], "channel_wise": True}


def check_intensity(spec: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a complete intensity specification.

    Parameters
    ----------
    spec : mapping
        ``kind``: "zscore" (mean 0, standard deviation 1), "window" (`low` to `high` becomes `out`, the rest is
        clipped), "range" (the same without clipping; without `low` and `high`, the image's own range), "percentile"
        (`low` and `high` are percentiles, default 0.5 and 99.5; clipped), or "none". ``channel_wise``: each channel
        on its own.

    Raises
    ------
    InputError
        If a key or a value is not allowed.
    """
    if not isinstance(spec, Mapping | None):
        raise InputError(f"The intensity normalisation is a dict such as {{'kind': 'zscore'}}, got {spec!r}.")
    given = dict(spec or {})
    check_keywords(given, _DEFAULTS, "The intensity normalisation")
    full = _DEFAULTS | given
    kind = choose(full["kind"], KINDS, "intensity normalisation")
    if kind == "percentile":
        full["low"] = 0.5 if full["low"] is None else full["low"]
        full["high"] = 99.5 if full["high"] is None else full["high"]
    low, high = full["low"], full["high"]
    if not all(isinstance(end, Real | None) for end in (low, high)):
        raise InputError(f"The ends of a range of intensities are numbers, got low={low!r} and high={high!r}.")
    if kind == "window" and (low is None or high is None):
        raise InputError("A window needs both ends, got no `low` or no `high`. For lungs on CT: low=-1024, high=600.")
    if kind in {"zscore", "none"} and not (low is None and high is None):
        raise InputError(f"The normalisation {kind!r} takes no `low` or `high`. Did you mean kind='window'?")
    if (low is None) != (high is None) or (low is not None and not low < high):
        raise InputError(f"A range of intensities needs low < high, got low={low!r} and high={high!r}.")
    if kind == "percentile" and (low < 0 or high > 100):
        raise InputError(f"Percentiles lie between 0 and 100, got low={low!r} and high={high!r}.")
    try:
        out = [float(value) for value in full["out"]]
    except (TypeError, ValueError):
        out = []
    if len(out) != 2 or not out[0] < out[1]:
        raise InputError(f"`out` is a pair of rising numbers such as [0, 1], got {full['out']!r}.")
    return {**full, "out": out, "channel_wise": bool(full["channel_wise"])}


def upright_if(volume: Volume, invert: str) -> Volume:
    """Return `volume`, turned so that high values are meant to look bright where `invert` is "if-inverted".

    Raises
    ------
    InputError
        If `invert` is not one of `INVERT`.
    """
    return volume.upright() if choose(invert, INVERT, "way to invert") == "if-inverted" else volume


def normalize(array: Array, spec: Mapping[str, Any]) -> Array:
    """Return the normalised image.

    Parameters
    ----------
    array : array [c, *spatial], float32
    spec : mapping
        As `check_intensity` returns it.
    """
    kind = spec["kind"]
    if kind == "none":
        return array
    parts = array if spec["channel_wise"] else array[np.newaxis]
    result = np.stack([_zscore(part) if kind == "zscore" else _rescale(part, spec) for part in parts])
    return result.reshape(array.shape).astype(np.float32, copy=False)


def _zscore(part: Array) -> Array:
    spread = part.std(dtype=np.float64)
    centred = part - np.float32(part.mean(dtype=np.float64))
    return centred / np.float32(spread) if spread > 0 else centred


def _rescale(part: Array, spec: Mapping[str, Any]) -> Array:
    low, high = spec["low"], spec["high"]
    if spec["kind"] == "percentile":
        low, high = np.percentile(part, (low, high))
    elif low is None:
        low, high = part.min(), part.max()
    below, above = spec["out"]
    if high == low:
        return np.full_like(part, below)
    scaled = (part - np.float32(low)) * np.float32((above - below) / (float(high) - float(low))) + np.float32(below)
    return scaled if spec["kind"] == "range" else np.clip(scaled, below, above)
