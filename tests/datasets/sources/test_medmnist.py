"""MedMNIST files."""

from __future__ import annotations

import hashlib
import zipfile

import numpy as np
import pytest

from workbench import datasets
from workbench.datasets.sources import medmnist
from workbench.datasets.sources._medmnist_facts import FACTS
from workbench.errors import FileError, InputError
from workbench.testing.datasets import DatasetContract


def write_npz(path, shape, classes, counts=(6, 3, 4), **changes):
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in zip(("train", "val", "test"), counts, strict=True):
        arrays[f"{split}_images"] = rng.integers(0, 255, (count, *shape), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % classes).astype(np.uint8)[:, None]
    arrays |= changes
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


class TestGrey(DatasetContract):
    @pytest.fixture
    def dataset(self, tmp_path):
        return datasets.load("breastmnist", path=write_npz(tmp_path / "b.npz", (28, 28), 2))


class TestColour(DatasetContract):
    @pytest.fixture
    def dataset(self, tmp_path):
        return datasets.load("bloodmnist", path=write_npz(tmp_path / "b.npz", (28, 28, 3), 8))


class TestSolid(DatasetContract):
    @pytest.fixture
    def dataset(self, tmp_path):
        write_npz(tmp_path / "organmnist3d.npz", (28, 28, 28), 11)
        return datasets.load("organmnist3d", path=tmp_path)


def test_all_eighteen_are_there_with_their_cards():
    assert len(FACTS) == 18
    assert sum(facts.ndim == 3 for facts in FACTS.values()) == 6
    for flag, facts in FACTS.items():
        card = datasets.card(flag)
        assert card.classes == facts.labels
        assert card.cases == sum(facts.counts)
        assert card.address.startswith("https://zenodo.org/records/10519652/files/")
        assert len(card.checksum) == len("md5:") + 32
    assert datasets.card("dermamnist").licence == "CC BY-NC 4.0"


def test_large_files_are_mapped_not_loaded(tmp_path, monkeypatch):
    path = write_npz(tmp_path / "b.npz", (28, 28), 2)
    usual = datasets.load("breastmnist", path=path)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(medmnist, "_IN_MEMORY_BYTES", 0)
    mapped = datasets.load("breastmnist", path=path)
    for left, right in zip(usual, mapped, strict=True):
        assert left["image"].fingerprint() == right["image"].fingerprint()
    assert isinstance(mapped._images["train"].base, np.memmap)
    assert not list((tmp_path / "cache").rglob("*.part"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"val_labels": None}, "not a MedMNIST file.*val_labels"),
        ({"train_images": np.zeros((6, 28, 28, 3), np.uint8)}, r"2D with 1 channel\(s\)"),
        ({"test_labels": np.full((4, 1), 9, np.uint8)}, r"label values \[9\]"),
        ({"test_labels": np.zeros((3, 1), np.uint8)}, "one label for each of the 4"),
        ({"train_labels": np.zeros((6, 14), np.uint8)}, "one label for each of the 6"),
    ],
)
def test_broken_files_are_named(tmp_path, changes, words):
    with pytest.raises(FileError, match=words):
        datasets.load("breastmnist", path=write_npz(tmp_path / "b.npz", (28, 28), 2, **changes))


def test_files_that_are_no_archive_are_refused(tmp_path):
    for content in (b"", b"hello", write_npz(tmp_path / "b.npz", (28, 28), 2).read_bytes()[:900]):
        (tmp_path / "c.npz").write_bytes(content)
        with pytest.raises(FileError, match=r"c\.npz is not a MedMNIST file"):
            datasets.load("breastmnist", path=tmp_path / "c.npz")


def test_a_pickle_in_the_file_is_never_opened(tmp_path):
    path = tmp_path / "p.npz"
    np.savez(
        path,
        **{f"{s}_{k}": np.array([{}], dtype=object) for s in ("train", "val", "test") for k in ("images", "labels")},
    )
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 6
    with pytest.raises(FileError, match="not a MedMNIST file"):
        datasets.load("breastmnist", path=path)


def test_what_cannot_be_loaded_says_why(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="multi-label"):
        datasets.load("chestmnist")
    with pytest.raises(InputError, match="28, 64, 128, 224"):
        datasets.load("breastmnist", size=32)
    with pytest.raises(InputError, match="28, 64"):
        datasets.load("organmnist3d", size=224)
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    with pytest.raises(FileError, match=r"workbench download pathmnist.*files/pathmnist_64\.npz by hand"):
        datasets.load("pathmnist", size=64)


def test_the_official_files_open(workbench_data):
    breast = datasets.load("breastmnist")
    assert {name: len(part) for name, part in breast.splits.items()} == {"train": 546, "val": 78, "test": 156}
    assert breast.targets().count(0) == 210
    assert datasets.load("retinamnist").in_channels == 3
    for flag in ("breastmnist", "retinamnist"):
        assert FACTS[flag].counts == tuple(len(part) for part in datasets.load(flag).splits.values())
        content = (workbench_data / "medmnist" / f"{flag}.npz").read_bytes()
        assert FACTS[flag].md5[28] == hashlib.md5(content).hexdigest()
