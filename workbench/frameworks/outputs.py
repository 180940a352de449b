"""What a network returned, whatever it was packed in: one tensor, or tensors by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.errors import InputError

#: What the first of several outputs without names is called, and those after it.
PLACE = "output {}"


def named(outputs: Any, kind: type[Any]) -> Any:
    """Return what a network returned as one tensor, or as tensors by name.

    A tuple or list of several has the names "output 0", "output 1", ...; a named tuple, a data class and a mapping have
    their own; what is packed into one of these is called by the names on the way to it, joined by points. What is no
    tensor with an axis of samples (None, a loss, a text) is left out.

    Parameters
    ----------
    outputs : object
        Tensor, tuple, list, mapping, named tuple or data class.
    kind : type
        The framework's tensor.

    Raises
    ------
    InputError
        If there is no tensor in it.
    """
    if isinstance(outputs, kind):
        return outputs
    if isinstance(outputs, Mapping) and outputs and all(_is_output(value, kind) for value in outputs.values()):
        return outputs
    found = dict(_tensors(outputs, kind, ""))
    if not found:
        raise InputError(
            f"A network: what it returns must be tensors of samples, or hold some, got {type(outputs).__name__}. Wrap "
            "it in a module whose forward returns the tensor that is meant."
        )
    # a tuple of one is that one, and so is one beside nothing
    return next(iter(found.values())) if len(found) == 1 and type(outputs) in (tuple, list) else found


def _is_output(value: Any, kind: type[Any]) -> bool:
    return isinstance(value, kind) and len(value.shape) > 0


def _tensors(given: Any, kind: type[Any], name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(given, kind):
        if _is_output(given, kind):
            yield name, given
        return
    parts = _parts(given)
    alone = len(parts) == 1 and not isinstance(given, Mapping)
    for key, part in parts.items():
        yield from _tensors(part, kind, name if alone else f"{name}.{key}" if name else key)


def _parts(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return {str(key): part for key, part in given.items()}
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        return {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    if isinstance(given, tuple) and hasattr(given, "_fields"):
        return dict(zip(given._fields, given, strict=True))
    if isinstance(given, tuple | list):
        return {PLACE.format(number): part for number, part in enumerate(given)}
    return {}
