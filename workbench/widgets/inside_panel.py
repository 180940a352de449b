"""The panel that looks inside: feature maps, gradient by layer, effect of the preprocessing, scores by occluder."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import traitlets as t

from workbench import explain
from workbench.errors import InputError, StateError
from workbench.explain import Explanation, GradientFlow, Occluders, Sensitivity
from workbench.explain.inside.layers import count_features
from workbench.volume import Volume
from workbench.widgets import _inside_rows as rows_of
from workbench.widgets._explain_lists import PREDICTED, label_rows
from workbench.widgets._inside_rows import EffectRow, FeatureTile, FlowRow, OccluderRow
from workbench.widgets._layer_choice import ChoosesLayer
from workbench.widgets._network import subject, with_network
from workbench.widgets.code import Code, call
from workbench.widgets.desk import Desk
from workbench.widgets.desk_panel import Picture
from workbench.widgets.layer import Layer
from workbench.widgets.messages import Offer, synced
from workbench.widgets.panel import bundle

if TYPE_CHECKING:
    from workbench.widgets._work import Work
    from workbench.widgets.planes import Convention
    from workbench.zoo import Model

T = TypeVar("T")

#: Channels that are shown at once, and voxels that they may have together: each is brought onto the volume's grid.
_PAGE, _MOST_VOXELS = 12, 200_000_000
#: Rows of a table in the page, and in the report; all are in what the code returns.
_MOST_ROWS, _MOST_TOLD = 40, 10
_NO_OCCLUSION = "There is no occlusion map over the image: make one first"


class InsidePanel(ChoosesLayer):
    """Shows what the layers of the network put out, what comes back to them, and what the score hangs on.

    Examples
    --------
    >>> app = wb.App()
    >>> app.inside.blocked
    'Load a data set or open a file first'
    """

    called: ClassVar = "inside"
    order: ClassVar = 4.6

    _esm = bundle("inside_panel")
    _css = bundle("inside_panel", "css")

    labels = synced(list[Offer], t.List(t.Dict()))
    label = t.Unicode(PREDICTED, help="Index of the class whose score is meant; empty for what is predicted").tag(
        sync=True
    )
    tiles = synced(list[FeatureTile], t.List(t.Dict(), help="The channels that are shown"))
    pictures_of_tiles = t.List(t.Bytes(), help="PNG of each").tag(sync=True)
    shown_of = t.Unicode("", help="Which channels of which layer these are").tag(sync=True)
    more = t.Bool(False, help="Whether the layer has further channels").tag(sync=True)
    flow = synced(list[FlowRow], t.List(t.Dict()))
    flow_told = t.Unicode("", help="Dead and exploding layers by name").tag(sync=True)
    effects = synced(list[EffectRow], t.List(t.Dict()))
    occluder_head = t.List(t.Unicode()).tag(sync=True)
    occluders = synced(list[OccluderRow], t.List(t.Dict()))
    occluders_of = t.Unicode("", help="The map that the occluders are of").tag(sync=True)
    no_occluders = t.Unicode(_NO_OCCLUSION, help="Why there are none to look at").tag(sync=True)
    blocked = t.Unicode("", help="Why nothing can be looked at yet").tag(sync=True)

    actions: ClassVar = {
        "features": "look_at_features",
        "next": "look_at_more",
        "channel": "show_channel",
        "flow": "measure_flow",
        "sensitivity": "measure_sensitivity",
        "occluders": "measure_occluders",
        "occluder": "show_occluder",
    }

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self._features: tuple[str, int, list[int]] | None = None
        self._laid: dict[str, Layer] = {}
        self._flow: GradientFlow | None = None
        self._sensitivity: Sensitivity | None = None
        self._found: Occluders | None = None
        self._found_of: Callable[[], str] = str
        super().__init__(desk, **traits)
        self.desk.observe(self._another, ["case", "choice"])
        self.desk.observe(lambda change: self._offer_layers(change["new"]), "built")
        self.desk.observe(lambda _change: self._offer(), "layers_version")
        self._another()

    # -- feature maps -------------------------------------------------------------------------------------

    def look_at_features(self, first: int = 0) -> Volume:
        """Show a page of the channels of the layer that is chosen, on the slice through the crosshair.

        Parameters
        ----------
        first : int
            The first channel of the page.

        Raises
        ------
        StateError
            If no volume or model is there.
        InputError
            If the layer puts out no map.
        """

        def look(model: Model, volume: Volume, work: Work) -> tuple[Volume, int, list[int], str]:
            layer = self.layer or None
            count = count_features(model, volume, layer)
            work.check()
            size = max(1, min(_PAGE, _MOST_VOXELS // prod(volume.spatial_shape)))
            page = list(range(first, min(first + size, count)))
            if not page:
                raise InputError(f"The layer has channels 0 to {count - 1}, got {first}.")
            made = explain.features(model, volume, layer, channels=page)
            return made, count, page, layer or str(model.default_layer())

        made, count, page, layer = self._measured(f"Channels from {first} on", look)
        viewer = self.desk.viewer
        tiles, pictures = rows_of.tiles(made, page, viewer.crosshair, cast("Convention", viewer.convention))
        self._features = layer, count, page
        # pictures first: a view that is told of the tiles must find as many pictures
        self.pictures_of_tiles, self.tiles = pictures, tiles
        self.shown_of = f"{layer}: channels {page[0]} to {page[-1]} of {count}"
        self.more = count > len(page)
        return made

    def look_at_more(self) -> None:
        """Show the next page of channels; after the last one, the first."""
        if self._features is None:
            raise StateError("No feature maps are shown yet. Choose a layer and press `Show`.")
        _, count, page = self._features
        self.look_at_features(page[-1] + 1 if page[-1] + 1 < count else 0)

    def show_channel(self, channel: int) -> Layer:
        """Put a channel of the layer that is shown over the image, in place of the last one."""
        if self._features is None:
            raise StateError("No feature maps are shown yet. Choose a layer and press `Show`.")
        name = self._features[0]
        made = self._measured(
            f"Channel {channel} of {name}",
            lambda model, volume, _: explain.features(model, volume, name, channels=[channel]),
        )
        layer = Layer(rows_of.channel_of(made, 0), name=f"{name} {channel}", colormap=rows_of.COLORMAP, opacity=0.6)
        # two maps over one another are no colours that anybody can read
        for other in self.desk.viewer.layers:
            if other.kind == "scores":
                other.visible = False
        code = call("", "wb.explain.features", "model", "volume", repr(name), channels=[channel])
        return self._lay("channel", layer, code)

    # -- the score ----------------------------------------------------------------------------------------

    def measure_flow(self) -> GradientFlow:
        """Measure how much of the score's gradient comes to each layer."""
        target = self._target()
        self._flow = self._measured(
            "Gradient by layer",
            lambda model, volume, work: explain.gradient_flow(model, volume, target, work=work),
        )
        self.flow, self.flow_told = rows_of.flow_rows(self._flow), rows_of.flow_sentence(self._flow)
        return self._flow

    def measure_sensitivity(self) -> Sensitivity:
        """Measure how much the score hangs on each parameter of the preprocessing."""
        target = self._target()
        self._sensitivity = self._measured(
            "Effect of the preprocessing",
            lambda model, volume, work: explain.sensitivity(model, volume, target, work=work),
        )
        self.effects = rows_of.effect_rows(self._sensitivity)
        return self._sensitivity

    def measure_occluders(self) -> Occluders:
        """Measure what each occluder of the newest occlusion map does to the scores.

        Raises
        ------
        StateError
            If there is no such map.
        """
        maps = self._occlusions()
        if not maps:
            raise StateError(f"{_NO_OCCLUSION}.")
        name, (why, code) = list(maps.items())[-1]
        found = self._measured("Scores by occluder", lambda _model, _volume, work: explain.occluders(why, work=work))
        self._found, self._found_of = found, code
        self.occluder_head, self.occluders = rows_of.occluder_rows(found, _MOST_ROWS)
        self.occluders_of = f"{name}: {len(found.rows)} occluders, score {found.score:.4g} with nothing hidden"
        return found

    def show_occluder(self, number: int) -> Layer:
        """Mark an occluder in the viewer, in place of the last one, and let the views cross in it."""
        if self._found is None:
            raise StateError("The occluders were not measured yet. Press `Measure` first.")
        mask = self._found.mask(number - 1)
        row = self._found.rows[number - 1]
        layer = Layer(mask, name=f"occluder {number}", outline=True, opacity=1.0)
        laid = self._lay("occluder", layer, f"occluders.mask({number - 1})", outlines=True)
        self.desk.viewer.crosshair = (row["x mm"], row["y mm"], row["z mm"])
        return laid

    # -- for the App, the report and the code -------------------------------------------------------------

    def snippet(self) -> str:
        """Return the calls that measure what is shown."""
        target = {"target": Code(f"wb.explain.Class({int(self.label)})")} if self.label != PREDICTED else {}
        parts = []
        if self._features is not None:
            layer, _, page = self._features
            parts.append(call("features", "wb.explain.features", "model", "volume", repr(layer), channels=page))
        if self._flow is not None:
            parts.append(call("flow", "wb.explain.gradient_flow", "model", "volume", **target))
        if self._sensitivity is not None:
            parts.append(call("sensitivity", "wb.explain.sensitivity", "model", "volume", **target))
        if self._found is not None:
            parts.append(call("occluders", "wb.explain.occluders", self._found_of()))
        return "\n".join(parts)

    def facts(self) -> dict[str, Any]:
        """Return what was measured."""
        told: dict[str, Any] = {}
        if self.flow:
            told["gradient by layer"] = {
                "in short": self.flow_told,
                **{row["layer"]: f"{row['verdict']}; {row['told']}" for row in self.flow},
            }
        if self.effects:
            told["effect of the preprocessing"] = {
                row["parameter"]: f"{row['effect']} ({row['told']})" for row in self.effects
            }
        if self.occluders:
            names = self.occluder_head[1:]
            told["scores by occluder"] = {
                "of": self.occluders_of,
                **{
                    f"occluder {row['number']}": ", ".join(map(" ".join, zip(names, row["cells"], strict=True)))
                    for row in self.occluders[:_MOST_TOLD]
                },
            }
        return told

    def pictures(self) -> list[Picture]:
        """Return the feature maps that are shown."""
        layer = self._features[0] if self._features is not None else ""
        shown = zip(self.tiles, self.pictures_of_tiles, strict=False)
        return [(f"{layer} {tile['label']}", picture) for tile, picture in shown]

    # -- inside -------------------------------------------------------------------------------------------

    def _measured(self, doing: str, function: Callable[[Model, Volume, Work], T]) -> T:
        with self.working(doing, cancellable=True) as work:
            case, _, model = subject(self.desk, work)
            asked = self.label, self.desk.choice
            found = with_network(self.desk, work, lambda: function(model, case.volume, work))
            if not self.desk.is_current(case) or asked != (self.label, self.desk.choice):
                raise StateError("Another case, class or model was chosen meanwhile; nothing was changed.")
        self.note = ""
        return found

    def _target(self) -> explain.Target | None:
        return None if self.label == PREDICTED else explain.Class(int(self.label))

    def _lay(self, kind: str, layer: Layer, code: str, *, outlines: bool = False) -> Layer:
        self.desk.lift(self._laid.pop(kind, None))
        self._laid[kind] = layer
        below = None if outlines else self.desk.lowest_outlines()
        return self.desk.lay(layer, code, below=below, outlines=outlines, remove=True)

    def _occlusions(self) -> dict[str, tuple[Explanation, Callable[[], str]]]:
        made = self.desk.made(Explanation)
        return {name: one for name, one in made.items() if one[0].method == "occlusion" and one[0].knows_model}

    @t.observe("label")
    def _another(self, change: Any = None) -> None:
        """Forget what is not of this case, model and class any more."""
        self._flow = self._sensitivity = None
        self.flow, self.flow_told, self.effects = [], "", []
        if change is None or change["name"] != "label":
            self._forget()
        self._offer()

    def _forget(self) -> None:
        self._features = self._found = None
        for layer in self._laid.values():
            self.desk.lift(layer)
        self._laid = {}
        self.tiles, self.pictures_of_tiles, self.shown_of, self.more = [], [], "", False
        self.occluders, self.occluder_head, self.occluders_of = [], [], ""
        choice = self.desk.choice
        self.labels = label_rows(choice.classes if choice is not None else ())
        if self.label not in [one["value"] for one in self.labels]:
            self.label = PREDICTED
        self._offer_layers(self.desk.built)

    def _offer(self) -> None:
        self.blocked = self.desk.cannot_answer()
        self.no_occluders = "" if self._occlusions() else _NO_OCCLUSION
