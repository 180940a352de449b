"""What is proposed for a training run, from what is known of the data and the machine: values, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import _geometry
from workbench._tables import as_html, as_text
from workbench._words import count, size
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.datasets import Dataset

#: Reasons that several tasks have.
STANDARDISED = "each image is standardised by itself, whatever its unit"
#: How the reason begins for values that suit a usual size; how many cases there are is then told with it.
FEW_HUNDRED = "for sets of a few hundred"
CROPPED = "random crops, so that a step of large images fits into memory"
WHOLE = "images are learned from whole"

#: Images are looked at until so many, or so many bytes of them, are read: `wb.train` is to return at once.
_MOST_CASES, _MOST_BYTES = 6, 2**26
#: Spacings that differ by more than this share are not one spacing.
_SAME_SPACING = 0.1
_WORLD = ("RL", "AP", "SI")
#: What a step takes for each voxel of an input, in bytes: maps of a full-size encoder and decoder and their gradients.
_BYTES_PER_VOXEL = 2048


@dataclass(frozen=True)
class Facts:
    """What is known before training; what is not is empty or None.

    Attributes
    ----------
    cases : int or None
        That are learned from.
    shapes : tuple of tuple of int
        Spatial shapes, in voxels, of those that were looked at; volumes along R, A and S.
    spacings : tuple of tuple of float
        Spacings of the volumes among them that have millimetres, along R, A and S.
    memory : int or None
        Bytes that are free on the machine.
    """

    cases: int | None = None
    shapes: tuple[tuple[int, ...], ...] = ()
    spacings: tuple[tuple[float, ...], ...] = ()
    memory: int | None = None

    @classmethod
    def of(cls, dataset: Dataset, *, look: bool = True) -> Facts:
        """Return what a data set and this machine tell.

        Parameters
        ----------
        dataset : Dataset
        look : bool
            Whether a few images, spread over the training split, are read: six at most, and not after 64 MB.
        """
        import psutil

        training = list(dataset.splits.get("train", range(len(dataset))))
        shapes, spacings, read = [], [], 0
        for place in _spread(len(training)) if look else ():
            try:
                image = dataset[training[place]]["image"]
            except WorkbenchError:
                continue  # a case that cannot be read tells nothing here; the run that needs it says why
            axes, shape = [*range(image.spatial_ndim)], image.spatial_shape
            if image.spatial_ndim == 3:
                axes, _, turned = _geometry.reorientation(image.affine, shape, "RAS")
                if image.space != "pixels":
                    spacings.append(tuple(map(float, _geometry.spacing(turned))))
            shapes.append(tuple(int(shape[axis]) for axis in axes))
            read += image.data.nbytes
            if read > _MOST_BYTES:
                break
        return cls(len(training), tuple(shapes), tuple(spacings), int(psutil.virtual_memory().available))


#: Where nothing is known.
UNKNOWN = Facts()


@dataclass(frozen=True)
class Plan(Mapping[str, Any]):
    """Proposed keys of a recipe, as JSON-able data, each with the reason why; a mapping of the values.

    Examples
    --------
    >>> plan = Plan.of("as the paper has it", epochs=30, batch_size=8).but("there are 5 cases", batch_size=5)
    >>> plan["batch_size"], plan.reasons["batch_size"], plan.reasons["epochs"]
    (5, 'there are 5 cases', 'as the paper has it')
    """

    proposed: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, why: str, **values: Any) -> Plan:
        """Return a plan of `values`, all for one reason."""
        return cls(values, dict.fromkeys(values, why))

    def but(self, why: str, **values: Any) -> Plan:
        """Return the same plan with other `values` for a reason."""
        return Plan({**self.proposed, **values}, {**self.reasons, **dict.fromkeys(values, why)})

    def because(self, **reasons: str) -> Plan:
        """Return the same values with other reasons."""
        return Plan(self.proposed, {**self.reasons, **reasons})

    def __getitem__(self, key: str) -> Any:
        return self.proposed[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.proposed)

    def __len__(self) -> int:
        return len(self.proposed)

    def rows(self) -> list[tuple[str, str, str]]:
        """Return key, value and reason of each as text, as a table shows them."""
        return [(key, _said(value), self.reasons.get(key, "")) for key, value in self.proposed.items()]

    def __repr__(self) -> str:
        return as_text(("key", "value", "because"), self.rows())

    def _repr_html_(self) -> str:
        return as_html(("key", "value", "because"), self.rows())


def fitted(plan: Plan, facts: Facts) -> Plan:
    """Return a plan of any task, adapted to what is known.

    A batch holds no more cases than there are, nor more than memory is likely to hold, and where cases differ in
    spacing all are brought to their median (as nnU-Net does, Isensee et al. 2021).
    """
    if facts.cases is not None:
        sized = {key: why for key, why in plan.reasons.items() if why.startswith(FEW_HUNDRED)}
        here = f"there {'is' if facts.cases == 1 else 'are'} {count(facts.cases, 'case')}"
        plan = plan.because(**{key: f"{why}; {here} to learn from" for key, why in sized.items()})
    plan = plan.because(mode=f"{'more' if plan['mode'] == 'max' else 'less'} of what is monitored is better")
    if not plan["loss"]:
        plan = plan.because(loss="its terms and weights are those of the algorithm")
    if plan["grad_clip"] is not None:
        plan = plan.because(grad_clip="one odd case must not undo what was learned")
    code = plan["preprocess"].get("orientation")
    if facts.spacings and code and not {"spacing", "size"} & {*plan["preprocess"]}:
        order = [next(axis for axis, pair in enumerate(_WORLD) if letter in pair) for letter in code]
        spacings = np.array(facts.spacings)[:, order]
        low, high, middle = spacings.min(0), spacings.max(0), np.median(spacings, axis=0)
        if (high > (1 + _SAME_SPACING) * low).any():
            why = f"spacings run from {_mm(low)} to {_mm(high)} mm; this is their median"
            spacing = [float(f"{value:.3g}") for value in middle]
            plan = plan.but(why, preprocess={**plan["preprocess"], "spacing": spacing})
    if facts.shapes and plan["patch_size"] is not None and _fits(facts.shapes, plan["patch_size"]):
        plan = plan.because(patch_size="longer axes would be cut to it; these images have none")
    batch = int(plan["batch_size"])
    if facts.cases is not None and 0 < facts.cases < batch:
        plan = plan.but(f"{count(facts.cases, 'case')} to learn from", batch_size=facts.cases)
    voxels = _voxels(plan, facts)
    if facts.memory is not None and voxels:
        most = max(1, facts.memory // 2 // (_BYTES_PER_VOXEL * voxels))
        if most < plan["batch_size"]:
            why = f"inputs of {voxels:,} voxels, and {size(facts.memory)} of memory are free (a rule of thumb)"
            plan = plan.but(why, batch_size=int(most))
    return plan


def _fits(shapes: Sequence[Sequence[int]], patch: int | Sequence[int]) -> bool:
    sides = [[patch] * len(shape) if isinstance(patch, int) else patch for shape in shapes]
    return all(
        n <= side for shape, given in zip(shapes, sides, strict=True) for n, side in zip(shape, given, strict=True)
    )


def _voxels(plan: Plan, facts: Facts) -> int:
    """Return how many voxels the largest input has; 0 where it is not known."""
    if plan["preprocess"].get("size"):
        return math.prod(np.atleast_1d(plan["preprocess"]["size"]).tolist())
    patch, most = plan["patch_size"], 0
    for shape in facts.shapes:
        sides = patch if isinstance(patch, (list, tuple)) else [patch] * len(shape)
        most = max(most, math.prod(n if side is None else min(n, side) for n, side in zip(shape, sides, strict=True)))
    return most


def _spread(length: int) -> list[int]:
    """Return places spread evenly over a sequence, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, length - 1, min(_MOST_CASES, length))}) if length else []


def _mm(spacing: Any) -> str:
    return " x ".join(f"{value:.3g}" for value in spacing)


def _said(value: Any) -> str:
    if hasattr(value, "model_dump"):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_said(item)}" for key, item in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return " x ".join(map(_said, value))
    return "none" if value is None else str(value)
