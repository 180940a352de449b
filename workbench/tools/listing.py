"""Tools as they are shown: all of them as a table, and one with its options."""

from __future__ import annotations

import html

from workbench.evaluation.table import Table
from workbench.parameters import Parameter, plain
from workbench.tools.base import Tool
from workbench.tools.ports import Port


class Tools(list[Tool]):
    """A list of tools that is shown as a table."""

    def table(self) -> Table:
        """Return it as a table: a row for each tool."""
        return Table(
            {
                "name": one.name,
                "group": one.group,
                "takes": ", ".join(_told(port) for port in one.inputs.values()),
                "gives": ", ".join(port.kind for port in one.outputs.values()),
                "summary": one.summary,
            }
            for one in self
        )

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


class Card:
    """What there is to know about a tool, shown as text or HTML."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool

    def options(self) -> Table:
        """Return the options as a table: default, what a value must be, what it does."""
        return Table(_row(one) for one in self.tool.parameters.values())

    def __repr__(self) -> str:
        lines = [f"{self.tool.title} ({self.tool.name})", self.tool.summary, ""]
        lines += [f"{label:<11}{value}" for label, value in self.facts()]
        return "\n".join([*lines, *(["", repr(self.options())] if self.tool.parameters else [])])

    def _repr_html_(self) -> str:
        facts = "".join(
            f"<tr><th style='text-align:left'>{label}</th><td style='text-align:left'>{html.escape(value)}</td></tr>"
            for label, value in self.facts()
        )
        head = f"<b>{html.escape(self.tool.title)}</b> (<code>{html.escape(self.tool.name)}</code>)"
        options = self.options()._repr_html_() if self.tool.parameters else ""
        return f"{head}<p>{html.escape(self.tool.summary)}</p><table>{facts}</table>{options}"

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


def _row(parameter: Parameter) -> dict[str, str]:
    default = "required" if parameter.required else str(plain(parameter.default))
    return {"option": parameter.name, "default": default, "value": parameter.rule, "help": parameter.help}
