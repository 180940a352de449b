from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import StateError
from workbench.zoo.inference import Cancelled, sliding_windows


def per_voxel(images: np.ndarray) -> np.ndarray:
    return np.concatenate([images, 2 * images + 1], axis=1)


@pytest.mark.parametrize(
    ("shape", "window"), [((40, 33), (16, 16)), ((20, 9, 31), (8, 16, 16)), ((16, 16), (16, 16)), ((17, 40), (16, 8))]
)
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.75])
def test_a_function_of_voxels_is_the_same_by_windows(shape, window, overlap):
    images = np.random.default_rng(0).normal(size=(2, 1, *shape)).astype(np.float32)
    result = sliding_windows(per_voxel, images, window, overlap=overlap)
    assert result.dtype == np.float32
    assert np.allclose(result, per_voxel(images), atol=1e-5)


def test_windows_have_the_size_asked_for():
    seen = []

    def forward(batch):
        seen.append(batch.shape)
        return batch

    sliding_windows(forward, np.zeros((1, 3, 50, 20), np.float32), (16, 32), batch_size=2)
    assert {shape[1:] for shape in seen} == {(3, 16, 20)}
    assert max(shape[0] for shape in seen) == 2


def test_the_middle_of_a_window_counts_most():
    def position_in_the_window(batch):
        return np.broadcast_to(np.linspace(-1, 1, batch.shape[2], dtype=np.float32)[:, None], batch.shape)

    # where two windows overlap half, a voxel is near the middle of one of them, so the mean stays away from both ends
    result = sliding_windows(position_in_the_window, np.zeros((1, 1, 64, 1), np.float32), (16, 1))
    assert np.abs(result[0, 0, 8:-8, 0]).max() < 0.6


def test_memory_that_runs_out_halves_the_batch():
    sizes = []

    def forward(batch):
        sizes.append(len(batch))
        if len(batch) > 1:
            raise MemoryError
        return batch

    images = np.random.default_rng(0).normal(size=(1, 1, 64, 8)).astype(np.float32)
    result = sliding_windows(forward, images, (8, 8), batch_size=4, out_of_memory=lambda e: isinstance(e, MemoryError))
    assert np.allclose(result, images, atol=1e-6)
    assert sizes[:3] == [4, 2, 1]
    assert set(sizes[3:]) == {1}


def test_memory_for_not_even_one_window():
    def forward(batch):
        raise MemoryError

    with pytest.raises(StateError, match=r"8x8 voxels does not fit.*patch_size"):
        sliding_windows(forward, np.zeros((1, 1, 16, 16)), (8, 8), out_of_memory=lambda e: isinstance(e, MemoryError))


def test_other_errors_are_not_swallowed():
    def forward(batch):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sliding_windows(forward, np.zeros((1, 1, 8, 8)), (8, 8), out_of_memory=lambda e: False)


def test_progress_and_cancel():
    seen: list[float] = []
    images = np.zeros((1, 1, 64, 8), np.float32)
    sliding_windows(per_voxel, images, (8, 8), batch_size=1, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) == 15
    calls = iter([False, False, False, True])
    with pytest.raises(Cancelled, match="after 3 of 15"):
        sliding_windows(per_voxel, images, (8, 8), batch_size=1, cancel=lambda: next(calls))
