"""Requests as plain data and as folders: another process makes the same map, and nothing names a patient."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import workbench as wb
from workbench.errors import FileError, InputError, WorkbenchError
from workbench.explain import Explanation, Region, Request, Voxel
from workbench.explain.base import Explainer, Step
from workbench.explain.registry import EXPLAINERS
from workbench.parameters import Parameter, by_name
from workbench.testing import toys
from workbench.testing.marks import needs_mindspore
from workbench.volume import Volume

SMALL = {"width": 4, "depth": 2}
PLANE = np.diag([0.7, -1.3, 1.0, 1.0]) + np.array([[0, 0, 0, 5.0], [0] * 4, [0] * 4, [0] * 4])


def segmenter(ndim):
    return wb.zoo.create(f"{ndim}d-unet", classes=("background", "lung", "heart"), seed=3, **SMALL)


def picture():
    return toys.noise_volume((17, 20), PLANE)


def scan():
    """A volume of whole numbers that lies crosswise, its axes neither in order nor contiguous in memory."""
    values = np.random.default_rng(2).integers(-1000, 900, (9, 14, 12)).astype(np.int16)
    return Volume(np.asfortranarray(values), toys.OBLIQUE, unit="HU").reorient("PIR")


def labels_on_another_grid(volume):
    data = np.zeros((6, 5, 4)[: volume.spatial_ndim], np.uint8)
    data[(slice(2, 5), slice(1, 4), slice(1, 3))[: volume.spatial_ndim]] = 7
    affine = volume.affine @ np.diag([2.0, 2.5, 2.0, 1.0])
    return Volume(data, affine, kind="labels", labels={7: "drawn for J. Doe"})


def region(volume):
    return Region(labels_on_another_grid(volume), label="lung", where=7)


@pytest.fixture
def volume():
    return toys.noise_volume((8, 7, 9), toys.OBLIQUE)


class TestStored:
    """Everything that it takes lies in one folder."""

    CASES = {
        "2d-class": lambda: Request(wb.zoo.create("covid-resnet", variant="small"), picture(), "grad-cam", 1),
        "2d-occlusion": lambda: Request(
            wb.zoo.create("covid-resnet", variant="small"), picture(), "occlusion", 0, None,
            {"window_mm": [4.0, 5.5], "baseline": "blur", "within": labels_on_another_grid(picture())},
        ),
        "2d-region": lambda: Request(segmenter(2), picture(), "saliency", region(picture())),
        "2d-voxel": lambda: Request(segmenter(2), picture(), "grad-cam", Voxel((3, 4)), None, {"relu": False}),
        "3d-class": lambda: Request(segmenter(3), scan(), "integrated-gradients", "heart", None, {"points": 5}),
        "3d-region": lambda: Request(segmenter(3), scan(), "occlusion", region(scan()), None, {"window": 6}),
        "3d-voxel": lambda: Request(segmenter(3), scan(), "input-x-gradient", Voxel(mm=scan().to_world((4, 5, 6)))),
        "3d-predicted": lambda: Request(segmenter(3), scan(), "guided-backprop"),
    }  # fmt: skip

    def test_another_process_makes_the_same_map_to_the_last_bit(self, tmp_path):
        made = {}
        for name, ask in self.CASES.items():
            made[name] = ask().run()
            made[name].request.save(tmp_path / name / "request")
        program = (
            "import sys\nfrom pathlib import Path\nfrom workbench.explain import Request\n"
            "for folder in sorted(Path(sys.argv[1]).iterdir()):\n"
            "    Request.load(folder / 'request').run().save(folder / 'map.npz')\n"
        )
        subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, env=dict(os.environ))
        for name, why in made.items():
            again = Explanation.load(tmp_path / name / "map.npz")
            assert np.ptp(why.data) > 0, name
            assert again.data.tobytes() == why.data.tobytes(), name
            assert np.array_equal(again.affine, why.affine), name
            assert again.describe() == why.describe(), name

    @pytest.mark.parametrize("name", ["2d-region", "3d-voxel", "2d-occlusion", "3d-predicted"])
    def test_what_was_not_run_yet_is_the_same_request(self, tmp_path, name):
        asked = self.CASES[name]()
        assert asked.save(tmp_path / "asked") == tmp_path / "asked"
        again = Request.load(tmp_path / "asked")
        names = ("model.safetensors", "volume.npz", "region.npz")
        assert again.to_json(*names) == asked.to_json(*names)
        assert again.volume.dtype == asked.volume.dtype
        assert np.array_equal(again.volume.data, asked.volume.data)
        assert np.array_equal(again.volume.affine, asked.volume.affine)
        assert again.volume.unit == asked.volume.unit
        assert again.model.preprocess == asked.model.preprocess

    def test_nothing_of_the_patient_is_written(self, tmp_path):
        source = tmp_path / "Doe^Jane" / "ct.npz"
        source.parent.mkdir()
        wb.io.write(scan(), source)
        volume = wb.read(source).with_meaning(notes=["slice 3 of Doe^Jane is missing"])
        channels = volume.with_data(np.stack([volume.data] * 2, axis=-1), channels=["Doe^Jane 09:13", "Doe^Jane 09:14"])
        assert "Doe" in "".join(channels.channels)
        model = wb.zoo.create("3d-unet", in_channels=2, num_classes=3, **SMALL)
        folder = Request(model, channels, "saliency", Region(labels_on_another_grid(volume), 1, where=7)).save(
            tmp_path / "asked"
        )
        assert sorted(path.name for path in folder.iterdir()) == [
            "model.safetensors", "region.npz", "request.json", "volume.npz",
        ]  # fmt: skip
        for path in folder.iterdir():
            assert b"Doe" not in path.read_bytes(), path.name
        assert Request.load(folder).volume.notes == ()

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
    def test_the_folder_is_its_owners_alone(self, tmp_path):
        folder = self.CASES["2d-region"]().save(tmp_path / "asked")
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_a_folder_with_something_in_it_is_left_alone(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(InputError, match=r"folder must be new or empty, got .*Choose another name"):
            self.CASES["2d-region"]().save(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_a_model_that_cannot_be_saved_is_refused(self, tmp_path, volume):
        with pytest.raises(InputError, match=r"model must be one that can be saved.*got ToyModel"):
            Request(toys.cnn_model(3), volume).save(tmp_path / "asked")
        assert list(tmp_path.iterdir()) == []

    def test_an_option_that_json_cannot_hold_is_refused(self, tmp_path, plug_ins):
        class Odd(Explainer):
            """Takes what only code can give."""

            name, title, summary, reference = "odd", "Odd", "nothing", "none"
            options = by_name(Parameter("thing", "any", None, "Whatever."))

            def steps(self, problem):
                yield Step(1.0, lambda: problem.input[0, 0], problem.spatial_shape)

        plug_ins(EXPLAINERS, odd=Odd)
        array = Request(segmenter(2), picture(), "odd", 1, options={"thing": np.array([1.5, 2])})
        assert array.to_json("m.safetensors", "v.npz")["options"]["thing"] == [1.5, 2]
        odd = Request(segmenter(2), picture(), "odd", 1, options={"thing": object()})
        with pytest.raises(InputError, match="options must be numbers, text or lists of them to be stored"):
            odd.save(tmp_path / "asked")
        assert list(tmp_path.iterdir()) == []

    def test_a_full_disk_leaves_nothing(self, tmp_path, monkeypatch):
        def full(*_args, **_options):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("numpy.savez", full)
        with pytest.raises(FileError, match="No space left"):
            self.CASES["2d-region"]().save(tmp_path / "asked")
        assert list(tmp_path.iterdir()) == []

    def test_it_may_run_on_another_device(self, tmp_path):
        folder = self.CASES["2d-region"]().save(tmp_path / "asked")
        text = (folder / "request.json").read_text()
        (folder / "request.json").write_text(text.replace('"device": "cpu"', '"device": "cuda:7"'))
        assert Request.load(folder, device="cpu").model.device == "cpu"
        with pytest.raises(WorkbenchError, match="cuda") as told:
            Request.load(folder)
        assert "damaged" not in str(told.value)

    def test_a_method_that_is_not_here_is_named(self, tmp_path):
        folder = self.CASES["2d-region"]().save(tmp_path / "asked")
        text = (folder / "request.json").read_text()
        (folder / "request.json").write_text(text.replace('"method": "saliency"', '"method": "salience"'))
        with pytest.raises(InputError, match=r"Unknown explanation method 'salience'.*Did you mean 'saliency'"):
            Request.load(folder)

    @needs_mindspore
    @pytest.mark.parametrize("method", ["saliency", "occlusion"])
    def test_on_mindspore_too(self, tmp_path, method):
        pytest.importorskip("mindspore")
        model = wb.zoo.create("2d-unet", framework="mindspore", num_classes=3, **SMALL)
        why = Request(model, picture(), method, Voxel((3, 4))).run()
        again = Request.load(why.request.save(tmp_path / "asked")).run()
        assert again.framework == "mindspore"
        assert np.ptp(why.data) > 0
        assert again.data.tobytes() == why.data.tobytes()


class TestRefused:
    @pytest.fixture
    def folder(self, tmp_path):
        return TestStored.CASES["2d-region"]().save(tmp_path / "asked")

    def test_where_there_is_none(self, tmp_path):
        with pytest.raises(FileError, match=r"a folder with 'request\.json' in it, but there is none"):
            Request.load(tmp_path)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda _: "{", "not readable as JSON.*copy it again"),
            (lambda _: "[1]", "does not describe a request"),
            (lambda known: json.dumps({**known, "format": "workbench-explanation"}), "does not describe a request"),
            (lambda known: json.dumps({**known, "format_version": 2}), "format version 2, but this version reads 1"),
            (lambda known: json.dumps({k: v for k, v in known.items() if k != "layer"}), "completely: 'layer'"),
            (lambda known: json.dumps({**known, "model": 3}), "does not describe a request completely"),
            (lambda known: json.dumps({**known, "target": {"kind": "galaxy"}}), "completely.*galaxy"),
            (lambda known: json.dumps({**known, "region": None}), "completely.*needs the Volume of its region"),
        ],
    )
    def test_what_is_damaged(self, folder, change, message):
        path = folder / "request.json"
        path.write_text(change(json.loads(path.read_text())))
        with pytest.raises(FileError, match=message):
            Request.load(folder)

    @pytest.mark.parametrize("name", ["model.safetensors", "volume.npz", "region.npz"])
    def test_what_is_missing(self, folder, name):
        (folder / name).unlink()
        with pytest.raises(FileError, match=name.replace(".", r"\.")):
            Request.load(folder)

    def test_another_volume(self, folder):
        wb.io.write(toys.noise_volume((17, 20), PLANE, seed=9), folder / "volume.npz")
        with pytest.raises(FileError, match=r"volume must be the one that it was made for, got another at"):
            Request.load(folder)

    def test_other_weights(self, folder):
        wb.zoo.create("2d-unet", num_classes=3, seed=8, **SMALL).save(folder / "model.safetensors")
        with pytest.raises(FileError, match="model must be the one that it was made for"):
            Request.load(folder)


class TestPlainData:
    def test_what_it_says(self):
        asked = TestStored.CASES["2d-region"]()
        known = asked.to_json("models/one.safetensors", "case.npz", "drawn.npz")
        assert json.loads(json.dumps(known)) == known
        assert known == {
            "format": "workbench-request",
            "format_version": 1,
            "method": "saliency",
            "target": {"kind": "region", "label": "lung", "where": 7},
            "layer": None,
            "options": asked.options,
            "schedule": [],
            "model": {
                "from": "models/one.safetensors",
                "framework": "torch",
                "device": "cpu",
                "fingerprint": asked.model.weights_fingerprint(),
            },
            "volume": {"from": "case.npz", "fingerprint": asked.volume.fingerprint()},
            "region": {"from": "drawn.npz", "fingerprint": asked.target.region.fingerprint()},
        }

    def test_a_trained_model_is_found_by_its_name_and_a_volume_by_its_path(self, tmp_path):
        wb.io.write(picture(), tmp_path / "case.nii")
        asked = Request(wb.zoo.load("covid-resnet-phantom-xray"), wb.read(tmp_path / "case.nii"), "saliency", "lesion")
        known = asked.to_json("covid-resnet-phantom-xray", "case.nii")
        again = Request.from_json(known, tmp_path)
        assert again.model.classes == asked.model.classes
        assert again.run().data.tobytes() == asked.run().data.tobytes()
        absolute = Request.from_json({**known, "volume": {**known["volume"], "from": str(tmp_path / "case.nii")}})
        assert absolute.volume.fingerprint() == asked.volume.fingerprint()
        with pytest.raises(InputError, match="Did you mean 'covid-resnet-phantom-xray'"):
            Request.from_json({**known, "model": {**known["model"], "from": "covid-resnet-phantom-xry"}}, tmp_path)

    def test_a_region_needs_its_file(self):
        with pytest.raises(InputError, match="region must be the file of the target's labels, got None"):
            TestStored.CASES["2d-region"]().to_json("model.safetensors", "case.npz")

    def test_a_stored_one_still_opens(self, tmp_path):
        """The file of format 1, as it was first written."""
        model = wb.zoo.create("2d-unet", num_classes=3, seed=3, **SMALL)
        volume = picture()
        model.save(tmp_path / "model.safetensors")
        wb.io.write(volume, tmp_path / "volume.npz")
        known = {
            "format": "workbench-request",
            "format_version": 1,
            "method": "occlusion",
            "target": {"kind": "voxel", "ijk": [3, 4], "label": None},
            "layer": None,
            "options": {"window": 6, "within": [[1, 2], [9, 9]]},
            "schedule": [[4, "contiguous", 2]],
            "model": {
                "from": "model.safetensors",
                "framework": "torch",
                "device": "cpu",
                "fingerprint": model.weights_fingerprint(),
            },
            "volume": {"from": "volume.npz", "fingerprint": volume.fingerprint()},
            "region": None,
        }
        request = Request.from_json(known, tmp_path)
        assert request.target == Voxel((3, 4))
        assert request.box == ((1, 2), (9, 9))
        assert request.schedule == [[4, "contiguous", 2]]
        assert request.options["baseline"] == "auto", "options that came later have their defaults"
