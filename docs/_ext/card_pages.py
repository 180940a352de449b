"""Pages made from what the package knows of itself: algorithms, data sets, methods, tools, commands."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import _pages
from _markdown import code, section, table, text
from sphinx.application import Sphinx
from sphinx.config import Config

from workbench import datasets, explain, frameworks, tools, zoo
from workbench.cli import _commands
from workbench.parameters import Parameter, plain


def algorithm_page(card: zoo.Card) -> str:
    """Return the page of an algorithm: its card, field by field."""
    paper = card.paper
    names = " and ".join(frameworks.title(name) for name in card.frameworks)
    head = f"""# {text(card.title)}

{text(card.summary)}

{card.dimensions}D {card.task}, on {names}. {text(paper.authors)}:
[{text(paper.title)}]({paper.url}) ({paper.year}).

```python
model = wb.zoo.create("{card.name}")
```
"""
    return head + "".join(
        [
            section("Input", table(("name", "shape", "values"), map(_port, card.inputs))),
            section("Output", table(("name", "shape", "values"), map(_port, card.outputs))),
            section("Options", _options(card.options)),
            section(
                "Variants",
                table(("variant", "sets"), ((code(name), _pairs(values)) for name, values in card.variants.items())),
            ),
            section(
                "Size", table(("configuration", "channels", "classes", "parameters"), map(_count, card.parameters))
            ),
            section(
                "Scores",
                table(("data", "metric", "score", "from"), map(_figure, card.published))
                + ("\n" if card.published and card.measured else "")
                + table(("measured here on", "metric", "score", "how"), map(_figure, card.measured)),
            ),
            section("Notes", "".join(f"- {text(note)}\n" for note in card.notes)),
            section("Licence", f"{text(card.licence)}\n"),
        ]
    )


def algorithms_page() -> str:
    """Return the list of all algorithms."""
    rows = [
        (f"[{text(c.title)}]({c.name}.md)", code(c.name), f"{c.dimensions}D {c.task}", text(c.summary))
        for c in zoo.cards()
    ]
    return f"""# Algorithms

What each is, takes and gives, from its card. `wb.zoo.list()` shows the same list, `wb.zoo.card(name)` the same card;
[the zoo in figures](../../zoo.md) says what they reach and cost.

{table(("", "name", "task", ""), rows)}
```{{toctree}}
:hidden:
:glob:

*
```
"""


def datasets_page() -> str:
    """Return the cards of all data sets."""
    parts = []
    for card in datasets.list():
        facts = {
            "task": " or ".join(card.tasks),
            "classes": ", ".join(card.classes),
            "cases": "" if card.cases is None else f"{card.cases:,}",
            "modality": card.modality,
            "source": card.source,
            "licence": card.licence,
            "cite": card.citation,
            "address": card.address,
        }
        rows = [(label, text(value)) for label, value in facts.items() if value]
        notes = "".join(f"\n- {text(note)}" for note in card.notes)
        about = f"{text(card.title)}.\n\n{table(('', ''), rows)}\n{_options(datasets.parameters(card.name))}\n{notes}\n"
        parts.append(f"\n## {card.name}\n\n{about}")
    return f"""# Data sets

What `wb.datasets.load(name)` opens; `wb.datasets.list()` also says which are on this machine.
{"".join(parts)}"""


def methods_page() -> str:
    """Return the explanation methods with their options."""
    parts = []
    for method in explain.methods():
        layer = " Looks at a layer (`layer=`)." if method.needs_layer else ""
        parts.append(
            f"\n## {text(method.title)}\n\n{code(method.name)}: {text(method.summary)}.{layer}\n\n"
            f"{text(method.reference)}.\n\n{_options(method.parameters())}"
        )
    return f"""# Explanation methods

What `wb.explain(model, volume, method=...)` can be; `wb.explain.methods()` lists them.
{"".join(parts)}"""


def tools_page() -> str:
    """Return the tools with what they take and give, and their options."""
    parts = []
    for tool in tools.list():
        card = tools.card(tool.name)
        facts = table(("", ""), [(label, text(value)) for label, value in card.facts()])
        options = _options(tool.parameters) if tool.parameters else ""
        parts.append(f"\n## {text(tool.title)}\n\n{code(tool.name)}: {text(tool.summary)}\n\n{facts}\n{options}\n")
    return f"""# Tools

What `wb.tools.<name>(...)` can be; `wb.tools.list()` lists them.
{"".join(parts)}"""


def command_line_page() -> str:
    """Return what each command says of itself."""
    parser = _commands._parser()
    [commands] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    parts = [f"\n## {name}\n\n```text\n{_help(command)}```\n" for name, command in commands.choices.items()]
    return f"""# Command line

```text
{_help(parser)}```
{"".join(parts)}"""


def _help(parser: argparse.ArgumentParser) -> str:
    # the width of the terminal that builds the site is no concern of its reader
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
    return parser.format_help()


def _port(port: Any) -> tuple[str, ...]:
    return code(port.name), code(port.shape), text(port.range)


def _options(parameters: Mapping[str, Parameter]) -> str:
    """Return the one table of options, the same for all that takes some."""
    rows = [
        (code(one.name), text(one.rule if one.kind != "any" else ""), _default(one), text(one.help))
        for one in parameters.values()
    ]
    return table(("option", "takes", "default", ""), rows)


def _default(one: Parameter) -> str:
    if one.required:
        return "required"
    return "" if one.default is None else code(plain(one.default))


def _count(count: Any) -> tuple[str, ...]:
    return _pairs(count.options) or "default", str(count.in_channels), str(count.num_classes), f"{count.count:,}"


def _figure(figure: Any) -> tuple[str, ...]:
    source = ", ".join(filter(None, [figure.source, figure.date]))
    return text(figure.data), text(figure.metric), f"{figure.value:g}", text(source)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(code(f"{name}={value}") for name, value in values.items())


def _make(app: Sphinx, config: Config) -> None:
    del config
    made = Path(app.confdir) / "generated"
    algorithms = {f"{card.name}.md": algorithm_page(card) for card in zoo.cards()}
    _pages.write(made / "zoo", {"index.md": algorithms_page(), **algorithms})
    catalogue = {
        "data-sets.md": datasets_page(),
        "explanation-methods.md": methods_page(),
        "tools.md": tools_page(),
        "command-line.md": command_line_page(),
    }
    _pages.write(made / "catalogue", catalogue)


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the pages before Sphinx looks for them."""
    app.connect("config-inited", _make)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
