"""Copy as code: pieces of Python put together so that they read well and run in a fresh notebook."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

_WIDTH = 100
_IMPORT = "import workbench as wb"


class Code(str):
    """An expression, to be written as it is and not as a literal."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def call(target: str, function: str, /, *given: str, last: str = "", **arguments: Any) -> str:
    """Return ``target = function(given, name=value, ..., last)``, on several lines where it is long.

    Parameters
    ----------
    target : str
        What it is assigned to; empty for an expression.
    *given, last : str
        Arguments that are code already.
    **arguments
        Arguments whose values are written as literals, or as they are if they are `Code`.
    """
    parts = [*given, *(f"{name}={value!r}" for name, value in arguments.items()), last]
    parts = [part for part in parts if part]
    assigned = f"{target} = " if target else ""
    line = f"{assigned}{function}({', '.join(parts)})"
    if len(line) <= _WIDTH and "\n" not in line:
        return line
    inner = "".join("    " + part.replace("\n", "\n    ") + ",\n" for part in parts)
    return f"{assigned}{function}(\n{inner})"


def path_code(path: str | Path) -> Code:
    """Return the expression for a path: relative to the kernel's working directory, the same on every platform.

    Examples
    --------
    >>> path_code(Path.cwd() / "runs" / "first")
    Path('runs/first')
    """
    whole = Path(path).expanduser().resolve()
    try:
        shown = Path(os.path.relpath(whole, Path.cwd()))
    except ValueError:  # on another drive of Windows there is no way from here
        shown = whole
    return Code(f"Path({shown.as_posix()!r})")


def page(*parts: str, show: str = "") -> str:
    """Return parts one below the other with the imports on top, each part once; `show` is the last expression."""
    imports: list[str] = [_IMPORT]
    bodies: list[str] = []
    for part in parts:
        lines = part.strip().splitlines()
        imports += [line for line in lines if line.startswith(("import ", "from ")) and line not in imports]
        rest = "\n".join(line for line in lines if not line.startswith(("import ", "from "))).strip("\n")
        body = re.sub(r"\n{3,}", "\n\n", rest)  # where an import stood
        if body and body not in bodies:
            bodies.append(body)
    bodies += [show] * bool(show)
    if any("Path(" in body for body in bodies):
        imports.append("from pathlib import Path")
    return "\n".join(sorted(imports, key=_import_order)) + "\n\n" + "\n\n".join(bodies) + "\n"


def _import_order(line: str) -> tuple[bool, bool, str]:
    """Sort the standard library before what is installed, as every formatter does."""
    return "workbench" in line, line.startswith("from "), line
