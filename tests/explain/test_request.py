"""Requests: checked when they are made, run, printed, and given back by the map."""

from __future__ import annotations

import dataclasses
import json
import threading

import numpy as np
import pytest

import workbench as wb
from workbench.errors import Cancelled, InputError, StateError
from workbench.explain import Class, Explanation, Request, Voxel
from workbench.testing import toys
from workbench.volume import Volume
from workbench.work import IDLE, Work


@pytest.fixture
def volume():
    return toys.noise_volume((8, 7, 9), toys.OBLIQUE)


class TestCheckedWhenItIsMade:
    def test_the_target_and_all_options_are_there(self, volume):
        request = Request(toys.cnn_model(3), volume, "occlusion", "class 2", options={"window": 3})
        assert request.target == Class("class 2")
        assert request.options["window"] == 3
        assert request.options["baseline"] == "auto"
        assert request.options["activation"] == "none"
        assert (request.layer, request.box, request.schedule) == (None, None, [])
        assert repr(request) == "<Request occlusion of class class 2: define_cnn on 8x7x9 voxels>"

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"model": 3}, r"is a Model \(wb.zoo.create, run.model\(\)\) or a network that wb.wrap takes, got int"),
            ({"volume": np.zeros((3, 4))}, r"volume must be a Volume, got ndarray\. Wrap it: wb\.Volume"),
            ({"method": "gradcam"}, "Did you mean 'grad-cam'"),
            ({"target": 1.5}, "A target is a class"),
            ({"layer": "conv3"}, "Unknown layer 'conv3'.*Did you mean 'conv"),
            ({"method": "saliency", "layer": "conv1"}, "looks at no layer, but layer is 'conv1'. Leave it out"),
            ({"options": {"rleu": False}}, "unknown option 'rleu'.*Did you mean 'relu'"),
            ({"options": {"relu": "no"}}, "relu must be True or False, got 'no'"),
            ({"options": {"within": ((0, 0, 0), (1, 1, 1))}}, "'within'"),
            ({"options": 3}, "options must be a mapping of name to value, got 3. Give a dict"),
            ({"schedule": [3]}, r"schedule must be a list of \(size, layout, repeats\), got \[3\]"),
            ({"schedule": [("many", "contiguous", 1)]}, "schedule must be a list of"),
        ],
    )
    def test_what_is_wrong_is_told_at_once(self, volume, changed, message):
        fine = Request(toys.cnn_model(3), volume, "grad-cam", 1)
        with pytest.raises(InputError, match=message):
            dataclasses.replace(fine, **changed)

    def test_a_box_is_kept_in_voxels_of_the_volume(self, volume):
        marked = np.zeros(volume.shape, np.uint8)
        marked[2:5, 1:3, 6:8] = 4
        labels = Volume(marked, volume.affine, kind="labels")
        request = Request(toys.cnn_model(3), volume, "occlusion", 1, options={"within": labels})
        assert request.box == ((2, 1, 6), (5, 3, 8))
        assert json.dumps(request.options["within"]) == "[[2, 1, 6], [5, 3, 8]]"

    def test_it_cannot_be_changed(self, volume):
        with pytest.raises(dataclasses.FrozenInstanceError):
            Request(toys.cnn_model(3), volume).method = "saliency"


class TestRun:
    def test_it_is_what_explain_makes(self, volume):
        model = toys.cnn_model(3)
        direct = wb.explain(model, volume, "grad-cam", 1, "conv1", relu=False)
        made = Request(model, volume, "grad-cam", 1, "conv1", {"relu": False}).run()
        assert np.array_equal(made.data, direct.data)
        assert made.describe() == direct.describe()

    def test_its_steps_end_with_the_map(self, volume):
        request = Request(toys.cnn_model(3), volume, "occlusion", 1, options={"window": 3, "batch_size": 4})
        steps = list(request.steps())
        fractions = [fraction for fraction, _ in steps]
        assert len(steps) > 2
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
        assert np.allclose(steps[-1][1].data, request.run().data, atol=1e-6)

    def test_work_is_told_and_stops_it(self, volume):
        request = Request(toys.cnn_model(3), volume, "occlusion", 1, options={"window": 3, "batch_size": 4})
        told: list[float] = []
        work = Work(lambda fraction, _text: told.append(fraction))
        request.run(work=work)
        assert told[0] == 0
        assert told[-1] == 1
        assert len(told) > 3
        work.stop()
        with pytest.raises(Cancelled, match="cancelled at 0%"):
            request.run(work=work)

    def test_it_may_be_a_part_of_work(self, volume):
        told: list[float] = []
        work = Work(lambda fraction, _text: told.append(fraction))
        Request(toys.cnn_model(3), volume, "saliency", 1).run(work=work.part(1, 2))
        assert (min(told), max(told)) == (0.5, 1)

    def test_idle_work_is_none(self, volume):
        request = Request(toys.cnn_model(3), volume, "saliency", 1)
        assert np.array_equal(request.run(work=IDLE).data, request.run().data)

    def test_both_ways_at_once_are_one_too_many(self, volume):
        request = Request(toys.cnn_model(3), volume, "saliency", 1)
        with pytest.raises(InputError, match="Leave one out"):
            request.run(work=IDLE, cancel=threading.Event())


class TestOfAnExplanation:
    def test_it_has_what_was_left_open(self, volume):
        model = toys.segmentation_model(3)
        why = wb.explain(model, volume, "grad-cam", Voxel((2, 3, 4)), relu=False)
        request = why.request
        assert request.model is model
        assert request.volume is volume
        assert request.layer == model.default_layer()
        assert request.target == Voxel((2, 3, 4), int(model.predict(volume).data[2, 3, 4]))
        assert request.options == why.options
        assert np.array_equal(request.run().data, why.data)

    def test_it_follows_the_batches(self, volume):
        why = wb.explain(toys.cnn_model(3), volume, "occlusion", 1, window=3, stride=1)
        assert why.request.schedule == why.schedule
        assert why.request.run().schedule == why.schedule

    def test_with_a_box(self, volume):
        why = wb.explain(toys.cnn_model(3), volume, "occlusion", 1, window=3, within=((1, 2, 3), (4, 5, 6)))
        assert why.options["within"] == [[1, 2, 3], [4, 5, 6]]
        assert why.request.box == ((1, 2, 3), (4, 5, 6))
        again = why.request.run()
        assert np.array_equal(again.data, why.data)
        assert not again.data[0].any()

    def test_after_reading_it_is_not_known(self, volume, tmp_path):
        wb.explain(toys.cnn_model(3), volume, "saliency").save(tmp_path / "map.npz")
        with pytest.raises(StateError, match=r"replay\(model, volume\)"):
            _ = Explanation.load(tmp_path / "map.npz").request

    def test_its_code_is_that_of_the_map(self, volume):
        why = wb.explain(toys.cnn_model(3), volume, "occlusion", 1, window=3)
        assert why.request.code("net", "ct") == why.code("net", "ct")


def test_the_code_of_what_is_left_open_leaves_it_open(volume):
    request = Request(toys.cnn_model(3), volume, "grad-cam", options={"relu": True})
    assert request.code() == "import workbench as wb\n\nwhy = wb.explain(model, volume, method='grad-cam')\n"
