"""Frames of files that state one position: planes of dose, slices, energy windows, moments."""

from __future__ import annotations

import numpy as np
import pytest

from tests.io.make_dicom import dataset, flat, save
from workbench.errors import FileError, InputError
from workbench.io import Doubt, read
from workbench.testing.files import drain

OFFSETS = 0x3004000C


def frames(count, step=10, dtype=np.uint16):
    return np.stack([flat(step * n, dtype=dtype) for n in range(count)])


def heights(volume):
    """RAS z of the first voxel of each slice, with the value there."""
    values = volume.data[0, 0].tolist()
    return {value: round(float(volume.to_world([0, 0, k])[2]), 4) for k, value in enumerate(values)}


def dose(offsets, z=-50.0, **fields):
    fields = {"DoseGridScaling": "0.001", "DoseUnits": "GY", "DoseType": "PHYSICAL", **fields}
    return dataset(
        frames(len(offsets), 1000, np.uint32), "RTDOSE", position=(10, 20, z), GridFrameOffsetVector=list(offsets),
        FrameIncrementPointer=OFFSETS, **fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("offsets", "places"),
    [
        ((0, 3, 6, 9), (-50, -47, -44, -41)),
        ((0, -3, -6, -9), (-50, -53, -56, -59)),
        ((-50, -47, -44, -41), (-50, -47, -44, -41)),
        ((-50, -53, -56, -59), (-50, -53, -56, -59)),
    ],
    ids=["relative", "falling", "absolute", "absolute and falling"],
)
def test_planes_of_dose(tmp_path, offsets, places):
    volume = drain(save(dose(offsets), tmp_path / "a.dcm"))
    assert volume.unit == "Gy"
    assert volume.spacing == pytest.approx((0.75, 0.5, 3))
    assert heights(volume) == {float(n): z for n, z in enumerate(places)}
    assert not volume.notes


