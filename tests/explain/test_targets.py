from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.explain import Class, Count, Output, Region, Voxel
from workbench.explain.scene import Scene
from workbench.explain.targets import as_target, default_target, from_description
from workbench.testing import toys
from workbench.volume import Volume

PREPROCESS = {"orientation": "RAS", "size": (10, 11, 12)}


def scene(model, volume):
    prepared = model.prepare(volume)
    return Scene(model, volume, prepared, model.forward(prepared.batch))


def value(target, model, volume):
    """The score of a target, by the framework."""
    found = scene(model, volume)
    score = target.resolve(found).score
    return float(model.framework.scores(model.module, found.prepared.batch, score)[0])


@pytest.fixture
def volume():
    return toys.noise_volume((8, 7, 9), toys.OBLIQUE)


@pytest.fixture
def segmenter():
    return toys.segmentation_model(3, preprocess=PREPROCESS)


@pytest.fixture
def logits(segmenter, volume):
    """The logits on the volume's own grid: the preprocessing only turns and pads."""
    prepared = segmenter.prepare(volume)
    raw = segmenter.forward(prepared.batch)[0]
    return np.stack([prepared.restore(channel).data for channel in raw])


class TestClass:
    def test_of_a_classifier_it_is_the_logit(self, volume):
        model = toys.cnn_model(3)
        expected = model.forward(model.prepare(volume).batch)[0]
        assert value(Class(1), model, volume) == pytest.approx(float(expected[1]), rel=1e-5)
        assert value(Class("class 2"), model, volume) == pytest.approx(float(expected[2]), rel=1e-5)

    def test_of_a_segmentation_it_is_the_mean_logit_where_it_is_predicted(self, segmenter, volume):
        prepared = segmenter.prepare(volume)
        raw = segmenter.forward(prepared.batch)[0]
        expected = raw[2][raw.argmax(0) == 2].mean()
        assert value(Class(2), segmenter, volume) == pytest.approx(float(expected), rel=1e-4)

    def test_of_a_label_that_is_predicted_nowhere_it_is_the_mean_and_says_so(self, volume):
        model = toys.segmentation_model(3)
        state = model.framework.state(model.module)
        state["head.bias"][:] = [100, 0, 0]
        model = toys.segmentation_model(3, state=state)
        resolved = Class(1).resolve(scene(model, volume))
        assert "predicts 'class 1' nowhere" in resolved.notes[0]
        raw = model.forward(model.prepare(volume).batch)[0]
        assert value(Class(1), model, volume) == pytest.approx(float(raw[1].mean()), rel=1e-4)
        assert resolved.notes[0] in wb.explain(model, volume, "saliency", 1).notes

    @pytest.mark.parametrize("which", [3, -1])
    def test_a_class_that_the_model_has_not_is_an_error(self, volume, which):
        with pytest.raises(InputError, match=r"classes 0 to 2, but the target is class"):
            value(Class(which), toys.cnn_model(3), volume)
        with pytest.raises(InputError, match=r"'clas 1'.*Did you mean 'class 1'"):
            value(Class("clas 1"), toys.cnn_model(3), volume)

    def test_a_single_output_is_the_logit_of_class_one(self, volume):
        state = toys.random_state(toys.define_cnn, {"ndim": 3, "channels": 1, "classes": 1, "width": 4})
        model = toys.cnn_model(3, classes=1, state=state)
        model.classes = ("normal", "lesion")
        logit = float(model.forward(model.prepare(volume).batch)[0, 0])
        assert value(Class(1), model, volume) == pytest.approx(logit, rel=1e-5)
        assert value(Class(0), model, volume) == pytest.approx(-logit, rel=1e-5)
        # the only kind of object that a detector knows is not the absence of another
        model.classes = ("nodule",)
        assert value(Class("nodule"), model, volume) == pytest.approx(logit, rel=1e-5)
        with pytest.raises(InputError, match="a single logit must be 0"):
            value(Class(1), model, volume)


