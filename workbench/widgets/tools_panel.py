"""The tools panel: an operation on what is looked at, with a look at before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypedDict

import traitlets as t

from workbench import tools
from workbench.errors import StateError, choose
from workbench.parameters import Schema
from workbench.tools import Port, Table, Tool
from workbench.tools.catalogue import TOOLS
from workbench.volume import Volume
from workbench.widgets import _options, fit
from workbench.widgets._tables import told
from workbench.widgets._work import Work
from workbench.widgets.code import Code, call
from workbench.widgets.compare_strip import CompareStrip
from workbench.widgets.desk import Desk, Source
from workbench.widgets.desk_panel import DeskPanel
from workbench.widgets.layer import Layer
from workbench.widgets.messages import Offer, TableRows, Values, synced
from workbench.widgets.panel import bundle

#: A preview is made of volumes with at most as many voxels. Tools measure in mm, so that a coarser one tells the same.
_PREVIEW_VOXELS = 1 << 20
_MISSING = {
    "labels": "There are no labels here for it: load data with labels, or predict some",
    "scores": "There are no scores here for it: make a map first",
}
_NO_IMAGE = "There is nothing here that it takes: it needs {}"


class ToolOffer(Offer):
    """A tool of the catalogue."""

    group: str
    summary: str
    options: list[Schema]


class ToolInput(TypedDict):
    """What goes into a tool, and the layers that it can be."""

    name: str
    label: str
    choices: list[Offer]


@dataclass(frozen=True)
class _Made:
    """What a tool made: the call in code, and the layers."""

    code: str
    layers: tuple[Layer, ...]
    facts: dict[str, Any]


class ToolsPanel(DeskPanel):
    """Runs tools on the layers of the viewer; what they make is another layer, or a table.

    Examples
    --------
    >>> app = wb.App("phantom-ct", n=1, size=16)
    >>> soft = app.tools.run("window", level=40, width=400)
    >>> [layer.name for layer in app.viewer.layers]
    ['image', 'Window and level 1', 'truth']
    """

    called: ClassVar = "tools"
    order: ClassVar = 5

    _esm = bundle("tools_panel")
    _css = bundle("tools_panel", "css")

    catalogue = synced(list[ToolOffer], t.List(t.Dict(), help="The tools, with their options"))
    tool = t.Unicode("").tag(sync=True)
    inputs = synced(list[ToolInput], t.List(t.Dict(), help="What goes into the tool, and the layers it can be"))
    chosen = synced(dict[str, str], t.Dict(help="Names of layers by the input that they are for"))
    options = synced(Values, t.Dict())
    live = t.Bool(False, help="Whether before and after are shown whenever something is changed").tag(sync=True)
    blocked = t.Unicode("").tag(sync=True)
    table = synced(TableRows, t.Dict(help="Head and rows of the table that was made last"))

    actions: ClassVar = {"run": "run", "preview": "preview"}
    patient: ClassVar = frozenset({"preview"})

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self._made: list[_Made] = []
        super().__init__(desk, **traits)
        self.strip = CompareStrip(self.desk.viewer)
        self._list()
        TOOLS.watch(self._list)
        self.desk.observe(self._case_changed, "case")
        self.desk.observe(lambda _change: self._offer(), "layers_version")

    # -- work ---------------------------------------------------------------------------------------------

    def run(self, tool: str | None = None, inputs: Mapping[str, str] | None = None, **options: Any) -> Any:
        """Run a tool and lay what it makes over the image; a table is shown in the panel.

        Parameters
        ----------
        tool : str, optional
            A name of `workbench.tools.list`; the one that is chosen in the panel by default.
        inputs : mapping of str to str, optional
            Names of layers by the input that they are for.
        **options
            Options of the tool; those of the panel by default.

        Returns
        -------
        Volume, Table or tuple
            As the tool does.

        Raises
        ------
        StateError
            If nothing is there for an input.
        InputError
            If a tool, a layer or an option is not known.
        Cancelled
            If the person pressed Cancel, or looks at another case by now.
        """
        if tool is not None:
            self.tool = tools.get(tool).name
        if inputs is not None:
            self.chosen = {**self.chosen, **inputs}
        chosen = self._tool()
        with self.working(chosen.title, cancellable=True) as work:
            case, sources = self.desk.case, self._sources(chosen)
            values = options or _options.parse(chosen.parameters, self.options)
            made = self._computed(work, chosen, {name: one.volume for name, one in sources.items()}, values)
            work.check()
            if not self.desk.is_current(case):
                raise StateError("Another case was chosen meanwhile; nothing was changed.")
            self.strip.show([])
            self._show(chosen, sources, values, made)
        return made

    def preview(self) -> None:
        """Show before and after side by side below the viewer, made of coarser voxels where there are many."""
        if not self.live or self.blocked or self.faults or not self.tool:
            self.strip.show([])
            return
        chosen = self._tool()
        with self.working("Preview", cancellable=True, yielding=True) as work:
            volumes = {name: _coarse(one.volume) for name, one in self._sources(chosen).items()}
            values = _options.parse(chosen.parameters, self.options)
            made = self._computed(work, chosen, volumes, values)
            work.check()
            shown = [(name, one) for name, one in chosen.results(made) if isinstance(one, Volume)]
            first = next(iter(volumes.values()))
            after = [(f"after: {name}" if len(shown) > 1 else "after", Layer(one)) for name, one in shown]
            tiles = [("before", Layer(first)), *after]
            self.strip.show(tiles if shown else [], f"{chosen.title}, preview")
            for name, one in chosen.results(made):
                if isinstance(one, Table):
                    self.table = told(one, f"{chosen.title}: {name}, preview")

    # -- for the App, the report and the code -------------------------------------------------------------

    def extras(self) -> list[Any]:
        """Return the pictures of before and after, which belong below the viewer."""
        return [self.strip]

    def snippet(self) -> str:
        """Return the calls of the tools that were run."""
        return "\n".join(one.code for one in self._made)

    def facts(self) -> dict[str, Any]:
        """Return which tools were run, with their options."""
        return {"tools": [one.facts for one in self._made]} if self._made else {}

    # -- inside -------------------------------------------------------------------------------------------

    def set_state(self, sync_data: Any) -> None:
        """Take state from the browser; what is changed there is shown at once where that is asked for."""
        super().set_state(sync_data)
        if self.live or "live" in sync_data:
            self.afterwards(self.preview)

    def _tool(self) -> Tool:
        if not self.tool:
            raise StateError("No tool is chosen. Choose one in the list.")
        return tools.get(self.tool)

    def _computed(self, work: Work, chosen: Tool, volumes: Mapping[str, Volume], values: Mapping[str, Any]) -> Any:
        return work.apart(lambda: chosen(**volumes, **values, work=work))

    def _sources(self, chosen: Tool) -> dict[str, Source]:
        """Return what goes into a tool, by the names of its inputs."""
        there, found = self.desk.sources(), {}
        for name, port in chosen.inputs.items():
            fitting = self._fitting(port, there)
            given = self.chosen.get(name, "") or ("" if port.optional else next(iter(fitting), ""))
            if given:
                found[name] = fitting[choose(given, fitting, f"layer for {name!r} of {chosen.name}")]
            elif not port.optional:
                raise StateError(f"{self.blocked or 'Nothing is there for it'}.")
        return found

    def _show(self, chosen: Tool, sources: Mapping[str, Source], values: Mapping[str, Any], made: Any) -> None:
        number = len(self._made) + 1
        names = dict.fromkeys(chosen.outputs, f"{chosen.function.__name__}_{number}")
        if len(names) > 1:
            names = {name: f"{called}_{name}" for name, called in names.items()}
        given = {name: Code(source.code) for name, source in sources.items()}
        code = call(", ".join(names.values()), f"wb.tools.{chosen.function.__name__}", **given, **values)
        layers = []
        for name, one in chosen.results(made):
            if isinstance(one, Volume):
                title = chosen.title if len(names) == 1 else f"{chosen.title}, {name}"
                layer = Layer(one, name=f"{title} {number}")
                source = Source(one, names[name])
                below = self.desk.lowest_outlines()
                layers.append(self.desk.lay(layer, names[name], below=below, source=source, remove=True))
            else:
                self.table = told(one, chosen.title)
        self._made.append(_Made(code, tuple(layers), {"tool": chosen.name, "options": dict(values)}))
        self._offer()
        self.note = f"{chosen.title}: done"

    def _fitting(self, port: Port, there: Mapping[str, Source]) -> dict[str, Source]:
        """Return the volumes that may go into a port, by the names of their layers, the one that is usual first.

        What a tool made comes last: a second run is of what the first was of, unless somebody says otherwise.
        """
        made = {layer.name for one in self._made for layer in one.layers}
        fitting = [name for name in reversed([*there]) if port.accepts(there[name].volume)]
        return {name: there[name] for name in sorted(fitting, key=made.__contains__)}

    def _list(self) -> None:
        self.catalogue = [_offer(one) for one in tools.list()]

    def _case_changed(self, _change: Any) -> None:
        self._made.clear()
        self.table, self.chosen, self.note = {}, {}, ""
        self.strip.show([])
        self._offer()

    @t.observe("tool")
    def _tool_changed(self, _change: Any) -> None:
        self.options, self.chosen, self.table = {}, {}, {}
        self._offer()

    @t.observe("options")
    def _options_changed(self, _change: Any) -> None:
        self.faults = _options.faults(self._tool().parameters, self.options) if self.tool else {}

    def _offer(self) -> None:
        """List the layers that each input can be, and say what is missing."""
        if not self.tool:
            self.inputs, self.blocked = [], ""
            return
        there, missing = self.desk.sources(), []
        rows: list[ToolInput] = []
        for name, port in self._tool().inputs.items():
            fitting = self._fitting(port, there)
            choices: list[Offer] = [{"value": one, "label": one} for one in fitting]
            if port.optional:
                choices.insert(0, {"value": "", "label": "none"})
            rows.append({"name": name, "label": name.replace("_", " ").capitalize(), "choices": choices})
            if not fitting and not port.optional:
                missing.append(_MISSING.get(port.kind, _NO_IMAGE.format(port.rule)))
        self.inputs = rows
        self.blocked = fit.NO_CASE if self.desk.case is None else next(iter(missing), "")


def _offer(tool: Tool) -> ToolOffer:
    return {
        "value": tool.name,
        "label": tool.title,
        "group": tool.group,
        "summary": tool.summary,
        "options": _options.schemas(tool.parameters),
    }


def _coarse(volume: Volume) -> Volume:
    """Return a volume with few enough voxels for a preview."""
    voxels = 1
    for length in volume.spatial_shape:
        voxels *= length
    if voxels <= _PREVIEW_VOXELS:
        return volume
    factor = (voxels / _PREVIEW_VOXELS) ** (1 / volume.spatial_ndim)
    return volume.resample(tuple(step * factor for step in volume.spacing))