def test_planes_of_dose_go_along_the_normal(tmp_path):
    # feet first, prone: the normal points to the feet
    made = dose((0, 3, 6), ImageOrientationPatient=[1, 0, 0, 0, -1, 0])
    assert heights(drain(save(made, tmp_path / "a.dcm"))) == {0.0: -50, 1.0: -53, 2.0: -56}
    sagittal = dose((0, 3, 6), ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    volume = drain(save(sagittal, tmp_path / "b.dcm"))
    # the normal of a sagittal plane seen from the left points to the right of the patient, -x in LPS
    np.testing.assert_allclose(volume.to_world([0, 0, int(volume.data[0, 0].argmax())]), [-10 + 6, -20, -50])


@pytest.mark.parametrize("down", [1, -1])
@pytest.mark.parametrize("offsets", [(-50, -47, -44), (-50, -53, -56)])
def test_absolute_planes_of_dose_of_a_patient_on_the_side(tmp_path, offsets, down):
    made = dose(offsets, ImageOrientationPatient=[0, down, 0, 1, 0, 0])
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert heights(volume) == {float(n): z for n, z in enumerate(offsets)}
    assert not volume.notes


def test_planes_of_dose_at_uneven_distances_are_noted(tmp_path):
    volume = drain(save(dose((0, 3, 6, 10.4)), tmp_path / "a.dcm"))
    assert "unevenly spaced: gaps from 3 to 4.4 mm" in volume.notes[0]


def test_offsets_that_begin_nowhere_are_noted(tmp_path):
    volume = drain(save(dose((100, 103, 106)), tmp_path / "a.dcm"))
    assert heights(volume) == {0.0: -50, 1.0: -47, 2.0: -44}
    assert "begin at 100 mm, which is neither 0 nor the z of the position (-50 mm)" in volume.notes[0]


def test_a_dose_with_too_few_offsets_is_refused_in_words(tmp_path):
    made = dose((0, 3, 6, 9))
    made.GridFrameOffsetVector = [0, 3]
    with pytest.raises(FileError, match="a number for each of the 4 planes, the header has 2"):
        read(save(made, tmp_path / "a.dcm"))


def test_units_of_dose(tmp_path):
    volume = drain(save(dose((0, 3), DoseUnits="RELATIVE", DoseType="ERROR"), tmp_path / "a.dcm"))
    assert volume.unit == "relative"
    assert "relative to a reference" in " ".join(volume.notes)
    assert "of type error" in " ".join(volume.notes)
    made = dose((0, 3))
    del made.DoseGridScaling
    volume = drain(save(made, tmp_path / "b.dcm"))
    assert (volume.unit, volume.data.max()) == ("", 1000)
    assert "DoseGridScaling is missing" in " ".join(volume.notes)


def test_doses_of_two_beams_are_channels(tmp_path):
    for beam in (1, 2):
        plan = {"ReferencedFractionGroupSequence": {"ReferencedBeamSequence": {"ReferencedBeamNumber": beam}}}
        made = dose((0, 3, 6), DoseGridScaling=beam, DoseSummationType="BEAM", ReferencedRTPlanSequence=plan)
        save(made, tmp_path / f"{beam}.dcm")
    volume = drain(tmp_path)
    assert volume.channels == ("beam 1", "beam 2")
    assert volume.data[0, 0].tolist() == [[0, 0], [1000, 2000], [2000, 4000]]


@pytest.mark.parametrize("modality", ["CT", "NM", "PT", "MR", "US", "XA", "OT"])
def test_one_position_and_a_spacing_are_slices_along_the_normal(tmp_path, modality):
    made = dataset(frames(6), modality, position=(1, 2, 10), SpacingBetweenSlices=3)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.spacing == pytest.approx((0.75, 0.5, 3))
    assert heights(volume) == {10 * n: 10 + 3 * n for n in range(6)}


def test_one_position_and_a_thickness_are_slices_with_a_note(tmp_path):
    volume = drain(save(dataset(frames(3), "CT", position=(0, 0, 10)), tmp_path / "a.dcm"))
    assert heights(volume) == {0: 10, 10: 12, 20: 14}
    assert "the slice thickness of 2 mm is taken" in volume.notes[0]


def test_oblique_frames_follow_their_normal(tmp_path):
    across, down = np.array([0.8, 0.6, 0]), np.array([0, 0, -1.0])
    made = dataset(
        frames(3), "CT", position=(5, 6, 7), SpacingBetweenSlices=4, ImageOrientationPatient=[*across, *down]
    )
    volume = drain(save(made, tmp_path / "a.dcm"))
    top = int(volume.data[0, 0].argmax())
    expected = (np.array([5, 6, 7]) + 8 * np.cross(across, down)) * [-1, -1, 1]
    np.testing.assert_allclose(volume.to_world([0, 0, top]), expected, atol=1e-6)


def test_negative_spacing_stacks_against_the_normal_in_nuclear_medicine(tmp_path):
    made = dataset(frames(3), "NM", position=(0, 0, 10), SpacingBetweenSlices=-3)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert heights(volume) == {0: 10, 10: 7, 20: 4}
    assert not volume.notes
    volume = drain(save(dataset(frames(3), "CT", position=(0, 0, 10), SpacingBetweenSlices=-3), tmp_path / "b.dcm"))
    assert heights(volume) == {0: 10, 10: 13, 20: 16}
    assert "negative (-3 mm), which only NM may have" in volume.notes[0]


def nuclear(count, kind, detectors=1, **fields):
    places = [
        {"ImagePositionPatient": [1, 2, 30], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]} for _ in range(detectors)
    ]
    return dataset(
        frames(count), "NM", DetectorInformationSequence=places, ImageType=["ORIGINAL", "PRIMARY", kind, "EMISSION"],
        PixelSpacing=[4, 4], SpacingBetweenSlices=-4, **fields,
    )  # fmt: skip


def test_the_position_of_a_detector(tmp_path):
    made = nuclear(4, "RECON TOMO", SliceVector=[1, 2, 3, 4], FrameIncrementPointer=0x00540080)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert heights(volume) == {0: 30, 10: 26, 20: 22, 30: 18}
    np.testing.assert_allclose(volume.to_world([0, 0, 0])[:2], [-1, -2])


