"""Plain Python on what is known before a graph runs: sizes, options, checks of them.

Graph mode (``mindspore.jit``) reads a part of Python only: no generators, sets, lambdas, formatted messages or NumPy. A
function that is wrapped by `static` is not read but called, once, while the graph is compiled; so its arguments are
constants, given by position. In PyNative mode it is the function itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import mindspore as ms

from workbench.errors import choose


def static(function: Callable[..., Any]) -> Any:
    """Return `function` as something that may also be called inside of a graph."""
    return ms.constexpr(function, check=False)


@static
def chosen(value: str, valid: Iterable[str], what: str) -> str:
    """Return `value` if it is one of `valid`; see `workbench.errors.choose`."""
    return choose(value, valid, what)


@static
def each(value: Any, ndim: int) -> tuple[int, ...]:
    """Return one number per axis."""
    return (value,) * ndim if isinstance(value, int) else tuple(value)


@static
def twice(values: Iterable[int]) -> tuple[int, ...]:
    """Return every number twice in a row: padding before an axis and after it."""
    return tuple(value for once in values for value in (once, once))


@static
def some(values: Iterable[Any]) -> bool:
    """Tell whether any of the values is neither zero nor False."""
    return any(values)
