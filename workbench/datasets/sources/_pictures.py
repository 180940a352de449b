"""What the picture sets share: where their folder is, and a data set made of a reader per case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.datasets import places
from workbench.datasets.annotations import check_annotation
from workbench.datasets.cards import Card
from workbench.datasets.dataset import Dataset, Sample, check_task
from workbench.datasets.entry import Entry
from workbench.datasets.sources._options import Place, Seed
from workbench.datasets.sources.folder import ends
from workbench.datasets.splits import Fractions, make_splits, plain_fractions
from workbench.errors import FileError, InputError
from workbench.io._visible import visible
from workbench.volume import Volume

#: Returns (image, annotation) of a case.
Reader = Callable[[str], tuple[Volume, Any]]


@dataclass(frozen=True)
class Cases:
    """What is found in a folder.

    Attributes
    ----------
    ids : list of str
        The cases, in a fixed order.
    read : callable
        ``id -> (image, annotation)``.
    files : callable
        ``id -> files`` that decide what `read` returns.
    classes : sequence of str
        Class names of the task.
    channels : int
        Channels of every image.
    splits : mapping, optional
        The official split as lists of ids, where there is one.
    targets : callable, optional
        ``id -> class`` of the whole image without reading it, for tasks that have one.
    """

    ids: list[str]
    read: Reader
    files: Callable[[str], Sequence[Path]]
    classes: Sequence[str]
    channels: int
    splits: Mapping[str, Sequence[str]] | None = None
    targets: Callable[[str], int | None] | None = None


class PictureSet(Dataset):
    """A data set of pictures that are read when asked for."""

    def __init__(self, card: Card, cases: Cases, task: str, spec: dict[str, Any], splits: dict[str, Any]) -> None:
        self._cases, self._spec = cases, spec
        super().__init__(
            card,
            task=task,
            classes=cases.classes,
            ids=cases.ids,
            spatial_ndim=2,
            in_channels=cases.channels,
            splits=splits,
        )

    def _read(self, index: int) -> Sample:
        case = self.ids[index]
        image, annotation = self._cases.read(case)
        if image.num_channels != self.in_channels:
            raise InputError(f"Every image must have {self.in_channels} channels, {case!r} has {image.num_channels}.")
        label = check_annotation(annotation, self.task, image, self.classes, case)
        return {"id": case, "image": image, "label": label, "patient": None}

    def targets(self) -> list[int | None] | None:
        return None if self._cases.targets is None else [self._cases.targets(case) for case in self.ids]

    def spec(self) -> dict[str, Any]:
        """Return name and options."""
        return self._spec

    def _checksums(self) -> Iterator[str]:
        known: dict[Path, str] = {}
        for case in self.ids:
            files = self._cases.files(case)
            known |= {file: ends(file) for file in files if file not in known}
            yield "|".join(known[file] for file in files)


def entry(card: Card, folder: str, inside: str, find: Callable[[Path, str], Cases]) -> Entry:
    """Return the catalogue's entry of a set.

    Parameters
    ----------
    card : Card
        Its first task is the default.
    folder : str
        Name of its folder in ``WORKBENCH_DATA`` or the cache.
    inside : str
        A file or folder that is in it.
    find : callable
        ``(folder, task) -> cases``: what is in a folder.
    """

    def load(
        path: Place | None = None,
        fractions: Fractions | None = None,
        seed: Seed = 0,
        task: str = card.tasks[0],
    ) -> Dataset:
        """Open the pictures.

        Parameters
        ----------
        path : path, optional
            Their folder, where it is not at its usual place.
        fractions : mapping or sequence of float, optional
            Shares of train, val and test; those that come with the pictures if there are any.
        seed : int
            Another seed draws another division.
        task : str
            What is annotated.
        """
        check_task(task, card.tasks, card.name)
        roots = [Path(path).expanduser()] if path else places.candidates(folder)
        home = next((root for root in roots if (root / inside).exists()), None)
        if home is None and path:
            raise FileError(f"{roots[0]} does not hold {card.name}: there is no {inside} in it.")
        if home is None:
            raise places.missing(card.name, roots, card.address, "It cannot be downloaded from here.")
        cases = find(home, task)
        options: dict[str, Any] = {"seed": seed, "task": task}
        if fractions is not None:
            options["fractions"] = plain_fractions(fractions)
        if path is not None:
            options["path"] = str(home.resolve())
        if cases.splits is not None and fractions is None:
            place = {case: index for index, case in enumerate(cases.ids)}
            splits = {name: [place[case] for case in part] for name, part in cases.splits.items()}
        else:
            targets = None if cases.targets is None else [cases.targets(case) for case in cases.ids]
            splits = make_splits(cases.ids, fractions=fractions, seed=seed, targets=targets)
        return PictureSet(card, cases, task, {"name": card.name, "options": options}, splits)

    return Entry(card, load, lambda: "here" if places.locate(folder, inside) else "your files")


def grey(volume: Volume) -> Volume:
    """Return a picture with its colours averaged."""
    if volume.num_channels == 1:
        return volume
    return volume.with_data(volume.data.mean(axis=-1).round().astype(volume.dtype))


def listed(folder: Path, suffix: str) -> list[str]:
    """Return the names, without suffix, of the files in a folder.

    Raises
    ------
    FileError
        If there are none.
    """
    found = sorted(file.stem for file in folder.glob(f"*{suffix}") if visible(file))
    if not found:
        raise FileError(f"{folder} holds no {suffix} files; the data set is not complete. Fetch it again.")
    return found
