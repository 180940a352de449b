"""Parameters as they are written down in code: in the signature of a function, or in the fields of a data class.

Kind and choices are those of the annotation, the default that of the signature, the help what the docstring says, and
what an annotation cannot say stands in ``Annotated``::

    def load(n: Annotated[int, Range(low=1)] = 24, spacing: Annotated[float | None, Range(above=0, unit="mm"), PER_AXIS]
             = None, task: Literal["classification", "segmentation"] = "segmentation") -> Dataset:
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import inspect
import os
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, ParamSpec, TypeVar

from workbench.errors import InputError, WorkbenchError, check_keywords
from workbench.parameters import REQUIRED, Kind, Parameter

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
#: What marks code in a docstring, which a tooltip or a table shows as it is.
_MARKUP = re.compile(r"(?::\w+:)?`+~?([^`]+)`+")
_KINDS: dict[Any, Kind] = {bool: "flag", int: "integer", float: "number", str: "text", Path: "path"}


@dataclass(frozen=True)
class Range:
    """What a number may be, for ``Annotated[float, Range(0, 1)]``; see `Parameter` for the meaning of each."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    step: float | None = None
    log: bool = False
    unit: str = ""


@dataclass(frozen=True)
class Field:
    """How a field is drawn, for ``Annotated[str, Field(label="Name")]``; see `Parameter` for the meaning of each.

    `kind` and `many` are for types that say more than a field can: the field is then for what is typed, and `also` says
    what code may give instead.
    """

    label: str = ""
    placeholder: str = ""
    private: bool = False
    help: str = ""
    kind: Kind | None = None
    many: bool = False
    also: str = ""


class _PerAxis:
    def __repr__(self) -> str:
        return "PER_AXIS"


#: For ``Annotated[float, PER_AXIS]``: one value for all spatial axes, or one for each.
PER_AXIS: Final = _PerAxis()


def of_function(function: Callable[..., Any], skip: Sequence[str] = ()) -> dict[str, Parameter]:
    """Return the parameters of a function by name, but for those that are called differently by whom they are given.

    Parameters
    ----------
    skip : sequence of str
        Names of arguments that are no options, such as the image.
    """
    made = inspect.unwrap(function)
    hints = _hints(_constructor(made) if isinstance(made, type) else made)
    told = documented(made)
    found = {}
    for name, one in inspect.signature(function).parameters.items():
        if name in skip or name == "self" or one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        default = REQUIRED if one.default is one.empty else one.default
        found[name] = of_annotation(name, hints.get(name, Any), default, told.get(name, ""))
    return found


def of_model(model: type[Any]) -> dict[str, Parameter]:
    """Return the parameters that the fields of a pydantic model are, with the limits that the model itself checks."""
    told = documented(model)
    found = {}
    for name, info in model.model_fields.items():
        default = REQUIRED if info.is_required() else info.get_default(call_default_factory=True)
        made = of_annotation(name, info.annotation, default, told.get(name, ""))
        found[name] = _with(made, info.metadata)
    return found


def of_annotation(name: str, annotation: Any, default: Any = REQUIRED, help: str = "") -> Parameter:  # noqa: A002
    """Return the parameter that an annotation describes; what no field can be drawn for is of the kind "any"."""
    if typing.get_origin(annotation) is Annotated:
        inner, *extra = typing.get_args(annotation)
        return _with(of_annotation(name, inner, default, help), extra)
    made = Parameter(name, "any", default, help)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _of_union(made, arguments)
    if origin is os.PathLike:
        return replace(made, kind="path")
    if origin is Literal:
        return replace(made, kind="choice", choices=arguments)
    if annotation in _KINDS:
        return replace(made, kind=_KINDS[annotation])
    if origin in (list, tuple, Sequence) and arguments:
        part = of_annotation(name, arguments[0], default, help)
        # a list that may hold None is for code alone
        return replace(part, many=True) if not (part.many or part.optional) else made
    if annotation is Any and default is not REQUIRED and type(default) in _KINDS:
        return replace(made, kind=_KINDS[type(default)])
    return made


