"""``workbench tool``: a tool on files, with a flag for each of its options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import FileError, InputError, check_keywords

if TYPE_CHECKING:
    from workbench.parameters import Parameter
    from workbench.tools import Port, Table, Tool
    from workbench.volume import Volume

_KINDS = ("image", "labels", "scores")
#: Kinds that a file must say it is of, or somebody for it: numbers alone do not tell.
_SAID = ("labels", "scores")


def tool(arguments: Sequence[str]) -> int:
    """Run ``workbench tool NAME ...`` and return its exit code: 0 done, 2 wrong usage; other errors are raised."""
    from workbench import tools
    from workbench.work import Work

    chosen = tools.get(arguments[0])
    parser = _parser(chosen)
    if {"-h", "--help"} & set(arguments[1:]):
        parser.print_usage()
        print(f"\n{tools.card(chosen.name)}")
        return 0
    # a table needs no file, and its place may come after an option: argparse alone would take it for left out
    given, rest = parser.parse_known_intermixed_args(arguments[1:])
    try:
        options = _options(chosen, vars(given), rest)
    except InputError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 2
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    targets = {name: getattr(given, f"out {name}") for name in chosen.outputs}
    _check_targets(chosen, targets)
    inputs = {
        name: _read(path, port, given.read_as, chosen.name)
        for name, port in chosen.inputs.items()
        if (path := getattr(given, f"in {name}")) is not None
    }
    made = chosen(**inputs, **options, work=Work(_shown(chosen.name)))
    for name, result in chosen.results(made):
        _write(result, targets[name])
    return 0


def _parser(chosen: Tool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"workbench tool {chosen.name}", allow_abbrev=False, add_help=False)
    for name, port in chosen.inputs.items():
        if port.optional:
            parser.add_argument(*_flags(name), dest=f"in {name}", metavar="FILE")
        else:
            parser.add_argument(f"in {name}", metavar=name.upper())
    for name, port in chosen.outputs.items():
        more: dict[str, Any] = {"nargs": "?"} if port.kind == "table" else {}
        parser.add_argument(f"out {name}", metavar=f"RESULT_{name.upper()}", **more)
    taken = {port.kind for port in chosen.inputs.values()}
    if kinds := _KINDS if "volume" in taken else [kind for kind in _SAID if kind in taken]:
        parser.add_argument("--read-as", choices=kinds)
    else:
        parser.set_defaults(read_as=None)
    for name, parameter in chosen.parameters.items():
        action: dict[str, Any] = {"metavar": parameter.kind.upper()}
        if parameter.kind == "flag":
            action = {"action": argparse.BooleanOptionalAction}
        parser.add_argument(*_flags(name), dest=f"option {name}", default=None, **action)
    return parser


def _options(chosen: Tool, given: dict[str, Any], rest: list[str]) -> dict[str, Any]:
    """Return the value of every option.

    Raises
    ------
    InputError
        If one is unknown or breaks its rule.
    """
    flags = [word[2:].partition("=")[0].replace("-", "_") for word in rest if word.startswith("--")]
    optional = [name for name, port in chosen.inputs.items() if port.optional]
    check_keywords(flags, [*optional, *chosen.parameters], chosen.name)
    typed = {
        name: _value(parameter, text, chosen.name)
        for name, parameter in chosen.parameters.items()
        if (text := given[f"option {name}"]) is not None
    }
    return chosen.check_options(typed)


def _value(parameter: Parameter, text: Any, owner: str) -> Any:
    return parameter.default if (value := parameter.read(text, owner)) is None else value


def _flags(name: str) -> list[str]:
    """Return both spellings of a flag; a name of one word has one."""
    return list(dict.fromkeys([f"--{name.replace('_', '-')}", f"--{name}"]))


def _check_targets(chosen: Tool, targets: dict[str, str | None]) -> None:
    """Raise if a result could not be written, before anything is computed."""
    from workbench.io._registry import format_for

    for name, target in targets.items():
        if target is None or target == "-":
            continue
        if chosen.outputs[name].kind != "table":
            format_for(Path(target))
        if not Path(target).expanduser().parent.is_dir():
            raise FileError(f"The folder of {target} does not exist. Make it first, or write elsewhere.")


def _read(path: str, port: Port, read_as: str | None, owner: str) -> Volume:
    from workbench import io

    if port.kind == "table":
        raise InputError(f"{port.name!r} is a table, which only code can give: wb.tools.get(name)(...).")
    found = io.read(path, kind=read_as if port.kind in ("volume", read_as) else None)
    if port.kind in _SAID and found.kind == "image":
        raise InputError(
            f"{owner}: {port.name} must be a file that says it holds {port.kind}, got {path}, which says nothing or "
            f"that it is an image. If that is what its values mean, say so: --read-as {port.kind}."
        )
    return found


def _write(result: Volume | Table, target: str | None) -> None:
    from workbench import io
    from workbench.tools import Table

    if not isinstance(result, Table):
        print(io.write(result, str(target)))
    elif target is None or target == "-":
        print(result.to_csv(), end="")
    else:
        result.to_csv(target)
        print(target)


def _shown(name: str) -> Any:
    """Return what shows progress, where somebody looks."""
    if not sys.stderr.isatty():
        return None

    def show(fraction: float, text: str) -> None:
        end = "\n" if fraction == 1 else ""
        print(f"\r{name}: {fraction:4.0%} {text:<24}", end=end, file=sys.stderr, flush=True)

    return show
