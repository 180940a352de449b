"""A data set: a sequence of samples that are read when they are asked for."""

from __future__ import annotations

import hashlib
import html
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, overload

from workbench._lru import LRU
from workbench._words import count, voxels
from workbench.datasets.annotations import TASKS, parts
from workbench.datasets.cards import Card
from workbench.datasets.splits import Fractions, check_splits, make_splits
from workbench.errors import InputError, OutOfRangeError, choose
from workbench.volume import Volume

#: ``"id"``: str, ``"image"``: Volume, ``"label"``: annotation (see `annotations`) or None, ``"patient"``: str or None.
Sample = dict[str, Any]

#: Decoded samples kept in memory. Decoding a small .nii.gz costs as much as a training step on it, and the second epoch
#: asks for the same cases again; the bound keeps a data set of large CTs from filling the memory.
CACHE_BYTES = 256 * 2**20


def _distinct(classes: Sequence[str]) -> tuple[str, ...]:
    for name, times in Counter(classes).items():
        if times > 1:
            raise InputError(f"Each class has a name of its own, but {times} are called {name!r}. Rename them.")
    return tuple(classes)


class Dataset(Sequence[Sample], ABC):
    """A lazy sequence of samples with a task, named splits and a card.

    A sample is a dict with ``"id"`` (str), ``"image"`` (:class:`~workbench.volume.Volume`), ``"label"`` (what the task
    asks for, see :mod:`workbench.datasets.annotations`, such as a class index or a Volume of kind ``"labels"`` on the
    grid of the image; None where nobody annotated it) and ``"patient"`` (str or None). Kinds of data set may add more
    named Volumes.

    Attributes
    ----------
    name : str
        The name in the catalogue.
    task : str
        One of `workbench.datasets.TASKS`, such as ``"classification"`` or ``"segmentation"``.
    classes : tuple of str
        Class names; for segmentation the names of the label values 0..K-1, the background included.
    splits : dict of str to list of int
        Disjoint lists of indices into this data set.
    card : Card
        Source, licence, checksum.
    ids, patients : tuple
        The name of each case, and of its patient (None where unknown).
    spatial_ndim, in_channels : int
        2 or 3, and the number of channels of every image.
    """

    #: Whether a sample costs enough to make that the last ones are kept.
    _expensive = True

    def __init__(
        self,
        card: Card,
        *,
        task: str,
        classes: Sequence[str],
        ids: Sequence[str],
        spatial_ndim: int,
        in_channels: int,
        splits: Mapping[str, Sequence[int]],
        patients: Sequence[str | None] | None = None,
    ) -> None:
        self.name = card.name
        self.card = card
        self.task = choose(task, TASKS, "task")
        self.classes = _distinct(classes)
        self.ids = tuple(ids)
        self.patients: tuple[str | None, ...] = (None,) * len(self.ids) if patients is None else tuple(patients)
        self.spatial_ndim = spatial_ndim
        self.in_channels = in_channels
        self.splits = check_splits(splits, len(self.ids))
        self._cache: LRU[int, Sample] = LRU(CACHE_BYTES, _size)

    @property
    def num_classes(self) -> int:
        """Number of classes; for segmentation the background counts."""
        return len(self.classes)

    @abstractmethod
    def _read(self, index: int) -> Sample:
        """Read the sample at 0 <= `index` < len(self)."""

    @abstractmethod
    def spec(self) -> dict[str, Any] | None:
        """Return JSON-able data from which :func:`workbench.datasets.from_spec` makes this data set again."""

    @abstractmethod
    def _checksums(self) -> Iterable[str]:
        """Yield one cheap checksum per case, in order."""

    def targets(self) -> list[int | None] | None:
        """Return the class of every case without reading the images; None where whole images have none."""
        return None

    def fingerprint(self) -> str:
        """Return a sha256 over the names and cheap checksums of all cases: other data, other fingerprint."""
        digest = hashlib.sha256(f"{self.task}|{'|'.join(self.classes)}".encode())
        for case, checksum in zip(self.ids, self._checksums(), strict=True):
            digest.update(f"\n{case}|{checksum}".encode())
        return digest.hexdigest()

    def subset(self, split: str) -> Dataset:
        """Return the cases of one split (``"train"``, ``"val"``, ``"test"``)."""
        choose(split, self.splits, "split")
        return _View(self, self.splits[split], {"subset": split}, splits={split: range(len(self.splits[split]))})

    def select(self, indices: Sequence[int]) -> Dataset:
        """Return the cases at `indices`, in that order; the splits keep those of their cases that are left.

        Raises
        ------
        InputError
            If `indices` are not whole numbers, or there are no such cases (negative ones count from the end).
        """
        wanted: object = indices
        if isinstance(wanted, str) or not isinstance(wanted, Iterable):
            raise InputError(
                f"select takes the indices of cases, such as [0, 2], got {indices!r}. For a split: subset('train')."
            )
        chosen = [self._position(index) for index in wanted]
        place = {index: position for position, index in reversed([*enumerate(chosen)])}
        splits = {name: [place[i] for i in part if i in place] for name, part in self.splits.items()}
        return _View(self, chosen, {"indices": chosen}, splits=splits)

    def with_splits(self, splits: Mapping[str, Sequence[int]]) -> Dataset:
        """Return the same cases with other splits, such as those saved with an earlier run."""
        plain = check_splits(splits, len(self))
        return _View(self, range(len(self)), {"splits": plain}, splits=plain)

    def split(self, fractions: Fractions | None = None, seed: int = 0) -> Dataset:
        """Return the same cases divided anew: by patient where known, with every class in proportion."""
        splits = make_splits(self.ids, fractions=fractions, seed=seed, patients=self.patients, targets=self.targets())
        return self.with_splits(splits)

    def save(self, folder: str | Path) -> dict[str, Any]:
        """Write every sample into `folder` (npz and JSON) and return the spec that opens it again."""
        from workbench.datasets.saving import save

        return save(self, folder)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Dataset: ...
    def __getitem__(self, index: int | slice) -> Sample | Dataset:
        if isinstance(index, slice):
            return self.select(range(*index.indices(len(self))))
        position = self._position(index)
        if not self._expensive:
            return self._whole(self._read(position), position)
        sample = self._cache.get(position)
        if sample is None:
            sample = self._whole(self._read(position), position)
            self._cache.put(position, sample)
        return dict(sample)

    def _whole(self, sample: Sample, position: int) -> Sample:
        """Return a sample that has what all else counts on; one of another package may lack it."""
        if lacking := [name for name in ("id", "image", "label") if name not in sample]:
            raise InputError(
                f"The data set {self.name}: sample {position} must have 'id', 'image' and 'label', got "
                f"{', '.join(map(repr, sample)) or 'nothing'}. Let _read return {lacking[0]!r}, too."
            )
        return sample

    def __repr__(self) -> str:
        rows = [f"  {label:<9}{value}" for label, value in self._rows()]
        return "\n".join([self._headline(), *rows])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for label, value in self._rows()
        )
        return f"<b>{html.escape(self._headline())}</b><table>{rows}</table>"

    def _headline(self) -> str:
        cases, channels = count(len(self), "case"), count(self.in_channels, "channel")
        return f"{self.name}: {cases}, {self.task} in {self.spatial_ndim}D, {channels}"

    def _rows(self) -> list[tuple[str, str]]:
        targets = self.targets()
        if targets is None:
            classes = ", ".join(f"{value} {name}" for value, name in enumerate(self.classes))
        else:
            counts = Counter(targets)
            classes = ", ".join(f"{name} ({counts[value]:,})" for value, name in enumerate(self.classes))
        rows = [("classes", classes or "none named")]
        rows.append(("splits", ", ".join(f"{name} {len(part):,}" for name, part in self.splits.items()) or "none"))
        if len(self):
            image: Volume = self[0]["image"]
            shape = "x".join(str(n) for n in image.spatial_shape)
            known = voxels(image.spacing, image.orientation, image.space, digits=3)
            size = f"{shape} at {', '.join(known)}" if known else f"{shape} pixels"
            rows.append(("case 0", ", ".join(filter(None, (size, str(image.dtype), image.unit)))))
        rows.append(("licence", self.card.licence or "not stated"))
        return rows

    def _position(self, index: object) -> int:
        if isinstance(index, bool) or not isinstance(index, Integral):
            raise InputError(f"A case is got by its index, a whole number, got {index!r}. {self._way_to(index)}")
        number = int(index)
        if not -len(self) <= number < len(self):
            cases = f"0 to {len(self) - 1}, or -{len(self)} to -1 from the end" if len(self) else "no index is valid"
            raise OutOfRangeError(f"{self.name} has {len(self)} cases ({cases}), got index {number}.")
        return number % len(self)

    def _way_to(self, index: object) -> str:
        # the id itself is the caller's word, so naming it tells nothing new about a patient
        if isinstance(index, str) and index in self.ids:
            return f"The id {index!r} is at index {self.ids.index(index)}: `dataset.ids.index({index!r})` finds it."
        if isinstance(index, str) and index in self.splits:
            return f"For the split use `dataset.subset({index!r})`."
        if isinstance(index, str):
            return "Ids are in `dataset.ids`, and `dataset.ids.index(id)` gives the index of one."
        if isinstance(index, float) and index.is_integer():
            return f"Use {int(index)}."
        return (
            "For several cases use `dataset.select([0, 2])` or a slice, for the cases of a mask `np.flatnonzero(mask)`."
        )


