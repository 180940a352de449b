"""Which files say where a patient lies, which only how large a pixel is, and which neither."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from tests.io.make_dicom import dataset, flat, save
from workbench.io import GeometryWarning
from workbench.volume import Volume


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.mha", "scan.nrrd", "scan.npz"])
def test_formats_for_patients_say_so(tmp_path, affine, name):
    wb.write(Volume(np.zeros((4, 5, 6), np.int16), affine), tmp_path / name)
    assert wb.read(tmp_path / name).space == "patient"


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.bmp", "photo.tif", "photo.npy"])
def test_photographs_have_pixels_only(tmp_path, name):
    from PIL import Image

    picture = np.arange(20, dtype=np.uint8).reshape(4, 5)
    if name.endswith(".npy"):
        np.save(tmp_path / name, picture)
    else:
        Image.fromarray(picture).save(tmp_path / name)
    assert wb.read(tmp_path / name).space == "pixels"


def test_a_stack_without_geometry_is_no_patient(tmp_path):
    np.save(tmp_path / "stack.npy", np.zeros((4, 5, 6)))
    assert wb.read(tmp_path / "stack.npy").space == "pixels"


def test_a_micrograph_has_a_size_and_no_patient(tmp_path):
    import tifffile

    path = tmp_path / "cells.ome.tif"
    scale = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.25, "PhysicalSizeYUnit": "µm"}
    tifffile.imwrite(path, np.zeros((16, 20), np.uint8), metadata={"axes": "YX", **scale}, ome=True)
    cells = wb.read(path)
    assert cells.space == "object"
    assert cells.spacing == pytest.approx((0.00025, 0.0005))


def test_dicom_has_a_patient_where_it_gives_position_and_orientation(tmp_path):
    placed = save(dataset(flat(3), "CT", position=(1, 2, 3)), tmp_path / "placed.dcm")
    assert wb.read(placed).space == "patient"
    sized = save(dataset(flat(3), "DX", ImagerPixelSpacing=[0.14, 0.14]), tmp_path / "film.dcm")
    assert wb.read(sized).space == "object"
    bare = save(dataset(flat(3, dtype=np.uint8), "OT"), tmp_path / "photo.dcm")
    assert wb.read(bare).space == "pixels"


def test_nrrd_has_a_patient_where_it_names_an_anatomical_world(tmp_path):
    voxels = np.zeros(24, np.uint8).tobytes()

    def write(name, *fields):
        head = ["NRRD0005", "type: uint8", "dimension: 3", "sizes: 2 3 4", "encoding: raw", *fields]
        (tmp_path / name).write_bytes(("\n".join(head) + "\n\n").encode() + voxels)
        return wb.read(tmp_path / name).space

    directions = "space directions: (1,0,0) (0,1,0) (0,0,2)"
    assert write("a.nrrd", "space: left-posterior-superior", directions, "space origin: (0,0,0)") == "patient"
    assert write("b.nrrd", "space: 3D-right-handed", directions, "space origin: (0,0,0)") == "object"
    assert write("c.nrrd", "spacings: 0.001 0.001 0.004") == "object"
    assert write("e.nrrd", "axis mins: 0 0 0", "axis maxs: 1 1 1") == "object"
    assert write("f.nrrd", "spacings: nan nan nan") == "pixels"
    with pytest.warns(GeometryWarning, match=r"voxel sizes \[2.0, 1.0, nan\] hold what is no size"):
        assert write("g.nrrd", "spacings: 2 1 nan") == "object"
    assert write("h.nrrd", "space: left-posterior-superior", "spacings: 1 1 1") == "object", "no axis is placed in it"
    assert write("d.nrrd") == "pixels"


@pytest.mark.parametrize("name", ["one.png", "one.tif", "one.npz", "one.nii", "one.nrrd"])
@pytest.mark.parametrize("space", ["patient", "object", "pixels"])
def test_what_we_write_reads_back_as_it_was(tmp_path, name, space):
    picture = Volume(np.arange(20, dtype=np.uint8).reshape(4, 5), np.diag([-0.5, -0.5, 1, 1]), space=space)
    wb.write(picture, tmp_path / name)
    assert wb.read(tmp_path / name).space == space


@pytest.mark.filterwarnings("ignore::workbench.io.GeometryWarning")
@pytest.mark.parametrize(("sform", "qform", "space"), [(0, 0, "object"), (1, 0, "patient"), (0, 1, "patient")])
def test_nifti_has_a_patient_where_a_code_says_so(tmp_path, affine, sform, qform, space):
    import nibabel as nib

    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.uint8), None)
    image.set_sform(affine, sform)
    image.set_qform(affine, qform, strip_shears=True)
    nib.save(image, tmp_path / "a.nii")
    assert wb.read(tmp_path / "a.nii").space == space
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[280:296] = bytes(16)  # the first row of the sform, which is no geometry any more
    (tmp_path / "a.nii").write_bytes(raw)
    assert wb.read(tmp_path / "a.nii").space == ("object" if sform else space)
