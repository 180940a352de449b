from __future__ import annotations

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.transforms import _sampling, prepared
from workbench.volume import Volume
from workbench.zoo import answering, inference

PREPROCESS = [
    {},
    {"spacing": (1.0, 1.0, 1.0)},
    {"spacing": (2.4, 1.0, 3.1), "intensity": {"kind": "percentile"}},
    {"size": (24, 40, 32)},
    {"size": (40, 16, 24), "fit": "pad-crop", "intensity": {"kind": "range"}},
    {"orientation": "PIR", "divisible_by": 16},
]


def model(**preprocess):
    spec = {"orientation": "RAS", **preprocess}
    return wb.zoo.create("3d-unet", num_classes=4, width=4, depth=2, seed=1, preprocess=spec)


@pytest.fixture
def volume(affine):
    return Volume(np.random.default_rng(0).normal(size=(37, 22, 29)).astype(np.float32), affine)


@pytest.fixture
def windowed(monkeypatch):
    """Let volumes of this size go by windows, with little room for outputs in the making."""
    monkeypatch.setattr(answering, "_WHOLE_IMAGE_VOXELS", 1000)
    monkeypatch.setattr(answering, "_SCORES_AT_ONCE", 4000)
    monkeypatch.setattr(inference, "_SPARE", 1)


def at_once(made, volume):
    """Answer with the outputs of the whole volume in memory, as the box by box way must."""
    ready = made.prepare(volume)
    outputs = answering._inference(made, ready, answering.How()).whole()[""][np.newaxis]
    labels = made.task.answer(outputs, ready, made.classes)
    scores = ready.restore(made.task.probabilities(outputs)[0], channels=made.classes)
    return labels, scores


@pytest.mark.parametrize("preprocess", PREPROCESS)
@pytest.mark.parametrize("code", [None, "LIP"])
def test_box_by_box_as_at_once(volume, windowed, preprocess, code):
    made = model(**preprocess)
    made.patch_size = (24, 16, 20)
    if code is not None:
        volume = volume.reorient(code)
    labels, scores = at_once(made, volume)
    by_box = made.predict(volume)
    assert (by_box.dtype, by_box.kind, by_box.labels) == (np.uint8, "labels", labels.labels)
    assert np.array_equal(by_box.affine, volume.affine)
    # where two labels are equally likely rounding decides
    assert np.count_nonzero(by_box.data != labels.data) <= 2
    probabilities = made.probabilities(volume)
    assert probabilities.channels == made.classes
    assert np.allclose(probabilities.data, scores.data, atol=2e-6)


def test_pictures_go_box_by_box_too(windowed):
    made = wb.zoo.create("2d-unet", num_classes=3, width=4, depth=2, preprocess={"spacing": (1.5, 1.5)})
    made.patch_size = (16, 8)
    picture = Volume(np.random.default_rng(0).normal(size=(90, 70)), np.diag([1.0, -1, 1, 1]))
    labels, scores = at_once(made, picture)
    assert np.count_nonzero(made.predict(picture).data != labels.data) <= 2
    assert np.allclose(made.probabilities(picture).data, scores.data, atol=2e-6)


def test_windows_of_air_are_answered_once(monkeypatch, windowed):
    made = model(intensity={"kind": "window", "low": -1000, "high": 400})
    made.patch_size = (8, 8, 8)
    data = np.full((40, 16, 16), -1000, np.int16)
    data[:12] = np.random.default_rng(0).integers(-100, 300, (12, 16, 16))
    scan = Volume(data, np.diag([-1, 2, 3, 1.0]), unit="HU")
    sizes = []
    forward = made.forward
    monkeypatch.setattr(
        made, "forward", lambda array, network=None: sizes.append(len(array)) or forward(array, network=network)
    )
    skipped = made.predict(scan)
    few = sum(sizes)
    sizes.clear()
    assert np.array_equal(made.predict(scan, skip_air=False).data, skipped.data)
    # the grid runs from right to left, so air is at its beginning: 6 of 9 layers of 9 windows hold nothing else
    assert (sum(sizes), few) == (81, 81 - 54 + 1)
    found = made.estimate(scan)
    assert (found.windows, found.skipped) == (28, 53)
    assert made.estimate(scan, skip_air=False).windows == 81


