"""One score of a large input, asked piece by piece: each piece is all that the network is given at once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.box import Box, inside
from workbench.explain.large.field import Field, grown, most_voxels, split
from workbench.explain.large.receptive import Receptive, receptive_field
from workbench.explain.scene import Scene
from workbench.frameworks import LinearScore

if TYPE_CHECKING:
    from workbench.zoo.windows import Windows


@dataclass(frozen=True)
class Spread:
    """A score that is spread over more outputs than can be written down: of some channels, over a mask.

    Parameters
    ----------
    terms : tuple of (int, float)
        Channels, and what each counts.
    mask : ndarray
        ``[*spatial]``, how much each voxel counts.
    channels : int
        Of the output.
    """

    terms: tuple[tuple[int, float], ...]
    mask: Array
    total: float
    channels: int
    output: str | None = None
    activation: Any = "none"

    def within(self, box: Box, share: Array | None = None) -> LinearScore:
        """Return the part of it that lies in a box, times a share of each voxel."""
        mask = np.asarray(self.mask[inside(box)], np.float32)
        mask = mask / np.float32(self.total) if share is None else mask * (share / np.float32(self.total))
        weights = np.zeros((self.channels, *mask.shape), np.float32)
        for channel, factor in self.terms:
            weights[channel] += np.float32(factor) * mask
        return LinearScore(weights, self.output, self.activation)


@dataclass(frozen=True)
class WideScene(Scene):
    """A scene of an input that the network is never given whole; of its outputs only the shapes are known.

    Parameters
    ----------
    decided : callable
        Returns the class of each voxel.
    """

    decided: Callable[[], Array]

    @property
    def prediction(self) -> Array:
        return self.decided()

    def mean_score(self, index: int, mask: Array) -> Any:
        return self._spread(((index, 1.0),), mask)

    def margin(self, a: int, b: int, mask: Array) -> Any:
        return self._spread(((a, 1.0), (b, -1.0)), mask)

    def mean_output(self, output: str | None, values: Array, channel: int, mask: Array) -> Any:
        """Return the mean over a mask of a channel of an output that has a value for each voxel.

        Raises
        ------
        InputError
            If the output is another one.
        """
        if values.shape[1:] != self.grid.spatial_shape:
            raise no_windows(
                f"output {output or 'logits'!r}, which has no value for each voxel,", self.grid.spatial_shape
            )
        return Spread(((channel, 1.0),), mask, float(np.sum(mask, dtype=np.float64)), len(values), output)

    def _spread(self, classes: tuple[tuple[int, float], ...], mask: Array) -> Spread:
        terms = []
        for index, factor in classes:
            flat = self.score(index, np.ones((1,) * self.logits[0].ndim)).weights.reshape(len(self.logits), -1)[:, 0]
            terms += [(channel, factor * float(value)) for channel, value in enumerate(flat) if value]
        total = float(np.sum(mask, dtype=np.float64))
        return Spread(tuple(terms), mask, total, len(self.logits), self.output)


@dataclass(frozen=True)
class Piece:
    """A part of the input, in voxels of it, and the part of the score that is taken there.

    Attributes
    ----------
    share : callable, optional
        Gives how much the piece counts at each of its voxels, where pieces are blended.
    smaller : callable
        Gives smaller pieces that sum up to this one; none where there are none.
    """

    box: Box
    score: Callable[[], LinearScore]
    share: Callable[[], Array] | None = None
    smaller: Callable[[], list[Piece]] = list


class InPieces:
    """A framework for one score of one input: scores and input gradients are sums over pieces, all else is its own.

    A piece that does not fit into memory, alone, is replaced by smaller ones.

    Parameters
    ----------
    framework : Framework
    pieces : sequence of Piece
    image : ndarray
        ``[channels, *spatial]``: a piece in which an input does not differ from it scores what it did.
    done : callable
        Is called after each piece.

    Attributes
    ----------
    pieces : list of Piece
        Those that it has come to.
    """

    def __init__(self, framework: Any, pieces: Sequence[Piece], image: Array, done: Callable[[], None]) -> None:
        self._framework, self._image, self._done = framework, image, done
        self.pieces = list(pieces)
        self._scores: list[Array | None] = [None] * len(pieces)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._framework, name)

    def scores(self, module: Any, x: Array, score: Any) -> Array:  # noqa: ARG002 - the pieces know it
        """Return the score of each sample, ``[n]``."""
        total = np.zeros(len(x), np.float64)

        def ask(number: int, piece: Piece) -> None:
            place: Any = (slice(None), *inside(piece.box))
            same = [np.array_equal(sample[place], self._image[place]) for sample in x]
            known = self._scores[number]
            if any(same) and known is None:
                known = self._framework.scores(module, np.ascontiguousarray(self._image[place][None]), piece.score())
                self._scores[number] = known
            changed = [sample for sample, equal in enumerate(same) if not equal]
            if changed:
                inputs = np.stack([x[sample][place] for sample in changed])
                total[changed] += self._framework.scores(module, inputs, piece.score())
            if known is not None:
                total[same] += known[0]

        self._each(ask, len(x))
        return total.astype(np.float32)

    def input_gradient(self, module: Any, x: Array, score: Any) -> tuple[Array, Array]:  # noqa: ARG002
        """Return the scores ``[n]`` and the gradient of each sample's score, shaped like `x`."""
        total, gradient = np.zeros(len(x), np.float64), np.zeros(x.shape, np.float32)

        def ask(number: int, piece: Piece) -> None:
            place: Any = (slice(None), slice(None), *inside(piece.box))
            inputs = np.ascontiguousarray(x[place])
            scores, found = self._framework.input_gradient(module, inputs, piece.score())
            if self._scores[number] is None and np.array_equal(inputs[0], self._image[place[1:]]):
                self._scores[number] = scores[:1]
            np.add(total, scores, out=total)
            gradient[place] += found

        self._each(ask, len(x))
        return total.astype(np.float32), gradient

    def _each(self, ask: Callable[[int, Piece], None], samples: int) -> None:
        """Ask for one piece after the other; for one that does not fit into memory, for smaller ones, from now on."""
        number = 0
        while number < len(self.pieces):
            try:
                ask(number, self.pieces[number])
            except Exception as error:
                # of several samples fewer are tried first, by who gave them
                if samples > 1 or not self._framework.out_of_memory(error):
                    raise
                smaller = self.pieces[number].smaller()
                if not smaller:
                    raise
                self.pieces[number : number + 1] = smaller
                self._scores[number : number + 1] = [None] * len(smaller)
            else:
                number += 1
                self._done()


