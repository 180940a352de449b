"""Numbers that are given once for all axes, or one for each."""

from __future__ import annotations

from typing import Any

from workbench.errors import InputError


def as_tuple(value: Any) -> tuple[Any, ...] | None:
    """Return what a `Parameter` with `per_axis` gave, one number or a list of them, as a tuple; None stays None."""
    if value is None:
        return None
    return tuple(value) if isinstance(value, list) else (value,)


def per_axis(values: tuple[Any, ...] | None, ndim: int, what: str) -> tuple[Any, ...] | None:
    """Return one number for each of `ndim` axes: a single one holds for all.

    Raises
    ------
    InputError
        If there are more or fewer than axes.
    """
    if values is None:
        return None
    if len(values) == 1:
        return values * ndim
    if len(values) != ndim:
        raise InputError(
            f"The {what} {list(values)} has {len(values)} axes, the images have {ndim}. Give {ndim} numbers, or one "
            "for all axes."
        )
    return values
