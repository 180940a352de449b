"""Options as data: what a front end needs to draw a control for each, and how what was typed becomes a value.

Data sets, algorithms and explainers describe their options in their own words; here those words become one schema,
the one that ``widgets/src/ui/schema.ts`` draws.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.errors import InputError

Schema = dict[str, Any]

_KINDS = {"flag": "bool", "integer": "int", "number": "float", "choice": "choice", "extent": "numbers"}


def field(
    name: str,
    kind: str,
    default: Any,
    *,
    tooltip: str = "",
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: Iterable[Any] = (),
    label: str = "",
) -> Schema:
    """Return the description of one option.

    Parameters
    ----------
    kind : {"int", "float", "bool", "choice", "text", "numbers"}
        Which control is drawn; ``"numbers"`` is one number or several separated by commas.
    """
    return {
        "name": name,
        "kind": kind,
        "label": label or name.replace("_", " ").capitalize(),
        "tooltip": tooltip or f"{name}, default {_plain(default)}",
        "unit": unit,
        "default": _plain(default),
        "min": low,
        "max": high,
        "choices": [_plain(choice) for choice in choices],
    }


def from_explainer(options: Mapping[str, Any]) -> list[Schema]:
    """Return the schema of an explainer's options."""
    return [
        field(
            name,
            "text" if option.choices and option.kind != "choice" else _KINDS[option.kind],
            option.default,
            tooltip=option.doc + (f" ({', '.join(option.choices)}, or a number)" if option.choices else ""),
            unit=option.unit,
            low=option.low,
            choices=option.choices,
        )
        for name, option in options.items()
    ]


def from_algorithm(options: Mapping[str, Any]) -> list[Schema]:
    """Return the schema of an algorithm's options, as its card lists them."""
    return [
        field(
            name,
            _KINDS.get(option.kind, option.kind),
            option.default,
            tooltip=option.help,
            low=option.minimum,
            high=option.maximum,
            choices=option.choices,
        )
        for name, option in options.items()
    ]


def from_defaults(
    defaults: Mapping[str, Any],
    choices: Mapping[str, Sequence[str]] | None = None,
    tooltips: Mapping[str, str] | None = None,
) -> list[Schema]:
    """Return a schema told from default values: a whole number gets a number field, a flag a check box."""
    fields = []
    for name, default in defaults.items():
        offered = (choices or {}).get(name, ())
        kind = "choice" if offered else _kind_of(default)
        tip = (tooltips or {}).get(name, "")
        fields.append(
            field(name, kind, offered[0] if offered and default is None else default, choices=offered, tooltip=tip)
        )
    return fields


def parse(schema: Sequence[Schema], typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that were really chosen, each of its kind; what is at its default or empty is left out.

    Raises
    ------
    InputError
        If a text is not what the option takes.
    """
    by_name = {one["name"]: one for one in schema}
    values = {}
    for name, given in typed.items():
        if name not in by_name:
            continue  # an option of what was chosen before
        value = _parse_one(by_name[name], given)
        if value is not None and _plain(value) != by_name[name]["default"]:
            values[name] = value
    return values


def _parse_one(option: Schema, given: Any) -> Any:
    kind, name = option["kind"], option["name"]
    if not isinstance(given, str):
        return given
    text = given.strip()
    if not text:
        return None
    if kind == "choice":
        return next((choice for choice in option["choices"] if str(choice) == text), text)
    if kind == "numbers":
        parts = [part for part in text.replace("x", ",").replace(";", ",").split(",") if part.strip()]
        try:
            numbers = [_number(part) for part in parts]
        except ValueError:
            raise InputError(f"{name} is one number, or one for each axis separated by commas; got {text!r}.") from None
        return numbers[0] if len(numbers) == 1 else numbers
    if kind in ("int", "float"):
        try:
            return _number(text)
        except ValueError:
            raise InputError(f"{name} is a number, got {text!r}.") from None
    if kind == "text":
        # An option without a default says nothing of its kind: what reads as numbers is meant as numbers.
        try:
            numbers = [_number(part) for part in text.split(",")]
        except ValueError:
            return text
        return numbers[0] if len(numbers) == 1 else numbers
    return text


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() and "." not in text and "e" not in text.lower() else value


def _kind_of(default: Any) -> str:
    if isinstance(default, bool):
        return "bool"
    if isinstance(default, int):
        return "int"
    if isinstance(default, float):
        return "float"
    if isinstance(default, (list, tuple)) and all(isinstance(v, (int, float)) for v in default):
        return "numbers"
    return "text"


def _plain(value: Any) -> Any:
    """Return `value` as JSON would give it back: tuples are lists, paths are text."""
    return json.loads(json.dumps(value, default=str))
