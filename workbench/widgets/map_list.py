"""The maps of the case that is looked at: those that were made, those over training, and the one in the making."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.errors import InputError
from workbench.explain import Explanation, Target, Voxel
from workbench.explain.targets.voxels import NOTHING_THERE
from workbench.volume import Volume
from workbench.widgets.choice import Choice
from workbench.widgets.code import call
from workbench.widgets.compare_strip import CompareStrip
from workbench.widgets.desk import Desk
from workbench.widgets.layer import Layer
from workbench.widgets.map_style import OPACITY, style_of
from workbench.widgets.messages import MapRow
from workbench.widgets.timeline import Timeline

_MOST_TILES = 8


@dataclass(frozen=True)
class Map:
    """A map that was made, of which model, and its layer in the viewer.

    One that a job made has no choice of a model, and the expression that gets it in its place.
    """

    number: int
    label: str
    explanation: Explanation
    choice: Choice | None
    layer: Layer
    expression: str = ""

    @property
    def model(self) -> str:
        """What is told of its model."""
        if self.choice is None:
            return f"{self.explanation.algorithm}, in the background"
        return f"{self.choice.algorithm}, {self.choice.told()}"


class MapList:
    """Maps and their layers; only the newest is shown, the others wait in the list.

    Parameters
    ----------
    desk : Desk
    changed : callable
        Called whenever the list, or how one of its maps is shown, is another.
    """

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk, self._changed = desk, changed
        self.strip = CompareStrip(desk.viewer)
        self.maps: list[Map] = []
        self.timeline: Timeline | None = None
        self.epoch_layer: Layer | None = None
        self.epoch_index = 0
        self._numbers = 0
        desk.viewer.observe(self._frame_shown, "shown_frame")

    def add(
        self,
        explanation: Explanation,
        title: str,
        choice: Choice | None,
        layer: Layer | None = None,
        expression: str = "",
    ) -> Map:
        """Lay a map over the image; `layer` is that of its preview, if there was one.

        Parameters
        ----------
        expression : str
            What gets the map in code where no `choice` says what makes it.
        """
        label = f"{title}: {short(explanation.target)}"
        self._hide_all()
        style = style_of(explanation)
        if layer is None:
            layer = Layer(explanation.volume, name=label, **style)
        else:
            layer.volume = explanation.volume
            for name, value in {"name": label, **style}.items():
                setattr(layer, name, value)
        self._numbers += 1
        made = Map(self._numbers, label, explanation, choice, layer, expression)
        self.maps.append(made)
        self._desk.lay(
            layer, lambda: self.name_of(made), below=self._desk.lowest_outlines(), thing=explanation,
            remove=lambda: self.change(made.number, remove=True),
        )  # fmt: skip
        layer.observe(lambda _change: self._changed(), ["visible", "opacity"])
        self._changed()
        return made

    def change(
        self, number: int, visible: bool | None = None, opacity: float | None = None, remove: bool = False
    ) -> None:
        """Show, hide, fade or remove a map, by its number."""
        one = next((one for one in self.maps if one.number == number), None)
        if one is None:
            raise InputError(f"There is no map number {number}; there are {[m.number for m in self.maps]}.")
        if remove:
            self.maps.remove(one)
            self._desk.lift(one.layer)
        if visible is not None:
            one.layer.visible = bool(visible)
        if opacity is not None:
            one.layer.opacity = float(opacity)
        self._changed()

    def show_over_training(self, timeline: Timeline) -> None:
        """Take the maps of a run's checkpoints, of layers or of steps, and show the last."""
        self._desk.lift(self.epoch_layer)
        self.timeline, self.epoch_layer = timeline, None
        self.show_epoch(len(timeline.maps) - 1)

    def show_epoch(self, index: int) -> None:
        """Show the map of one checkpoint."""
        assert self.timeline is not None
        self.epoch_index = min(max(int(index), 0), len(self.timeline.maps) - 1)
        viewer = self._desk.viewer
        if self.epoch_layer is None or self.epoch_layer not in viewer.layers:
            self._hide_all()
            steps = dict(self.timeline.steps())
            self.epoch_layer = list(steps.values())[self.epoch_index].like(name=self.timeline.layer_name)
            self._desk.lay(self.epoch_layer, self._epoch_code, below=self._desk.lowest_outlines(), remove=True)
            viewer.play(self.epoch_layer, steps, self.epoch_index)
            self._changed()
        viewer.frame = self.epoch_index

    def _frame_shown(self, change: Any) -> None:
        if self.timeline is not None and self._desk.viewer.frames == self.timeline.names():
            self.epoch_index = change["new"]
            self.strip.current = change["new"] - self._first_tile()

    def _first_tile(self) -> int:
        return max(len(self.timeline.maps) - _MOST_TILES, 0) if self.timeline is not None else 0

    def clear(self) -> None:
        """Forget all maps: another case is looked at."""
        for one in self.maps:
            self._desk.lift(one.layer)
        self._desk.lift(self.epoch_layer)
        self.maps, self.timeline, self.epoch_layer, self.epoch_index = [], None, None, 0
        self._changed()

    def rows(self) -> list[MapRow]:
        """Return what a list shows of the maps."""
        several = len({one.model for one in self.maps}) > 1
        return [
            {
                "number": one.number,
                "label": f"{one.label} ({one.model})" if several else one.label,
                "visible": one.layer.visible,
                "opacity": one.layer.opacity,
            }
            for one in self.maps
        ]

    def draw_strip(self) -> None:
        """Show the maps side by side where there are several."""
        if self.timeline is not None:
            first = self._first_tile()
            made = {name: one for name, (_, one) in zip(self.timeline.names(), self.timeline.maps, strict=True)}
            agreed = dict(list(made.items())[first:])
            self.strip.show(self.timeline.steps()[first:], self.timeline.title, agreed, first)
            self.strip.current = self.epoch_index - first
        elif len(self.maps) > 1:
            shown = self.maps[-_MOST_TILES:]
            explained = {self._told_apart(one): one.explanation for one in shown}
            self.strip.show([(one.label, one.layer) for one in shown], "Compare", explained)
        else:
            self.strip.show([])

    def _told_apart(self, one: Map) -> str:
        alike = [other for other in self.maps if other.label == one.label]
        return one.label if len(alike) == 1 else f"{one.label} ({alike.index(one) + 1})"

    def facts(self) -> dict[str, str]:
        """Return how far the maps agree, as the report tells it: by the names of each pair."""
        told = self.strip.agreement
        names = told.get("names", [])
        return {
            f"{names[one]} / {names[other]}": f"rank correlation {_told(told['ranks'][one][other])}, "
            f"overlap of the highest 5 % {_told(told['overlaps'][one][other])}"
            for one, other in itertools.combinations(range(len(names)), 2)
        }

    # -- as code ------------------------------------------------------------------------------------------

    def name_of(self, one: Map) -> str:
        """Return what a map is called in code: the newest is ``why``."""
        place = self.maps.index(one)
        return "why" if place == len(self.maps) - 1 else f"why_{place + 1}"

    def code(self, name_of_model: Callable[[Choice], str], region: str) -> list[str]:
        """Return code for every map, and for the maps over training.

        Parameters
        ----------
        name_of_model : callable
            Returns what the model of a choice is called.
        region : str
            The expression for the labels of a region.
        """
        parts = []
        for one in self.maps:
            if one.choice is None:
                parts.append(f"{self.name_of(one)} = {one.expression}")
                continue
            known = one.explanation.target.pointer is not None and region == "segmentation"
            told = "# `segmentation` are the labels of the region that you gave.\n" if known else ""
            made = one.explanation.code(name_of_model(one.choice), "volume", region, self.name_of(one))
            parts.append(told + made.partition("\n\n")[2].strip())
        if len(self.maps) > 1:
            names = ", ".join(self.name_of(one) for one in self.maps)
            parts.append(call("agreement", "wb.explain.agreement", f"[{names}]"))
        if self.timeline is not None:
            parts.append(self.timeline.code(region, name_of_model))
        return parts

    def _epoch_code(self) -> str:
        assert self.timeline is not None
        return self.timeline.step_code(self.epoch_index)

    def _hide_all(self) -> None:
        for other in self.maps:
            other.layer.visible = False
        if self.epoch_layer is not None:
            self.epoch_layer.visible = False


