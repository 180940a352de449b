"""What a sample may be annotated with, by task: the rules of each, and how it is kept in files.

================ =================================================================================================
task             annotation
================ =================================================================================================
classification   int: the class of the whole image
segmentation     Volume of labels: the class of every voxel
instances        Volume of labels: the number of the instance that a voxel belongs to, 0 where there is none
detection        Boxes
points           Points
ellipses         Ellipses
localisation     ``{"class": int, "mask": Volume of labels}``: learnt from the class, the mask (or None) only tests
joint            ``{"class": int, "mask": Volume of labels}``: learnt from both
================ =================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.datasets._checks import check_class, check_instance_volume, check_label_volume
from workbench.errors import InputError, check_keywords
from workbench.shapes import KINDS, Boxes, Ellipses, Points, Shapes
from workbench.volume import Volume

#: The tasks that a data set may be for.
TASKS = ("classification", "segmentation", "instances", "detection", "points", "ellipses", "localisation", "joint")

_SHAPES: dict[str, type[Shapes]] = {"detection": Boxes, "points": Points, "ellipses": Ellipses}
_BOTH = ("localisation", "joint")


def mapped(annotation: Any, change: Callable[[Any], Any]) -> Any:
    """Return the annotation with each of its parts changed; None stays None."""
    if isinstance(annotation, Mapping):
        return {name: mapped(part, change) for name, part in annotation.items()}
    return None if annotation is None else change(annotation)


def parts(annotation: Any) -> dict[str, Any]:
    """Return the parts of an annotation by name; one without parts has the name ``""``."""
    return dict(annotation) if isinstance(annotation, Mapping) else {"": annotation}


def class_of(annotation: Any) -> int | None:
    """Return the class of the whole image, or None where the annotation does not say."""
    value = annotation.get("class") if isinstance(annotation, Mapping) else annotation
    return int(value) if isinstance(value, int | np.integer) else None


def has_class(task: str) -> bool:
    """Tell whether annotations for a task say the class of the whole image."""
    return task == "classification" or task in _BOTH


def check_annotation(annotation: Any, task: str, image: Volume, classes: Sequence[str], case: str) -> Any:
    """Return an annotation as its task wants it.

    Raises
    ------
    InputError
        If it is of another kind, on another grid, or of a class that there is not; the message names the case.
    """
    if annotation is None:
        return None
    if task == "classification":
        return check_class(annotation, classes, case)
    if task == "segmentation":
        return check_label_volume(_volume(annotation, image, case), image, classes, case)
    if task == "instances":
        return check_instance_volume(_volume(annotation, image, case), image, case)
    if task in _BOTH:
        if not isinstance(annotation, Mapping):
            raise InputError(f"The label of {case!r} is {{'class': int, 'mask': Volume}}, got {annotation!r}.")
        check_keywords(annotation, ("class", "mask"), f"The label of {case!r}")
        mask = annotation.get("mask")
        checked = None if mask is None else check_instance_volume(_volume(mask, image, case), image, case)
        return {"class": check_class(annotation.get("class"), classes, case), "mask": checked}
    return _check_shapes(annotation, _SHAPES[task], image, classes, case)


def as_shown(annotation: Any, image: Volume, classes: Sequence[str]) -> Volume | None:
    """Return what of an annotation can be laid over the image: labels, a mask, or the outlines of shapes."""
    for part in parts(annotation).values():
        if isinstance(part, Volume):
            return part
        if isinstance(part, Shapes):
            return part.outlines(image, classes)
    return None


def to_arrays(key: str, annotation: Shapes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (arrays, description) from which :func:`from_arrays` makes the shapes again."""
    arrays = {
        f"{key}.values": annotation.values,
        f"{key}.labels": annotation.labels,
        f"{key}.affine": annotation.affine,
    }
    return arrays, {"kind": annotation.kind}


def from_arrays(key: str, arrays: Mapping[str, Any], description: Mapping[str, Any]) -> Shapes:
    """Return shapes that :func:`to_arrays` took apart."""
    kind = KINDS[description["kind"]]
    return kind(arrays[f"{key}.values"], arrays[f"{key}.labels"], arrays[f"{key}.affine"])


def fingerprint(annotation: Any) -> str:
    """Return text that differs where annotations differ."""
    return "|".join(f"{name}{_fingerprint(part)}" for name, part in parts(annotation).items())


def _fingerprint(part: Any) -> str:
    if isinstance(part, Volume):
        return part.fingerprint()
    if isinstance(part, Shapes):
        import hashlib

        digest = hashlib.sha256(part.kind.encode())
        for array in (part.values, part.labels, part.affine):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
    return str(part)


def _check_shapes(shapes: Any, kind: type[Shapes], image: Volume, classes: Sequence[str], case: str) -> Shapes:
    if not isinstance(shapes, kind):
        raise InputError(
            f"The label of {case!r} must be {kind.__name__} (workbench.shapes), got {type(shapes).__name__}."
        )
    if len(shapes) and shapes.ndim != image.spatial_ndim:
        raise InputError(f"The {shapes.kind} of {case!r} have {shapes.ndim} axes, the image has {image.spatial_ndim}.")
    if len(shapes) and int(shapes.labels.max()) >= len(classes):
        raise InputError(
            f"The {shapes.kind} of {case!r} have class {int(shapes.labels.max())}; the classes are 0 to "
            f"{len(classes) - 1}: {', '.join(classes)}."
        )
    placed = shapes.onto(image.affine)
    outside = len(placed) - len(placed.within(image.spatial_shape))
    if outside:
        raise InputError(
            f"{outside} of the {len(shapes)} {shapes.kind} of {case!r} have their centre outside the image "
            f"({' x '.join(map(str, image.spatial_shape))}). Give them the affine of the grid they were drawn on, or "
            "leave them out with `.within(shape)`."
        )
    return placed


def _volume(label: Any, image: Volume, case: str) -> Volume:
    if isinstance(label, Volume):
        return label
    if isinstance(label, Shapes | Mapping):
        raise InputError(f"The labels of {case!r} must be a Volume or an array, got {type(label).__name__}.")
    values = np.asarray(label)
    if values.shape != image.spatial_shape:
        raise InputError(
            f"The labels of {case!r} must have the image's shape {image.spatial_shape}, got {values.shape}."
        )
    return image.with_data(values, kind="labels", source=None, notes=())
