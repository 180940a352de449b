"""How long a map takes: from the number of passes and the time that passes of the same model took before."""

from __future__ import annotations

from math import prod
from typing import Any

from workbench._words import count, size, span
from workbench.explain import Explainer
from workbench.volume import Volume
from workbench.widgets.choice import Choice

#: A map that takes longer than this, in seconds, is not made at a mere click into the viewer.
SLOW_SECONDS = 5.0
#: As long as no time is known: a map of more passes than this is taken for slow.
SLOW_PASSES = 2
#: Longer than this, in seconds, or more passes: asked about first.
VERY_SLOW, VERY_MANY = 120.0, 100_000
#: What takes less, in seconds, and fewer passes than these tells more of its beginnings than of a pass.
_TELLING_SECONDS, _TELLING_PASSES = 3.0, 8
#: Of an entry in the list of passes.
_BYTES = 400


class Pace:
    """Seconds of a pass, by model and number of voxels; what is not known yet is not guessed."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str, str, str], float] = {}

    def note(self, choice: Choice, volume: Volume, passes: int, seconds: float) -> None:
        """Take note of how long `passes` passes took, if that tells how long others will take."""
        if seconds < _TELLING_SECONDS and passes < _TELLING_PASSES:
            return
        voxels = prod(volume.spatial_shape)
        self._seconds[_key(choice)] = seconds / max(passes, 1) / voxels

    def estimate(self, choice: Choice, volume: Volume, passes: int) -> float | None:
        """Return the seconds that `passes` passes would take; None while no time is known."""
        known = self._seconds.get(_key(choice))
        return None if known is None else known * passes * prod(volume.spatial_shape)

    def slowness(self, choice: Choice, volume: Volume, passes: int) -> str:
        """Return what so many passes would take, if that is too much for a mere click; empty if it is not."""
        seconds = self.estimate(choice, volume, passes)
        if passes <= SLOW_PASSES if seconds is None else seconds <= SLOW_SECONDS:
            return ""
        return count(passes, "pass") + (f", about {span(seconds)}" if seconds is not None else "")

    def largeness(self, choice: Choice, volume: Volume, passes: int) -> str:
        """Return what so many passes would take, if a person should be asked first; empty if not."""
        seconds = self.estimate(choice, volume, passes)
        if (seconds or 0.0) < VERY_SLOW and passes < VERY_MANY:
            return ""
        known = f"about {span(seconds)} (told from how long passes took before)" if seconds else "a time not known yet"
        return f"It takes {passes:,} passes of the network: {known}, and {size(passes * _BYTES)} for the list of them."


def passes_of(explainer: Explainer, volume: Volume, options: dict[str, Any]) -> int:
    """Return how many passes a map takes, if the network sees the volume as it is."""
    shape, spacing = tuple(volume.spatial_shape), tuple(float(step) for step in volume.spacing)
    return explainer.passes(shape, spacing, explainer.check_options(options))


def _key(choice: Choice) -> tuple[str, str, str, str]:
    return choice.algorithm, choice.framework, choice.device, repr(sorted(choice.options.items()))
