"""Folders of images with a folder of labels: pairs of files that share a name. Or of images alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from workbench import io
from workbench._checks import check_label_values
from workbench.datasets._checks import check_label_volume
from workbench.datasets.cards import Card
from workbench.datasets.dataset import Dataset, Sample, check_task
from workbench.datasets.entry import Entry
from workbench.datasets.sources._options import Inverting, Place, Seed
from workbench.datasets.splits import Fractions, check_fractions, make_splits, plain_fractions
from workbench.errors import FileError, InputError, choose
from workbench.io._visible import beside, visible
from workbench.signatures import Field
from workbench.transforms.intensity import INVERT, upright_if
from workbench.volume import UNLABELLED, UNLABELLED_NAME

_CARD = Card(
    name="folder",
    title="Your own folders of images and labels, paired by file name",
    tasks=("segmentation",),
    licence="yours",
)

#: What is hashed at both ends of a file for its checksum: enough to notice another file (a .nii.gz ends in the CRC of
#: its content), little enough to do for thousands of volumes at the start of a run.
_END_BYTES = 4096


class FolderPairs(Dataset):
    """Image and label files paired by name; each is read when asked for, and its labels checked then."""

    def __init__(
        self,
        card: Card,
        pairs: Sequence[tuple[str, Path, Path | None]],
        classes: Sequence[str],
        spec: dict[str, Any],
        unlabelled: bool = False,
        label_values: Mapping[int, int] | None = None,
        invert: str = "never",
        **rest: Any,
    ) -> None:
        self._pairs = list(pairs)
        self._invert = invert
        self._unlabelled = unlabelled
        self._label_values = label_values
        self._spec = spec
        first = io.read(self._pairs[0][1])
        super().__init__(
            card,
            task="segmentation",
            classes=classes,
            ids=[case for case, _, _ in pairs],
            spatial_ndim=first.spatial_ndim,
            in_channels=first.num_channels,
            **rest,
        )

    def _read(self, index: int) -> Sample:
        case, image_file, label_file = self._pairs[index]
        image = io.read(image_file)
        if (image.spatial_ndim, image.num_channels) != (self.spatial_ndim, self.in_channels):
            raise InputError(
                f"All images must have the same axes and channels: {self._pairs[0][1].name} is {self.spatial_ndim}D "
                f"with {self.in_channels} channel(s), {image_file.name} is {image.spatial_ndim}D with "
                f"{image.num_channels}."
            )
        label = None
        if label_file is not None:
            stored = io.read(label_file, kind="labels", label_values=self._label_values)
            label = check_label_volume(stored, image, self.classes, case, label_file.name, unlabelled=self._unlabelled)
        image = upright_if(image, self._invert)
        return {"id": case, "image": image, "label": label, "patient": self.patients[index]}

    def spec(self) -> dict[str, Any]:
        """Return the folders and options."""
        return self._spec

    def _checksums(self) -> Iterator[str]:
        return (f"{ends(image)}|{'' if label is None else ends(label)}" for _, image, label in self._pairs)


def entries() -> Iterator[Entry]:
    """Yield the catalogue's entry."""
    yield Entry(_CARD, load, lambda: "your files", order=90)


Names = Annotated[
    Mapping[int, str] | Sequence[str],
    Field(kind="text", many=True, placeholder="background, liver", also="a mapping of label values to names"),
]


