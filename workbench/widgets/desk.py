"""The desk: what the panels share, and the one place that decides what of it may be used together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import traitlets as t

from workbench.datasets import Dataset
from workbench.datasets.annotations import class_of
from workbench.errors import StateError
from workbench.volume import Volume
from workbench.widgets import fit
from workbench.widgets.answers import truth_layer
from workbench.widgets.choice import Choice
from workbench.widgets.code import call, page
from workbench.widgets.layer import Layer, Style
from workbench.widgets.pointing import Pick
from workbench.widgets.viewer import Viewer

if TYPE_CHECKING:
    from workbench.training import Run
    from workbench.widgets.desk_panel import DeskPanel
    from workbench.zoo import Model

T = TypeVar("T")
_NOTHING = "# Nothing is loaded yet: choose a data set or open a file first."


@dataclass(frozen=True, eq=False)
class Case:
    """What is looked at: a volume, what is known of it, and the data set it is a case of.

    Attributes
    ----------
    volume : Volume
    annotation : object
        What it is annotated with, as `workbench.datasets.annotations` says; None for a single volume.
    dataset : Dataset or None
    split, index : str, int
        Which case of the data set.
    code : str
        Code that reads it into ``volume``, and its sample and data set, if it has one, into ``sample`` and ``data``.
    """

    volume: Volume
    annotation: Any = None
    dataset: Dataset | None = None
    split: str = ""
    index: int = 0
    code: str = _NOTHING

    @property
    def source(self) -> Dataset | Volume:
        """What it is a part of: cases of one source share models and runs, those of two share nothing."""
        return self.dataset if self.dataset is not None else self.volume

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes of the data set; empty for a single volume."""
        return tuple(self.dataset.classes) if self.dataset is not None else ()

    @property
    def class_name(self) -> str:
        """Name of the class of the whole image, empty where none is known."""
        known = class_of(self.annotation)
        return self.classes[known] if known is not None and known < len(self.classes) else ""


@dataclass(frozen=True)
class Source:
    """A volume on the desk that something else can be made of, and the expression for it in code."""

    volume: Volume
    code: str


@dataclass(frozen=True)
class _Laid:
    """How a layer is made in code: the arguments, what makes it of them, and the style that this gives it."""

    arguments: Callable[[], str]
    maker: str
    usual: Style
    outlines: bool
    source: Source | None = None
    thing: Any = None

    def code(self, layer: Layer) -> str:
        """Return the expression for the layer as it is shown now."""
        usual: Mapping[str, Any] = self.usual
        changed: dict[str, Any] = {name: value for name, value in layer.style().items() if value != usual[name]}
        arguments = self.arguments()
        if self.maker == "Layer" and not changed:
            return arguments
        return call("", self.maker, arguments, **changed)


