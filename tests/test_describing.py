"""What anything takes, as a table."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.training import Recipe


@pytest.mark.parametrize(
    ("thing", "title", "option", "cells"),
    [
        ("3d-unet", "3d-unet: 3D U-Net", "depth", ("a whole number, at least 2 and at most 6", "4")),
        ("occlusion", "occlusion: how much", "window_mm", ("one number of mm, above 0, or one for each axis", "")),
        ("phantom-ct", "phantom-ct: Made-up CT", "n", ("a whole number, at least 1", "40")),
        (wb.read, "read: Read a medical image", "path", ("a path", "required")),
        (Recipe, "Recipe: Everything that decides", "epochs", ("a whole number, at least 1", "10")),
        (wb.explain.methods()[0], "grad-cam", "relu", ("True or False", "True")),
        (wb.zoo.card("unetr"), "unetr", "embed", ()),
    ],
)
def test_options_with_rule_and_default(thing: object, title: str, option: str, cells: tuple[str, ...]) -> None:
    found = wb.describe(thing)
    assert found.title.startswith(title)
    if cells:
        (one,) = [one for one in found if one.name == option]
        assert found.row(one)[1:3] == cells
        assert one.help
    line = next(line for line in repr(found).splitlines() if line.startswith(found[0].name))
    assert found[0].help in line
    assert "<table>" in found._repr_html_()


def test_every_algorithm_method_and_data_set_is_described_with_a_meaning_for_each_option() -> None:
    names = [card.name for card in wb.zoo.list()] + [one.name for one in wb.explain.methods()]
    for name in names + [card.name for card in wb.datasets.list()]:
        for one in wb.describe(name):
            assert one.help, (name, one.name)
            assert one.rule
            assert "`" not in one.help


def test_what_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'occlusion'"):
        wb.describe("oclusion")
    with pytest.raises(InputError, match=r"a name, a function or something with options, got 3\."):
        wb.describe(3)


def test_html_is_escaped() -> None:
    def odd(value: int = 1) -> None:
        """Take <b>one</b>.

        Parameters
        ----------
        value : int
            Below <3>.
        """

    shown = wb.describe(odd)._repr_html_()
    assert "&lt;b&gt;one&lt;/b&gt;" in shown
    assert "Below &lt;3&gt;." in shown
