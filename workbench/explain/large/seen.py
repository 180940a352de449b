"""What the network is given of a prepared volume, and the way back from there onto the volume's own grid."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.explain.large.field import Field
from workbench.transforms.prepared import empty
from workbench.volume import Volume


class Seen:
    """A box of a prepared volume, in the words of `Prepared`; the rest is not made.

    Parameters
    ----------
    prepared : Prepared
    field : Field
    """

    def __init__(self, prepared: Any, field: Field) -> None:
        self._prepared, self.field = prepared, field
        self.notes, self.source, self.exact = prepared.notes, prepared.source, prepared.exact
        self.num_channels, self.spatial_shape = prepared.num_channels, field.shape

    @cached_property
    def array(self) -> Array:
        """``[c, *spatial]`` float32."""
        return np.ascontiguousarray(self._prepared.window(self.field.start, self.field.stop))

    @property
    def batch(self) -> Array:
        """``[1, c, *spatial]``."""
        return self.array[np.newaxis]

    @cached_property
    def grid(self) -> Volume:
        """The box's grid as a Volume without values."""
        placed = self._prepared.grid.grid.crop(self.field.start, self.field.stop)
        return empty(placed.affine, self.field.shape)

    @property
    def affine(self) -> Array:
        """The box's grid to RAS mm, [4, 4]."""
        return self.grid.affine

    def restore(self, array: Array, *, kind: str = "scores", order: int | None = None) -> Volume:  # noqa: ARG002
        """Put a map ``[*box]`` onto the grid of the volume; voxels outside of the box are 0."""
        return self._prepared.restore_box(np.asarray(array, np.float32), self.field.start, kind=kind)  # type: ignore[no-any-return]
