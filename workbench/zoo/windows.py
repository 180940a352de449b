"""Where the windows over a large image lie, and how their outputs are blended without ever holding all of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench._scratch import Scratch

Index = tuple[int, ...]


@dataclass(frozen=True)
class Blended:
    """A box of blended outputs [k, *box]; the first `own` voxels along each axis are of this box alone."""

    start: Index
    own: Index
    values: Array


class Windows:
    """Overlapping windows over a grid.

    Where windows overlap, outputs are averaged with Gaussian weights that fall towards a window's border, where a
    network sees the least of the surroundings. A window as large as an image is the image.

    The outputs are wanted as boxes that are finished, one after the other, so that an image's outputs are never there
    all at once. The longest axis is gone along in layers of windows; what lies before the next layer is finished. The
    outputs of a layer lie in memory, or in a temporary file if they are many. Where they are too many even for the
    disk, the other axes are cut into columns that are gone along one by one; the windows that reach over a cut are then
    needed in both.

    Parameters
    ----------
    shape : sequence of int
        Of the grid.
    size : sequence of int
        Of a window; cut to the size of the grid.
    overlap : float
        Share of a window that the next one covers again, 0 to below 1.
    """

    def __init__(self, shape: Sequence[int], size: Sequence[int], overlap: float = 0.5) -> None:
        self.shape = tuple(int(n) for n in shape)
        self.size = tuple(min(int(w), n) for w, n in zip(size, self.shape, strict=True))
        self.starts = [_starts(n, w, overlap) for n, w in zip(self.shape, self.size, strict=True)]
        self.lead = int(np.argmax(self.shape))
        self._weights = _gaussian(self.size) if math.prod(map(len, self.starts)) > 1 else np.ones(self.size, np.float32)

    def __len__(self) -> int:
        """Return how many windows cover the grid."""
        return math.prod(map(len, self.starts))

    def over(self, box: tuple[Index, Index] | None = None) -> list[Index]:
        """Return where the windows begin that reach into a box (start, stop); all of them if there is none."""
        if box is None:
            return list(itertools.product(*self.starts))
        axes = zip(self.starts, self.size, *box, strict=True)
        return list(itertools.product(*([s for s in starts if s < b and s + n > a] for starts, n, a, b in axes)))

    def share(self, start: Index) -> Array:
        """Return how much the window that begins at `start` counts at each of its voxels, ``[*size]``, 0 to 1."""
        total = np.zeros(self.size, np.float32)
        for other in self.over((start, tuple(a + n for a, n in zip(start, self.size, strict=True)))):
            off = [b - a for a, b in zip(start, other, strict=True)]
            here = tuple(slice(max(0, d), n + min(0, d)) for d, n in zip(off, self.size, strict=True))
            there = tuple(slice(max(0, -d), n - max(0, d)) for d, n in zip(off, self.size, strict=True))
            total[here] += self._weights[there]
        return np.asarray(self._weights / total)

    def columns(self, channels: int, budget: int, halo: int = 0) -> list[Column]:
        """Cut the grid so that the outputs that are in the making take at most `budget` bytes, if that can be.

        Parameters
        ----------
        channels : int
            Of the outputs, float32.
        budget : int
            In bytes. Of all cuts within it, that with the fewest windows is taken.
        halo : int
            Voxels of the next box that each box is to have beyond its own part, where the grid goes on.
        """
        others = [axis for axis in range(len(self.shape)) if axis != self.lead]
        row = 4 * (channels + 1) * (self.size[self.lead] + halo)
        best: tuple[tuple[bool, int], list[list[_Segment]]] | None = None
        for counts in itertools.product(*(range(1, len(self.starts[axis]) + 1) for axis in others)):
            cuts = [self._segments(axis, count, halo) for axis, count in zip(others, counts, strict=True)]
            needed = row * math.prod(max(cut.stop - cut.begin for cut in axis) for axis in cuts)
            windows = math.prod(sum(len(cut.starts) for cut in axis) for axis in cuts)
            rank = (needed > budget, windows if needed <= budget else needed)
            if best is None or rank < best[0]:
                best = (rank, cuts)
        assert best is not None
        whole = _Segment(0, self.shape[self.lead], self.shape[self.lead], tuple(self.starts[self.lead]))
        made = []
        for chosen in itertools.product(*best[1]):
            segments = list(chosen)
            segments.insert(self.lead, whole)
            made.append(Column(tuple(segments), self.lead))
        return made

    def blend(
        self,
        columns: list[Column],
        answers: Callable[[list[Index]], Iterator[Array]],
        halo: int = 0,
        memory: int | None = None,
    ) -> Iterator[Blended]:
        """Yield finished boxes.

        Parameters
        ----------
        columns : list of Column
            As `columns` returned them.
        answers : callable
            Gives the outputs [k, *size] of windows that begin at the given places, in their order.
        halo : int
            As `columns` got it.
        memory : int, optional
            Bytes that outputs in the making may take in memory; what takes more goes into a temporary file, and comes
            in boxes that take no more. Without, all is in memory.
        """
        outputs = answers([start for column in columns for start in column.windows()])
        for column in columns:
            yield from self._blend(column, outputs, halo, memory)

    def _blend(self, column: Column, outputs: Iterator[Array], halo: int, memory: int | None) -> Iterator[Blended]:
        lead, length = self.lead, self.shape[self.lead]
        extent = [cut.stop - cut.begin for cut in column.segments]
        extent[lead] = min(self.size[lead] + halo, length)
        scratch: Scratch | None = None
        at_once = length
        base = 0  # place on the leading axis of the first row of `total`
        layers = column.segments[lead].starts
        for number, first in enumerate(layers):
            for start in column.layer(first):
                values = next(outputs)
                if scratch is None:
                    needed = 4 * (len(values) + 1) * math.prod(extent)
                    scratch = Scratch((len(values) + 1, *extent), needed if memory is None else memory)
                    if scratch.spilled and memory is not None:
                        at_once = max(1, memory * extent[lead] // needed)
                self._add(scratch.array, values, start, column, base)
                scratch.release()
            assert scratch is not None
            total = scratch.array
            last = number + 1 == len(layers)
            own = (length if last else max(base, layers[number + 1] - halo)) - base
            for first_row in range(0, own, at_once):
                count = min(at_once, own - first_row)
                rows = slice(first_row, min(first_row + count + halo, length - base))
                done = total[(slice(None), *_along(lead, rows, len(extent)))]
                done[:-1] /= done[-1]
                done[-1] = 1  # what is handed out once more as the beginning of the next box is finished
                begins = [cut.begin for cut in column.segments]
                sizes = [cut.end - cut.begin for cut in column.segments]
                begins[lead], sizes[lead] = base + first_row, count
                yield Blended(tuple(begins), tuple(sizes), done[:-1])
                scratch.release()
            if own:
                _shift(total, lead, own, at_once, scratch.release)
            base += own

    def _add(self, total: Array, values: Array, start: Index, column: Column, base: int) -> None:
        """Add a window's outputs, as far as they lie in the column, times their weights."""
        here: list[slice] = []
        there: list[slice] = []
        for axis, (first, size, cut) in enumerate(zip(start, self.size, column.segments, strict=True)):
            zero = base if axis == self.lead else cut.begin
            low, high = max(first, zero), min(first + size, self.shape[axis] if axis == self.lead else cut.stop)
            here.append(slice(low - zero, high - zero))
            there.append(slice(low - first, high - first))
        weights = self._weights[tuple(there)]
        place: Any = tuple(here)
        for channel, one in enumerate(values):  # one at a time: no second copy of a window's outputs
            total[channel][place] += one[tuple(there)] * weights
        total[-1][place] += weights

    def _segments(self, axis: int, count: int, halo: int) -> list[_Segment]:
        starts, length, size = self.starts[axis], self.shape[axis], self.size[axis]
        bounds = [round(i * len(starts) / count) for i in range(count + 1)]
        edges = [0, *(starts[i] for i in bounds[1:-1]), length]
        made = []
        for begin, end in itertools.pairwise(edges):
            stop = min(end + halo, length)
            made.append(_Segment(begin, end, stop, tuple(s for s in starts if s < stop and s + size > begin)))
        return made


