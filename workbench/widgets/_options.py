"""Options as data: what a front end needs to draw a field for each, and how what was typed becomes a value.

Data sets, algorithms, explainers and recipes describe their options in their own words; here those words become one
schema, the one that ``widgets/src/ui/schema.ts`` draws. What is typed is checked here and nowhere else, so that the
rule in the tooltip, the message beside the field and the error of a call are the same words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.errors import InputError

Schema = dict[str, Any]

_KINDS = {"flag": "bool", "integer": "int", "number": "float", "choice": "choice", "extent": "numbers"}
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "numbers": "one number, or one for each axis separated by commas",
    "bool": "on or off",
    "text": "text",
}


def field(
    name: str,
    kind: str,
    default: Any,
    *,
    tooltip: str = "",
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: Iterable[Any] = (),
    label: str = "",
    required: bool = False,
    whole: bool = False,
    placeholder: str = "",
) -> Schema:
    """Return the description of one option.

    Parameters
    ----------
    kind : {"int", "float", "bool", "choice", "text", "numbers"}
        Which control is drawn; ``"numbers"`` is one number or several separated by commas.
    low, high, above : float, optional
        Smallest and largest value allowed; the value that it must be above.
    required : bool
        Whether an empty field is an error, and not the default.
    whole : bool
        Whether each of several numbers is a whole one.
    placeholder : str
        What is said in an empty field; by default what its emptiness means.
    """
    option = {
        "name": name,
        "kind": kind,
        "label": label or name.replace("_", " ").capitalize(),
        "tooltip": tooltip or f"{name}, default {_plain(default)}",
        "unit": unit,
        "default": _plain(default),
        "min": low,
        "max": high,
        "above": above,
        "choices": [_plain(choice) for choice in choices],
        "required": required,
        "whole": whole or kind == "int",
        "placeholder": placeholder,
    }
    return {**option, "rule": rule(option)}


def rule(option: Mapping[str, Any]) -> str:
    """Return what a value must be, in words: ``"a whole number, at least 1"``."""
    low, high, above = option["min"], option["max"], option["above"]
    words = _WORDS.get(option["kind"], "")
    if option["kind"] == "numbers" and option["whole"]:
        words = words.replace("one number", "one whole number")
    if option["kind"] == "choice":
        return f"one of {', '.join(map(str, option['choices']))}"
    if option["kind"] == "text" and option["choices"]:
        words = f"one of {', '.join(map(str, option['choices']))}, or a number"
    bounds = [f"above {above:g}"] if above is not None else []
    bounds += [f"at least {low:g}"] if low is not None else []
    bounds += [f"at most {high:g}"] if high is not None else []
    return ", ".join([words, " and ".join(bounds)] if bounds else [words])


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
            high=option.high,
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
    limits: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Schema]:
    """Return a schema told from default values: a whole number gets a number field, a flag a check box.

    Parameters
    ----------
    choices, tooltips, limits : mapping, optional
        What is known of an option by its name; `limits` are keywords of `field`.
    """
    fields = []
    for name, default in defaults.items():
        offered = (choices or {}).get(name, ())
        known = dict((limits or {}).get(name, {}))
        kind = known.pop("kind", "choice" if offered else _kind_of(default))
        shown = offered[0] if offered and default is None else default
        fields.append(field(name, kind, shown, choices=offered, tooltip=(tooltips or {}).get(name, ""), **known))
    return fields


def from_model(model: Any, name: str, **words: Any) -> Schema:
    """Return the schema of a field of a pydantic model, with the limits that the model itself checks."""
    info = model.model_fields[name]
    limits: dict[str, Any] = {}
    for constraint in info.metadata:
        for ours, theirs in (("low", "ge"), ("high", "le"), ("above", "gt")):
            if getattr(constraint, theirs, None) is not None:
                limits[ours] = getattr(constraint, theirs)
    return field(words.pop("called", name), _kind_of(info.default), info.default, **limits, **words)


def check(option: Schema, given: Any) -> Any:
    """Return the value that was typed, of the option's kind; None where nothing was typed.

    Raises
    ------
    InputError
        If it is not what the option takes; the message says the rule, what was typed and the default.
    """
    text = given.strip() if isinstance(given, str) else given
    if text == "" or text is None:
        if option["required"]:
            raise _refused(option, "nothing")
        return None
    try:
        value = _parse(option, text)
    except ValueError:
        raise _refused(option, repr(text)) from None
    if not all(_inside(option, number) for number in (value if isinstance(value, list) else [value])):
        raise _refused(option, repr(text) if isinstance(text, str) and "," in text else f"{text}")
    return value


def parse(schema: Sequence[Schema], typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that were really chosen, each of its kind; what is at its default or empty is left out.

    Raises
    ------
    InputError
        If one is not what its option takes.
    """
    by_name = {one["name"]: one for one in schema}
    values = {}
    for name, given in typed.items():
        if name not in by_name:
            continue  # an option of what was chosen before
        value = check(by_name[name], given)
        if value is not None and _plain(value) != by_name[name]["default"]:
            values[name] = value
    return values


def faults(schema: Sequence[Schema], typed: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with what was typed, by the name of the option; empty if all is well."""
    found = {}
    for option in schema:
        if option["name"] in typed:
            try:
                check(option, typed[option["name"]])
            except InputError as error:
                found[option["name"]] = str(error)
    return found


def _refused(option: Schema, got: str) -> InputError:
    default = option["default"]
    shown = ", ".join(map(str, default)) if isinstance(default, list) else default
    remedy = "" if default in (None, "") else f" The default is {shown}."
    return InputError(f"{option['label']} must be {option['rule']}; got {got}.{remedy}")


def _parse(option: Schema, given: Any) -> Any:
    kind = option["kind"]
    if kind == "choice":
        found = [choice for choice in option["choices"] if str(choice) == str(given)]
        if not found:
            raise ValueError
        return found[0]
    if kind == "bool":
        if not isinstance(given, bool):
            raise ValueError
        return given
    if isinstance(given, bool):
        raise ValueError
    if kind == "numbers":
        parts = given.replace("x", ",").replace(";", ",").split(",") if isinstance(given, str) else given
        numbers = [_number(part) for part in (parts if isinstance(parts, list | tuple) else [parts])]
        if option["whole"] and not all(float(number).is_integer() for number in numbers):
            raise ValueError
        return numbers[0] if len(numbers) == 1 else numbers
    if kind in ("int", "float"):
        value = _number(given)
        if kind == "int" and not float(value).is_integer():
            raise ValueError
        return int(value) if kind == "int" else value
    return _words(option, given)


def _words(option: Schema, given: Any) -> Any:
    """Return text, or the numbers that it reads as: an option without a default says nothing of its kind."""
    if not isinstance(given, str):
        return given
    try:
        numbers = [_number(part) for part in given.split(",")]
    except ValueError:
        if option["choices"] and given not in map(str, option["choices"]):
            raise
        return given
    return numbers[0] if len(numbers) == 1 else numbers


def _inside(option: Schema, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    low, high, above = option["min"], option["max"], option["above"]
    return (low is None or value >= low) and (high is None or value <= high) and (above is None or value > above)


def _number(given: Any) -> int | float:
    if isinstance(given, int):
        return given
    value = float(given)
    if not math.isfinite(value):
        raise ValueError
    text = str(given).strip().lower()
    return int(text) if text.lstrip("+-").isdecimal() else value


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
