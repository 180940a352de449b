"""Data sets from a list in memory, and the folder of npz and JSON that any data set can be saved into."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from workbench._checks import present, suggest_label_values
from workbench.datasets._checks import common_image
from workbench.datasets.annotations import (
    TASKS,
    check_annotation,
    class_of,
    from_arrays,
    has_class,
)
from workbench.datasets.cards import Card
from workbench.datasets.dataset import Dataset, Sample
from workbench.datasets.entry import Entry
from workbench.datasets.saving import SCHEMA, content_of, sha256
from workbench.datasets.sources._options import Inverting, Place
from workbench.datasets.splits import Fractions, make_splits
from workbench.errors import FileError, InputError, check_keywords, choose
from workbench.shapes import Shapes
from workbench.signatures import checked
from workbench.transforms.intensity import INVERT, upright_if
from workbench.volume import UNLABELLED, Volume

_CARD = Card(
    name="memory",
    title="Your own list of samples, or a folder that one was saved into",
    tasks=TASKS,
    licence="yours",
)


@checked("wb.datasets.from_list()")
def from_list(
    samples: Iterable[Mapping[str, Any] | tuple[Any, Any]],
    *,
    task: str,
    classes: Sequence[str] | None = None,
    splits: Mapping[str, Sequence[int]] | None = None,
    fractions: Fractions | None = None,
    seed: int = 0,
    invert: str = "never",
) -> Dataset:
    """Make a data set of a list of samples.

    Parameters
    ----------
    samples : iterable of dict or (image, label)
        Dicts take ``"image"`` (Volume or array), ``"label"`` (the annotation of the task, see
        :mod:`workbench.datasets.annotations`: class index or class name; Volume or array of labels; Boxes, Points,
        Ellipses; or None), and optionally ``"id"`` and ``"patient"``.
    task : str
        What the labels are for, one of `workbench.datasets.TASKS`.
    classes : sequence of str, optional
        Class names, or for segmentation the names of the label values from 0 (the background). Taken from the names in
        the labels, or numbered, where absent.
    splits, fractions, seed
        Lists of indices by name; or the shares to draw them with (see :func:`workbench.datasets.splits.make_splits`).
        With fewer than three cases everything is in "train"; cases of fewer than three patients cannot be split so
        without a word: say ``fractions={"train": 1}``.
    invert : {"never", "if-inverted"}
        Whether images whose high values are meant to look dark (MONOCHROME1) are turned, so that all look alike.

    Raises
    ------
    InputError
        If images differ in axes or channels, or a label does not fit its image or the classes; the message names the
        sample.
    """
    choose(task, TASKS, "task")
    if not isinstance(samples, Iterable):
        raise InputError(f"`samples` are a list of dicts or (image, label) pairs, got {samples!r}.")
    raw = [_as_dict(sample, index) for index, sample in enumerate(samples)]
    if not raw:
        raise InputError("A data set needs at least one sample, got an empty list.")
    names = tuple(classes) if classes is not None else _names(raw, task)
    made = [_sample(sample, index, task, names, invert) for index, sample in enumerate(raw)]
    return _InMemory(made, task, names, splits, fractions, seed)


def entries() -> Iterator[Entry]:
    """Yield the catalogue's entry."""
    yield Entry(_CARD, load, lambda: "your files", order=91)


def load(path: Place | None = None, invert: Inverting = "never") -> Dataset:
    """Open a folder that :func:`save` wrote.

    Parameters
    ----------
    path : path
        The folder.
    invert : {"never", "if-inverted"}
        As for :func:`from_list`.
    """
    if path is None:
        raise InputError("The data set 'memory' is opened from a folder: give `path=`, or use `from_list(...)`.")
    return _Saved(Path(path).expanduser(), choose(invert, INVERT, "way to invert"))


class _InMemory(Dataset):
    _expensive = False

    def __init__(
        self,
        samples: list[Sample],
        task: str,
        classes: tuple[str, ...],
        splits: Mapping[str, Sequence[int]] | None,
        fractions: Fractions | None,
        seed: int,
    ) -> None:
        self._samples = samples
        self._spec: dict[str, Any] | None = None
        labels = [class_of(sample["label"]) for sample in samples]
        self._classes_of = labels if has_class(task) else None
        ids = [sample["id"] for sample in samples]
        patients = [sample["patient"] for sample in samples]
        if splits is None:
            if fractions is None and len(ids) < 3:
                fractions = {"train": 1}
            splits = make_splits(ids, fractions=fractions, seed=seed, patients=patients, targets=self._classes_of)
        ndim, channels = common_image([(sample["id"], sample["image"]) for sample in samples])
        super().__init__(
            _CARD,
            task=task,
            classes=classes,
            ids=ids,
            patients=patients,
            spatial_ndim=ndim,
            in_channels=channels,
            splits=splits,
        )

    def _read(self, index: int) -> Sample:
        return dict(self._samples[index])

    def targets(self) -> list[int | None] | None:
        return None if self._classes_of is None else list(self._classes_of)

    def spec(self) -> dict[str, Any] | None:
        """Return None until :meth:`save` was called: another process cannot see this memory."""
        return self._spec

    def save(self, folder: str | Path) -> dict[str, Any]:
        self._spec = super().save(folder)
        return self._spec

    def _checksums(self) -> Iterator[str]:
        return (content_of(sample) for sample in self._samples)