@dataclass(frozen=True)
class _Segment:
    """A part of an axis: its own from `begin` to `end`, needed up to `stop`, and the windows that reach into it."""

    begin: int
    end: int
    stop: int
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Column:
    """A part of a grid that reaches from end to end along the leading axis."""

    segments: tuple[_Segment, ...]
    lead: int

    def layer(self, first: int) -> list[Index]:
        """Return the places of the windows that begin at `first` on the leading axis."""
        ranges = [(first,) if axis == self.lead else cut.starts for axis, cut in enumerate(self.segments)]
        return list(itertools.product(*ranges))

    def windows(self) -> list[Index]:
        """Return the places of all windows, layer by layer."""
        return [start for first in self.segments[self.lead].starts for start in self.layer(first)]


def _along(axis: int, part: slice, ndim: int) -> tuple[slice, ...]:
    return tuple(part if other == axis else slice(None) for other in range(ndim))


def _shift(total: Array, lead: int, count: int, at_once: int, release: Callable[[], None]) -> None:
    """Drop the first `count` rows along an axis of all channels, and add as many of zeros at the end, in place."""
    # one channel at a time: of rows of all of them numpy makes a copy first, as it takes them for overlapping
    channels = [np.moveaxis(channel, lead, 0) for channel in total]
    length, step = total.shape[1 + lead], min(count, at_once)
    for first in range(0, length - count, step):
        for rows in channels:
            part = rows[first + count : first + count + step]
            rows[first : first + len(part)] = part
        release()
    for rows in channels:
        rows[max(0, length - count) :] = 0
    release()


def _starts(length: int, window: int, overlap: float) -> list[int]:
    """Return where windows begin: step by step, the last one moved back to end where the grid does, as MONAI has it."""
    step = max(1, int(window * (1 - overlap)))
    return [*range(0, length - window, step), length - window]


def _gaussian(window: Sequence[int]) -> Array:
    weights = np.ones((), np.float32)
    for length in window:
        # a standard deviation of an eighth of the window, as in nnU-Net; the floor keeps the corners above zero
        line = np.exp(-0.5 * ((np.arange(length) - (length - 1) / 2) / (length / 8)) ** 2)
        weights = np.multiply.outer(weights, line.astype(np.float32))
    return np.maximum(weights, 1e-3).astype(np.float32)