def test_gated_slices_are_slices_and_time_slots(tmp_path):
    made = nuclear(
        6, "RECON GATED TOMO", TimeSlotVector=[1, 1, 1, 2, 2, 2], SliceVector=[1, 2, 3, 1, 2, 3],
        RRIntervalVector=[1] * 6, FrameIncrementPointer=[0x00540060, 0x00540070, 0x00540080],
    )  # fmt: skip
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.channels == ("time slot 1", "time slot 2")
    assert sorted(volume.data[0, 0].tolist()) == [[0, 30], [10, 40], [20, 50]]


def test_energy_windows_without_numbers_of_slices(tmp_path):
    made = nuclear(6, "RECON TOMO", EnergyWindowVector=[1, 1, 1, 2, 2, 2], FrameIncrementPointer=0x00540010)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.channels == ("energy window 1", "energy window 2")
    assert sorted(volume.data[0, 0].tolist()) == [[0, 30], [10, 40], [20, 50]]


def test_views_and_phases_are_channels_of_one_picture(tmp_path):
    made = dataset(
        frames(4), "NM", ImageType=["ORIGINAL", "PRIMARY", "DYNAMIC"], PixelSpacing=[4, 4],
        DetectorVector=[1, 1, 2, 2], TimeSliceVector=[1, 2, 1, 2],
    )  # fmt: skip
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.shape == (4, 5, 4)
    assert volume.channels == tuple(f"detector {d}, time slice {t}" for d in (1, 2) for t in (1, 2))
    assert volume.data[0, 0].tolist() == [0, 10, 20, 30]
    views = dataset(frames(3), "NM", ImageType=["ORIGINAL", "PRIMARY", "TOMO"], SpacingBetweenSlices=4)
    volume = drain(save(views, tmp_path / "b.dcm"))
    assert (volume.axes, volume.channels) == (("i", "j", "c"), ("page 1", "page 2", "page 3"))


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"FrameTime": 40, "FrameIncrementPointer": 0x00181063}, ("0 ms", "40 ms", "80 ms")),
        ({"FrameTimeVector": [0, 30, 50], "FrameIncrementPointer": 0x00181065}, ("0 ms", "30 ms", "80 ms")),
        ({"CineRate": 20}, ("0 ms", "50 ms", "100 ms")),
        ({"RecommendedDisplayFrameRate": 25}, ("0 ms", "40 ms", "80 ms")),
        ({}, ("page 1", "page 2", "page 3")),
        ({"TimeSliceVector": [1, 2, 3]}, ("time slice 1", "time slice 2", "time slice 3")),
    ],
)
@pytest.mark.parametrize("modality", ["US", "XA"])
def test_a_cine_has_times_and_no_depth(tmp_path, modality, fields, names):
    volume = drain(save(dataset(frames(3), modality, **fields), tmp_path / "a.dcm"))
    assert (volume.shape, volume.axes) == ((4, 5, 3), ("i", "j", "c"))
    assert volume.channels == names
    assert volume.data[0, 0].tolist() == [0, 10, 20]
    assert "3 images lie at each position" in volume.notes[-1]


def test_pages_and_angles_are_no_depth(tmp_path):
    volume = drain(save(dataset(frames(2), "OT", PageNumberVector=[1, 2]), tmp_path / "a.dcm"))
    assert volume.channels == ("page 1", "page 2")
    volume = drain(save(dataset(frames(2), "OT", FramePrimaryAngleVector=[-30, 12.5]), tmp_path / "b.dcm"))
    assert volume.channels == ("angle -30 degrees", "angle 12.5 degrees")


def test_a_cine_at_a_place_keeps_the_place(tmp_path):
    made = dataset(frames(3), "MR", position=(0, 0, 7), FrameTime=40, FrameIncrementPointer=0x00181063)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.shape == (5, 4, 1, 3)
    np.testing.assert_allclose(volume.to_world([0, 0, 0])[2], 7)


