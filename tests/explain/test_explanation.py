from __future__ import annotations

import json

import numpy as np
import pytest

import workbench as wb
from workbench.errors import FileError, InputError, StateError
from workbench.explain import Explanation, Region, Voxel
from workbench.testing import toys
from workbench.volume import Volume


@pytest.fixture
def volume():
    return toys.noise_volume((8, 7, 9), toys.OBLIQUE)


@pytest.fixture
def why(volume):
    return wb.explain(toys.cnn_model(3), volume, "occlusion", 1, window=3, stride=2)


@pytest.mark.parametrize("name", ["map.nii.gz", "map.nii", "map.npz"])
def test_what_is_saved_can_be_read_and_replayed(tmp_path, why, volume, name):
    assert why.save(tmp_path / name) == tmp_path / name
    again = Explanation.load(tmp_path / name)
    assert np.array_equal(again.data, why.data)
    assert np.allclose(again.affine, why.affine, atol=1e-5)
    assert again.volume.kind == "scores"
    assert again.describe() == why.describe()
    replayed = again.replay(toys.cnn_model(3), volume)
    assert np.array_equal(replayed.data, why.data)
    assert replayed.notes == ()


@pytest.mark.parametrize("name", ["map.nii.gz", "map.npz"])
def test_a_picture_stays_a_picture(tmp_path, name):
    picture = toys.noise_volume((9, 8))
    why = wb.explain(toys.cnn_model(2), picture, "saliency", 1)
    why.save(tmp_path / name)
    again = Explanation.load(tmp_path / name)
    assert again.shape == (9, 8)
    assert np.array_equal(again.data, why.data)
    assert np.allclose(again.affine, why.affine, atol=1e-5)


@pytest.mark.parametrize("name", ["map.nii.gz", "map.npz"])
def test_a_region_target_keeps_its_region(tmp_path, volume, name):
    labels = np.zeros(volume.shape, np.uint8)
    labels[2:5, 3:6, 4:8] = 3
    model = toys.segmentation_model(3)
    why = wb.explain(model, volume, "saliency", Region(Volume(labels, volume.affine, kind="labels"), 1, where=3))
    why.save(tmp_path / name)
    again = Explanation.load(tmp_path / name)
    assert np.array_equal(again.target.region.data, labels)
    assert np.allclose(again.replay(model, volume).data, why.data, atol=1e-7)


def test_the_sidecar_is_plain_json(tmp_path, why):
    why.save(tmp_path / "map.nii.gz")
    known = json.loads((tmp_path / "map.json").read_text())
    assert known["method"] == "occlusion"
    assert known["target"] == {"kind": "class", "class": 1, "name": "class 1"}
    assert known["options"]["window"] == 3
    assert known["native_resolution"] == [4, 3, 4]
    assert known["weights_fingerprint"] == toys.cnn_model(3).weights_fingerprint()
    assert set(known["versions"]) >= {"workbench", "torch"}
    assert known["framework"] == "torch"


def _sidecar(**known):
    return json.dumps({"format": "workbench-explanation", "format_version": 1, **known})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "needs its 'map.json' beside it"),
        ("{", "not readable as JSON.*copy it again"),
        ("[" * 100_000, "not readable as JSON"),
        ("[1]", "does not describe an explanation"),
        ('{"format": "workbench-explanation", "format_version": 99}', "format version 99"),
        ('{"format": "workbench-explanation", "format_version": 1}', "not describe an explanation completely"),
        (_sidecar(), "not describe an explanation completely.*copy it again"),
        (_sidecar(target=3), "not describe an explanation completely"),
        (_sidecar(target={"kind": "galaxy"}), "not describe an explanation completely.*galaxy"),
    ],
)
def test_a_broken_sidecar_is_an_error(tmp_path, why, text, message):
    why.save(tmp_path / "map.nii.gz")
    sidecar = tmp_path / "map.json"
    sidecar.unlink() if text is None else sidecar.write_text(text)
    with pytest.raises(FileError, match=message):
        Explanation.load(tmp_path / "map.nii.gz")


def test_a_sidecar_that_cannot_be_read_is_an_error(tmp_path, why):
    why.save(tmp_path / "map.nii.gz")
    (tmp_path / "map.json").unlink()
    (tmp_path / "map.json").mkdir()
    with pytest.raises(FileError, match=r"'map\.json' cannot be read"):
        Explanation.load(tmp_path / "map.nii.gz")


