"""What can be found out about a network by looking at it, and by asking it once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, WorkbenchError, choose, reason
from workbench.frameworks.outputs import PLACE
from workbench.zoo.foreign.tasks import Final

if TYPE_CHECKING:
    from workbench.frameworks import Framework

#: Of an image that is no multiple of anything: a network that takes it takes any size.
_ODD = 33
#: Multiples that networks ask for: 2 to the number of times that they halve their maps.
MULTIPLES = (1, 2, 4, 8, 16, 32)
#: Sizes that networks of one size are made for, the usual ones first.
_USUAL = {2: (224, 64, 28, 32, 128, 256, 96, 512, 299, 384), 3: (96, 64, 32, 28, 128, 48, 16)}
#: Voxels that are tried, at most.
_MOST = 1 << 21
_SUMS_TO_ONE = 1e-4
#: Layers that make probabilities.
_ENDS: Mapping[str, Final] = {"Softmax": "softmax", "Softmax2d": "softmax", "Sigmoid": "sigmoid"}


@dataclass(frozen=True)
class Trial:
    """What a network did when it was asked.

    Attributes
    ----------
    shape : tuple of int
        Spatial shape of what it was asked about.
    multiple : int
        What it takes multiples of.
    only : bool
        Whether it took that shape and no other that was tried.
    outputs : dict of str to array
        What it returned, by name.
    main : str
        The name of the output that is meant.
    layers : mapping of str to tuple of int
        Shapes of what its layers put out, and blocks of them that do something themselves, in the order in which
        they ended.
    """

    shape: tuple[int, ...]
    multiple: int
    only: bool
    outputs: Mapping[str, Array]
    main: str
    layers: Mapping[str, tuple[int, ...]]

    @property
    def values(self) -> Array:
        """The output that is meant, of one sample."""
        values: Array = np.asarray(self.outputs[self.main])[0]
        return values

    @property
    def dense(self) -> bool:
        """Whether it has a value for every voxel."""
        return self.values.ndim > 1


def tried(
    framework: Framework,
    network: Any,
    channels: int,
    ndim: int,
    *,
    multiple: int | None = None,
    size: Sequence[int] | None = None,
    example: Sequence[int] | None = None,
    output: str | None = None,
) -> Trial:
    """Ask a network about noise, in a size that tells what sizes it takes.

    Parameters
    ----------
    multiple : int, optional
        What it takes multiples of, where that is known.
    size : sequence of int, optional
        The one size that it is given, where that is known.
    example : sequence of int, optional
        A size that it will be given.
    output : str, optional
        The output that is meant.

    Raises
    ------
    InputError
        If it takes none of the sizes that are tried, or what it returns is nothing that can be explained.
    """
    failure: Exception | None = None
    for shape, step, only in _sizes(ndim, multiple, size, example):
        noise = np.random.default_rng(0).normal(size=(1, channels, *shape)).astype(np.float32)
        try:
            outputs, layers = framework.traced(network, noise)
        except WorkbenchError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a network of somebody else's raises in a size it cannot take
            failure = failure or error
            continue
        named = dict(outputs) if isinstance(outputs, Mapping) else {"logits": outputs}
        main = _main(named, shape, output)
        if named[main].ndim > 2 and named[main].shape[2:] != shape:
            failure = failure or _other_size(main, named[main].shape, shape)
            continue
        return Trial(shape, step, only, named, main, layers)
    if isinstance(failure, WorkbenchError):
        raise failure
    assert failure is not None
    told = f"images of {'x'.join(map(str, size or example or ()))}" if size or example else "images of the usual sizes"
    remedy = "Say what it takes: in_channels=, divisible_by=, preprocess={'size': [...]}, or example=volume."
    if isinstance(failure, TypeError) and "argument" in str(failure):
        remedy = "It is given the image and nothing else: wrap a network around it that fills in the rest."
    raise InputError(
        f"A network: it must take {told} with {channels} channel{'s' if channels > 1 else ''}, got "
        f"{reason(failure)} {remedy}"
    ) from failure


def _sizes(
    ndim: int, multiple: int | None, size: Sequence[int] | None, example: Sequence[int] | None
) -> Iterator[tuple[tuple[int, ...], int, bool]]:
    """Yield shapes with the multiple that each is tried for, and whether it says nothing of others."""
    if size is not None:
        yield tuple(size), multiple or 1, False
        return
    for step in MULTIPLES if multiple is None else (multiple,):
        yield (-(-_ODD // step) * step,) * ndim, step, False
    usual: Iterator[Sequence[int]] = ((length,) * ndim for length in _USUAL[ndim])
    for shape in usual if example is None else itertools.chain([example], usual):
        if math.prod(shape) <= _MOST and all(length % (multiple or 1) == 0 for length in shape):
            yield tuple(shape), multiple or 1, True


def _main(outputs: Mapping[str, Array], shape: tuple[int, ...], wanted: str | None) -> str:
    """Return the output that is meant."""
    if wanted is not None:
        return choose(wanted, outputs, "network output")
    usual = [name for name in ("logits", "out") if name in outputs]
    if usual or len(outputs) == 1:
        return (usual or [*outputs])[0]
    if PLACE.format(0) in outputs:
        # of the same thing at several depths (deep supervision), that of the size of the image; else the first
        alike = len({(values.ndim, values.shape[1:2]) for values in outputs.values()}) == 1
        whole = [name for name, values in outputs.items() if alike and values.shape[2:] == shape]
        return (whole or [*outputs])[0]
    raise InputError(
        f"A network: output must be said where it returns several, one of {', '.join(outputs)}, got none. Give output=."
    )


def _other_size(main: str, got: Sequence[int], shape: Sequence[int]) -> InputError:
    return InputError(
        f"A network: what it returns for every voxel must have the size of its input, got {tuple(got[2:])} for "
        f"{tuple(shape)} in output {main!r}. Wrap it in a module that resizes it, or flattens it if it is of the whole "
        "image."
    )


def made_probabilities(trial: Trial, types: Mapping[str, str]) -> Final | None:
    """Return "softmax" or "sigmoid" if the network ends with it, as far as can be told; None if not.

    Parameters
    ----------
    types : mapping of str to str
        Class of each layer.
    """
    for last in [*trial.layers][-1:]:
        found = _ENDS.get(types.get(last, ""))
        if found is not None and trial.layers[last] == (1, *trial.values.shape):
            return found
    values = trial.values
    adds_up = len(values) > 1 and values.min() >= 0 and np.abs(values.sum(axis=0) - 1).max() < _SUMS_TO_ONE
    return "softmax" if adds_up else None


def telling_layer(trial: Trial, ndim: int) -> str:
    """Return the layer to look at: the last that tells places apart; in a network of maps, the last of the coarsest."""
    maps = {name: shape[2:] for name, shape in trial.layers.items() if len(shape) == ndim + 2 and max(shape[2:]) > 1}
    if not maps:
        return ""
    if not trial.dense:
        return [*maps][-1]
    if len(maps) > 1:
        # what the output is itself tells nothing about the network
        maps.pop([*trial.layers][-1], None)
    coarsest = min(math.prod(shape) for shape in maps.values())
    return [name for name, shape in maps.items() if math.prod(shape) == coarsest][-1]
