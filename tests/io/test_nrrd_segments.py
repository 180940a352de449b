"""Segmentations of Slicer: names, colours and layers of `.seg.nrrd`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.io.test_nrrd import HEADER
from workbench.io import read


def segmentation(path, data, segments, more=""):
    """Write a .seg.nrrd; a segment is (name, value, layer), None where the file does not say."""
    lines = []
    for number, (name, value, layer) in enumerate(segments):
        lines += [f"Segment{number}_ID:=Segment_{number}", f"Segment{number}_Name:={name}"]
        lines += [f"Segment{number}_Color:=0.5 0.2 0.1"]
        lines += [] if value is None else [f"Segment{number}_LabelValue:={value}", f"Segment{number}_Layer:={layer}"]
    layers = data.ndim == 4
    text = HEADER.replace("type: short", "type: uchar").replace("some key:=some value", "\n".join(lines) + more)
    if layers:
        text = text.replace("dimension: 3", "dimension: 4").replace("sizes: 2 3 4", f"sizes: {data.shape[-1]} 2 3 4")
        text = text.replace("directions: ", "directions: none ").replace("kinds: ", "kinds: list ")
    path.write_bytes(text.encode() + (np.moveaxis(data, -1, 0) if layers else data).tobytes(order="F"))


def test_names_of_slicer_s_segments(tmp_path):
    data = np.zeros((2, 3, 4), np.uint8)
    data[0], data[1, 1:] = 1, 4
    segmentation(tmp_path / "a.seg.nrrd", data, [("tumour", 1, 0), ("Ödem", 4, 0)])
    for volume in (read(tmp_path / "a.seg.nrrd"), read(tmp_path / "a.seg.nrrd", kind="labels")):
        assert (volume.kind, volume.labels) == ("labels", {1: "tumour", 4: "Ödem"})
        assert not volume.is_loaded
        np.testing.assert_array_equal(volume.data, data)
        assert "the colours of 2 segments are not kept" in volume.notes
    # a radiotherapist's fractional map is no label map
    segmentation(
        tmp_path / "b.seg.nrrd", data, [("a", 1, 0)], "\nSegmentation_MasterRepresentation:=Fractional labelmap"
    )
    assert read(tmp_path / "b.seg.nrrd").kind == "image"


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([("a", 1, 0), ("b", 2, 0), ("c", 3, 1)], {1: "a", 2: "b", 3: "c"}),
        ([("a", 1, 0), ("b", 2, 0), ("c", 1, 1)], {1: "a", 2: "b", 3: "c"}),
    ],
)
def test_layers_that_do_not_overlap_are_one_label_map(tmp_path, segments, expected):
    data = np.zeros((2, 3, 4, 2), np.uint8)
    data[0, ..., 0], data[1, :1, :, 0], data[1, 2, :, 1] = 1, 2, segments[2][1]
    segmentation(tmp_path / "a.seg.nrrd", data, segments)
    volume = read(tmp_path / "a.seg.nrrd")
    assert (volume.kind, volume.axes, volume.labels) == ("labels", ("i", "j", "k"), expected)
    merged = np.zeros((2, 3, 4))
    merged[0], merged[1, :1], merged[1, 2] = 1, 2, 3
    np.testing.assert_array_equal(volume.data, merged)
    assert any("became one label map" in note for note in volume.notes)
    np.testing.assert_allclose(volume.spacing, (1, 2, 3))


def test_layers_that_overlap_are_channels(tmp_path):
    data = np.zeros((2, 3, 4, 2), np.uint8)
    data[0, ..., 0], data[0, :1, :, 1] = 2, 1
    segmentation(tmp_path / "a.seg.nrrd", data, [("organ", 2, 0), ("tumour", 1, 1)])
    volume = read(tmp_path / "a.seg.nrrd")
    assert (volume.kind, volume.channels) == ("labels", ("organ", "tumour"))
    np.testing.assert_array_equal(volume.data, (data > 0).astype(int))
    assert any("segments overlap" in note for note in volume.notes)


def test_layers_of_old_slicer_have_one_segment_each(tmp_path):
    data = np.zeros((2, 3, 4, 2), np.uint8)
    data[0, ..., 0], data[1, ..., 1] = 1, 1
    segmentation(tmp_path / "a.seg.nrrd", data, [("left", None, None), ("right", None, None)])
    volume = read(tmp_path / "a.seg.nrrd")
    assert volume.labels == {1: "left", 2: "right"}
    np.testing.assert_array_equal(volume.data[:, 0, 0], [1, 2])
