"""Made-up patients to learn with: a chest radiograph and a chest and abdomen CT, of any size, the same for everyone.

Nobody's data, nothing to download, and the truth is known to the millimetre. Both come from one anatomy
(``_anatomy.py``): the radiograph is the sum of what the rays meet on their way through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import numpy as np

from workbench.datasets.annotations import has_class
from workbench.datasets.cards import Card
from workbench.datasets.dataset import Dataset, Sample, check_task
from workbench.datasets.entry import Entry
from workbench.datasets.sources import _looks
from workbench.datasets.sources._anatomy import LESION, ORGANS, Patient
from workbench.datasets.sources._options import Cases, Chance, Noise, Seed, Size, Spacing
from workbench.datasets.splits import Fractions, check_fractions, make_splits
from workbench.errors import InputError, choose
from workbench.signatures import Field, Range
from workbench.volume import Volume

#: Raised whenever the pictures change, so that the fingerprint of a data set changes with them.
GENERATION = 1

_TASKS = ("segmentation", "classification", "localisation", "joint")
_CLASSES = ("no lesion", "lesion")
_RAY_ORGANS = ("background", "lungs", "heart", "lesion")
_NOTES = (
    "Made up: a network trained on it is for learning how networks are trained, not for patients.",
    "Each sample also has 'lesion', the mask of the lesion, to check explanations against.",
)

CT = Card(
    name="phantom-ct",
    title="Made-up CT of chest and upper abdomen, some with a lesion in lung or liver",
    tasks=_TASKS,
    spatial_ndim=3,
    classes=ORGANS,
    modality="CT (simulated)",
    source="computed; nothing is downloaded",
    licence="CC0",
    available="built in",
    notes=_NOTES,
)
XRAY = Card(
    name="phantom-xray",
    title="Made-up chest radiograph, some with a nodule in the lung",
    tasks=_TASKS,
    spatial_ndim=2,
    classes=_RAY_ORGANS,
    modality="radiograph (simulated)",
    source="computed; nothing is downloaded",
    licence="CC0",
    available="built in",
    notes=_NOTES,
)


def entries() -> Iterator[Entry]:
    """Yield the catalogue's entries."""
    yield Entry(XRAY, load_xray, order=10)
    yield Entry(CT, load_ct, order=11)


def load_xray(
    n: Cases = 100,
    size: Size = (128, 128),
    spacing: Spacing | None = None,
    seed: Seed = 0,
    task: str = "segmentation",
    labels: Literal["organs", "lesion"] = "organs",
    noise: Noise = 0.004,
    lesion_probability: Annotated[Chance, Field(label="Lesions")] = 0.5,
    lesion_size: Annotated[Sequence[float], Range(above=0, unit="mm")] = (18.0, 40.0),
    fractions: Fractions | None = None,
) -> Dataset:
    """Make chest radiographs.

    Parameters
    ----------
    n : int
        Number of cases. Case i of a seed is the same whatever `n` is.
    size : int or two ints
        Rows and columns.
    spacing : float or two floats, optional
        Pixel size in mm. Without it the whole chest is in the picture.
    seed : int
        Another seed gives other patients.
    task : {"segmentation", "classification", "localisation", "joint"}
        Label maps; whether there is a lesion; that with the mask of the lesion to test with; or that with the label map
        of the organs.
    labels : {"organs", "lesion"}
        For segmentation: all organs, or the lesion only.
    noise : float
        Standard deviation of the quantum noise where nothing is in the way of the rays, as a share of the signal.
    lesion_probability : float
        Chance that a case has a lesion.
    lesion_size : two floats
        Smallest and largest diameter of a lesion in mm.
    fractions : mapping or sequence of float, optional
        Shares of train, val and test.
    """
    return Phantoms(
        XRAY,
        n=n,
        size=size,
        spacing=spacing,
        seed=seed,
        task=task,
        labels=labels,
        noise=noise,
        lesion_probability=lesion_probability,
        lesion_size=lesion_size,
        fractions=fractions,
    )


