"""Targets from what a person gave, and from what was stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import InputError, choose
from workbench.explain.scene import names_a_class
from workbench.explain.targets.base import Target
from workbench.explain.targets.classes import Class
from workbench.explain.targets.outputs import Output
from workbench.explain.targets.regions import Region
from workbench.explain.targets.shapes import Box, Drawn, Ellipse, Point
from workbench.explain.targets.voxels import Voxel
from workbench.explain.targets.wholes import Count, Margin
from workbench.volume import Volume

_DRAWN: dict[str, type[Drawn]] = {kind.word: kind for kind in (Box, Ellipse, Point)}
#: The kinds that `describe` of the targets here says.
KINDS = ("class", "region", "voxel", "output", "count", "margin", *_DRAWN)


def points_with_a_volume(description: Mapping[str, Any]) -> bool:
    """Tell whether a target needs the Volume that was stored beside its description."""
    return description["kind"] == "region" or bool(description.get("masked"))


def from_description(description: dict[str, Any], region: Volume | None = None) -> Target:
    """Make a target from what `Target.describe` returned, and the Volume that it points with if there is one."""
    kind = choose(description["kind"], KINDS, "kind of target")
    name = description.get("name", "")
    if points_with_a_volume(description) and region is None:
        raise InputError(f"A {kind} target needs the Volume of its region.")
    if kind == "class":
        return Class(description["class"], name)
    if kind == "voxel":
        return Voxel(description.get("ijk"), description["label"], description.get("mm"), name)
    if kind in _DRAWN:
        return _DRAWN[kind].from_description(description)
    if kind == "count":
        return Count(description["label"])
    if kind == "margin":
        return Margin(description["a"], description["b"])
    if kind == "output":
        return Output(description["output"], description["channel"], region or description.get("ijk"))
    assert region is not None
    if "instance" in description:
        return Region(region, instance=description["instance"])
    return Region(region, description["label"], description["where"], name)


def as_target(value: Any) -> Target | None:
    """Accept a Target, or the index or name of a class as a short way to write `Class`."""
    if value is None or isinstance(value, Target):
        return value
    if names_a_class(value):
        return Class(value if isinstance(value, str) else int(value))
    raise InputError(
        f"A target is a class (index or name), explain.Class, explain.Region, explain.Voxel or another of "
        f"wb.explain, but got {value!r}."
    )
