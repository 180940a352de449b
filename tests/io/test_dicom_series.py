"""The series of a folder: told apart in the list, and chosen by what the list says."""

from __future__ import annotations

import json
import zipfile

import pytest

from tests.io.make_dicom import SECRET, dataset, flat, save, series
from workbench.cli import main
from workbench.errors import InputError
from workbench.io import GeometryWarning, list_series, read
from workbench.testing.files import drain

#: Series whose uids end alike, of which one is the end of another, and one that has none.
UIDS = ("1.2.3.100000001", "1.2.4.100000001", "100000001", "")


@pytest.fixture
def alike(tmp_path):
    """Four series of one size; the value of the voxels is the number of the series."""
    for number, uid in enumerate(UIDS):
        fields = {"SeriesInstanceUID": uid, "SeriesNumber": number + 7, "SeriesTime": f"10223{number}.5"}
        series(tmp_path / "study" / f"{SECRET}{number}", [(number, 2.0 * k, fields) for k in range(3)])
    return tmp_path / "study"


def value_of(path, wanted) -> int:
    values = drain(path, series=wanted).data
    assert values.min() == values.max()
    return int(values.max())


def test_series_of_one_size_are_told_apart(alike):
    infos = list_series(alike)
    assert [(info.number, info.time) for info in infos] == [(7 + n, f"10:22:3{n}") for n in range(4)]
    assert str(infos[0]) == "...3.100000001: MR, 3 slices, 5x4x3, series number 7, at 10:22:30"
    assert [info.suffix for info in infos] == ["3.100000001", "4.100000001", "100000001", "none"]
    assert SECRET not in repr(infos)
    assert infos[0].uid not in repr(infos)


def test_each_is_chosen_by_whatever_the_list_says(alike):
    for number, info in enumerate(list_series(alike)):
        for wanted in (info, info.uid, info.suffix, f"...{info.suffix}", str(info)):
            assert value_of(alike, wanted) == number, wanted
    with pytest.raises(InputError, match=r"series='0001' fits 3 of the 4 series .*none: MR"):
        read(alike, series="0001")


def test_a_series_that_lacks_the_attribute_can_be_chosen(tmp_path):
    for number in range(2):
        made = dataset(flat(number), "CT", position=(0, 0, 0))
        if number:
            del made.SeriesInstanceUID
        save(made, tmp_path / f"{number}.dcm")
    assert [value_of(tmp_path, info.suffix) for info in list_series(tmp_path)] == [0, 1]
    assert value_of(tmp_path, "none") == 1


def test_a_number_and_a_time_that_cannot_be_read_are_not_shown(tmp_path):
    made = dataset(flat(1), "CT", position=(0, 0, 0), SeriesTime=SECRET, AcquisitionTime="081502")
    save(made, tmp_path / "a.dcm")
    (info,) = list_series(tmp_path)
    assert (info.number, info.time) == (None, "08:15:02")


def test_a_series_that_a_file_is_not_of_is_refused(alike):
    path = next(alike.rglob("*.dcm"))
    assert value_of(path, "3.100000001") == 0
    with pytest.raises(InputError, match="fits 0 of the 1 series"):
        read(path, series="999")


@pytest.mark.filterwarnings("ignore::workbench.io.GeometryWarning")
def test_the_command_takes_the_same_words(alike, capsys):
    assert main(["info", str(alike)]) == 1
    assert "4.100000001: MR" in capsys.readouterr().err
    for number, info in enumerate(list_series(alike)):
        assert main(["info", str(alike), "--series", info.suffix, "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert (facts["minimum"], facts["maximum"]) == (number, number)


def test_files_that_are_left_out_are_named_by_their_number_and_the_reason(tmp_path):
    folder = series(tmp_path / SECRET, [(k, 2.0 * k, {}) for k in range(14)])
    files = sorted(folder.iterdir())
    files[0].write_bytes(files[0].read_bytes()[:300])
    for number, file in enumerate(files[5:]):
        file.write_bytes(file.read_bytes()[: -9 - number])
    archive = tmp_path / f"{SECRET}.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for file in files:
            made.write(file, f"{SECRET}/{file.name}")
    for place in (folder, archive):
        for opened in (read, list_series):
            with pytest.warns(GeometryWarning) as given:
                opened(place)
            words = str(given[0].message)
            assert words.startswith("10 DICOM files are damaged")
            assert 'of the 14 files in the order of their names these are number 1 ("it says neither' in words
            assert 'number 6, 7, 8, 9, 10, 11, 12, 13, ... ("it is cut short: its header promises 40 bytes' in words
            assert '31 are there. Get a fresh copy.", and the like)' in words
            assert SECRET not in words


def test_a_name_that_is_a_number_changes_no_number(tmp_path, monkeypatch):
    series(tmp_path, [(k, 2.0 * k, {}) for k in range(4)])
    for number, file in enumerate(sorted(tmp_path.iterdir())):
        file.rename(tmp_path / str(number + 1))
    (tmp_path / "4").write_bytes((tmp_path / "4").read_bytes()[:-9])
    monkeypatch.chdir(tmp_path)
    with pytest.warns(GeometryWarning, match=r'number 4 \("it is cut short: .* promises 40 bytes of pixels, 31 are'):
        assert read(".").shape == (5, 4, 3)
