import numpy as np
import pytest

from workbench.shapes import Boxes
from workbench.training.crops import random_window


def test_a_crop_has_its_size_wherever_it_lies():
    labels = np.arange(10 * 12 * 8).reshape(10, 12, 8)
    for seed in range(20):
        window = random_window((10, 12, 8), (4, 5, 8), np.random.default_rng(seed), 0.5, labels)
        assert labels[window].shape == (4, 5, 8)


def test_foreground_crops_hold_the_rare_label_as_often_as_the_common_one():
    labels = np.zeros((40, 40), np.int64)
    labels[:20] = 1
    labels[39, 39] = 2
    rng = np.random.default_rng(0)
    seen = [2 in labels[random_window((40, 40), (4, 4), rng, 1.0, labels)] for _ in range(200)]
    assert 70 < sum(seen) < 130
    rng = np.random.default_rng(0)
    uniform = [2 in labels[random_window((40, 40), (4, 4), rng, 0.0, labels)] for _ in range(200)]
    assert sum(uniform) < 10


@pytest.mark.parametrize("foreground", [0.0, 1.0])
def test_every_place_a_crop_can_take_is_taken(foreground):
    labels = np.ones((5, 1), np.int64)
    starts = {
        random_window((5, 1), (3, 1), np.random.default_rng(seed), foreground, labels)[0].start for seed in range(60)
    }
    assert starts == {0, 1, 2}


def test_foreground_crops_hold_a_shape_of_every_class_as_often():
    boxes = Boxes([[2, 2, 4, 4], [30, 3, 32, 5], [30, 30, 33, 33]], [0, 0, 1])
    rng, held = np.random.default_rng(0), np.zeros(2)
    for _ in range(200):
        window = random_window((40, 40), (8, 8), rng, 1.0, boxes)
        inside = boxes.shifted([-side.start for side in window]).within((8, 8))
        assert len(inside) == 1
        held[inside.labels[0]] += 1
    assert 70 < held[1] < 130
