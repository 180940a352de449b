"""Whether the contributions of all voxels sum up to what they should: the axiom of completeness."""

from __future__ import annotations

import numpy as np

from workbench._arrays import Array

#: What may be missing: this share of the difference, and what float32 rounds the scores to.
_TOLERANCE, _ROUNDING = 0.01, 1e-5


def incomplete(attribution: Array, of_input: float, of_baseline: float, why: str) -> tuple[str, ...]:
    """Return a note where contributions do not sum up to the difference of the scores; nothing where they do.

    Parameters
    ----------
    attribution : array
        Contributions, before channels are put together and signs dropped.
    of_input, of_baseline : float
        Scores.
    why : str
        Why that is, and what to do; ends the sentence.
    """
    found, due = float(attribution.sum(dtype=np.float64)), of_input - of_baseline
    if abs(found - due) <= _TOLERANCE * abs(due) + _ROUNDING * max(abs(of_input), abs(of_baseline)):
        return ()
    note = f"The contributions sum up to {found:.4g}, but the score differs from that of the baseline by {due:.4g}: "
    return (note + why,)
