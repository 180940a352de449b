"""What stored numbers mean: float pixels, rescales, tables, mappings, bits, padding; and what is noted."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pydicom import dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from tests.io.make_dicom import dataset, flat, item, pydicom_files, save, series
from workbench.errors import FileError
from workbench.io import Doubt, GeometryWarning, read
from workbench.io._dicom_file import read_dataset
from workbench.io._dicom_header import slices_of
from workbench.io._dicom_jpeg import mend_scans
from workbench.io._dicom_pixels import load_grid
from workbench.testing.files import drain


def notes(volume):
    return " ".join(volume.notes)


def floating(values, keyword, **fields):
    made = dataset(np.zeros(values.shape, np.uint32), position=(0, 0, 0), **fields)
    for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del made[name]
    made.BitsAllocated = values.dtype.itemsize * 8
    setattr(made, keyword, values.tobytes())
    return made


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
@pytest.mark.parametrize("count", [1, 3])
def test_float_pixels(tmp_path, keyword, dtype, count):
    values = (np.arange(20 * count).reshape(count, 4, 5) / 7 - 1).astype(dtype)
    values[0, 1, 2] = np.nan
    fields = {"SpacingBetweenSlices": 2} if count > 1 else {}
    made = floating(values if count > 1 else values[0], keyword, **fields)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(volume.data, values.transpose(2, 1, 0))


def test_float_pixels_are_scaled_and_mapped(tmp_path):
    values = np.linspace(-1, 1, 20, dtype=np.float32).reshape(4, 5)
    mapping = {
        "RealWorldValueSlope": 2.0,
        "RealWorldValueIntercept": 1.0,
        "MeasurementUnitsCodeSequence": {"CodeValue": "mm2/s"},
    }
    volume = drain(save(floating(values, "FloatPixelData", RealWorldValueMappingSequence=mapping), tmp_path / "a.dcm"))
    assert volume.unit == "mm2/s"
    np.testing.assert_allclose(volume.data[..., 0].T, values * 2 + 1, rtol=1e-6)


def test_short_float_pixels_are_told_when_opened(tmp_path):
    path = save(floating(np.ones((4, 5), np.float32), "FloatPixelData"), tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FileError, match="cut short"):
        read(path)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("floats", [False, True])
def test_transfer_syntaxes(tmp_path, syntax, floats):
    values = (np.arange(20).reshape(4, 5) * 1000 - 3000).astype(np.float32 if floats else np.int16)
    made = floating(values, "FloatPixelData") if floats else dataset(values, position=(0, 0, 0))
    if syntax == ExplicitVRBigEndian:
        keyword = "FloatPixelData" if floats else "PixelData"
        made[keyword].value = values.astype(values.dtype.newbyteorder(">")).tobytes()
    made.file_meta.TransferSyntaxUID = syntax
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.dtype == values.dtype
    np.testing.assert_array_equal(volume.data[..., 0].T, values)


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_files_without_preamble(tmp_path, implicit, little):
    values = np.arange(20, dtype=np.int16).reshape(4, 5)
    made = dataset(values, position=(0, 0, 0))
    made.PixelData = values.astype("<i2" if little else ">i2").tobytes()
    made.file_meta = None
    del made.file_meta
    path = tmp_path / "a.dcm"
    made.save_as(path, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    np.testing.assert_array_equal(drain(path).data[..., 0].T, values)


def mapping(slope, inter, unit):
    return {
        "RealWorldValueSlope": float(slope),
        "RealWorldValueIntercept": float(inter),
        "RealWorldValueFirstValueMapped": 0,
        "RealWorldValueLastValueMapped": 65535,
        "MeasurementUnitsCodeSequence": {"CodeValue": unit},
    }


def test_a_mapping_to_real_world_values_is_used_where_nothing_else_scales(tmp_path):
    made = dataset(flat(500), position=(0, 0, 0), RealWorldValueMappingSequence=mapping(0.001, -0.25, "um2/ms"))
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert (volume.unit, volume.data[0, 0, 0]) == ("um2/ms", pytest.approx(0.25))
    made = dataset(
        flat(500), position=(0, 0, 0), RealWorldValueMappingSequence=[mapping(2, 0, "s"), mapping(3, 0, "h")]
    )
    volume = drain(save(made, tmp_path / "b.dcm"))
    assert (volume.unit, volume.data[0, 0, 0]) == ("s", 1000)
    assert "other mappings to real-world values are given and were not applied: value x 3 + 0 h" in notes(volume)


def test_a_mapping_that_differs_from_the_rescale_is_noted(tmp_path):
    made = dataset(
        flat(500), "PT", position=(0, 0, 0), RescaleSlope=2, RescaleIntercept=0, Units="BQML",
        RealWorldValueMappingSequence=mapping(0.01, 0, "{SUVbw}g/ml"),
    )  # fmt: skip
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert (volume.unit, volume.data[0, 0, 0]) == ("BQML", 1000)
    assert "differs from it: value x 0.01 + 0 {SUVbw}g/ml" in notes(volume)


def test_a_mapping_of_some_values_says_so(tmp_path):
    part = mapping(2, 0, "ms") | {"RealWorldValueLastValueMapped": 4095}
    made = dataset(flat(500), position=(0, 0, 0), RealWorldValueMappingSequence=part)
    assert "for the stored values 0 to 4095 alone" in notes(drain(save(made, tmp_path / "a.dcm")))


def test_mappings_for_each_frame(tmp_path):
    groups = [
        {
            "PlanePositionSequence": {"ImagePositionPatient": [0, 0, 2.0 * n]},
            "RealWorldValueMappingSequence": mapping(n + 1, 0, "ms"),
        }
        for n in range(3)
    ]
    made = dataset(np.stack([flat(10)] * 3), PerFrameFunctionalGroupsSequence=groups)
    for keyword, value in item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1]).items():
        made[keyword] = value
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.unit == "ms"
    assert volume.data[0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("modality", "fields", "unit"),
    [
        ("CT", {"RescaleType": "HU"}, "HU"),
        ("CT", {"RescaleType": "MGML"}, "mg/ml"),
        ("CT", {"RescaleType": "PCT"}, "%"),
        ("MR", {"RescaleType": "US"}, ""),
        ("PT", {"Units": "BQML"}, "BQML"),
        ("PT", {"Units": "GML", "SUVType": "BW"}, "{SUVbw}g/ml"),
        ("PT", {"Units": "NONE"}, ""),
    ],
)
def test_units(tmp_path, modality, fields, unit):
    made = dataset(flat(1), modality, position=(0, 0, 0), RescaleSlope=1, RescaleIntercept=0, **fields)
    assert drain(save(made, tmp_path / "a.dcm")).unit == unit


def test_a_ct_without_a_rescale_is_not_called_hounsfield(tmp_path):
    made = dataset(flat(1), "CT", position=(0, 0, 0))
    del made.RescaleSlope, made.RescaleIntercept
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.unit == ""
    assert "need not be HU" in notes(volume)


def table(values, first=0, bits=16, kind="OD"):
    made = item(ModalityLUTType=kind, LUTDescriptor=[len(values), first, bits])
    made.add_new("LUTData", "US", list(values))
    return made


@pytest.mark.parametrize("first", [0, 100])
def test_a_table_of_values_is_applied(tmp_path, first):
    stored = np.array([[0, 1, 2, 3], [100, 101, 102, 500]], np.uint16)
    made = dataset(stored, "OT")
    made.ModalityLUTSequence = [table([7, 70, 700, 7000], first)]
    volume = drain(save(made, tmp_path / "a.dcm"))
    expected = {0: [[7, 70, 700, 7000], [7000] * 4], 100: [[7] * 4, [7, 70, 700, 7000]]}[first]
    np.testing.assert_array_equal(volume.data, expected)
    assert volume.unit == "OD / 1000"
    assert volume.dtype == np.uint16


@pytest.mark.parametrize(("raw", "bits"), [(b"\7\0\x46\0\xbc\2", 16), (b"\7\x46\xbc\0", 8)])
def test_a_table_stored_as_words(tmp_path, raw, bits):
    made = dataset(np.array([[0, 1, 2]], np.uint16), "OT")
    entry = table([0, 0, 0], bits=bits)
    entry.add_new("LUTData", "OW", raw)
    made.ModalityLUTSequence = [entry]
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.data.tolist() == [[7, 70, 700 if bits == 16 else 188]]


def test_mappings_by_a_table_are_noted(tmp_path):
    mapped = {"RealWorldValueLUTData": [1.0, 2.0]}
    made = dataset(flat(3), position=(0, 0, 0), RealWorldValueMappingSequence=mapped)
    assert "1 mappings to real-world values by a table were not applied" in notes(drain(save(made, tmp_path / "a.dcm")))


def test_a_table_for_signed_values(tmp_path):
    stored = np.array([[-2, -1, 0, 5]], np.int16)
    made = dataset(stored, "OT")
    entry = table([10, 20, 30], 0, 8, "HU")
    entry.add_new("LUTDescriptor", "SS", [3, -2, 8])
    made.ModalityLUTSequence = [entry]
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.data.tolist() == [[10, 20, 30, 30]]
    assert (volume.unit, volume.dtype) == ("HU", np.uint8)


def test_a_table_that_cannot_be_applied_is_noted(tmp_path):
    made = dataset(flat(3), "OT")
    entry = table([1, 2, 3])
    entry.LUTDescriptor = [9, 0, 16]
    made.ModalityLUTSequence = [entry]
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert (volume.data == 3).all()
    assert "(Modality LUT), which was not applied: the table is not well-formed" in notes(volume)


def test_overlays_in_unused_bits_are_cleared_and_noted(tmp_path):
    made = dataset(np.array([[0x0123, 0xF123, 0x8FFF]], np.uint16), position=(0, 0, 0))
    made.BitsStored, made.HighBit = 12, 11
    made.add_new(0x60000010, "US", 1)
    made.add_new(0x60000011, "US", 3)
    made.add_new(0x60000100, "US", 16)
    made.add_new(0x60000102, "US", 15)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.data[:, 0, 0].tolist() == [0x123, 0x123, 0xFFF]
    assert "1 overlays" in notes(volume)


@pytest.mark.parametrize(("dtype", "expected"), [(np.uint16, [0x123, 0xF12]), (np.int16, [0x123, 0xF12 - 0x1000])])
def test_bits_stored_high_are_moved_down(tmp_path, dtype, expected):
    made = dataset(np.array([[0x1230, 0xF12A]], np.uint16).view(dtype), position=(0, 0, 0))
    made.BitsStored, made.HighBit = 12, 15
    assert drain(save(made, tmp_path / "a.dcm")).data[:, 0, 0].tolist() == expected


def test_padding_beyond_the_stored_bits_stays(tmp_path):
    stored = np.array([[0, 4095, 63536]], np.uint16)
    made = dataset(stored, "CT", position=(0, 0, 0), RescaleIntercept=-1024)
    made.BitsStored, made.HighBit = 12, 11
    made.add_new("PixelPaddingValue", "US", 63536)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.data[:, 0, 0].tolist() == [-1024, 3071, 62512]
    assert "the value 62512 is padding" in notes(volume)


def test_padding_has_the_sign_of_the_pixels(tmp_path):
    made = dataset(np.full((4, 5), -1000, np.int16), "CT", position=(0, 0, 0))
    made.add_new("PixelPaddingValue", "US", 63536)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.dtype == np.int16
    assert "the value -2000 is padding" in notes(volume)


def test_padding_may_be_a_range(tmp_path):
    made = dataset(flat(7), "MR", position=(0, 0, 0), PixelPaddingValue=0, PixelPaddingRangeLimit=5, RescaleSlope=2)
    assert "the value 0 to 10 is padding" in notes(drain(save(made, tmp_path / "a.dcm")))


def test_factors_of_philips_are_noted(tmp_path):
    made = dataset(flat(7), "MR", position=(0, 0, 0))
    made.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.25)
    assert "0.25 to value / scale slope" in notes(drain(save(made, tmp_path / "a.dcm")))
    made = dataset(flat(7), "PT", position=(0, 0, 0), Units="CNTS")
    block = made.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0.0005")
    block.add_new(0x09, "DS", "12.5")
    volume = drain(save(made, tmp_path / "b.dcm"))
    assert (volume.unit, volume.data.max()) == ("CNTS", 7)
    assert "0.0005 to g/ml (SUV); 12.5 to Bq/ml" in notes(volume)


def test_padding_of_many_rescales_is_one_note(tmp_path):
    images = [(k, 2.0 * k, {"RescaleSlope": k + 1, "RescaleIntercept": 0}) for k in range(4)]
    folder = series(tmp_path / "s", [(v, z, {**f, "PixelPaddingValue": 50}) for v, z, f in images])
    volume = drain(folder)
    assert [note for note in volume.notes if "padding" in note] == [
        "the value 50 to 200 is padding, where nothing was measured (Pixel Padding Value)"
    ]


def test_values_beyond_the_promised_type_are_told_and_do_not_wrap(tmp_path):
    path = save(dataset(np.array([[0, 255, 256, 1000]], np.uint16), position=(0, 0, 0)), tmp_path / "a.dcm")
    slices = slices_of(path, read_dataset(path))
    with pytest.warns(GeometryWarning, match="2 values need more than the bits that the header states"):
        data = load_grid([slices], np.dtype(np.uint8))
    assert data[:, 0, 0].tolist() == [0, 255, 255, 255]
    with pytest.warns(GeometryWarning, match="3 values need more"):
        assert load_grid([slices], np.dtype(np.int8))[:, 0, 0].tolist() == [0, 127, 127, 127]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"BurnedInAnnotation": "YES"}, "may show the name of the patient"),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": 12.5}, "with loss by 12.5 to 1"),
        ({"PresentationLUTShape": "INVERSE"}, "MONOCHROME2 with an inverse presentation"),
        ({"RedPaletteColorLookupTableDescriptor": [2, 0, 16]}, "a table of colours"),
    ],
)
def test_what_changes_the_meaning_is_noted_without_a_warning(tmp_path, fields, words):
    path = save(dataset(flat(1), position=(0, 0, 0), **fields), tmp_path / "a.dcm")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert words in notes(read(path))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"modality": "CT", "RescaleSlope": None, "RescaleIntercept": None}, "need not be HU"),
        ({"PixelSpacing": None}, "the pixel spacing is not given"),
        ({"modality": "RTDOSE"}, "DoseGridScaling is missing"),
    ],
)
def test_what_somebody_has_to_act_on_is_a_doubt_and_a_warning(tmp_path, fields, words):
    path = save(dataset(flat(1), position=(0, 0, 0), **fields), tmp_path / "a.dcm")
    with pytest.warns(GeometryWarning, match=words) as caught:
        volume = read(path)
    assert [note for note in volume.notes if isinstance(note, Doubt)] == [str(one.message) for one in caught]
    # the place that is told is that of the caller
    assert {one.filename for one in caught} == {__file__}


def test_what_holds_for_some_images_says_for_how_many(tmp_path):
    images = [(k, 2.0 * k, {"LossyImageCompression": "01"} if k < 2 else {}) for k in range(5)]
    assert "with loss (in 2 of 5 images)" in notes(drain(series(tmp_path / "s", images)))


def test_monochrome1_is_told_and_kept_as_stored(tmp_path):
    volume = drain(save(dataset(flat(7), "DX", PhotometricInterpretation="MONOCHROME1"), tmp_path / "a.dcm"))
    assert volume.inverted
    assert (volume.data == 7).all()
    assert "MONOCHROME1" in notes(volume)
    assert not drain(save(dataset(flat(7), "DX"), tmp_path / "b.dcm")).inverted


@pytest.mark.parametrize("keyword", ["InstanceNumber", "AcquisitionNumber", "EchoTime"])
def test_numbers_that_cannot_be_read_tell_nothing(tmp_path, keyword):
    for k in range(3):
        made = dataset(flat(k), position=(0, 0, 2.0 * k))
        if keyword in made:
            del made[keyword]
        made.add_new(keyword, "LO", "none")
        save(made, tmp_path / str(k))
    assert drain(tmp_path).data[0, 0].tolist() == [0, 1, 2]


def test_a_jpeg_with_the_usual_fault_in_its_scan_header():
    path = next((path for path in pydicom_files() if path.name == "JPEG-lossy.dcm"), None)
    if path is None:
        pytest.skip("pydicom was installed without its test files")
    volume = drain(path)
    assert (volume.shape, volume.data.min(), volume.data.max()) == ((1024, 256), 0, 264)


def test_only_the_scan_header_of_a_jpeg_is_changed():
    stream = b"\xff\xd8\xff\xc1\x00\x04\x08\x01\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00data\xff\xd9"
    raw = b"\xfe\xff\x00\xe0head" + stream + b"\xff" + stream
    mended = stream.replace(b"\x00\x00\x00\x00data", b"\x00\x00\x3f\x00data")
    assert mend_scans(raw) == b"\xfe\xff\x00\xe0head" + mended + b"\xff" + mended
    for cut in range(len(raw)):
        assert len(mend_scans(raw[:cut])) == cut


@pytest.mark.parametrize(
    ("syntax", "words"),
    [
        ("1.2.840.10008.1.2.4.100", "stored as MPEG2 Main Profile"),
        ("1.2.840.10008.1.2.4.102", "stored as MPEG-4 AVC/H.264"),
        ("1.2.3.4.5", "stored as the transfer syntax 1.2.3.4.5"),
    ],
)
def test_pixels_that_nothing_here_decodes_are_named(tmp_path, syntax, words):
    made = dataset(flat(1, dtype=np.uint8), "OT")
    path = save(made, tmp_path / "a.dcm")
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.PixelData = encapsulate([b"not decoded"])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    with path.open("wb") as file:
        dcmwrite(file, made, implicit_vr=False, little_endian=True)
    with pytest.raises(FileError, match=rf"({words}).*not supported here. Convert it"):
        read(path)
