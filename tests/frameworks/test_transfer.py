"""Weights of an encoder from the file of another network; the names are those that torchvision and others write."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.frameworks import transfer

torch = pytest.importorskip("torch")


def resnet(depth: int, width: int, prefix: str = "") -> dict[str, torch.Tensor]:
    """Return a ResNet with torchvision's names, for pictures of three channels and 1000 classes."""
    made = wb.zoo.create("covid-resnet", in_channels=3, num_classes=1000, depth=depth, width=width, seed=7)
    state = made.module.state_dict()
    assert {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer4.1.bn2.bias", "fc.weight"} <= set(state)
    return {prefix + name: value for name, value in state.items()}


def vgg(widths=(1, 2, 4, 8, 8), width=4, norm=False) -> dict[str, torch.Tensor]:
    """Return the features of VGG16 with torchvision's numbers, and a classifier."""
    generator = torch.Generator().manual_seed(3)
    state, index, given = {}, 0, 3
    for factor, count in zip(widths, (2, 2, 3, 3, 3), strict=True):
        for _ in range(count):
            out = width * factor
            state[f"features.{index}.weight"] = torch.randn(out, given, 3, 3, generator=generator)
            state[f"features.{index}.bias"] = torch.randn(out, generator=generator)
            given, index = out, index + 1
            if norm:
                for name in ("weight", "bias", "running_mean"):
                    state[f"features.{index}.{name}"] = torch.randn(out, generator=generator)
                state[f"features.{index}.running_var"] = torch.rand(out, generator=generator) + 0.5
                state[f"features.{index}.num_batches_tracked"] = torch.tensor(5)
                index += 1
            index += 1  # ReLU
        index += 1  # pool
    state["classifier.0.weight"] = torch.randn(10, given, generator=generator)
    return state


def vit_of_torchvision(dim=12, depth=2, mlp=16, patch=4, tokens=17) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    state = {
        "class_token": draw(1, 1, dim),
        "conv_proj.weight": draw(dim, 3, patch, patch),
        "conv_proj.bias": draw(dim),
        "encoder.pos_embedding": draw(1, tokens, dim),
        "encoder.ln.weight": draw(dim),
        "encoder.ln.bias": draw(dim),
        "heads.head.weight": draw(1000, dim),
        "heads.head.bias": draw(1000),
    }
    for block in range(depth):
        begin = f"encoder.layers.encoder_layer_{block}"
        for name, shape in (
            ("ln_1.weight", (dim,)), ("ln_1.bias", (dim,)), ("self_attention.in_proj_weight", (3 * dim, dim)),
            ("self_attention.in_proj_bias", (3 * dim,)), ("self_attention.out_proj.weight", (dim, dim)),
            ("self_attention.out_proj.bias", (dim,)), ("ln_2.weight", (dim,)), ("ln_2.bias", (dim,)),
            ("mlp.0.weight", (mlp, dim)), ("mlp.0.bias", (mlp,)), ("mlp.3.weight", (dim, mlp)), ("mlp.3.bias", (dim,)),
        ):  # fmt: skip
            state[f"{begin}.{name}"] = draw(*shape)
    return state


VIT = {"patch": 4, "dim": 12, "depth": 2, "heads": 3, "mlp_dim": 16, "image_size": 16}
CASES = {
    "resnet": ("covid-resnet", {"depth": 18, "width": 2}, lambda: resnet(18, 2), "", "conv1.weight"),
    "lod-net": ("lod-net", {"depth": 18, "width": 2}, lambda: resnet(18, 2), "encoder", "encoder.conv1.weight"),
    "bottlenecks": ("mtcsn", {"depth": 50, "width": 2, "tissues": 3}, lambda: resnet(50, 2), "encoder", None),
    "detr": (
        "lung-nodule-transformer", {"depth": 18, "width": 2, "stages": 3, "dim": 8, "heads": 2, "mlp_dim": 8},
        lambda: resnet(18, 2, "module."), "backbone.0.body", "backbone.0.body.conv1.weight",
    ),
    "centernet": (
        "ellipsenet", {"backbone": "resnet-18", "width": 4}, lambda: resnet(18, 4), "base", "base.conv1.weight"
    ),
    "vgg": ("u-csrnet", {"width": 4}, vgg, "frontend", "frontend.0.weight"),
    "vgg with norm": ("cd-net", {"width": 4}, lambda: vgg(norm=True), "features", "features.0.weight"),
    "vit": ("covid-transformer", VIT, vit_of_torchvision, "", "patch_embed.proj.weight"),
    "vit for localisation": ("ts-cam", VIT, vit_of_torchvision, "", "patch_embed.proj.weight"),
}  # fmt: skip


@pytest.mark.parametrize("in_channels", [3, 1, 4])
@pytest.mark.parametrize("case", CASES)
def test_a_file_goes_into_the_encoder(case, in_channels, tmp_path):
    name, options, make, place, first = CASES[case]
    model = wb.zoo.create(name, in_channels=in_channels, num_classes=2, seed=1, **options)
    before, file = model.state(), make()
    torch.save({"state_dict": file}, tmp_path / "theirs.pth")
    report = model.load(tmp_path / "theirs.pth", into="encoder")
    assert report.into == place
    assert (f"into {place!r}" if place else "into the network") in str(report)
    after = model.state()
    begin = f"{place}." if place else ""
    changed = {key for key in after if not np.array_equal(after[key], before[key])}
    assert changed
    assert all(key.startswith(begin) for key in changed)
    assert changed <= set(report.matched)
    assert not any(key.split(".")[0] in ("fc", "head", "heads") for key in changed)
    if in_channels == 3:
        assert report.adapted == ()
        return
    (adapted,) = report.adapted
    assert first is None or adapted == first
    theirs = next(value.numpy() for value in file.values() if value.dim() == 4)
    # a picture that is alike in all channels gives what it gave before
    expected = theirs.sum(axis=1, keepdims=True) if in_channels == 1 else theirs[:, [0, 1, 2, 0]] * 0.75
    np.testing.assert_allclose(after[adapted], expected, atol=1e-5)


@pytest.mark.parametrize("in_channels", [3, 1])
def test_positions_of_another_grid_of_patches_are_interpolated(in_channels, tmp_path):
    file = vit_of_torchvision()
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    file["encoder.pos_embedding"][0, 1:, 0] = (10 * rows + columns).reshape(-1)
    torch.save(file, tmp_path / "vit.pth")
    model = wb.zoo.create("covid-transformer", in_channels=in_channels, num_classes=2, **VIT | {"image_size": 32})
    report = model.load(tmp_path / "vit.pth", into="encoder")
    assert report.adapted == (("pos_embed", "patch_embed.proj.weight")[: 1 + (in_channels == 1)])
    assert not report.missing
    taken = model.state()["pos_embed"]
    assert taken.shape == (1, 65, 12)
    np.testing.assert_array_equal(taken[:, 0], file["encoder.pos_embedding"][:, 0])
    grid = taken[0, 1:, 0].reshape(8, 8)
    # centres of patches half as large: a quarter of a step beside the old ones, constant beyond the outermost
    line = np.clip((np.arange(8) - 0.5) / 2, 0, 3)
    np.testing.assert_allclose(grid, 10 * line[:, None] + line, atol=1e-5)


def test_positions_in_a_picture_are_none_in_a_volume(tmp_path):
    torch.save(vit_of_torchvision(dim=24, depth=12, mlp=48, tokens=65), tmp_path / "vit.pth")
    model = wb.zoo.create("unetr", num_classes=2, hidden_size=24, mlp_dim=48, num_heads=3, image_size=32)
    before = model.state()["vit.pos_embed"]
    report = model.load(tmp_path / "vit.pth", into="encoder")
    assert report.into == "vit"
    assert report.adapted == ()
    assert {"vit.pos_embed", "vit.patch_embed.proj.weight"} <= set(report.missing)
    np.testing.assert_array_equal(model.state()["vit.pos_embed"], before)


def test_only_the_first_convolution_is_made_for_other_channels(tmp_path):
    file = resnet(18, 2)
    file["layer2.0.conv1.weight"] = file["layer2.0.conv1.weight"][:, :1]
    torch.save(file, tmp_path / "r.pth")
    model = wb.zoo.create("covid-resnet", in_channels=1, num_classes=2, depth=18, width=2)
    report = model.load(tmp_path / "r.pth", into="encoder")
    assert report.adapted == ("conv1.weight",)
    assert report.missing == ("layer2.0.conv1.weight",)


@pytest.mark.parametrize("begins", [("student.", "teacher."), ("module.encoder_q.", "module.encoder_k.")])
def test_an_encoder_that_is_there_twice_is_a_choice(begins, tmp_path):
    file = {name: value for begin in begins for name, value in resnet(18, 2, begin).items() if ".fc." not in name}
    torch.save(file, tmp_path / "r.pth")
    model = wb.zoo.create("covid-resnet", in_channels=3, num_classes=2, depth=18, width=2)
    with pytest.raises(InputError, match=rf"2 times, under '{begins[0]}', '{begins[1]}'.*Keep"):
        model.load(tmp_path / "r.pth", into="encoder")
    torch.save({name: file[name] for name in file if name.startswith(begins[1])}, tmp_path / "r.pth")
    assert not model.load(tmp_path / "r.pth", into="encoder").missing


def test_what_is_taken_is_what_the_file_says(tmp_path):
    file = resnet(18, 2)
    torch.save(file, tmp_path / "r.pth")
    model = wb.zoo.create("lod-net", in_channels=3, num_classes=2, depth=18, width=2)
    report = model.load(tmp_path / "r.pth", into="encoder")
    state = model.state()
    for name, value in file.items():
        if not name.startswith("fc.") and "num_batches" not in name:
            assert np.array_equal(state[f"encoder.{name}"], value.numpy()), name
    assert not report.missing


SAME = {
    "3d-unet": ({"width": 2, "depth": 2}, "encoders", ("decoders.", "ups.", "head.")),
    "2d-unet": ({"width": 4, "depth": 2}, "down_path", ("up_path.", "last.")),
    "lod-net": ({"depth": 18, "width": 2}, "encoder", ("decoder.", "mask_head.")),
    "u-csrnet": ({"width": 4}, "frontend", ("backend.",)),
    "covid-resnet": ({"depth": 18, "width": 2}, "", ("fc.",)),
}


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("name", SAME)
def test_of_a_file_of_the_same_network_the_encoder_alone_is_taken(name, prefix, tmp_path):
    options, place, rest = SAME[name]
    source, model = (wb.zoo.create(name, num_classes=2, seed=seed, **options) for seed in (7, 1))
    torch.save({prefix + key: value for key, value in source.module.state_dict().items()}, tmp_path / "w.pth")
    before, theirs = model.state(), source.state()
    report = model.load(tmp_path / "w.pth", into="encoder")
    begin = f"{place}." if place else ""
    for key, value in model.state().items():
        inside = key.startswith(begin) and not key.startswith(rest)
        assert np.array_equal(value, (theirs if inside else before)[key]), key
    assert report.into == place
    assert report.taken_from == (prefix + place).rstrip(".")
    assert {key.removeprefix(prefix) for key in report.left_out} == {
        key for key in theirs if not key.endswith("num_batches_tracked") and key not in report.matched
    }
    assert all(any(key.removeprefix(prefix).startswith(one) for key in report.left_out) for one in rest)
    where = f"into {place!r} alone" if place else "into the network"
    assert f"{where}, {len(report.left_out)} of the file left out (" in str(report)


def test_a_network_without_a_part_called_encoder_asks_for_the_part(tmp_path):
    source, model = (wb.zoo.create("weakly-lesion-localisation", width=4, seed=seed) for seed in (7, 1))
    source.save(tmp_path / "w.safetensors")
    before = model.weights_fingerprint()
    with pytest.raises(InputError, match=r"w.safetensors holds the whole of this network.*generator, discriminator"):
        model.load(tmp_path / "w.safetensors", into="encoder")
    assert model.weights_fingerprint() == before
    report = model.load(tmp_path / "w.safetensors", into="generator")
    assert report.into == "generator"
    assert all(key.startswith("discriminator.") for key in report.left_out)


def test_a_part_may_be_named(tmp_path):
    torch.save(resnet(18, 2, "net."), tmp_path / "r.pth")
    model = wb.zoo.create("lod-net", in_channels=3, num_classes=2, depth=18, width=2)
    report = model.load(tmp_path / "r.pth", into="encoder.layer2")
    assert (report.into, report.taken_from) == ("encoder.layer2", "net.layer2")
    with pytest.raises(InputError, match=r"Unknown part of the network 'encodr'.*Did you mean 'encoder'"):
        model.load(tmp_path / "r.pth", into="encodr")


@pytest.mark.parametrize(
    ("name", "options", "make", "words"),
    [
        ("lod-net", {"depth": 18, "width": 4}, lambda: resnet(18, 2), "holds a ResNet.*not the encoder"),
        ("lod-net", {"depth": 34, "width": 2}, lambda: vgg(), "holds a VGG"),
        ("cd-net", {"width": 4}, lambda: vgg(norm=False), "holds a VGG.*width, depth, norm"),
        ("3d-unet", {"width": 2}, lambda: resnet(18, 2), "holds a ResNet"),
        ("lod-net", {"depth": 18, "width": 2}, lambda: {"a.b": torch.zeros(3)}, "holds weights that begin with a.b"),
    ],
)
def test_a_file_of_another_encoder_is_refused_and_changes_nothing(name, options, make, words, tmp_path):
    torch.save(make(), tmp_path / "theirs.pth")
    channels = 1 if wb.zoo.card(name).dimensions == 3 else 3
    model = wb.zoo.create(name, in_channels=channels, num_classes=2, **options)
    before = model.weights_fingerprint()
    with pytest.raises(InputError, match=f"theirs.pth {words}"):
        model.load(tmp_path / "theirs.pth", into="encoder")
    assert model.weights_fingerprint() == before


def test_old_names_of_densenet():
    assert transfer._renamed("features.denseblock1.denselayer2.norm.1.weight") == (
        "features.denseblock1.denselayer2.norm1.weight"
    )
    assert transfer._renamed("features.denseblock1.denselayer2.norm1.weight").count("norm1.weight") == 1


@pytest.mark.mindspore
def test_the_encoder_goes_into_either_framework(tmp_path):
    pytest.importorskip("mindspore")
    torch.save(resnet(18, 2), tmp_path / "r.pth")
    states = []
    for framework in ("torch", "mindspore"):
        model = wb.zoo.create("lod-net", framework=framework, in_channels=1, num_classes=2, depth=18, width=2)
        report = model.load(tmp_path / "r.pth", into="encoder")
        assert report.adapted == ("encoder.conv1.weight",)
        states.append({name: value for name, value in model.state().items() if name.startswith("encoder.")})
    assert all(np.array_equal(states[1][name], value) for name, value in states[0].items())


@pytest.mark.slow
def test_training_starts_from_an_encoder(tmp_path):
    torch.save(resnet(18, 2), tmp_path / "r.pth")
    data = wb.datasets.load("phantom-xray", n=6, task="segmentation")
    run = wb.train(
        "lod-net", data=data, epochs=1, batch_size=2, depth=18, width=2, head_width=4, folder=tmp_path / "runs",
        init=tmp_path / "r.pth", into="encoder",
    ).wait()  # fmt: skip
    assert run.state == "finished", run.status
    assert run.init_report["into"] == "encoder"
    assert run.init_report["adapted"] == ["encoder.conv1.weight"]
    assert "into 'encoder'" in run.log()
