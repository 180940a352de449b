"""The explain panel: a method, a layer, a prediction - and the map of what it rests on, over the image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets as t

from workbench import explain
from workbench.datasets.annotations import as_shown
from workbench.errors import InputError, StateError, choose
from workbench.explain import Explanation
from workbench.explain.base import ACTIVATION
from workbench.shapes import Shapes
from workbench.widgets import _options
from workbench.widgets.code import page
from workbench.widgets.compare_strip import CompareStrip
from workbench.widgets.layer import OUTLINE_OPACITY, Layer
from workbench.widgets.map_layers import OPACITY, Map, Preview
from workbench.widgets.panel import Panel, bundle
from workbench.widgets.viewer import Viewer
from workbench.zoo.classification import Classification

if TYPE_CHECKING:
    from workbench.training import Run
    from workbench.volume import Volume
    from workbench.zoo import Model

_PREDICTED = ""
_PREDICTION = "prediction"
#: Least score of a box, point or ellipse that is drawn.
_LIKELY = 0.3


class ExplainPanel(Panel):
    """Makes maps and lays them over the image of a viewer.

    Parameters
    ----------
    model, volume : callable
        Return the model and the volume that are explained.
    viewer : Viewer
        Where the maps appear, and where a click chooses the voxel.
    run : callable, optional
        Returns the run the model came from, or None; it is needed for the maps over training.

    Attributes
    ----------
    explanation : Explanation or None
        The newest map.
    """

    _esm = bundle("explain_panel")
    _css = bundle("explain_panel", "css")

    methods = t.List(t.Dict()).tag(sync=True)
    method = t.Unicode("grad-cam").tag(sync=True)
    options = t.Dict().tag(sync=True)
    layers = t.List(t.Dict()).tag(sync=True)
    layer = t.Unicode("", help="Name of a layer; empty for the default one").tag(sync=True)
    target = t.Enum(("class", "voxel"), "class").tag(sync=True)
    labels = t.List(t.Dict()).tag(sync=True)
    label = t.Unicode("", help="Index of a class or label; empty for what is predicted").tag(sync=True)
    voxel = t.Unicode("").tag(sync=True)
    maps = t.List(t.Dict()).tag(sync=True)
    timeline = t.List(t.Unicode()).tag(sync=True)
    timeline_index = t.Int(0).tag(sync=True)
    has_run = t.Bool(False).tag(sync=True)
    blocked = t.Unicode("", help="Why nothing can be explained yet").tag(sync=True)

    actions: ClassVar = {
        "run": "run",
        "predict": "predict",
        "over_training": "over_training",
        "epoch": "show_epoch",
        "map": "change_map",
    }
    quick: ClassVar = Panel.quick | {"epoch", "map"}

    def __init__(
        self,
        model: Callable[[], Model],
        volume: Callable[[], Volume | None],
        viewer: Viewer,
        run: Callable[[], Run | None] = lambda: None,
        **traits: Any,
    ) -> None:
        self._model, self._volume, self._run, self._viewer = model, volume, run, viewer
        self._maps: list[Map] = []
        self._numbers = 0
        self._point: tuple[float, float, float] | None = None
        self._prediction: Layer | None = None
        self._epochs: list[tuple[int, Explanation]] = []
        self._epoch_layer: Layer | None = None
        self._last_code: tuple[Explanation, str] | None = None
        self.model_code: Callable[[], str] = lambda: "model = ...  # the model that is explained"
        self.volume_code: Callable[[], str] = lambda: "volume = ...  # the volume that is explained"
        self.strip = CompareStrip(viewer)
        super().__init__(methods=[_method(one) for one in explain.methods()], **traits)
        viewer.on_click(self._clicked)

    @property
    def explanation(self) -> Explanation | None:
        """The newest map."""
        return self._maps[-1].explanation if self._maps else None

    @property
    def explanations(self) -> list[Explanation]:
        """All maps that are in the list, the oldest first."""
        return [one.explanation for one in self._maps]

    # -- what is explained --------------------------------------------------------------------------------

    def look_at(self, model: Model) -> None:
        """Offer the layers and classes of a model."""
        names = [info.name for info in model.layers()]
        default = str(model.default_layer())
        self.layers = [
            {"value": "", "label": f"{default} (default)"},
            *({"value": info.name, "label": f"{info.name}  {info.type}"} for info in model.layers()),
        ]
        if self.layer not in ("", *names):
            self.layer = ""
        self.labels = [
            {"value": _PREDICTED, "label": "what is predicted"},
            *({"value": str(n), "label": f"{n} {name}"} for n, name in enumerate(model.classes)),
        ]
        if self.label not in [one["value"] for one in self.labels]:
            self.label = _PREDICTED

    def target_now(self) -> explain.Target | None:
        """Return the target as it is chosen in the panel; None means what is predicted.

        Raises
        ------
        StateError
            If a click is awaited and none came yet.
        """
        if self.target == "class":
            return None if self.label == _PREDICTED else explain.Class(int(self.label))
        if self._point is None:
            raise StateError("No voxel is chosen. Click into the viewer, or choose a class.")
        return explain.Voxel(mm=tuple(round(value, 3) for value in self._point))

    # -- work ---------------------------------------------------------------------------------------------

    def run(
        self,
        method: str | None = None,
        target: explain.Target | int | str | None = None,
        layer: str | None = None,
        **options: Any,
    ) -> Explanation:
        """Make a map and lay it over the image.

        Parameters
        ----------
        method, target, layer, **options
            As for `workbench.explain`; what is chosen in the panel by default.

        Raises
        ------
        StateError
            If no volume or model is there, or something else is under way.
        """
        if method is not None:
            self.method = choose(method, [one["value"] for one in self.methods], "explanation method")
        if layer is not None:
            self.layer = layer
        chosen = self._method()
        with self.working(f"{chosen['label']}: preparing", cancellable=True):
            model, volume = self._subject()
            wanted = self.target_now() if target is None else target
            values = options or _options.parse(chosen["options"], self.options)
            preview = Preview(self._viewer, chosen["label"])
            try:
                result = explain.explain(
                    model,
                    volume,
                    self.method,
                    wanted,
                    (self.layer or None) if chosen["needs_layer"] else None,
                    progress=lambda fraction, so_far: self._progress(preview, chosen["label"], fraction, so_far),
                    cancel=self._cancel,
                    **values,
                )
                self._add(result, preview.close())
            except BaseException:
                preview.drop()
                raise
        self.note = f"{chosen['label']}: {_short(result.target)}"
        return result

    def predict(self) -> Any:
        """Predict the case shown; labels, maps and outlines become a layer of the viewer, a class a line of text."""
        with self.working("Predicting", cancellable=True):
            model, volume = self._subject()
            prediction = model.predict(volume, progress=self.tell)
            shown, told = _likely(prediction)
            drawn = as_shown(getattr(shown, "volume", shown), volume, model.classes)
            if drawn is not None:
                if self._prediction is not None and self._prediction in self._viewer.layers:
                    self._prediction.volume = drawn
                else:
                    opacity = OUTLINE_OPACITY if isinstance(shown, Shapes) else 0.4
                    self._prediction = self._viewer.add(drawn, name=_PREDICTION, opacity=opacity)
                self.note = told or "prediction is shown"
            whole = prediction.get("class") if isinstance(prediction, Mapping) else prediction
            if isinstance(whole, Classification):
                self.note = f"predicted: {whole.name} ({whole.probability:.0%})"
        return prediction

    def over_training(self) -> list[tuple[int, Explanation]]:
        """Make the map at every checkpoint of the run: how the attention moved while it learned."""
        chosen = self._method()
        with self.working(f"{chosen['label']} over training", cancellable=True):
            run = self._run()
            if run is None:
                raise StateError("There is no run. Train a model first, or choose an earlier run.")
            _, volume = self._subject()
            count = max(len(run.checkpoints()), 1)
            made: list[tuple[int, Explanation]] = []
            layer = (self.layer or None) if chosen["needs_layer"] else None
            values = _options.parse(chosen["options"], self.options)
            for epoch, one in explain.over_checkpoints(run, volume, self.method, self.target_now(), layer, **values):
                made.append((epoch, one))
                self.tell(len(made) / count, f"{chosen['label']}: epoch {epoch}")
            if not made:
                raise StateError("The run has no checkpoints yet. Wait for its first epoch.")
            self._epochs = made
            self.timeline = [f"epoch {epoch}, score {one.score:.3g}" for epoch, one in made]
            self.show_epoch(len(made) - 1)
        return made

    def show_epoch(self, index: int) -> None:
        """Show the map of one checkpoint."""
        if not self._epochs:
            raise StateError("There are no maps over training yet. Press `Over training` first.")
        index = min(max(int(index), 0), len(self._epochs) - 1)
        _, one = self._epochs[index]
        if self._epoch_layer is None or self._epoch_layer not in self._viewer.layers:
            for other in self._maps:
                other.layer.visible = False
            self._epoch_layer = self._viewer.add(one.volume, name="over training", opacity=OPACITY)
            self._epoch_layer.window = self._common_window()
        else:
            self._epoch_layer.volume = one.volume
        self.timeline_index = index
        self._list_maps()

    # -- the list of maps ---------------------------------------------------------------------------------

    def change_map(
        self, number: int, visible: bool | None = None, opacity: float | None = None, remove: bool = False
    ) -> None:
        """Show, hide, fade or remove a map of the list, by its number."""
        one = next((one for one in self._maps if one.number == number), None)
        if one is None:
            raise InputError(f"There is no map number {number}; there are {[m.number for m in self._maps]}.")
        if remove:
            self._maps.remove(one)
            if one.layer in self._viewer.layers:
                self._viewer.remove(one.layer)
        if visible is not None:
            one.layer.visible = bool(visible)
        if opacity is not None:
            one.layer.opacity = float(opacity)
        self._list_maps()

    def clear(self) -> None:
        """Forget all maps and the prediction: another case is shown."""
        layers = [one.layer for one in self._maps]
        layers += [layer for layer in (self._prediction, self._epoch_layer) if layer is not None]
        for layer in layers:
            if layer in self._viewer.layers:
                self._viewer.remove(layer)
        self._maps, self._epochs, self._prediction, self._epoch_layer, self._point = [], [], None, None, None
        self.timeline, self.timeline_index, self.voxel = [], 0, ""
        self._list_maps()

    def snippet(self) -> str:
        """Return code that makes the newest map from ``model`` and ``volume``, as ``why``."""
        if not self._maps:
            return "# No map was made yet: press Explain first."
        return self._maps[-1].explanation.code("model", "volume")

    def code(self) -> str:
        """Return code that makes the newest map again, from reading the volume on."""
        if not self._maps:
            return page(self.snippet())
        return page(self.volume_code(), self.model_code(), self.snippet(), show="wb.view(volume, why)")

    # -- inside -------------------------------------------------------------------------------------------

    def _method(self) -> dict[str, Any]:
        choose(self.method, [one["value"] for one in self.methods], "explanation method")
        return next(one for one in self.methods if one["value"] == self.method)

    def _subject(self) -> tuple[Model, Volume]:
        volume = self._volume()
        if volume is None:
            raise StateError("There is no volume to explain. Load a data set or open a file in the data panel.")
        model = self._model()
        self.look_at(model)
        return model, volume

    def _progress(self, preview: Preview, label: str, fraction: float, so_far: Volume | None) -> None:
        self.tell(fraction, f"{label}: {fraction:.0%}")
        if so_far is not None:
            preview.show(so_far)

    def _add(self, explanation: Explanation, layer: Layer | None) -> None:
        method = next(one["label"] for one in self.methods if one["value"] == explanation.method)
        label = f"{method}: {_short(explanation.target)}"
        for other in self._maps:
            other.layer.visible = False
        if self._epoch_layer is not None:
            self._epoch_layer.visible = False
        if layer is None:
            layer = self._viewer.add(explanation.volume, name=label, opacity=OPACITY)
        else:
            layer.volume, layer.name = explanation.volume, label
        low, high = explanation.display_range
        if low < high:
            layer.window = (low, high)
        if low < 0:
            layer.colormap = _DIVERGING
        self._numbers += 1
        self._maps.append(Map(self._numbers, label, explanation, layer))
        layer.observe(lambda _change: self._list_maps(), ["visible", "opacity"])
        self._list_maps()

    def _list_maps(self) -> None:
        self.maps = [
            {"number": one.number, "label": one.label, "visible": one.layer.visible, "opacity": one.layer.opacity}
            for one in self._maps
        ]
        if self._epochs:
            window = self._common_window()
            tiles = [(f"epoch {n}", Layer(one.volume, opacity=OPACITY, window=window)) for n, one in self._epochs]
            self.strip.show(tiles[-8:], "Attention over training")
        elif len(self._maps) > 1:
            self.strip.show([(one.label, one.layer) for one in self._maps[-6:]], "Compare")
        else:
            self.strip.show([])

    def _common_window(self) -> Any:
        """Return one window for all epochs, so that a weak map looks weak."""
        ranges = [one.display_range for _, one in self._epochs]
        low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        return (low, high) if low < high else None

    def _clicked(self, xyz: tuple[float, float, float], ijk: tuple[int, int, int]) -> None:
        if self.target != "voxel":
            return
        self._point = xyz
        self.voxel = f"voxel {', '.join(map(str, ijk))}: {', '.join(f'{value:.1f}' for value in xyz)} mm"
        if not self.busy and not self.blocked:
            self.in_background(self.run)


_DIVERGING = "coolwarm"


def _likely(prediction: Any) -> tuple[Any, str]:
    """Return what of a prediction is drawn, and what is said of it: doubtful shapes would bury the likely ones."""
    if not isinstance(prediction, Shapes):
        return prediction, ""
    count, kind = len(prediction), prediction.kind
    if prediction.scores is None or not count:
        return prediction, f"found {count} {kind}"
    kept = prediction.select(prediction.scores >= _LIKELY)
    if not len(kept):
        best = prediction.scores.max()
        return kept, f"no {kind} with a score of {_LIKELY} or more; the best of {count} has {best:.2f}"
    left = f", {count - len(kept)} below it are not shown" if len(kept) < count else ""
    return kept, f"found {len(kept)} {kind} with a score of {_LIKELY} or more{left}"


def _short(target: explain.Target) -> str:
    """Return a target in a word or two, for a layer's name."""
    name = getattr(target, "name", "") or str(target)
    return f"{name} at the click" if isinstance(target, explain.Voxel) else name


def _method(explainer: explain.Explainer) -> dict[str, Any]:
    return {
        "value": explainer.name,
        "label": explainer.title,
        "title": explainer.summary[:1].upper() + explainer.summary[1:] + ".",
        "needs_layer": explainer.needs_layer,
        "options": _options.from_explainer({**explainer.options, "activation": ACTIVATION}),
    }
