"""The built site as the tests read it: every page with what it links to, asks for and can be linked to at."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "docs" / "_build"
SITE = BUILD / "html"
#: Elements that a browser asks for by itself, and by which attribute.
_ASKED = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "link": "href", "object": "data", "script": "src",
    "source": "src", "video": "src",
}  # fmt: skip
#: Links of `<link>` that say where something is, and are not asked for.
_TOLD = {"canonical", "next", "prev", "search", "index", "author", "alternate"}


def build() -> Path:
    """Build the site once, anew, so that every warning is seen, and return its folder; any warning is an error."""
    done = _run_sphinx()
    assert done.returncode == 0, done.stdout + done.stderr
    return SITE


@cache
def _run_sphinx() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--fresh-env", "--quiet"]
    command += ["--conf-dir", str(ROOT / "docs"), "--doctree-dir", str(BUILD / "doctrees"), str(ROOT), str(SITE)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


@dataclass
class Page(HTMLParser):
    """What one page of HTML links to, asks for, and can be linked to at."""

    text: str
    links: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        told = tag == "link" and set(given.get("rel", "").split()) & _TOLD
        if tag in _ASKED and _ASKED[tag] in given and not told:
            self.asked.append(given[_ASKED[tag]])
        if "style" in given:
            self.asked += in_style(given["style"])


def in_style(text: str) -> list[str]:
    """Return what a style sheet asks for."""
    found = re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import\s+['\"]([^'\"]+)", text)
    return [address for address in found if not address.startswith("data:")]


def is_outside(address: str) -> bool:
    """Tell whether an address is on another host."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}


def target(page: Path, address: str) -> tuple[Path, str]:
    """Return the file that an address on a page leads to, and the anchor in it."""
    parts = urlsplit(address)
    place = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
    return (place / "index.html" if place.is_dir() else place), unquote(parts.fragment)