class _Saved(Dataset):
    def __init__(self, folder: Path, invert: str = "never") -> None:
        self._folder = folder
        self._invert = invert
        file = folder / "dataset.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise FileError(f"{folder} holds no saved data set: there is no dataset.json in it.") from None
        except ValueError as error:
            raise FileError(f"{file} is not JSON ({error}); save the data set again.") from error
        schema = content.get("schema") if isinstance(content, dict) else None
        if schema != SCHEMA:
            raise FileError(f"{file} has schema {schema!r}; this version reads schema {SCHEMA}.")
        try:
            self._cases: list[dict[str, Any]] = content["cases"]
            super().__init__(
                _CARD,
                task=content["task"],
                classes=content["classes"],
                ids=[case["id"] for case in self._cases],
                patients=[case["patient"] for case in self._cases],
                spatial_ndim=content["spatial_ndim"],
                in_channels=content["in_channels"],
                splits=content["splits"],
            )
        except (KeyError, TypeError) as error:
            raise FileError(f"{file} is not complete ({error}); save the data set again.") from error

    def _read(self, index: int) -> Sample:
        case = self._cases[index]
        file = self._folder / "cases" / f"{index:06d}.npz"
        try:
            content = file.read_bytes()
        except OSError as error:
            raise FileError(f"Case {index} cannot be read: {error}. Save the data set again.") from error
        if sha256(content) != case["sha256"]:
            raise FileError(f"{file} was changed after the data set was saved; save the data set again.")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = dict(stored)
        sample: Sample = {"id": case["id"], "patient": case["patient"], "label": case.get("class")}
        if self.task in ("localisation", "joint"):
            sample["label"] = {"class": case.get("class"), "mask": None}
        for key, stated in case["volumes"].items():
            labels = {int(value): name for value, name in stated["labels"].items()}
            made = Volume(arrays[key], arrays[f"{key}.affine"], **{**stated, "labels": labels})
            if key == "label.mask":
                sample["label"]["mask"] = made
            else:
                sample[key] = made
        for key, description in case.get("shapes", {}).items():
            sample[key] = from_arrays(key, arrays, description)
        sample["image"] = upright_if(sample["image"], self._invert)
        return sample

    def targets(self) -> list[int | None] | None:
        return [case.get("class") for case in self._cases] if has_class(self.task) else None

    def spec(self) -> dict[str, Any]:
        options = {"path": str(self._folder.resolve())}
        return {"name": self.name, "options": options | ({"invert": self._invert} if self._invert != "never" else {})}

    def _checksums(self) -> Iterator[str]:
        return (case["content"] for case in self._cases)


_ENTRIES = ("image", "label", "id", "patient")


def _as_dict(sample: Any, index: int) -> dict[str, Any]:
    if isinstance(sample, Mapping):
        # named Volumes beside the image, which some data sets have, are for code that knows them
        named = [key for key, value in sample.items() if not isinstance(value, Volume)]
        check_keywords(named, _ENTRIES, f"Sample {index}")
        if "image" not in sample:
            raise InputError(f"Sample {index} has no 'image'. A sample is {{'image': Volume or array, 'label': ...}}.")
        return {key: value for key, value in sample.items() if key in _ENTRIES}
    if isinstance(sample, tuple) and len(sample) == 2:
        return {"image": sample[0], "label": sample[1]}
    raise InputError(f"Sample {index} must be a dict or an (image, label) pair, got {type(sample).__name__}.")


def _names(raw: list[dict[str, Any]], task: str) -> tuple[str, ...]:
    labels: list[Any] = [sample["label"] for sample in raw if sample.get("label") is not None]
    if task == "instances":
        return ("background", "instance")
    if task == "segmentation":
        return _label_names(labels)
    if has_class(task):
        values: list[Any] = [label.get("class") if isinstance(label, Mapping) else label for label in labels]
        if values and all(isinstance(value, str) for value in values):
            return tuple(sorted(set(values)))
        return tuple(str(value) for value in range(max((int(v) for v in values if v is not None), default=0) + 1))
    top = max((int(label.labels.max(initial=0)) for label in labels if isinstance(label, Shapes)), default=0)
    return tuple(f"class {number}" for number in range(top + 1))


def _label_names(labels: list[Any]) -> tuple[str, ...]:
    named: dict[int, str] = {}
    top = 0
    for label in labels:
        array = label.data if isinstance(label, Volume) else np.asarray(label)
        own = dict(label.labels) if isinstance(label, Volume) else {}
        if isinstance(label, Volume) and label.has_unlabelled:
            del own[UNLABELLED]
            array = array[array != UNLABELLED]
        named |= own
        mapping = None if array.dtype.kind == "f" or 255 in own else suggest_label_values(present(array))
        if mapping is not None:
            raise InputError(
                f"The labels hold the values {', '.join(map(str, mapping))} and no names: a mask made to be looked at. "
                f'Give it as `mask > 127`, read its file with `kind="labels", label_values={mapping}`, or give '
                "`classes=` with a name for every value."
            )
        top = max(top, int(array.max(initial=0)), *own, 0)
    return tuple(named.get(value, "background" if value == 0 else f"label {value}") for value in range(top + 1))


def _sample(raw: dict[str, Any], index: int, task: str, classes: tuple[str, ...], invert: str) -> Sample:
    case = str(raw.get("id", f"case-{index:04d}"))
    image = raw["image"] if isinstance(raw["image"], Volume) else _image(raw["image"], case)
    image = upright_if(image, invert)
    label = check_annotation(raw.get("label"), task, image, classes, case)
    patient = raw.get("patient")
    return {"id": case, "image": image, "label": label, "patient": None if patient is None else str(patient)}


def _image(array: ArrayLike, case: str) -> Volume:
    try:
        return Volume(array)
    except InputError as error:
        raise InputError(f"The image of {case!r} is not usable: {error}") from error