class TestRegion:
    def test_it_is_the_mean_logit_over_the_region(self, segmenter, volume, logits):
        labels = np.zeros(volume.shape, np.uint8)
        labels[2:5, 3:6, 4:8] = 1
        region = Volume(labels, volume.affine, kind="labels")
        expected = logits[1][labels == 1].mean()
        assert value(Region(region, label=1), segmenter, volume) == pytest.approx(expected, rel=1e-4)
        assert value(Region(region, label=2, where=1), segmenter, volume) == pytest.approx(
            logits[2][labels == 1].mean(), rel=1e-4
        )

    @pytest.mark.parametrize("other", ["RAS", "PIR", "LSA"])
    def test_it_is_found_by_its_place_in_mm(self, segmenter, volume, other):
        labels = np.zeros(volume.shape, np.uint8)
        labels[2:5, 3:6, 4:8] = 1
        region = Volume(labels, volume.affine, kind="labels")
        turned = region.reorient(other).pad(2, 3)
        assert value(Region(turned, 1), segmenter, volume) == pytest.approx(value(Region(region, 1), segmenter, volume))

    def test_a_region_smaller_than_a_voxel_of_the_network_still_counts(self, volume):
        model = toys.segmentation_model(3, preprocess={"orientation": "RAS", "spacing": (4.0, 4.0, 4.0)})
        labels = np.zeros(volume.shape, np.uint8)
        labels[3, 3, 5] = 1
        resolved = Region(Volume(labels, volume.affine, kind="labels"), 1).resolve(scene(model, volume))
        grid = model.prepare(volume).grid
        weights = resolved.score.weights[1]
        places = grid.to_world(np.argwhere(weights > 0))
        centre = (places * weights[weights > 0][:, None]).sum(0)
        assert weights.sum() == pytest.approx(1)
        assert np.abs(centre - volume.to_world([3, 3, 5])).max() <= 4

    def test_a_label_may_be_given_by_name(self, segmenter, volume):
        labels = np.zeros(volume.shape, np.uint8)
        labels[2:5] = 4
        region = Volume(labels, volume.affine, kind="labels", labels={0: "background", 4: "class 2"})
        resolved = Region(region, "class 2").resolve(scene(segmenter, volume))
        assert resolved.target.label == 2
        assert resolved.target.where == 4

    def test_the_positive_part_of_an_explanation_is_a_region(self, segmenter, volume, logits):
        why = wb.explain(segmenter, volume, "grad-cam", 1, "conv1")
        expected = logits[2][why.data > 0].mean()
        assert value(Region(why, 2), segmenter, volume) == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize("inside", [1, 255, True, 0.5])
    def test_a_mask_is_a_region(self, segmenter, volume, logits, inside):
        data = np.zeros(volume.shape, np.asarray(inside).dtype)
        data[2:5, 3:6, 4:8] = inside
        expected = logits[2][data != 0].mean()
        mask = Volume(data, volume.affine)
        assert value(Region(mask, label=2), segmenter, volume) == pytest.approx(expected, rel=1e-4)
        resolved = Region(mask, label=2).resolve(scene(segmenter, volume)).target
        assert (resolved.region.kind, resolved.where) == ("labels", 1)

    def test_one_value_of_an_image_is_a_region(self, segmenter, volume, logits):
        data = (np.arange(volume.data.size) % 5).reshape(volume.shape).astype(np.int16)
        image = Volume(data, volume.affine)
        assert value(Region(image, label=2, where=4), segmenter, volume) == pytest.approx(
            logits[2][data == 4].mean(), rel=1e-4
        )
        with pytest.raises(InputError, match=r"none of <Volume image .* has the value 9"):
            Region(image, label=2, where=9)

    @pytest.mark.parametrize(
        ("region", "words"),
        [
            (Volume(np.arange(24.0).reshape(2, 3, 4)), r"a mask \(0, and one other value inside\), got <Volume image"),
            (Volume(np.array([[0, 1, 2]], np.uint8)), "of several values"),
            (Volume(np.array([[0, np.nan]])), "of several values"),
            (Volume(np.zeros((2, 3, 4))), "must mark at least one voxel"),
            (Volume(np.ones((4, 5, 3), np.uint8), axes=("i", "j", "c")), "one value for a voxel"),
            (Volume(np.ones((4, 5, 3), np.uint8), axes=("i", "j", "c"), kind="labels"), "one value for a voxel"),
            (np.ones((2, 3, 4)), "is a Volume or an Explanation, got ndarray"),
            ("liver.nii.gz", "got str"),
        ],
    )
    def test_what_marks_nothing_is_refused_at_once(self, region, words):
        with pytest.raises(InputError, match=words):
            Region(region, label=1)

    def test_a_region_without_voxels_is_an_error(self, segmenter, volume):
        region = Volume(np.full(volume.shape, 2, np.uint8), volume.affine, kind="labels")
        with pytest.raises(InputError, match="none has the value 1; found: \\[2\\]"):
            value(Region(region, 1), segmenter, volume)

    def test_a_region_elsewhere_is_an_error(self, segmenter, volume):
        far = volume.affine.copy()
        far[:3, 3] += 500
        region = Volume(np.ones(volume.shape, np.uint8), far, kind="labels")
        with pytest.raises(InputError, match="must overlap with the volume"):
            value(Region(region, 1), segmenter, volume)

    def test_another_region_gives_another_map(self, segmenter, volume):
        maps = []
        for part in (np.s_[:3], np.s_[5:]):
            labels = np.zeros(volume.shape, np.uint8)
            labels[part] = 1
            maps.append(
                wb.explain(segmenter, volume, "saliency", Region(Volume(labels, volume.affine, kind="labels"), 1))
            )
        assert np.abs(maps[0].data[6:]).max() < 1e-6 < np.abs(maps[0].data[:3]).max()
        assert np.abs(maps[1].data[:3]).max() < 1e-6 < np.abs(maps[1].data[6:]).max()


