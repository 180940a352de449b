"""What the traits of a widget take, as parameters: a wrong one is refused in the words of every other option."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import traitlets as t

from workbench.parameters import Kind, Parameter

_KINDS: tuple[tuple[type[t.TraitType[Any, Any]], Kind], ...] = (
    (t.Bool, "flag"),
    (t.Int, "integer"),
    (t.Float, "number"),
    (t.Unicode, "text"),
)


def parameter_of(trait: t.TraitType[Any, Any]) -> Parameter:
    """Return what a trait takes."""
    name, default = str(trait.name), trait.default()
    if isinstance(trait, t.Tuple) and trait._traits:
        one = parameter_of(trait._traits[0])
        words = f"{len(trait._traits)} values, each {one.rule}"
        return Parameter(name, "any", default, optional=trait.allow_none, also=words)
    kind: Kind = next((kind for of, kind in _KINDS if isinstance(trait, of)), "any")
    low, high = (_finite(getattr(trait, name, None)) for name in ("min", "max"))
    also = "" if kind != "any" else f"a {trait.info()}"
    return Parameter(name, kind, default, low=low, high=high, optional=trait.allow_none, also=also)


def _finite(limit: float | None) -> float | None:
    return limit if limit is not None and math.isfinite(limit) else None


@contextmanager
def refused_in_words(things: t.HasTraits, values: Mapping[str, Any], owner: str) -> Iterator[None]:
    """Set traits in the ``with`` block; what is of the wrong type is an error as of every other option.

    Raises
    ------
    InputError
        With the trait, what it takes, and the value.
    """
    try:
        yield
    except t.TraitError:
        for name, value in values.items():
            trait = things.traits()[name]
            try:
                trait._validate(things, value)
            except t.TraitError:
                raise parameter_of(trait).refused(value, owner) from None
        raise
