import numpy as np
import pytest

from workbench import zoo
from workbench.datasets import from_list
from workbench.errors import InputError
from workbench.shapes import Points
from workbench.training.batches import Batches, Samples, seed_of
from workbench.training.recipe import Recipe
from workbench.transforms import Augment, Preprocess
from workbench.volume import Volume


@pytest.fixture
def batches_of(boxes, recipe_of):
    def make(threads=1, augment=None, cache_bytes=None, divisible_by=1, **changes):
        recipe = recipe_of(boxes, **changes)
        task = zoo.algorithm("3d-unet").task
        samples = Samples(boxes, Preprocess({**recipe.preprocess, "divisible_by": divisible_by}), task, cache_bytes)
        return Batches(samples, task, augment, recipe, threads)

    return make


def content(batches, epoch, first=0):
    return [(batch.inputs.tobytes(), batch.targets["label"].tobytes()) for batch in batches.epoch(epoch, first)]


def test_an_epoch_has_every_training_sample_once_in_an_order_of_its_own(batches_of):
    batches = batches_of()
    orders = [[index for index, _ in batches.order(epoch)] for epoch in range(5)]
    assert all(sorted(order) == [0, 1, 2, 3, 4, 5] for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    assert orders == [[index for index, _ in batches_of().order(epoch)] for epoch in range(5)]
    assert orders != [[index for index, _ in batches_of(seed=1).order(epoch)] for epoch in range(5)]
    assert batches.steps == len(content(batches, 0)) == 3


def test_batches_depend_neither_on_threads_nor_on_memory_nor_on_where_one_begins(batches_of):
    options = {"patch_size": [4, 4, 4], "patches_per_sample": 2}
    whole = content(batches_of(**options), 3)
    assert content(batches_of(threads=4, **options), 3) == whole
    assert content(batches_of(cache_bytes=0, **options), 3) == whole
    assert content(batches_of(**options), 3, first=4) == whole[4:]
    assert len(set(whole)) == 6


def test_augmentation_gets_a_seed_for_each_sample_of_each_epoch(batches_of):
    seen = []

    class Augment:
        def apply(self, arrays, seed):
            seen.append(seed)
            assert arrays["image"].shape[1:] == arrays["label"].shape[1:]
            return {"image": arrays["image"] * 0 + 7, "label": arrays["label"]}

    batches = batches_of(augment=Augment())
    first = next(iter(batches.epoch(0)))
    assert (first.inputs == 7).all()
    content(batches, 1)
    assert len(set(seen)) == len(seen)


def test_a_last_batch_of_one_is_left_out(batches_of):
    sizes = [len(batch.inputs) for batch in batches_of(batch_size=5).epoch(0)]
    assert sizes == [5]
    assert [len(batch.inputs) for batch in batches_of(batch_size=4).epoch(0)] == [4, 2]


def test_sizes_are_padded_to_what_the_network_takes(batches_of):
    batch = next(iter(batches_of(patch_size=[5, 6, 7], divisible_by=4).epoch(0)))
    assert batch.inputs.shape == (2, 1, 8, 8, 8)
    assert batch.targets["label"].shape == (2, 8, 8, 8)
    assert not batch.targets["label"][:, 5:].any()


def test_memory_for_samples_is_bounded(boxes, recipe_of):
    task = zoo.algorithm("3d-unet").task
    one = Samples(boxes, Preprocess(), task)[0].nbytes
    samples = Samples(boxes, Preprocess(), task, cache_bytes=3 * one)
    made = [samples[index] for index in range(6)]
    assert sum(samples[index] is made[index] for index in (5, 4, 3)) == 3
    assert samples[0] is not made[0]


def test_seeds_are_functions_of_their_keys():
    keys = [(a, b) for a in range(20) for b in range(20)]
    assert len({seed_of(*key) for key in keys}) == len(keys)
    assert all(0 <= seed_of(*key) < 2**31 for key in keys)
    assert seed_of(1, 2) == seed_of(1, 2) != seed_of(2, 1)


def test_prepared_labels_lie_on_the_images_grid(boxes):
    samples = Samples(boxes, Preprocess({"orientation": "RAS"}), zoo.algorithm("3d-unet").task)
    sample = samples[0]
    truth = boxes[0]["label"]
    np.testing.assert_array_equal(sample.label, truth.reorient("RAS").data)
    assert sample.image.restore(sample.label, kind="labels").data.tobytes() == truth.data.astype(np.int64).tobytes()


class Recorder:
    """A task that hands the annotation through, so that tests see what a task sees."""

    kind = "points"

    def targets(self, annotation, num_classes, shape):
        values = np.full((8, 2), np.nan)
        values[: len(annotation)] = annotation.values
        return {"points": values, "shape": np.array(shape)}


def test_points_follow_crops_and_changes_of_the_image():
    images = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        data = np.zeros((24, 30), np.float32)
        spots = rng.choice(24 * 30, 5, replace=False)
        data.flat[spots] = 1
        where = np.stack(np.unravel_index(spots, data.shape), axis=1)
        affine = np.array([[0, -2.0, 0, 30], [0.5, 0, 0, 7], [0, 0, 1, 0], [0, 0, 0, 1]])
        images.append({"image": Volume(data, affine), "label": Points(where, affine=affine)})
    dataset = from_list(images, task="points", classes=["spot"], splits={"train": range(4)})
    recipe = Recipe(
        algorithm="none",
        splits={"train": [0, 1, 2, 3]},
        batch_size=4,
        patch_size=[16, 16],
        patches_per_sample=5,
        data={},
    )
    samples = Samples(dataset, Preprocess(intensity={"kind": "none"}), Recorder())
    flips = Augment({"flip": {"axes": [0, 1], "prob": 0.5}}, 2)
    seen = 0
    for batch in Batches(samples, Recorder(), flips, recipe).epoch(0):
        for image, points, shape in zip(batch.inputs, batch.targets["points"], batch.targets["shape"], strict=True):
            assert tuple(shape) == (16, 16)
            kept = points[np.isfinite(points[:, 0])].round().astype(int)
            assert sorted(map(tuple, kept)) == sorted(zip(*np.nonzero(image[0]), strict=True))
            seen += len(kept)
    assert seen > 10


def test_an_elastic_change_refuses_shapes():
    with pytest.raises(InputError, match="'elastic' bends"):
        Augment({"elastic": {}}, 2).apply_with_move({"image": np.zeros((1, 8, 8), np.float32)}, 0)