class _View(Dataset):
    """Some of the cases of another data set, or the same cases divided otherwise."""

    _expensive = False  # the parent keeps them

    def __init__(
        self, parent: Dataset, indices: Sequence[int], change: dict[str, Any], splits: Mapping[str, Sequence[int]]
    ) -> None:
        super().__init__(
            parent.card,
            task=parent.task,
            classes=parent.classes,
            ids=[parent.ids[index] for index in indices],
            patients=[parent.patients[index] for index in indices],
            spatial_ndim=parent.spatial_ndim,
            in_channels=parent.in_channels,
            splits=splits,
        )
        self._parent = parent
        self._indices = list(indices)
        self._change = change

    def _read(self, index: int) -> Sample:
        return self._parent[self._indices[index]]

    def spec(self) -> dict[str, Any] | None:
        parent = self._parent.spec()
        return None if parent is None else {"name": self.name, "parent": parent, **self._change}

    def _checksums(self) -> Iterable[str]:
        sums = list(self._parent._checksums())
        return [sums[index] for index in self._indices]

    def targets(self) -> list[int | None] | None:
        targets = self._parent.targets()
        return None if targets is None else [targets[index] for index in self._indices]


def _size(sample: Sample) -> int:
    # a Volume keeps its voxels once they are loaded, so a sample counts with the bytes that it has then
    held = (part for value in sample.values() for part in parts(value).values())
    return sum(part.nbytes for part in held if isinstance(part, Volume))


def check_task(task: str, tasks: Sequence[str], name: str) -> str:
    """Return `task` if the data set called `name` can be loaded for it.

    Raises
    ------
    InputError
        If it cannot; the message names the tasks it offers.
    """
    if task not in tasks:
        raise InputError(f"{name} is a data set for {' or '.join(tasks)}, not for {task!r}.")
    return task