class Desk(t.HasTraits):
    """What the panels share: case, model, run, layers, selection. Observe a trait to be told when it changes.

    Parameters
    ----------
    folder : path, optional
        Where runs are kept; the usual folder by default.

    Attributes
    ----------
    case : Case or None
        What is looked at. `put` changes it.
    choice : Choice or None
        What model is to be used; `unready` says why there is none. `choose` changes it.
    built : Model or None
        The model of `choice`, once it was made.
    run : Run or None
        The run that is looked at.
    runs : list of (dict, Run)
        The runs there are: what lists show of each, and the run.
    awaited : Run or None
        A run that was started here and has no weights yet: what is to be explained is what it learns.
    selection : Pick or None
        The voxel that was picked last in the viewer.
    viewer : Viewer
        Where the layers lie.
    panels : list of DeskPanel
        Those that have registered themselves, in the order of their numbers.
    network : threading.Lock
        Held by who runs a network: two at a time would only be slower, and one that was cancelled may be in its last
        breath.
    """

    case: Any = t.Any(None)
    choice: Any = t.Any(None)
    built: Any = t.Any(None)
    run: Any = t.Any(None)
    runs: Any = t.Any(())
    selection: Any = t.Any(None)
    #: Counts the changes of the layers and of how they are shown.
    layers_version = t.Int(0)

    def __init__(self, folder: str | Path | None = None, viewer: Viewer | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.viewer = Viewer() if viewer is None else viewer
        self.panels: list[DeskPanel] = []
        self.network = threading.Lock()
        self.awaited: Run | None = None
        self.unready = fit.NO_MODEL
        self._building = threading.RLock()
        self._laid: dict[str, _Laid] = {}
        #: The layer of what is known, if any: outlines, to be seen above what a model answers.
        self.truth: Layer | None = None
        self.viewer.on_pick(self._picked)

    def register(self, panel: DeskPanel) -> None:
        """Put a panel to the others, in the order of their numbers."""
        self.panels.append(panel)
        self.panels.sort(key=lambda one: one.order)

    # -- the case -----------------------------------------------------------------------------------------

    def put(self, case: Case) -> None:
        """Look at another case: nothing that was laid over the last one stays."""
        others = self.case is None or self.case.source is not case.source
        # what cannot be drawn is found out before anything is taken away
        image, truth = Layer(case.volume, name="image"), truth_layer(case.annotation, case.volume, case.classes)
        if others:
            self.awaited = None
        self.viewer.clear()
        self._laid.clear()
        self.selection = None
        # what was made for other data is put away before anybody looks at these
        if others and self.choice is not None and not self.choice.sized_by_data and not fit.belongs(self.choice, case):
            self.choose(None, fit.NO_MODEL)
        if others and self.run is not None:
            self.run = None
        self.truth = truth
        self.lay(image, "volume", source=Source(case.volume, "volume"))
        if truth is not None:
            known = Source(case.annotation, 'sample["label"]') if isinstance(case.annotation, Volume) else None
            code = 'sample["label"], volume, data.classes'
            self.lay(truth, code, maker="truth_layer", outlines=True, source=known)
        self.case = case

    def visit(self, index: int) -> None:
        """Let every panel do its part of looking at another case of the data set, by its number among all.

        Raises
        ------
        StateError
            If there is no data set.
        """
        if self.case is None or self.case.dataset is None:
            raise StateError("There is no data set. Load one first.")
        for panel in self.panels:
            panel.visit(index)

    def is_current(self, case: Case | None) -> bool:
        """Return whether `case` is still what is looked at."""
        return self.case is case

    # -- the model ----------------------------------------------------------------------------------------

    def choose(self, choice: Choice | None, unready: str = "") -> None:
        """Use another model, or none and say why."""
        self.unready = "" if choice is not None else unready
        if choice != self.choice:
            self.built = None
        self.choice = choice

    def take_weights(self, run: Run) -> bool:
        """Use the newest weights of a run, if they are for what is looked at; return whether they are."""
        choice = Choice.of_run(run)
        if not fit.belongs(choice, self.case):
            return False
        if self.awaited == run:
            self.awaited = None
        self.choose(choice)
        return True

    def model(self) -> Model:
        """Return the model that is chosen; made on first use.

        Raises
        ------
        StateError
            If none is chosen; the message says what to do.
        """
        # who asks while it is being made waits for it
        with self._building:
            choice = self.choice
            if choice is None:
                raise StateError(f"{self.unready}.")
            if self.built is None:
                made: Model = choice.build()
                if self.choice != choice:
                    return made  # another was chosen meanwhile
                self.built = made
            return self.built  # type: ignore[no-any-return]

    # -- what fits ----------------------------------------------------------------------------------------

    def cannot_answer(self) -> str:
        """Return why nothing can be predicted or explained; empty if it can."""
        if self.case is None:
            return fit.NO_CASE
        if self.choice is None:
            return self.unready
        return fit.choice_misfit(self.choice, self.case)

    def cannot_train(self, *, tune: bool) -> str:
        """Return why no training can start; empty if one can."""
        if self.case is not None and self.case.dataset is not None and self.choice is None:
            return self.unready
        return fit.training_misfit(self.choice, self.case, tune=tune)

    def doubt(self) -> str:
        """Return what a person should know of the model on this case, though it can be used."""
        return fit.choice_doubt(self.choice, self.case) if self.choice is not None else ""

    # -- layers -------------------------------------------------------------------------------------------

    def lay(
        self,
        layer: Layer,
        code: str | Callable[[], str],
        maker: str = "Layer",
        *,
        below: Layer | None = None,
        outlines: bool = False,
        source: Source | None = None,
        thing: Any = None,
        remove: bool | Callable[[], Any] = False,
    ) -> Layer:
        """Lay a layer over what is shown.

        Parameters
        ----------
        layer : Layer
        code : str or callable
            The arguments of `maker` in code, in the names that the snippets of the panels define.
        maker : {"Layer", "truth_layer", "answer_layer"}
            The name in `workbench.widgets` that makes the layer of them.
        below : Layer, optional
            The layer that it goes below; on top by default.
        outlines : bool
            Whether it draws outlines: what fills an area goes below them.
        source : Source, optional
            The volume that it shows, where that is more than a picture.
        thing : object, optional
            What it is drawn from, for those who ask for things of that class (`made`).
        remove : bool or callable
            Whether it can be taken away by hand in the viewer's list of layers, and what does that; `lift` by default.
        """
        if layer not in self.viewer.layers:
            self.viewer.add(layer, below=below)
        usual = Layer(layer.volume).style() if maker == "Layer" else layer.style()
        self._laid[layer.id] = _Laid(code if callable(code) else lambda: code, maker, usual, outlines, source, thing)
        if remove:
            self.viewer.allow_removal(layer, remove if callable(remove) else lambda: self.lift(layer))
        layer.observe(self._layers_changed)
        self._layers_changed()
        return layer

    def sources(self) -> dict[str, Source]:
        """Return the volumes that something can be made of, by the names of their layers, from the bottom up."""
        laid = ((layer.name, self._laid.get(layer.id)) for layer in self.viewer.layers)
        return {name: one.source for name, one in laid if one is not None and one.source is not None}

    def made(self, kind: type[T]) -> dict[str, tuple[T, Callable[[], str]]]:
        """Return the things of a class that layers are drawn from, by the names of the layers, from the bottom up.

        Returns
        -------
        dict
            The thing, and what returns the expression for it in code as it is by then.
        """
        laid = ((layer.name, self._laid.get(layer.id)) for layer in self.viewer.layers)
        return {
            name: (one.thing, one.arguments) for name, one in laid if one is not None and isinstance(one.thing, kind)
        }

    def lowest_outlines(self) -> Layer | None:
        """Return the layer that a map goes below, so that it does not tint the outlines; None where there are none."""
        outlines = {place for place, laid in self._laid.items() if laid.outlines}
        return next((layer for layer in self.viewer.layers if layer.id in outlines), None)

    def lift(self, layer: Layer | None) -> None:
        """Take a layer away, if it is there."""
        if layer is not None and layer in self.viewer.layers:
            self.viewer.remove(layer)
            layer.unobserve(self._layers_changed)
            self._laid.pop(layer.id, None)
            self._layers_changed()

    # -- for the report -----------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Return what every panel tells, and how the layers are shown, as plain data without names of files."""
        told: dict[str, Any] = {}
        for panel in self.panels:
            told |= panel.ask_for("facts", {})
        return {**told, "layers": [layer.style() for layer in self.viewer.layers]}

    # -- as code ------------------------------------------------------------------------------------------

    def code(self) -> str:
        """Return code that does what was done at this desk, and shows what is shown."""
        return page(*(panel.ask_for("snippet", "") for panel in self.panels), self.view_code())

    def view_code(self) -> str:
        """Return the expression that shows what is shown: every layer as it is shown, and the views."""
        if self.case is None:
            return ""
        unknown = [layer.name for layer in self.viewer.layers if layer.id not in self._laid]
        told = f"# Not in this code: {', '.join(unknown)}, laid over the image by hand.\n" if unknown else ""
        pairs = [(self._laid[layer.id], layer) for layer in self.viewer.layers if layer.id in self._laid]
        layers = [laid.code(layer) for laid, layer in pairs]
        makers = sorted({laid.maker for (laid, _), code in zip(pairs, layers, strict=True) if f"{laid.maker}(" in code})
        imported = f"from workbench.widgets import {', '.join(makers)}\n" if makers else ""
        return imported + told + call("", "wb.view", *layers, **self._view_options())

    def _view_options(self) -> dict[str, Any]:
        viewer = self.viewer
        options: dict[str, Any] = {"crosshair": tuple(viewer.crosshair)}
        for name in ("panes", "convention"):
            if getattr(viewer, name) != viewer.traits()[name].default_value:
                options[name] = getattr(viewer, name)
        return options

    # -- inside -------------------------------------------------------------------------------------------

    def _picked(self, pick: Pick) -> None:
        # who clicks the same place once more means it: there may be another method by now
        self.selection = None
        self.selection = pick

    def _layers_changed(self, _change: Any = None) -> None:
        self.layers_version += 1
