"""Parameter: the one way to describe an option, wherever it is one of.

What takes options (a method, an algorithm, a data set, a tool, a recipe) gives a `Parameter` for each. From it come the
check of a value and the words of its error, the field of a form, the flag of a command line, and the line of a table.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Annotated, Any, Final, Literal, TypedDict, get_args

from workbench._tables import Listing
from workbench.errors import InputError, check_keywords

#: What one value is.
Kind = Literal["flag", "integer", "number", "choice", "text", "path", "any"]


class Schema(TypedDict):
    """A parameter as data, for a form: ``widgets/src/ui/schema.ts`` draws it."""

    name: str
    kind: Kind
    label: str
    tooltip: str
    rule: str
    unit: str
    default: Any
    choices: list[str | float | bool]
    several: Annotated[bool, "Several values may be given, separated by commas."]
    step: float | None
    required: bool
    placeholder: str
    private: Annotated[bool, "What is typed may name a patient: it is handed on and kept in no state."]


class _Required:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "REQUIRED"


#: The default of a parameter that must be given.
REQUIRED: Final = _Required()
#: What is typed between the parts of a value, beside the comma.
_SEPARATORS = str.maketrans("x;", ",,")
_NUMERIC = ("integer", "number")


@dataclass(frozen=True)
class Parameter:
    """One option: enough to check a value, to draw a field for it, and to write a line about it.

    Parameters
    ----------
    name : str
        As it is given in code.
    kind : {"flag", "integer", "number", "choice", "text", "path", "any"}
        What one value is. A number with `choices` may also be one of these words. "any" is what only code can give;
        there is no field for it.
    default : Any
        Value where none is given; `REQUIRED` if one must be. With None the thing decides by itself, and None may be
        given too.
    help : str
        A sentence.
    low, high, above, below : float, optional
        Smallest and largest value allowed; values that it must be above and below.
    step : float, optional
        What a field's arrows and a search go by.
    log : bool
        Whether factors matter, and not differences, as for a learning rate.
    unit : str
        ``"mm"``, ``"HU"``, ...
    choices : tuple
        Values to choose from.
    per_axis : bool
        Whether there may be one value for each spatial axis instead of one for all.
    many : bool
        Whether it is a sequence of such values, of any length.
    optional : bool
        Whether None may be given although the default is another.
    also : str
        What code may give beside such values, or instead where the kind is "any": ``"a mapping of label to name"``. The
        thing itself checks that.
    label, placeholder : str
        Of a field; by default the name in words, and what emptiness means.
    private : bool
        Whether the value may name a patient, as a path does: it is then kept in no state and no notebook.
    """

    name: str
    kind: Kind
    default: Any = REQUIRED
    help: str = ""
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    step: float | None = None
    log: bool = False
    unit: str = ""
    choices: tuple[Any, ...] = ()
    per_axis: bool = False
    many: bool = False
    optional: bool = False
    also: str = ""
    label: str = ""
    placeholder: str = ""
    private: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            words = ", ".join(get_args(Kind))
            raise InputError(f"{self.name}: kind must be one of {words}, got {self.kind!r}. A float is a 'number'.")
        numeric = self.kind in _NUMERIC and isinstance(self.default, Real) and self.default not in self.choices
        if numeric and self._number(self.default) is None:
            raise replace(self, default=REQUIRED).refused(self.default, "The default")

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is REQUIRED

    @property
    def title(self) -> str:
        """What a field is called."""
        return self.label or self.name.replace("_", " ").strip().capitalize()

    @property
    def rule(self) -> str:
        """What a value must be, in words: ``"a whole number of mm, at least 1"``."""
        if self.kind == "any" and self.also:
            return self.also
        words = self._one()
        if self.per_axis:
            words = words.replace("a ", "one ", 1) + ", or one for each axis"
        elif self.many:
            words = f"a list, each {words}"
        return words + (f", or {self.also}" if self.also else "")

    def check(self, value: Any, owner: str = "") -> Any:
        """Return `value` as plain data, if it is what the rule says.

        Parameters
        ----------
        owner : str
            What takes the option, for the message: ``"3d-unet"``.

        Returns
        -------
        bool, int, float, str, list or None
            A list where there are several values; what was given where the kind is "any".

        Raises
        ------
        InputError
            If it breaks the rule.
        """
        if (value is None and (self.default is None or self.optional)) or (self.also and isinstance(value, Mapping)):
            return value
        if self.kind != "any" and _is_array(value) and getattr(value, "ndim", None) == 0:
            value = value.tolist()  # a number of numpy
        several = (isinstance(value, Sequence) and not isinstance(value, str | bytes)) or _is_array(value)
        if self.many and not several:
            raise self.refused(value, owner)
        if several and (self.many or self.per_axis) and self.kind != "any":
            if self.per_axis and not len(value):
                raise self.refused(value, owner)
            return [self._checked(part, value, owner) for part in value]
        return self._checked(value, value, owner)

    def read(self, text: Any, owner: str = "") -> Any:
        """Return the value that was typed into a field or a command line; None where nothing was.

        Parameters
        ----------
        text : Any
            Text, or what a field hands on as it is (a check box).

        Raises
        ------
        InputError
            If it breaks the rule.
        """
        given = text.strip() if isinstance(text, str) else text
        if given is None or given == "":
            if self.required:
                raise self.refused("nothing", owner, typed=True)
            return None
        value = self._parsed(given)
        if value is None:
            raise self.refused(given, owner, typed=True)
        try:
            return self.check(value, owner)
        except InputError:
            raise self.refused(given if isinstance(value, list) else value, owner, typed=True) from None

    def schema(self) -> Schema:
        """Return it as JSON-able data, for a form."""
        return {
            "name": self.name,
            "kind": self.kind,
            "label": self.title,
            "tooltip": self.help or f"{self.name}{self._default_told(', default {}')}",
            "rule": self.rule + (" (separated by commas)" if self.many or self.per_axis else ""),
            "unit": self.unit,
            "default": None if self.required else plain(self.default),
            "choices": [plain(choice) for choice in self.choices],
            "several": self.many or self.per_axis,
            "step": self.step,
            "required": self.required,
            "placeholder": self.placeholder,
            "private": self.private,
        }

    def refused(self, got: Any, owner: str = "", *, typed: bool = False) -> InputError:
        """Return the error for a value that breaks the rule."""
        what = f"{owner}: {self.name}" if owner else self.title if typed else self.name
        shown = got if typed and got == "nothing" else repr(got)
        return InputError(f"{what} must be {self.rule}, got {shown}.{self._remedy(got)}")

    # -- inside -------------------------------------------------------------------------------------------

    def _one(self) -> str:
        """Return the rule of a single value."""
        if self.kind == "choice":
            return f"one of {', '.join(map(str, self.choices))}"
        words = {
            "flag": "True or False",
            "integer": "a whole number",
            "number": "a number",
            "text": "text",
            "path": "a path",
            "any": "given",
        }[self.kind]
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (
                ("above", self.above),
                ("at least", self.low),
                ("below", self.below),
                ("at most", self.high),
            )
            if bound is not None
        ]
        unit = f" of {self.unit}" if self.unit else ""
        limits = f", {' and '.join(bounds)}" if bounds else ""
        return words + unit + limits + (f", or one of {', '.join(map(str, self.choices))}" if self.choices else "")

    def _remedy(self, got: Any) -> str:
        if isinstance(got, float) and not math.isfinite(got):
            return " Give a finite one."
        if isinstance(got, str) and self.choices:
            lower = {str(choice).lower(): choice for choice in reversed(self.choices)}
            if near := difflib.get_close_matches(got.lower(), [*lower], 1, 0.5):
                return f" Did you mean {lower[near[0]]!r}?"
        if self.required:
            return f" Give one: {self.name}=..."
        if self.default == "":
            return " Leave it out, or give text."
        if self.default is None:
            return " Leave it out, and it is decided for you."
        return self._default_told(" The default is {}.")

    def _default_told(self, words: str) -> str:
        if self.required:
            return ""
        value = plain(self.default)
        return words.format(", ".join(map(str, value)) if isinstance(value, list) else value)

    def _checked(self, value: Any, whole: Any, owner: str) -> Any:
        value = value.item() if _is_array(value) and not getattr(value, "shape", (0,)) else value
        if self.kind == "any":
            return value
        if self.choices and not isinstance(value, bool) and not _is_array(value) and value in self.choices:
            return self.choices[self.choices.index(value)]
        right: Any = None
        if self.kind in ("flag", "text"):
            right = value if isinstance(value, bool if self.kind == "flag" else str) else None
        elif self.kind == "path":
            right = os.fspath(value) if isinstance(value, str | os.PathLike) else None
        elif self.kind in _NUMERIC:
            right = self._number(value)
        if right is None:
            raise self.refused(whole, owner)
        return right

    def _number(self, value: Any) -> int | float | None:
        """Return a number within the limits, else None."""
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            return None
        if self.kind == "integer" and not isinstance(value, Integral):
            return None
        number = int(value) if isinstance(value, Integral) else float(value)
        low, high, above, below = self.low, self.high, self.above, self.below
        if (low is not None and number < low) or (high is not None and number > high):
            return None
        if (above is not None and number <= above) or (below is not None and number >= below):
            return None
        return number

    def _parsed(self, given: Any) -> Any:
        """Return what text means, None if nothing of this kind."""
        if not isinstance(given, str):
            return given
        if not (self.many or self.per_axis):
            return self._parsed_one(given)
        text = given.translate(_SEPARATORS) if self.kind in _NUMERIC and given not in self.choices else given
        parts = [self._parsed_one(part.strip()) for part in text.split(",") if part.strip()]
        if not parts or None in parts:
            return None
        return parts[0] if self.per_axis and len(parts) == 1 else parts

    def _parsed_one(self, text: str) -> Any:
        for choice in self.choices:
            if str(choice) == text:
                return choice
        if self.kind == "flag":
            return {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}.get(text.lower())
        if self.kind in _NUMERIC:
            try:
                number = float(text)
            except ValueError:
                return None
            if not math.isfinite(number):
                return None
            if text.lstrip("+-").isdecimal():
                return int(text)  # exactly, however large
            return int(number) if self.kind == "integer" and number.is_integer() else number
        return text if self.kind in ("text", "path") else None


class Options(Listing[Parameter]):
    """Parameters as a table: what each takes, its default, and what it means."""

    head = ("option", "takes", "default", "meaning")
    nothing = "no options"

    def row(self, one: Parameter) -> tuple[str, ...]:
        """Return the cells of one option."""
        default = "required" if one.required else _shown(one.default)
        return one.name, one.rule if one.kind != "any" or one.also else "see the documentation", default, one.help


def by_name(*parameters: Parameter) -> dict[str, Parameter]:
    """Return parameters by their names, in order."""
    return {one.name: one for one in parameters}


def check_values(parameters: Mapping[str, Parameter], given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Return the value of every parameter, those given checked and the rest at their defaults.

    Parameters
    ----------
    owner : str
        What takes the options, for messages: ``"3d-unet"``.

    Raises
    ------
    InputError
        If an option is unknown (the message names the nearest), missing, or breaks its rule.
    """
    check_keywords(given, parameters, owner)
    values = {}
    for name, parameter in parameters.items():
        if name in given:
            values[name] = parameter.check(given[name], owner)
        elif parameter.required:
            raise InputError(f"{owner} needs the option {name!r}: {parameter.rule}. Give it: {name}=...")
        else:
            values[name] = parameter.default
    return values


def plain(value: Any) -> Any:
    """Return `value` as JSON would give it back: tuples are lists, paths are text."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return plain(value.tolist()) if _is_array(value) else str(value)


def _shown(value: Any) -> str:
    value = plain(value)
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    return "" if value is None else str(value)


def _is_array(value: Any) -> bool:
    return hasattr(value, "tolist") and hasattr(value, "dtype")
