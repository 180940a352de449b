"""Hidden files are never read as slices of a series."""

from __future__ import annotations

import os

import pytest

from tests.io.make_dicom import dataset, flat, save, series
from workbench.errors import FileError
from workbench.io import list_series, read
from workbench.testing.files import drain


@pytest.mark.parametrize(
    "name", [".ipynb_checkpoints/002-checkpoint.dcm", ".git/x", "._000.dcm", "__MACOSX/s/._000.dcm"]
)
def test_hidden_slices_are_not_read(tmp_path, name):
    folder = series(tmp_path / "s", [(k, 2.0 * k, {}) for k in range(3)])
    stray = folder / name
    stray.parent.mkdir(parents=True, exist_ok=True)
    save(dataset(flat(99), position=(0, 0, 6.0)), stray)
    volume = drain(folder)
    assert volume.data[0, 0].tolist() == [0, 1, 2]
    assert not volume.notes
    assert list_series(folder)[0].slices == 3
    # asked for by its own name, or by that of its folder, it is read
    assert drain(stray).data.max() == 99


def test_a_folder_of_hidden_files_alone_holds_nothing(tmp_path):
    save(dataset(flat(1), position=(0, 0, 0)), tmp_path / ".a.dcm")
    with pytest.raises(FileError, match="holds no DICOM image; 0 files were looked at"):
        read(tmp_path)


def test_a_hidden_folder_that_is_asked_for_is_read(tmp_path):
    folder = series(tmp_path / ".cache" / "s", [(k, 2.0 * k, {}) for k in range(3)])
    assert drain(folder).shape == (5, 4, 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
@pytest.mark.timeout(20)
def test_a_pipe_in_the_folder_is_not_waited_for(tmp_path):
    folder = series(tmp_path / "s", [(k, 2.0 * k, {}) for k in range(3)])
    os.mkfifo(folder / "pipe")
    assert drain(folder).shape == (5, 4, 3)
