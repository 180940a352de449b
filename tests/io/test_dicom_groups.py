"""What stacks with what: distances in place of rounding, and a choice where a series mixes acquisitions."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from tests.io.make_dicom import SERIES, dataset, flat, item, save, series
from workbench.errors import InputError
from workbench.io import read
from workbench.testing.files import drain


def turned(angle):
    c, s = np.cos(angle), np.sin(angle)
    return [f"{v:.9f}" for v in (c, s, 0, -s, c, 0)]


@pytest.mark.parametrize("jitter", [1e-7, 1e-5, 4e-4])
def test_orientations_that_differ_in_their_last_digits_stack(tmp_path, jitter):
    middle = np.arccos(0.9995)
    angles = [middle + jitter * sign for sign in (-1, 1, 1, -1)]
    volume = drain(
        series(tmp_path / "s", [(k, 2.0 * k, {"ImageOrientationPatient": turned(a)}) for k, a in enumerate(angles)])
    )
    assert volume.shape == (5, 4, 4)
    # the affine takes the mean direction, not that of a slice that happens to come first
    across = volume.affine[:3, 0] / 0.75
    np.testing.assert_allclose(np.arctan2(-across[1], -across[0]), middle, atol=1e-9)


@pytest.mark.parametrize("jitter", [1e-7, 1e-4])
def test_spacings_that_differ_in_their_last_digits_stack(tmp_path, jitter):
    steps = [0.48825 + jitter * sign for sign in (-1, 1, -1, 1)]
    images = [(k, 2.0 * k, {"PixelSpacing": [f"{s:.8f}", f"{s:.8f}"]}) for k, s in enumerate(steps)]
    volume = drain(series(tmp_path / "s", images))
    assert volume.shape == (5, 4, 4)
    np.testing.assert_allclose(volume.spacing[:2], 0.48825, atol=1e-9)


def test_spacings_and_turns_that_do_differ_are_a_choice(tmp_path):
    images = [(k, 2.0 * k, {"PixelSpacing": [0.98, 0.98] if k < 3 else [0.99, 0.99]}) for k in range(5)]
    with pytest.raises(InputError, match=r"2 sizes or orientations.*stack="):
        read(series(tmp_path / "a", images))
    images = [(k, 2.0 * k, {"ImageOrientationPatient": turned(0.01 * (k > 2))}) for k in range(5)]
    with pytest.raises(InputError, match=r"2 sizes or orientations.*stack="):
        read(series(tmp_path / "b", images))


def test_identifiers_padded_in_several_ways_are_one_series(tmp_path):
    for k, uid in enumerate((SERIES, SERIES + " ", SERIES + "\0")):
        with pydicom.config.disable_value_validation():
            save(dataset(flat(k), position=(0, 0, 2.0 * k), SeriesInstanceUID=uid), tmp_path / str(k))
    assert drain(tmp_path).shape == (5, 4, 3)


OVERLAPPING = [(0, 2, 4, 6), (4, 6, 8, 10, 12)]
SHIFTED = [(0, 2, 4, 6), (0.7, 2.7, 4.7, 6.7)]
QUARTER = [(0, 2, 4, 6), (0.5, 2.5, 4.5, 6.5)]
HALF = [(0, 2, 4, 6), (1, 3, 5, 7)]


@pytest.mark.parametrize("heights", [OVERLAPPING, SHIFTED, QUARTER, HALF], ids=["overlap", "0.7 mm", "quarter", "half"])
@pytest.mark.parametrize(
    ("keyword", "values", "names"),
    [
        ("AcquisitionNumber", (1, 2), ("acquisition 1", "acquisition 2")),
        ("TemporalPositionIdentifier", (1, 2), ("time 1", "time 2")),
        ("AcquisitionNumber", (None, 2), ("no acquisition", "acquisition 2")),
        ("AcquisitionTime", ("100000", "100100"), ("acquired +0 s", "acquired +60 s")),
        ("ImageType", (["ORIGINAL", "PRIMARY", "A"], ["ORIGINAL", "PRIMARY", "B"]), ("type A", "type B")),
        (None, (None, None), ("numbers 1 to 4", "numbers 5 to")),
    ],
)
def test_acquisitions_that_do_not_fit_are_a_choice(tmp_path, heights, keyword, values, names):
    images = [
        (100 * n + k, z, {keyword: values[n]} if values[n] is not None else {})
        for n in (0, 1)
        for k, z in enumerate(heights[n])
    ]
    folder = series(tmp_path / "s", images)
    with pytest.raises(InputError, match=r"slices of 2 acquisitions that do not stack; choose with stack=") as raised:
        read(folder)
    assert all(name in str(raised.value) for name in names)
    for n in (0, 1):
        volume = drain(folder, stack=n)
        assert not volume.notes
        assert volume.data[0, 0].tolist() == [100 * n + k for k in range(len(heights[n]))]
        np.testing.assert_allclose(volume.to_world([0, 0, 0])[2], heights[n][0])
        assert volume.spacing[2] == pytest.approx(2)


@pytest.mark.parametrize("within", [(1.7, 3.7, 5.7), (3, 5, 7), (5, 7, 9)], ids=["uneven", "half", "half and out"])
def test_an_acquisition_between_the_slices_of_another_is_a_choice(tmp_path, within):
    heights = [(0, 2, 4, 6, 8, 10, 12), within]
    images = [(100 * n + k, z, {"AcquisitionNumber": n + 1}) for n in (0, 1) for k, z in enumerate(heights[n])]
    folder = series(tmp_path / "s", images)
    with pytest.raises(InputError, match=r"acquisition 1, 0 to 12 mm.*acquisition 2, "):
        read(folder)
    for n in (0, 1):
        assert drain(folder, stack=n).data[0, 0].tolist() == [100 * n + k for k in range(len(heights[n]))]


@pytest.mark.parametrize("lacking", [(1, 4), (0, 2), (2, 0)])
@pytest.mark.parametrize(
    ("keyword", "value"), [(None, None), ("AcquisitionTime", "10{:02d}{:02d}"), ("AcquisitionNumber", "{:d}")]
)
def test_images_taken_place_by_place_with_one_missing_are_channels(tmp_path, lacking, keyword, value):
    images = [
        (100 * t + k, 2.0 * k, {keyword: value.format(k, t)} if keyword else {})
        for k in range(5)
        for t in range(3)
        if (t, k) != lacking
    ]
    volume = drain(series(tmp_path / "s", images))
    assert volume.shape == (5, 4, 5, 3)
    assert "1 slices are missing and left blank" in volume.notes[0]
    for k in set(range(5)) - {lacking[1]}:
        assert volume.data[0, 0, k].tolist() == [k, 100 + k, 200 + k]
    there = sorted(100 * t + lacking[1] for t in range(3) if t != lacking[0])
    assert set(there) <= set(volume.data[0, 0, lacking[1]].tolist())


def test_acquisitions_of_two_echoes_each(tmp_path):
    images = [
        (1000 * e + 100 * n + k, z, {"AcquisitionNumber": n + 1, "EchoTime": 5 + e})
        for n in (0, 1)
        for k, z in enumerate(OVERLAPPING[n])
        for e in (0, 1)
    ]
    folder = series(tmp_path / "s", images)
    with pytest.raises(InputError, match=r"acquisition 1.*acquisition 2"):
        read(folder)
    volume = drain(folder, stack=1)
    assert volume.channels == ("echo 5 ms", "echo 6 ms")
    assert volume.data[0, 0, 2].tolist() == [102, 1102]


def test_acquisitions_at_the_same_places_are_channels(tmp_path):
    images = [(100 * n + k, 2.0 * k, {"AcquisitionNumber": n + 1}) for n in (0, 1) for k in range(4)]
    volume = drain(series(tmp_path / "s", images))
    assert volume.channels == ("acquisition 1", "acquisition 2")


@pytest.mark.parametrize("gap", [10, 16, 24])
@pytest.mark.parametrize("by_slice", [True, False])
def test_few_slices_farther_apart_than_they_are_thick_lack_nothing(tmp_path, gap, by_slice):
    # a cine of the heart at three places: numbered slice by slice, or moment by moment
    images = [
        (100 * t + k, float(gap * k), {"TriggerTime": 40.0 * t + 3 * k, "SliceThickness": 8.0})
        for t in range(4)
        for k in range(3)
    ]
    images = sorted(images, key=lambda image: image[1]) if by_slice else images
    volume = drain(series(tmp_path / "s", images))
    assert volume.shape == (5, 4, 3, 4)
    assert volume.spacing == pytest.approx((0.75, 0.5, gap))
    assert volume.channels == tuple(f"trigger {40 * t} ms" for t in range(4))
    assert volume.data[0, 0, :, 2].tolist() == [200, 201, 202]
    assert len(volume.notes) == 1


@pytest.mark.parametrize(
    ("heights", "fields", "spacing", "count"),
    [
        ((0, 25), {"SliceThickness": 5}, 25, 2),
        ((0, 10, 20), {"SliceThickness": 5}, 10, 3),
        ((0, 10, 20), {"SliceThickness": 5, "SpacingBetweenSlices": 5}, 5, 5),  # stated: some are missing
        ((0, 25, 50), {"SpacingBetweenSlices": 5}, 25, 3),  # more than there are: a gap and no spacing
        ((0, 2, 6), {"SliceThickness": 2}, 2, 4),  # of gaps that differ, the usual one
    ],
)
def test_a_thickness_is_no_spacing(tmp_path, heights, fields, spacing, count):
    volume = drain(series(tmp_path / "s", [(k, float(z), fields) for k, z in enumerate(heights)]))
    assert volume.spacing[2] == pytest.approx(spacing)
    assert volume.shape[2] == count
    assert bool(volume.notes) == (count > len(heights))


def test_one_acquisition_in_two_passes_is_one_volume(tmp_path):
    # every other slice first: the thickness is that of the whole, not of a pass
    images = [
        (k, 2.0 * k, {"AcquisitionNumber": n + 1, "SliceThickness": 1.8, "number": k + 1})
        for n in (0, 1)
        for k in range(n, 8, 2)
    ]
    volume = drain(series(tmp_path / "s", images))
    assert volume.data[0, 0].tolist() == list(range(8))
    assert not volume.notes


def test_stations_that_follow_each_other_are_one_volume(tmp_path):
    heights = [0, 2, 4, 6, 8, 10, 12, 14]
    images = [(k, z, {"AcquisitionNumber": 1 + (k > 3)}) for k, z in enumerate(heights)]
    assert drain(series(tmp_path / "a", images)).shape == (5, 4, 8)
    del images[4]
    volume = drain(series(tmp_path / "b", images))
    assert volume.shape == (5, 4, 8)
    assert "1 missing slices of 8" in volume.notes[0]


def test_slices_excited_together_share_a_clock_and_are_no_stack(tmp_path):
    # three at a time, eight apart, and one slice displaced: still one volume, noted
    images = [
        (k, 2.0 * k + (0.3 if k == 5 else 0), {"AcquisitionTime": f"1000{k % 4:02d}", "number": 1}) for k in range(12)
    ]
    volume = drain(series(tmp_path / "s", images))
    assert volume.shape == (5, 4, 12)
    assert "unevenly spaced" in " ".join(volume.notes)


def test_stacks_beside_each_other_are_a_choice(tmp_path):
    images = [(100 * side + k, (90.0 * side, 0, 2.0 * k), {"number": 1}) for side in (0, 1) for k in range(4)]
    folder = series(tmp_path / "s", images)
    with pytest.raises(InputError, match="stack 0 beside the others"):
        read(folder)
    volume = drain(folder, stack=1)
    assert volume.data[0, 0].tolist() == [100, 101, 102, 103]
    np.testing.assert_allclose(volume.to_world([0, 0, 3]), [-90, 0, 6])


def enhanced(path, stacks):
    """One file whose frames are (stack id, z, value)."""
    groups = [
        {
            "FrameContentSequence": {"StackID": name},
            "PlanePositionSequence": {"ImagePositionPatient": [0, 0, float(z)]},
        }
        for name, z, _ in stacks
    ]
    made = dataset(np.stack([flat(value) for *_, value in stacks]), PerFrameFunctionalGroupsSequence=groups)
    for keyword, value in item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1]).items():
        made[keyword] = value
    return save(made, path)


def test_stacks_of_an_enhanced_file(tmp_path):
    together = enhanced(tmp_path / "a", [(name, 2 * k, 100 * n + k) for n, name in enumerate("12") for k in range(3)])
    volume = drain(together)
    assert volume.channels == ("stack 1", "stack 2")
    assert volume.data[0, 0].tolist() == [[0, 100], [1, 101], [2, 102]]
    # an even whole, but the file says that they are two
    apart = enhanced(tmp_path / "b", [(name, 2 * k + 6 * n, k) for n, name in enumerate("12") for k in range(3)])
    with pytest.raises(InputError, match="stack="):
        read(apart)
    # blanks around the name of a stack are no other stack
    one = enhanced(tmp_path / "c", [(name, 2 * k, k) for k, name in enumerate(("1", "1 ", "1"))])
    assert drain(one).shape == (5, 4, 3)


def test_several_frames_of_reference_are_noted(tmp_path):
    images = [(k, 2.0 * k, {"FrameOfReferenceUID": f"1.2.3.{k // 2}"}) for k in range(4)]
    volume = drain(series(tmp_path / "s", images))
    assert "2 frames of reference" in " ".join(volume.notes)


def test_looks_do_not_mix(tmp_path):
    images = [(k, 2.0 * k, {"PhotometricInterpretation": f"MONOCHROME{1 + k // 3}"}) for k in range(6)]
    folder = series(tmp_path / "s", images)
    with pytest.raises(InputError, match="stack="):
        read(folder)
    assert [drain(folder, stack=n).inverted for n in (0, 1)] == [True, False]


@pytest.mark.parametrize("second", [(2, 4, 6, 8), (2, 4), (-2, 0, 2, 4, 6, 8)])
def test_values_of_two_acquisitions_never_mix(tmp_path, second):
    images = [
        (100 * (n + 1), z, {"AcquisitionNumber": n + 1}) for n, part in ((0, (0, 2, 4, 6)), (1, second)) for z in part
    ]
    folder = series(tmp_path / "s", images)
    try:
        volumes = [drain(folder)]
    except InputError:
        volumes = [drain(folder, stack=n) for n in (0, 1)]
    seen = [set(np.unique(channel)) for volume in volumes for channel in volume.channels_first()]
    assert seen == [{100}, {200}]
