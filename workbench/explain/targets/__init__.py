"""What is explained: each kind of target in a module of its own, and how one is made of what was given or stored."""

from __future__ import annotations

from workbench.explain.targets.answers import targets_in
from workbench.explain.targets.base import Resolved, Target
from workbench.explain.targets.classes import Class, default_target
from workbench.explain.targets.given import as_target, from_description, points_with_a_volume
from workbench.explain.targets.outputs import Output
from workbench.explain.targets.places import target_at
from workbench.explain.targets.regions import Instance, Region
from workbench.explain.targets.shapes import Box, Drawn, Ellipse, Point
from workbench.explain.targets.voxels import Voxel
from workbench.explain.targets.wholes import Count, Margin

__all__ = [
    "Box",
    "Class",
    "Count",
    "Drawn",
    "Ellipse",
    "Instance",
    "Margin",
    "Output",
    "Point",
    "Region",
    "Resolved",
    "Target",
    "Voxel",
    "as_target",
    "default_target",
    "from_description",
    "points_with_a_volume",
    "target_at",
    "targets_in",
]
