"""Any output of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, choose
from workbench.explain.box import Box
from workbench.explain.resize import shares_of
from workbench.explain.scene import Scene
from workbench.explain.targets.base import Resolved, Target
from workbench.explain.targets.masks import as_labels, marked, mask_on, place_on
from workbench.explain.targets.voxels import checked_ijk, place_in, place_of, voxel_of
from workbench.volume import Volume

#: What marks the voxels of a label Volume where nothing is said: every one that is not background.
_ANY = 1


@dataclass(frozen=True, eq=False, repr=False)
class Output(Target):
    """The mean of one of the network's outputs: over all of it, over a region, or at a voxel.

    Parameters
    ----------
    name : str
        Of the output, such as "direction"; a network that returns one array has "logits".
    channel : int, optional
        Which channel of it; may be left out where there is one.
    where : Volume, Explanation or sequence of int, optional
        A mask on any grid (of labels, every one but 0), or the voxel of the input volume. All of it if not given.

    Raises
    ------
    InputError
        If `where` is neither, or a number breaks its rule.
    """

    name: str
    channel: int | None = None
    where: Volume | Sequence[int] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InputError(
                f"Output: name must be the name of an output, got {self.name!r}. Give one such as 'logits'."
            )
        if self.channel is not None:
            index = self.channel
            if isinstance(index, bool) or not isinstance(index, int | np.integer) or index < 0:
                raise InputError(
                    f"Output: channel must be a whole number from 0, got {index!r}. Leave it out where there is one."
                )
            object.__setattr__(self, "channel", int(index))
        if self.where is None or isinstance(self.where, tuple | list):
            object.__setattr__(self, "where", None if self.where is None else checked_ijk(self.where))
            return
        volume, value = as_labels(self.where, None)
        if value is None:
            volume = volume.with_data((np.asarray(volume.data) > 0).astype(np.uint8), labels={})
        object.__setattr__(self, "where", volume)

    def check(self, model: Any, volume: Volume) -> None:  # noqa: ARG002
        if isinstance(self.where, Volume):
            marked(self.where, _ANY)
        elif self.where is not None:
            place_of(volume, self.where)

    def place(self, volume: Volume, grid: Volume) -> Box | None:
        """Return the voxels of the network's grid that `where` marks."""
        if self.where is None:
            return None
        if isinstance(self.where, Volume):
            return place_on(grid, self.where, _ANY)
        first = tuple(int(i) for i in voxel_of(grid, place_of(volume, self.where)))
        return first, tuple(i + 1 for i in first)

    def resolve(self, scene: Scene) -> Resolved:
        output, values = self._values(scene.outputs)
        channel = self._channel(values)
        score = scene.mean_output(output, values, channel, self._mask(scene, values.shape[1:]))
        return Resolved(score, Output(self.name, channel, self.where), has_probability=False)

    def _values(self, outputs: Any) -> tuple[str | None, Array]:
        """Return the name that the network has for it, None if it returns one array, and its values for the sample."""
        if isinstance(outputs, Mapping):
            return self.name, np.asarray(outputs[choose(self.name, outputs, "network output")])[0]
        choose(self.name, ["logits"], "network output")
        return None, np.asarray(outputs)[0]

    def _channel(self, values: Array) -> int:
        count = len(values)
        if self.channel is None and count > 1:
            raise InputError(
                f"Output: channel must be one of 0 to {count - 1} for {self.name!r}, got None. Give channel=."
            )
        channel = self.channel or 0
        if channel >= count:
            raise InputError(
                f"Output: channel must be one of 0 to {count - 1} for {self.name!r}, got {channel}. Give one of them."
            )
        return channel

    def _mask(self, scene: Scene, shape: tuple[int, ...]) -> Array:
        """Return how much each place of the channel counts."""
        if self.where is None:
            return np.broadcast_to(np.float32(1), shape)
        if len(shape) != scene.volume.spatial_ndim:
            raise InputError(
                f"Output: where must be left out for {self.name!r}, which is no map of the volume, "
                f"got {self._where()}. Leave it out."
            )
        if isinstance(self.where, Volume):
            return shares_of(mask_on(scene.grid, self.where, _ANY), shape)
        # a coarse map has a place for several voxels: the one that the voxel lies in, not a mean of neighbours
        fine = place_in(scene, place_of(scene.volume, self.where))
        place = np.zeros(shape)
        place[tuple(np.array(shape) * fine // np.array(scene.grid.spatial_shape))] = 1
        return place

    @property
    def pointer(self) -> Volume | None:
        return self.where if isinstance(self.where, Volume) else None

    def describe(self) -> dict[str, Any]:
        known: dict[str, Any] = {"kind": "output", "output": self.name, "channel": self.channel}
        if self.where is None:
            return known
        return {**known, **({"masked": True} if isinstance(self.where, Volume) else {"ijk": list(self.where)})}

    def _where(self) -> str:
        return "a region" if isinstance(self.where, Volume) else f"voxel {self.where}"

    def __str__(self) -> str:
        channel = "" if self.channel is None else f" {self.channel}"
        place = "" if self.where is None else f" at {self._where()}"
        return f"output {self.name}{channel}{place}"

    def __repr__(self) -> str:
        where = "" if self.where is None else f", where={self.where!r}"
        return f"Output({self.name!r}, channel={self.channel!r}{where})"
