"""Numbers that are given once for all axes, or one for each."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import InputError


def positive(value: Any, kind: type, what: str) -> tuple[Any, ...] | None:
    """Return one number above 0, or one per axis, as a tuple; None stays None.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if value is None:
        return None
    values = tuple(value) if isinstance(value, list | tuple | np.ndarray) else (value,)
    try:
        numbers = tuple(kind(v) for v in values)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or not all(n > 0 and np.isfinite(n) for n in numbers):
        raise InputError(f"The {what} is one number above 0 or one per axis, got {value!r}.")
    return numbers


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
