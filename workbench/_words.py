"""Numbers as people say them."""

from __future__ import annotations

_UNITS = ((86400 * 365.25, "years"), (86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


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


def size(count: float) -> str:
    """Return a number of bytes in words: ``1.3 GB``.

    Examples
    --------
    >>> size(1.34e9), size(512)
    ('1.3 GB', '512 bytes')
    """
    for unit, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{float(f'{count / unit:.2g}'):,g} {name}"
    return f"{count:.0f} bytes"
