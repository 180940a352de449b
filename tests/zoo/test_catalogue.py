from __future__ import annotations

import shutil
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import yaml

import workbench as wb
from workbench import _plugins
from workbench.errors import FileError, InputError, StateError
from workbench.zoo import catalogue
from workbench.zoo.card import read_card

HOME = Path(catalogue.__file__).parent


def test_list_is_a_table():
    cards = wb.zoo.list()
    names = [card.name for card in cards]
    assert {"covid-resnet", "2d-unet", "3d-unet"} <= set(names)
    lines = repr(cards).splitlines()
    assert len(lines) == len(names) + 1
    assert lines[0].split() == ["name", "title", "task", "summary"]
    assert cards._repr_html_().count("<tr>") == len(names) + 1


def test_every_folder_with_a_card_is_listed():
    assert len(wb.zoo.list()) >= len(list(HOME.glob("*/card.yaml")))


def test_unknown_names():
    with pytest.raises(InputError, match="Did you mean '3d-unet'"):
        wb.zoo.card("3d-unt")
    with pytest.raises(InputError, match=r"variant of '3d-unet'.*Did you mean 'small'"):
        wb.zoo.create("3d-unet", variant="smal")
    with pytest.raises(InputError, match="Unknown framework 'tensor'"):
        wb.zoo.create("3d-unet", framework="tensor")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": "8"}, "width must be a whole number, at least 2, got '8'"),
        ({"width": True}, "width must be a whole number, at least 2, got True"),
        ({"width": 0}, "at least 2"),
        ({"depth": 9}, "at least 2 and at most 6"),
        ({"norm": "layer"}, "norm must be one of batch, .*, got 'layer'"),
        ({"conv_bias": 1}, "conv_bias must be True or False, got 1"),
        ({"in_channels": 0}, "in_channels must be a whole number, at least 1, got 0"),
        ({"num_classes": 2.0}, "num_classes must be a whole number, at least 1, got 2.0"),
    ],
)
def test_wrong_values(options, message):
    with pytest.raises(InputError, match=message):
        wb.zoo.create("3d-unet", **options)


def test_a_choice_of_numbers():
    with pytest.raises(InputError, match="one of 18, 34, 50"):
        wb.zoo.create("covid-resnet", depth=101)


def test_an_algorithm_from_outside(outside):
    outside("my_unet", name="my-unet")
    assert "my-unet" in repr(wb.zoo.list())
    model = wb.zoo.create("my-unet", width=2)
    assert model.name == "my-unet"


def test_a_card_says_why_graph_mode_does_not_do(tmp_path):
    card = yaml.safe_load((HOME / "unet_2d" / "card.yaml").read_text())
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump({**card, "graph_mode": False, "notes": ["A note."]}))
    with pytest.raises(FileError, match=r"graph_mode: false.*must say why"):
        read_card(path)
    path.write_text(yaml.safe_dump({**card, "graph_mode": False, "notes": ["No graph mode: a sort by size."]}))
    assert not read_card(path).graph_mode


def test_two_of_one_name(outside):
    outside("twin_unet")
    both = r"plug-in 'twin_unet' \(twin_unet\) gives the name '2d-unet', which is that of workbench\.zoo\.unet_2d"
    with pytest.warns(UserWarning, match=both):
        assert "3d-unet" in repr(wb.zoo.list())
    assert wb.zoo.create("2d-unet", width=2, depth=2).name == "2d-unet"
    assert wb.zoo.algorithm("2d-unet").package == "workbench.zoo.unet_2d"


def test_a_folder_can_be_registered_in_a_cell(outside):
    outside("my_unet", found=False, name="my-unet")
    assert "my-unet" not in repr(wb.zoo.list())
    wb.zoo.register("my_unet")
    assert "my-unet" in repr(wb.zoo.list())
    with pytest.raises(InputError, match="'no_such_package' cannot be imported"):
        wb.zoo.register("no_such_package")


def test_an_entry_point_to_nowhere_hides_nothing(outside):
    outside("my_unet", folder=False)
    with pytest.warns(UserWarning, match=r"algorithm plug-in 'my_unet' \(my_unet\).*card\.yaml"):
        assert "2d-unet" in [card.name for card in wb.zoo.list()]
    with pytest.raises(StateError, match="my_unet"):
        wb.zoo.create("my_unet")


@pytest.fixture
def outside(tmp_path, monkeypatch, plug_ins):
    """Make a package of a copy of an algorithm's folder, with other words on its card, and an entry point to it."""

    def make(package, *, folder=True, found=True, **words):
        plug_ins(catalogue.ALGORITHMS)
        if folder:
            shutil.copytree(HOME / "unet_2d", tmp_path / package)
            card = yaml.safe_load((tmp_path / package / "card.yaml").read_text())
            (tmp_path / package / "card.yaml").write_text(yaml.safe_dump({**card, **words}))
        monkeypatch.syspath_prepend(str(tmp_path))
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]
        points = [EntryPoint(package, package, catalogue.ALGORITHMS.group)] if found else []
        monkeypatch.setattr(_plugins, "entry_points", lambda group: [one for one in points if one.group == group])

    return make


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dimensions": 4}, "dimensions"),
        ({"summry": "x"}, "summry"),
        ({"name": "3D U-Net"}, "name"),
        ({"parameters": []}, "parameters"),
        ({"variants": {"odd": {"widht": 3}}}, "widht"),
        ({"variants": {"odd": {"width": "3"}}}, "'odd': width must be a whole number"),
    ],
)
def test_a_wrong_card_says_where(tmp_path, change, message):
    card = yaml.safe_load((HOME / "unet_3d" / "card.yaml").read_text())
    (tmp_path / "card.yaml").write_text(yaml.safe_dump({**card, **change}))
    with pytest.raises(FileError, match=message):
        read_card(tmp_path / "card.yaml")


def test_a_card_that_is_not_there_or_not_yaml(tmp_path):
    with pytest.raises(FileError, match="could not be read"):
        read_card(tmp_path / "card.yaml")
    (tmp_path / "card.yaml").write_text("a: [")
    with pytest.raises(FileError, match="not valid YAML"):
        read_card(tmp_path / "card.yaml")
