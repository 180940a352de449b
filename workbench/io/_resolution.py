"""Dots per inch of a picture: most programs fill them in without knowing, so they are noted and not used."""

from __future__ import annotations

#: What programs, printers and scanners of documents fill in, with the rounding of whole dots per centimetre or metre.
_FILLED_IN = (1, 72, 96, 100, 120, 150, 200, 240, 300, 350, 400, 600, 1200)
_ROUNDING = 0.5


def note(spacing: tuple[float, float] | None) -> list[str]:
    """Return the note on a pixel size (mm between rows, between columns) that was stated and is not used."""
    if spacing is None or not all(0 < step < float("inf") for step in spacing):
        return []
    down, across = (25.4 / step for step in spacing)
    if abs(down - across) < _ROUNDING and any(abs(down - usual) < _ROUNDING for usual in _FILLED_IN):
        return []
    size = f"{spacing[0]:.4g} x {spacing[1]:.4g} mm for a pixel"
    return [f"the resolution of the file ({size}) was not used, for most programs fill it in without knowing"]
