"""The site is whole: built without a warning, with no dead link of its own, and with nothing that is fetched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sphinx.util.inventory import InventoryFile

import workbench as wb
from tests.docs.site import ROOT, Page, build, in_style, is_outside, target
from workbench import datasets, explain, tools, zoo
from workbench.cli import _commands


@pytest.fixture(scope="module")
def pages() -> dict[Path, Page]:
    made = (path for path in sorted(build().rglob("*.html")) if "_static" not in path.parts)
    return {path: Page(path.read_text("utf-8")) for path in made}


def test_it_is_built_without_a_warning(pages: dict[Path, Page]) -> None:
    assert len(pages) > 60
    assert (build() / "index.html") in pages
    assert "url=docs/index.html" in (build() / "index.html").read_text("utf-8")


def test_no_link_is_dead(pages: dict[Path, Page]) -> None:
    dead = []
    for path, page in pages.items():
        for address in [*page.links, *page.asked]:
            if is_outside(address) or address.startswith("data:"):
                continue
            file, anchor = target(path, address)
            known = pages[file].anchors if file in pages else set()
            if not file.exists() or (anchor and file in pages and anchor not in known):
                dead.append(f"{path.relative_to(build())}: {address}")
    assert not dead


def test_nothing_is_fetched_from_another_host(pages: dict[Path, Page]) -> None:
    asked = {address: path.name for path, page in pages.items() for address in page.asked}
    for sheet in build().rglob("*.css"):
        asked |= dict.fromkeys(in_style(sheet.read_text("utf-8")), sheet.name)
    assert len(asked) > 10
    assert {address: name for address, name in asked.items() if is_outside(address)} == {}


def test_links_to_other_hosts_are_safe(pages: dict[Path, Page]) -> None:
    outside = {address for page in pages.values() for address in page.links if is_outside(address)}
    assert outside
    assert [address for address in outside if not re.match(r"https://|mailto:", address)] == []


def test_no_page_tells_where_it_was_built(pages: dict[Path, Page]) -> None:
    for place in (str(ROOT), str(Path.home())):
        assert [path.name for path, page in pages.items() if place in page.text] == []


def test_every_public_name_has_a_place(pages: dict[Path, Page]) -> None:
    with (build() / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, address: address)
    known = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    for name in ("Dataset.subset", "io.read", "io.Format.sniff", "explain.Region", "zoo.Model.predict", "training.Run"):
        assert any(f"workbench.{room}{name}" in known for room in ("", "datasets.")), name
    index = (build() / "docs" / "generated" / "api" / "index.html").read_text("utf-8")
    for name in wb.__all__:
        assert name in wb._ROOMS or f"wb.{name}" in index, name


def test_every_card_is_shown() -> None:
    made = build() / "docs" / "generated"
    for card in zoo.cards():
        text = (made / "zoo" / f"{card.name}.html").read_text("utf-8")
        assert all(f"{count.count:,}" in text for count in card.parameters), card.name
        assert all(f">{name}<" in text for name in [*card.options, *card.variants]), card.name
    sets = Page((made / "catalogue" / "data-sets.html").read_text("utf-8"))
    assert {card.name for card in datasets.list()} <= sets.anchors
    methods = (made / "catalogue" / "explanation-methods.html").read_text("utf-8")
    assert all(f">{method.name}<" in methods for method in explain.methods())
    page = (made / "catalogue" / "tools.html").read_text("utf-8")
    assert all(f">{name}<" in page for tool in tools.list() for name in [tool.name, *tool.parameters])
    commands = (made / "catalogue" / "command-line.html").read_text("utf-8")
    assert all(f"workbench {name}" in commands for name in _commands._parser()._subparsers._group_actions[0].choices)
