"""Field: the part of a volume that an explanation needs, and how the network is asked there."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.explain.box import Box
from workbench.explain.large.receptive import Receptive, receptive_field

if TYPE_CHECKING:
    from workbench.explain.base import Explainer
    from workbench.explain.targets import Target
    from workbench.volume import Volume
    from workbench.zoo.windows import Windows

#: Smaller volumes take no time: there a box would save less than it takes to measure how far the network looks.
_SMALL_VOXELS = 1 << 18
#: Why a box is taken for a network with layers that look at everything.
NOT_LOCAL = "all but layers that look at everything see nothing else"
#: What one piece of a box may take beyond a window of `predict`, in bytes.
BEYOND = 10 << 28
#: A box of outputs is cut into so many parts along an axis, at most.
_MOST_CUTS = 8


@dataclass(frozen=True)
class Field:
    """The part of the network's input that a map is made from.

    Attributes
    ----------
    kind : {"whole", "box", "windows"}
        The whole input at once; the box that the score depends on; or the windows of `predict`, blended as it does.
    start, stop : tuple of int
        First and one-past-last voxel along each axis, on the network's grid.
    of : tuple of int
        Shape of the network's whole input.
    halo : tuple of (int, int)
        By how many voxels a box reaches beyond the target, before and after, before it was aligned.
    parts : int
        In how many passes the network is given it.
    why : str
        Why it is this one.
    exact : bool
        Whether the map is that of the whole input, to 1e-4 of its largest value; that of a layer (Grad-CAM) in the
        `inner` part, beyond which nothing is shown.
    effect : float, optional
        Where the network has layers that look at everything: by how much of its largest value the gradient changes if
        the box is larger.
    """

    kind: Literal["whole", "box", "windows"]
    start: tuple[int, ...]
    stop: tuple[int, ...]
    of: tuple[int, ...]
    halo: tuple[tuple[int, int], ...] = ()
    parts: int = 1
    why: str = ""
    exact: bool = True
    effect: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def share(self) -> float:
        """How much of the whole input it is."""
        return math.prod(self.shape) / math.prod(self.of)

    @property
    def inner(self) -> Box:
        """The part of a box in which every layer sees all that it would see in the whole."""
        halo = self.halo or ((0, 0),) * len(self.of)
        low = (a + before * (a > 0) for a, (before, _) in zip(self.start, halo, strict=True))
        high = (b - after * (b < n) for b, n, (_, after) in zip(self.stop, self.of, halo, strict=True))
        return tuple(low), tuple(high)

    def local(self, box: Box) -> Box | None:
        """Return what of a box of the whole input lies in the field, in voxels of the field; None if nothing does."""
        ends = list(zip(*box, self.start, self.stop, strict=True))
        low = tuple(max(a, first) - first for a, _, first, _ in ends)
        high = tuple(min(b, last) - first for _, b, first, last in ends)
        return (low, high) if all(a < b for a, b in zip(low, high, strict=True)) else None

    def describe(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def from_description(cls, known: dict[str, Any]) -> Field:
        """Make it of what `describe` returned."""
        corners = {name: tuple(known[name]) for name in ("start", "stop", "of")}
        return cls(**{**known, **corners, "halo": tuple((int(a), int(b)) for a, b in known["halo"])})

    def __str__(self) -> str:
        size = "x".join(map(str, self.shape))
        if self.kind == "whole":
            return f"the whole input of {size} voxels"
        what = f"a box of {size} voxels" if self.kind == "box" else f"{self.parts} windows over {size} voxels"
        return f"{what} of {'x'.join(map(str, self.of))}"


def choose_field(
    model: Any, volume: Volume, prepared: Any, target: Target | None, explainer: Explainer, asked: str
) -> Field:
    """Return what part of a prepared volume is needed to explain a target.

    The whole input is taken where `predict` takes it whole, so that what is explained is what is answered; but for a
    target in one place of it the box that it depends on, where the method's map is the same there, and the volume is
    large enough for that to matter. Where `predict` goes by windows, a target in one place is explained in that box,
    and every other one by the windows.

    Parameters
    ----------
    prepared : Prepared
    asked : {"auto", "whole", "parts"}
        "whole" takes the whole input whatever its size, "parts" never.
    """
    of = tuple(int(n) for n in prepared.spatial_shape)
    task = getattr(model.algorithm, "task", None)
    if asked == "whole":
        return _whole(of, "asked for")
    if not getattr(task, "windowed", False):
        return _whole(of, "the network gives one answer for all of it")
    windowed = model.windows(prepared) > 1
    if asked == "auto" and not windowed and (explainer.in_part != "same" or math.prod(of) < _SMALL_VOXELS):
        return _whole(of, "predict takes it whole, too")
    place = None if target is None else target.place(volume, prepared.grid)
    receptive = None if place is None else receptive_field(model, prepared)
    if place is not None and receptive is not None:
        found = _box(place, receptive, of)
        if found.shape == of and (asked == "auto" and not windowed):
            return _whole(of, "the target depends on all of it")
        found = replace(found, exact=receptive.local and explainer.in_part in ("same", "inner"))
        pieces = split(place, receptive, of, most_voxels(model, prepared, receptive))
        if len(pieces) == 1 or explainer.end_to_end:
            return replace(found, parts=len(pieces))
    if not windowed and asked == "auto":
        return _whole(of, "predict takes it whole, too")
    windows = model.tiling(prepared)
    return _windows(windows, place, of)


def field_and_pieces(
    model: Any, volume: Volume, prepared: Any, target: Target | None, explainer: Explainer, asked: str
) -> tuple[Field, list[tuple[int, ...]], float]:
    """Return what `choose_field` does, the shapes that the network is given one after the other, and bytes per voxel.

    The bytes are those that a gradient takes for each voxel; 0 where that is not known.
    """
    field = choose_field(model, volume, prepared, target, explainer, asked)
    receptive = receptive_field(model, prepared) if field.kind != "whole" else None
    memory = 0.0 if receptive is None else receptive.memory
    if field.kind == "windows":
        return field, [tuple(model.tiling(prepared).size)] * field.parts, memory
    if field.kind == "whole" or receptive is None or target is None:
        return field, [field.shape], memory
    place = target.place(volume, prepared.grid)
    assert place is not None
    parts = split(place, receptive, field.of, most_voxels(model, prepared, receptive))
    boxes = [grown(one, receptive, field.of) for one in parts]
    return field, [tuple(b - a for a, b in zip(*box, strict=True)) for box in boxes], memory


def most_voxels(model: Any, prepared: Any, receptive: Receptive) -> int:
    """Return how large a piece may be that the network is given at once."""
    return int(math.prod(model.tiling(prepared).size) + BEYOND / receptive.memory)


def split(place: Box, receptive: Receptive, of: tuple[int, ...], most: int) -> list[Box]:
    """Cut a box of outputs so that what each part depends on has at most so many voxels, where that can be.

    Of all even cuts along the axes that with the fewest voxels is taken, each counted as often as it is looked at.
    """
    step = receptive.multiple
    best: tuple[tuple[bool, int], list[list[tuple[int, int]]]] | None = None
    blocks = [-(-b // step) - a // step for a, b in zip(*place, strict=True)]
    for counts in itertools.product(*(range(1, min(n, _MOST_CUTS) + 1) for n in blocks)):
        axes, longest, total = [], 1, 1
        for axis, count in enumerate(counts):
            first, last = place[0][axis], place[1][axis]
            inner = [(first // step + round(i * blocks[axis] / count)) * step for i in range(1, count)]
            cuts = list(itertools.pairwise([first, *inner, last]))
            lengths = [_needed(cut, axis, receptive, of[axis]) for cut in cuts]
            sizes = [b - a for a, b in lengths]
            axes.append(cuts)
            longest, total = longest * max(sizes), total * sum(sizes)
        rank = (longest > most, total if longest <= most else longest)
        if best is None or rank < best[0]:
            best = (rank, axes)
    assert best is not None
    parts = itertools.product(*best[1])
    return [(tuple(a for a, _ in part), tuple(b for _, b in part)) for part in parts]


def grown(place: Box, receptive: Receptive, of: Sequence[int]) -> Box:
    """Return a box of outputs grown by the receptive field, to multiples of the network's on the grid of the whole."""
    ends = [_needed((a, b), axis, receptive, size) for axis, (a, b, size) in enumerate(zip(*place, of, strict=True))]
    return tuple(a for a, _ in ends), tuple(b for _, b in ends)


