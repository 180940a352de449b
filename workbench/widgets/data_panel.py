"""The data panel: choose a data set or open a file, and the case that is looked at."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import traitlets as t

from workbench import datasets, io
from workbench.datasets import Dataset, Sample
from workbench.datasets.annotations import as_shown, class_of, parts
from workbench.errors import InputError, StateError, choose
from workbench.shapes import Shapes
from workbench.volume import Volume
from workbench.widgets import _options
from workbench.widgets.code import call, page
from workbench.widgets.panel import Panel, bundle

_ALL = "all"
_LABELS = {"n": "Cases", "lesion_probability": "Lesions", "fractions": "Split"}
_UNITS = {"spacing": "mm", "lesion_size": "mm"}
_HERE = frozenset({"built in", "here", "your files"})
_HINTS = {"download": "not downloaded yet", "your files": ""}
_TOOLTIPS = {
    "n": "How many cases to make",
    "noise": "Standard deviation of the noise, in HU or grey values",
    "spacing": "Millimetres between neighbouring voxels; told from the size when empty",
    "fractions": "Shares of training, validation and test, separated by commas; 0.7, 0.1, 0.2 when empty",
    "orientation": "How the voxel axes lie in the body, such as RAS or LPS",
    "lesion_probability": "How likely a case has a lesion, 0 to 1",
    "lesion_size": "Smallest and largest diameter of a lesion, in mm, separated by commas",
    "seed": "The same seed makes the same cases",
    "size": "Voxels along each axis, one number or several separated by commas",
    "task": "What is to be learned from the cases",
    "path": "The folder or file with the data, where it is not at its usual place",
    "images": "Folder with the images",
    "labels": "Folder with the labels, named like the images",
}


class DataPanel(Panel):
    """A data set or a single volume, and the case shown.

    Attributes
    ----------
    dataset : Dataset or None
        What was loaded; None for a single file.
    volume, truth : Volume or None
        The case shown, and its labels where it has a label volume.

    Examples
    --------
    >>> panel = DataPanel()  # doctest: +SKIP
    >>> panel.load("phantom-ct", cases=8)  # doctest: +SKIP
    >>> panel.volume  # doctest: +SKIP
    """

    _esm = bundle("data_panel")
    _css = bundle("data_panel", "css")

    source = t.Enum(("set", "file"), "set").tag(sync=True)
    catalogue = t.List(t.Dict()).tag(sync=True)
    name = t.Unicode("").tag(sync=True)
    options = t.Dict().tag(sync=True)
    splits: t.List[Any] = t.List().tag(sync=True)
    split = t.Unicode("").tag(sync=True)
    index = t.Int(0).tag(sync=True)
    count = t.Int(0).tag(sync=True)
    summary = t.Unicode("").tag(sync=True)
    details = t.Unicode("").tag(sync=True)
    notes = t.List(t.Unicode()).tag(sync=True)

    actions: ClassVar = {"load": "load", "open": "read", "select": "select"}

    def __init__(self, **traits: Any) -> None:
        self.dataset: Dataset | None = None
        self.sample: Sample | None = None
        self._file: tuple[str, dict[str, Any]] | None = None
        self._loaded: tuple[str, dict[str, Any]] | None = None
        self._listeners: list[Callable[[], None]] = []
        entries = [_entry(card) for card in datasets.list()]
        super().__init__(catalogue=sorted(entries, key=lambda entry: not entry["available"]), **traits)

    @property
    def volume(self) -> Volume | None:
        """The image of the case shown."""
        return self.sample["image"] if self.sample else None

    @property
    def truth(self) -> Volume | None:
        """What of the annotation of the case shown can be laid over its image: labels, a mask, outlines of shapes."""
        if not self.sample:
            return None
        names = self.dataset.classes if self.dataset is not None else ()
        return as_shown(self.sample["label"], self.sample["image"], names)

    @property
    def outlined(self) -> bool:
        """Whether the annotation of the case shown is drawn as outlines."""
        label = self.sample["label"] if self.sample else None
        return any(isinstance(part, Shapes) for part in parts(label).values())

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after another case is shown."""
        self._listeners.append(callback)

    def load(self, name: str | Dataset | None = None, **options: Any) -> Dataset:
        """Load a data set and show its first case.

        Parameters
        ----------
        name : str or Dataset, optional
            A name of `workbench.datasets.list`, or a data set that is open already; the one chosen in the panel
            by default.
        **options
            Options of the data set; those typed into the panel by default.

        Raises
        ------
        InputError
            If the name or an option is not known.
        FileError
            If the data is not here; the message says how to get it.
        """
        if name is None and not self.name:
            raise StateError("No data set is chosen. Choose one, or call load('phantom-ct').")
        called = self.name if name is None else name.name if isinstance(name, Dataset) else name
        with self.working(f"Loading {called}"):
            if isinstance(name, Dataset):
                dataset, given = name, None
            else:
                schema = self._schema(choose(called, [e["name"] for e in self.catalogue], "data set"))
                given = options if name is not None else _options.parse(schema, self.options)
                dataset = datasets.load(called, **given)
            if not len(dataset):
                raise InputError(f"{called} has no cases with these options. Ask for at least one.")
            sample = self._read(dataset, self._first_split(dataset), 0)
            self.dataset, self._file = dataset, None
            self._loaded = None if given is None else (called, given)
            self.source = "set"
            if called in [entry["name"] for entry in self.catalogue]:
                self.name = called
                if name is not None:
                    self.options = {key: _options._plain(value) for key, value in (given or {}).items()}
            self.splits = self._parts(dataset)
            self._show(sample, self._first_split(dataset), 0)
        return dataset

    def read(self, path: str | Path, **options: Any) -> Volume:
        """Read a single volume and show it.

        Raises
        ------
        FileError
            If it cannot be read; the message says why.
        """
        text = str(path)
        with self.working("Opening the file", secrets=(text,)):
            if not text.strip():
                raise InputError("No path was given. Type that of a volume file, or of a folder with a DICOM series.")
            volume = io.read(Path(text).expanduser(), **options)
            volume.load()
            self.dataset, self._loaded, self._file = None, None, (text, options)
            self.source, self.splits = "file", []
            self._show({"id": "file", "image": volume, "label": None, "patient": None}, "", 0)
        return volume

    def show(self, volume: Volume) -> None:
        """Show a volume that is in memory already."""
        self.dataset, self._loaded, self._file = None, None, None
        self.source, self.splits = "file", []
        self._show({"id": "memory", "image": volume, "label": None, "patient": None}, "", 0)

    def select(self, index: int | None = None, split: str | None = None) -> Sample:
        """Show another case.

        Parameters
        ----------
        index : int, optional
            Which case of the split.
        split : str, optional
            ``"train"``, ``"val"``, ``"test"`` or ``"all"``; the present one by default.
        """
        if self.dataset is None:
            raise StateError("There is one volume only. Load a data set to choose among its cases.")
        with self.working("Reading the case"):
            part = choose(split, [name for name, _ in self.splits], "split") if split else self.split
            place = self.index if index is None else int(index)
            sample = self._read(self.dataset, part, place)
            self._show(sample, part, place)
        return sample

    def snippet(self) -> str:
        """Return code that reads the case shown into ``volume``, and the data set into ``data``."""
        if self.sample is None:
            return "# Nothing is loaded yet: choose a data set or open a file first."
        if self._file is not None:
            path, options = self._file
            return call("volume", "wb.read", repr(path), **options)
        if self._loaded is None:
            return "# This data is an object in your own notebook: `app.data.dataset` or `app.data.volume`."
        name, options = self._loaded
        part = "data" if self.split == _ALL else f"data.subset({self.split!r})"
        load = call("data", "wb.datasets.load", repr(name), **options)
        return f'{load}\nsample = {part}[{self.index}]\nvolume = sample["image"]'

    def code(self) -> str:
        """Return code that reads the case shown."""
        return page(self.snippet(), show="volume" if self.sample is not None else "")

    # -- inside -------------------------------------------------------------------------------------------

    def _schema(self, name: str) -> list[_options.Schema]:
        return next((list(entry["options"]) for entry in self.catalogue if entry["name"] == name), [])

    @staticmethod
    def _parts(dataset: Dataset) -> list[list[Any]]:
        return [*([name, len(part)] for name, part in dataset.splits.items()), [_ALL, len(dataset)]]

    @staticmethod
    def _first_split(dataset: Dataset) -> str:
        return next((name for name in ("test", "val", "train") if dataset.splits.get(name)), _ALL)

    @staticmethod
    def _read(dataset: Dataset, split: str, index: int) -> Sample:
        part = range(len(dataset)) if split == _ALL else dataset.splits[split]
        if not 0 <= index < len(part):
            raise InputError(f"The split {split!r} has cases 0 to {len(part) - 1}, got {index}.")
        sample = dataset[part[index]]
        sample["image"].load()
        return sample

    def _show(self, sample: Sample, split: str, index: int) -> None:
        self.sample = sample
        self.split, self.count = split, dict(map(tuple, self.splits)).get(split, 1)
        self.index = index
        made_by = "" if self.dataset is None else re.split(r"[,(]", self.dataset.card.modality)[0].strip()
        self.summary, self.details = f"{made_by} {_summary(sample)}".strip(), self._details(sample)
        self.notes = list(sample["image"].notes)
        self.note = f"{len(self.dataset)} cases" if self.dataset is not None else "one volume"
        for listener in tuple(self._listeners):
            listener()

    def _details(self, sample: Sample) -> str:
        volume: Volume = sample["image"]
        values = f"{volume.dtype} {volume.unit}".strip()
        if volume.num_channels > 1:
            values = f"{volume.num_channels} channels of {values}"
        if self.dataset is None:
            return values
        label = sample["label"]
        known = class_of(label)
        shown = f", this case: {self.dataset.classes[known]}" if known is not None else ""
        kinds = f"{self.dataset.num_classes} {'labels' if self.dataset.task == 'segmentation' else 'classes'}"
        return f"{values}; {self.dataset.task}, {kinds}{shown}"

    @t.observe("name")
    def _name_changed(self, _change: Any) -> None:
        # Options of another data set do not apply to this one.
        self.options = {}


def _entry(card: datasets.Card) -> dict[str, Any]:
    available = card.available in _HERE
    hint = "" if available else f"{_HINTS.get(card.available, card.available)}; wb.datasets.download({card.name!r})"
    defaults = datasets.options(card.name)
    schema = _options.from_defaults(defaults, {"task": card.tasks} if "task" in defaults else {}, _TOOLTIPS)
    for option in schema:
        option["label"] = _LABELS.get(option["name"], option["label"])
        option["unit"] = _UNITS.get(option["name"], "")
    return {"name": card.name, "title": card.title, "available": available, "hint": hint, "options": schema}


def _summary(sample: Sample) -> str:
    """Return the grid of the case in a few words: ``35x51x35, 1 mm, RAS``."""
    volume: Volume = sample["image"]
    spacing = [f"{step:.3g}" for step in volume.spacing]
    even = spacing[0] if len(set(spacing)) == 1 else "x".join(spacing)
    return ", ".join(["x".join(map(str, volume.spatial_shape)), f"{even} mm", volume.orientation])
