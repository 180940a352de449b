"""Write down in TypeScript what the Python half of each widget says and hears: ``widgets/src/generated/``.

``python widgets/generate.py`` writes the files, ``--check`` tells whether they are as they should be (a test does).

Each file mirrors a Python module. A `TypedDict` becomes an interface. A widget becomes one, too, with its synchronised
traits (``state``), what the page may ask it to do (``actions``, with the arguments of the methods), the questions that
it answers (``questions``), and the messages it sends and takes (``says``, ``hears``).
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import anywidget
import traitlets as t

from workbench import widgets
from workbench.lab import file_types, runs
from workbench.widgets import backends, messages, transfer
from workbench.widgets.desk_panel import DeskPanel
from workbench.widgets.panel import Panel
from workbench.widgets.viewer import Viewer

OUT = Path(__file__).resolve().parent / "src" / "generated"
HEAD = "// Written by widgets/generate.py from {module}. Change it there, and run `npm run generate`.\n"
#: What no widget names in its traits and messages, but TypeScript reads.
ALSO = (messages.Refusal, transfer.Described, transfer.Header, file_types.FileTypes, runs.RunsAnswer, runs.CurvesAnswer)
#: Widgets that are nothing by themselves: others are made of them, and what is common to all is written to them.
BASES = (Panel, DeskPanel, Viewer)
_PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", bytes: "DataView", Path: "string"}
_TRAITS = {t.Unicode: "string", t.Bool: "boolean", t.Int: "number", t.Float: "number", t.Bytes: "DataView"}

_NOTHING = "Record<string, never>"


class UntranslatableError(TypeError):
    """A type that is no plain data."""


class Module:
    """The TypeScript of one Python module: its interfaces in the order in which they were needed."""

    def __init__(self, files: Files, name: str) -> None:
        self._files, self.name = files, name
        self.interfaces: dict[str, str] = {}
        self.imports: dict[str, set[str]] = {}

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[2].lstrip("_")

    def text(self) -> str:
        imports = [
            f'import type {{ {", ".join(sorted(names))} }} from "./{stem}";\n'
            for stem, names in sorted(self.imports.items())
        ]
        parts = [HEAD.format(module=self.name), "".join(imports), *self.interfaces.values()]
        return "\n".join(part for part in parts if part)

    # -- types --------------------------------------------------------------------------------------------

    def ts(self, hint: Any) -> str:
        """Return a type in TypeScript.

        Raises
        ------
        UntranslatableError
            If it is not plain data.
        """
        origin, arguments = get_origin(hint), get_args(hint)
        if hint is None or hint is type(None):
            return "null"
        if hint in (Any, object):
            return "unknown"
        if isinstance(hint, type) and hint in _PLAIN:
            return _PLAIN[hint]
        if is_typeddict(hint):
            return self.named(hint)
        if origin in (Annotated, NotRequired):
            return self.ts(arguments[0])
        if origin is Literal:
            return " | ".join(f'"{one}"' if isinstance(one, str) else str(one).lower() for one in arguments)
        if origin in (Union, types.UnionType):
            return " | ".join(dict.fromkeys(self.ts(one) for one in arguments))
        if origin is tuple and arguments[-1:] != (...,):
            return f"[{', '.join(self.ts(one) for one in arguments)}]"
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return f"Record<{self.ts(arguments[0])}, {self.ts(arguments[1])}>"
        if isinstance(origin, type) and issubclass(origin, Iterable):
            element = self.ts(arguments[0])
            return f"({element})[]" if " | " in element else f"{element}[]"
        raise UntranslatableError(f"{hint!r} is no plain data: say its shape as a TypedDict.")

    def named(self, shape: type) -> str:
        """Write a TypedDict or a widget into the file of its module; return its name here."""
        home = self._files.module(shape.__module__)
        if shape.__name__ not in home.interfaces:
            home.interfaces[shape.__name__] = ""  # it may name itself
            write = home.typed_dict if is_typeddict(shape) else home.widget
            home.interfaces[shape.__name__] = write(shape)
        if home is not self:
            self.imports.setdefault(home.stem, set()).add(shape.__name__)
        return shape.__name__

    def typed_dict(self, shape: Any) -> str:
        fields = {}
        for name, hint in get_type_hints(shape, include_extras=True).items():
            optional = name in shape.__optional_keys__ or get_origin(hint) is NotRequired
            fields[name] = (self.ts(hint), optional, _documented(hint))
        return _interface(shape, _body(fields))

    # -- widgets ------------------------------------------------------------------------------------------

    def widget(self, kind: type[anywidget.AnyWidget]) -> str:
        """Write a widget: what is its own, and of what base the rest is."""
        base = next((one for one in kind.__mro__[1:] if one in BASES), None)
        inherited = self.named(base) if base is not None else ""
        parts: dict[str, str] = {"state": self._state(kind, base)}
        if issubclass(kind, Panel):
            parts["actions"], parts["questions"] = self._actions(kind, base), self._questions(kind, base)
        if inherited:
            parts = {name: f'{inherited}["{name}"]{text and f" & {text}"}' for name, text in parts.items()}
        for name in ("hears", "says"):
            if hasattr(kind, name):
                parts[name] = " | ".join(self.ts(one) for one in getattr(kind, name)) or "never"
        return _interface(kind, _body({name: (text, False, "") for name, text in parts.items()}))

    def _state(self, kind: type, base: type | None) -> str:
        fields = {}
        for name, trait in kind.class_traits(sync=True).items():  # type: ignore[attr-defined]
            if _ours(kind, name) and not (base is not None and _ours(base, name)):
                fields[name] = (self._trait(f"{kind.__name__}.{name}", trait), False, trait.help)
        return _body(fields, "  ")

    def _trait(self, place: str, trait: Any) -> str:
        shape = trait.metadata.get("shape")
        if shape is not None:
            return self.ts(shape)
        if isinstance(trait, t.Enum):
            return " | ".join(f'"{one}"' for one in trait.values)
        if isinstance(trait, t.Tuple):
            return f"[{', '.join(self._trait(place, one) for one in trait._traits)}]"
        if isinstance(trait, t.List) and trait._trait is not None:
            return f"{self._trait(place, trait._trait)}[]"
        for known, text in _TRAITS.items():
            if isinstance(trait, known):
                return text
        raise UntranslatableError(
            f"{place} is a {type(trait).__name__}: say what is in it, as synced(list[Row], t.List())."
        )

    def _actions(self, kind: type[Panel], base: type | None) -> str:
        theirs = _methods(base) if base is not None else {}
        fields = {}
        for action, method in _methods(kind).items():
            if action not in theirs:
                fields[action] = (self._arguments(getattr(kind, method)), False, _first_line(getattr(kind, method)))
        return _body(fields, "  ")

    def _questions(self, kind: type[Panel], base: type | None) -> str:
        fields = {}
        if base is None:
            fields["code"] = (
                _asked(_NOTHING, self.ts(messages.CodeAnswer)),
                False,
                "The Python code of what was done.",
            )
        for question, method in kind.questions.items():
            function = getattr(kind, method)
            answer = self.ts(_hints(function)["return"])
            fields[question] = (_asked(self._arguments(function), answer), False, _first_line(function))
        return _body(fields, "  ")

    def _arguments(self, function: Any) -> str:
        hints, parts = _hints(function), []
        for one in list(inspect.signature(function).parameters.values())[1:]:
            if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
                optional = "" if one.default is one.empty else "?"
                parts.append(f"{one.name}{optional}: {self._plain(hints[one.name])}")
        return f"{{ {'; '.join(parts)} }}" if parts else _NOTHING

    def _plain(self, hint: Any) -> str:
        """Return an argument in TypeScript; what the page cannot send, such as a run beside its name, is left out."""
        found = []
        for one in get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,):
            try:
                found.append(self.ts(one))
            except UntranslatableError:
                continue
        if not found:
            raise UntranslatableError(f"{hint!r} cannot be sent by a page.")
        return " | ".join(dict.fromkeys(found))


class Files:
    """All modules that are written, by name."""

    def __init__(self) -> None:
        self.modules: dict[str, Module] = {}

    def module(self, name: str) -> Module:
        if name not in self.modules:
            self.modules[name] = Module(self, name)
            stems = [one.stem for one in self.modules.values()]
            assert len(stems) == len(set(stems)), f"two modules are called {self.modules[name].stem}"
        return self.modules[name]


def generated() -> dict[str, str]:
    """Return every file by its name."""
    files = Files()
    for shape in (*BASES, *_widgets(), *ALSO):
        files.module(shape.__module__).named(shape)
    return {f"{one.stem}.ts": one.text() for one in files.modules.values()}


def _widgets() -> list[type[anywidget.AnyWidget]]:
    """Return the widgets that have a half of their own in the browser."""
    found = []
    for package in (widgets, backends):
        for module in pkgutil.iter_modules(package.__path__):
            name = f"{package.__name__}.{module.name}"
            source = Path(package.__path__[0], f"{module.name}.py")
            # a viewer of another package need not be installed
            if source.is_file() and "_esm = " in source.read_text():
                things = vars(importlib.import_module(name)).values()
                found += [
                    one for one in things if isinstance(one, type) and one.__module__ == name and "_esm" in vars(one)
                ]
    return found


def _ours(kind: type, trait: str) -> bool:
    """Return whether a trait was declared for a widget, and is not one that every widget has."""
    homes = [one for one in kind.__mro__ if trait in vars(one)]
    return bool(homes) and homes[-1].__module__.partition(".")[0] not in ("ipywidgets", "anywidget", "traitlets")


def _methods(kind: Any) -> dict[str, str]:
    """Return the methods that the page may have called, by the name of the action; see `Panel`."""
    quick = {name: name for name in sorted(kind.quick) if name not in (*kind.actions, "code")}
    return quick | dict(kind.actions)


def _hints(function: Any) -> dict[str, Any]:
    """Return the types of a method; those that are known to type checkers only stay what they are: text."""
    found = {}
    for name, annotation in function.__annotations__.items():
        stub = type("stub", (), {"__annotations__": {name: annotation}, "__module__": function.__module__})
        try:
            found |= get_type_hints(stub, include_extras=True)
        except NameError:
            found[name] = annotation
    return found


def _documented(hint: Any) -> str:
    if get_origin(hint) is NotRequired:
        return _documented(get_args(hint)[0])
    return (
        next((one for one in get_args(hint)[1:] if isinstance(one, str)), "") if get_origin(hint) is Annotated else ""
    )


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


def _asked(values: str, answer: str) -> str:
    return f"{{ asks: {values}; answer: {answer} }}"


def _interface(shape: type, body: str) -> str:
    return f"/** {_first_line(shape)} */\nexport interface {shape.__name__} {body}\n"


def _body(fields: Mapping[str, tuple[str, bool, str]], indent: str = "") -> str:
    if not fields:
        return ""
    lines = []
    for name, (text, optional, documented) in fields.items():
        if documented:
            lines.append(f"{indent}  /** {documented} */\n")
        lines.append(f"{indent}  {name}{'?' if optional else ''}: {text};\n")
    return f"{{\n{''.join(lines)}{indent}}}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or tell which are not as they should be; 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not up to date")
    parser.add_argument("--out", type=Path, default=OUT, help="where the files are")
    given = parser.parse_args(arguments)
    wanted = generated()
    held = {path.name: path.read_text() for path in given.out.glob("*.ts")}
    stale = sorted(name for name in wanted.keys() | held.keys() if wanted.get(name) != held.get(name))
    if given.check:
        if stale:
            print(f"Not up to date: {', '.join(stale)}. Run `npm run generate` in widgets/ and commit what it wrote.")
        return 1 if stale else 0
    given.out.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (given.out / name).write_text(wanted[name])
        else:
            (given.out / name).unlink()
    print(f"{len(stale)} of {len(wanted)} files written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
