from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.testing import toys
from workbench.training import Recipe
from workbench.training.run import create


class ToyRun:
    """A run whose checkpoints are three sets of weights, and one in the middle of an epoch."""

    def __init__(self, make, define, epochs=(1, 2, 3)):
        config = {"ndim": 3, "channels": 1, "classes": 3, "width": 4}
        self.models = {e: make(3, state=toys.random_state(define, config, seed=e)) for e in epochs}

    def checkpoints(self):
        whole = [SimpleNamespace(position=SimpleNamespace(epoch=e, step=0)) for e in self.models]
        return [*whole, SimpleNamespace(position=SimpleNamespace(epoch=3, step=7))]

    def model(self, epoch):
        return self.models[epoch]


VOLUME = toys.noise_volume((8, 7, 9), toys.OBLIQUE)


def test_every_checkpoint_explains_the_same_class():
    run = ToyRun(toys.cnn_model, toys.define_cnn)
    found = list(wb.explain.over_checkpoints(run, VOLUME, "grad-cam", relu=False))
    assert [epoch for epoch, _ in found] == [1, 2, 3]
    expected = wb.explain(run.model(3), VOLUME, "saliency").target.which
    assert {why.target.which for _, why in found} == {expected}
    assert len({why.weights_fingerprint for _, why in found}) == 3
    direct = wb.explain(run.model(1), VOLUME, "grad-cam", expected, relu=False)
    assert np.array_equal(found[0][1].data, direct.data)


def test_a_segmentation_explains_the_region_of_the_last_checkpoint():
    run = ToyRun(toys.segmentation_model, toys.define_segmenter)
    found = dict(wb.explain.over_checkpoints(run, VOLUME, "saliency", epochs=[1, 3]))
    prediction = run.model(3).predict(VOLUME)
    for why in found.values():
        assert np.array_equal(why.target.region.data, prediction.data)


def test_it_is_made_one_at_a_time():
    run = ToyRun(toys.cnn_model, toys.define_cnn)
    made = []
    run.model = lambda epoch: made.append(epoch) or run.models[epoch]
    timeline = wb.explain.over_checkpoints(run, VOLUME, "saliency", 1)
    next(timeline)
    assert made == [1]


def test_a_run_without_checkpoints_says_so(tmp_path):
    run = create(tmp_path / "run", Recipe(algorithm="3d-unet"))
    with pytest.raises(StateError, match="learned nothing yet: it is starting"):
        next(wb.explain.over_checkpoints(run, VOLUME))
    run = ToyRun(toys.cnn_model, toys.define_cnn)
    run.checkpoint = lambda: None
    with pytest.raises(InputError, match="at least one epoch, got none"):
        next(wb.explain.over_checkpoints(run, VOLUME, epochs=[]))


def test_by_layer_every_layer_explains_the_same_thing():
    model = toys.cnn_model(3)
    found = list(wb.explain.over_layers(model, VOLUME, "grad-cam", relu=False))
    names = [name for name, _ in found]
    leaves = [one.name for one in model.layers() if one.leaf and one.name in names]
    assert [name for name in names if name in leaves] == leaves, "first to last"
    assert model.default_layer() in names
    assert len({str(why.target) for _, why in found}) == 1
    for name, why in found:
        direct = wb.explain(model, VOLUME, "grad-cam", why.target, name, relu=False)
        assert np.allclose(why.data, direct.data)
    chosen = [name for name, _ in wb.explain.over_layers(model, VOLUME, "grad-cam", 1, [names[-1]])]
    assert chosen == [names[-1]]
    assert [name for name, _ in wb.explain.over_layers(model, VOLUME, "grad-cam", 1, names[-1])] == [names[-1]]


def test_by_layer_tells_how_much_of_all_maps_is_done():
    told = []
    maps = wb.explain.over_layers(toys.cnn_model(3), VOLUME, "grad-cam", 1, progress=told.append)
    done = [told[-1] for _ in maps]
    assert told == sorted(told)
    assert told[0] == 0
    assert done == pytest.approx([(n + 1) / len(done) for n in range(len(done))])


def test_by_layer_attention_is_followed_further_and_further():
    options = {"patch": 4, "dim": 8, "depth": 3, "heads": 2, "mlp_dim": 8, "image_size": 8}
    model = wb.zoo.create("covid-transformer", in_channels=1, num_classes=3, **options)
    volume = toys.noise_volume((8, 12), np.diag([0.7, -1.3, 1.0, 1.0]))
    found = list(wb.explain.over_layers(model, volume, "attention-rollout", 1))
    assert len(found) == 3
    whole = wb.explain(model, volume, "attention-rollout", 1)
    assert np.allclose(found[-1][1].data, whole.data)
    assert not np.allclose(found[0][1].data, whole.data)


def test_by_layer_needs_a_method_that_looks_at_one():
    with pytest.raises(InputError, match="must look at a layer, got 'saliency'"):
        next(wb.explain.over_layers(toys.cnn_model(3), VOLUME, "saliency"))
    with pytest.raises(InputError, match="no such"):
        next(wb.explain.over_layers(toys.cnn_model(3), VOLUME, "grad-cam", 1, ["no such"]))