def test_an_estimate_is_made_for_every_kind_of_answer(windowed):
    whole = wb.zoo.create("covid-resnet", variant="medmnist-18")
    picture = Volume(np.random.default_rng(0).normal(size=(32, 24)), np.diag([1.0, -1, 1, 1]))
    found = whole.estimate(picture)
    assert (found.windows, found.skipped, whole.windows(picture)) == (1, 0, 1)
    assert found.memory == 2 * 4, "two scores of four bytes"
    boxes = wb.zoo.create("lung-nodules-detection")
    slide = Volume(np.zeros((64, 64), np.float32))
    found = boxes.estimate(slide)
    assert (found.windows, boxes.windows(slide)) == (1, 1)
    assert found.memory > 0
    made = model()
    made.patch_size = (8, 8, 8)
    scan = Volume(np.random.default_rng(0).normal(size=(16, 16, 16)))
    assert made.windows(scan) == 27
    # labels of one byte, and outputs in the making: four scores of four bytes for the voxels of one window
    assert made.estimate(scan).memory == 16**3 + 4 * 4 * 8**3


def test_noise_of_air_is_air_in_hounsfield_units_only(windowed):
    made = model()
    made.patch_size = (8, 8, 8)
    noise = np.random.default_rng(0).integers(-1020, -980, (40, 16, 16)).astype(np.int16)
    noise[:8] += 1000
    assert made.estimate(Volume(noise, unit="HU")).skipped > 0
    assert made.estimate(Volume(noise)).skipped == 0
    lung = np.where(noise < -900, noise + 150, noise)
    assert made.estimate(Volume(lung, unit="HU")).skipped == 0


@pytest.mark.parametrize("where", ["workbench.zoo.windows._shift", "workbench.transforms.Preprocess.apply"])
@pytest.mark.parametrize("ask", ["predict", "probabilities"])
def test_memory_that_runs_out_beside_the_network_is_told_in_words(ask, where, monkeypatch):
    def full(*_given, **_named):
        raise MemoryError("Unable to allocate 387. MiB")

    made = wb.zoo.create("3d-unet", num_classes=3, width=2, depth=2)
    made.patch_size = (16, 16, 16)
    monkeypatch.setattr("workbench.zoo.answering._WHOLE_IMAGE_VOXELS", 1000)
    monkeypatch.setattr(where, full)
    words = r"An answer for 32 x 20 x 18 voxels needs more memory than is free. Crop the volume \(Volume.crop\)"
    with pytest.raises(StateError, match=words):
        getattr(made, ask)(Volume(np.zeros((32, 20, 18), np.float32)))


def test_memory_is_that_of_the_answer_and_of_a_window(windowed, monkeypatch):
    """The outputs of all labels for the whole volume would take 60 copies of the answer, its input 4."""
    monkeypatch.setattr(prepared, "_KEPT_BYTES", 0)
    monkeypatch.setattr(_sampling, "_SLAB", 10000)
    monkeypatch.setattr(inference, "_LARGE_WINDOW", 1)
    made = wb.zoo.create("3d-unet", num_classes=15, width=2, depth=2, preprocess={"intensity": {"kind": "zscore"}})
    made.patch_size = (32, 32, 32)
    volume = Volume(np.random.default_rng(0).integers(0, 99, (96, 64, 64)).astype(np.int16))
    # whatever is set up once; on a busy machine the network is made quicker, too
    made.predict(volume)
    made.framework.layouts(made.module, forward_only=True)
    tracemalloc.start()
    answer = made.predict(volume)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # as counted by NumPy: the input of one window, its weights, its outputs, and those in the making
    window = 4 * 32**3 * (2 + 2 * 16)
    # beside arrays, a few thousand Python objects of whoever runs in this process
    objects = 1 << 16
    assert most <= 1.5 * answer.nbytes + window + objects


