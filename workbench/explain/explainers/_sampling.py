"""What methods that draw at random share: a seed, numbers of their own for each sample, a mean and its error."""

from __future__ import annotations

import numpy as np

from workbench._arrays import Array
from workbench.parameters import Parameter

SEED = Parameter("seed", "integer", 0, "Another seed draws other samples; the same one gives the same map.", low=0)


def samples_option(default: int) -> Parameter:
    """The option that says how many samples are drawn."""
    return Parameter("samples", "integer", default, "How many are drawn: four times as many halve the error.", low=2)


def generator(seed: int, index: int) -> np.random.Generator:
    """Return the random numbers of one sample, which are the same whatever batch it is in."""
    return np.random.default_rng([seed, index])


def error_note(samples: int, errors: Array, values: Array) -> str:
    """Return a note of how sure a sampled map is.

    Parameters
    ----------
    errors : array
        Standard error of each value.
    values : array
        The values themselves, which set the scale.
    """
    error, largest = float(np.mean(errors)), float(np.abs(values).max())
    share = f", {error / largest:.2%} of the map's largest magnitude" if largest else ""
    return f"Sampled with {samples} samples: the standard error of a voxel is {error:.3g} on average{share}."


class Mean:
    """The mean of arrays that come one by one, and the standard error of it (Welford 1962)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.value = np.zeros(shape, np.float64)
        self._squares = np.zeros(shape, np.float64)

    def add(self, sample: Array) -> None:
        """Count another array."""
        self.count += 1
        off = sample - self.value
        self.value += off / self.count
        self._squares += off * (sample - self.value)

    @property
    def error(self) -> Array:
        """The standard error of each value; of fewer than two samples there is none, and it is infinite."""
        if self.count < 2:
            return np.full_like(self.value, np.inf)
        return np.asarray(np.sqrt(self._squares / (self.count - 1) / self.count))

    @property
    def average_error(self) -> float:
        """The standard error of a value on average."""
        return float(np.mean(self.error))

    def note(self) -> str:
        """Return how sure the mean is, in words."""
        return error_note(self.count, self.error, self.value)
