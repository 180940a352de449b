"""Signatures without what stands beside a type: limits and labels are told in the table of options."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

_BEGIN = "Annotated["


def plain(signature: str) -> str:
    """Return a signature in which ``Annotated[float, Range(0, 1)]`` is ``float``."""
    while (start := signature.find(_BEGIN)) >= 0:
        depth, first, end = 0, 0, start + len(_BEGIN)
        while depth >= 0:
            letter = signature[end]
            depth += (letter in "([{") - (letter in ")]}")
            if letter == "," and depth == 0 and not first:
                first = end
            end += 1
        signature = signature[:start] + signature[start + len(_BEGIN) : first] + signature[end:]
    return signature


def _process(
    _app: Sphinx, _what: str, _name: str, _thing: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    return signature and plain(signature), returns and plain(returns)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-signature", _process)
    return {"parallel_read_safe": True}
