from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench import frameworks
from workbench.errors import InputError
from workbench.volume import UNLABELLED, Volume
from workbench.zoo.tasks import ClassificationTask, SegmentationTask


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def loss_of(task, outputs, label, framework="torch", **options):
    tensor = pytest.importorskip("torch").as_tensor
    if framework == "mindspore":
        tensor = pytest.importorskip("mindspore", reason="mindspore is not installed (extra: mindspore)").Tensor
    loss = task.make_loss(**options)(*frameworks.get(framework).vocabulary)
    return loss(tensor(outputs), {"label": tensor(label)})


def test_segmentation_loss_by_hand():
    # four voxels, two labels; the probabilities of label 1 are 0.5, 0.5, 0.9, 0.2, the truth is 0 0 1 1
    p = np.array([0.5, 0.5, 0.9, 0.2])
    outputs = np.log(np.stack([1 - p, p])).reshape(1, 2, 2, 2).astype(np.float32)
    label = np.array([0, 0, 1, 1]).reshape(1, 2, 2)
    terms = loss_of(SegmentationTask(2), outputs, label)
    cross_entropy = -np.log([0.5, 0.5, 0.9, 0.2]).mean()
    dice = 1 - (2 * 1.1 + 1) / (2.1 + 2 + 1)
    assert np.isclose(float(terms["cross_entropy"]), cross_entropy, rtol=1e-5)
    assert np.isclose(float(terms["dice"]), dice, rtol=1e-5)
    assert np.isclose(float(terms["loss"]), cross_entropy + dice, rtol=1e-5)
    only = loss_of(SegmentationTask(2), outputs, label, cross_entropy=0, dice=2)
    assert set(only) == {"loss", "dice"}
    assert np.isclose(float(only["loss"]), 2 * dice, rtol=1e-5)


def test_voxels_without_annotation_do_not_count():
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(1, 3, 4, 4)).astype(np.float32)
    label = rng.integers(0, 3, size=(1, 4, 4))
    label[:, 2:] = UNLABELLED
    before = float(loss_of(SegmentationTask(2), outputs, label)["loss"])
    outputs[:, :, 2:] += rng.normal(size=(1, 3, 2, 4)).astype(np.float32)
    assert float(loss_of(SegmentationTask(2), outputs, label)["loss"]) == pytest.approx(before, rel=1e-6)
    outputs[:, :, :2] += rng.normal(size=(1, 3, 2, 4)).astype(np.float32)
    assert float(loss_of(SegmentationTask(2), outputs, label)["loss"]) != pytest.approx(before, rel=1e-3)
    assert SegmentationTask(2).targets(label[0], 3, label[0].shape)["label"].max() == UNLABELLED


def test_class_weights():
    outputs, label = np.array([[2.0, 0.0], [0.0, 1.0]], np.float32), np.array([1, 1])
    plain = loss_of(ClassificationTask(), outputs, label)
    weighted = loss_of(ClassificationTask(), outputs, label, class_weights=[0, 5])
    assert float(plain["loss"]) == pytest.approx(float(weighted["loss"]), rel=1e-6)
    with pytest.raises(InputError, match="2 classes, got 3"):
        loss_of(ClassificationTask(), outputs, label, class_weights=[1, 1, 1])
    with pytest.raises(InputError, match="zero or more"):
        ClassificationTask().make_loss(class_weights=[-1, 1])


def test_a_loss_needs_a_term():
    with pytest.raises(InputError, match="above 0"):
        SegmentationTask(3).make_loss(cross_entropy=0, dice=0)


def test_segmentation_metrics_are_in_millimetres(affine):
    truth = np.zeros((8, 8, 8), np.uint8)
    truth[2:6, 2:6, 2:6] = 1
    truth[6:, 6:, 6:] = 2
    volume = Volume(truth, affine, kind="labels")
    metrics = SegmentationTask(3).metrics(["background", "core", "rim", "absent"])
    metrics.update(volume.reorient("SPL"), volume)  # the same labels, stored another way round
    scores = metrics.compute()
    assert scores["dice/core"] == scores["dice/rim"] == scores["dice"] == 1
    assert np.isnan(scores["dice/absent"])
    half = truth.copy()
    half[4:6] = 0
    metrics.update(volume.with_data(half), volume)
    assert metrics.compute()["dice/core"] == pytest.approx((1 + 2 * 32 / (32 + 64)) / 2)


