"""Steps in a viewer: one layer that shows several volumes one after the other, with a slider and playback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets as t

from workbench.errors import InputError
from workbench.widgets.layer import Layer


class Playing(anywidget.AnyWidget):
    """The part of a viewer that plays steps.

    Attributes
    ----------
    frames : list of str
        The names of the steps; empty where there are none.
    frame : int
        Which one is to be shown; set it.
    shown_frame : int
        Which one is shown. A page that plays waits for it before it asks for the next.
    """

    frames = t.List(t.Unicode()).tag(sync=True)
    frame = t.Int(0).tag(sync=True)
    shown_frame = t.Int(0).tag(sync=True)

    def __init__(self, **options: Any) -> None:
        self._steps: list[Layer] = []
        self._played: Layer | None = None
        super().__init__(**options)

    def play(self, layer: Layer, frames: Mapping[str, Any], at: int = -1) -> None:
        """Let a layer show one after the other of some steps: a slider and playback appear below the views.

        Parameters
        ----------
        layer : Layer
            One that is in the viewer.
        frames : mapping of str to Layer, Volume or Explanation
            The steps by their names, first to last, all on the layer's grid. Of a `Layer`, its window is taken too;
            another step is shown in a window of its own range.
        at : int
            Which one is shown first; the last by default.

        Raises
        ------
        InputError
            If the layer is not in this viewer, there are no steps or no such one to begin with, or a step has no name
            or lies on another grid.

        Examples
        --------
        >>> import numpy as np, workbench as wb
        >>> viewer = wb.widgets.Viewer(wb.Volume(np.zeros((4, 4, 4))))
        >>> later = wb.Volume(np.ones((4, 4, 4)))
        >>> viewer.play(viewer.layers[0], {"before": viewer.layers[0].volume, "after": later})
        >>> viewer.frame, float(viewer.layers[0].volume.data.max())
        (1, 1.0)
        """
        if layer not in getattr(self, "layers", ()):
            got = layer.name if isinstance(layer, Layer) else type(layer).__name__
            raise InputError(f"play(): layer must be in this viewer, got {got!r}. Add it first.")
        steps = _steps(layer, frames)
        if isinstance(at, bool) or not isinstance(at, int) or not -len(steps) <= at < len(steps):
            raise InputError(
                f"play(): at must be the number of one of {len(steps)} steps, from 0, or from the last (-1) on, "
                f"got {at!r}."
            )
        self._played, self._steps = layer, steps
        # what is shown is told first: a page must not wait for a step of the last play
        wanted = range(len(steps))[at]
        with self.hold_trait_notifications():
            self.frames, self.frame = list(frames), wanted
        self._show_step()

    def stop_playing(self) -> None:
        """Take the slider away; the layer stays as it is."""
        self._played, self._steps = None, []
        self.frames = []

    @t.validate("frame")
    def _within(self, proposal: Any) -> int:
        count = len(self.frames)
        return min(max(int(proposal["value"]), 0), max(count - 1, 0))

    @t.observe("frame")
    def _show_step(self, _change: Any = None) -> None:
        if self._played is None or self.frame >= len(self._steps):
            return
        step = self._steps[self.frame]
        if self._played.volume is not step.volume:
            self._played.volume = step.volume
        self._played.window = step.window
        self.shown_frame = self.frame


def _steps(layer: Layer, frames: Mapping[str, Any]) -> list[Layer]:
    """Return the steps as layers, each of which can be shown in place of `layer`."""
    if not isinstance(frames, Mapping):
        raise InputError(
            f"play(): frames must be a mapping of name to Volume, got {type(frames).__name__}. "
            "Give {'step 1': volume}."
        )
    if not frames:
        raise InputError("play(): frames must be one step at least, got none. Give a mapping of name to Volume.")
    steps = []
    for name, one in frames.items():
        if not isinstance(name, str) or not name:
            raise InputError(f"play(): names of frames must be text, got {name!r}. Give such as 'step 1'.")
        step = one if isinstance(one, Layer) else layer.like(one, window=None)
        if not step.volume.same_grid(layer.volume):
            raise InputError(
                f"play(): frames must lie on the grid of the layer, {layer.volume!r}, got {step.volume!r} as {name!r}. "
                "Bring it there: Volume.resample_like(layer.volume), or for an array layer.volume.with_data(array)."
            )
        steps.append(step)
    return steps
