"""A page that opens an image must not leave a whole copy of it in .ipynb_checkpoints."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from jupyter_server.services.contents.filemanager import AsyncFileContentsManager, FileContentsManager
from tornado.web import HTTPError

from workbench.io import formats
from workbench.lab.copies import is_image, keep_no_copies_of_images


@pytest.fixture(params=[FileContentsManager, AsyncFileContentsManager])
def manager(request, tmp_path):
    made = request.param(root_dir=str(tmp_path))
    keep_no_copies_of_images(made)
    return made


def create(manager, path):
    answer = manager.create_checkpoint(path)
    return asyncio.run(answer) if inspect.isawaitable(answer) else answer


def test_no_image_is_copied_whatever_its_format(manager, tmp_path):
    suffixes = {suffix for known in formats() for suffix in known.suffixes} - {".mhd", ".nhdr"}
    assert {".nii.gz", ".dcm", ".mha", ".nrrd", ".png", ".svs", ".mgz", ".npz"} <= suffixes
    for suffix in suffixes:
        name = f"DOE_JOHN{suffix.upper() if suffix == '.dcm' else suffix}"
        (tmp_path / name).write_bytes(b"voxels of a patient")
        with pytest.raises(HTTPError) as refused:
            create(manager, name)
        # by any other number JupyterLab would show an error instead of the picture
        assert refused.value.status_code == 403
        assert "DOE" not in str(refused.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "checkpoint" in str(path)]


@pytest.mark.parametrize("name", ["notebook.ipynb", "notes.txt", "scan.mhd", "scan.nhdr", "table.csv"])
def test_notebooks_and_texts_have_their_checkpoints(manager, tmp_path, name):
    (tmp_path / name).write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    create(manager, name)
    [kept] = (tmp_path / ".ipynb_checkpoints").iterdir()
    assert kept.read_bytes() == (tmp_path / name).read_bytes()


def test_a_copy_that_an_older_version_left_goes_with_the_file(manager, tmp_path):
    (tmp_path / "scan.nii").write_bytes(b"voxels")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    left = tmp_path / ".ipynb_checkpoints" / "scan-checkpoint.nii"
    left.write_bytes(b"voxels")
    manager.delete_to_trash = False
    answer = manager.delete("scan.nii")
    if inspect.isawaitable(answer):
        asyncio.run(answer)
    assert not left.exists()


def test_what_counts_is_the_end_of_the_name():
    assert is_image("a/b/scan.NII.GZ")
    assert not is_image("dcm")
    assert not is_image("scan.nii.gz.md")
