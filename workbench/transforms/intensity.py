"""Intensity normalisation: values of any scanner and unit to values that a network can learn from.

The rules and results are those of MONAI's ``NormalizeIntensity``, ``ScaleIntensityRange`` and
``ScaleIntensityRangePercentiles`` (the tests compare them). They are written out here because importing MONAI takes
several seconds, and a prediction should not wait for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError, choose
from workbench.parameters import Parameter, by_name, check_values
from workbench.transforms._quantiles import Pieces, percentiles
from workbench.volume import Volume

Floats = NDArray[np.float32]

#: What is done to images whose high values are meant to look dark.
INVERT = ("never", "if-inverted")
KINDS = ("zscore", "window", "range", "percentile", "none")
#: What an intensity normalisation may say.
PARAMETERS = by_name(
    Parameter("kind", "choice", "zscore", "How the values are scaled.", choices=KINDS),
    Parameter("low", "number", None, "Value (or percentile) that becomes the lower end of `out`."),
    Parameter("high", "number", None, "Value (or percentile) that becomes the upper end of `out`."),
    Parameter("out", "number", (0.0, 1.0), "The range that the values are brought to.", many=True),
    Parameter("channel_wise", "flag", True, "Whether each channel is scaled on its own."),
)


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
    full = check_values(PARAMETERS, spec or {}, "The intensity normalisation")
    kind = full["kind"]
    if kind == "percentile":
        full["low"] = 0.5 if full["low"] is None else full["low"]
        full["high"] = 99.5 if full["high"] is None else full["high"]
    low, high = full["low"], full["high"]
    if kind == "window" and (low is None or high is None):
        raise InputError("A window needs both ends, got no `low` or no `high`. For lungs on CT: low=-1024, high=600.")
    if kind in {"zscore", "none"} and not (low is None and high is None):
        raise InputError(f"The normalisation {kind!r} takes no `low` or `high`. Did you mean kind='window'?")
    if (low is None) != (high is None) or (low is not None and not low < high):
        raise InputError(f"A range of intensities needs low < high, got low={low!r} and high={high!r}.")
    if kind == "percentile" and (low < 0 or high > 100):
        raise InputError(f"Percentiles lie between 0 and 100, got low={low!r} and high={high!r}.")
    out = [float(value) for value in full["out"]]
    if len(out) != 2 or not out[0] < out[1]:
        raise InputError(f"`out` is a pair of rising numbers such as [0, 1], got {full['out']!r}.")
    return {**full, "out": out}


def upright_if(volume: Volume, invert: str) -> Volume:
    """Return `volume`, turned so that high values are meant to look bright where `invert` is "if-inverted".

    Raises
    ------
    InputError
        If `invert` is not one of `INVERT`.
    """
    return volume.upright() if choose(invert, INVERT, "way to invert") == "if-inverted" else volume


@dataclass(frozen=True)
class Normalisation:
    """What was measured on an image, ready to normalise any part of it: ``(value - subtract) / divide * times + add``.

    One value per channel, or one for all: arrays [c] or [1], float32. What is clipped lies within `limits`.
    """

    subtract: Floats
    divide: Floats
    times: Floats
    add: Floats
    limits: tuple[float, float] | None = None

    def apply(self, values: Floats) -> Floats:
        """Return normalised values [c, *spatial], float32; `values` may be overwritten."""
        across = (-1, *[1] * (values.ndim - 1))
        values -= self.subtract.reshape(across)
        # a step that changes nothing costs as much as one that does
        if (self.divide != 1).any():
            values /= self.divide.reshape(across)
        if (self.times != 1).any():
            values *= self.times.reshape(across)
        if self.add.any():
            values += self.add.reshape(across)
        return values if self.limits is None else np.clip(values, *self.limits, out=values)

    def of(self, value: float) -> float:
        """Return what a value becomes in the channel where it stays lowest."""
        return float(self.apply(np.full((len(self.subtract), 1), value, np.float32)).min())


def measure(spec: Mapping[str, Any], pieces: Callable[[], Iterable[Floats]]) -> Normalisation | None:
    """Look at an image as far as its normalisation needs it.

    Parameters
    ----------
    spec : mapping
        As `check_intensity` returns it.
    pieces : callable
        Gives the image in pieces [c, *spatial] from the beginning each time it is called; up to three times for each
        channel.

    Returns
    -------
    Normalisation or None
        None where the values stay as they are.
    """
    kind = spec["kind"]
    if kind == "none":
        return None
    channels = len(next(iter(pieces()))) if spec["channel_wise"] else 1
    if kind == "zscore":
        found = [_mean_and_deviation(_channel(pieces, spec, c)) for c in range(channels)]
        mean, deviation = np.array(found, np.float64).T
        one = np.ones(channels, np.float32)
        divide = np.where(deviation > 0, deviation, 1)
        return Normalisation(mean.astype(np.float32), divide.astype(np.float32), one, 0 * one)
    low, high = np.array([_ends(_channel(pieces, spec, c), spec) for c in range(channels)], np.float64).T
    below, above = spec["out"]
    flat = high == low
    times = np.where(flat, 0, (above - below) / np.where(flat, 1, high - low)).astype(np.float32)
    one = np.ones(channels, np.float32)
    limits = None if kind == "range" else (below, above)
    return Normalisation(low.astype(np.float32), one, times, np.full(channels, below, np.float32), limits)


def normalize(array: Floats, spec: Mapping[str, Any]) -> Floats:
    """Return the normalised image.

    Parameters
    ----------
    array : array [c, *spatial], float32
    spec : mapping
        As `check_intensity` returns it.
    """
    normalisation = measure(spec, lambda: [array])
    return array if normalisation is None else normalisation.apply(array.copy())


def _channel(pieces: Callable[[], Iterable[Floats]], spec: Mapping[str, Any], channel: int) -> Pieces:
    return lambda: (piece[channel] if spec["channel_wise"] else piece for piece in pieces())


def _mean_and_deviation(pieces: Pieces) -> tuple[float, float]:
    """Return both of all pieces together (Chan, Golub, LeVeque 1979)."""
    count, mean, squares = 0, 0.0, 0.0
    for piece in pieces():
        own = float(piece.mean(dtype=np.float64))
        apart, both = own - mean, count + piece.size
        squares += float(piece.var(dtype=np.float64)) * piece.size + apart**2 * count * piece.size / both
        mean += apart * piece.size / both
        count = both
    return mean, float(np.sqrt(squares / count))


def _ends(pieces: Pieces, spec: Mapping[str, Any]) -> tuple[float, float]:
    low, high = spec["low"], spec["high"]
    if spec["kind"] == "percentile":
        low, high = percentiles(pieces, (low, high))
    elif low is None:
        ends = [(float(piece.min()), float(piece.max())) for piece in pieces()]
        low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    return float(low), float(high)
