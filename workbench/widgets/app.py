"""The App: a desk with all panels and the viewer in one; all of it works from Python too."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any, ClassVar, TypedDict

import ipywidgets

from workbench.errors import InputError, StateError
from workbench.signatures import checked
from workbench.widgets.code import page
from workbench.widgets.desk import Desk
from workbench.widgets.desk_panel import PANELS, DeskPanel, at_desk
from workbench.widgets.panel import Panel, bundle
from workbench.widgets.viewer import Viewer

_VIEWER_HEIGHT = 540
_NO_VOLUME = "Load a data set or open a file"


class Saved(TypedDict):
    """Where a report was saved."""

    name: str
    folder: str


class SavedReport(TypedDict):
    """A report that was saved; its page comes with it as a buffer."""

    saved: Saved


class PrintedReport(TypedDict):
    """A report to be printed, or saved as PDF, by the browser; its page comes with it as a buffer."""

    printed: str


class AppBar(Panel):
    """The bottom row of the App: copy as code, save or print a report, open in napari."""

    _esm = bundle("app")
    _css = bundle("app", "css")

    actions: ClassVar = {"report": "report", "print": "print_report", "napari": "napari"}
    says: ClassVar = (*Panel.says, SavedReport, PrintedReport)

    def __init__(self, desk: Desk, **traits: Any) -> None:
        self._desk = desk
        super().__init__(**traits)

    @checked("report()")
    def report(self, path: str | Path | None = None) -> Path:
        """Save a page with the pictures, the curves, the scores, the code and every parameter."""
        with self.working("Saving the report"):
            from workbench.widgets.report import save_report

            saved, text = save_report(self._desk, path)
        self.note = f"saved {saved.name}"
        # where it was saved is for the page that is open: a folder may name a patient
        self.send(SavedReport(saved={"name": saved.name, "folder": str(saved.parent)}), [text.encode()])
        return saved

    def print_report(self) -> None:
        """Hand the report to the browser, which prints it or saves it as PDF."""
        with self.working("Making the report"):
            from workbench.widgets.report import make_page

            if not self._desk.viewer.layers:
                raise StateError("There is nothing to report yet. Load a data set or open a file first.")
            text = make_page(self._desk)
        self.send(PrintedReport(printed="report"), [text.encode()])

    def napari(self) -> Any:
        """Open the layers of the viewer in a napari window."""
        with self.working("Opening napari"):
            from workbench.widgets import view

            if not self._desk.viewer.layers:
                raise StateError("There is nothing to open yet. Load a data set or open a file first.")
            opened = view(*self._desk.viewer.layers, backend="napari")
        self.note = "opened in napari"
        return opened

    def code(self) -> str:
        """Return code that does what the whole App did."""
        return app_code(self._desk)


class App(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets ships no types
    """The whole workbench as one panel.

    Parameters
    ----------
    data : str, path, Dataset or Volume, optional
        What to begin with: the name of a data set, the path of a volume, or either as an object.
    folder : path, optional
        Where runs are kept.
    model : Model or network, optional
        What is to be explained, if it is there already: a model, or a network that `workbench.wrap` takes.
    **options
        Options of the data set.

    Attributes
    ----------
    desk : Desk
        What the panels share.
    panels : dict of str to DeskPanel
        The panels by name; each is an attribute too: ``data``, ``model``, ``train``, ``explain``.
    viewer : Viewer
    bar : AppBar

    Examples
    --------
    >>> app = wb.App()
    >>> data = app.data.load("phantom-ct", n=6, size=16)
    >>> app.model.algorithm = "3d-unet"
    >>> app.model.options = {"width": 4, "depth": 2}
    >>> why = app.explain.run("saliency", target="lungs")
    >>> [layer.name for layer in app.viewer.layers]
    ['image', 'Saliency: lungs', 'truth']
    >>> run = app.train.start(epochs=1).wait()
    """

    @checked("wb.App()")
    def __init__(
        self, data: Any = None, folder: str | Path | None = None, *, model: Any = None, **options: Any
    ) -> None:
        self.viewer = Viewer(height=_VIEWER_HEIGHT, empty_text=_NO_VOLUME)
        self.desk = Desk(folder, self.viewer)
        self.panels: dict[str, DeskPanel] = at_desk(self.desk)
        for number, panel in enumerate(self._at("side"), start=1):
            panel.number = str(number)
        self.bar = AppBar(self.desk)
        self.bar.add_class("mwb-app-footer")
        extras = [widget for panel in self.panels.values() for widget in panel.ask_for("extras", [])]
        right = _box([*self._at("above"), self.viewer, *self._at("below"), *extras], "mwb-app-viewer")
        super().__init__([_box([_box(self._at("side"), "mwb-app-panels"), right, self.bar], "mwb-app-grid")])
        self.add_class("mwb-app")
        if data is not None:
            self._begin_with(data, options)
        if model is not None:
            self.panels["model"].use(model)

    def __getattr__(self, name: str) -> Any:
        panels = self.__dict__.get("panels", {})
        if name in panels:
            return panels[name]
        raise AttributeError(f"The App has no attribute {name!r}. Its panels: {', '.join(panels)}.{PANELS.lacking()}")

    def code(self) -> str:
        """Return code that does what the App did: read the data, make the model, predict, explain, show."""
        return app_code(self.desk)

    def report(self, path: str | Path | None = None) -> Path:
        """Save a self-contained page with the pictures and every parameter; no patient text is in it."""
        return self.bar.report(path)

    def parameters(self) -> dict[str, Any]:
        """Return what is loaded, chosen, trained and explained as plain data, without names of patients or files."""
        return self.desk.facts()

    # -- inside -------------------------------------------------------------------------------------------

    def _at(self, place: str) -> list[DeskPanel]:
        return [panel for panel in self.panels.values() if panel.place == place]

    def _begin_with(self, data: Any, options: dict[str, Any]) -> None:
        for panel in self.desk.panels:
            with PANELS.using(panel.called):
                if panel.begin_with(data, **options):
                    return
        raise InputError(
            "The App begins with the name of a data set, a path, a Dataset or a Volume, got "
            f"{type(data).__name__}.{PANELS.lacking()}"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self.viewer.draw_first()
        made = super()._repr_mimebundle_(**kwargs)
        data, metadata = made if isinstance(made, tuple) else (made, {})
        if not self.viewer.layers:
            return data, metadata
        # What a code host, a PDF or a reader without a kernel shows instead of the live panel.
        return {**data, "image/png": b64encode(self.viewer.png()).decode()}, metadata

    def __repr__(self) -> str:
        case, choice = self.desk.case, self.desk.choice
        named = "no data" if case is None else case.dataset.name if case.dataset is not None else "one volume"
        return f"App({named}, {choice.algorithm if choice is not None else 'no algorithm'}, {self.viewer!r})"


def app_code(desk: Desk) -> str:
    """Return the code of a desk; while nothing is on it, the code that opens an App."""
    return page("app = wb.App()", show="app") if desk.case is None else desk.code()


def _box(children: list[Any], style: str) -> ipywidgets.VBox:
    box = ipywidgets.VBox(children)
    box.add_class(style)
    return box
