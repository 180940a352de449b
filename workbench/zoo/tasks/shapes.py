"""Tasks whose answers are shapes: boxes, points, ellipses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.shapes import Shapes
from workbench.zoo.tasks.base import Outputs, Task

if TYPE_CHECKING:
    from workbench.transforms import Prepared


class ShapeTask(Task):
    """Finds shapes; derive from it and say which (``kind``), how they are learnt, decoded and scored."""

    @abstractmethod
    def decode(self, outputs: Outputs) -> Sequence[Shapes]:
        """Return the shapes found in each image, in voxels of the network's grid, the surest first."""

    def answer(self, outputs: Outputs, prepared: Prepared, classes: Sequence[str]) -> Shapes:  # noqa: ARG002
        """Return the shapes found, in the voxel coordinates of the volume; none lies outside it."""
        found = replace(self.decode(outputs)[0], affine=prepared.affine)
        return found.onto(prepared.source.affine).within(prepared.source.spatial_shape)

    def explainable(self, answer: Shapes, classes: Sequence[str]) -> list[tuple[str, Any]]:
        """Return every shape, how many there are, and the classes."""
        count = [("count", None)] if len(answer) or self.counted else []
        return [*((answer.kind, index) for index in range(len(answer))), *count, *super().explainable(answer, classes)]