def documented(thing: Any) -> dict[str, str]:
    """Return what the NumPy-style docstring of a function or class says of its parameters or attributes, by name."""
    text = inspect.getdoc(thing) or ""
    if isinstance(thing, type) and "Parameters\n---" not in text and "Attributes\n---" not in text:
        text = inspect.getdoc(_constructor(thing)) or ""
    found: dict[str, str] = {}
    for section in re.split(r"\n(?=\S[^\n]*\n-{3,}\n)", f"\n{text}"):
        head, _, body = section.lstrip("\n").partition("\n")
        if head not in ("Parameters", "Attributes", "Other Parameters"):
            continue
        for entry in re.split(r"\n(?=\S)", body.split("\n", 1)[-1]):
            names, _, about = entry.partition("\n")
            words = _MARKUP.sub(r"\1", " ".join(line.strip() for line in about.splitlines()).strip())
            for name in names.partition(" : ")[0].split(","):
                found[name.strip().lstrip("*")] = words
    return found


def _of_union(made: Parameter, kinds: tuple[Any, ...]) -> Parameter:
    """Return a parameter that may be of several types: None, one or several values, a number or a word."""
    parts = [of_annotation(made.name, one, made.default, made.help) for one in kinds if one is not type(None)]
    optional = type(None) in kinds
    single = [one for one in parts if not one.many]
    if len(parts) == 1:
        return replace(parts[0], optional=optional)
    words = tuple(choice for one in single if one.kind == "choice" for choice in one.choices)
    numbers = [one for one in single if one.kind in ("integer", "number")]
    if numbers and len(numbers) + bool(words) == len(single):
        # float | Literal["mean"]: a number or a word; float | tuple[float, ...]: one or several
        kind: Kind = "integer" if all(one.kind == "integer" for one in numbers) else "number"
        return replace(numbers[0], kind=kind, choices=words, per_axis=len(single) < len(parts), optional=optional)
    if {one.kind for one in parts} <= {"text", "path"} and len(single) == len(parts):
        return replace(made, kind="path", optional=optional)
    return replace(made, optional=optional)


def _with(made: Parameter, extra: Sequence[Any]) -> Parameter:
    """Return a parameter with what stands beside its type."""
    for one in extra:
        if isinstance(one, Range):
            told = {key: value for key, value in vars(one).items() if value is not None}
            made = replace(made, **told)
        elif isinstance(one, Field):
            made = replace(made, **{key: value for key, value in vars(one).items() if value})
        elif one is PER_AXIS:
            made = replace(made, per_axis=True, many=False)
        else:  # the constraints of pydantic's own Field
            for rule in getattr(one, "metadata", [one]):
                limits = {ours: getattr(rule, theirs, None) for ours, theirs in _LIMITS.items()}
                made = replace(made, **{ours: limit for ours, limit in limits.items() if limit is not None})
    return made


_LIMITS: Mapping[str, str] = {"low": "ge", "high": "le", "above": "gt", "below": "lt"}


def _constructor(kind: type[Any]) -> Any:
    return inspect.getattr_static(kind, "__init__")


