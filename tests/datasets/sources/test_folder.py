"""Image and label folders, and the hippocampus set that is one."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import workbench as wb
from workbench import datasets
from workbench.datasets.sources import folder as folder_module
from workbench.errors import FileError, InputError
from workbench.testing.datasets import DatasetContract
from workbench.volume import Volume

NAMES = ("background", "left", "right")


def write_pairs(folder, affine, names):
    rng = np.random.default_rng(1)
    for index, name in enumerate(names):
        image = Volume(rng.integers(0, 900, (6, 5, 7)).astype(np.int16), affine)
        wb.write(image, folder / "images" / f"{name}.nii.gz")
        label = np.zeros((6, 5, 7), np.uint8)
        label[index % 3 : index % 3 + 2, 1:3, 2:5] = 1 + index % 2
        wb.write(Volume(label, affine, kind="labels"), folder / "labels" / f"{name}.nii.gz")


@pytest.fixture
def folder(tmp_path, affine):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    write_pairs(tmp_path, affine, [f"pat{i // 2}_scan{i % 2}" for i in range(8)])
    return tmp_path


def load(folder, **options):
    return datasets.load(
        "folder", **{"images": folder / "images", "labels": folder / "labels", "label_names": NAMES, **options}
    )


class TestFolder(DatasetContract):
    @pytest.fixture
    def dataset(self, folder):
        return load(folder, patient=r"pat(\d+)")


def test_cases_of_a_patient_stay_together(folder):
    dataset = load(folder, patient=r"pat(\d+)", fractions=(2, 1, 1))
    assert dataset.patients == ("0", "0", "1", "1", "2", "2", "3", "3")
    assert {name: len(part) for name, part in dataset.splits.items()} == {"train": 4, "val": 2, "test": 2}


def test_images_without_labels_are_for_predictions_and_not_for_training(folder, tmp_path):
    dataset = load(folder, labels=None)
    assert (len(dataset), dataset[0]["label"], dataset.classes, dataset.splits) == (8, None, NAMES, {})
    assert dataset[3]["image"].shape == (6, 5, 7)
    again = datasets.from_spec(dataset.spec())
    assert (again.ids, again.fingerprint()) == (dataset.ids, dataset.fingerprint())
    assert dataset.fingerprint() != load(folder).fingerprint()
    with pytest.raises(InputError, match=r"'train'"):
        wb.train("3d-unet", dataset, folder=tmp_path / "runs", width=2, depth=2)
    assert not (tmp_path / "runs").exists()


def test_images_to_predict_over_need_no_names(folder):
    dataset = datasets.load("folder", images=folder / "images")
    assert (len(dataset), dataset[0]["label"], dataset.classes, dataset.splits) == (8, None, (), {})
    again = datasets.from_spec(json.loads(json.dumps(dataset.spec())))
    assert (again.ids, again.fingerprint()) == (dataset.ids, dataset.fingerprint())
    assert "none named" in repr(dataset)
    with pytest.raises(InputError, match=r"needs `label_names=` with `labels=`, got nothing\. Name every label value"):
        load(folder, label_names=None)


def test_texts_and_tables_beside_the_images_are_no_cases(folder):
    for place in (folder / "images", folder / "labels"):
        (place / "readme.txt").write_text("who drew these")
    (folder / "images" / "cases.csv").write_text("case")
    assert load(folder).ids == load(folder, labels=None).ids
    assert len(load(folder)) == 8
    (folder / "texts").mkdir()
    (folder / "texts" / "readme.txt").write_text("nothing else")
    with pytest.raises(FileError, match="has no images in it"):
        load(folder, images=folder / "texts", labels=None)


def test_samples_are_read_when_asked_for(folder):
    dataset = load(folder)
    (folder / "images" / "pat3_scan1.nii.gz").write_bytes(b"broken")
    assert dataset[0]["image"].shape == (6, 5, 7)
    with pytest.raises(FileError):
        dataset[7]


def test_the_last_samples_are_kept(folder):
    dataset = load(folder)
    first = dataset[0]["image"]
    assert dataset[0]["image"] is first
    dataset._cache._limit = first.nbytes * 3
    for index in range(1, 8):
        _ = dataset[index]
    assert dataset._cache._total <= first.nbytes * 3
    assert dataset[0]["image"] is not first


def test_files_without_a_partner_are_named(folder):
    (folder / "labels" / "pat0_scan0.nii.gz").rename(folder / "labels" / "other.nii.gz")
    with pytest.raises(FileError, match=r"image pat0_scan0\.nii\.gz, label other\.nii\.gz"):
        load(folder)


def test_hidden_files_are_left_alone_and_twins_refused(folder):
    (folder / "images" / "._pat0_scan0.nii.gz").write_bytes(b"x")
    assert len(load(folder)) == 8
    (folder / "images" / "pat0_scan0.nii").write_bytes(b"x")
    with pytest.raises(FileError, match="both the case 'pat0_scan0'"):
        load(folder)


def test_unknown_label_values_are_named_with_the_file(folder, affine):
    label = np.zeros((6, 5, 7), np.uint8)
    label[0, 0, 0], label[1, 0, 0] = 9, 4
    wb.write(Volume(label, affine, kind="labels"), folder / "labels" / "pat1_scan0.nii.gz")
    with pytest.raises(InputError, match=r"pat1_scan0\.nii\.gz.*no name: 4, 9.*0 background, 1 left, 2 right"):
        load(folder)[2]


def test_labels_on_another_grid_are_refused(folder, affine):
    wb.write(Volume(np.zeros((6, 5, 8), np.uint8), affine, kind="labels"), folder / "labels" / "pat1_scan0.nii.gz")
    with pytest.raises(InputError, match=r"Image: shape \(6, 5, 7\).*Labels: shape \(6, 5, 8\)"):
        load(folder)[2]


def test_a_changed_file_changes_the_fingerprint(folder, affine):
    before = load(folder).fingerprint()
    assert load(folder).fingerprint() == before
    wb.write(Volume(np.ones((6, 5, 7), np.int16), affine), folder / "images" / "pat2_scan0.nii.gz")
    assert load(folder).fingerprint() != before


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"images": None}, InputError, "needs `images=`"),
        ({"images": "/nowhere"}, FileError, "no folder"),
        ({"label_names": {0: "background", 2: "x"}}, InputError, r"missing \[1\]"),
        ({"label_names": 3}, InputError, "label_names must be a list, each text, or a mapping.*got 3"),
        ({"label_names": "abc"}, InputError, "label_names must be a list, each text, or a mapping.*got 'abc'"),
        ({"label_names": {"liver": 1}}, InputError, "whole numbers to names"),
        ({"fractions": "x"}, InputError, "fractions must be a list, each a number.*got 'x'"),
        ({"patient": "("}, InputError, "regular expression"),
        ({"patient": "subject"}, InputError, "does not match 'pat0_scan0'"),
        ({"patient": "pat"}, InputError, "'pat' finds one patient, 'pat', in all 8 cases.*leave it out"),
        ({"patient": "pat", "fractions": (1, 0, 1)}, InputError, "finds one patient"),
        ({"patient": r"_scan(\d)"}, InputError, r"2 patient\(s\) cannot be divided into 3 parts.*more patients"),
        ({"label_names": ("background", "left", "left")}, InputError, "2 are called 'left'"),
        ({"label_names": {1: "left", 2: "left"}}, InputError, "2 are called 'left'"),
        ({"label_name": NAMES}, InputError, "unknown option 'label_name'. Did you mean 'label_names'"),
        ({"task": "classification"}, InputError, "segmentation"),
    ],
)
def test_bad_options_are_named(folder, options, error, words):
    with pytest.raises(error, match=words):
        load(folder, **options)


def test_every_option_is_documented():
    options = list(datasets.options("folder"))
    assert options == [*inspect.signature(folder_module.load).parameters]
    parameters = folder_module.load.__doc__.partition("Parameters")[2].partition("Raises")[0]
    guide = (Path(__file__).parents[3] / "docs" / "user-guide.md").read_text("utf-8")
    table = guide.partition("| option of `folder` |")[2].partition("\n\n")[0]
    for option in options:
        assert re.search(rf"^    (\w+, )*{option}(, \w+)* :", parameters, re.MULTILINE), option
        assert f"`{option}`" in table, option


def test_one_patient_is_no_split_if_that_is_said(folder):
    assert load(folder, patient="pat", fractions={"train": 1}).splits == {"train": list(range(8))}


def test_label_names_may_leave_out_the_background(folder):
    assert load(folder, label_names={1: "left", 2: "right"}).classes == NAMES


def test_voxels_may_be_left_unlabelled(folder, affine):
    partial = np.zeros((6, 5, 7), np.uint8)
    partial[:2], partial[4:] = 1, 255
    wb.write(Volume(partial, affine, kind="labels"), folder / "labels" / "pat0_scan0.nii.gz")
    with pytest.raises(InputError, match=r"no name: 255.*name it 'unlabelled'"):
        load(folder)[0]
    dataset = load(folder, label_names={1: "left", 2: "right", 255: "unlabelled"})
    assert dataset.classes == NAMES
    label = dataset[0]["label"]
    assert label.has_unlabelled
    assert np.array_equal(label.data, partial)
    assert np.array_equal(datasets.from_spec(dataset.spec())[0]["label"].data, partial)
    # 255 of 256 classes is a class like any other
    named = {value: f"tissue {value}" for value in range(256)} | {255: "unlabelled"}
    assert len(load(folder, label_names=named).classes) == 255
    assert len(load(folder, label_names=named | {256: "more"}).classes) == 257


def masks(folder, values, dtype=np.uint8, suffix="png", cases=3):
    """Pictures with masks of `values`, by columns."""
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for index in range(cases):
        wb.write(Volume(np.full((6, 8), 40 * index, np.uint8)), folder / "images" / f"{index}.png")
        columns = np.resize(np.array(values, dtype), 8)
        wb.write(Volume(np.tile(columns, (6, 1))), folder / "masks" / f"{index}.{suffix}")
    return {"images": folder / "images", "labels": folder / "masks"}


@pytest.mark.parametrize(
    ("values", "names", "mapping"),
    [
        ([0, 255], ("no", "yes"), {0: 0, 255: 1}),
        ([0, 255], ("no", "yes", "more"), {0: 0, 255: 1}),
        ([0, 128, 255], ("no", "yes", "more"), {0: 0, 128: 1, 255: 2}),
    ],
)
def test_a_mask_made_to_be_looked_at_is_offered_its_mapping(tmp_path, values, names, mapping):
    where = masks(tmp_path, values)
    with pytest.raises(InputError, match=rf"no name: .*255.*`label_values={mapping}`".replace("{", r"\{")) as problem:
        datasets.load("folder", **where, label_names=names)[0]
    # that advice would switch the lesion off
    assert "unlabelled" not in str(problem.value)
    dataset = datasets.load("folder", **where, label_names=names, label_values=mapping)
    expected = np.resize([mapping[value] for value in values], 8)
    np.testing.assert_array_equal(dataset[0]["label"].data, np.tile(expected, (6, 1)))
    again = datasets.from_spec(json.loads(json.dumps(dataset.spec())))
    np.testing.assert_array_equal(again[1]["label"].data, dataset[1]["label"].data)


def test_a_mask_with_greys_and_two_names_is_asked_for_more_names(tmp_path):
    where = masks(tmp_path, [0, 128, 255])
    with pytest.raises(InputError, match="name 3 classes"):
        datasets.load("folder", **where, label_names=("no", "yes"))[0]


@pytest.mark.parametrize("values", [{}, 3, {0: -1}, {"a": 1}, [0, 255]])
def test_label_values_are_a_mapping(tmp_path, values):
    with pytest.raises(InputError, match="`label_values` maps"):
        datasets.load("folder", **masks(tmp_path, [0, 255]), label_names=("no", "yes"), label_values=values)


def test_a_mask_saved_as_jpeg_is_told_to_be_one(tmp_path):
    where = masks(tmp_path, [0, 0, 3, 9, 250, 255, 255, 1], suffix="png")
    picture = np.tile(np.array([0, 1, 2, 3, 5, 8, 250, 252, 253, 255], np.uint8), (6, 1))
    for index in range(3):
        wb.write(Volume(np.zeros((6, 10), np.uint8)), tmp_path / "images" / f"{index}.png")
        wb.write(Volume(picture), tmp_path / "masks" / f"{index}.png")
    with pytest.raises(InputError, match=r"saved with losses \(JPEG\)"):
        datasets.load("folder", **where, label_names=("no", "yes"))[0]


def test_a_value_that_label_values_does_not_name_is_an_error(tmp_path):
    where = masks(tmp_path, [0, 255, 254])
    dataset = datasets.load("folder", **where, label_names=("no", "yes"), label_values={0: 0, 255: 1})
    with pytest.raises(InputError, match="does not name: 254"):
        dataset[0]["label"]


def test_labels_stored_as_real_numbers_or_bits_are_labels(tmp_path):
    where = masks(tmp_path, [0, 1], np.float32, "tif")
    dataset = datasets.load("folder", **where, label_names=("no", "yes"))
    assert dataset[0]["label"].dtype == np.uint8
    np.testing.assert_array_equal(dataset[0]["label"].data[0], [0, 1] * 4)


def test_what_systems_leave_behind_is_left_alone(tmp_path):
    where = masks(tmp_path, [0, 1])
    for folder in where.values():
        (folder / ".ipynb_checkpoints").mkdir()
        for name in (".ipynb_checkpoints/0-checkpoint.png", "Thumbs.db", "desktop.ini", "._0.png", ".DS_Store"):
            (folder / name).write_bytes(b"no picture")
    assert len(datasets.load("folder", **where, label_names=("no", "yes"))) == 3


def test_pictures_pair_across_formats(tmp_path):
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for index in range(2):
        picture = Volume(np.full((6, 4, 3), 50 * index, np.uint8), axes=("i", "j", "c"))
        wb.write(picture, tmp_path / "images" / f"{index}.png")
        wb.write(Volume(np.eye(6, 4, dtype=np.uint8), kind="labels"), tmp_path / "masks" / f"{index}.png")
    dataset = datasets.load("folder", images=tmp_path / "images", labels=tmp_path / "masks", label_names=("no", "yes"))
    assert (dataset.spatial_ndim, dataset.in_channels) == (2, 3)
    assert dataset[1]["label"].data.sum() == 4
    assert dataset.splits == {"train": [0, 1]}


class TestHippocampus(DatasetContract):
    @pytest.fixture
    def dataset(self, workbench_data):
        return datasets.load("hippocampus", path=workbench_data / "hippocampus")


def test_hippocampus_is_found_by_the_environment(workbench_data):
    dataset = datasets.load("hippocampus")
    assert len(dataset) == 180
    assert {name: len(part) for name, part in dataset.splits.items()} == {"train": 126, "val": 18, "test": 36}
    assert dataset.card.available in {"here", ""}
    assert datasets.card("hippocampus").available == "here"
    assert "path" not in dataset.spec()["options"]  # another machine has it elsewhere


def test_missing_hippocampus_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    with pytest.raises(FileError, match=r"https://.*Task04_Hippocampus\.tar by hand"):
        datasets.load("hippocampus")
    assert datasets.card("hippocampus").available == "download"


def test_images_meant_to_look_dark_are_turned_on_demand(folder, affine):
    image = Volume(np.arange(210, dtype=np.int16).reshape(6, 5, 7), affine, inverted=True)
    wb.write(image, folder / "images" / "pat0_scan0.nii.gz")
    assert load(folder)[0]["image"].data[0, 0, 0] == 0
    dataset = load(folder, invert="if-inverted")
    assert dataset[0]["image"].data[0, 0, 0] == 209
    assert datasets.from_spec(dataset.spec())[0]["image"].data[0, 0, 0] == 209
    np.testing.assert_array_equal(dataset[1]["image"].data, load(folder)[1]["image"].data)
    with pytest.raises(InputError, match="invert must be one of never, if-inverted, got"):
        load(folder, invert="always")


def test_what_programs_leave_in_a_folder_is_no_case(folder):
    for name in (".ipynb_checkpoints", "__MACOSX"):
        (folder / "images" / name).mkdir()
        (folder / "images" / name / "pat0_scan0.nii.gz").write_bytes(b"x")
    for name in (".DS_Store", "._pat0_scan0.nii.gz", "Thumbs.db", "desktop.ini"):
        (folder / "images" / name).write_bytes(b"x")
    assert len(load(folder)) == 8


def test_masks_without_a_size_lie_on_pictures_of_one(tmp_path):
    from tests.io.make_dicom import dataset, flat, save

    for name in ("images", "labels", "narrow"):
        (tmp_path / name).mkdir()
    save(dataset(flat(7), "DX", ImagerPixelSpacing=[0.2, 0.3]), tmp_path / "images" / "a.dcm")
    mask = np.zeros((4, 5), np.uint8)
    mask[1:3, 2] = 1
    Image.fromarray(mask).save(tmp_path / "labels" / "a.png")
    Image.fromarray(mask[:, :4].copy()).save(tmp_path / "narrow" / "a.png")

    def first(labels):
        return datasets.load("folder", images=tmp_path / "images", labels=tmp_path / labels, label_names=["no", "yes"])[
            0
        ]

    sample = first("labels")
    np.testing.assert_array_equal(sample["label"].data, mask)
    assert sample["label"].same_grid(sample["image"])
    assert sample["label"].spacing == pytest.approx((0.2, 0.3))
    with pytest.raises(InputError, match=r"shape \(4, 5\).*shape \(4, 4\)"):
        first("narrow")