class Preview:
    """The map in the making: a layer of the viewer that gets sharper, and is gone if the work is given up."""

    def __init__(self, desk: Desk, label: str) -> None:
        self._desk, self._label = desk, label
        self._layer: Layer | None = None

    def show(self, so_far: Volume) -> None:
        """Show the map so far."""
        if self._layer is None:
            self._layer = Layer(so_far, name=f"{self._label} (in the making)", opacity=OPACITY)
            self._desk.viewer.add(self._layer, below=self._desk.lowest_outlines())
        else:
            self._layer.volume = so_far

    def close(self) -> Layer | None:
        """Hand over the layer, if there is one, to be the finished map's."""
        layer, self._layer = self._layer, None
        return layer

    def drop(self) -> None:
        """Take the layer away."""
        if self._layer is not None and self._layer in self._desk.viewer.layers:
            self._desk.viewer.remove(self._layer)


def _told(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f}"


def short(target: Target) -> str:
    """Return a target in a word or two, for a layer's name."""
    name = getattr(target, "name", "") or str(target)
    return f"{name} at the click" if isinstance(target, Voxel) else name


def explained_at_click(made: Explanation) -> str:
    """Return what was explained of a voxel, which nobody chose by name, in a sentence."""
    nothing = next((note for note in made.notes if note.startswith(NOTHING_THERE)), "")
    return nothing or f"What is predicted there is explained: {getattr(made.target, 'name', '')}."