def _needed(ends: tuple[int, int], axis: int, receptive: Receptive, size: int) -> tuple[int, int]:
    """Return what part of an axis of `size` voxels outputs from the first to the last depend on."""
    step = receptive.multiple
    first, last = ends[0] // step * step, -(-ends[1] // step) * step
    first = max(0, (first - receptive.before[axis]) // step * step)
    last = min(size, -(-(last + receptive.after[axis]) // step) * step)
    if last - first < receptive.minimum:
        last = min(size, first + receptive.minimum)
        first = max(0, last - receptive.minimum)
    return first, last


def _whole(of: tuple[int, ...], why: str) -> Field:
    return Field("whole", (0,) * len(of), of, of, why=why)


def _box(place: Box, receptive: Receptive, of: tuple[int, ...]) -> Field:
    """Return the box that an answer at a place depends on, on the same grid of strides as the whole input."""
    start, stop = grown(place, receptive, of)
    return Field(
        "box", start, stop, of, tuple(zip(receptive.before, receptive.after, strict=True)),
        why="the score depends on nothing else" if receptive.local else NOT_LOCAL,
    )  # fmt: skip


def _windows(windows: Windows, place: Box | None, of: tuple[int, ...]) -> Field:
    """Return the windows that reach over a place, or all."""
    chosen = windows.over(place)
    ends = np.array(chosen)
    start = tuple(int(n) for n in ends.min(axis=0))
    stop = tuple(int(n) for n in ends.max(axis=0) + np.array(windows.size))
    why = "predict goes by windows, which are blended alike"
    return Field("windows", start, stop, of, parts=len(chosen), why=why, exact=False)


def field_notes(field: Field, explainer: Explainer, activation: str) -> tuple[str, ...]:
    """Return what is to be said of a map that was not made from the whole input."""
    if field.kind == "whole":
        return ()
    if field.kind == "windows":
        words = f"Made window by window, as predict answers: {field.parts} windows, blended alike."
        if explainer.needs_layer:
            words += " The weights of a layer's channels are those of each window."
        if activation != "none":
            words += " Probabilities are those of each window, before they are blended."
        return (words,)
    notes: tuple[str, ...] = ()
    if explainer.in_part == "other":
        notes += (f"Made from {field}: what the method takes from the whole input is taken from the box.",)
    if explainer.in_part == "inner" and field.inner != ((0,) * len(field.of), field.of):
        low, high = (" x ".join(map(str, corner)) for corner in field.inner)
        words = (
            f"Shown from voxel {low} to {high} of the network's grid, where the layer sees what it sees in the whole "
            "input; the map of the whole has values beyond it, too, which are left out."
        )
        notes += (words,)
    if field.why == NOT_LOCAL:
        size = (
            "how much that changes was not measured"
            if field.effect is None
            else (f"in a larger box the gradient differs by {field.effect:.2g} of its largest value")
        )
        notes += (f"Made from {field}, but the network has layers that look at everything: {size}.",)
    return notes
