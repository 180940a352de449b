"""Lists of pages that are not written down: what a README links to, and what is listed nowhere else.

A code host shows the README as the page of its folder, so it cannot hold a list for Sphinx; its links are that list.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

_PAGE = re.compile(r"\]\((?!https?:)([\w./-]+)\.md\)")


def children(text: str) -> list[str]:
    """Return the pages that a page links to, each once."""
    return list(dict.fromkeys(_PAGE.findall(text)))


def unlisted(folder: Path) -> list[str]:
    """Return the pages of the documentation's own folder that none of its pages of lists names."""
    lists = [folder / "index.md", folder / "project.md", folder / "reference.md", *folder.glob("*/README.md")]
    named = set(re.findall(r"[\w-]+", " ".join(file.read_text("utf-8") for file in lists))) | {"index"}
    return [page.stem for page in sorted(folder.glob("*.md")) if page.stem not in named]


def _add(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname.startswith("docs/") and docname.endswith("/README"):
        source[0] += _toctree(children(source[0]), ":hidden:")
    if docname == "docs/project":
        source[0] += _toctree(unlisted(Path(app.confdir)), ":caption: More")


def _toctree(pages: list[str], option: str) -> str:
    listing = "\n".join(pages)
    return f"\n```{{toctree}}\n{option}\n\n{listing}\n```\n" if pages else ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Read each README with its list."""
    app.connect("source-read", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
