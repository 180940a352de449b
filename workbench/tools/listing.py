"""Tools as they are shown: all of them as a table, and one with its options."""

from __future__ import annotations

from workbench._cards import BaseCard
from workbench._tables import Listing
from workbench.parameters import Options, Parameter
from workbench.tools.base import Tool
from workbench.tools.ports import Port


class Tools(Listing[Tool]):
    """A list of tools that is shown as a table."""

    head = ("name", "group", "takes", "gives", "summary")

    def row(self, one: Tool) -> tuple[str, ...]:
        """Return the cells of one tool."""
        takes = ", ".join(_told(port) for port in one.inputs.values())
        return one.name, one.group, takes, ", ".join(port.kind for port in one.outputs.values()), one.summary


class Card(BaseCard):
    """What there is to know about a tool, shown as text or HTML."""

    licence = ""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool

    @property
    def name(self) -> str:
        """What it is called in code."""
        return self.tool.name

    @property
    def title(self) -> str:
        """What it is called in words."""
        return self.tool.title

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return self.tool.summary

    @property
    def reference(self) -> str:
        """Where the operation is described."""
        return self.tool.reference

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The options, by name."""
        return self.tool.parameters

    def takes(self) -> dict[str, Parameter]:
        """Return the options, by name."""
        return self.tool.parameters

    def options(self) -> Options:
        """Return the options as a table: what each takes, its default, what it does."""
        return Options(self.tool.parameters.values())

    def facts(self) -> list[tuple[str, str]]:
        """Return what goes in, what comes out, the group and the source, each with what it is called."""
        return [
            *(("takes", f"{_told(port)}: {port.rule}") for port in self.tool.inputs.values()),
            *(("gives", f"{name}: {_result(port)}") for name, port in self.tool.outputs.items()),
            ("group", self.tool.group),
            ("reference", self.tool.reference),
        ]


def _told(port: Port) -> str:
    return f"{port.name} (optional)" if port.optional else port.name


def _result(port: Port) -> str:
    return f"{port.rule}, on a grid of its own" if port.grid == "new" and port.kind != "table" else port.rule