def _hints(function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError:
        # a name that only the type checker imports: what has no hint is told from its default
        return _hints_one_by_one(function)


def _hints_one_by_one(function: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    names = getattr(function, "__globals__", {})
    for name, annotation in getattr(function, "__annotations__", {}).items():
        alone = types.SimpleNamespace(__annotations__={name: annotation})
        with contextlib.suppress(NameError):
            found |= typing.get_type_hints(alone, globalns=names, include_extras=True)
    return found


def checked(owner: str | Callable[[Any], str], *instances: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Have a function refuse an unknown keyword, and a value that its own signature rules out, in words.

    Limits and choices that the signature states, and classes of `instances`, are looked at before the call. Of the
    other values the function's own words come first: only where it stumbles over one (a `TypeError`, an
    `AttributeError`, ...) is that told by the signature. What is handed in is handed on as it is.

    Parameters
    ----------
    owner : str or callable
        What the function is called, in the user's words; of a method, what returns it for its object.
    *instances : str
        Names of arguments that must be of the class that is their annotation.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        arguments = inspect.signature(function).parameters
        named = [name for name, one in arguments.items() if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
        in_order = [name for name in named if arguments[name].kind is not inspect.Parameter.KEYWORD_ONLY]
        takes_more = any(one.kind is one.VAR_KEYWORD for one in arguments.values())
        takes_any = any(one.kind is one.VAR_POSITIONAL for one in arguments.values())
        needed = [name for name in named if arguments[name].default is inspect.Parameter.empty]

        @functools.cache
        def rules() -> _Rules:
            return _Rules.of(function, instances)

        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            told = owner if isinstance(owner, str) else owner(args[0])
            if not takes_more:
                check_keywords(kwargs, [name for name in named if name != "self"], told)
            if args and not in_order and not takes_any:
                raise _unnamed(args[0], named, told)
            given = {**dict(zip(in_order, args, strict=False)), **kwargs}
            others = [name for name in kwargs if name not in named]
            for missing in needed if others else ():
                # one that is mistyped would be taken by `**options`, and Python tell of the other alone
                near = difflib.get_close_matches(missing, others, n=1, cutoff=0.5) if missing not in given else []
                check_keywords(near, [name for name in named if name != "self"], told)
            rules().check(given, told)
            try:
                return function(*args, **kwargs)
            except WorkbenchError:
                raise
            except (TypeError, AttributeError, ValueError, LookupError):
                rules().explain(given, told)
                raise

        return call

    return decorate


def _unnamed(got: Any, named: Sequence[str], owner: str) -> InputError:
    """Return the error for a value without a name, of a function that takes none so (a decorator without brackets)."""
    remedy = f"Give it by name: {owner.removesuffix('()')}({named[0]}=...)." if named else "Leave it out."
    return InputError(f"{owner}: what is given must have a name, got {got!r} without one. {remedy}")


@dataclass(frozen=True)
class _Rules:
    """What the signature of a function says of its arguments.

    Parameters
    ----------
    stated : dict of str to Parameter
        Of those with limits or choices.
    kinds : dict of str to Parameter
        Of the others.
    classes : dict of str to (Parameter, tuple of type)
        Of those that must be of a class.
    """

    stated: dict[str, Parameter]
    kinds: dict[str, Parameter]
    classes: dict[str, tuple[Parameter, tuple[type, ...]]]

    @classmethod
    def of(cls, function: Callable[..., Any], instances: Sequence[str]) -> _Rules:
        """Read a signature."""
        hints, found = _hints(function), of_function(function)
        known = {name: one for name, one in found.items() if one.kind != "any" and name not in instances}
        classes = {}
        for name in instances:
            kinds = _classes(hints[name])
            rule = " or ".join(_called(one) for one in kinds if one is not type(None))
            classes[name] = (replace(found[name], kind="any", also=rule), kinds)
        return cls(
            {name: one for name, one in known.items() if _is_stated(hints.get(name))},
            {name: one for name, one in known.items() if not _is_stated(hints.get(name))},
            classes,
        )

    def check(self, given: Mapping[str, Any], owner: str) -> None:
        """Refuse what breaks a rule that is stated."""
        for name, value in given.items():
            if name in self.stated:
                self.stated[name].check(value, owner)
            elif name in self.classes and not isinstance(value, self.classes[name][1]):
                raise self.classes[name][0].refused(value, owner)

    def explain(self, given: Mapping[str, Any], owner: str) -> None:
        """Raise if a value is of another kind than its annotation, over which the function has stumbled."""
        for name, value in given.items():
            if name in self.kinds:
                self.kinds[name].check(value, owner)


def _is_stated(hint: Any) -> bool:
    """Tell whether an annotation says more than a type."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_is_stated(one) for one in typing.get_args(hint))
    return origin in (Annotated, Literal)


def checked_class(name: str, *instances: str) -> Callable[[type[_T]], type[_T]]:
    """Have the constructor and the public methods of a class `checked`.

    Parameters
    ----------
    name : str
        What the class is called, in the user's words.
    *instances : str
        As for `checked`, of the constructor.
    """

    def decorate(kind: type[_T]) -> type[_T]:
        for method, function in [*vars(kind).items()]:
            if method == "__init__":
                setattr(kind, method, checked(name, *instances)(function))
            elif inspect.isfunction(function) and not method.startswith("_"):
                setattr(kind, method, checked(f"{name}.{method}()")(function))
        return kind

    return decorate


def _classes(hint: Any) -> tuple[type, ...]:
    """Return the classes that an annotation names."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return tuple(one for part in arguments for one in _classes(part))
    return (origin or hint,)


def _called(kind: type) -> str:
    article = "an" if kind.__name__[0] in "AEIOUaeiou" else "a"
    return f"{article} {'mapping' if issubclass(kind, Mapping) else kind.__name__}"
