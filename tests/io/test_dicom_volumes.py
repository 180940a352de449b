"""Several images at one position: which belong together, what they are called, and that none is lost."""

from __future__ import annotations

import numpy as np
import pytest

from tests.io.make_dicom import dataset, flat, item, save, series
from workbench.errors import InputError
from workbench.testing.files import drain

HEIGHTS = (0.0, 2.0, 4.0, 6.0)

TELLING = [
    ({"EchoTime": 5}, {"EchoTime": 9.5}, "echo 5 ms", "echo 9.5 ms"),
    ({"EchoNumbers": 1}, {"EchoNumbers": 2}, "echo number 1", "echo number 2"),
    ({"InversionTime": 150}, {"InversionTime": 900}, "inversion 150 ms", "inversion 900 ms"),
    ({"FlipAngle": 3}, {"FlipAngle": 15}, "flip angle 3 degrees", "flip angle 15 degrees"),
    ({"RepetitionTime": 500}, {"RepetitionTime": 2000}, "repetition 500 ms", "repetition 2000 ms"),
    ({"DiffusionBValue": 0.0}, {"DiffusionBValue": 1000.0}, "b 0", "b 1000"),
    (
        {"DiffusionBValue": 700.0, "DiffusionGradientOrientation": [0.0, 0.0, 1.0]},
        {"DiffusionBValue": 700.0, "DiffusionGradientOrientation": [0.6, 0.8, 0.0]},
        "direction (0 0 1)",
        "direction (0.6 0.8 0)",
    ),
    ({"SequenceName": "ep_b0"}, {"SequenceName": "ep_b500#1"}, "sequence ep_b0", "sequence ep_b500#1"),
    ({"KVP": 80}, {"KVP": 140}, "80 kV", "140 kV"),
    ({"ConvolutionKernel": "B30F"}, {"ConvolutionKernel": "B70F"}, "kernel B30F", "kernel B70F"),
    ({"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2}, "time 1", "time 2"),
    ({"TriggerTime": 0}, {"TriggerTime": 33.5}, "trigger 0 ms", "trigger 33.5 ms"),
    ({"FrameReferenceTime": 500}, {"FrameReferenceTime": 1500}, "reference time 500 ms", "reference time 1500 ms"),
    ({"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}, "acquisition 1", "acquisition 2"),
    ({"AcquisitionTime": "100000"}, {"AcquisitionTime": "100012.5"}, "acquired +0 s", "acquired +12.5 s"),
    (
        {"AcquisitionDateTime": "20200101235959"},
        {"AcquisitionDateTime": "20200102000001.25"},
        "acquired +0 s",
        "acquired +2.25 s",
    ),
    (
        {"ContentDate": "20200101", "ContentTime": "100000"},
        {"ContentDate": "20200101", "ContentTime": "100100"},
        "made +0 s",
        "made +60 s",
    ),
    (
        {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
        "magnitude",
        "phase",
    ),
    (
        {"ImageType": ["DERIVED", "PRIMARY", "F", "F", "DERIVED"]},
        {"ImageType": ["DERIVED", "PRIMARY", "W", "W", "DERIVED"]},
        "type F",
        "type W",
    ),
]


@pytest.mark.parametrize(("one", "other", "first", "second"), TELLING)
@pytest.mark.parametrize("stopped", [False, True], ids=["complete", "interrupted"])
def test_what_tells_images_apart_names_the_channels(tmp_path, one, other, first, second, stopped):
    images = [
        (100 * t + k, z, fields)
        for t, fields in enumerate((one, other))
        for k, z in enumerate(HEIGHTS)
        if not (stopped and (t, k) == (1, 3))
    ]
    volume = drain(series(tmp_path / "s", images))
    assert set(volume.channels) == {first, second}
    of_first, of_second = (volume.data[0, 0, :, volume.channels.index(name)].tolist() for name in (first, second))
    assert of_first == [0, 1, 2, 3]
    assert of_second[:3] == [100, 101, 102]
    assert of_second[3] == (100 if stopped else 103)  # blank is the lowest value of the volume
    note = "1 slices are missing and left blank" if stopped else "2 images lie at each position"
    assert note in " ".join(volume.notes)


def test_three_times_of_two_echoes_that_stopped_early(tmp_path):
    images = [
        (1000 * e + 100 * t + k, z, {"EchoTime": 5 + 5 * e, "TemporalPositionIdentifier": t + 1})
        for t in range(3)
        for k, z in enumerate(HEIGHTS)
        for e in range(2)
        if not (t == 2 and k > 0)
    ]
    volume = drain(series(tmp_path / "s", images))
    assert volume.channels == tuple(f"echo {e} ms, time {t}" for e in (5, 10) for t in (1, 2, 3))
    assert volume.data[0, 0, 1].tolist() == [1, 101, 200, 1001, 1101, 1200]
    assert volume.data[0, 0, 0].tolist() == [0, 100, 200, 1000, 1100, 1200]
    assert "6 slices are missing" in " ".join(volume.notes)


@pytest.mark.parametrize("inner", ["slices", "times"])
def test_clocks_that_tick_for_each_slice(tmp_path, inner):
    order = [(t, k) for t in range(3) for k in range(4) if (t, k) != (2, 3)]
    if inner == "times":
        order = [(t, k) for k in range(4) for t in range(3)]
    images = [(100 * t + k, HEIGHTS[k], {"AcquisitionTime": f"1000{n:02d}"}) for n, (t, k) in enumerate(order)]
    volume = drain(series(tmp_path / "s", images))
    assert volume.data[0, 0, 0].tolist() == [0, 100, 200]
    assert volume.data[0, 0, 2].tolist() == [2, 102, 202]
    assert volume.data[0, 0, 3, :2].tolist() == [3, 103]
    if inner == "slices":
        assert volume.channels == ("acquired +0 s", "acquired +4 s", "acquired +8 s")
        assert volume.data[0, 0, 3, 2] == 200


def test_trigger_times_that_jitter(tmp_path):
    images = [(100 * t + k, z, {"TriggerTime": 33.0 * t + 0.7 * k}) for t in range(3) for k, z in enumerate(HEIGHTS)]
    volume = drain(series(tmp_path / "s", images))
    assert volume.channels == ("trigger 0 ms", "trigger 33 ms", "trigger 66 ms")
    np.testing.assert_array_equal(volume.data[0, 0], np.add.outer(range(4), [0, 100, 200]))


def test_nothing_but_instance_numbers(tmp_path):
    images = [(100 * t + k, z, {}) for t in range(2) for k, z in enumerate(HEIGHTS)]
    volume = drain(series(tmp_path / "s", images))
    assert volume.data[0, 0].tolist() == [[0, 100], [1, 101], [2, 102], [3, 103]]
    assert volume.channels == ("volume 0", "volume 1")
    assert "nothing but their numbers tells some of them apart" in " ".join(volume.notes)


def test_nothing_at_all(tmp_path):
    images = [(100 * t + k, z, {"number": 1}) for k, z in enumerate(HEIGHTS) for t in range(2)]
    volume = drain(series(tmp_path / "s", images))
    np.testing.assert_array_equal(np.sort(volume.data[0, 0]), [[0, 100], [1, 101], [2, 102], [3, 103]])
    assert "nothing but their numbers" in " ".join(volume.notes)


def test_absent_values_are_a_value(tmp_path):
    images = [(k, z, {}) for k, z in enumerate(HEIGHTS)]
    images += [(100 + k, z, {"DiffusionBValue": 800.0}) for k, z in enumerate(HEIGHTS)]
    volume = drain(series(tmp_path / "s", images))
    assert volume.data[0, 0].tolist() == [[0, 100], [1, 101], [2, 102], [3, 103]]
    assert volume.channels[1] == "b 800, volume 1"


def test_a_volume_is_chosen_by_number(tmp_path):
    folder = series(tmp_path / "s", [(100 * e + k, z, {"EchoTime": e}) for e in (3, 4) for k, z in enumerate(HEIGHTS)])
    volume = drain(folder, volume=1)
    assert volume.shape == (5, 4, 4)
    assert volume.data[0, 0].tolist() == [400, 401, 402, 403]
    for wrong in (2, -1, 0.5, "echo 3 ms"):
        with pytest.raises(InputError, match=r"volume= is 0 to 1 here.*0: echo 3 ms; 1: echo 4 ms"):
            drain(folder, volume=wrong)


@pytest.mark.parametrize(
    ("group", "creator", "element", "vr", "zero", "thousand"),
    [
        (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", "0", "1000"),
        (0x2001, "Philips Imaging DD 001", 0x03, "FL", 0.0, 1000.0),
        (0x0043, "GEMS_PARM_01", 0x39, "IS", ["0", "8"], ["1000001000", "8"]),
    ],
)
def test_b_values_of_the_makers(tmp_path, group, creator, element, vr, zero, thousand):
    number = 0
    for t, value in enumerate((zero, thousand)):
        for k, z in enumerate(HEIGHTS):
            made = dataset(flat(100 * t + k), position=(0, 0, z), number=1)
            made.private_block(group, creator, create=True).add_new(element, vr, value)
            save(made, tmp_path / f"{number}.dcm")
            number += 1
    volume = drain(tmp_path)
    assert volume.channels == ("b 0", "b 1000")
    assert volume.data[0, 0].tolist() == [[0, 100], [1, 101], [2, 102], [3, 103]]


def test_enhanced_files_of_one_volume_each(tmp_path):
    for t in range(2):
        frames = np.stack([flat(100 * t + k) for k in range(3)])
        groups = [{"PlanePositionSequence": {"ImagePositionPatient": [0, 0, 2.0 * k]}} for k in range(3)]
        made = dataset(frames, number=t + 4, PerFrameFunctionalGroupsSequence=groups)
        for keyword, value in item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1]).items():
            made[keyword] = value
        save(made, tmp_path / f"{t}.dcm")
    volume = drain(tmp_path)
    assert volume.channels == ("instance 4", "instance 5")
    assert volume.data[0, 0].tolist() == [[0, 100], [1, 101], [2, 102]]


def test_dimensions_of_an_enhanced_file_tell_apart(tmp_path):
    pointers = [{"DimensionIndexPointer": tag} for tag in (0x00209056, 0x00209057, 0x00189087)]
    groups, values = [], []
    for t in range(2):
        for k in range(3):
            values.append(flat(100 * t + k))
            groups.append(
                {
                    "FrameContentSequence": {"DimensionIndexValues": [1, k + 1, t + 1], "StackID": "1 "},
                    "PlanePositionSequence": {"ImagePositionPatient": [0, 0, 2.0 * k]},
                }
            )
    made = dataset(
        np.stack(values), PerFrameFunctionalGroupsSequence=groups, DimensionIndexSequence=pointers,
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1],
    )  # fmt: skip
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.channels == ("index (1)", "index (2)")
    assert volume.data[0, 0].tolist() == [[0, 100], [1, 101], [2, 102]]


def test_colours_at_several_times(tmp_path):
    frames = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    made = dataset(frames[..., 0], "US", FrameTime=40, FrameIncrementPointer=0x00181063)
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    made.PixelData = frames.tobytes()
    path = save(made, tmp_path / "a.dcm")
    volume = drain(path)
    assert volume.shape == (4, 5, 6)
    assert volume.channels == ("0 ms red", "0 ms green", "0 ms blue", "40 ms red", "40 ms green", "40 ms blue")
    np.testing.assert_array_equal(volume.data[..., 3:], frames[1])
    picture = drain(path, volume=1)
    assert picture.channels == ("red", "green", "blue")
    np.testing.assert_array_equal(picture.data, frames[1])


@pytest.mark.parametrize("jitter", [0.004, 0.02])
def test_positions_that_differ_in_their_last_digits_are_one(tmp_path, jitter):
    images = [
        (100 * t + k, z + jitter * (-1) ** (t + k), {"EchoTime": 5 + t}) for t in (0, 1) for k, z in enumerate(HEIGHTS)
    ]
    volume = drain(series(tmp_path / "s", images))
    assert volume.shape == (5, 4, 4, 2)
    assert volume.data[0, 0].tolist() == [[0, 100], [1, 101], [2, 102], [3, 103]]


def test_two_tables_in_turn_are_joined(tmp_path):
    # a shuttle: each acquisition covers half of the places
    images = [
        (100 * (n // 2) + k + 2 * (n % 2), 2.0 * k + 4 * (n % 2), {"AcquisitionNumber": n + 1})
        for n in range(6)
        for k in range(2)
    ]
    volume = drain(series(tmp_path / "s", images))
    np.testing.assert_array_equal(volume.data[0, 0], np.add.outer(range(4), [0, 100, 200]))
