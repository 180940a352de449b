"""Planes of a grid through layers: of the same grid, of another one, and those that there are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.volume import Volume
from workbench.widgets import Layer, Viewer
from workbench.widgets.sections import section
from workbench.widgets.transfer import Parcel

SHAPE = (7, 6, 5)


def parcel_of(data: np.ndarray, affine: np.ndarray, **meaning: Any) -> Parcel:
    return Parcel(Layer(Volume(data, affine, **meaning)))


def plane_of(parcel: Parcel, on: Parcel, axis: int, index: int) -> np.ndarray:
    """Put a section together as the browser does: the lower axis fastest."""
    header, sent = section(parcel, on, axis, index)
    shape = [n for one, n in enumerate(on.shape) if one != axis]
    data = np.frombuffer(sent, header["dtype"])
    if parcel.samples > 1:
        return np.moveaxis(data.reshape((parcel.samples, *shape), order="F"), 0, -1)
    return data.reshape(shape, order="F")


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_plane_of_its_own_grid_is_that_of_the_voxels(affine: np.ndarray, axis: int, order: Any) -> None:
    data = np.asarray(np.arange(210).reshape(SHAPE), np.int16, order=order)
    parcel = parcel_of(data, affine)
    for index in (0, 3):
        np.testing.assert_array_equal(plane_of(parcel, parcel, axis, index), np.take(data, index, axis))


def test_colours_keep_their_samples(affine: np.ndarray) -> None:
    data = np.random.default_rng(0).integers(0, 255, (*SHAPE, 3)).astype(np.uint8)
    parcel = parcel_of(data, affine, axes="ijkc")
    np.testing.assert_array_equal(plane_of(parcel, parcel, 1, 2), data[:, 2])


def test_labels_are_lines_of_the_table(affine: np.ndarray) -> None:
    data = np.zeros(SHAPE, np.int32)
    data[2, 3, 4], data[1, 3, 4] = 900, 7
    parcel = parcel_of(data, affine, kind="labels")
    plane = plane_of(parcel, parcel, 2, 4)
    assert [plane[1, 3], plane[2, 3], plane[0, 0]] == [1, 2, 0]


@pytest.mark.parametrize("kind", ["labels", "scores"])
def test_a_layer_of_the_same_grid_is_not_resampled(affine: np.ndarray, kind: str) -> None:
    base = parcel_of(np.zeros(SHAPE, np.int16), affine)
    data = np.random.default_rng(1).integers(0, 3, SHAPE).astype(np.uint8)
    other = parcel_of(data if kind == "labels" else data / np.float32(3), affine, kind=kind)
    found = plane_of(other, base, 0, 5)
    np.testing.assert_array_equal(found, other.voxels[5])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_layer_of_another_grid_lies_where_it_is_in_the_world(affine: np.ndarray, axis: int) -> None:
    """Values that are linear in the world: between voxels they are what the place says."""
    base = parcel_of(np.zeros(SHAPE, np.int16), affine)
    turn = np.deg2rad(25)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    other = np.eye(4)
    other[:3, :3] = rotation @ np.diag([0.8, -1.1, 1.3])
    middle = affine @ [3, 2.5, 2, 1]
    shape = (31, 29, 27)
    other[:3, 3] = middle[:3] - other[:3, :3] @ (np.array(shape) / 2)
    places = np.einsum("ab,b...->a...", other, np.stack([*np.indices(shape), np.ones(shape)]))
    values = (places[0] + 2 * places[1] - places[2]).astype(np.float32)
    found = plane_of(parcel_of(values, other, kind="scores"), base, axis, 2)
    grid = np.take(np.einsum("ab,b...->a...", affine, np.stack([*np.indices(SHAPE), np.ones(SHAPE)])), 2, axis + 1)
    inside = np.isfinite(found)
    assert inside.any()
    np.testing.assert_allclose(found[inside], (grid[0] + 2 * grid[1] - grid[2])[inside], atol=1e-3)


def test_where_a_layer_has_no_voxel_there_is_none(affine: np.ndarray) -> None:
    base = parcel_of(np.zeros(SHAPE, np.int16), affine)
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :3] @ [3, 0, 0]
    scores = plane_of(parcel_of(np.ones(SHAPE, np.float32), moved, kind="scores"), base, 2, 1)
    assert np.isnan(scores[:3]).all()
    assert (scores[3:] == 1).all()
    labels = plane_of(parcel_of(np.ones(SHAPE, np.uint8), moved, kind="labels"), base, 2, 1)
    np.testing.assert_array_equal(labels, np.nan_to_num(scores))


@pytest.mark.parametrize(("axis", "index"), [(3, 0), (-1, 0), (0, 7), (2, -1)])
def test_a_plane_that_there_is_not_is_refused(affine: np.ndarray, axis: int, index: int) -> None:
    parcel = parcel_of(np.zeros(SHAPE, np.int16), affine)
    with pytest.raises(InputError, match=rf"\(7, 6, 5\), got voxel {index} of axis {axis}"):
        section(parcel, parcel, axis, index)


class Told(Viewer):
    """A viewer that keeps what it sends."""

    def __init__(self, *layers: Any) -> None:
        super().__init__(*layers)
        self.sent: list[tuple[Any, Any]] = []

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append((content, buffers))


def look(viewer: Viewer, layer: Layer, on: Layer, **change: Any) -> Any:
    place = {"layer": layer.id, "version": layer.version, "on": on.id, "on_version": on.version, "axis": 2, "index": 1}
    return {"type": "look", **place, **change}


def test_a_viewer_answers_with_the_place_that_was_asked_for(affine: np.ndarray) -> None:
    data = np.arange(210).reshape(SHAPE).astype(np.int16)
    base, seg = Layer(Volume(data, affine)), Layer(Volume((data > 9).astype(np.uint8), affine, kind="labels"))
    viewer = Told(base, seg)
    asked = look(viewer, seg, base)
    viewer._receive(viewer, asked, [])
    [(answer, [buffer])] = viewer.sent
    assert {**asked, "type": "section"}.items() <= answer.items()
    assert (answer["dtype"], [line["value"] for line in answer["labels"]]) == ("uint8", [0, 1])
    np.testing.assert_array_equal(np.frombuffer(buffer, np.uint8).reshape(SHAPE[:2], order="F"), data[..., 1] > 9)


def test_what_is_gone_or_replaced_is_not_answered_and_what_cannot_be_had_is_refused(affine: np.ndarray) -> None:
    base = Layer(Volume(np.zeros(SHAPE, np.int16), affine))
    viewer = Told(base)
    viewer._receive(viewer, look(viewer, base, base, version=base.version + 1), [])
    viewer._receive(viewer, {**look(viewer, base, base), "on": "layer-gone"}, [])
    assert viewer.sent == []
    viewer._receive(viewer, look(viewer, base, base, index=99), [])
    [(answer, _)] = viewer.sent
    assert (answer["type"], answer["layer"]) == ("no-section", base.id)
    assert "got voxel 99" in answer["cause"]
