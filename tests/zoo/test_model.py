from __future__ import annotations

import json

import numpy as np
import pytest

import workbench as wb
from workbench import _geometry
from workbench.errors import FileError, InputError, StateError
from workbench.frameworks import weights
from workbench.volume import Volume
from workbench.zoo import Model, checking

TINY = {"width": 2, "depth": 3}


class Threshold(Model):
    """A model with a known answer: label 1 wherever the value is above a half."""

    def forward(self, array, *, network=None):
        checking.check_batch(self, array.shape)
        return np.concatenate([0.5 - array, array - 0.5], axis=1) * 50


def threshold(**preprocess) -> Threshold:
    spec = {"orientation": "RAS", "intensity": {"kind": "none"}, **preprocess}
    made = wb.zoo.create("3d-unet", classes=["background", "lesion"], preprocess=spec, **TINY)
    return Threshold(
        made.algorithm, made.framework, "cpu", made.config, made.module, classes=made.classes, preprocess=spec
    )


def ball(affine: np.ndarray, shape: tuple[int, ...] = (26, 21, 14)) -> tuple[Volume, np.ndarray]:
    """Return a volume with a bright ball of 6 mm radius off its centre, and where it is."""
    grid = Volume(np.zeros(shape), affine)
    centre = grid.to_world([16.0, 7.0, 8.0])
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    inside = np.linalg.norm(grid.to_world(index) - centre, axis=-1) < 6
    return grid.with_data(inside.astype(np.float32)), centre


@pytest.mark.parametrize("code", _geometry.codes())
def test_an_off_centre_ball_is_found_where_it_is_in_every_orientation(code):
    volume, _ = ball(_geometry.from_codes(code, (0.9, 1.1, 1.6), (5, -7, 11)))
    labels = threshold().predict(volume)
    assert np.array_equal(labels.affine, volume.affine)
    assert np.array_equal(labels.data, volume.data)
    assert labels.labels == {0: "background", 1: "lesion"}


@pytest.mark.parametrize(
    "preprocess", [{}, {"spacing": (1, 1, 1)}, {"size": (24, 24, 24)}, {"size": (40, 40, 40), "fit": "pad-crop"}]
)
def test_an_oblique_anisotropic_ball_is_found_where_it_is(affine, preprocess):
    volume, centre = ball(affine)
    labels = threshold(**preprocess).predict(volume)
    assert np.array_equal(labels.affine, volume.affine)
    overlap = 2 * (labels.data * volume.data).sum() / (labels.data.sum() + volume.data.sum())
    assert overlap > 0.93
    found = volume.to_world(np.argwhere(labels.data)).mean(axis=0)
    assert np.linalg.norm(found - volume.to_world(np.argwhere(volume.data)).mean(axis=0)) < 0.5
    scores = threshold(**preprocess).probabilities(volume)
    assert scores.channels == ("background", "lesion")
    assert scores.data[tuple(np.rint(volume.to_voxel(centre)).astype(int))][1] > 0.99


def test_a_trained_looking_network_does_not_care_how_axes_run():
    model = wb.zoo.create("3d-unet", num_classes=3, **TINY)
    volume = Volume(np.random.default_rng(0).normal(size=(9, 12, 10)), np.diag([1, 1.5, 2, 1]))
    expected = model.probabilities(volume)
    for code in ("LPS", "SAR", "ILA"):
        turned = model.probabilities(volume.reorient(code))
        assert np.allclose(turned.reorient("RAS").data, expected.data, atol=1e-5)


def test_large_images_go_by_windows_and_small_ones_whole(monkeypatch):
    from workbench.zoo import answering

    model, seen = threshold(), []
    model.patch_size = (12, 16, 8)
    volume, _ = ball(np.eye(4), (30, 40, 20))
    forward = model.forward
    monkeypatch.setattr(model, "forward", lambda array, network: seen.append(array.shape) or forward(array))
    whole = model.predict(volume)
    assert seen == [(1, 1, 32, 40, 20)]
    monkeypatch.setattr(answering, "_WHOLE_IMAGE_VOXELS", 1000)
    seen.clear()
    shares: list[float] = []
    assert np.array_equal(model.predict(volume, progress=shares.append).data, whole.data)
    assert {shape[2:] for shape in seen} == {(12, 16, 8)}
    assert shares[-1] == 1
    with pytest.raises(wb.zoo.Cancelled):
        model.predict(volume, cancel=lambda: True)


def test_infer_answers_for_a_batch():
    model = threshold()
    images = np.random.default_rng(0).random(size=(3, 1, 8, 8, 12)).astype(np.float32)
    assert np.array_equal(model.infer(images), images[:, 0] > 0.5)
    classifier = wb.zoo.create("covid-resnet", depth=18, width=2, stem="small", num_classes=4)
    probabilities = classifier.infer(np.zeros((3, 1, 9, 9), np.float32))
    assert probabilities.shape == (3, 4)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_probabilities_are_for_segmentation():
    with pytest.raises(StateError, match="Use predict"):
        wb.zoo.create("covid-resnet", depth=18, width=2).probabilities(Volume(np.zeros((32, 32))))


