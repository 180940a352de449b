"""What was typed into the fields of a form: values, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import InputError
from workbench.parameters import Parameter, Schema, plain

Parameters = Mapping[str, Parameter]


def schemas(parameters: Parameters) -> list[Schema]:
    """Return what the page needs to draw a field for each; there is none for what only code can give."""
    return [one.schema() for one in parameters.values() if one.kind != "any"]


def parse(parameters: Parameters, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that were really chosen, each of its kind; what is at its default or empty is left out.

    Raises
    ------
    InputError
        If one is not what its option takes.
    """
    values = {}
    for name, given in typed.items():
        if name not in parameters:
            continue  # an option of what was chosen before
        value = parameters[name].read(given)
        if value is not None and value != plain(parameters[name].default):
            values[name] = value
    return values


def faults(parameters: Parameters, typed: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with what was typed, by the name of the option; empty if all is well."""
    found = {}
    for name, given in typed.items():
        if name in parameters:
            try:
                parameters[name].read(given)
            except InputError as error:
                found[name] = str(error)
    return found


def named_in(error: Exception, parameters: Parameters) -> dict[str, str]:
    """Return the message of an error beside each option that it names, such as two that do not go together."""
    text = str(error)
    pattern = r"(?<!\w){}(?!\w)"
    return {name: text for name in parameters if re.search(pattern.format(re.escape(name)), text, re.IGNORECASE)}
