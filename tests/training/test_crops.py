import numpy as np
import pytest

from workbench.training.crops import random_crop


def test_crops_of_image_and_labels_are_of_the_same_place():
    image = np.arange(10 * 12 * 8, dtype=np.float32).reshape(1, 10, 12, 8)
    labels = image[0].astype(np.int64)
    for seed in range(20):
        part, values = random_crop(image, labels, (4, 5, 8), np.random.default_rng(seed), foreground=0.5)
        assert part.shape == (1, 4, 5, 8)
        np.testing.assert_array_equal(part[0], values)


def test_foreground_crops_hold_the_rare_label_as_often_as_the_common_one():
    labels = np.zeros((40, 40), np.int64)
    labels[:20] = 1
    labels[39, 39] = 2
    image = labels[None].astype(np.float32)
    rng = np.random.default_rng(0)
    seen = [2 in random_crop(image, labels, (4, 4), rng, foreground=1.0)[1] for _ in range(200)]
    assert 70 < sum(seen) < 130
    rng = np.random.default_rng(0)
    uniform = [2 in random_crop(image, labels, (4, 4), rng, foreground=0.0)[1] for _ in range(200)]
    assert sum(uniform) < 10


@pytest.mark.parametrize("foreground", [0.0, 1.0])
def test_every_place_a_crop_can_take_is_taken(foreground):
    image = np.arange(5, dtype=np.float32).reshape(1, 5, 1)
    labels = np.ones((5, 1), np.int64)
    starts = {
        int(random_crop(image, labels, (3, 1), np.random.default_rng(seed), foreground)[0][0, 0, 0])
        for seed in range(60)
    }
    assert starts == {0, 1, 2}
