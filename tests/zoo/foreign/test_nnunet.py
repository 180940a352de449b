"""Models of nnU-Net v2: look-alikes of its predictor, its plans and its folders."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.zoo.foreign.networks import volume
from workbench.errors import FileError, InputError, StateError

CT = {"mean": 100.0, "std": 50.0, "percentile_00_5": -50.0, "percentile_99_5": 200.0}
DATASET = {"name": "Liver", "channel_names": {"0": "CT"}, "labels": {"background": 0, "tumour": 2, "liver": 1}}
ARCHITECTURE = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {"features": 4, "conv_op": "torch.nn.modules.conv.Conv3d", "dropout_op": None},
    "_kw_requires_import": ["conv_op", "dropout_op"],
}
CONFIGURATION = {
    "spacing": [2.5, 1.0, 0.8],
    "patch_size": [16, 24, 32],
    "normalization_schemes": ["CTNormalization"],
    "use_mask_for_norm": [False],
    "architecture": ARCHITECTURE,
}


class PlainConvUNet(nn.Module):
    def __init__(self, input_channels, num_classes, features, conv_op, dropout_op, deep_supervision):
        super().__init__()
        assert dropout_op is None
        assert deep_supervision is False
        self.stem = conv_op(input_channels, features, 3, padding=1)
        self.act = nn.LeakyReLU()
        self.seg = conv_op(features, num_classes, 1)

    def forward(self, x):
        return self.seg(self.act(self.stem(x)))


def network(seed=0):
    torch.manual_seed(seed)
    return PlainConvUNet(1, 3, 4, nn.Conv3d, None, deep_supervision=False)


def predictor(**changed):
    configuration = SimpleNamespace(**{**CONFIGURATION, **changed.pop("configuration", {})})
    plans = SimpleNamespace(
        transpose_forward=changed.pop("transpose_forward", [0, 1, 2]),
        foreground_intensity_properties_per_channel={"0": CT},
    )
    parts = {"network": network(), "dataset_json": DATASET, "list_of_parameters": [], **changed}
    return SimpleNamespace(configuration_manager=configuration, plans_manager=plans, **parts)


def test_a_predictor_says_how_images_are_prepared():
    model = wb.wrap(predictor())
    assert (model.name, model.classes) == ("own-liver", ("background", "liver", "tumour"))
    assert model.patch_size == (16, 24, 32)
    image = volume(9, 8, 7)
    prepared = model.prepare(image)
    # the axes of SimpleITK's arrays: the last one of the image first
    assert prepared.grid.orientation == image.orientation[::-1]
    assert np.allclose(prepared.grid.spacing, [2.5, 1.0, 0.8], rtol=0.2)
    assert np.allclose(model.preprocess["spacing"], [2.5, 1.0, 0.8])
    hot = image.with_data(np.where(image.data > 1, 500.0, image.data * 40))
    values = model.prepare(hot).batch
    assert values.max() == pytest.approx((200 - 100) / 50, abs=1e-5), "clipped at the percentile, then standardised"
    why = wb.explain(model, image, "saliency", "liver")
    assert why.volume.same_grid(image)
    assert "resampled linearly" in why.notes[0]


def test_axes_are_transposed_and_never_flipped():
    image = volume(5, 4, 3)
    model = wb.wrap(predictor(configuration={"spacing": [*image.spacing[::-1]]}), intensity="none")
    assert np.allclose(model.prepare(image).batch[0, 0], np.transpose(image.data))


def test_the_first_fold_is_explained_and_the_predictor_stays_as_it_is():
    folds = [network(1).state_dict(), network(2).state_dict()]
    given = predictor(list_of_parameters=folds)
    before = given.network.stem.weight.clone()
    model = wb.wrap(given)
    assert np.array_equal(model.state()["stem.weight"], folds[0]["stem.weight"].numpy())
    assert torch.equal(given.network.stem.weight, before)
    assert "Of the 2 folds of the predictor the first is explained, without mirroring." in model.algorithm.notes


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [("ZScoreNormalization", "zscore"), ("NoNormalization", "none"), ("RescaleTo01Normalization", "range")],
)
def test_normalisations_are_taken_over(scheme, expected):
    model = wb.wrap(predictor(configuration={"normalization_schemes": [scheme]}))
    assert model.preprocess["intensity"]["kind"] == expected


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"transpose_forward": [2, 0, 1]}, r"axes must be in the order of the image .* got \[2, 0, 1\]"),
        ({"configuration": {"use_mask_for_norm": [True]}}, "with all voxels, got a mask for it"),
        ({"configuration": {"normalization_schemes": ["MyNormalization"]}}, "way that is known here .* got My"),
        ({"dataset_json": {"labels": {"background": 0, "whole": [1, 2]}}}, "labels must exclude one another"),
    ],
)
def test_what_cannot_be_taken_over_is_refused(changed, words):
    with pytest.raises(InputError, match=words):
        wb.wrap(predictor(**changed))


def test_a_predictor_without_a_network_says_what_to_call():
    with pytest.raises(StateError, match="initialize_from_trained_model_folder"):
        wb.wrap(predictor(network=None))


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    plans = {
        "transpose_forward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {"0": CT},
        "configurations": {
            "3d_lowres": CONFIGURATION,
            "3d_fullres": {"inherits_from": "3d_lowres", "patch_size": [16, 16, 16]},
        },
    }
    for fold in ("fold_0", "fold_1"):
        (folder / fold).mkdir(parents=True)
        weights = network(int(fold[-1])).state_dict()
        torch.save({"network_weights": weights, "current_epoch": 3}, folder / fold / "checkpoint_final.pth")
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(DATASET))
    return folder


@pytest.fixture
def architectures(monkeypatch):
    """The package of architectures, as far as it is asked for."""
    names = ["dynamic_network_architectures", "architectures", "unet"]
    for number in range(3):
        name = ".".join(names[: number + 1])
        module = ModuleType(name)
        module.__spec__ = SimpleNamespace(name=name, loader=None, parent=name.rpartition(".")[0])
        monkeypatch.setitem(sys.modules, name, module)
    module.PlainConvUNet = PlainConvUNet


def test_a_folder_of_results_is_read(results, architectures):
    model = wb.wrap(results)
    assert (model.patch_size, model.classes) == ((16, 16, 16), ("background", "liver", "tumour"))
    assert np.array_equal(model.state()["stem.weight"], network(0).state_dict()["stem.weight"].numpy())
    assert "Of 2 folds fold_0 is explained, without mirroring." in model.algorithm.notes
    other = wb.wrap(results / "fold_1")
    assert np.array_equal(other.state()["stem.weight"], network(1).state_dict()["stem.weight"].numpy())
    assert model.predict(volume(9, 8, 7)).labels[2] == "tumour"


def test_only_known_layers_and_architectures_are_made(results, architectures):
    plans = json.loads((results / "plans.json").read_text())
    told = plans["configurations"]["3d_lowres"]["architecture"]
    told["arch_kwargs"]["conv_op"] = "os.system"
    (results / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(InputError, match=r"layers must be those of torch\.nn, got 'os\.system'"):
        wb.wrap(results)
    told["network_class_name"] = "os.path.join"
    (results / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(InputError, match=r"must be one of dynamic_network_architectures, got 'os\.path\.join'"):
        wb.wrap(results)


def test_what_is_missing_is_told_of(results, monkeypatch):
    monkeypatch.setattr("workbench.zoo.foreign.adapters.nnunet.find_spec", lambda _name: None)
    with pytest.raises(StateError, match=r"pip install dynamic-network-architectures"):
        wb.wrap(results)
    monkeypatch.undo()
    (results / "dataset.json").write_text("{")
    with pytest.raises(FileError, match=r"dataset\.json must be readable JSON"):
        wb.wrap(results)
