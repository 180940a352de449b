"""MedMNIST: small classification sets in 2D and 3D, read straight from their ``.npz`` files with the official splits.

Yang et al., "MedMNIST v2", Scientific Data 10:41, 2023; facts of release 3.0.2.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import _atomic
from workbench.datasets import places
from workbench.datasets.cards import Card
from workbench.datasets.dataset import Dataset, Sample, check_task
from workbench.datasets.downloads import Received, fetch
from workbench.datasets.entry import Entry
from workbench.datasets.sources._medmnist_facts import CITATION, FACTS, RECORD, Facts, address, file_name
from workbench.datasets.sources._options import Place
from workbench.errors import FileError, InputError
from workbench.volume import Volume

_SPLITS = ("train", "val", "test")

#: Arrays up to this size are unpacked into memory; a larger one (a split of PathMNIST at 224 pixels has 12.6 GB) is
#: unpacked into the cache once and mapped.
_IN_MEMORY_BYTES = 1 << 29


class MedMnist(Dataset):
    """One MedMNIST set. The pictures are unpacked on the first access, a whole split at a time."""

    _expensive = False

    def __init__(self, facts: Facts, path: Path, size: int, given: str | None) -> None:
        self._path = path
        self._given = given
        self._size = size
        self._images: dict[str, NDArray[Any]] = {}
        try:
            with zipfile.ZipFile(path) as archive:
                shapes = {split: _header(archive, f"{split}_images.npy")[0] for split in _SPLITS}
                labels = {split: _array(archive, f"{split}_labels.npy") for split in _SPLITS}
                self._crcs = {split: archive.getinfo(f"{split}_images.npy").CRC for split in _SPLITS}
        except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
            raise FileError(
                f"{path.name} is not a MedMNIST file: {error}. It must hold train/val/test _images and _labels; "
                f"fetch {address(facts.flag, size)} again."
            ) from error
        self._shapes = {split: _check_images(facts, split, shape) for split, shape in shapes.items()}
        self._labels = {split: _check_labels(facts, path, split, labels[split], shapes[split][0]) for split in _SPLITS}
        self._starts: dict[str, int] = {}
        splits: dict[str, range] = {}
        ids: list[str] = []
        for split in _SPLITS:
            count = shapes[split][0]
            self._starts[split] = len(ids)
            splits[split] = range(len(ids), len(ids) + count)
            ids += [f"{split}-{index:06d}" for index in range(count)]
        super().__init__(
            _card(facts),
            task="classification",
            classes=facts.labels,
            ids=ids,
            spatial_ndim=facts.ndim,
            in_channels=facts.channels,
            splits=splits,
        )

    def _read(self, index: int) -> Sample:
        split = next(name for name in reversed(_SPLITS) if index >= self._starts[name])
        place = index - self._starts[split]
        picture = self._unpacked(split)[place]
        axes = ("i", "j", "k")[: self.spatial_ndim] + ("c",) * (self.in_channels > 1)
        return {
            "id": self.ids[index],
            # the files tell neither how large a voxel is nor how the patient lies
            "image": Volume(picture, axes=axes, space="pixels"),
            "label": int(self._labels[split][place]),
            "patient": None,
        }

    def _unpacked(self, split: str) -> NDArray[Any]:
        if split not in self._images:
            name = f"{split}_images.npy"
            with zipfile.ZipFile(self._path) as archive:
                if archive.getinfo(name).file_size > _IN_MEMORY_BYTES:
                    images = _on_disk(archive, name, f"{self.name}_{self._size}_{split}-{self._crcs[split]:08x}")
                else:
                    images = _array(archive, name)
                    images.setflags(write=False)
            self._images[split] = images
        return self._images[split]

    def targets(self) -> list[int | None]:
        """Return the class of every case."""
        return [int(label) for split in _SPLITS for label in self._labels[split]]

    def spec(self) -> dict[str, Any]:
        """Return the name, size and place of the file."""
        options: dict[str, Any] = {"size": self._size}
        if self._given is not None:
            options["path"] = self._given
        return {"name": self.name, "options": options}

    def _checksums(self) -> Iterable[str]:
        # the archive's own CRC of each split covers every picture in it
        return (f"{self._crcs[split]:08x}|{label}" for split in _SPLITS for label in self._labels[split])


def entries() -> Iterator[Entry]:
    """Yield the catalogue's entries."""
    for facts in FACTS.values():
        available, fetched = partial(_available, facts.flag), partial(_fetch, facts)
        yield Entry(_card(facts), _loader(facts), available, order=30, fetch=fetched)


