"""Which tools there are: built in, brought by packages, broken ones."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable

import pytest

import workbench as wb
from tests.tools.test_base import brighten, two_things
from workbench.errors import InputError, StateError
from workbench.tools.catalogue import TOOLS
from workbench.tools.listing import Tools

OWN = [
    "macenko", "resample", "n4-bias-correction", "window", "distance-map", "measure", "largest-component",
    "remove-small",
]  # fmt: skip


def test_those_of_the_room_are_listed_by_group() -> None:
    found = wb.tools.list()
    assert [one.name for one in found if one.function.__module__.startswith("workbench.")] == OWN
    assert isinstance(found, Tools)
    lines = repr(found).splitlines()
    assert lines[0].split() == ["name", "group", "takes", "gives", "summary"]
    assert any(line.startswith("measure ") and "labels, image (optional)" in line for line in lines)
    assert found._repr_html_().count("<tr>") == len(found) + 1
    assert ">remove-small</td>" in found._repr_html_()


def test_a_card_says_what_there_is_to_know() -> None:
    text = repr(wb.tools.card("remove-small"))
    assert text.splitlines()[0] == "Remove small parts (remove-small)"
    assert "takes      labels: a Volume of kind 'labels' with 1 channel" in text
    assert "a number of mm3, at least 0" in text
    assert "on a grid of its own" in repr(wb.tools.card("resample"))
    page = wb.tools.card("n4_bias_correction")._repr_html_()
    assert "a whole number, at least 1 and at most 16</td>" in page
    assert ">shrink</td>" in page


@pytest.mark.parametrize("ask", [wb.tools.get, wb.tools.card])
def test_an_unknown_name_tells_the_nearest(ask: Callable[[str], object]) -> None:
    with pytest.raises(InputError, match=r"Unknown tool 'remove-smal'\. Did you mean 'remove-small'"):
        ask("remove_smal")


def test_so_does_an_attribute() -> None:
    with pytest.raises(AttributeError, match=r"Did you mean 'distance-map'"):
        _ = wb.tools.distance_mop
    assert not hasattr(wb.tools, "_repr_nothing_")


def test_packages_bring_tools_by_function_list_or_module(plug_ins: Callable[..., None]) -> None:
    for thing, names in ((brighten, {"brighten"}), ([brighten, two_things], {"brighten", "two-things"})):
        plug_ins(TOOLS, mine=thing)
        assert {*TOOLS.names()} - {*OWN} == names
    module = types.ModuleType(brighten.__module__)
    vars(module).update(one=brighten, imported=wb.tools.window, other=3)
    plug_ins(TOOLS, mine=module)
    assert {*TOOLS.names()} - {*OWN} == {"brighten"}
    assert wb.tools.brighten is brighten


def test_a_broken_package_is_warned_of_and_hides_nothing(plug_ins: Callable[..., None]) -> None:
    plug_ins(TOOLS, fine=brighten, broken=ImportError("no such module"), wrong=3)
    with pytest.warns(UserWarning, match="tool plug-in") as told:
        names = wb.tools.list()
    assert len(told) == 2
    assert {one.name for one in names} == {*OWN, "brighten"}
    with pytest.raises(StateError, match=r"'broken'.*no such module"):
        wb.tools.get("broken")


def test_a_name_given_twice_names_both(plug_ins: Callable[..., None]) -> None:
    plug_ins(TOOLS, one=brighten, other=[brighten])
    with pytest.warns(UserWarning, match="Two tools are called 'brighten'"):
        assert {one.name for one in wb.tools.list()} == {*OWN}
    with pytest.raises(StateError, match="Two tools are called 'brighten'"):
        wb.tools.get("brighten")


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys, workbench as wb\n"
        "assert 'workbench.tools' not in sys.modules\n"
        "names = [one.name for one in wb.tools.list()]\n"
        "print(len(names), [m for m in ('torch', 'SimpleITK', 'monai', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{len(OWN)} []"
