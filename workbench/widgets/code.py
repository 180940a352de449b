"""Copy as code: pieces of Python put together so that they read well and run in a fresh notebook."""

from __future__ import annotations

from typing import Any

_WIDTH = 100
_IMPORT = "import workbench as wb"


def call(target: str, function: str, first: str = "", last: str = "", **arguments: Any) -> str:
    """Return ``target = function(first, name=value, ..., last)``, on several lines where it is long.

    Parameters
    ----------
    first, last : str
        Arguments that are code already.
    **arguments
        Arguments whose values are written as literals.
    """
    parts = [first, *(f"{name}={value!r}" for name, value in arguments.items()), last]
    parts = [part for part in parts if part]
    line = f"{target} = {function}({', '.join(parts)})"
    if len(line) <= _WIDTH:
        return line
    inner = "".join(f"    {part},\n" for part in parts)
    return f"{target} = {function}(\n{inner})"


def page(*parts: str, show: str = "") -> str:
    """Return parts one below the other with the imports on top, each part once; `show` is the last expression."""
    imports: list[str] = [_IMPORT]
    bodies: list[str] = []
    for part in parts:
        lines = part.strip().splitlines()
        imports += [line for line in lines if line.startswith(("import ", "from ")) and line not in imports]
        body = "\n".join(line for line in lines if not line.startswith(("import ", "from "))).strip("\n")
        if body and body not in bodies:
            bodies.append(body)
    return "\n".join(imports) + "\n\n" + "\n\n".join(bodies + [show] * bool(show)) + "\n"