def no_windows(got: Any, shape: Sequence[int]) -> InputError:
    """Return the error that says of a target that it cannot be explained window by window."""
    return InputError(
        "A volume that predict answers window by window must be explained by Class, Margin, Region, Voxel or an Output "
        f"with a value for each voxel, got {got} and {'x'.join(map(str, shape))} voxels. Crop the volume "
        "(Volume.crop), or try field='whole'."
    )


def pieces_of_box(model: Any, prepared: Any, field: Field, place: Box, score: LinearScore) -> list[Piece]:
    """Return the pieces of a box of which each depends on no more than the network may be given at once.

    Parameters
    ----------
    place : Box
        The voxels of the whole input that the score is taken from.
    score : LinearScore
        On the outputs of the box.
    """
    receptive = receptive_field(model, prepared)
    assert receptive is not None
    return _OfBox(receptive, field, score).pieces(place, most_voxels(model, prepared, receptive))


@dataclass(frozen=True)
class _OfBox:
    receptive: Receptive
    field: Field
    score: LinearScore

    def pieces(self, place: Box, most: int) -> list[Piece]:
        """Return pieces that the network is given at most so many voxels for, where that can be."""
        made = []
        for part in split(place, self.receptive, self.field.of, most):
            needed, own = self.field.local(self._needed(part)), self.field.local(part)
            assert needed is not None
            assert own is not None
            made.append(
                Piece(needed, _Cut(self.score, self.field.shape, needed, own), smaller=partial(self.smaller, part))
            )
        return made

    def smaller(self, place: Box) -> list[Piece]:
        """Return pieces of half the voxels at most, or of as few as can be; none where they would be no smaller."""
        voxels = _voxels(self._needed(place))
        made = self.pieces(place, voxels // 2)
        return made if max(_voxels(piece.box) for piece in made) < voxels else []

    def _needed(self, place: Box) -> Box:
        return grown(place, self.receptive, self.field.of)


def _voxels(box: Box) -> int:
    return math.prod(b - a for a, b in zip(*box, strict=True))


def pieces_of_windows(windows: Windows, field: Field, place: Box | None, score: Spread) -> list[Piece]:
    """Return the windows in which something of the score is taken, each with its share of it."""
    made = []
    for start in windows.over(place):
        box = field.local((start, tuple(a + n for a, n in zip(start, windows.size, strict=True))))
        assert box is not None
        if np.any(score.mask[inside(box)]):
            made.append(Piece(box, _Shared(score, box, windows, start), _Shared(score, box, windows, start).share))
    return made


@dataclass(frozen=True)
class _Shared:
    whole: Spread
    box: Box
    windows: Windows
    start: tuple[int, ...]

    def share(self) -> Array:
        return self.windows.share(self.start)

    def __call__(self) -> LinearScore:
        return self.whole.within(self.box, self.share())


@dataclass(frozen=True)
class _Cut:
    """The part of a score on the outputs of an input of `shape` that is taken in a part of it."""

    whole: LinearScore
    shape: tuple[int, ...]
    box: Box
    own: Box

    def __call__(self) -> LinearScore:
        return self._of(self.whole)

    def _of(self, score: LinearScore) -> LinearScore:
        weights = np.asarray(score.weights)
        outer, inner = [slice(None)], [slice(None)]
        for size, voxels, a, b, first, last in zip(weights.shape[1:], self.shape, *self.box, *self.own, strict=True):
            low, high = a * size // voxels, b * size // voxels
            outer.append(slice(low, high))
            # an output of several voxels belongs to the part that its first voxel is in
            inner.append(slice(-(-first * size // voxels) - low, -(-last * size // voxels) - low))
        kept = np.zeros_like(weights[tuple(outer)])
        kept[tuple(inner)] = weights[tuple(outer)][tuple(inner)]
        return dataclasses.replace(score, weights=kept, plus=tuple(map(self._of, score.plus)))
