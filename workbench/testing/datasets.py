"""What every data set promises; the test class of each kind inherits `DatasetContract`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, ClassVar

import numpy as np
import pytest

from workbench import datasets
from workbench.datasets import Dataset
from workbench.datasets.annotations import check_annotation, class_of, fingerprint, has_class
from workbench.errors import InputError
from workbench.volume import Volume


class DatasetContract:
    """Inherit, and set `name`, and `options` that make the data set small; or give a fixture `dataset` of your own."""

    #: What the catalogue calls it.
    name: str
    #: Options that every test loads it with.
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def dataset(self) -> Dataset:
        return datasets.load(self.name, **self.options)

    def test_states_what_it_is(self, dataset: Dataset) -> None:
        assert len(dataset) == len(dataset.ids) == len(dataset.patients) > 0
        assert len(set(dataset.ids)) == len(dataset)
        assert dataset.num_classes == len(dataset.classes) >= 1
        assert dataset.spatial_ndim in (2, 3)
        assert dataset.card.licence
        text = repr(dataset)
        assert dataset.name in text
        assert all(name in text for name in (*dataset.classes, *dataset.splits))
        assert all(name in dataset._repr_html_() for name in dataset.splits)

    def test_splits_are_disjoint_and_keep_patients_together(self, dataset: Dataset) -> None:
        indices = [index for part in dataset.splits.values() for index in part]
        assert len(indices) == len(set(indices))
        assert set(indices) <= set(range(len(dataset)))
        home: dict[str, str] = {}
        for name, part in dataset.splits.items():
            for index in part:
                patient = dataset.patients[index]
                if patient is not None:
                    assert home.setdefault(patient, name) == name, f"patient {patient} is in two splits"

    def test_samples_hold_what_the_data_set_promises(self, dataset: Dataset) -> None:
        for position in {0, len(dataset) // 2, len(dataset) - 1}:
            sample = dataset[position]
            assert sample["id"] == dataset.ids[position]
            assert sample["patient"] == dataset.patients[position]
            image = sample["image"]
            assert isinstance(image, Volume)
            assert image.kind == "image"
            assert image.spatial_ndim == dataset.spatial_ndim
            assert image.num_channels == dataset.in_channels
            assert np.isfinite(image.data).all()
            label = sample["label"]
            if dataset.task == "classification":
                assert type(label) is int
                assert 0 <= label < dataset.num_classes
            elif dataset.task == "segmentation":
                assert label.kind == "labels"
                assert label.same_grid(image)
                assert label.labels == dict(enumerate(dataset.classes))
                assert set(np.unique(label.data)) <= set(range(dataset.num_classes))
            else:
                checked = check_annotation(label, dataset.task, image, dataset.classes, sample["id"])
                assert fingerprint(checked) == fingerprint(label)

    def test_targets_are_the_labels(self, dataset: Dataset) -> None:
        targets = dataset.targets()
        if not has_class(dataset.task):
            assert targets is None
        else:
            assert targets is not None
            assert len(targets) == len(dataset)
            assert [class_of(dataset[i]["label"]) for i in range(min(4, len(dataset)))] == targets[:4]

    def test_asking_twice_gives_the_same(self, dataset: Dataset) -> None:
        # a set may keep what it has read, so it is made to read once more
        first, again = dataset[0], dataset._read(0)
        assert first["image"].fingerprint() == again["image"].fingerprint(), (
            "a case is another each time it is asked for"
        )
        first["image"] = None
        assert dataset[0]["image"] is not None

    def test_indexing_follows_sequences(self, dataset: Dataset) -> None:
        assert dataset[-1]["id"] == dataset.ids[-1]
        with pytest.raises(IndexError, match=str(len(dataset))):
            dataset[len(dataset)]
        with pytest.raises(InputError, match="-1 from the end"):
            dataset.select([-len(dataset) - 1])
        part = dataset[0:2]
        assert part.ids == dataset.ids[0:2]
        assert part[0]["id"] == dataset.ids[0]

    def test_a_subset_is_the_split(self, dataset: Dataset) -> None:
        for name, part in dataset.splits.items():
            subset = dataset.subset(name)
            assert subset.ids == tuple(dataset.ids[index] for index in part)
            assert subset.splits == {name: list(range(len(part)))}
            if part:
                assert subset[0]["id"] == dataset.ids[part[0]]

    def test_is_made_again_in_another_process(self, dataset: Dataset) -> None:
        name = next(name for name, part in dataset.splits.items() if part)
        parts = [dataset, dataset.subset(name), dataset.split({"train": 1}, seed=3)]
        specs = json.loads(json.dumps([part.spec() for part in parts]))
        code = (
            "import json, sys; from workbench import datasets; "
            "made = [datasets.from_spec(s) for s in json.load(sys.stdin)]; "
            "print(json.dumps([[d.fingerprint(), d.splits] for d in made]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], input=json.dumps(specs), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        told = "what `spec` says makes another data set"
        assert json.loads(done.stdout) == [[part.fingerprint(), part.splits] for part in parts], told

    def test_can_be_saved_and_opened(self, dataset: Dataset, tmp_path) -> None:
        few = dataset.select(range(min(2, len(dataset))))
        opened = datasets.from_spec(few.save(tmp_path / "saved"))
        assert (opened.ids, opened.classes, opened.splits) == (few.ids, few.classes, few.splits)
        for left, right in zip(opened, few, strict=True):
            assert left["image"].fingerprint() == right["image"].fingerprint()
            assert left["image"].unit == right["image"].unit
            assert fingerprint(left["label"]) == fingerprint(right["label"])
