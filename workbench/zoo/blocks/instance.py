"""What networks that tell objects apart have in common: the classes of their mask."""

from __future__ import annotations

from typing import Any

from workbench.errors import InputError

#: Background, inside and boundary.
MASK_CHANNELS = 3


def mask_channels(num_classes: int) -> int:
    """Return the number of channels of the mask of a network for so many classes: always three.

    Raises
    ------
    InputError
        If there are not two or three classes: instances are numbered, they have no kinds.
    """
    if num_classes not in {2, MASK_CHANNELS}:
        raise InputError(
            "A network for instances knows no kinds of objects: num_classes is 2 (background, object) or 3 "
            f"(background, inside, boundary), got {num_classes}."
        )
    return MASK_CHANNELS


def class_logits(ops: Any, mask: Any, num_classes: int) -> Any:
    """Return the logits of the classes [n, num_classes, *spatial] from those of the mask [n, 3, *spatial].

    An object is its inside and its boundary, so with two classes its probability is the sum of theirs.
    """
    if num_classes == MASK_CHANNELS:
        return mask
    return ops.cat((mask[:, :1], ops.logsumexp(mask[:, 1:], dim=1, keepdim=True)), dim=1)
