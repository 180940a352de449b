"""The App: data, model, training, explanation and the viewer in one panel; all of it works from Python too."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import Any, ClassVar

import ipywidgets

from workbench.datasets import Dataset
from workbench.errors import InputError, StateError
from workbench.explain import Cancelled
from workbench.volume import Volume
from workbench.widgets._watch import ALIVE
from workbench.widgets.code import page
from workbench.widgets.data_panel import DataPanel
from workbench.widgets.explain_panel import ExplainPanel
from workbench.widgets.layer import OUTLINE_OPACITY
from workbench.widgets.model_panel import ModelPanel
from workbench.widgets.panel import Panel, bundle
from workbench.widgets.train_panel import TrainPanel
from workbench.widgets.viewer import Viewer

_WAIT_SECONDS = 0.1
_VIEWER_HEIGHT = 540
_NO_VOLUME = "Load a data set or open a file"


class AppBar(Panel):
    """The bottom row of the App: copy as code, save a report, open in napari."""

    _esm = bundle("app")
    _css = bundle("app", "css")

    actions: ClassVar = {"report": "report", "napari": "napari"}

    def __init__(self, app: App, **traits: Any) -> None:
        self._app = app
        super().__init__(**traits)

    def report(self, path: str | Path | None = None) -> Path:
        """Save a page with the pictures and every parameter."""
        with self.working("Saving the report"):
            from workbench.widgets.report import save_report

            saved = save_report(self._app, path)
        self.note = f"saved {saved.name}"
        return saved

    def napari(self) -> Any:
        """Open the layers of the viewer in a napari window."""
        with self.working("Opening napari"):
            from workbench.widgets import view

            if not self._app.viewer.layers:
                raise StateError("There is nothing to open yet. Load a data set or open a file first.")
            opened = view(*self._app.viewer.layers, backend="napari")
        self.note = "opened in napari"
        return opened

    def code(self) -> str:
        """Return code that does what the whole App did."""
        return self._app.code()


class App(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets ships no types
    """The whole workbench as one panel.

    Parameters
    ----------
    data : str, path, Dataset or Volume, optional
        What to begin with: the name of a data set, the path of a volume, or either as an object.
    folder : path, optional
        Where runs are kept.
    **options
        Options of the data set.

    Attributes
    ----------
    data, model, train, explain : DataPanel, ModelPanel, TrainPanel, ExplainPanel
    viewer : Viewer
    bar : AppBar

    Examples
    --------
    >>> app = wb.App()  # doctest: +SKIP
    >>> app.data.load("phantom-ct")  # doctest: +SKIP
    >>> app.model.algorithm = "3d-unet"  # doctest: +SKIP
    >>> app.train.start(epochs=1)  # doctest: +SKIP
    >>> app.explain.run()  # doctest: +SKIP
    """

    def __init__(self, data: Any = None, folder: str | Path | None = None, **options: Any) -> None:
        self.viewer = Viewer(height=_VIEWER_HEIGHT, empty_text=_NO_VOLUME)
        self.data = DataPanel()
        self.model = ModelPanel()
        self.train = TrainPanel(self.model, lambda: self.data.dataset, folder)
        self.explain = ExplainPanel(self._model_to_explain, lambda: self.data.volume, self.viewer, self._run)
        self.bar = AppBar(self)
        self._fitted: Any = None
        self._using = threading.Lock()
        self.train.data_code = self.data.snippet
        self.explain.volume_code, self.explain.model_code = self.data.snippet, self.model.snippet
        panels = _box([self.data, self.model, self.train, self.explain], "mwb-app-panels")
        right = _box([self.viewer, self.explain.strip], "mwb-app-viewer")
        self.bar.add_class("mwb-app-footer")
        super().__init__([_box([panels, right, self.bar], "mwb-app-grid")])
        self.add_class("mwb-app")
        self.data.on_change(self._case_shown)
        self.model.on_change(self._model_chosen)
        self.model.on_built(self.explain.look_at)
        self.train.on_checkpoint(self._new_weights)
        self._model_chosen()
        if data is not None:
            self._begin_with(data, options)

    def code(self) -> str:
        """Return code that does what the App did: read the data, train, explain, show."""
        run, made = self.train.run, self.explain.explanation
        if self.data.sample is None:
            return page("app = wb.App()", show="app")
        parts = [here := self.data.snippet()]
        if run is not None and self.model.run == run:
            epoch = run.checkpoint().position.epoch if run.checkpoints() else None
            trained = self.train.snippet()
            # The case that is looked at comes last: the run may have been started while another one was shown.
            parts = [trained] if trained.startswith(f"{here}\n") else [trained, here]
            parts.append(f"model = run.wait().model(epoch={epoch})")
        elif self.model.algorithm:
            parts.append(self.model.snippet())
        shown = ["volume", *(['sample["label"]'] if self.data.truth is not None else [])]
        if made is not None:
            parts.append(self.explain.snippet())
            shown.append("why")
        return page(*parts, show=f"wb.view({', '.join(shown)})")

    def report(self, path: str | Path | None = None) -> Path:
        """Save a self-contained page with the pictures and every parameter; no patient text is in it."""
        return self.bar.report(path)

    def parameters(self) -> dict[str, Any]:
        """Return what is loaded, chosen, trained and explained as plain data, without names of patients or files."""
        dataset, volume, run = self.data.dataset, self.data.volume, self.train.run
        return {
            "data": None
            if volume is None
            else {
                "name": dataset.name if dataset is not None else "one volume",
                "split": self.data.split,
                "index": self.data.index,
                "volume": self.data.summary,
                "fingerprint": volume.fingerprint(),
            },
            "model": {
                "algorithm": self.model.algorithm,
                "framework": self.model.framework,
                "device": self.model.device,
                "options": self.model.values(),
                "in_channels": self.model.in_channels,
                "num_classes": self.model.num_classes,
                "weights": self.model.weights,
            },
            "run": {"id": run.id, "state": run.state, "line": self.train.run_state.get("line", "")} if run else None,
            "maps": [one.describe() for one in self.explain.explanations],
        }

    # -- inside -------------------------------------------------------------------------------------------

    def _begin_with(self, data: Any, options: dict[str, Any]) -> None:
        if isinstance(data, Dataset):
            self.data.load(data)
        elif isinstance(data, Volume):
            self.data.show(data)
        elif isinstance(data, (str, Path)):
            named = str(data) in [entry["name"] for entry in self.data.catalogue]
            if named:
                self.data.load(str(data), **options)
            elif isinstance(data, Path) or Path(data).expanduser().exists():
                self.data.read(data, **options)
            else:
                self.data.load(data, **options)
        else:
            raise InputError(
                f"The App begins with the name of a data set, a path, a Dataset or a Volume, got {type(data).__name__}."
            )

    def _case_shown(self) -> None:
        volume, truth = self.data.volume, self.data.truth
        if volume is None:
            return
        self.explain.clear()
        self.viewer.clear()
        self.viewer.add(volume, name="image")
        if truth is not None:
            opacity = OUTLINE_OPACITY if self.data.outlined else 0.35
            self.viewer.add(truth, name="truth", opacity=opacity)
        source = self.data.dataset if self.data.dataset is not None else volume
        if self._fitted is not source:
            self._fitted = source
            self.model.fit(source)
        self.train.check()
        self._model_chosen()

    def _model_chosen(self) -> None:
        self.explain.blocked = (
            f"{_NO_VOLUME} first"
            if self.data.volume is None
            else "Choose an algorithm first"
            if not self.model.algorithm
            else ""
        )
        self.explain.has_run = self._run() is not None

    def _new_weights(self, run: Any) -> None:
        with self._using:
            self.model.use_run(run)
        self._model_chosen()

    def _run(self) -> Any:
        return self.model.run or self.train.run

    def _model_to_explain(self) -> Any:
        run = self.train.run
        if run is not None and run.state in ALIVE and self.model.run != run:
            # Started a moment ago: what is to be explained is what it learns, not the weights it began with.
            self.explain.busy = "Waiting for the first epoch of the run"
            while not run.checkpoints() and run.state in ALIVE:
                if self.explain.cancelled:
                    raise Cancelled("Cancelled while waiting for the run.")
                time.sleep(_WAIT_SECONDS)
            if not run.checkpoints():
                status = run.status
                raise StateError(f"The run {status['state']}: {status['cause']} {status['remedy']}".strip())
            self._new_weights(run)
        with self._using:
            return self.model.build()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        made = super()._repr_mimebundle_(**kwargs)
        data, metadata = made if isinstance(made, tuple) else (made, {})
        if not self.viewer.layers:
            return data, metadata
        # What a code host, a PDF or a reader without a kernel shows instead of the live panel.
        return {**data, "image/png": b64encode(self.viewer.png()).decode()}, metadata

    def __repr__(self) -> str:
        return f"App({self.data.name or 'no data'}, {self.model.algorithm or 'no algorithm'}, {self.viewer!r})"


def _box(children: list[Any], style: str) -> ipywidgets.VBox:
    box = ipywidgets.VBox(children)
    box.add_class(style)
    return box
