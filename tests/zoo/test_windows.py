from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.zoo.windows import Windows, _shift

BIG = 1 << 40


def blended(windows: Windows, function, budget: int = BIG, halo: int = 0, memory: int | None = None):
    """Blend what `function` makes of the places of a window's voxels; returns the whole and the boxes."""
    places = np.stack(np.meshgrid(*map(np.arange, windows.shape), indexing="ij")).astype(np.float32)

    def answers(starts):
        for start in starts:
            box = tuple(slice(a, a + n) for a, n in zip(start, windows.size, strict=True))
            yield function(places[(slice(None), *box)])

    channels = len(function(places))
    result = np.full((channels, *windows.shape), np.nan, np.float32)
    boxes = []
    for box in windows.blend(windows.columns(channels, budget, halo), answers, halo, memory):
        own = tuple(slice(a, a + n) for a, n in zip(box.start, box.own, strict=True))
        assert np.isnan(result[(slice(None), *own)]).all(), "a voxel belongs to one box"
        result[(slice(None), *own)] = box.values[(slice(None), *(slice(n) for n in box.own))]
        boxes.append((box.start, box.own, box.values.copy()))
    return result, boxes


def position(places):
    """Return the place of each voxel in its window, along each axis from -1 to 1."""
    return np.stack([np.broadcast_to(_line(places, axis), places.shape[1:]) for axis in range(len(places))])


def _line(places, axis):
    n = places.shape[1 + axis]
    shape = [1] * len(places)
    shape[axis] = n
    return np.linspace(-1, 1, n, dtype=np.float32).reshape(shape)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_function_of_the_place_comes_back_whatever_the_cuts(data):
    shape = data.draw(st.lists(st.integers(1, 24), min_size=2, max_size=3))
    size = [data.draw(st.integers(1, 12)) for _ in shape]
    overlap = data.draw(st.sampled_from([0.0, 0.25, 0.5, 0.75]))
    windows = Windows(shape, size, overlap)
    budget = data.draw(st.sampled_from([1, 2000, 20000, BIG]))
    halo = data.draw(st.sampled_from([0, 1]))
    memory = data.draw(st.sampled_from([None, 1, 3000]))
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij")).astype(np.float32)
    result, boxes = blended(windows, lambda part: part + 0.5, budget, halo, memory)
    np.testing.assert_allclose(result, places + 0.5, rtol=1e-5)
    for start, own, values in boxes:
        # a box goes on for `halo` voxels, but for the end of the grid
        stops = [min(a + n + halo, length) for a, n, length in zip(start, own, shape, strict=True)]
        box = tuple(slice(a, b) for a, b in zip(start, stops, strict=True))
        assert values.shape[1:] == tuple(b - a for a, b in zip(start, stops, strict=True))
        np.testing.assert_allclose(values, places[(slice(None), *box)] + 0.5, rtol=1e-5)


@pytest.mark.parametrize("shape", [(40, 18, 22), (18, 40, 22), (22, 18, 40), (33, 20)])
def test_cuts_change_nothing_but_what_is_computed(shape):
    windows = Windows(shape, (8,) * len(shape))
    whole, boxes = blended(windows, position)
    assert len(windows.columns(3, BIG)) == 1
    row = 4 * (len(shape) + 1) * 8
    budget = row * 12 ** (len(shape) - 1)
    columns = windows.columns(len(shape), budget)
    assert len(columns) > 1
    extents = [[cut.stop - cut.begin for cut in column.segments] for column in columns]
    lead = int(np.argmax(shape))
    assert all(row * math.prod(n for axis, n in enumerate(one) if axis != lead) <= budget for one in extents)
    assert sum(len(column.windows()) for column in columns) > len(windows)
    cut, _ = blended(windows, position, budget)
    np.testing.assert_allclose(cut, whole, atol=1e-6)
    assert len(boxes) == len(windows.starts[lead])


