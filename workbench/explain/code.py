"""The code that asks for a map, for "Copy as code"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from workbench.explain.cases import is_case
from workbench.explain.labels import is_packed
from workbench.explain.registry import get
from workbench.explain.targets import Class, Count, Drawn, Margin, Output, Region, Target, Voxel


class Call(Protocol):
    """What `workbench.explain` is called with beside model and volume: a `Request` or an `Explanation` says it."""

    @property
    def method(self) -> str: ...
    @property
    def target(self) -> Target | None: ...
    @property
    def layer(self) -> str | None: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


def request_code(call: Call, model: str, volume: str, region: str, name: str = "why") -> str:
    """Return Python code that makes a map, options that have their default value left out.

    Parameters
    ----------
    model, volume, region : str
        Expressions for the model, the volume, and the labels of a region target.
    name : str
        What the map is assigned to.
    """
    arguments = [model, volume, *(f"{key}={value}" for key, value in arguments_code(call, region).items())]
    return f"import workbench as wb\n\n{name} = wb.explain({', '.join(arguments)})\n"


def refine_code(name: str, method: str, options: Mapping[str, Any]) -> str:
    """Return Python code that refines the map `name`."""
    arguments = [name, repr(method), *(f"{key}={value!r}" for key, value in options.items())]
    return f"{name} = wb.explain.refine({', '.join(arguments)})\n"


def arguments_code(call: Call, region: str = "segmentation") -> dict[str, str]:
    """Return the arguments after model and volume by their names, each as an expression; defaults are left out."""
    found = {"method": repr(call.method)}
    if call.target is not None:
        found["target"] = target_code(call.target, region)
    if call.layer is not None:
        found["layer"] = repr(call.layer)
    defaults = get(call.method).check_options({})
    for option, value in call.options.items():
        if option not in defaults or value != defaults[option]:
            found[option] = _value_code(option, value)
    return found


def _value_code(option: str, value: Any) -> str:
    """Return an expression for the value of an option; Volumes are too long to be written out: they are variables."""
    if isinstance(value, list) and any(map(is_case, value)):
        parts = [f"{option}_{place}" if is_case(part) else repr(part) for place, part in enumerate(value, 1)]
        return f"[{', '.join(parts)}]"
    return option if is_packed(value) or is_case(value) else repr(value)


def target_code(target: Target, region: str = "segmentation") -> str:
    """Return Python code for a target; `region` is the expression for the labels of a region target."""
    if isinstance(target, Class):
        return f"wb.explain.Class({target.which!r})"
    if isinstance(target, Region):
        if target.instance is not None:
            return f"wb.explain.Region({region}, instance={target.instance})"
        where = "" if target.where in {None, target.label} else f", where={target.where!r}"
        return f"wb.explain.Region({region}, label={target.label!r}{where})"
    if isinstance(target, Voxel):
        place = repr(target.ijk) if target.ijk is not None else f"mm={target.mm!r}"
        return f"wb.explain.Voxel({place}, label={target.label!r})"
    if isinstance(target, Output):
        place = repr(target.where) if target.pointer is None else region
        where = "" if target.where is None else f", where={place}"
        return f"wb.explain.Output({target.name!r}, channel={target.channel!r}{where})"
    if isinstance(target, Drawn):
        return target.code()
    if isinstance(target, Count | Margin):
        return f"wb.explain.{target!r}"
    return repr(target)
