"""The panel of cases in a plane: what lies near to the network lies near, classes in colours, a click shows a case."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from typing import Annotated, Any, ClassVar, TypedDict

import traitlets as t

from workbench import explain
from workbench.errors import MissingExtraError, OutOfRangeError, StateError
from workbench.explain import Embedding
from workbench.parameters import Parameter, Schema, by_name
from workbench.widgets._layer_choice import ChoosesLayer
from workbench.widgets._network import subject, with_network
from workbench.widgets.code import Code, call
from workbench.widgets.colors import label_color
from workbench.widgets.desk import Desk
from workbench.widgets.desk_panel import Picture
from workbench.widgets.messages import synced
from workbench.widgets.panel import bundle

_MOST = Parameter(
    "most", "integer", 200, "How many cases are laid out, evenly over the data set; each takes a pass.",
    low=4, label="Cases",
)  # fmt: skip
_NO_DATA = "Load a data set first: a single volume has no others to lie among"


class Spot(TypedDict):
    """A case in the plane."""

    x: Annotated[float, "0 to 1."]
    y: Annotated[float, "0 to 1, upwards."]
    index: Annotated[int, "Its number among all cases of the data set."]
    group: Annotated[int, "Its place among the groups."]


class Group(TypedDict):
    """Cases of one colour: a class, or where none is known, a part of the data set."""

    name: str
    color: str


class EmbeddingPanel(ChoosesLayer):
    """Lays the cases of the data set out in a plane by what a layer puts out for them (t-SNE).

    Examples
    --------
    >>> app = wb.App()
    >>> app.embedding.blocked
    'Load a data set or open a file first'
    """

    called: ClassVar = "embedding"
    order: ClassVar = 4.7

    _esm = bundle("embedding_panel")
    _css = bundle("embedding_panel", "css")

    form = synced(list[Schema], t.List(t.Dict()))
    most = t.Int(_MOST.default).tag(sync=True)
    spots = synced(list[Spot], t.List(t.Dict(), help="The cases in the plane"))
    groups = synced(list[Group], t.List(t.Dict()))
    current = t.Int(-1, help="The case that is looked at; below zero where it is none of these").tag(sync=True)
    chosen = t.List(t.Int(), help="The cases that were chosen with the lasso").tag(sync=True)
    chosen_told = t.Unicode("").tag(sync=True)
    blocked = t.Unicode("", help="Why nothing can be laid out yet").tag(sync=True)

    actions: ClassVar = {"embed": "embed", "choose": "choose", "show": "show"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self._embedding: Embedding | None = None
        self._of: Any = None
        self._indices: list[int] = []
        self._asked_layer: str | None = None
        super().__init__(desk, form=[_MOST.schema()], **traits)
        self.desk.observe(self._case_changed, "case")
        self.desk.observe(lambda _change: self._forget(), "choice")
        self.desk.observe(lambda change: self._offer_layers(change["new"]), "built")
        self._offer_layers(self.desk.built)
        self._offer()

    def embed(self) -> Embedding:
        """Lay the cases out.

        Raises
        ------
        StateError
            If there is no data set or no model, or openTSNE is not installed.
        Cancelled
            If the person pressed Cancel, or chose other data meanwhile.
        """
        with self.working("Features of the cases", cancellable=True) as work:
            self.need_no_faults()
            if self.blocked:
                raise StateError(f"{self.blocked}.")
            case, _, model = subject(self.desk, work)
            dataset = case.dataset
            assert dataset is not None
            step = max(1, -(-len(dataset) // self.most))
            indices = list(range(0, len(dataset), step))
            layer, choice = self.layer or None, self.desk.choice
            data = dataset if step == 1 else dataset[::step]
            found = with_network(self.desk, work, lambda: explain.embed(model, data, layer, work=work))
            if self.desk.case is None or self.desk.case.dataset is not dataset or self.desk.choice != choice:
                raise StateError("Other data or another model were chosen meanwhile; nothing was changed.")
            self._embedding, self._of, self._indices = found, dataset, indices
            self._asked_layer = layer
            self._show_spots()
        self.note = f"{len(indices)} cases at {found.layer}"
        return found

    def choose(self, indices: list[int]) -> None:
        """Choose cases, as the lasso does, by their numbers among all.

        Raises
        ------
        OutOfRangeError
            If one was not laid out.
        """
        if strangers := sorted(set(indices) - set(self._indices)):
            raise OutOfRangeError(f"choose(): indices must be of cases that were laid out, got {strangers}.")
        self.chosen = sorted(set(indices))
        groups = {spot["index"]: spot["group"] for spot in self.spots}
        counts = [sum(groups[index] == place for index in self.chosen) for place in range(len(self.groups))]
        known = [f"{count} {group['name']}" for group, count in zip(self.groups, counts, strict=True) if count]
        self.chosen_told = f"{len(self.chosen)} chosen: {', '.join(known)}" if self.chosen else ""

    def show(self, index: int) -> None:
        """Show a case by its number among all, and its map by the method that is set up.

        Raises
        ------
        OutOfRangeError
            If there is no such case.
        """
        with self.working("Showing the case", cancellable=True) as work:
            if index not in self._indices:
                raise OutOfRangeError(f"show(): index must be of a case that was laid out, got {index}.")
            work.check()
            self.desk.visit(index)

    # -- for the App, the report and the code -------------------------------------------------------------

    def fields(self) -> dict[str, Parameter]:
        """Return how many cases are laid out at most."""
        return by_name(_MOST)

    def snippet(self) -> str:
        """Return the call that lays the cases out, and those that were chosen."""
        if self._embedding is None:
            return ""
        step = self._indices[1] - self._indices[0] if len(self._indices) > 1 else 1
        data = "data" if step == 1 else f"data[::{step}]"
        given = {"layer": self._asked_layer} if self._asked_layer else {}
        made = call("embedding", "wb.explain.embed", "model", Code(data), **given)
        return f"{made}\nchosen = data.select({self.chosen})" if self.chosen else made

    def facts(self) -> dict[str, Any]:
        """Return what was laid out."""
        if self._embedding is None:
            return {}
        told = {"layer": self._embedding.layer, "cases": len(self._indices), "chosen": self.chosen_told}
        return {"cases in a plane": told}

    def pictures(self) -> list[Picture]:
        """Return the plane."""
        if self._embedding is None:
            return []
        return [(f"Cases in a plane, by {self._embedding.layer}", _drawn(self.spots, self.groups, self.chosen))]

    # -- inside -------------------------------------------------------------------------------------------

    def _show_spots(self) -> None:
        found, dataset = self._embedding, self._of
        assert found is not None
        classes, labels = tuple(dataset.classes), found.labels
        if all(isinstance(label, int) and 0 <= label < len(classes) for label in labels):
            names, places = list(classes), [int(label) for label in labels]
        else:
            parts = {index: name for name, indices in dataset.splits.items() for index in indices}
            told = [parts.get(index, "no part") for index in self._indices]
            names = list(dict.fromkeys(told))
            places = [names.index(name) for name in told]
        low, high = found.points.min(axis=0), found.points.max(axis=0)
        # one scale for both axes, as distances mean something, and the middle of the shorter one in the middle
        plane = 0.5 + (found.points - (low + high) / 2) / max(float((high - low).max()), 1e-9)
        self.groups = [{"name": name, "color": label_color(place)} for place, name in enumerate(names)]
        self.spots = [
            {"x": round(float(x), 4), "y": round(float(y), 4), "index": index, "group": group}
            for (x, y), index, group in zip(plane, self._indices, places, strict=True)
        ]
        self.chosen, self.chosen_told = [], ""
        self._tell_current()

    def _case_changed(self, _change: Any) -> None:
        case = self.desk.case
        if self._embedding is not None and (case is None or case.dataset is not self._of):
            self._forget()
        self._tell_current()
        self._offer()

    def _tell_current(self) -> None:
        case = self.desk.case
        if case is None or case.dataset is None or self._embedding is None:
            self.current = -1
            return
        known = case.dataset.splits.get(case.split)
        self.current = int(known[case.index]) if known is not None else case.index

    def _forget(self) -> None:
        self._embedding, self._of, self._indices = None, None, []
        self.spots, self.groups, self.chosen, self.chosen_told, self.current = [], [], [], "", -1
        self.note = ""
        self._offer()

    def _offer(self) -> None:
        case = self.desk.case
        lacks = "" if find_spec("openTSNE") is not None else str(MissingExtraError("t-SNE (openTSNE)", "tsne"))
        alone = _NO_DATA if case is not None and case.dataset is None else ""
        self.blocked = lacks.rstrip(".") or alone or self.desk.cannot_answer()


def _drawn(spots: list[Spot], groups: list[Group], chosen: list[int]) -> bytes:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    for place, group in enumerate(groups):
        own = [spot for spot in spots if spot["group"] == place]
        edges = ["#000000" if spot["index"] in chosen else "none" for spot in own]
        x, y = [spot["x"] for spot in own], [spot["y"] for spot in own]
        axes.scatter(x, y, s=22, c=group["color"], edgecolors=edges, label=f"{group['name']} ({len(own)})")
    axes.set_aspect("equal")
    axes.set(xticks=[], yticks=[])
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    buffer = BytesIO()
    with rc_context({"svg.hashsalt": "workbench"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