@pytest.mark.parametrize("framework", ["torch", pytest.param("mindspore", marks=pytest.mark.mindspore)])
@pytest.mark.parametrize("ask", ["predict", "probabilities", "infer", "explain"])
def test_weights_that_are_not_finite_are_said(framework, ask, affine):
    pytest.importorskip(framework)
    made = wb.zoo.create("3d-unet", framework=framework, num_classes=2, width=2, depth=2)
    state = made.state()
    state["encoders.0.0.0.weight"].flat[3] = np.nan
    made.framework.load_state(made.module, state)
    volume = Volume(np.ones((8, 8, 8)), affine)
    with pytest.raises(StateError, match=r"'encoders\.0\.0\.0\.weight' holds NaN.*earlier epoch"):
        wb.explain(made, volume) if ask == "explain" else getattr(made, ask)(
            volume.data[None, None] if ask == "infer" else volume
        )


def test_an_answer_that_does_not_fit_is_refused_before_the_network_runs(monkeypatch):
    made = model()
    monkeypatch.setattr(made, "forward", None)
    grid = Volume(lambda: np.zeros(1), shape=(3000, 3000, 3000), dtype=np.uint8)
    ready = made.prepare(Volume(np.zeros((8, 8, 8))))
    monkeypatch.setattr(made, "prepare", lambda _volume: ready)
    with pytest.raises(StateError, match=r"3000 x 3000 x 3000 x 4 values takes 430 GB"):
        made.probabilities(grid)


@pytest.mark.parametrize("precision", ["half", "bfloat16", "double"])
def test_other_precisions(precision, affine):
    made = model()
    volume = Volume(np.random.default_rng(0).normal(size=(16, 12, 20)), affine)
    wanted, why = made.probabilities(volume).data, wb.explain(made, volume, target=1).data
    getattr(made.module, precision)()
    tolerance = {"half": 5e-3, "bfloat16": 5e-2, "double": 1e-5}[precision]
    assert np.allclose(made.probabilities(volume).data, wanted, atol=tolerance)
    assert made.predict(volume).dtype == np.uint8
    again = wb.explain(made, volume, target=1).data
    assert np.abs(again - why).max() <= 10 * tolerance * np.abs(why).max()


def test_an_image_that_is_taken_whole_and_does_not_fit(monkeypatch):
    made = wb.zoo.create("covid-resnet", depth=18, width=2)

    def full(_module, _x):
        raise RuntimeError("Allocate output memory failed, alloc node:Default/Conv2D-op5 alloc size:452984832B")

    monkeypatch.setattr(made.framework, "forward", full, raising=False)
    with pytest.raises(StateError, match=r"64x32 voxels does not fit.*covid-resnet takes images whole"):
        made.predict(Volume(np.zeros((64, 32))))


def test_less_precision_is_tried_and_told(windowed, affine, monkeypatch):
    made = model()
    made.patch_size = (8, 8, 8)
    volume = Volume(np.random.default_rng(0).normal(size=(40, 16, 16)), affine)
    wanted = made.probabilities(volume)
    assert wanted.notes == ()
    form = made.framework.reduced(made.module)
    if form is None:
        pytest.skip("this processor has no bfloat16")
    for precision in ("auto", "bfloat16"):
        found = made.probabilities(volume, precision=precision)
        assert found.notes[0].startswith("computed in bfloat16")
        # a fresh network says little, so that little changes
        assert 0 < np.abs(found.data - wanted.data).max() < 5e-3
        assert made.predict(volume, precision=precision).notes[0].startswith("computed in bfloat16")
    state = made.state()
    made.framework.load_state(made.module, {**state, "head.weight": 300 * state["head.weight"]})
    sure = made.probabilities(volume, precision="auto")
    assert sure.notes[0].startswith("computed in float32: on 4 windows probabilities in bfloat16 differed by up to")
    assert np.allclose(sure.data, made.probabilities(volume).data, atol=1e-5)
    monkeypatch.setattr(type(made.framework), "reduced", lambda _self, _module: None)
    assert made.predict(volume, precision="auto").notes == ()
    assert "no faster arithmetic" in made.predict(volume, precision="bfloat16").notes[0]