def test_fingerprint_follows_the_weights():
    model = wb.zoo.create("3d-unet", **TINY)
    before = model.weights_fingerprint()
    state = model.state()
    state["head.bias"] = state["head.bias"] + np.float32(1e-3)
    model.framework.load_state(model.module, state)
    assert model.weights_fingerprint() != before


def test_weights_that_are_not_finite_are_refused_unless_wanted(tmp_path):
    model = wb.zoo.create("3d-unet", **TINY)
    state = model.state()
    name = next(name for name, array in state.items() if array.dtype.kind == "f")
    state[name].flat[0] = np.nan
    path = weights.save(tmp_path / "m.safetensors", state, model.metadata())
    for load in (model.load, wb.zoo.load):
        with pytest.raises(FileError, match=f"1 of {state[name].size} values of '{name}'"):
            load(path)
    assert np.isnan(wb.zoo.load(path, allow_non_finite=True).state()[name].flat[0])
    assert not model.load(path, allow_non_finite=True).missing


def test_weights_of_something_else(tmp_path):
    path = weights.save(tmp_path / "other.safetensors", {"a": np.zeros(3, np.float32)}, {})
    model = wb.zoo.create("3d-unet", **TINY)
    with pytest.raises(InputError, match=r"No weight in other.safetensors"):
        model.load(path, strict=False)
    with pytest.raises(FileError, match="does not say which model"):
        wb.zoo.load(path)
    damaged = weights.save(tmp_path / "damaged.safetensors", model.state(), {**model.metadata(), "config": "{"})
    with pytest.raises(FileError, match="damaged"):
        wb.zoo.load(damaged)
    (tmp_path / "short.safetensors").write_bytes(damaged.read_bytes()[:2000])
    with pytest.raises(FileError):
        wb.zoo.load(tmp_path / "short.safetensors")


@pytest.mark.parametrize("name", ["u.pth", "u.PT", "u.ckpt", "u.h5", "u.safetensors.bak"])
def test_a_file_of_weights_is_called_what_it_is(name, tmp_path):
    model = wb.zoo.create("2d-unet", width=4, depth=2)
    with pytest.raises(
        InputError, match=rf"written as \.safetensors, and {name} ends as another.*end in \.safetensors"
    ):
        model.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    for fine in ("u.safetensors", "u"):
        saved = wb.zoo.load(model.save(tmp_path / fine))
        assert saved.weights_fingerprint() == model.weights_fingerprint()


def test_metadata_is_json_without_the_data(tmp_path):
    model = wb.zoo.create("3d-unet", variant="small", classes=["none", "head", "tail"], patch_size=(64, 64, 64))
    facts = {key: json.loads(value) for key, value in weights.peek(model.save(tmp_path / "m.safetensors")).items()}
    assert facts["algorithm"] == "3d-unet"
    assert facts["config"]["width"] == 16
    assert facts["classes"] == ["none", "head", "tail"]
    assert facts["preprocess"]["divisible_by"] == 8
    assert wb.zoo.load(tmp_path / "m.safetensors").patch_size == (64, 64, 64)


def test_preprocess_keeps_the_networks_rule():
    model = wb.zoo.create("3d-unet", preprocess={"divisible_by": 6}, **TINY)
    assert model.preprocess["divisible_by"] == 12
    model.preprocess = {"spacing": (1, 1, 1)}
    assert model.preprocess["divisible_by"] == 4
    with pytest.raises(InputError, match="Did you mean 'spacing'"):
        model.preprocess = {"spacin": 1}


def test_an_array_is_not_a_volume():
    model = wb.zoo.create("3d-unet", **TINY)
    with pytest.raises(InputError, match=r"got ndarray. Wrap it"):
        model.predict(np.zeros((8, 8, 8)))


def test_names_of_classes_must_be_as_many():
    model = wb.zoo.create("3d-unet", num_classes=3, **TINY)
    with pytest.raises(InputError, match="3 classes"):
        Model(model.algorithm, model.framework, "cpu", model.config, model.module, classes=["a"])


def test_display():
    model = wb.zoo.create("3d-unet", num_classes=3, classes=["background", "<b>", "c"], **TINY)
    assert "3d-unet, width=2, depth=3: 3D segmentation, 1 channel -> 3 classes" in repr(model)
    assert "torch on cpu" in repr(model)
    assert "&lt;b&gt;" in model._repr_html_()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("skip_aire", "skip_air"), ("precison", "precision"), ("cancell", "cancel"), ("progres", "progress")],
)
def test_a_mistyped_keyword_of_a_prediction_is_named_with_the_nearest(wrong, right):
    model = wb.zoo.create("2d-unet", width=2, depth=2)
    volume = wb.Volume(np.zeros((8, 8), np.float32))
    for call in (model.predict, model.probabilities):
        with pytest.raises(InputError, match=rf"got an unknown option '{wrong}'\. Did you mean '{right}'\?"):
            call(volume, **{wrong: 1})
