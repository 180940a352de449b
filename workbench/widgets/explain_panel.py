"""The explain panel: what the model answers, and the map of what it rests on, over the image."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets as t

from workbench import explain
from workbench.errors import InputError, StateError, choose
from workbench.explain import Explanation
from workbench.explain.registry import get
from workbench.widgets import _options
from workbench.widgets._explain_code import explain_code
from workbench.widgets._explain_saves import ExplainSaves
from workbench.widgets._network import with_network
from workbench.widgets._pace import passes_of
from workbench.widgets.code import page
from workbench.widgets.demos import Demo
from workbench.widgets.desk import Desk
from workbench.widgets.desk_panel import Picture
from workbench.widgets.map_list import MapList, Preview, explained_at_click, short
from workbench.widgets.panel import bundle
from workbench.widgets.pointing import Pick
from workbench.widgets.timeline import Timeline

if TYPE_CHECKING:
    from workbench.jobs import Job
    from workbench.training import Run

#: Voxels from which is told what a map will take before it is begun: to find that out takes some seconds.
_LARGE = 1 << 21


class ExplainPanel(ExplainSaves):
    """Predicts, and makes maps of what a prediction rests on.

    Attributes
    ----------
    explanation, explanations : Explanation, list of Explanation
        The newest map, and all that are in the list.
    """

    called: ClassVar = "explain"
    order: ClassVar = 4

    _esm = bundle("explain_panel")
    _css = bundle("explain_panel", "css")

    actions: ClassVar = ExplainSaves.actions | {
        "run": "run_asked",
        "begin": "begin",
        "over_training": "over_training",
        "epoch": "show_epoch",
        "map": "change_map",
        "go": "go_to",
        "explain_row": "explain_row",
    }
    quick: ClassVar = ExplainSaves.quick | {"epoch", "map", "go"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        #: Where somebody clicked, as it is told.
        self._place = ""
        super().__init__(desk, **traits)
        self._list = MapList(self.desk, self._list_maps)
        self.desk.observe(self._case_changed, "case")
        self.desk.observe(self._clicked, "selection")

    @property
    def strip(self) -> Any:
        """The maps side by side."""
        return self._list.strip

    @property
    def explanation(self) -> Explanation | None:
        """The newest map."""
        return self._list.maps[-1].explanation if self._list.maps else None

    @property
    def explanations(self) -> list[Explanation]:
        """All maps that are in the list, the oldest first."""
        return [one.explanation for one in self._list.maps]

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
        Cancelled
            If the person pressed Cancel, or looks at another case by now.
        """
        if method is not None:
            self.method = choose(method, [one["value"] for one in self.methods], "explanation method")
        if layer is not None:
            self.layer = layer
        chosen = self._method()
        with self.working(f"{chosen['label']}: preparing", cancellable=True) as work:
            case, choice, model = self._subject(work)
            wanted = self.target_now() if target is None else target
            values = options or _options.parse(self._known(), self.options)
            at = (self.layer or None) if chosen["needs_layer"] else None
            preview = Preview(self.desk, chosen["label"])

            def progress(fraction: float, so_far: Any) -> None:
                work.tell(fraction, f"{chosen['label']}: {fraction:.0%}")
                if so_far is not None and self.desk.is_current(case):
                    preview.show(so_far)

            def make() -> Explanation:
                request = explain.Request(model, case.volume, self.method, wanted, at, values)
                if math.prod(case.volume.spatial_shape) > _LARGE:
                    expected = explain.estimate(model, case.volume, request.method, wanted, at, **request.options)
                    work.tell(0, f"{chosen['label']}: {expected}")
                return request.run(progress=progress, cancel=work.cancel)

            try:
                began = time.monotonic()
                result = with_network(self.desk, work, make)
                self._same_case(case)
            except BaseException:
                preview.drop()
                raise
            passes = passes_of(get(self.method), case.volume, values)
            self._pace.note(choice, case.volume, passes, time.monotonic() - began)
            self._list.add(result, chosen["label"], choice, preview.close())
        self.note = f"{chosen['label']}: {short(result.target)}"
        if isinstance(wanted, explain.Voxel) and target is None:
            self.voxel = f"{self._place}. {explained_at_click(result)}"
        return result

    def run_asked(self) -> None:
        """Make a map as a click asks for: one that would take very long is asked about first."""
        self.need_no_faults()
        chosen = self._method()
        large = "" if self.blocked else self._pace.largeness(self.desk.choice, self.desk.case.volume, self._passes())
        if not large:
            self.run()
        else:
            self.ask(f"{chosen['label']} would take very long.", large, "Make it", self.run)

    def begin(self) -> Job:
        """Start to make the map of the panel in a process of its own, and return at once.

        Raises
        ------
        StateError
            If no volume or model is there, or something else is under way.
        InputError
            If a field of the panel is wrong.
        """
        self.need_no_faults()
        chosen = self._method()
        with self.working(f"{chosen['label']}: starting", cancellable=True) as work:
            case, _, model = self._subject(work)
            values = _options.parse(self._known(), self.options)
            at = (self.layer or None) if chosen["needs_layer"] else None
            target = self.target_now()
            job = explain.explain(model, case.volume, self.method, target, at, background=True, **values)
        self.note, self.begun = "in the background", f"{chosen['label']} goes on in the background."
        return job

    def over_training(self) -> list[tuple[int, Explanation]]:
        """Make the map at every checkpoint of the run: how the attention moved while it learned."""
        chosen = self._method()
        with self.working(f"{chosen['label']} over training", cancellable=True) as work:
            run = self._run()
            if run is None:
                raise StateError("There is no run. Train a model first, or choose an earlier run.")
            case, _, model = self._subject(work)
            count = max(len(run.checkpoints()), 1)
            at = (self.layer or None) if chosen["needs_layer"] else None
            values = _options.parse(self._known(), self.options)
            asked = explain.Request(model, case.volume, self.method, self.target_now(), at, values)
            made: list[tuple[int, Explanation]] = []

            def make() -> None:
                for epoch, one in explain.over_checkpoints(
                    run, case.volume, asked.method, asked.target, asked.layer, cancel=work.cancel, **asked.options
                ):
                    made.append((epoch, one))
                    work.tell(len(made) / count, f"{chosen['label']}: epoch {epoch}")

            with_network(self.desk, work, make)
            self._same_case(case)
            if not made:
                raise StateError("The run has no checkpoints yet. Wait for its first epoch.")
            self._list.show_over_training(Timeline(run, made, asked))
        return made

    def show_epoch(self, index: int) -> None:
        """Show the map of one checkpoint."""
        if self._list.timeline is None:
            raise StateError("There are no maps over training yet. Press `Over training` first.")
        self._list.show_epoch(index)

    # -- the list of maps ---------------------------------------------------------------------------------

    def change_map(
        self, number: int, visible: bool | None = None, opacity: float | None = None, remove: bool = False
    ) -> None:
        """Show, hide, fade or remove a map of the list, by its number."""
        self._list.change(number, visible, opacity, remove)

    def go_to(self, place: list[float]) -> None:
        """Let the views cross at a place, in RAS mm, such as that of a box that was found."""
        x, y, z = (float(value) for value in place)
        self.desk.viewer.crosshair = (x, y, z)

    def explain_row(self, row: int) -> None:
        """Explain what a row of the answer tells of: a class, a label, a shape that was found.

        Raises
        ------
        InputError
            If there is no such row, or it tells of nothing that was found.
        """
        targets = self._answer.targets
        target = targets[row] if 0 <= row < len(targets) else None
        if target is None:
            raise InputError(
                f"explain_row(): row must be one of what was found, got {row}. Predict first, or take another."
            )
        self._take(target)
        self.run_asked()

    def clear(self) -> None:
        """Forget all maps and the prediction: another case is looked at."""
        self._list.clear()
        self._answer.clear()
        self.voxel = self.note = self.drawn = ""
        self._drawn = None

    # -- for the desk -------------------------------------------------------------------------------------

    def snippet(self) -> str:
        """Return code that makes the prediction and every map from ``model`` and ``volume``; the newest is ``why``."""
        return explain_code(self.desk, self._answer, self._list)

    def code(self) -> str:
        """Return code that makes what is shown again, from reading the volume on."""
        if self.desk.case is None or self.desk.choice is None:
            return page(f"# {self.desk.cannot_answer()}.")
        return page(self.desk.case.code, self.desk.choice.snippet(), self.snippet(), self.desk.view_code())

    def facts(self) -> dict[str, Any]:
        """Return every map with all that made it, and what was predicted."""
        # how a map would be saved is nothing that a reader asks for
        maps = [
            {key: value for key, value in one.describe().items() if not key.startswith("format")}
            for one in self.explanations
        ]
        agreed = self._list.facts()
        return {
            **self._answer.facts(),
            **({"maps": maps} if maps else {}),
            **({"agreement of the maps": agreed} if agreed else {}),
        }

    def pictures(self) -> list[Picture]:
        """Return the maps side by side, where there are several."""
        pairs = zip(self.strip.tiles, self.strip.pictures, strict=False)
        return [(tile["label"], picture) for tile, picture in pairs]

    def extras(self) -> list[Any]:
        """Return the strip of maps, which lies below the viewer."""
        return [self.strip]

    def demonstrate(self, demo: Demo) -> None:
        """Predict, and make the first map of a demo."""
        self.predict()
        self.run(demo.method, **demo.options)

    def receive(self, thing: Any, expression: str) -> bool:
        """Lay a map that a job made over the image it is of."""
        if not isinstance(thing, Explanation):
            return False
        case = self.desk.case
        if case is None or case.volume.fingerprint() != thing.input_fingerprint:
            raise StateError("This map is of another image than the one that is looked at. Load that one first.")
        self._list.add(thing, thing.title.partition(":")[0], None, expression=expression)
        return True

    def restore(self, run: Run) -> None:  # noqa: ARG002
        """Begin anew: what was explained before was not this run's."""
        self.clear()

    # -- inside -------------------------------------------------------------------------------------------

    def _passes(self) -> int:
        values = _options.parse(self._known(), self.options)
        return passes_of(get(self.method), self.desk.case.volume, values)

    @t.observe("target")
    def _target_changed(self, change: Any) -> None:
        # what is to be clicked is picked; whoever chose another tool meanwhile keeps it
        if change["new"] in ("voxel", "drawn"):
            self.desk.viewer.tool = "pick"
        elif self.desk.viewer.tool == "pick":
            self.desk.viewer.tool = "navigate"

    def _clicked(self, change: Any) -> None:
        selection = change["new"]
        if selection is None:
            return
        place = f"voxel {', '.join(map(str, selection.ijk))}"
        drawn = self._drawn_at(selection)
        if drawn is not None:
            self._take(drawn)
        elif self.target != "voxel":
            self.voxel = f"{place}: nothing that can be explained is drawn there"
            self.note = self.voxel
            return
        if drawn is not None:
            place = f"{self.drawn}, {place}"
        if self.desk.case is None or self.desk.case.volume.space != "pixels":
            place = f"{place}: {', '.join(f'{value:.1f}' for value in selection.mm)} mm"
        self._place = place
        if self.blocked:
            self.voxel = f"{place}. {self.blocked}."
            return
        try:
            self.need_no_faults()
            told = self._pace.slowness(self.desk.choice, self.desk.case.volume, self._passes())
        except InputError as error:
            self.voxel = f"{place}. {error}"
            return
        if told:
            self.voxel = f"{place}. Press Explain to make the map: {told}."
            return
        waits = self.afterwards(self.run)
        self.voxel = f"{place}{'; its map is made next' if waits else ''}"

    def _drawn_at(self, selection: Pick) -> explain.Target | None:
        """Return the target for what is drawn where somebody clicked; None if the voxel itself is meant."""
        model, answer = self.desk.built, self._answer.answer
        if model is None or answer is None:
            return None
        if self.target == "voxel" and getattr(model.task, "by_voxel", False):
            return None
        return self._answer.at(model, selection.mm)

    def _take(self, target: explain.Target) -> None:
        if isinstance(target, explain.Class) and "drawn" in self.no_targets:
            # nothing of such an answer is drawn: the row of a class chooses it in the form
            self.target, self.label = "class", str(target.which)
        else:
            self._drawn, self.drawn, self.target = target, str(target), "drawn"

    def _case_changed(self, _change: Any) -> None:
        # what is under way is about another case by now
        self.cancel()
        self.clear()
        if self.target == "drawn" or (self.target == "voxel" and self.desk.case is None):
            self.target = "class"
        self._check()

    def _list_maps(self) -> None:
        self.maps = self._list.rows()
        timeline = self._list.timeline
        self.timeline = timeline.told() if timeline else []
        self.timeline_index = self._list.epoch_index
        self._list.draw_strip()
