"""Volumes too large to be looked at in one pass; the sizes here are small, what is allowed is smaller."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.explain import Class, Region
from workbench.explain.large.promptly import Promptly
from workbench.explain.large.receptive import receptive_field
from workbench.frameworks.torch import TorchFramework
from workbench.testing import toys
from workbench.testing.marks import needs_mindspore
from workbench.volume import Volume
from workbench.work import Work

SHAPE = (34, 30, 32)


@pytest.fixture
def model():
    made = wb.zoo.create("3d-unet", num_classes=3, width=4, depth=2)
    made.patch_size = (20, 20, 20)
    return made


@pytest.fixture(scope="module")
def volume():
    return toys.noise_volume(SHAPE, toys.OBLIQUE)


@pytest.fixture(scope="module")
def region(volume):
    data = np.zeros(SHAPE, np.uint8)
    data[14:20, 12:18, 13:19] = 1
    return Region(Volume(data, volume.affine, kind="labels"), 1)


@pytest.fixture
def few(monkeypatch):
    """What is allowed at once: little."""
    for module in ("field", "pieces"):
        monkeypatch.setattr(f"workbench.explain.large.{module}.most_voxels", lambda *_: 10_000)
    monkeypatch.setattr("workbench.zoo.answering._WHOLE_IMAGE_VOXELS", 1000)


@pytest.mark.parametrize("framework", ["torch", pytest.param("mindspore", marks=needs_mindspore)])
@pytest.mark.parametrize(
    ("options", "reach"), [({"depth": 2}, 8), ({"depth": 3}, 22), ({"depth": 2, "up": "nearest"}, 8)]
)
def test_how_far_a_network_looks(framework, options, reach):
    model = wb.zoo.create("3d-unet", framework, width=4, **options)
    found = receptive_field(model)
    assert found.before == found.after == (reach,) * 3
    assert found.local
    assert found.multiple == 2 ** (options["depth"] - 1)
    assert found.memory > 4 * 4
    assert receptive_field(model) is found, "it is measured once"
    model.config = {**model.config, "depth": 2, "width": 4, "other": 1}
    assert receptive_field(model) is not found, "and anew for another configuration"


@pytest.mark.parametrize("depth", [2, 3])
def test_what_does_not_look_further_is_not_touched_by_nonsense_there(depth):
    """The field by gradient, against what is not a number: it spreads to all that depends on it."""
    model = wb.zoo.create("3d-unet", width=2, depth=depth)
    found = receptive_field(model)
    step, length = found.multiple, 96
    block = length // 2 // step * step
    image = np.zeros((1, 1, length, 8, 8), np.float32)
    for place, touched in ((block - found.before[0] - 1, False), (block - found.before[0], True)):
        spoilt = image.copy()
        spoilt[:, :, place] = np.nan
        answer = model.framework.forward(model.module, spoilt)[0, :, block : block + step]
        assert np.isnan(answer).any() == touched
    for place, touched in ((block + step + found.after[0], False), (block + step + found.after[0] - 1, True)):
        spoilt = image.copy()
        spoilt[:, :, place] = np.nan
        answer = model.framework.forward(model.module, spoilt)[0, :, block : block + step]
        assert np.isnan(answer).any() == touched


def test_networks_without_a_field():
    assert receptive_field(wb.zoo.create("covid-resnet", num_classes=2)) is None


@pytest.mark.parametrize("method", ["saliency", "occlusion", "grad-cam"])
def test_what_it_takes_is_told_before(method, model, volume, region, few):
    expected = wb.explain.estimate(model, volume, method, region)
    why = wb.explain(model, volume, method, region)
    assert expected.windows == why.field.parts > 1
    assert expected.seconds > 0
    assert expected.memory >= 4 * np.prod(SHAPE)
    assert "windows, about" in str(expected)
    with pytest.raises(InputError, match="Unknown explanation method"):
        wb.explain.estimate(model, volume, "salency", region)


def test_what_a_whole_volume_takes(model, volume):
    assert wb.explain.estimate(model, volume, "saliency", 1).windows == 1
    classifier = wb.zoo.create("covid-resnet", num_classes=2)
    assert wb.explain.estimate(classifier, toys.noise_volume((64, 64)), "grad-cam").windows == 1


def test_a_coarse_map_comes_first(model, volume, region, few, monkeypatch):
    monkeypatch.setattr("workbench.explain.large.coarse._LARGE", 1000)
    monkeypatch.setattr("workbench.explain.large.coarse._COARSE", 2000)
    steps = list(wb.explain.progressive(model, volume, "saliency", region))
    (fraction, first), (done, exact) = steps[0], steps[-1]
    assert fraction < 0.01
    assert done == 1
    assert "A first look, at voxels" in " ".join(first.notes)
    assert "A first look" not in " ".join(exact.notes)
    assert first.shape == exact.shape == SHAPE
    assert np.ptp(first.data) > 0
    # the voxels that matter most lie in the same place
    assert np.abs(toys.centre_mm(first) - toys.centre_mm(exact)).max() < 8


def test_a_coarse_map_of_a_class_comes_before_the_windows(model, volume, few, monkeypatch):
    monkeypatch.setattr("workbench.explain.large.coarse._LARGE", 1000)
    monkeypatch.setattr("workbench.explain.large.coarse._COARSE", 2000)
    predicted = np.unique(model.predict(volume).data)
    steps = list(wb.explain.progressive(model, volume, "saliency", Class(int(predicted[-1]))))
    (fraction, first), (_, exact) = steps[0], steps[-1]
    assert exact.field.kind == "windows"
    assert fraction < 0.01
    assert "A first look, at voxels" in " ".join(first.notes)
    assert "A first look" not in " ".join(exact.notes)
    assert np.ptp(first.data) > 0
    assert first.shape == SHAPE


def test_a_gradient_says_the_score_too(model, volume, region, few, monkeypatch):
    def scores(*_given):
        raise AssertionError("the network must not be asked again")

    monkeypatch.setattr(TorchFramework, "scores", scores)
    why = wb.explain(model, volume, "saliency", region)
    assert why.field.parts > 1
    monkeypatch.undo()
    assert why.score == pytest.approx(wb.explain(model, volume, "saliency", region, field="whole").score, abs=1e-5)


def test_it_can_be_cancelled_within_a_pass(model, volume, region, monkeypatch):
    monkeypatch.setattr("workbench.explain.making._LONG", 1000)
    began, go_on = threading.Event(), threading.Event()

    def slow(self, module, x, score):
        began.set()
        go_on.wait(20)
        raise AssertionError("nobody hears of it")

    monkeypatch.setattr(TorchFramework, "input_gradient", slow)
    cancel = threading.Event()
    ended = []

    def run():
        with pytest.raises(wb.explain.Cancelled):
            wb.explain(model, volume, "saliency", region, field="whole", cancel=cancel)
        ended.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    assert began.wait(20)
    asked = time.monotonic()
    cancel.set()
    thread.join(20)
    go_on.set()
    assert ended[0] - asked < 1


@pytest.mark.parametrize("framework", ["torch", pytest.param("mindspore", marks=needs_mindspore)])
def test_a_pass_beside_gives_what_a_pass_gives(framework, volume, region, monkeypatch):
    model = wb.zoo.create("3d-unet", framework, num_classes=3, width=4, depth=2)
    for method in ("saliency", "grad-cam", "occlusion"):
        options = {"window": 16} if method == "occlusion" else {}
        plain = wb.explain(model, volume, method, region, **options)
        with monkeypatch.context() as patch:
            patch.setattr("workbench.explain.making._LONG", 1000)
            beside = wb.explain(model, volume, method, region, cancel=threading.Event(), **options)
        assert np.allclose(plain.data, beside.data, rtol=1e-4, atol=1e-7)


def test_what_fails_beside_fails_here(model):
    beside = Promptly(model.framework, Work(), end_to_end=True)
    with pytest.raises(Exception, match="channel"):
        beside.forward(model.module, np.zeros((1, 7, 8, 8, 8), np.float32))


@pytest.mark.parametrize("target", ["region", "class"])
def test_as_a_job(target, model, volume, region, few, tmp_path, monkeypatch):
    wanted = region if target == "region" else Class(1)
    request = wb.explain.Request(model, volume, "saliency", wanted, options={"field": "parts"})
    request.save(tmp_path / "request")
    again = wb.explain.Request.load(tmp_path / "request")
    assert again.options["field"] == "parts"
    told = []
    made = again.run(work=Work(lambda fraction, _text: told.append(fraction)))
    assert np.allclose(made.data, request.run().data, rtol=1e-4, atol=1e-8)
    assert made.field.parts > 1
    assert told == sorted(told)


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion"])
def test_another_case_as_a_baseline_is_laid_onto_the_part(method, model, volume, region, monkeypatch):
    other = toys.noise_volume(SHAPE, toys.OBLIQUE, seed=5)
    options = {"points": 2} if method == "integrated-gradients" else {"window": 9, "stride": 9}
    wanted = wb.explain(model, volume, method, region, baseline=other, field="parts", **options)
    assert wb.explain.estimate(model, volume, method, region, baseline=other, **options).seconds > 0
    monkeypatch.setattr("workbench.explain.large.coarse._LARGE", 1000)
    monkeypatch.setattr("workbench.explain.large.coarse._COARSE", 500)
    found = wb.explain(model, volume, method, region, baseline=other, field="parts", **options)
    assert np.allclose(found.data, wanted.data, atol=1e-6 * np.abs(wanted.data).max() + 1e-9)


def test_what_needs_the_input_in_one_piece_refuses_windows(model, volume, few):
    with pytest.raises(InputError, match=r"gradient_flow\(\): the network must be given its input in one piece.*crop"):
        wb.explain.gradient_flow(model, volume, Class(1))
    why = wb.explain(model, volume, "occlusion", Class(1), window=16, stride=16, baseline=0)
    with pytest.raises(InputError, match=r"occluders\(\): the network must be given its input in one piece"):
        wb.explain.occluders(why)
