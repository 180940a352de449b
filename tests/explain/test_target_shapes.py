"""What a model drew as what is explained: boxes, ellipses, points, objects, and counts of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.explain import Box, Class, Count, Ellipse, Instance, Margin, Point, Region
from workbench.explain.scene import Scene
from workbench.explain.targets import from_description
from workbench.frameworks import LinearScore
from workbench.shapes import Boxes, Ellipses, Points
from workbench.testing import toys
from workbench.volume import Volume
from workbench.zoo.ellipsenet_fit.encoding import ellipse_of
from workbench.zoo.lung_nodule_cnn.network import ANCHORS, STRIDES

OPTIONS = {
    "lung-nodule-transformer": {"width": 2, "depth": 18, "dim": 8, "heads": 2},
    "lung-nodules-detection": {"width": 4, "head_channels": 4},
    "lung-nodule-cnn": {"width": 2, "repeats": 1},
    "ellipsenet": {"width": 4, "head_channels": 4},
    "ellipsenet-fit": {"width": 4, "depth": 3},
    "u-csrnet": {"width": 2},
    "cd-net": {"width": 4},
    "2d-unet": {"width": 2, "depth": 2},
    "covid-resnet": {"width": 2, "depth": 18},
}
AFFINE = np.diag([-0.5, 2.0, 1.0, 1.0])


def made(name, **more):
    """Return a small model whose grid is that of the volume turned over, and a volume."""
    given = {key: value for key, value in OPTIONS[name].items() if key in wb.zoo.algorithm(name).options()}
    model = wb.zoo.create(name, **{"in_channels": 1, "num_classes": 2, **given, **more})
    model.preprocess = {"orientation": "IPL", "intensity": {"kind": "none"}}
    noise = np.random.default_rng(4).normal(size=(64, 64)).astype(np.float32)
    return model, Volume(noise, AFFINE, axes=("i", "j"))


def scene_of(model, volume):
    prepared = model.prepare(volume)
    return Scene(model, volume, prepared, model.forward(prepared.batch))


def agrees(model, volume, target, score):
    """Check that the map of a target is that of a score."""
    why = wb.explain(model, volume, "saliency", target)
    prepared = model.prepare(volume)
    values, gradient = model.framework.input_gradient(model.module, prepared.batch, score)
    wanted = prepared.restore(np.abs(gradient[0, 0]), kind="scores", order=1).data
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(why.data, wanted, atol=1e-5 * np.abs(wanted).max())
    assert why.score == pytest.approx(float(values[0]), rel=1e-4, abs=1e-5)
    again = from_description(why.target.describe(), why.target.pointer)
    np.testing.assert_array_equal(wb.explain(model, volume, "saliency", again).data, why.data)


def at(outputs, name, *places):
    weights = np.zeros(outputs[name].shape[1:], np.float32)
    for place in places:
        weights[place] = 1
    return LinearScore(weights, output=name)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def peak_of(pred, index, model, volume, outputs):
    """Return the class and the pixel of the map whose centre is that of a shape."""
    center = pred.onto(model.prepare(volume).affine).centers[index]
    offsets = outputs["reg"][0]
    places = (np.indices(offsets.shape[1:]) + offsets[::-1]) * 4 - 0.5
    apart = np.abs(places - center[:, None, None]).max(axis=0)
    assert np.sort(apart.ravel())[1] > 100 * apart.min()
    return (int(pred.labels[index]), *(int(x) for x in np.unravel_index(apart.argmin(), apart.shape)))


class TestBox:
    def test_of_a_query_it_is_the_logit_of_its_class(self):
        model, volume = made("lung-nodule-transformer")
        pred, outputs = model.predict(volume), scene_of(model, volume).outputs
        for index in (0, len(pred) - 1):
            box = pred.select([index])
            on_grid = box.onto(model.prepare(volume).affine)
            apart = np.abs(outputs["corners"][0] - on_grid.values).max(axis=1)
            query = int(apart.argmin())
            agrees(model, volume, Box(pred, index), at(outputs, "classes", (-1, query, int(box.labels[0]))))

    def test_of_a_peak_it_is_its_logit(self):
        model, volume = made("lung-nodules-detection")
        pred, outputs = model.predict(volume), scene_of(model, volume).outputs
        for index in (0, 3):
            agrees(model, volume, Box(pred, index), at(outputs, "logits", peak_of(pred, index, model, volume, outputs)))

    @pytest.mark.parametrize("num_classes", [1, 2])
    def test_of_a_cell_it_is_the_logit_of_its_objectness_and_of_its_class(self, num_classes):
        model, volume = made("lung-nodule-cnn", num_classes=num_classes)
        state = model.state()
        for key in state:
            if key.startswith("model.24") and key.endswith("bias"):
                state[key] = state[key] + 3
        model.framework.load_state(model.module, state)
        pred, outputs = model.predict(volume), scene_of(model, volume).outputs
        label, box = int(pred.labels[0]), pred.onto(model.prepare(volume).affine).values[0]
        found = []
        for name, stride, anchors in zip(("p3", "p4", "p5"), STRIDES, ANCHORS, strict=True):
            raw = outputs[name][0].reshape(3, 5 + num_classes, *outputs[name].shape[2:])
            for anchor, i, j in np.ndindex(3, *raw.shape[2:]):
                x, y, w, h = sigmoid(raw[anchor, :4, i, j])
                center = np.array([(2 * y - 0.5 + i) * stride, (2 * x - 0.5 + j) * stride]) - 0.5
                half = 2 * np.array([h, w]) ** 2 * np.array(anchors[anchor])[::-1]
                corners = np.clip(np.concatenate([center - half, center + half]), -0.5, 63.5)
                sure = sigmoid(raw[anchor, 4, i, j]) * (sigmoid(raw[anchor, 5 + label, i, j]) if num_classes > 1 else 1)
                # boxes of large anchors are all cut to the same
                apart = max(np.abs(corners - box).max(), abs(sure / pred.scores[0] - 1))
                found.append((apart, name, anchor * (5 + num_classes), i, j))
        apart, name, first, i, j = min(found)
        assert apart < 1e-3
        places = [(first + 4, i, j)] + ([(first + 5 + label, i, j)] if num_classes > 1 else [])
        agrees(model, volume, Box(pred, 0), at(outputs, name, *places))

    def test_without_a_prediction_it_is_the_surest(self):
        model, volume = made("lung-nodules-detection")
        first = wb.explain(model, volume, "saliency", Box())
        np.testing.assert_array_equal(
            first.data, wb.explain(model, volume, "saliency", Box(model.predict(volume), 0)).data
        )
        assert first.target.pred is not None
        assert str(first.target) == "box 0"


class TestEllipse:
    def test_it_is_the_logit_of_its_peak(self):
        model, volume = made("ellipsenet")
        pred, outputs = model.predict(volume), scene_of(model, volume).outputs
        agrees(model, volume, Ellipse(pred, 0), at(outputs, "logits", peak_of(pred, 0, model, volume, outputs)))

    @pytest.mark.parametrize("parameter", ["i", "j", "a", "b", "angle"])
    def test_a_parameter_moves_as_its_score_does(self, parameter):
        """Outputs that are changed a little change the decoded ellipse by what the score says."""
        model, volume = made("ellipsenet")
        scene = scene_of(model, volume)
        outputs = {name: np.array(values, np.float64) for name, values in scene.outputs.items()}
        outputs["l"] = np.abs(outputs["l"]) + 2
        scene = dataclasses.replace(scene, outputs=outputs)
        pred = model.task.answer(outputs, scene.prepared, model.classes)
        score = Ellipse(pred, 0, parameter).resolve(scene).score
        decoded = model.task.decode(outputs)[0].values
        rng, step = np.random.default_rng(1), 1e-5
        moved = {
            name: values if name == "logits" else values + step * rng.normal(size=values.shape)
            for name, values in outputs.items()
        }
        column = ["i", "j", "a", "b", "angle"].index(parameter)
        surest = pred.onto(scene.prepared.affine).centers[0]
        row = int(np.abs(decoded[:, :2] - surest).max(axis=1).argmin())
        change = model.task.decode(moved)[0].values[row, column] - decoded[row, column]
        parts = (score, *score.plus)
        told = sum(float(((moved[one.output] - outputs[one.output])[0] * one.weights).sum()) for one in parts)
        assert abs(change) > 1e-8
        assert told == pytest.approx(change, rel=5e-2)

    def test_both_outputs_of_a_semi_axis_are_in_the_map(self):
        model, volume = made("ellipsenet")
        target = Ellipse(model.predict(volume), 0, "a")
        agrees(model, volume, target, target.resolve(scene_of(model, volume)).score)

    def test_one_that_was_fitted_is_the_mean_logit_of_its_region(self):
        model, volume = made("ellipsenet-fit")
        pred, scene = model.predict(volume), scene_of(model, volume)
        label = int(pred.labels[0])
        region = ellipse_of(scene.outputs[0, label])[1]
        weights = np.zeros(scene.outputs.shape[1:], np.float32)
        weights[label] = region / region.sum()
        agrees(model, volume, Ellipse(pred, 0), LinearScore(weights))
        with pytest.raises(InputError, match=r"parameter must be left out.*got 'a'"):
            wb.explain(model, volume, "saliency", Ellipse(pred, 0, "a"))


class TestPointAndCount:
    @pytest.mark.parametrize("upsampling", ["transposed", "none"])
    def test_a_point_is_the_map_there(self, upsampling):
        model, volume = made("u-csrnet", upsampling=upsampling)
        outputs = scene_of(model, volume).outputs
        pixel = model.prepare(volume).grid.to_voxel(volume.to_world([21.2, 40.9]))
        stride = 64 // outputs.shape[2]
        weights = np.zeros(outputs.shape[1:], np.float32)
        i, j = np.rint(pixel[:2]).astype(int) // stride
        weights[1, i, j] = 1
        points = Points([[3, 3], [21.2, 40.9]], [0, 1], affine=volume.affine)
        agrees(model, volume, Point(points, 1), LinearScore(weights))

    def test_a_count_is_the_sum_of_the_maps(self):
        model, volume = made("u-csrnet")
        shape = scene_of(model, volume).outputs.shape[1:]
        agrees(model, volume, Count(), LinearScore(np.ones(shape, np.float32)))
        of_one = np.zeros(shape, np.float32)
        of_one[1] = 1
        agrees(model, volume, Count(1), LinearScore(of_one))


class TestInstance:
    def test_it_is_the_mean_over_the_object_of_what_says_inside(self, tmp_path):
        model, volume = made("cd-net")
        ids = np.zeros(volume.shape, np.uint8)
        ids[5:12, 20:30], ids[30:44, 40:50] = 1, 3
        pred = Volume(ids, volume.affine, axes=volume.axes, kind="labels")
        scene = scene_of(model, volume)
        mask = volume.with_data((ids == 3).astype(np.float32)).resample_like(scene.grid, order=1).data
        weights = np.zeros(
            scene.outputs["mask"].shape[1:] if "mask" in scene.outputs else scene.logits.shape, np.float32
        )
        weights[1] = mask / mask.sum()
        output = "mask" if "mask" in scene.outputs else "logits"
        agrees(model, volume, Instance(pred, 3), LinearScore(weights, output))
        agrees(model, volume, Region(pred, instance=3), LinearScore(weights, output))
        why = wb.explain(model, volume, "saliency", Instance(pred, 3))
        back = wb.explain.Explanation.load(why.save(tmp_path / "why.npz"))
        np.testing.assert_array_equal(back.replay(model, volume).data, why.data)
        assert "target=wb.explain.Region(segmentation, instance=3)" in why.code()
        with pytest.raises(InputError, match="none has the value 2; found"):
            wb.explain(model, volume, "saliency", Instance(pred, 2))
        with pytest.raises(InputError, match="instance must be left out for 2d-unet"):
            wb.explain(*made("2d-unet"), "saliency", Instance(pred, 3))


class TestMargin:
    def test_of_a_classifier_it_is_the_difference_of_two_logits(self):
        model, volume = made("covid-resnet", num_classes=3)
        agrees(model, volume, Margin(2, 0), LinearScore(np.array([-1, 0, 1], np.float32)))
        assert str(Margin("a", "b")) == "class a over b"

    def test_of_labels_it_is_where_the_first_is_predicted(self):
        model, volume = made("2d-unet")
        outputs = scene_of(model, volume).outputs
        mask = outputs[0].argmax(axis=0) == 1
        weights = np.stack([-(mask / mask.sum()), mask / mask.sum()]).astype(np.float32)
        agrees(model, volume, Margin(1, 0), LinearScore(weights))


ONE = Boxes([[2, 3, 9, 8]], scores=[0.5])


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (lambda: Box(np.zeros((1, 4))), "Box: pred must be Boxes, got ndarray. Give what model.predict"),
        (lambda: Box(Points([[1, 2]])), "Box: pred must be Boxes, got Points"),
        (lambda: Box(Boxes([]), 0), "Box: pred must hold at least one box, got none"),
        (lambda: Box(ONE, 1), "Box: index must be from 0 to 0, got 1"),
        (lambda: Box(ONE, -1), "Box: index must be a whole number from 0, got -1"),
        (lambda: Box(ONE, 0.5), "Box: index must be a whole number from 0, got 0.5"),
        (lambda: Box(ONE), "pred must be what this model finds in this volume"),
        (lambda: Box(index=10**6), "Box: index must be from 0 to"),
        (lambda: Ellipse(ONE), "Ellipse: pred must be Ellipses, got Boxes"),
        (lambda: Ellipse(Ellipses([[9, 9, 4, 3, 0]])), "that it does not find"),
        (lambda: Point(Points([[1, 2]])), "Point must be explained of a model that finds points"),
        (lambda: Count(5), "classes 0 to 1, but the target is class 5"),
        (lambda: Margin(1, 1), "a and b must be two classes, got 1 twice"),
        (lambda: Margin(1.5, 1), "a and b must be indices or names of classes, got 1.5"),
        (lambda: Margin(5, 1), "classes 0 to 1, but the target is class 5"),
        (lambda: Region(ONE, instance=1), "A region is a Volume or an Explanation, got Boxes"),
        (lambda: Region(toys.noise_volume((4, 4)), 1, instance=1), "label and where must be left out with instance="),
        (lambda: Region(toys.noise_volume((4, 4)), instance=0), "instance must be a whole number from 1, got 0"),
        (lambda: Region(toys.noise_volume((4, 4))), "label must be the label that is explained, got None"),
        (lambda: np.zeros(3), "A target is a class"),
    ],
)
def test_what_it_is_not_is_said(target, said):
    model, volume = made("lung-nodules-detection")
    with pytest.raises(InputError, match=said):
        wb.explain(model, volume, "saliency", target())


def test_code_makes_the_same_map():
    model, volume = made("lung-nodules-detection")
    for target in (Box(model.predict(volume), 2), Class(1), Margin(1, 0)):
        why = wb.explain(model, volume, "saliency", target)
        names = {"model": model, "volume": volume}
        exec(why.code(), names)
        np.testing.assert_array_equal(names["why"].data, why.data)


def test_weights_that_do_not_find_a_shape_are_asked_at_its_place():
    model, volume = made("lung-nodules-detection", seed=3)
    why = wb.explain(model, volume, "saliency", Box(model.predict(volume), 0))
    other = made("lung-nodules-detection", seed=5)[0]
    again = why.replay(other)
    prepared = other.prepare(volume)
    wanted = other.framework.scores(other.module, prepared.batch, why.target.seen)
    assert again.score == pytest.approx(float(wanted[0]), rel=1e-4)
    assert "random weights" in str(wb.explain.score([why], checks=["randomisation"]))


def test_files_keep_a_shape(tmp_path):
    model, volume = made("lung-nodules-detection")
    why = wb.explain(model, volume, "saliency", Box(model.predict(volume), 1))
    back = wb.explain.Explanation.load(why.save(tmp_path / "why.npz"))
    assert str(back.target) == "box 1"
    np.testing.assert_array_equal(back.replay(model, volume).data, why.data)
    asked = wb.explain.Request.load(why.request.save(tmp_path / "asked"))
    np.testing.assert_array_equal(asked.run().data, why.data)


def test_a_tissue_that_was_drawn_is_explained_where_it_is():
    model = wb.zoo.create("mtcsn", in_channels=1, num_classes=2, width=2, tissues=3)
    model.preprocess = {"orientation": "IPL", "intensity": {"kind": "none"}}
    volume = made("covid-resnet")[1]
    mask = volume.with_data((volume.data > 1).astype(np.uint8) * 2, kind="labels")
    target = wb.explain.targets_in(model, {"class": None, "mask": mask})[-1]
    scene = scene_of(model, volume)
    inside = volume.with_data((volume.data > 1).astype(np.float32)).resample_like(scene.grid, order=1).data
    weights = np.zeros(scene.outputs["tissue"].shape[1:], np.float32)
    weights[2] = inside / inside.sum()
    agrees(model, volume, target, LinearScore(weights, "tissue"))