def test_a_failed_write_keeps_the_old_sidecar(tmp_path, why, monkeypatch):
    why.save(tmp_path / "map.nii.gz")
    before = (tmp_path / "map.json").read_bytes()
    names = sorted(path.name for path in tmp_path.iterdir())

    def full(path, text, **_options):
        with path.open("w") as file:
            file.write(text[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(FileError, match=r"map.json cannot be written \(No space left"):
        why.save(tmp_path / "map.nii.gz")
    assert (tmp_path / "map.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_another_suffix_is_an_error(tmp_path, why):
    with pytest.raises(InputError, match=r"saved as .nii.gz, .nii, .npz, but the file name is 'map.png'"):
        why.save(tmp_path / "map.png")
    assert list(tmp_path.iterdir()) == []


def test_without_model_or_volume_a_replay_says_what_it_needs(tmp_path, why):
    why.save(tmp_path / "map.npz")
    with pytest.raises(StateError, match=r"replay\(model, volume\)"):
        Explanation.load(tmp_path / "map.npz").replay()


def test_a_replay_with_other_weights_or_volume_is_noted(why):
    state = toys.random_state(toys.define_cnn, {"ndim": 3, "channels": 1, "classes": 3, "width": 4}, seed=5)
    notes = why.replay(toys.cnn_model(3, state=state), toys.noise_volume((8, 7, 9), seed=3)).notes
    assert "Replayed with other weights than those of the first explanation." in notes
    assert "Replayed on another volume than that of the first explanation." in notes


def test_the_display_range_starts_at_zero_or_is_symmetric(why):
    def ranged(values):
        data = np.zeros((10, 10, 10), np.float32)
        data.flat[: len(values)] = values
        return dataclasses_replace(why, volume=Volume(data, kind="scores")).display_range

    assert ranged([1.0, 2.0, 4.0]) == pytest.approx((0, 4), rel=0.01)
    assert ranged([1.0, 2.0, -4.0]) == pytest.approx((-4, 4), rel=0.01)
    assert ranged([]) == (0, 1)
    assert ranged([1.0] * 500 + [1000.0]) == (0, 1)


def test_its_title_names_method_and_target(why, volume):
    assert why.title == f"Occlusion: {why.target.name}"
    layers = wb.view(volume, why, why).layers
    assert [layer.name for layer in layers] == ["image", why.title, f"{why.title} 2"]


def test_its_text_says_what_it_is(why):
    text = repr(why)
    for part in ("occlusion of class 1", "8x7x9 voxels", "4x3x4 cells", "torch"):
        assert part in text
    assert "define_cnn" in why._repr_html_()


@pytest.mark.parametrize(("space", "unit"), [("patient", "mm"), ("object", "mm"), ("pixels", "pixels")])
def test_its_lengths_have_the_unit_of_the_volume(why, space, unit):
    page = dataclasses_replace(why, volume=why.volume.with_meaning(space=space))._repr_html_()
    steps = "x".join(f"{step:.4g}" for step in why.volume.spacing)
    assert f"8x7x9 voxels of {steps} {unit}<" in page
    assert ("mm" in page) == (unit == "mm")


def test_its_html_escapes_names(why):
    target = wb.explain.Class(1, "<script>alert(1)</script>")
    page = dataclasses_replace(why, target=target)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_code_names_only_what_differs_from_the_defaults(why):
    assert why.code("net", "ct") == (
        "import workbench as wb\n\n"
        "why = wb.explain(net, ct, method='occlusion', target=wb.explain.Class(1), window=3, stride=2)\n"
    )


@pytest.mark.parametrize("target", ["voxel", "mm", "region"])
def test_the_code_of_a_segmentation_target_makes_the_same_map(volume, target):
    model = toys.segmentation_model(3)
    labels = Volume((np.arange(504).reshape(8, 7, 9) % 5).astype(np.uint8), volume.affine, kind="labels")
    chosen = {
        "voxel": Voxel((2, 3, 4)),
        "mm": Voxel(mm=volume.to_world([2, 3, 4])),
        "region": Region(labels, label=1, where=4),
    }[target]
    why = wb.explain(model, volume, "grad-cam", chosen, "conv1", relu=False)
    names = {"net": model, "ct": volume, "mine": labels}
    exec(why.code("net", "ct", "mine"), names)
    assert np.array_equal(names["why"].data, why.data)


def dataclasses_replace(explanation, **changes):
    import dataclasses

    return dataclasses.replace(explanation, **changes)
