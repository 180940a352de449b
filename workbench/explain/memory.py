"""What an explanation says where memory runs out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from workbench.errors import StateError
from workbench.zoo.memory import within_memory

if TYPE_CHECKING:
    from workbench.frameworks import Framework


def does_not_fit(shape: Sequence[int], whole: bool = True) -> StateError:
    """Return the error that says that one input of `shape` voxels is too much, and what to do.

    Parameters
    ----------
    whole : bool
        Whether it is the whole input, or what the target depends on.
    """
    if not whole:
        return StateError(
            "An explanation needs what the target depends on in memory, but a part of "
            f"{' x '.join(map(str, shape))} voxels does not fit into what is free on the device. Choose a smaller "
            "model.patch_size, make the volume's voxels larger (`Volume.resample`), or use a model on another device."
        )
    return StateError(
        "An explanation needs the whole input in memory at once, in one piece, but a single input of "
        f"{' x '.join(map(str, shape))} voxels does not fit into what is free on the device. Crop the volume "
        "(`Volume.crop`), make its voxels larger (`Volume.resample`), or use a model on another device."
    )


def fitting(framework: Framework, shape: Sequence[int], *, whole: bool = True) -> AbstractContextManager[None]:
    """Turn a lack of memory around the network's own work, such as preparing its input, into a StateError.

    Raises
    ------
    StateError
        If memory runs out; any other error passes unchanged.
    """
    return within_memory(framework, lambda: does_not_fit(shape, whole))
