"""The model panel without a browser."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import datasets, frameworks, zoo
from workbench.errors import InputError, MissingExtraError, StateError
from workbench.volume import Volume
from workbench.widgets import Case, ModelPanel, _devices
from workbench.widgets.choice import Choice

SMALL = {"width": 4, "depth": 2}


@pytest.fixture
def panel() -> ModelPanel:
    return ModelPanel()


@pytest.fixture
def data() -> datasets.Dataset:
    return datasets.load("phantom-ct", n=4, size=(16, 16, 16))


def put(panel: ModelPanel, data: datasets.Dataset | Volume) -> None:
    """Lay a case of a data set, or a volume, on the panel's desk."""
    if isinstance(data, Volume):
        panel.desk.put(Case(data))
    else:
        panel.desk.put(Case(data[0]["image"], data[0]["label"], data, "all", 0))


def choices(rows: list[dict[str, Any]]) -> dict[str, bool]:
    return {row["value"]: row.get("enabled", True) for row in rows}


def test_what_does_not_fit_the_data_cannot_be_chosen_and_says_why(panel: ModelPanel, data: datasets.Dataset) -> None:
    put(panel, data)
    assert choices(panel.catalogue)["3d-unet"]
    assert not choices(panel.catalogue)["2d-unet"]
    flat = next(row for row in panel.catalogue if row["value"] == "2d-unet")
    assert "2D" in flat["reason"]
    assert "3D" in flat["reason"]
    assert panel.algorithm == "3d-unet"
    assert (panel.in_channels, panel.num_classes) == (1, 6)


def test_a_classifier_is_offered_for_a_classification(panel: ModelPanel) -> None:
    put(panel, datasets.load("phantom-xray", n=4, size=(16, 16), task="classification"))
    assert panel.algorithm == "covid-resnet"
    assert not choices(panel.catalogue)["2d-unet"]


def test_a_single_volume_tells_dimensions_and_channels(panel: ModelPanel) -> None:
    put(panel, Volume(np.zeros((8, 8, 3), np.uint8), axes=("i", "j", "c")))
    assert panel.in_channels == 3
    assert [name for name, enabled in choices(panel.catalogue).items() if not enabled] == ["3d-unet", "unetr"]


def test_build_makes_the_model_once(panel: ModelPanel, data: datasets.Dataset) -> None:
    built: list[Any] = []
    panel.desk.observe(lambda change: built.append(change["new"]) if change["new"] else None, "built")
    put(panel, data)
    panel.options = SMALL
    model = panel.build()
    assert model.config["width"] == 4
    assert model.classes == data.classes
    assert panel.model is model
    assert built == [model]
    assert panel.note.endswith("parameters")
    panel.options = {"width": 5, "depth": 2}
    assert panel.model is not model


def test_nothing_chosen_is_told(panel: ModelPanel) -> None:
    with pytest.raises(StateError, match="Choose an algorithm first"):
        panel.build()
    assert "Choose an algorithm" in panel.problem["cause"]


def test_a_choice_in_the_browser_is_built_in_the_background(panel: ModelPanel, data: datasets.Dataset) -> None:
    put(panel, data)
    panel.set_state({"options": SMALL})
    panel.wait(60)
    assert panel.note.endswith("parameters")
    panel.set_state({"options": {"width": -1}})
    panel.wait(60)
    assert "Width must be a whole number, at least 2, got -1" in panel.faults["width"]
    assert panel.desk.choice is None
    assert "Width" in panel.desk.cannot_answer()
    with pytest.raises(InputError, match="at least 2, got -1"):
        panel.build()


def test_weights_from_a_file(panel: ModelPanel, data: datasets.Dataset, tmp_path: Path) -> None:
    saved = zoo.create("3d-unet", in_channels=1, classes=data.classes, seed=7, **SMALL)
    path = saved.save(tmp_path / "Jane_Doe.safetensors")
    panel.load(path)
    assert (panel.weights, panel.algorithm) == ("file", "3d-unet")
    assert panel.model.weights_fingerprint() == saved.weights_fingerprint()
    assert panel.options["width"] == 4
    assert "Jane" not in str(panel.get_state())
    scope: dict[str, Any] = {}
    exec(panel.code(), scope)
    assert scope["model"].weights_fingerprint() == saved.weights_fingerprint()