def test_less_precision_is_told_of_one_window_and_refused_where_it_is_never_used(affine):
    volume = Volume(np.random.default_rng(0).normal(size=(16, 16, 16)), affine)
    made = model()
    form = made.framework.reduced(made.module)
    wanted = f"computed in {form}" if form else "this device has no faster arithmetic"
    found = made.predict(volume, precision="bfloat16")
    assert found.notes[0].startswith(wanted)
    assert made.predict(volume, precision="auto").notes == (), "a trial would cost what is gained"
    whole = wb.zoo.create("covid-resnet", variant="medmnist-18")
    picture = Volume(np.zeros((32, 24)), np.diag([1.0, -1, 1, 1]))
    with pytest.raises(InputError, match=r"covid-resnet does not answer voxel by voxel.*precision='bfloat16'"):
        whole.predict(picture, precision="bfloat16")
    assert whole.predict(picture, precision="auto").label in (0, 1)


def test_less_precision_is_tried_where_there_is_something(windowed, affine, monkeypatch):
    made = model()
    if made.framework.reduced(made.module) is None:
        pytest.skip("this processor has no bfloat16")
    made.patch_size = (8, 8, 8)
    data = np.full((40, 16, 16), -1000, np.int16)
    data[8:32] = np.random.default_rng(0).integers(-100, 300, (24, 16, 16))
    seen = []
    forward = made.forward
    monkeypatch.setattr(made, "forward", lambda x, network=None: seen.extend(x) or forward(x, network=network))
    made.probabilities(Volume(data, affine, unit="HU"), precision="auto")
    assert all(np.ptp(one) > 0 for one in seen[:8]), "four windows, each in both forms"


@pytest.mark.parametrize(("slower", "used"), [(1.2, "float32: bfloat16 took 1.2 times as long"), (0.5, "bfloat16")])
def test_less_precision_is_used_where_it_saves_time(slower, used, windowed, affine, monkeypatch):
    made = model()
    monkeypatch.setattr(type(made.framework), "reduced", lambda _self, _module: "bfloat16")
    made.patch_size = (8, 8, 8)
    volume = Volume(np.random.default_rng(0).normal(size=(40, 16, 16)), affine)
    now = [0.0]
    forward = made.forward

    def timed(x, network=None):
        reduced = network is not None and next(network.parameters()).dtype == torch.bfloat16
        now[0] += 1.0 * (slower if reduced else 1)
        return forward(x, network=network)

    monkeypatch.setattr(made, "forward", timed)
    monkeypatch.setattr("workbench.zoo.inference.time", SimpleNamespace(perf_counter=lambda: now[0]))
    assert made.probabilities(volume, precision="auto").notes[0].startswith(f"computed in {used}")


def test_unknown_options_of_a_prediction(affine):
    volume = Volume(np.zeros((8, 8, 8)), affine)
    with pytest.raises(InputError, match="Did you mean 'bfloat16'"):
        model().predict(volume, precision="bfloat")
    with pytest.raises(InputError, match=r"unknown option 'skip_aire'. Did you mean 'skip_air'"):
        model().probabilities(volume, skip_aire=False)
    with pytest.raises(
        InputError, match=r"model\.predict\(\) got an unknown option 'skipair'\. Did you mean 'skip_air'"
    ):
        model().predict(volume, skipair=False)
    with pytest.raises(InputError, match=r"model\.estimate\(\) got an unknown option 'skip'"):
        model().estimate(volume, skip=False)
    with pytest.raises(InputError, match=r"model\.load\(\) got an unknown option 'stric'\. Did you mean 'strict'"):
        model().load("w.pth", stric=False)


@pytest.mark.parametrize("wrong", [{"skip_air": "no"}, {"skip_air": 1}, {"cancel": 5}, {"progress": "bar"}])
def test_options_of_a_wrong_kind_are_named(wrong):
    (name,) = wrong
    with pytest.raises(InputError, match=rf"{name} is .*got"):
        answering.How(**wrong)
