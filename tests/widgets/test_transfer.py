from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.volume import Volume
from workbench.widgets import Layer, transfer
from workbench.widgets.transfer import BRICK_BYTES, Parcel, suitable_window


def received(parcel: Parcel, level: int) -> np.ndarray:
    """Put the bricks of a level together as the browser does."""
    header, plan = parcel.header(), parcel.levels[level]
    samples = parcel.samples
    grid = np.zeros((*plan.shape, samples), header["dtype"])
    filled = np.zeros(plan.shape, int)
    for index, (j0, j1, k0, k1) in enumerate(plan.bricks):
        part = np.frombuffer(parcel.brick(level, index), header["dtype"])
        block = part.reshape((samples, plan.shape[0], j1 - j0, k1 - k0), order="F")
        grid[:, j0:j1, k0:k1] = np.moveaxis(block, 0, -1)
        filled[:, j0:j1, k0:k1] += 1
    assert (filled == 1).all(), "every voxel is in exactly one brick"
    return grid[..., 0] if samples == 1 else grid


@pytest.mark.parametrize(
    ("dtype", "wire"),
    [
        ("uint8", "uint8"),
        ("int8", "int16"),
        ("bool", "uint8"),
        ("uint16", "uint16"),
        ("float64", "float32"),
        ("int32", "int16"),
    ],
)
def test_small_volume_arrives_exactly(affine: np.ndarray, dtype: str, wire: str) -> None:
    rng = np.random.default_rng(1)
    data = rng.integers(0, 2 if dtype == "bool" else 100, (7, 6, 5)).astype(dtype)
    if dtype == "float64":
        data += 0.25
    parcel = Parcel(Layer(Volume(data, affine)))
    assert len(parcel.levels) == 1
    assert parcel.header()["dtype"] == wire
    np.testing.assert_array_equal(received(parcel, 0), data)


@pytest.mark.parametrize(
    ("values", "wire"),
    [
        ([0.0, -1024.0, 3071.0], "int16"),
        ([0.0, 0.5], "float32"),
        ([0.0, np.nan], "float32"),
        ([0.0, 40000.0], "float32"),
    ],
)
def test_floats_that_are_whole_numbers_travel_as_int16(values: list[float], wire: str) -> None:
    data = np.resize(np.array(values, np.float32), (4, 3, 2))
    parcel = Parcel(Layer(Volume(data)))
    assert parcel.header()["dtype"] == wire
    np.testing.assert_array_equal(received(parcel, 0), data)


def test_integers_too_large_for_textures_travel_as_floats() -> None:
    data = np.array([[[0, 70_000]]], np.int32)
    assert Parcel(Layer(Volume(data))).header()["dtype"] == "float32"


def test_bricks_are_small_and_make_up_the_volume(monkeypatch: pytest.MonkeyPatch, affine: np.ndarray) -> None:
    monkeypatch.setattr(transfer, "BRICK_BYTES", 600)
    monkeypatch.setattr(transfer, "FIRST_BYTES", 2000)
    data = np.random.default_rng(0).integers(-500, 500, (20, 17, 13)).astype(np.int16)
    parcel = Parcel(Layer(Volume(data, affine)))
    sizes = [len(parcel.brick(level, n)) for level in range(2) for n in range(len(parcel.levels[level].bricks))]
    assert max(sizes) <= 600
    assert sum(len(parcel.brick(0, n)) for n in range(len(parcel.levels[0].bricks))) <= 2000
    np.testing.assert_array_equal(received(parcel, 1), data)


def test_a_slice_larger_than_a_brick_is_cut_too() -> None:
    parcel = Parcel(Layer(Volume(np.zeros((1500, 1500, 3), np.float32) + 0.5)))
    full = len(parcel.levels) - 1
    sizes = [len(parcel.brick(full, n)) for n in range(len(parcel.levels[full].bricks))]
    assert max(sizes) <= BRICK_BYTES <= 5_000_000
    assert sum(sizes) == 1500 * 1500 * 3 * 4


