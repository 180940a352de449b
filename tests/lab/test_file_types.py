"""Which files open in the viewer: all that can be read, and each suffix once."""

from __future__ import annotations

from workbench.io import formats
from workbench.lab.file_types import file_types


def test_every_suffix_of_every_format_is_told_once():
    told = file_types()
    assert [one["name"] for one in told] == [known.name for known in formats()]
    for one, known in zip(told, formats(), strict=True):
        assert sorted(one["suffixes"] + one["shown_by_browsers"]) == sorted(known.suffixes)


def test_what_browsers_show_is_left_to_them_and_tiff_is_not():
    told = {one["name"]: one for one in file_types()}
    assert {".png", ".jpg", ".jpeg"} <= set(told["picture"]["shown_by_browsers"])
    assert ".tif" in told["tiff"]["suffixes"]
    assert ".webp" in told["picture"]["suffixes"], "JupyterLab's picture viewer does not know it"
    assert told["nifti"] == {"name": "nifti", "suffixes": [".nii", ".nii.gz"], "shown_by_browsers": []}
