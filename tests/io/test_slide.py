from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.io.test_pyramid import reduced, slide, write_flagged  # noqa: F401 - a fixture
from workbench import io
from workbench.errors import FileError, InputError, MissingExtraError
from workbench.io import read

pytest.importorskip("openslide")


@pytest.fixture
def path(tmp_path, slide):  # noqa: F811
    write_flagged(tmp_path / "a.tif", slide, tile=(64, 64), photometric="rgb", compression="lzw")
    return tmp_path / "a.tif"


def test_openslide_and_tifffile_see_the_same(path):
    theirs, ours = io.levels(path, format="slide"), io.levels(path)
    assert [level.shape for level in theirs] == [level.shape for level in ours]
    for number in range(3):
        one, other = read(path, format="slide", level=number), read(path, level=number)
        assert not one.is_loaded
        np.testing.assert_array_equal(one.data, other.data)
        part = read(path, format="slide", level=number, region=((20, 30), (90, 95)))
        np.testing.assert_array_equal(part.data, one.data[20:90, 30:95])
        np.testing.assert_allclose(part.affine, one.crop((20, 30), (90, 95)).affine)
    with pytest.raises(InputError, match="level=5"):
        read(path, format="slide", level=5)


def test_a_real_slide_has_the_same_size_and_pictures(workbench_data):
    path = workbench_data / "wsi" / "cmu_small_region.svs"
    theirs, ours = read(path, format="slide"), read(path)
    np.testing.assert_allclose(theirs.affine, ours.affine)
    assert np.abs(theirs.data.astype(int) - ours.data).mean() < 0.5
    assert io.levels(path, format="slide").images == ("label", "macro", "thumbnail")
    label = read(path, format="slide", image="label")
    np.testing.assert_array_equal(label.data, read(path, image="label").data)
    assert "may show a patient's name" in label.notes[0]


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    for name, head in (("a.mrxs", b"\xff\xd8\xff\xe0" + bytes(500)), ("a.vms", b"[Virtual Microscope Specimen]\n")):
        (tmp_path / name).write_bytes(head)
        with pytest.raises(FileError, match="no slide that OpenSlide reads"):
            read(tmp_path / name)
    monkeypatch.setitem(sys.modules, "openslide", None)
    with pytest.raises(MissingExtraError, match=r"medical-workbench\[slides\]"):
        read(tmp_path / "a.mrxs")
