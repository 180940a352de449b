"""Names, options and plug-ins."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from workbench import datasets
from workbench.datasets import Card, Entry, from_list
from workbench.datasets.catalogue import DATASETS
from workbench.errors import InputError


def test_the_list_is_a_table():
    cards = datasets.list()
    names = [card.name for card in cards]
    assert {"phantom-xray", "phantom-ct", "hippocampus", "breastmnist", "folder", "memory"} <= set(names)
    lines = repr(cards).splitlines()
    assert lines[0].split()[:3] == ["name", "title", "task"]
    assert len(lines) == len(cards) + 1
    assert "<td" in cards._repr_html_()
    assert "CC BY-SA 4.0" in repr(datasets.card("hippocampus"))
    assert datasets.card("breastmnist").to_dict()["classes"] == ["malignant", "normal, benign"]


def test_unknown_names_and_options_name_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'hippocampus'"):
        datasets.load("hipocampus")
    with pytest.raises(InputError, match=r"'spacng'.*Did you mean 'spacing'"):
        datasets.load("phantom-ct", spacng=1)
    assert datasets.options("phantom-ct")["seed"] == 0


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {},
        {"name": "phantom-ct", "option": {}},
        {"name": "x", "parent": {"name": "phantom-ct"}},
        {"name": "nope"},
        {"name": "folder", "options": 3},
    ],
)
def test_bad_specs_are_named(spec):
    with pytest.raises(InputError):
        datasets.from_spec(spec)


def mine(scale=1):
    return from_list([(np.full((3, 3), float(scale)), 0)], task="classification")


def entry():
    return Entry(Card(name="mine", title="Mine", tasks=("classification",)), mine)


def test_plug_ins_are_loaded_and_broken_ones_do_not_take_the_rest_along(plug_ins):
    plug_ins(DATASETS, good=lambda: [entry()], bad=ImportError("no such thing"))
    with pytest.warns(UserWarning, match=r"'bad'.*no such thing"):
        names = [card.name for card in datasets.list()]
    assert "mine" in names
    assert "phantom-ct" in names
    assert datasets.load("mine", scale=4)[0]["image"].data.max() == 4
    with pytest.raises(InputError, match="Did you mean 'scale'"):
        datasets.load("mine", scle=4)


def test_what_is_computed_comes_first_and_what_a_user_brings_last(plug_ins):
    plug_ins(DATASETS, mine=entry)
    names = [card.name for card in datasets.list()]
    assert names[:4] == ["phantom-xray", "phantom-ct", "phantom-cells", "hippocampus"]
    assert names[-3:] == ["mine", "folder", "memory"]


def test_a_data_set_can_be_declared_in_a_cell(plug_ins):
    plug_ins(DATASETS)
    assert datasets.register(entry) is entry
    assert datasets.load("mine", scale=2)[0]["image"].data.max() == 2


def test_a_loader_alone_is_no_entry(plug_ins):
    plug_ins(DATASETS)
    with pytest.raises(InputError, match=r"as a workbench.datasets.Entry\(card, load\), got _InMemory"):
        datasets.register(mine)


def test_importing_the_room_stays_light():
    code = "import sys, workbench.datasets; print([m for m in ('torch', 'monai', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
