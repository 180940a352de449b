"""Bundles of MONAI, in folders and zip files; what is code in them is never run."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.networks.nets import UNet

import workbench as wb
from tests.zoo.foreign.networks import volume
from workbench.errors import FileError, InputError

OPTIONS = {
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": 2,
    "channels": [4, 8],
    "strides": [2],
    "num_res_units": 0,
}
METADATA = {
    "name": "Spleen",
    "version": "0.5.3",
    "references": ["Somebody 2020"],
    "network_data_format": {
        "inputs": {"image": {"num_channels": 1, "spatial_shape": [96, 96, 96]}},
        "outputs": {"pred": {"num_channels": 2, "channel_def": {"0": "background", "1": "spleen"}}},
    },
}
INFERENCE = {
    "imports": ["$import glob"],
    "bundle_root": ".",
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "labels": 2,
    "network_def": {"_target_": "UNet", **OPTIONS, "out_channels": "@labels"},
    "network": "$@network_def.to(@device)",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
            {"_target_": "Spacingd", "keys": "image", "pixdim": [1.5, 1.5, 2.0], "mode": "bilinear"},
            {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -57, "a_max": 164, "b_min": 0,
             "b_max": 1, "clip": True},
            {"_target_": "EnsureTyped", "keys": "image"},
        ],
    },
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [96, 96, 96], "sw_batch_size": 4},
    "postprocessing": {"transforms": [{"_target_": "Activationsd", "keys": "pred", "softmax": True}]},
}  # fmt: skip


@pytest.fixture
def network():
    torch.manual_seed(0)
    return UNet(**OPTIONS).eval()


def bundle(folder: Path, network, **changed) -> Path:
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "configs" / "metadata.json").write_text(json.dumps(METADATA))
    (folder / "configs" / "inference.json").write_text(json.dumps({**INFERENCE, **changed}))
    torch.save(network.state_dict(), folder / "models" / "model.pt")
    return folder


def test_a_folder_is_read_as_it_says(tmp_path, network):
    model = wb.wrap(bundle(tmp_path / "spleen", network))
    assert (model.name, model.classes, model.patch_size) == ("own-spleen", ("background", "spleen"), (96, 96, 96))
    told = model.preprocess
    assert (told["orientation"], told["spacing"], told["divisible_by"]) == ("RAS", [1.5, 1.5, 2.0], 2)
    assert (told["intensity"]["kind"], told["intensity"]["low"], told["intensity"]["high"]) == ("window", -57, 164)
    assert model.algorithm.card.reference == "Somebody 2020"
    batch = np.random.default_rng(0).normal(size=(1, 1, 8, 8, 8)).astype(np.float32)
    with torch.no_grad():
        assert np.allclose(model.forward(batch), network(torch.from_numpy(batch)).numpy(), atol=1e-6)
    image = volume(9, 8, 7)
    why = wb.explain(model, image, "grad-cam", target="spleen")
    assert why.volume.same_grid(image)
    assert why.notes[0] == "A bundle of MONAI, Spleen (0.5.3): weights and preprocessing as it says."


@pytest.mark.parametrize("inside", ["", "spleen/"])
def test_a_zip_file_is_read_too(tmp_path, network, inside):
    folder = bundle(tmp_path / "spleen", network)
    path = tmp_path / "spleen.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.*"):
            archive.write(file, f"{inside}{file.relative_to(folder)}")
    model = wb.wrap(path)
    assert model.weights_fingerprint() == wb.wrap(folder).weights_fingerprint()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["spleen", "spleen.zip"], "nothing is unpacked beside it"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"network_def": {"_target_": "os.system", "command": "x"}}, "of monai.networks.nets, got 'os.system'"),
        ({"network_def": {"_target_": "scripts.nets.Mine"}}, "must be a network of monai.networks.nets"),
        ({"network_def": {"_target_": "monai.networks.nets.unet.warnings.warn"}}, "must be a network of"),
        ({"network_def": {**INFERENCE["network_def"], "channels": "$[4, 8]"}}, r"must be plain data, got '\$\[4, 8\]'"),
        ({"network_def": {**INFERENCE["network_def"], "out_channels": "@device"}}, r"plain data, got .\$torch.device"),
        ({"network_def": {**INFERENCE["network_def"], "act": {"_target_": "os.abort"}}}, "plain data, got 'os.abort'"),
        ({"network_def": {**INFERENCE["network_def"], "act": "@nowhere"}}, "what is referred to must be there"),
        ({"network_def": {**INFERENCE["network_def"], "_mode_": "debug"}}, "must have options alone, got \"_mode_: 'd"),
        ({"labels": "@labels"}, "references must come to an end"),
        ({"network_def": "$make()"}, "network_def must be a mapping with a _target_"),
        ({"preprocessing": "$monai.transforms.Compose([])"}, "preprocessing must be described"),
        ({"preprocessing": {"transforms": [{"_target_": "CropForegroundd"}]}}, "known here, got CropForegroundd"),
    ],
)  # fmt: skip
def test_what_would_have_to_be_run_is_refused(tmp_path, network, changed, words):
    with pytest.raises(InputError, match=words):
        wb.wrap(bundle(tmp_path / "spleen", network, **changed))


def test_preprocessing_that_is_said_stands_for_that_of_the_bundle(tmp_path, network):
    folder = bundle(tmp_path / "spleen", network, preprocessing={"transforms": [{"_target_": "CropForegroundd"}]})
    assert wb.wrap(folder, intensity="zscore").preprocess["intensity"]["kind"] == "zscore"


def test_files_that_are_missing_or_hold_code_are_told_of(tmp_path, network):
    folder = bundle(tmp_path / "spleen", network)
    torch.save(network, folder / "models" / "model.pt")
    with pytest.raises(FileError, match=r"model\.pt"):
        wb.wrap(folder)
    (folder / "models" / "model.pt").unlink()
    with pytest.raises(FileError, match=r"models/model\.pt must be there"):
        wb.wrap(folder)
    (folder / "configs" / "inference.json").write_text("[")
    with pytest.raises(FileError, match="must be JSON or YAML"):
        wb.wrap(folder)


SPACING = INFERENCE["preprocessing"]["transforms"][2]
TURNED = {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"}
RANGED = INFERENCE["preprocessing"]["transforms"][3]
ZSCORE = {"_target_": "NormalizeIntensityd", "keys": "image"}


@pytest.mark.parametrize(
    "changed",
    [
        {"steps": [TURNED, SPACING, RANGED], "preprocessing": {"_target_": "Compose", "transforms": "@steps"}},
        {"sp": SPACING, "preprocessing": {"transforms": [TURNED, "@sp", RANGED]}},
        {"chain": {"transforms": [TURNED, SPACING, RANGED]}, "preprocessing": "@chain"},
        {"off": True, "preprocessing": {"transforms": [TURNED, SPACING, RANGED, {**ZSCORE, "_disabled_": "@off"}]}},
    ],
)
def test_references_to_steps_are_followed(tmp_path, network, changed):
    told = wb.wrap(bundle(tmp_path / "spleen", network, **changed)).preprocess
    assert (told["orientation"], told["spacing"]) == ("RAS", [1.5, 1.5, 2.0])
    assert (told["intensity"]["kind"], told["intensity"]["low"]) == ("window", -57)


@pytest.mark.parametrize(
    ("transforms", "words"),
    [
        ("$@preprocessing_transforms", "must have a list of transforms, got .@preprocessing_transforms. Say what"),
        (["$make()"], r"each step of preprocessing must be a mapping with a _target_, got \$make"),
        ([{**SPACING, "_disabled_": "$True"}], r"_disabled_ must be true or false, got \$True"),
        ([{**SPACING, "_mode_": "debug"}], "must have options alone, got _mode_"),
        ([RANGED, ZSCORE], "must have one step of intensity, got NormalizeIntensityd as another"),
        ([{**ZSCORE, "divisor": 2.0}], r"options that are known here, got divisor=2\.0"),
        ([{**RANGED, "sharpen": 1}], "options that are known here, got sharpen=1"),
        ([{**SPACING, "mode": "nearest"}], "must interpolate linearly, got mode='nearest'"),
        ([SPACING, {**TURNED, "axcodes": "SAR"}], "Spacingd must come after Orientationd"),
        ([{**TURNED, "_target_": "scripts.own.Orientationd"}], "known here, got scripts.own.Orientationd"),
        ([{"_target_": "CastToTyped", "keys": "image", "dtype": "uint8"}], "floating-point numbers, got dtype uint8"),
    ],
)
def test_preprocessing_that_is_not_understood_is_refused(tmp_path, network, transforms, words):
    with pytest.raises(InputError, match=words):
        wb.wrap(bundle(tmp_path / "spleen", network, preprocessing={"transforms": transforms}))


def test_an_ending_is_read_or_refused(tmp_path, network):
    def ends(name, **options):
        post = {"transforms": [{"_target_": "Activationsd", "keys": "pred", **options}]}
        return bundle(tmp_path / name, network, postprocessing=post)

    assert wb.wrap(ends("a", sigmoid=True)).task.reading.final == "sigmoid"
    with pytest.raises(InputError, match=r"sigmoid must be true or false, got \$True. Say how the network ends"):
        wb.wrap(ends("b", sigmoid="$True"))
    assert wb.wrap(tmp_path / "b", final="sigmoid").task.reading.final == "sigmoid"