def test_clips_of_one_series_are_a_choice(tmp_path):
    for n, count in enumerate((4, 3)):
        save(dataset(frames(count) + n, "US", FrameTime=40), tmp_path / f"{n}.dcm")
    with pytest.raises(InputError, match="stack="):
        read(tmp_path)
    assert drain(tmp_path, stack=1).data[0, 0].tolist() == [1, 11, 21]


@pytest.mark.parametrize(("fields", "space"), [({"PixelSpacing": [0.5, 0.5]}, "object"), ({}, "pixels")])
def test_frames_without_any_place_have_no_right_and_left(tmp_path, fields, space):
    volume = drain(save(dataset(np.zeros((3, 4, 5), np.uint16), "OT", **fields), tmp_path / "a.dcm"))
    assert volume.shape == (5, 4, 3)
    assert volume.space == space
    assert isinstance(volume.notes[-1], Doubt)


def test_frames_without_any_place_are_stacked_with_a_note(tmp_path):
    volume = drain(save(dataset(frames(3), "OT"), tmp_path / "a.dcm"))
    assert volume.shape == (5, 4, 3)
    assert volume.data[0, 0].tolist() == [0, 10, 20]
    assert "do not say where they lie" in " ".join(volume.notes)
    volume = drain(save(dataset(frames(3), "OT", SliceLocationVector=[5, 9, 7]), tmp_path / "b.dcm"))
    assert volume.data[0, 0].tolist() == [0, 20, 10]
    assert volume.spacing[2] == 2


def test_frames_of_an_enhanced_file_with_one_position(tmp_path):
    numbers = [{"FrameContentSequence": {"InStackPositionNumber": n}} for n in (3, 1, 2)]
    made = dataset(frames(3), position=(0, 0, 10), SpacingBetweenSlices=5, PerFrameFunctionalGroupsSequence=numbers)
    assert heights(drain(save(made, tmp_path / "a.dcm"))) == {10: 10, 20: 15, 0: 20}
    same = [{"FrameContentSequence": {"StackID": "1"}}] * 3
    made = dataset(frames(3), position=(0, 0, 10), SpacingBetweenSlices=5, PerFrameFunctionalGroupsSequence=same)
    assert heights(drain(save(made, tmp_path / "b.dcm"))) == {0: 10, 10: 15, 20: 20}


def test_an_ultrasound_volume_has_a_frame_of_its_own(tmp_path):
    groups = [{"PlanePositionVolumeSequence": {"ImagePositionVolume": [0, 0, 0.5 * n]}} for n in range(3)]
    shared = {
        "PlaneOrientationVolumeSequence": {"ImageOrientationVolume": [1, 0, 0, 0, 1, 0]},
        "PixelMeasuresSequence": {"PixelSpacing": [0.25, 0.25]},
    }
    made = dataset(frames(3), "US", PerFrameFunctionalGroupsSequence=groups, SharedFunctionalGroupsSequence=shared)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.spacing == (0.25, 0.25, 0.5)
    assert "of the ultrasound volume, not of the patient" in volume.notes[0]


def test_slices_that_know_only_their_location(tmp_path):
    for n, location in enumerate((12, 4, 8)):
        save(dataset(flat(location), "MR", number=n, SliceLocation=location), tmp_path / str(n))
    volume = drain(tmp_path)
    assert volume.data[0, 0].tolist() == [4, 8, 12]
    assert volume.spacing[2] == 4
    assert "stacked by SliceLocation" in " ".join(volume.notes)


def test_memory_is_checked_before_it_is_taken(tmp_path, monkeypatch):
    made = dataset(frames(3), "CT", position=(0, 0, 10), SpacingBetweenSlices=3)
    path = save(made, tmp_path / "a.dcm")

    def refuse(what, needed):
        if needed >= 3 * 4 * 5 * 2:
            raise FileError(f"{needed}")

    monkeypatch.setattr("workbench.io._files.check_memory", refuse)
    with pytest.raises(FileError, match=r"^120$"):
        read(path)
