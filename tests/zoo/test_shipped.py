"""Trained models that come along, found by their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import zoo
from workbench.errors import FileError, InputError
from workbench.zoo import shipped


def test_they_are_listed_with_what_they_do() -> None:
    listed = zoo.trained()
    assert "covid-resnet-phantom-xray" in [one.name for one in listed]
    one = next(one for one in listed if one.name == "3d-unet-phantom-ct")
    assert (one.algorithm, one.task, one.data["name"], one.metric) == ("3d-unet", "segmentation", "phantom-ct", "dice")
    assert one.path.is_file()
    assert "3d-unet-phantom-ct" in repr(listed)
    assert ">3d-unet-phantom-ct</td>" in listed._repr_html_()


def test_a_name_is_as_good_as_a_path() -> None:
    one = zoo.trained()[0]
    assert zoo.load(one.name).weights_fingerprint() == zoo.load(one.path).weights_fingerprint()


def test_a_name_that_is_nearly_right_is_told() -> None:
    with pytest.raises(InputError, match="Did you mean 'covid-resnet-phantom-xray'"):
        zoo.load("covid-resnet-phantom-xry")


def test_a_path_is_never_taken_for_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileError, match="could not be read"):
        zoo.load("covid-resnet-phantom-xray.safetensors")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "3d-unet-phantom-ct").write_bytes(b"mine")
    assert shipped.place_of("3d-unet-phantom-ct") == Path("3d-unet-phantom-ct"), "a file of one's own comes first"


def test_how_large_a_network_is_is_known_before_it_is_built() -> None:
    from workbench.zoo.sizing import count_parameters

    for card in zoo.list():
        algorithm = zoo.algorithm(card.name)
        small = card.variants.get("small", {})
        config = algorithm.config(1, 3, **small)
        model = zoo.create(card.name, in_channels=1, num_classes=3, **small)
        assert count_parameters(algorithm, config) == model.num_parameters, card.name


def test_what_no_machine_could_hold_is_extrapolated_and_not_tried() -> None:
    from workbench.zoo.sizing import count_parameters

    algorithm = zoo.algorithm("3d-unet")
    # weights of convolutions grow with the square of the width
    assert count_parameters(algorithm, algorithm.config(width=10**6)) == pytest.approx(4.65e15, rel=0.02)
    assert count_parameters(algorithm, algorithm.config(width=10**300)) == float("inf")
    transformer = zoo.algorithm("covid-transformer")
    assert count_parameters(transformer, transformer.config(depth=10**9)) == pytest.approx(7.1e15, rel=0.02)