def load_ct(
    n: Cases = 40,
    size: Size = (64, 64, 64),
    spacing: Spacing | None = None,
    seed: Seed = 0,
    task: str = "segmentation",
    labels: Literal["organs", "lesion"] = "organs",
    noise: Noise = 14.0,
    lesion_probability: Annotated[Chance, Field(label="Lesions")] = 0.5,
    lesion_size: Annotated[Sequence[float], Range(above=0, unit="mm")] = (24.0, 50.0),
    orientation: str = "LPS",
    fractions: Fractions | None = None,
) -> Dataset:
    """Make CT volumes in Hounsfield units.

    Parameters
    ----------
    n : int
        Number of cases. Case i of a seed is the same whatever `n` is.
    size : int or three ints
        Voxels along each axis.
    spacing : float or three floats, optional
        Voxel size in mm. Without it the whole of chest and upper abdomen is in the volume.
    seed : int
        Another seed gives other patients.
    task : {"segmentation", "classification", "localisation", "joint"}
        Label maps; whether there is a lesion; that with the mask of the lesion to test with; or that with the label map
        of the organs.
    labels : {"organs", "lesion"}
        For segmentation: all organs, or the lesion only.
    noise : float
        Standard deviation of the noise in HU.
    lesion_probability : float
        Chance that a case has a lesion.
    lesion_size : two floats
        Smallest and largest diameter of a lesion in mm.
    orientation : str
        Where the voxel axes point: ``"LPS"`` as scanners have it, or any other of the 48 codes.
    fractions : mapping or sequence of float, optional
        Shares of train, val and test.
    """
    return Phantoms(
        CT,
        n=n,
        size=size,
        spacing=spacing,
        seed=seed,
        task=task,
        labels=labels,
        noise=noise,
        lesion_probability=lesion_probability,
        lesion_size=lesion_size,
        orientation=orientation,
        fractions=fractions,
    )