def test_reduced_grid_keeps_the_geometry(monkeypatch: pytest.MonkeyPatch, affine: np.ndarray) -> None:
    """A linear function of space must read the same at every reduced voxel's place in space."""
    monkeypatch.setattr(transfer, "FIRST_BYTES", 4000)
    shape = (24, 20, 16)
    ijk = np.stack(np.indices(shape), axis=-1).astype(float)
    world = ijk @ affine[:3, :3].T + affine[:3, 3]
    field = (world @ [1.0, -2.0, 0.5] + 3.25).astype(np.float32)
    parcel = Parcel(Layer(Volume(field, affine)))
    level = parcel.levels[0]
    assert np.prod(level.shape) * 4 <= 4000
    # whole blocks only: at the far edge a block may be cut short
    reduced = received(parcel, 0)
    whole = tuple(slice(0, n // f) for n, f in zip(shape, level.factors, strict=True))
    at = np.stack(np.indices(level.shape), axis=-1) @ level.affine[:3, :3].T + level.affine[:3, 3]
    expected = at @ [1.0, -2.0, 0.5] + 3.25
    np.testing.assert_allclose(reduced[whole], expected[whole], atol=1e-3)


def test_reduced_labels_are_labels_at_the_right_place(monkeypatch: pytest.MonkeyPatch, affine: np.ndarray) -> None:
    monkeypatch.setattr(transfer, "FIRST_BYTES", 1500)
    data = np.random.default_rng(3).choice([0, 5, 900], (18, 16, 12)).astype(np.int32)
    volume = Volume(data, affine, kind="labels", labels={5: "five", 900: "many"})
    parcel = Parcel(Layer(volume))
    level = parcel.levels[0]
    values = np.array([entry["value"] for entry in parcel.labels])[received(parcel, 0)]
    for voxel in [(0, 0, 0), (2, 1, 3), (1, 3, 2)]:
        xyz = level.affine[:3, :3] @ voxel + level.affine[:3, 3]
        i, j, k = np.rint(volume.to_voxel(xyz)).astype(int)
        assert values[voxel] == data[i, j, k]


def test_label_table_has_names_values_and_colours() -> None:
    data = np.array([[[0, 2, 40]]], np.int16)
    parcel = Parcel(Layer(Volume(data, kind="labels", labels={2: "liver", 7: "absent"})))
    assert [(entry["value"], entry["name"]) for entry in parcel.labels] == [
        (0, "background"), (2, "liver"), (7, "absent"), (40, "label 40"),
    ]  # fmt: skip
    assert len({entry["color"] for entry in parcel.labels}) == 4
    np.testing.assert_array_equal(received(parcel, 0), [[[0, 1, 3]]])


def test_labels_far_apart_need_no_giant_table() -> None:
    data = np.array([[[0, 1, 2_000_000_000]]], np.int64)
    parcel = Parcel(Layer(Volume(data, kind="labels")))
    np.testing.assert_array_equal(received(parcel, 0), [[[0, 1, 2]]])


def test_colours_travel_interleaved() -> None:
    data = np.random.default_rng(0).integers(0, 255, (5, 4, 3), dtype=np.uint8)
    parcel = Parcel(Layer(Volume(data, axes=("i", "j", "c"))))
    assert parcel.samples == 3
    np.testing.assert_array_equal(received(parcel, 0)[:, :, 0], data)


def test_the_chosen_channel_travels() -> None:
    data = np.random.default_rng(0).normal(size=(4, 3, 2, 5)).astype(np.float32)
    layer = Layer(Volume(data, kind="scores"), channel=3)
    np.testing.assert_array_equal(received(Parcel(layer), 0), data[..., 3])


def test_nothing_is_read_before_the_first_brick() -> None:
    def loader() -> Any:
        raise AssertionError("read too early")

    layer = Layer(Volume(loader, shape=(50, 40, 30), dtype="int16"))
    assert Parcel(layer).describe()["shape"] == (50, 40, 30)


@pytest.mark.parametrize(
    ("values", "kind", "unit", "expected"),
    [
        ([0.0, 0.2, 0.9], "scores", "", (0.0, 1.0)),
        ([-1.0, 0.0, 3.0], "scores", "", (-3.0, 3.0)),
        ([0.0, 0.0, 20.0], "scores", "", (0.0, 20.0)),
        ([-1000.0, 0.0, 1000.0], "image", "HU", (-160.0, 240.0)),
        ([4.0, 4.0], "image", "", (4.0, 5.0)),
        ([np.nan, np.nan], "image", "", (0.0, 1.0)),
    ],
)
def test_suitable_window(values: list[float], kind: str, unit: str, expected: tuple[float, float]) -> None:
    assert suitable_window(np.array(values), kind, unit) == expected


def test_a_robust_window_ignores_outliers() -> None:
    values = np.concatenate([np.linspace(0, 100, 10_000), [1e6]])
    low, high = suitable_window(values, "image")
    assert 0 <= low < 2
    assert 98 < high <= 100


def test_one_parcel_serves_all_that_draw_a_layer_until_the_layer_is_another() -> None:
    layer = Layer(Volume(np.array([[[0, 10]]], np.int16)), window=(2, 3))
    parcel = Parcel.of(layer)
    assert Parcel.of(layer) is parcel
    assert parcel.window == (2, 3)
    layer.window = None
    assert parcel.window == pytest.approx((0, 10), abs=0.1), "what suits the voxels, once nobody asks for anything else"
    layer.volume = Volume(np.array([[[0, 20]]], np.int16))
    assert Parcel.of(layer) is not parcel
    assert Parcel.of(layer).window == pytest.approx((0, 20), abs=0.2)


@pytest.mark.parametrize("space", ["patient", "object", "pixels"])
def test_the_browser_is_told_what_the_millimetres_are_of(space: str) -> None:
    parcel = Parcel(Layer(Volume(np.zeros((3, 4), np.uint8), space=space)))
    assert parcel.describe()["space"] == space