def test_classification_metrics():
    metrics = ClassificationTask().metrics(["a", "b"])
    for probability, truth in ((0.9, 1), (0.6, 1), (0.55, 0), (0.1, 0)):
        metrics.update(np.array([1 - probability, probability]), truth)
    # one of the two called b is not, and both that are were found
    assert metrics.compute() == {"auc": 1.0, "accuracy": 0.75, "f1": pytest.approx(2 * 2 / (3 + 2))}


def test_scores_of_no_sample_are_nan():
    scores = ClassificationTask().metrics(["a", "b"]).compute()
    assert set(scores) == {"auc", "accuracy", "f1"}
    assert np.isnan(list(scores.values())).all()


@pytest.mark.parametrize("framework", ["torch", "mindspore"])
def test_a_batch_without_any_annotation_has_a_loss_of_nothing(framework):
    outputs = np.random.default_rng(0).normal(size=(1, 3, 4, 4)).astype(np.float32)
    label = np.full((1, 4, 4), UNLABELLED)
    terms = loss_of(SegmentationTask(2), outputs, label, framework=framework, class_weights=[1, 2, 3])
    assert {name: float(value) for name, value in terms.items()} == {"loss": 0, "cross_entropy": 0, "dice": 0}


def test_dice_with_squares_and_less_smoothing():
    # p is (0.6, 0.4) for label 1; one of the two pixels is 1
    outputs = np.log(np.array([[[[0.4, 0.6]], [[0.6, 0.4]]]], np.float32))
    label = np.array([[[1, 0]]])
    only = {"cross_entropy": 0, "smoothing": 0.5}
    plain = loss_of(SegmentationTask(2), outputs, label, **only)
    assert float(plain["dice"]) == pytest.approx(1 - (2 * 0.6 + 0.5) / (1 + 1 + 0.5), rel=1e-5)
    squared = loss_of(SegmentationTask(2), outputs, label, squared=True, **only)
    assert float(squared["dice"]) == pytest.approx(1 - (2 * 0.6 + 0.5) / (0.36 + 0.16 + 1 + 0.5), rel=1e-5)
    with pytest.raises(InputError, match="smoothing of the Dice is above 0"):
        SegmentationTask(2).make_loss(smoothing=0)


@pytest.mark.parametrize("name", [card.name for card in wb.zoo.list()])
def test_an_unknown_option_of_the_loss_is_named_with_the_valid_ones(name):
    with pytest.raises(InputError, match="The loss got an unknown option 'focal'"):
        wb.zoo.algorithm(name).task.loss({"focal": 1})
    assert callable(wb.zoo.algorithm(name).task.loss({}))


@pytest.mark.parametrize("name", [card.name for card in wb.zoo.list()])
def test_every_option_of_a_loss_is_told_and_checked(name):
    task = wb.zoo.algorithm(name).task
    parameters = task.parameters()
    assert parameters
    assert all(one.help and one.kind in ("flag", "number") for one in parameters.values())
    for option, parameter in parameters.items():
        with pytest.raises(InputError, match=rf"^The loss: {option} must be .*, got 'much'"):
            task.loss({option: "much"})
        if parameter.low == 0:
            with pytest.raises(InputError, match=rf"^The loss: {option} must be .*at least 0.*, got .?-0.5"):
                task.loss({option: [-0.5] if parameter.many else -0.5})


def test_options_of_a_loss_are_described():
    told = wb.describe(wb.zoo.algorithm("lod-net").task)
    assert [one.name for one in told][-2:] == ["derivative", "unnormalised_grid"]
    assert "background" in [one.name for one in told]


def test_options_of_a_loss_include_those_it_hands_on():
    with pytest.raises(InputError, match=r"derivativ'.*Did you mean 'derivative'.*background"):
        wb.zoo.algorithm("lod-net").task.loss({"derivativ": 1})
    assert callable(wb.zoo.algorithm("lod-net").task.loss({"derivative": 1, "background": True}))


def test_options_of_a_loss_written_elsewhere():
    class Positional(ClassificationTask):
        def make_loss(self, sharpness=1.0):
            return sharpness

    class Opaque(wb.zoo.Task):
        def make_loss(self, **options):
            return options

    Opaque.__abstractmethods__ = frozenset()
    assert Positional().loss({"sharpness": 2.0}) == 2.0
    with pytest.raises(InputError, match="unknown option 'sharp'"):
        Positional().loss({"sharp": 2.0})
    assert Opaque().loss({"anything": 1}) == {"anything": 1}, "only it can know its options"