class TestVoxel:
    @pytest.mark.parametrize("ijk", [(0, 0, 0), (7, 6, 8), (2, 5, 3)])
    def test_it_is_the_logit_there(self, segmenter, volume, logits, ijk):
        assert value(Voxel(ijk, label=2), segmenter, volume) == pytest.approx(logits[2][ijk], rel=1e-4)
        point = volume.to_world(ijk)
        assert value(Voxel(mm=point, label=2), segmenter, volume) == pytest.approx(logits[2][ijk], rel=1e-4)

    def test_the_label_is_the_predicted_one(self, segmenter, volume, logits):
        resolved = Voxel((2, 5, 3)).resolve(scene(segmenter, volume))
        assert resolved.target.label == logits[:, 2, 5, 3].argmax()

    def test_where_nothing_is_predicted_it_says_what_is_explained(self, monkeypatch, segmenter, volume):
        found = scene(segmenter, volume)
        assert Voxel((2, 5, 3)).resolve(found).notes == ()
        monkeypatch.setitem(found.__dict__, "prediction", np.full(found.prediction.shape, -1))
        told = ("Nothing is predicted at this voxel; what is explained is the score of 'class 0'.",)
        assert Voxel((2, 5, 3)).resolve(found).notes == told
        assert Voxel((2, 5, 3), label=0).resolve(found).notes == (), "it was asked for"

    def test_outside_of_the_volume_is_an_error(self, segmenter, volume):
        with pytest.raises(InputError, match=r"must lie in the volume of \(8, 7, 9\) voxels, but is \(8, 0, 0\)"):
            value(Voxel((8, 0, 0)), segmenter, volume)
        with pytest.raises(InputError, match="outside of what the network sees"):
            value(Voxel(mm=(500, 0, 0)), segmenter, volume)

    def test_either_voxel_or_mm(self):
        with pytest.raises(InputError, match=r"either ijk= .* or mm="):
            Voxel()
        with pytest.raises(InputError, match=r"either ijk= .* or mm="):
            Voxel((1, 2, 3), mm=(1, 2, 3))

    def test_a_picture_has_two_indices(self):
        model, picture = toys.segmentation_model(2), toys.noise_volume((6, 5))
        raw = model.forward(model.prepare(picture).batch)[0]
        assert value(Voxel((4, 1), label=1), model, picture) == pytest.approx(float(raw[1, 4, 1]), rel=1e-5)
        with pytest.raises(InputError, match="2 spatial axes"):
            value(Voxel((4, 1, 0)), model, picture)


@pytest.mark.parametrize("target", [Voxel((1, 2, 3)), Region(Volume(np.ones((3, 3, 3), np.uint8), kind="labels"), 1)])
def test_a_place_in_a_classification_is_an_error(target, volume):
    with pytest.raises(InputError, match=r"one answer for the whole volume. Explain a class instead"):
        wb.explain(toys.cnn_model(3), volume, "saliency", target)


def test_the_default_of_a_segmentation_is_the_most_frequent_foreground_label(segmenter, volume):
    labels = scene(segmenter, volume).prediction
    counts = [(labels == index).sum() for index in (1, 2)]
    assert default_target(scene(segmenter, volume)).which == 1 + int(np.argmax(counts))


def test_a_network_with_several_outputs_is_explained_by_its_logits(volume):
    model = toys.cnn_model(3)
    plain = scene(model, volume)
    several = dataclasses.replace(plain, outputs={"features": np.zeros((1, 5)), "logits": plain.outputs})
    assert Class(1).resolve(several).score.output == "logits"
    with pytest.raises(InputError, match=r"output named 'logits'.*'features'"):
        Class(1).resolve(dataclasses.replace(plain, outputs={"features": plain.outputs}))


@pytest.mark.parametrize(
    "target", [Class(1), Class("class 1"), Voxel((1, 2, 3), 2), Voxel(mm=(1.5, 2, 3)), Voxel((1, 2, 3))]
)
def test_a_target_can_be_made_again_from_its_description(target):
    again = from_description(target.describe())
    assert again == target
    assert repr(again) == repr(target)


@pytest.mark.parametrize(("short", "expected"), [(1, Class(1)), (np.int64(2), Class(2)), ("tumour", Class("tumour"))])
def test_a_class_may_be_given_by_index_or_name_alone(short, expected):
    assert as_target(short) == expected


