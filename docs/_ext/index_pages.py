"""Lists of pages that are not written down: what a README links to.

A code host shows the README as the page of its folder, so it cannot hold a list for Sphinx; its links are that list.
Sphinx warns of a page that no list names, which the build takes for an error.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

_PAGE = re.compile(r"\]\((?!https?:)([\w./-]+)\.md\)")


def children(text: str) -> list[str]:
    """Return the pages that a page links to, each once."""
    return list(dict.fromkeys(_PAGE.findall(text)))


def _add(_app: Sphinx, docname: str, source: list[str]) -> None:
    if docname.startswith("docs/") and docname.endswith("/README"):
        listing = "\n".join(children(source[0]))
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{listing}\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Read each README with its list."""
    app.connect("source-read", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
