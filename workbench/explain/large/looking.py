"""How the network looks at a volume to be explained: whole, at a box, or window by window; and what it scores there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.box import Box
from workbench.explain.large.field import Field, choose_field
from workbench.explain.large.pieces import Piece, Spread, WideScene, no_windows, pieces_of_box, pieces_of_windows
from workbench.explain.large.receptive import receptive_field
from workbench.explain.large.seen import Seen
from workbench.explain.memory import fitting
from workbench.explain.scene import Scene
from workbench.explain.targets import Class, Margin, Output
from workbench.frameworks import LinearScore
from workbench.zoo.answering import How, decided

if TYPE_CHECKING:
    from workbench.explain.base import Explainer
    from workbench.explain.targets import Target
    from workbench.volume import Volume

#: By how much of its size a box is made larger at each side, to see what lies beyond it changes.
_LARGER = 4


@dataclass(frozen=True, eq=False)
class Look:
    """A model that looks at a prepared volume in one of the three ways.

    Parameters
    ----------
    tell : callable
        Is told the share of the voxels that have been decided, where all of them are, and stops it by raising.
    """

    model: Any
    volume: Volume
    prepared: Any
    field: Field
    place: Box | None
    tell: Callable[[float], object]

    @classmethod
    def at(
        cls,
        model: Any,
        volume: Volume,
        prepared: Any,
        target: Target | None,
        explainer: Explainer,
        asked: str,
        tell: Callable[[float], object],
    ) -> Look:
        """Choose the way.

        Raises
        ------
        InputError
            If the method has to see all at once, and that is not to be.
        """
        field = choose_field(model, volume, prepared, target, explainer, asked)
        if field.kind == "windows" and explainer.needs_whole:
            raise InputError(
                f"The method {explainer.name!r} must be given the whole input at once, for {explainer.needs_whole}; "
                f"got {'x'.join(map(str, field.of))} voxels, which predict answers in {field.parts} windows. Take "
                "another method, such as 'grad-cam', crop the volume (Volume.crop), or try field='whole'."
            )
        place = target.place(volume, prepared.grid) if target is not None and field.kind != "whole" else None
        if field.kind == "windows" and place is None and not isinstance(target, Class | Margin | Output | None):
            raise no_windows(target, field.of)
        return cls(model, volume, prepared, field, place, tell)

    @cached_property
    def seen(self) -> Any:
        """What the network is given, in the words of `Prepared`."""
        return self.prepared if self.field.kind == "whole" else Seen(self.prepared, self.field)

    @property
    def at_once(self) -> bool:
        """Whether the network is given all of it in one pass."""
        return self.field.kind != "windows" and self.field.parts == 1

    @property
    def divisible(self) -> bool:
        """Whether it is given at once, but could be given in pieces."""
        return self.at_once and self.field.kind == "box"

    def in_pieces(self) -> Look:
        """Return the same look at a box, that is given piece by piece."""
        return replace(self, field=replace(self.field, parts=2))

    def scene(self, forward: Callable[[], Any]) -> Scene:
        """Return what a target needs to know; `forward` gives the outputs, where the network can be given all."""
        if self.at_once:
            return Scene(self.model, self.volume, self.seen, forward())
        outputs = self._shapes()
        if self.field.kind == "box":
            return Scene(self.model, self.volume, self.seen, outputs)
        return WideScene(self.model, self.volume, self.seen, outputs, self._decided)

    def pieces(self, score: Any) -> list[Piece]:
        """Return the pieces that a score is put together from; none where the network is given all at once.

        Raises
        ------
        InputError
            If the score is none that can be taken window by window.
        """
        if self.at_once:
            return []
        if self.field.kind == "box":
            assert self.place is not None
            return pieces_of_box(self.model, self.prepared, self.field, self.place, score)
        windows = self.model.tiling(self.prepared)
        if not isinstance(score, Spread):
            raise no_windows("a score of another kind", self.field.of)
        return pieces_of_windows(windows, self.field, self.place, score)

    def effect(self, score: LinearScore) -> float | None:
        """Return by how much of its largest value the gradient in the box changes if the box is larger.

        None where that cannot be told: the box is given in pieces, is not larger than it was, or does not fit then.
        """
        if not self.at_once or self.field.kind != "box":
            return None
        receptive = receptive_field(self.model, self.prepared)
        assert receptive is not None
        step, field = receptive.multiple, self.field
        more = [-(-n // (_LARGER * step)) * step for n in field.shape]
        low = tuple(max(0, a - m) for a, m in zip(field.start, more, strict=True))
        high = tuple(min(n, b + m) for b, m, n in zip(field.stop, more, field.of, strict=True))
        if self.model.windows(self.prepared) == 1:
            low, high = (0,) * len(low), field.of
        larger = Field("box", low, high, field.of)
        if larger.shape == field.shape:
            return None
        place = tuple(slice(a - b, a - b + n) for a, b, n in zip(field.start, low, field.shape, strict=True))
        framework, module = self.model.framework, self.model.module
        wide = LinearScore(_set_in(score.weights, field, larger), score.output, score.activation)
        try:
            _, here = framework.input_gradient(module, self.seen.batch, score)
            _, there = framework.input_gradient(module, Seen(self.prepared, larger).batch, wide)
        except Exception as error:
            if framework.out_of_memory(error):
                return None
            raise
        most = float(np.abs(there).max())
        return float(np.abs(here - there[(slice(None), slice(None), *place)]).max()) / most if most else 0.0

    def _shapes(self) -> Any:
        """Return outputs of the shape of all of them that hold nothing and take no memory."""
        size = self.model.algorithm.sizes(self.model.config)
        side = -(-max(size) // size[0]) * size[0]
        shape = tuple(min(side, n) for n in self.field.shape)
        with fitting(self.model.framework, shape):
            start = self.field.start
            stop = tuple(a + n for a, n in zip(start, shape, strict=True))
            found = self.model.forward(np.ascontiguousarray(self.prepared.window(start, stop))[np.newaxis])

        def enlarged(values: Array) -> Array:
            values = np.asarray(values)
            if values.ndim != 2 + len(shape):
                return values
            sizes = (n * m // k for n, m, k in zip(values.shape[2:], self.field.shape, shape, strict=True))
            return np.broadcast_to(np.zeros((), np.float32), (1, values.shape[1], *sizes))

        return {name: enlarged(v) for name, v in found.items()} if isinstance(found, Mapping) else enlarged(found)

    def _decided(self) -> Array:
        labels = decided(self.model, self.prepared, How(progress=self.tell))
        return np.asarray(labels[tuple(map(slice, self.field.start, self.field.stop))])


def _set_in(weights: Array, field: Field, larger: Field) -> Array:
    """Return weights on the outputs of a box as weights on those of a larger one."""
    weights = np.asarray(weights)
    ratios = [n / m for n, m in zip(weights.shape[1:], field.shape, strict=True)]
    wide = np.zeros((len(weights), *(round(n * r) for n, r in zip(larger.shape, ratios, strict=True))), np.float32)
    first = [round((a - b) * r) for a, b, r in zip(field.start, larger.start, ratios, strict=True)]
    wide[(slice(None), *(slice(a, a + n) for a, n in zip(first, weights.shape[1:], strict=True)))] = weights
    return wide