def _loader(facts: Facts) -> Any:
    def load(path: Place | None = None, size: int = 28, task: str = "classification") -> Dataset:
        """Open the pictures.

        Parameters
        ----------
        path : path, optional
            Their file, or the folder that it is in, where it is not at its usual place.
        size : int
            Pixels along each side; for each size there is a file of its own.
        task : {"classification"}
            The one class of each picture.
        """
        check_task(task, ("classification",), facts.flag)
        if facts.multi_label:
            raise InputError(
                f"{facts.flag} has {len(facts.labels)} findings that may be present together (a multi-label task); "
                "the workbench trains single-label classifiers so far. Choose another MedMNIST set."
            )
        _check_size(facts, size)
        return MedMnist(facts, _find(facts, path, size), size, None if path is None else str(path))

    return load


def _fetch(facts: Facts, size: int, progress: Received | None) -> Path:
    _check_size(facts, size)
    target = places.cache_folder() / "medmnist" / file_name(facts.flag, size)
    return fetch(address(facts.flag, size), target, md5=facts.md5[size], progress=progress)


def _check_size(facts: Facts, size: int) -> None:
    if size not in facts.sizes:
        raise InputError(f"{facts.flag} comes in sizes {', '.join(map(str, facts.sizes))}, got size={size!r}.")


def _find(facts: Facts, path: str | os.PathLike[str] | None, size: int) -> Path:
    name = file_name(facts.flag, size)
    if path is None:
        looked = places.candidates("medmnist", name)
    else:
        given = Path(path).expanduser()
        looked = [given / name if given.is_dir() else given]
    for place in looked:
        if place.is_file():
            return place
    remedy = f"Fetch it with `workbench download {facts.flag}`."
    raise places.missing(facts.flag, looked, address(facts.flag, size), remedy)


def _available(flag: str) -> str:
    return "here" if places.locate("medmnist", f"{flag}.npz") else "download"


def _card(facts: Facts) -> Card:
    notes = [facts.note] if facts.note else []
    if facts.multi_label:
        notes.append("Multi-label: listed for completeness, cannot be loaded yet.")
    return Card(
        name=facts.flag,
        title=facts.title,
        tasks=("classification",),
        spatial_ndim=facts.ndim,
        classes=facts.labels,
        cases=sum(facts.counts),
        modality=facts.modality,
        source=f"MedMNIST v2, {RECORD}",
        licence=facts.licence,
        citation=CITATION,
        address=address(facts.flag, 28),
        checksum=f"md5:{facts.md5[28]}",
        notes=tuple(notes),
    )


def _check_images(facts: Facts, split: str, shape: Sequence[int]) -> tuple[int, ...]:
    spatial = tuple(shape[1 : 1 + facts.ndim])
    rest = tuple(shape[1 + facts.ndim :])
    if len(spatial) != facts.ndim or rest != ((facts.channels,) if facts.channels > 1 else ()):
        raise FileError(
            f"The {split} images of {facts.flag} must be {facts.ndim}D with {facts.channels} channel(s), "
            f"got an array of shape {tuple(shape)}."
        )
    return spatial


def _check_labels(facts: Facts, path: Path, split: str, labels: NDArray[Any], count: int) -> NDArray[np.int64]:
    if labels.ndim > 2 or (labels.ndim == 2 and labels.shape[1] != 1) or len(labels) != count:
        raise FileError(
            f"{path.name} must hold one label for each of the {count} {split} images, got shape {labels.shape}."
        )
    flat = labels.reshape(-1).astype(np.int64)
    unknown = sorted(set(np.unique(flat).tolist()) - set(range(len(facts.labels))))
    if unknown:
        raise FileError(
            f"{path.name} has {split} label values {unknown}; {facts.flag} knows 0 to {len(facts.labels) - 1}."
        )
    return flat


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    form: Any = np.lib.format  # its functions carry no types
    with archive.open(name) as stream:
        version = form.read_magic(stream)
        read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, _, dtype = read(stream)
    return shape, dtype


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    form: Any = np.lib.format
    with archive.open(name) as stream:
        return np.asarray(form.read_array(stream, allow_pickle=False))


def _on_disk(archive: zipfile.ZipFile, name: str, key: str) -> NDArray[Any]:
    """Unpack an array into the cache, unless it is there already, and map it into memory."""
    target = places.cache_folder() / "unpacked" / f"{key}.npy"
    if not target.exists():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, _atomic.writing(target) as draft, draft.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
        except OSError as error:
            raise FileError(
                f"{name} is too large to keep in memory and cannot be unpacked into {target.parent}: {error}. "
                "Free some space there, or choose another folder with WORKBENCH_CACHE."
            ) from error
    return np.asarray(np.load(target, mmap_mode="r", allow_pickle=False))