def test_a_network_that_is_built_to_be_described_gives_way(
    panel: ModelPanel, data: datasets.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zoo.create("3d-unet", in_channels=1, classes=data.classes, seed=7, **SMALL).save(tmp_path / "a.safetensors")
    put(panel, data)
    started, go_on = threading.Event(), threading.Event()
    make = Choice.build

    def slow(choice: Choice) -> Any:
        if choice.origin == "new":
            started.set()
            assert go_on.wait(30)
        return make(choice)

    monkeypatch.setattr(Choice, "build", slow)
    panel.set_state({"options": SMALL})
    assert started.wait(30)
    threading.Timer(0.3, go_on.set).start()
    panel.load(path)
    assert (panel.weights, panel.problem) == ("file", {})
    panel.wait(60)
    assert panel.weights == "file", "what was being built comes too late"


def test_a_file_that_is_no_model_is_told_without_its_name(panel: ModelPanel, tmp_path: Path) -> None:
    path = tmp_path / "Jane_Doe.safetensors"
    path.write_bytes(b"no model")
    panel._on_message(panel, {"action": "open", "path": str(path)}, [])
    panel.wait(30)
    assert panel.problem["title"] == "Opening the model failed."
    assert "Jane" not in str(panel.get_state())


def test_code_makes_the_same_model(panel: ModelPanel, data: datasets.Dataset) -> None:
    put(panel, data)
    panel.options = {"width": "4", "depth": 2}
    scope: dict[str, Any] = {}
    exec(panel.code(), scope)
    assert scope["model"].config == panel.model.config
    assert scope["model"].weights_fingerprint() == panel.model.weights_fingerprint()


def test_on_a_cpu_the_small_variant_is_suggested_and_the_code_says_so(
    panel: ModelPanel, data: datasets.Dataset
) -> None:
    put(panel, data)
    assert panel.variant == "small"
    assert panel.values() == zoo.card("3d-unet").variants["small"]
    assert "width=16" in panel.code()
    entry = next(row for row in panel.catalogue if row["value"] == "3d-unet")
    values = [one["value"] for one in entry["variants"]]
    assert (values[0], values[-1], "pytorch-3dunet" in values) == ("small", "full", True)
    panel.device = "cuda:0"
    assert panel.variant == "full"
    panel.device = "cpu"
    panel.variant = "full"
    assert panel.values() == {}
    panel.device = "cuda:0"
    assert panel.variant == "full"


@pytest.mark.parametrize("name", [card.name for card in zoo.list()])
def test_every_algorithm_has_a_size_for_a_cpu(panel: ModelPanel, name: str) -> None:
    panel.algorithm = name
    assert panel.variant != "full"
    assert panel.build().num_parameters < 4e6
    panel.device = "cuda:0"
    assert panel.variant == "full"


def test_a_variant_is_a_named_set_of_options(panel: ModelPanel, data: datasets.Dataset) -> None:
    put(panel, data)
    panel.options = {"depth": 2, "width": "64"}
    assert panel.values() == {"depth": 2}, "64 is the default of the full network, not of the small one"
    panel.options = {"depth": 2}
    assert panel.values() == {"width": 16, "depth": 2}
    panel.variant = "pytorch-3dunet"
    assert panel.values() == {**zoo.card("3d-unet").variants["pytorch-3dunet"], "depth": 2}
    with pytest.raises(InputError, match="Did you mean 'small'"):
        panel.variant = "smal"
    with pytest.raises(InputError, match="Did you mean '3d-unet'"):
        panel.algorithm = "3d-unt"
    assert (panel.variant, panel.algorithm) == ("pytorch-3dunet", "3d-unet")


def test_who_asks_while_the_panel_builds_gets_that_model(panel: ModelPanel, data: datasets.Dataset) -> None:
    put(panel, data)
    panel._on_message(panel, {"action": "describe"}, [])
    model = panel.desk.model()
    panel.wait(60)
    assert panel.problem == {}
    assert panel.build() is model


def test_devices_are_named_with_their_memory() -> None:
    rows = [_devices.choice(device)["name"] for device in frameworks.get("torch").devices()]
    assert rows[0].startswith("cpu")
    assert "cores" in rows[0]
    assert "GB free" in rows[0]


def test_a_framework_that_is_not_installed_cannot_be_chosen_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> Any:
        raise MissingExtraError(f"The {name} framework", "mindspore")

    monkeypatch.setattr(frameworks, "get", absent)
    row = _devices.framework("mindspore")
    assert row == {
        "value": "mindspore", "label": "MindSpore", "enabled": False, "reason": "not installed (extra 'mindspore')",
    }  # fmt: skip


def test_a_very_large_network_is_asked_about_before_it_is_used_for_anything(
    panel: ModelPanel, data: datasets.Dataset
) -> None:
    put(panel, data)
    panel.set_state({"options": {"width": "400"}})
    panel.wait(60)
    assert panel.question["title"] == "3D U-Net would be very large."
    assert "7.4e+08 weights: 3 GB of memory, and 12 GB while it is trained (derived" in panel.question["text"]
    assert panel.desk.choice is None, "neither trained nor asked meanwhile"
    assert "very large" in panel.desk.cannot_train(tune=False)
    with pytest.raises(StateError, match="very large"):
        panel.desk.model()
    panel.set_state({"options": {"width": str(10**9)}})
    panel.wait(60)
    assert panel.question["yes"] == "", "what no machine could hold cannot be asked for"
    panel.set_state({"options": SMALL})
    panel.wait(60)
    assert panel.question == {}
    assert panel.build().config["width"] == 4


def test_the_kernel_is_free_while_the_weights_of_a_far_network_are_counted(
    panel: ModelPanel, data: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.zoo import sizing

    started, go_on, threads = threading.Event(), threading.Event(), []
    count = sizing.count_parameters

    def slow(*given: Any) -> float:
        threads.append(threading.current_thread())
        started.set()
        assert go_on.wait(30)
        return count(*given)

    monkeypatch.setattr("workbench.widgets._model_lists.count_parameters", slow)
    put(panel, data)
    panel.set_state({"options": {"width": "400"}})
    assert started.wait(30)
    assert threading.current_thread() not in threads
    assert panel.busy == "Counting the weights"
    assert panel.desk.choice is None
    assert panel.desk.cannot_train(tune=False) == "The weights of 3D U-Net are being counted"
    # what is typed meanwhile is what is counted in the end
    panel.set_state({"options": {"width": "40", "depth": "2"}})
    go_on.set()
    panel.wait(60)
    assert panel.question == {}
    assert panel.problem == {}
    assert panel.desk.choice.options["width"] == 40
    assert panel.note.endswith("parameters")


def test_options_that_cannot_be_counted_are_told_beside_them(
    panel: ModelPanel, data: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: Any) -> float:
        raise InputError("width=400 and depth=2 do not go together.")

    monkeypatch.setattr("workbench.widgets._model_lists.count_parameters", refuse)
    put(panel, data)
    panel.set_state({"options": {"width": "400"}})
    panel.wait(60)
    assert "do not go together" in panel.faults["width"]
    assert panel.desk.choice is None
    assert "do not go together" in panel.desk.cannot_train(tune=False)


def test_what_is_accepted_is_used(panel: ModelPanel, data: datasets.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.widgets import _model_lists

    monkeypatch.setattr(_model_lists, "_LARGE", 1000)
    put(panel, data)
    panel.variant = "full"
    panel.options = {"width": 130, "depth": 2}
    assert panel.desk.choice is None
    assert panel.question["yes"] == "Use it"
    panel._on_message(panel, {"action": "answer", "yes": True}, [])
    panel.wait(120)
    assert panel.problem == {}
    assert panel.desk.choice.options == {"width": 130, "depth": 2}
    assert panel.note.endswith("parameters")


def test_options_that_do_not_go_together_are_told_beside_them(panel: ModelPanel) -> None:
    put(panel, datasets.load("phantom-xray", n=4, size=(64, 64), task="classification"))
    panel.algorithm = "covid-transformer"
    panel.set_state({"options": {"dim": "7", "heads": "4"}})
    panel.wait(60)
    assert set(panel.faults) == {"dim", "heads"}
    assert "heads=4 must divide dim=7" in panel.faults["dim"]
    assert panel.desk.choice is None
    assert "Mend the options" in panel.desk.cannot_train(tune=False)
    panel.set_state({"options": {"dim": "8", "heads": "4"}})
    panel.wait(60)
    assert panel.faults == {}
    assert panel.desk.choice is not None
