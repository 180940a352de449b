"""The data panel: choose a data set or open a file, and the case that is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import traitlets as t

from workbench import datasets, io
from workbench._words import count, voxels
from workbench.datasets import Dataset, Sample
from workbench.datasets.annotations import as_shown
from workbench.errors import InputError, StateError, check_keywords, choose
from workbench.parameters import Parameter, by_name, plain
from workbench.training import Run
from workbench.volume import Volume
from workbench.widgets import _data_forms, _options
from workbench.widgets._data_forms import DataEntry
from workbench.widgets._files import Listing, listing
from workbench.widgets._problems import without
from workbench.widgets.code import Code, call, page, path_code
from workbench.widgets.demos import Demo
from workbench.widgets.desk import Case, Desk
from workbench.widgets.desk_panel import DeskPanel
from workbench.widgets.messages import Values, synced
from workbench.widgets.panel import bundle

_ALL = "all"
_BY_HAND = "# `{name}` is what you gave to the App; it is in memory only."


class DataPanel(DeskPanel):
    """A data set or a single volume, and the case shown.

    Attributes
    ----------
    dataset : Dataset or None
        What was loaded; None for a single file.
    volume, truth : Volume or None
        The case shown, and its labels where it has a label volume.
    sample : Sample or None
        The case as the data set has it.

    Examples
    --------
    >>> panel = DataPanel()
    >>> data = panel.load("phantom-ct", n=8, size=16)
    >>> panel.volume.shape, len(data)
    ((16, 16, 16), 8)
    """

    called: ClassVar = "data"
    order: ClassVar = 1

    _esm = bundle("data_panel")
    _css = bundle("data_panel", "css")

    source = t.Enum(("set", "file"), "set").tag(sync=True)
    catalogue = synced(list[DataEntry], t.List(t.Dict()))
    name = t.Unicode("", help="Name of the data set that is chosen").tag(sync=True)
    options = synced(Values, t.Dict())
    splits = synced(list[tuple[str, int]], t.List())
    split = t.Unicode("").tag(sync=True)
    index = t.Int(0).tag(sync=True)
    count = t.Int(0).tag(sync=True)
    summary = t.Unicode("").tag(sync=True)
    details = t.Unicode("").tag(sync=True)
    notes = t.List(t.Unicode()).tag(sync=True)

    actions: ClassVar = {"load": "load_asked", "open": "read", "select": "select", "tell": "tell_place"}
    quick: ClassVar = DeskPanel.quick | {"tell"}
    patient: ClassVar = frozenset({"select"})
    questions: ClassVar = {"browse": "browse"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self.sample: Sample | None = None
        self._code = ""
        self._places: dict[str, str] = {}
        entries = [_data_forms.entry(card) for card in datasets.list()]
        super().__init__(desk, catalogue=sorted(entries, key=lambda entry: not entry["available"]), **traits)

    # -- what is looked at --------------------------------------------------------------------------------

    @property
    def dataset(self) -> Dataset | None:
        """What was loaded."""
        return self.desk.case.dataset if self.desk.case is not None else None

    @property
    def volume(self) -> Volume | None:
        """The image of the case shown."""
        return self.desk.case.volume if self.desk.case is not None else None

    @property
    def truth(self) -> Volume | None:
        """What of the annotation of the case shown can be laid over its image: labels, a mask, outlines of shapes."""
        case = self.desk.case
        return None if case is None else as_shown(case.annotation, case.volume, case.classes)

    # -- work ---------------------------------------------------------------------------------------------

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
        if isinstance(name, Dataset):
            return self._take(name)
        known = self._known(choose(called, [e["name"] for e in self.catalogue], "data set"))
        given = options if name is not None else self._typed(known)
        secrets = tuple(value for value in given.values() if isinstance(value, str | Path))
        with self.working(f"Loading {called}", cancellable=True, secrets=tuple(map(str, secrets))) as work:
            try:
                dataset = work.apart(lambda: datasets.load(called, **given))
                return self._take(dataset, called, given)
            except InputError as error:
                if name is None:
                    named = _options.named_in(error, known)
                    told = {key: without(text, map(str, secrets)) for key, text in named.items()}
                    self.faults = {**self.faults, **told}
                raise

    def load_asked(self) -> None:
        """Load what is chosen in the panel, as a click asks for: very large ones are asked about first."""
        if not self.name:
            raise StateError("No data set is chosen. Choose one in the list.")
        with self.working(f"Loading {self.name}", cancellable=True) as work:
            values = self._typed(self._known(self.name))
            large = work.apart(lambda: _data_forms.largeness(self.name, values))
        if large is None:
            self.load()
        else:
            text, possible = large
            self.ask(f"{self.name} would be very large.", text, "Load it", self.load if possible else None)

    def read(self, path: str | Path, **options: Any) -> Volume:
        """Read a single volume and show it.

        Raises
        ------
        FileError
            If it cannot be read; the message says why.
        """
        text = str(path)
        with self.working("Opening the file", cancellable=True, secrets=(text,)) as work:
            if not text.strip():
                raise InputError("No path was given. Type that of a volume file, or of a folder with a DICOM series.")
            place = Path(text.strip()).expanduser()

            def read() -> Volume:
                volume: Volume = io.read(place, **options)
                volume.load()
                return volume

            self._alone(work.apart(read), call("volume", "wb.read", repr(path_code(place)), **options))
        return self.desk.case.volume  # type: ignore[no-any-return]

    def show(self, volume: Volume) -> None:
        """Show a volume that is in memory already."""
        self._alone(volume, _BY_HAND.format(name="volume"))

    def select(self, index: int | None = None, split: str | None = None) -> Sample:
        """Show another case.

        Parameters
        ----------
        index : int, optional
            Which case of the split.
        split : str, optional
            ``"train"``, ``"val"``, ``"test"`` or ``"all"``; the present one by default.
        """
        dataset = self.dataset
        if dataset is None:
            raise StateError("There is one volume only. Load a data set to choose among its cases.")
        with self.working("Reading the case", cancellable=True) as work:
            part = choose(split, [name for name, _ in self.splits], "split") if split else self.split
            place = self.index if index is None else int(index)
            sample = work.apart(lambda: self._read(dataset, part, place))
            self._show(dataset, sample, part, place)
        return sample

    def visit(self, index: int) -> None:
        """Show a case by its number among all."""
        self.select(index, _ALL)

    def browse(self, folder: str | None = None) -> Listing:
        """Return what lies in a folder, for the file picker of the page."""
        return listing(folder, _could_be_volume)

    # -- for the desk -------------------------------------------------------------------------------------

    def snippet(self) -> str:
        """Return code that reads the case shown into ``volume``, and the data set into ``data``."""
        return self.desk.case.code if self.desk.case is not None else Case.code

    def code(self) -> str:
        """Return code that reads the case shown."""
        return page(self.snippet(), show="volume" if self.desk.case is not None else "")

    def facts(self) -> dict[str, Any]:
        """Return what is looked at, without ids and paths."""
        case = self.desk.case
        if case is None:
            return {}
        return {
            "data": {
                "name": case.dataset.name if case.dataset is not None else "one volume",
                "split": case.split,
                "index": case.index,
                "volume": self.summary,
                "details": self.details,
                "fingerprint": case.volume.fingerprint(),
                "notes": list(self.notes),
            }
        }

    def restore(self, run: Run) -> None:
        """Load the data that a run learns from, with the splits that it was given."""
        recipe = run.recipe
        dataset = datasets.from_spec(recipe.data)
        wanted = {name: list(indices) for name, indices in recipe.splits.items()}
        if wanted != {name: list(indices) for name, indices in dataset.splits.items()}:
            dataset = dataset.with_splits(wanted)
        self._take(dataset)

    def demonstrate(self, demo: Demo) -> None:
        """Load the data of a demo and show its case."""
        options = {key: value for key, value in demo.data.items() if key != "name"}
        self.load(str(demo.data["name"]), **options)
        self.select(demo.index)

    def begin_with(self, data: Any, **options: Any) -> bool:
        """Load a data set by its name or as an object, read a file, or show a volume."""
        if isinstance(data, (Dataset, Volume)):
            # what was made already takes none
            check_keywords(options, (), "An App that begins with a data set or a volume made before")
        if isinstance(data, Dataset):
            self.load(data)
        elif isinstance(data, Volume):
            self.show(data)
        elif isinstance(data, Path):
            self.read(data, **options)
        elif isinstance(data, str):
            named = data in [one["name"] for one in self.catalogue]
            if not named and Path(data).expanduser().exists():
                self.read(data, **options)
            else:
                self.load(data, **options)
        else:
            return False
        return True

    # -- inside -------------------------------------------------------------------------------------------

    def fields(self) -> dict[str, Parameter]:
        """Return the one field that is not an option of a data set: which case is shown."""
        return by_name(Parameter("index", "integer", 0, low=0, high=max(self.count - 1, 0), label="Case number"))

    def filled(self, name: str, value: Any) -> None:
        """Show the case whose number was typed."""
        self.afterwards(self.select, **{name: value})

    def tell_place(self, name: str, text: str) -> None:
        """Take the path that was typed for an option; it is kept in no state, as it may name a patient."""
        self._places[name] = text

    def _typed(self, known: _options.Parameters) -> dict[str, Any]:
        return _options.parse(known, {**self.options, **self._places})

    def _known(self, name: str) -> dict[str, Parameter]:
        """Return the options of a data set; none where none is chosen."""
        return datasets.parameters(name) if name in [entry["name"] for entry in self.catalogue] else {}

    def _take(self, dataset: Dataset, called: str = "", given: dict[str, Any] | None = None) -> Dataset:
        """Show the first case of a data set, and what it was loaded with in the form and in code."""
        with self.working(f"Loading {dataset.name}", cancellable=True) as work:
            if not len(dataset):
                raise InputError(f"{dataset.name} has no cases with these options. Ask for at least one.")
            part = next((name for name in ("test", "val", "train") if dataset.splits.get(name)), _ALL)
            sample = work.apart(lambda: self._read(dataset, part, 0))
            spec = {"name": called, "options": given} if called else dataset.spec()
            self.source = "set"
            self._fill_form(spec or {})
            parts: Any = [*([name, len(cases)] for name, cases in dataset.splits.items()), [_ALL, len(dataset)]]
            self.splits = parts
            self._code = _BY_HAND.format(name="data") if spec is None else _load_code(spec)
            self._show(dataset, sample, part, 0)
        return dataset

    def _fill_form(self, spec: dict[str, Any]) -> None:
        name = str(spec.get("name", ""))
        if "parent" in spec or name not in [entry["name"] for entry in self.catalogue]:
            self.name, self.options = "", {}
            return
        known = self._known(name)
        # a path may name a patient, however it was written, and the form is saved with the notebook
        told = {
            key: plain(value)
            for key, value in spec["options"].items()
            if not known[key].private and known[key].kind != "any" and not _is_place(value)
        }
        self.name = name
        self.options = {key: value for key, value in told.items() if value != plain(known[key].default)}

    @staticmethod
    def _read(dataset: Dataset, split: str, index: int) -> Sample:
        part = range(len(dataset)) if split == _ALL else dataset.splits[split]
        if not 0 <= index < len(part):
            raise InputError(f"The split {split!r} has cases 0 to {len(part) - 1}, got {index}.")
        sample = dataset[part[index]]
        sample["image"].load()
        return sample

    def _alone(self, volume: Volume, code: str) -> None:
        self.sample = {"id": "file", "image": volume, "label": None, "patient": None}
        with self.hold_trait_notifications():
            self.source, self.splits, self.split, self.index, self.count = "file", [], "", 0, 1
        self._put(Case(volume, code=code), "", f"{volume.dtype} {volume.unit}".strip(), "one volume")

    def _show(self, dataset: Dataset, sample: Sample, split: str, index: int) -> None:
        self.sample = sample
        part = "data" if split == _ALL else f"data.subset({split!r})"
        code = f'{self._code}\nsample = {part}[{index}]\nvolume = sample["image"]'
        case = Case(sample["image"], sample["label"], dataset, split, index, code)
        with self.hold_trait_notifications():
            self.split, self.count, self.index = split, dict(self.splits).get(split, 1), index
        self._put(case, _data_forms.modality(dataset.card), _details(case), f"{len(dataset):,} cases")

    def _put(self, case: Case, made_by: str, details: str, note: str) -> None:
        self.desk.put(case)
        self.summary, self.details = f"{made_by} {_summary(case.volume)}".strip(), details
        self.notes = list(case.volume.notes)
        self.note = note

    @t.observe("name")
    def _name_changed(self, _change: Any) -> None:
        # Options of another data set do not apply to this one.
        self.options, self.faults, self._places = {}, {}, {}

    @t.observe("options")
    def _options_changed(self, _change: Any) -> None:
        self.faults = _options.faults(self._known(self.name), self.options)


def _could_be_volume(name: str) -> bool:
    """Tell by its name whether a file may be a volume; DICOM files often have no suffix, or a number for one."""
    suffix = Path(name).suffix
    return not suffix or suffix[1:].isdigit() or any(known.matches(Path(name)) for known in io.formats())


def _load_code(spec: dict[str, Any]) -> str:
    if set(spec) <= {"name", "options"}:
        options = {key: _with_paths(value) for key, value in spec.get("options", {}).items()}
        return call("data", "wb.datasets.load", repr(spec["name"]), **options)
    return call("data", "wb.datasets.from_spec", repr(_with_paths(spec)))


def _with_paths(value: Any) -> Any:
    """Return plain data in which places of this machine are relative to where the notebook is."""
    if isinstance(value, dict):
        return {key: _with_paths(part) for key, part in value.items()}
    return Code(path_code(value)) if _is_place(value) else value


def _is_place(value: Any) -> bool:
    return isinstance(value, str | Path) and Path(value).is_absolute()


def _details(case: Case) -> str:
    volume, dataset = case.volume, case.dataset
    assert dataset is not None
    several = f"{volume.num_channels} channels of " if volume.num_channels > 1 else ""
    values = f"{several}{volume.dtype} {volume.unit}".strip()
    shown = f", this case: {case.class_name}" if case.class_name else ""
    kinds = count(dataset.num_classes, "label" if dataset.task == "segmentation" else "class")
    return f"{values}; {dataset.task}, {kinds}{shown}"


def _summary(volume: Volume) -> str:
    """Return the grid of the case in a few words: ``35x51x35, 1 mm, RAS``; of a photograph only its pixels."""
    even = len({f"{step:.3g}" for step in volume.spacing}) == 1
    known = voxels(volume.spacing[:1] if even else volume.spacing, volume.orientation, volume.space, digits=3)
    return ", ".join(["x".join(map(str, volume.spatial_shape)), *known])