class Phantoms(Dataset):
    """Cases that are computed when they are asked for."""

    def __init__(
        self,
        card: Card,
        *,
        n: int,
        size: int | Sequence[int],
        spacing: float | Sequence[float] | None,
        seed: int,
        task: str,
        labels: str,
        noise: float,
        lesion_probability: float,
        lesion_size: Sequence[float],
        fractions: Fractions | None,
        orientation: str | None = None,
    ) -> None:
        assert card.spatial_ndim is not None
        ndim = card.spatial_ndim
        check_task(task, _TASKS, card.name)
        choose(labels, ("organs", "lesion"), "choice of `labels`")
        self._size = _integers(size, ndim)
        self._spacing = _looks.default_spacing(self._size) if spacing is None else _positive(spacing, ndim, "spacing")
        self._lesion_size = _positive(lesion_size, 2, "lesion_size")
        _check_numbers(n, seed, noise, lesion_probability)
        self._seed, self._noise, self._probability = int(seed), float(noise), float(lesion_probability)
        self._only_lesion = labels == "lesion"
        self._orientation = orientation
        self._options = {
            "n": int(n),
            "size": [*self._size],
            "spacing": [*self._spacing],
            "seed": self._seed,
            "task": task,
            "labels": labels,
            "noise": self._noise,
            "lesion_probability": self._probability,
            "lesion_size": [*self._lesion_size],
        }
        if orientation is not None:
            self._options["orientation"] = orientation
        if fractions is not None:
            self._options["fractions"] = check_fractions(fractions)
        ids = [f"{card.name}-{self._seed}-{index:05d}" for index in range(n)]
        # whether there is a lesion is the first thing drawn for a case, so that no picture is needed to know it
        self._targets = [int(self._generator(card, index).uniform() < self._probability) for index in range(n)]
        if fractions is None and n < 3:
            fractions = {"train": 1}
        classes = _CLASSES if has_class(task) else card.classes
        super().__init__(
            card,
            task=task,
            classes=("background", "lesion") if self._only_lesion and task == "segmentation" else classes,
            ids=ids,
            patients=ids,
            spatial_ndim=ndim,
            in_channels=1,
            splits=make_splits(ids, fractions=fractions, patients=ids, targets=self._targets),
        )

    def _generator(self, card: Card, index: int) -> np.random.Generator:
        assert card.spatial_ndim is not None
        return np.random.Generator(np.random.PCG64([self._seed, index, card.spatial_ndim]))

    def _read(self, index: int) -> Sample:
        rng = self._generator(self.card, index)
        low, high = self._lesion_size
        patient = Patient(rng, self._probability, (low, high), upright=self.spatial_ndim == 2)
        if self.spatial_ndim == 2:
            (rows, columns), (height, width) = self._size, self._spacing
            image, found = _looks.radiograph(patient, (rows, columns), (height, width), self._noise, rng)
            tumour = _RAY_ORGANS.index("lesion")
        else:
            (i, j, k), (di, dj, dk) = self._size, self._spacing
            image, found = _looks.scan(patient, (i, j, k), (di, dj, dk), self._noise, rng)
            tumour = LESION
        mask = (found == tumour).astype(np.uint8)
        lesion = _turn(Volume(mask, image.affine, kind="labels", labels=_LESION_NAMES), self._orientation)
        label: Any = self._targets[index]
        if self.task == "localisation":
            label = {"class": label, "mask": lesion}
        elif self.task != "classification":
            named = Volume(found, image.affine, kind="labels", labels=dict(enumerate(self.card.classes)))
            mask_of = lesion if self._only_lesion else _turn(named, self._orientation)
            label = {"class": label, "mask": mask_of} if self.task == "joint" else mask_of
        return {
            "id": self.ids[index],
            "image": _turn(image, self._orientation),
            "label": label,
            "patient": self.patients[index],
            "lesion": lesion,
        }

    def targets(self) -> list[int | None] | None:
        """Return whether each case has a lesion, for tasks that ask for it."""
        return [*self._targets] if has_class(self.task) else None

    def spec(self) -> dict[str, Any]:
        """Return all options."""
        return {"name": self.name, "options": dict(self._options)}

    def _checksums(self) -> Iterator[str]:
        fixed = {key: value for key, value in self._options.items() if key not in {"n", "fractions"}}
        return (f"{GENERATION}|{sorted(fixed.items())}" for _ in self.ids)


_LESION_NAMES = {0: "background", 1: "lesion"}


def _turn(volume: Volume, orientation: str | None) -> Volume:
    return volume if orientation in {None, volume.orientation} else volume.reorient(str(orientation))


def _integers(size: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    values = (size,) * ndim if isinstance(size, int | np.integer) else tuple(size)
    if len(values) != ndim or any(int(v) != v or not 8 <= v <= 4096 for v in values):
        raise InputError(f"`size` must be {ndim} whole numbers from 8 to 4096 (or one for all axes), got {size!r}.")
    return tuple(int(v) for v in values)


def _positive(value: float | Sequence[float], count: int, what: str) -> tuple[float, ...]:
    values = (value,) * count if isinstance(value, int | float) else tuple(value)
    if len(values) != count or not all(0 < v < 1e4 for v in values):
        raise InputError(f"`{what}` must be {count} numbers above 0 (in mm), got {value!r}.")
    if what == "lesion_size" and values[0] > values[1]:
        raise InputError(f"`lesion_size` is the smallest and the largest diameter in mm, got {value!r}.")
    return tuple(float(v) for v in values)


def _check_numbers(n: Any, seed: Any, noise: float, probability: float) -> None:
    if not isinstance(n, int | float | np.number) or int(n) != n or n < 1:
        raise InputError(f"`n` must be a whole number of cases from 1, got {n!r}.")
    if not isinstance(seed, int | float | np.number) or int(seed) != seed or seed < 0:
        raise InputError(f"`seed` must be a whole number from 0, got {seed!r}.")
    if not 0 <= noise < float("inf"):
        raise InputError(f"`noise` must be 0 or more, got {noise!r}.")
    if not 0 <= probability <= 1:
        raise InputError(f"`lesion_probability` must be between 0 and 1, got {probability!r}.")
