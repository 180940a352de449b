from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.errors import Cancelled, StateError
from workbench.frameworks import get
from workbench.zoo.inference import Inference, PredictionEstimate, empty_scores
from workbench.zoo.windows import Windows


class Network(torch.nn.Module):
    """One weight, so that the framework takes it for a network."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))


def per_voxel(batch, _network=None):
    return np.concatenate([batch, 2 * batch + 1], axis=1)


def inference(forward, image, window, *, framework=None, **options):
    """Return the inference of an image [c, *spatial] by a function of batches."""

    def read(start, stop):
        return image[(slice(None), *(slice(a, b) for a, b in zip(start, stop, strict=True)))]

    overlap = options.pop("overlap", 0.5)
    windows = Windows(image.shape[1:], window, overlap)
    return Inference(framework or get("torch"), Network(), forward, read, windows, object(), **options)


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "window"), [((40, 33), (16, 16)), ((20, 9, 31), (8, 16, 16)), ((16, 16), (16, 16)), ((17, 40), (16, 8))]
)
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.75])
def test_a_function_of_voxels_is_the_same_by_windows(shape, window, overlap):
    image = noise(1, *shape)
    result = inference(per_voxel, image, window, overlap=overlap).whole()[""]
    assert result.dtype == np.float32
    assert np.allclose(result, per_voxel(image[None])[0], atol=1e-5)


def test_several_outputs_come_back_by_name_where_they_have_the_windows_resolution():
    def forward(batch, _network):
        return {"logits": per_voxel(batch), "coarse": batch[:, :, ::2], "third": 3 * batch}

    image = noise(1, 30, 20)
    found = inference(forward, image, (16, 16)).whole()
    assert list(found) == ["logits", "third"]
    assert np.allclose(found["logits"], per_voxel(image[None])[0], atol=1e-5)
    assert np.allclose(found["third"], 3 * image, atol=1e-5)
    assert list(inference(forward, image, (16, 16), only="third").whole()) == ["third"]


def test_windows_have_the_size_asked_for():
    seen = []

    def forward(batch, _network):
        seen.append(batch.shape)
        return batch

    inference(forward, np.zeros((3, 50, 20), np.float32), (16, 32)).whole()
    assert {shape[1:] for shape in seen} == {(3, 16, 20)}


def test_memory_that_runs_out_halves_the_batch():
    sizes = []

    def forward(batch, _network):
        sizes.append(len(batch))
        if len(batch) > 1:
            raise MemoryError
        return batch

    image = noise(1, 64, 8)
    result = inference(forward, image, (8, 8)).whole()[""]
    assert np.allclose(result, image, atol=1e-6)
    assert sizes[:5] == [1, 8, 4, 2, 1]
    assert set(sizes[5:]) == {1}


def test_memory_for_not_even_one_window():
    def forward(batch, _network):
        raise MemoryError

    with pytest.raises(StateError, match=r"8x8 voxels does not fit.*patch_size"):
        inference(forward, np.zeros((1, 16, 16), np.float32), (8, 8)).whole()


def test_other_errors_are_not_swallowed():
    def forward(batch, _network):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        inference(forward, np.zeros((1, 8, 8), np.float32), (8, 8)).whole()


def test_progress_and_cancel():
    seen: list[float] = []
    image = np.zeros((1, 64, 8), np.float32)
    inference(per_voxel, image, (8, 8), progress=seen.append).whole()
    assert seen == sorted(seen)
    assert seen[0] == pytest.approx(1 / 15)
    assert seen[-1] == 1
    calls = iter([False, True])
    with pytest.raises(Cancelled, match=r"after \d+ of 15"):
        inference(per_voxel, image, (8, 8), cancel=lambda: next(calls)).whole()


def air_left(image):
    """Return a rule by which windows of zeros are air."""
    return lambda: lambda start, stop: not image[(0, *(slice(a, b) for a, b in zip(start, stop, strict=True)))].any()


def test_of_windows_of_air_the_network_sees_one():
    image = np.zeros((1, 64, 8), np.float32)
    image[0, 40:] = noise(24, 8)
    seen = []

    def forward(batch, _network):
        seen.extend(batch)
        return per_voxel(batch)

    result = inference(forward, image, (8, 8), air=air_left(image)).whole()[""]
    assert np.allclose(result, per_voxel(image[None])[0], atol=1e-5)
    assert sum(not one.any() for one in seen) == 1
    # 15 windows, of which 9 begin before row 33 and hold nothing
    assert len(seen) == 15 - 9 + 1


def test_an_estimate_counts_what_will_be_computed():
    image = np.zeros((1, 64, 8), np.float32)
    image[0, 40:] = 1
    found = inference(per_voxel, image, (8, 8), air=air_left(image)).estimate()
    assert (found.windows, found.skipped) == (7, 8)
    assert 0 < found.seconds < 10
    assert str(PredictionEstimate(80, 12, 750.0)) == "80 windows (12 more are air), about 12 minutes"
    assert str(PredictionEstimate(1, 0, 11.0)) == "1 window, about 11 seconds"


def test_the_network_runs_in_the_form_that_the_framework_gives():
    framework, seen = get("torch"), []
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.BatchNorm2d(2)).eval()
    image = noise(1, 96, 40)

    def forward(batch, module):
        seen.append(len(module) if isinstance(module, torch.nn.Sequential) else 0)
        return framework.forward(module, batch)

    work = Inference(
        framework,
        network,
        forward,
        lambda start, stop: image[:, start[0] : stop[0], start[1] : stop[1]],
        Windows(image.shape[1:], (8, 8)),
        object(),
    )
    work.begin()
    work._seconds = 60.0  # as if a window took long, so that preparing the network pays
    boxes = work.whole()[""]
    assert seen[0] == 2
    assert set(seen[1:]) - {2}, "the folded network was not used"
    plain = Inference(
        framework, network, forward, work._read, Windows(image.shape[1:], (8, 8)), object()
    ).whole()[""]  # fmt: skip
    assert np.allclose(boxes, plain, atol=1e-5)


def test_an_answer_larger_than_the_memory_is_refused_before_it_is_made():
    with pytest.raises(StateError, match=r"118 x 4000 x 4000 x 4000 values takes 30 TB.*crop.*resample.*labels"):
        empty_scores((118, 4000, 4000, 4000))
