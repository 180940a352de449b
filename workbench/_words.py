"""Numbers as people say them."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = ((86400 * 365.25, "years"), (86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))
#: Before so many seconds, or so much of the work, nobody can say how long the rest takes.
_FEWEST_SECONDS, _LEAST_SHARE = 1.0, 0.02


def span(seconds: float) -> str:
    """Return a time span in words, as exact as an estimate is: ``3.2 hours``, ``12 days``.

    Examples
    --------
    >>> span(11500), span(0.2)
    ('3.2 hours', '0.2 seconds')
    """
    for length, name in _UNITS:
        if seconds >= 1.5 * length or length == 1:
            return f"{float(f'{seconds / length:.2g}'):,g} {name}"
    raise AssertionError("the last unit takes what is left")


def left(spent: float, share: float) -> str:
    """Return how long something will still take, in words; empty while too little of it is done to tell.

    Parameters
    ----------
    spent : float
        Seconds since it began.
    share : float
        How much of it is done, 0 to 1.

    Examples
    --------
    >>> left(30, 0.1), left(0.5, 0.1)
    ('4.5 minutes left', '')
    """
    if spent < _FEWEST_SECONDS or not _LEAST_SHARE < share < 1:
        return ""
    return f"{span(spent * (1 - share) / share)} left"


def size(count: float, digits: int = 2) -> str:
    """Return a number of bytes in words: ``1.3 GB``.

    Parameters
    ----------
    count : float
    digits : int
        How many are told: two of an estimate, more of what is known.

    Examples
    --------
    >>> size(1.34e9), size(1.34e9, 3), size(512)
    ('1.3 GB', '1.34 GB', '512 bytes')
    """
    for unit, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{float(f'{count / unit:.{digits}g}'):,g} {name}"
    return f"{count:.0f} bytes"


def count(number: int, what: str) -> str:
    """Return how many there are of something.

    Examples
    --------
    >>> count(1, "class"), count(1200, "class"), count(3, "channel")
    ('1 class', '1,200 classes', '3 channels')
    """
    plural = "es" if what.endswith("s") else "s"
    return f"{number:,} {what}{'' if number == 1 else plural}"


def sentence(words: str) -> str:
    """Return a few words as a sentence: a capital first, a full stop last; nothing stays nothing.

    Examples
    --------
    >>> sentence("it ends with a layer of another kind"), sentence("It is one."), sentence("")
    ('It ends with a layer of another kind.', 'It is one.', '')
    """
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""


def lengths(numbers: Sequence[float], space: str, digits: int = 4) -> str:
    """Return lengths in the unit that they have in a volume: where no size is known, 1 stands for a pixel.

    Parameters
    ----------
    numbers : sequence of float
        In the units of the affine.
    space : {"patient", "object", "pixels"}
        What these are of, see `Volume`.
    digits : int
        How many are told.

    Examples
    --------
    >>> lengths((0.5, 0.5, 2), "object"), lengths((4, 4), "pixels")
    ('0.5x0.5x2 mm', '4x4 pixels')
    """
    return f"{'x'.join(f'{number:.{digits}g}' for number in numbers)} {'pixels' if space == 'pixels' else 'mm'}"


def voxels(spacing: Sequence[float], orientation: str, space: str, digits: int = 4) -> list[str]:
    """Return what is known of the size of voxels and of how their axes run: nothing is claimed beyond the `space`.

    Examples
    --------
    >>> voxels((1, 1, 2.5), "RAS", "patient"), voxels((1, 1), "PL", "object"), voxels((1, 1), "PL", "pixels")
    (['1x1x2.5 mm', 'RAS'], ['1x1 mm'], [])
    """
    known = [lengths(spacing, space, digits)] if space != "pixels" else []
    return [*known, orientation] if space == "patient" else known