@pytest.mark.parametrize("wrong", [1.5, True, [1], {"class": 1}])
def test_what_is_no_target_is_an_error(wrong):
    with pytest.raises(InputError, match="A target is a class"):
        as_target(wrong)


def test_a_coarse_map_of_classes_is_seen_on_the_grid_of_the_network():
    coarse = np.array([[[-1, 1], [0, -1]]])
    task = SimpleNamespace(presence=lambda _: coarse, background=False)
    model = SimpleNamespace(algorithm=SimpleNamespace(task=task), classes=("cell", "nodule"))
    prepared = SimpleNamespace(spatial_shape=(4, 6), grid=None)
    coarse_scene = Scene(model, None, prepared, np.zeros((1, 2, 2, 2), np.float32))
    wanted = np.kron(coarse[0], np.ones((2, 3), int))
    np.testing.assert_array_equal(coarse_scene.prediction, wanted)
    score = Class("nodule").resolve(coarse_scene).score
    assert score.weights[1].argmax() == 1
    assert score.weights[1].sum() == pytest.approx(1)
    assert not score.weights[0].any()
    assert default_target(coarse_scene) == Class(0)


@pytest.mark.parametrize("place", [(0, 0), (3, 8), (7, 11), (4, 3)])
def test_a_voxel_between_the_samples_of_a_coarse_map_counts_for_its_cell(place):
    # every fourth voxel lies where a map of a quarter of the size is sampled; the others must not be lost
    task = SimpleNamespace(presence=lambda outputs: outputs.argmax(1), background=False)
    algorithm = SimpleNamespace(task=task, name="coarse")
    model = SimpleNamespace(algorithm=algorithm, classes=("cell", "nodule"))
    picture = Volume(np.zeros((8, 12), np.float32))
    prepared = SimpleNamespace(spatial_shape=(8, 12), grid=picture)
    found = Scene(model, picture, prepared, np.zeros((1, 2, 2, 3), np.float32))
    cell = (place[0] // 4, place[1] // 4)
    wanted = np.zeros((2, 3))
    wanted[cell] = 1
    mask = np.zeros((8, 12), np.uint8)
    mask[place] = 1
    there = Volume(mask, kind="labels")
    for target in (Voxel(place, label=1), Region(there, label=1), Output("logits", channel=1, where=there)):
        np.testing.assert_array_equal(target.resolve(found).score.weights[1], wanted)


@pytest.mark.parametrize("which", [None, 1.5, True])
@pytest.mark.parametrize("kind", [Class, Count])
def test_a_class_is_an_index_or_a_name(kind, which):
    if kind is Count and which is None:
        return
    with pytest.raises(InputError, match=r"index or name, got (None|1\.5|True)\. Give one of 0 to 2"):
        wb.explain(toys.cnn_model(2), toys.noise_volume((8, 8)), "saliency", kind(which))


def test_softmax_of_a_single_score_is_refused():
    model = toys.cnn_model(2, classes=1)
    with pytest.raises(InputError, match=r"'none' or 'sigmoid' for a network with a single score.*Take 'sigmoid'"):
        wb.explain(model, toys.noise_volume((8, 8)), "saliency", 0, activation="softmax")


def test_indices_are_whole_and_millimetres_have_a_name_of_their_own():
    assert Voxel((3.0, 2, 1)).ijk == (3, 2, 1)
    with pytest.raises(InputError, match=r"whole numbers, got \(12\.0, -30\.5, 88\.0\).*Voxel\(mm=\(12\.0, -30\.5"):
        Voxel((12.0, -30.5, 88.0))


@pytest.mark.parametrize("mm", ["here", (1, 2), (1, 2, float("nan")), 3])
def test_the_place_of_a_voxel_is_three_numbers(mm):
    with pytest.raises(InputError, match=r"A Voxel: mm must be three finite numbers, .* got .*viewer\.picked"):
        Voxel(mm=mm)


def test_of_a_single_logit_is_said_what_0_means_and_what_explains_the_other_side():
    model, picture = wb.zoo.create("covid-resnet", num_classes=1), toys.noise_volume((64, 64))
    words = (
        r"must be 0, 'class 0', whose logit that is.*got class 1.*negative in the map of class 0.*wb\.wrap.*classes="
    )
    for target in (1, wb.explain.Margin(1, 0)):
        with pytest.raises(InputError, match=words):
            wb.explain(model, picture, "saliency", target)


def test_a_single_logit_of_two_classes_has_a_negative_side():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    pooled = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 1)
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), *pooled)
    model = wb.wrap(network, task="classification", classes=("no", "yes"))
    picture = toys.noise_volume((12, 10))
    no, yes = (wb.explain(model, picture, "input-x-gradient", name) for name in ("no", "yes"))
    assert no.score == -yes.score
    assert np.array_equal(no.data, -yes.data)