@pytest.mark.parametrize("lead", [0, 1, 2])
def test_rows_are_moved_up_without_a_copy_of_all_channels(lead):
    shape = [12, 12, 12]
    shape[lead] = 36
    total = np.random.default_rng(0).normal(size=(40, *shape)).astype(np.float32)
    wanted = np.moveaxis(np.zeros_like(total), 1 + lead, 0)
    wanted[:26] = np.moveaxis(total, 1 + lead, 0)[10:]
    tracemalloc.start()
    _shift(total, lead, 10, 10, lambda: None)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(np.moveaxis(total, 1 + lead, 0), wanted)
    assert most < total[0].nbytes + (1 << 14)


def test_of_all_cuts_within_the_budget_that_with_the_fewest_windows_is_taken():
    windows = Windows((64, 32, 20), (8, 8, 8))
    cut_once = windows.columns(1, 4 * 2 * 8 * 20 * 20)
    assert [len({column.segments[axis] for column in cut_once}) for axis in (1, 2)] == [2, 1]


def test_too_small_a_budget_takes_the_least_that_can_be():
    windows = Windows((32, 16, 16), (8, 8, 8))
    columns = windows.columns(1, 1)
    assert max(cut.stop - cut.begin for column in columns for cut in column.segments[1:]) <= 8
    assert len(columns) == 4


def test_every_window_of_a_grid_that_is_not_cut_is_computed_once():
    windows = Windows((20, 33, 9), (8, 16, 16), 0.25)
    (column,) = windows.columns(2, BIG)
    assert sorted(column.windows()) == sorted(itertools.product(*windows.starts))
    assert len(windows) == len(column.windows())
    assert windows.size == (8, 16, 9)


def test_the_middle_of_a_window_counts_most():
    # where two windows overlap half, a voxel is near the middle of one of them, so the mean stays away from both ends
    result, _ = blended(Windows((64, 1), (16, 1)), lambda part: position(part)[:1])
    assert np.abs(result[0, 8:-8, 0]).max() < 0.6


def test_a_window_as_large_as_the_image_is_the_image():
    result, boxes = blended(Windows((7, 5), (16, 16)), position)
    assert len(boxes) == 1
    assert np.array_equal(result, position(np.zeros((2, 7, 5), np.float32)))


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5])
@pytest.mark.parametrize(("shape", "size"), [((40, 33, 21), (16, 16, 8)), ((50, 16), (16, 16)), ((9, 70), (16, 12))])
def test_windows_and_weights_are_monais(shape, size, overlap):
    """So that predictions can be compared with those of MONAI's `SlidingWindowInferer`, window by window."""
    inferers = pytest.importorskip("monai.inferers")
    import torch

    windows = Windows(shape, size, overlap)
    seen = []

    def network(batch):
        seen.extend(tuple(int(n) for n in one) for one in batch[:, :, *[0] * len(shape)])
        rows = torch.linspace(-1, 1, batch.shape[2]).reshape(1, 1, -1, *[1] * (len(shape) - 1))
        return torch.cat((batch, rows.expand(len(batch), 1, *batch.shape[2:])), dim=1)

    places = torch.stack(torch.meshgrid(*map(torch.arange, shape), indexing="ij"))[None].float()
    theirs = inferers.sliding_window_inference(
        places, windows.size, 1, network, overlap=overlap, mode="gaussian", sigma_scale=0.125
    )[0].numpy()
    assert sorted(seen) == sorted(itertools.product(*windows.starts))
    ours, _ = blended(windows, lambda part: np.concatenate([part, position(part)[:1]]))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize(("shape", "size"), [((20, 13), (8, 6)), ((9, 9), (20, 20)), ((11, 10, 9), (6, 4, 9))])
def test_the_shares_of_all_windows_add_up_to_one(shape, size):
    windows = Windows(shape, size)
    total = np.zeros(shape)
    for start in windows.over():
        total[tuple(slice(a, a + n) for a, n in zip(start, windows.size, strict=True))] += windows.share(start)
    assert np.allclose(total, 1, atol=1e-6)


def test_the_windows_over_a_box_are_those_that_reach_into_it():
    windows = Windows((20, 13), (8, 6))
    box = ((7, 3), (8, 4))
    found = windows.over(box)
    assert found == [s for s in windows.over() if s[0] <= 7 < s[0] + 8 and s[1] <= 3 < s[1] + 6]
    assert 0 < len(found) < len(windows)