def load(
    images: Place | None = None,
    labels: Place | None = None,
    label_names: Names | None = None,
    patient: str | None = None,
    fractions: Fractions | None = None,
    seed: Seed = 0,
    task: str = "segmentation",
    label_values: Mapping[int, int] | None = None,
    invert: Inverting = "never",
) -> Dataset:
    """Open a folder of images with a folder of label maps.

    Hidden files and folders (``.ipynb_checkpoints``, ``._name``, ``Thumbs.db``, ...) and files that are no images by
    their name (``readme.txt``, ``cases.csv``, ...) are left alone.

    Parameters
    ----------
    images, labels : path
        The two folders. A pair has the same name up to the suffix (``case1.nii.gz`` and ``case1.png`` are a pair).
        Without `labels` there are images to predict over and none to learn from: no case is in a split.
    label_names : sequence or mapping of int to str
        The name of every label value, 0 (the background) first, each another one; needed with `labels`. A mapping may
        name 255 "unlabelled": voxels that nobody annotated, which are neither learnt from nor scored.
    patient : str, optional
        Regular expression that finds the patient in a case's name (its first group, or the whole match). Cases of a
        patient are never divided between splits. Without it each case is a patient of its own.
    fractions : sequence or mapping of float, optional
        Shares of train, val and test, in that order or by name; scaled to a sum of 1. Default: 0.7, 0.1 and 0.2; with
        fewer than three cases everything is in "train".
    seed : int
        Decides which cases go into which split.
    task : {"segmentation"}
        What the labels are for.
    label_values : mapping of int to int, optional
        The label that each value stored in the label files stands for, such as ``{0: 0, 255: 1}`` for masks that were
        made to be looked at. A stored value that it does not name is an error.
    invert : {"never", "if-inverted"}
        Whether images whose high values are meant to look dark (MONOCHROME1) are turned, so that all look alike.

    Raises
    ------
    FileError
        If a folder is missing or empty, or a file has no partner; the message names the files.
    InputError
        If `images` is missing, or `label_names` with `labels`; if names have gaps or come twice; if `patient` does not
        match a name, or finds too few patients to split by; or if `label_values` is no mapping of whole numbers.
    """
    check_task(task, ("segmentation",), "folder")
    choose(invert, INVERT, "way to invert")
    if images is None:
        raise InputError(
            "The data set 'folder' needs `images=`, the folder of the images, got nothing. Give it; with `labels=` and "
            "`label_names=`, too, they can be learned from."
        )
    if labels is not None and label_names is None:
        raise InputError(
            "The data set 'folder' needs `label_names=` with `labels=`, got nothing. Name every label value, the "
            "background first: label_names=['background', ...]."
        )
    classes, unlabelled = ([], False) if label_names is None else _classes(label_names)
    values = None if label_values is None else check_label_values(label_values)
    place = Path(images).expanduser()
    pairs: list[tuple[str, Path, Path | None]]
    if labels is None:
        pairs = [(case, file, None) for case, file in _files(place).items()]
    else:
        pairs = [*pair_files(place, Path(labels).expanduser())]
    ids = [case for case, _, _ in pairs]
    patients = _patients(ids, patient)
    spec = {
        "name": "folder",
        "options": {
            "images": str(place.resolve()),
            "labels": None if labels is None else str(Path(labels).expanduser().resolve()),
            "label_names": _names(label_names, classes, unlabelled),
            "patient": patient,
            "fractions": plain_fractions(fractions),
            "seed": seed,
            # JSON has no whole numbers as keys
            **({} if values is None else {"label_values": {str(stored): label for stored, label in values.items()}}),
            **({"invert": invert} if invert != "never" else {}),
        },
    }
    if fractions is None and len(ids) < 3:
        fractions = {"train": 1}
    if patient is not None and labels is not None:
        _check_one_patient(patient, patients, fractions)
    splits = make_splits(ids, fractions=fractions, seed=seed, patients=patients) if labels is not None else {}
    return FolderPairs(_CARD, pairs, classes, spec, unlabelled, values, invert, splits=splits, patients=patients)


