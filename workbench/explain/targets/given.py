"""Targets from what a person gave, and from what was stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.errors import InputError, choose
from workbench.explain.targets.base import Target
from workbench.explain.targets.classes import Class
from workbench.explain.targets.outputs import Output
from workbench.explain.targets.regions import Region
from workbench.explain.targets.voxels import Voxel
from workbench.volume import Volume


def points_with_a_volume(description: Mapping[str, Any]) -> bool:
    """Tell whether a target needs the Volume that was stored beside its description."""
    return description["kind"] == "region" or bool(description.get("masked"))


def from_description(description: dict[str, Any], region: Volume | None = None) -> Target:
    """Make a target from what `Target.describe` returned, and the Volume that it points with if there is one."""
    kind = choose(description["kind"], ("class", "region", "voxel", "output"), "kind of target")
    name = description.get("name", "")
    if points_with_a_volume(description) and region is None:
        raise InputError(f"A {kind} target needs the Volume of its region.")
    if kind == "class":
        return Class(description["class"], name)
    if kind == "voxel":
        return Voxel(description.get("ijk"), description["label"], description.get("mm"), name)
    if kind == "output":
        return Output(description["output"], description["channel"], region or description.get("ijk"))
    assert region is not None
    return Region(region, description["label"], description["where"], name)


def as_target(value: Any) -> Target | None:
    """Accept a Target, or the index or name of a class as a short way to write `Class`."""
    if value is None or isinstance(value, Target):
        return value
    if isinstance(value, str | int | np.integer) and not isinstance(value, bool):
        return Class(value if isinstance(value, str) else int(value))
    raise InputError(
        f"A target is a class (index or name), explain.Class, explain.Region or explain.Voxel, but got {value!r}."
    )