def pair_files(images: Path, labels: Path) -> list[tuple[str, Path, Path]]:
    """Return (case, image file, label file), sorted by case.

    Raises
    ------
    FileError
        If a folder is missing or empty, a file has no partner, or two files claim one case.
    """
    image_files, label_files = _files(images), _files(labels)
    lone = [f"image {file.name}" for case, file in image_files.items() if case not in label_files]
    lone += [f"label {file.name}" for case, file in label_files.items() if case not in image_files]
    if lone:
        shown = ", ".join(lone[:10]) + (f" and {len(lone) - 10} more" if len(lone) > 10 else "")
        raise FileError(
            f"Every image in {images} needs a label file of the same name in {labels}, and the other way round. "
            f"Without a partner: {shown}. Rename or remove them."
        )
    return [(case, file, label_files[case]) for case, file in image_files.items()]


def _files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise FileError(f"There is no folder {folder}. Give the folder that holds the files.")
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if not visible(file) or beside(file) or not file.is_file():
            continue
        case = _stem(file)
        if case in found:
            raise FileError(f"{found[case].name} and {file.name} in {folder} are both the case {case!r}; keep one.")
        found[case] = file
    if not found:
        raise FileError(f"The folder {folder} has no images in it (hidden files, texts and tables do not count).")
    return found


def _stem(file: Path) -> str:
    name = file.name[:-3] if file.name.lower().endswith(".gz") else file.name
    return Path(name).stem


def _classes(names: Mapping[int, str] | Sequence[str]) -> tuple[list[str], bool]:
    """Return the classes, and whether 255 marks voxels that nobody annotated."""
    if isinstance(names, str) or not isinstance(names, Mapping | Sequence):
        raise InputError(f"`label_names` are a list of names, or a dict of value to name, got {names!r}.")
    if not isinstance(names, Mapping):
        return [str(name) for name in names], False
    try:
        numbered = {int(value): str(name) for value, name in names.items()}
    except (TypeError, ValueError):
        raise InputError(f"`label_names` map whole numbers to names, got {dict(names)}.") from None
    numbered.setdefault(0, "background")
    unlabelled = numbered.get(UNLABELLED) == UNLABELLED_NAME and max({*numbered} - {UNLABELLED}) < UNLABELLED
    if unlabelled:
        del numbered[UNLABELLED]
    gaps = sorted(set(range(max(numbered) + 1)) - set(numbered))
    if gaps or min(numbered) < 0:
        raise InputError(f"`label_names` must name every value from 0 up, got {sorted(numbered)}; missing {gaps}.")
    return [numbered[value] for value in range(len(numbered))], unlabelled


def _names(given: Any, classes: Sequence[str], unlabelled: bool) -> Any:
    """Return the names of labels as a specification keeps them."""
    if given is None:
        return None
    return {**dict(enumerate(classes)), UNLABELLED: UNLABELLED_NAME} if unlabelled else [*classes]


def _patients(ids: Iterable[str], pattern: str | None) -> list[str]:
    if pattern is None:
        return list(ids)
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"`patient` must be a regular expression, got {pattern!r} ({error}).") from error
    patients = []
    for case in ids:
        found = compiled.search(case)
        if found is None:
            raise InputError(f"`patient` {pattern!r} must match the name of every case; it does not match {case!r}.")
        patients.append(found.group(1) if compiled.groups else found.group())
    return patients


def _check_one_patient(pattern: str, patients: Sequence[str], fractions: Fractions | None) -> None:
    parts = sum(share > 0 for share in check_fractions(fractions).values())
    if parts > 1 and len(set(patients)) == 1:
        raise InputError(
            f"`patient` {pattern!r} finds one patient, {patients[0]!r}, in all {len(patients)} cases, which cannot be "
            "divided between splits then. Let it match what differs between patients, leave it out (each case is then "
            "a patient of its own), or give `fractions={'train': 1}`."
        )


def ends(file: Path) -> str:
    """Return a cheap checksum of a file: its size and a hash of both its ends."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        digest = hashlib.sha256(stream.read(_END_BYTES))
        stream.seek(max(0, size - _END_BYTES))
        digest.update(stream.read(_END_BYTES))
    return f"{size}:{digest.hexdigest()}"
