from __future__ import annotations

import itertools
import threading
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import InputError
from workbench.explain.explainers.occlusion import list_windows, window_shape
from workbench.frameworks import get
from workbench.testing import toys
from workbench.testing.explainers import SHAPES, ExplainerContract
from workbench.volume import Volume


def plain_loop(model, array, window, stride, baseline, index):
    """Occlusion as one would write it down: one sample per forward, windows in reading order, a baseline per voxel."""
    shape = array.shape[2:]
    total, covered = np.zeros(shape), np.zeros(shape)
    whole = float(model.forward(array)[0, index])
    starts = []
    for size, width, step in zip(shape, window, stride, strict=True):
        axis = [0]
        while axis[-1] + width < size:
            axis.append(axis[-1] + step)
        starts.append(axis)
    for corner in itertools.product(*starts):
        place = tuple(slice(start, start + width) for start, width in zip(corner, window, strict=True))
        hidden = array.copy()
        hidden[(0, slice(None), *place)] = baseline[(slice(None), *place)]
        total[place] += whole - float(model.forward(hidden)[0, index])
        covered[place] += 1
    assert covered.all()
    return total / covered


class TestOcclusion(ExplainerContract):
    method = "occlusion"
    options: ClassVar[dict[str, Any]] = {"window": 3, "stride": 1}

    @pytest.mark.parametrize("baseline", [0, -0.7, "mean"])
    @pytest.mark.parametrize(
        ("shape", "window", "stride"),
        [
            ((9, 8), (3, 3), (1, 1)),
            ((9, 8), (4, 3), (3, 2)),
            ((9, 8), (9, 1), (5, 1)),
            ((6, 7, 5), (2, 3, 2), (2, 2, 1)),
            ((6, 7, 5), (4, 4, 4), (3, 3, 3)),
        ],
    )
    def test_it_equals_a_plain_loop(self, shape, window, stride, baseline):
        model, volume = toys.cnn_model(len(shape)), toys.noise_volume(shape)
        array = model.prepare(volume).batch
        value = array.mean() if baseline == "mean" else baseline
        expected = plain_loop(model, array, window, stride, np.full(array.shape[1:], value, np.float32), 1)
        why = self.explain(model, volume, target=1, window=window, stride=stride, baseline=baseline)
        assert np.abs(expected).max() > 1e-3
        assert np.abs(why.data - expected).max() <= 1e-5

    def test_it_equals_captum(self):
        captum, torch = pytest.importorskip("captum.attr"), pytest.importorskip("torch")
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3])
        inputs = torch.from_numpy(model.prepare(volume).batch)
        method = captum.Occlusion(model.module)
        with torch.no_grad():
            theirs = method.attribute(inputs, (1, 3, 2, 4), strides=(1, 2, 2, 3), target=1, baselines=0.25)
        why = self.explain(model, volume, target=1, window=(3, 2, 4), stride=(2, 2, 3), baseline=0.25)
        assert np.abs(why.data - theirs[0, 0].numpy()).max() <= 1e-5

    def test_a_blurred_baseline_hides_with_the_blurred_input(self):
        from scipy.ndimage import gaussian_filter

        model, volume = toys.cnn_model(2), toys.noise_volume((9, 8))
        array = model.prepare(volume).batch
        expected = plain_loop(model, array, (3, 3), (1, 1), gaussian_filter(array[0, 0], 1.5)[None], 0)
        why = self.explain(model, volume, target=0, baseline="blur", blur=1.5)
        assert np.abs(why.data - expected).max() <= 1e-5

    def test_the_map_of_a_linear_network_is_weight_times_input(self):
        model, weights = toys.linear_model((4, 5, 3))
        volume = toys.noise_volume((4, 5, 3), toys.OBLIQUE)
        why = self.explain(model, volume, target=2, window=1, stride=1, baseline=0.5)
        assert np.allclose(why.data, weights[2, 0] * (volume.data - 0.5), atol=1e-4)

    def test_what_speaks_for_the_target_is_positive(self):
        model, weights = toys.linear_model((4, 4), classes=2)
        volume = toys.noise_volume((4, 4)).with_data(np.ones((4, 4), np.float32))
        why = self.explain(model, volume, target=0, window=1, stride=1, baseline=0)
        assert np.array_equal(why.data > 0, weights[0, 0] > 0)

    def test_with_softmax_it_is_a_difference_of_probabilities(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((9, 8))
        why = self.explain(model, volume, target=1, window=9, stride=9, activation="softmax")
        logits = model.forward(np.stack([volume.data, np.zeros((9, 8), np.float32)])[:, None])
        odds = toys.probabilities(logits)[:, 1]
        assert np.allclose(why.data, odds[0] - odds[1], atol=1e-6)

    @pytest.mark.parametrize("factor", [1, 2, 3])
    def test_a_window_in_mm_is_a_window_in_voxels_of_the_networks_grid(self, factor):
        model = toys.cnn_model(3)
        volume = toys.noise_volume((6, 7, 5), np.diag([1.0, 1.5, 2.0, 1.0]))
        in_mm = self.explain(model, volume, target=1, window=None, window_mm=3.0 * factor)
        in_voxels = self.explain(model, volume, target=1, window=[3 * factor, 2 * factor, round(1.5 * factor)])
        assert np.allclose(in_mm.data, in_voxels.data, atol=1e-6)

    def test_within_a_box_the_map_is_that_of_the_whole_and_elsewhere_zero(self):
        model = toys.cnn_model(3, preprocess={"orientation": "RAS", "size": (10, 10, 10)})
        volume = toys.noise_volume((8, 7, 9), toys.OBLIQUE)
        whole = self.explain(model, volume, target=1, window=3, stride=2)
        part = self.explain(model, volume, target=1, window=3, stride=2, within=((2, 1, 4), (6, 4, 7)))
        box = np.s_[2:6, 1:4, 4:7]
        assert np.allclose(part.data[box], whole.data[box], atol=1e-6)
        outside = part.data.copy()
        outside[box] = 0
        assert (outside == 0).all()
        assert sum(size * times for size, _, times in part.schedule) < sum(n * times for n, _, times in whole.schedule)
        assert part.replay().options["within"] == [[2, 1, 4], [6, 4, 7]]

    def test_a_mask_stands_for_its_bounding_box(self):
        model, volume = toys.cnn_model(3), toys.noise_volume((8, 7, 9), toys.OBLIQUE)
        mask = np.zeros(volume.shape, np.uint8)
        mask[2, 3, 4] = mask[5, 1, 6] = 1
        labels = Volume(mask, toys.OBLIQUE, kind="labels")
        expected = self.explain(model, volume, target=1, within=((2, 1, 4), (6, 4, 7)))
        assert np.allclose(self.explain(model, volume, target=1, within=labels).data, expected.data, atol=1e-6)
        turned = self.explain(model, volume, target=1, within=labels.reorient("RAS"))
        assert np.allclose(turned.data, expected.data, atol=1e-6)

    @pytest.mark.parametrize(
        ("within", "message"),
        [
            (((20, 0, 0), (30, 3, 3)), "must overlap"),
            (((0, 0), (3, 3)), "needs 3 indices"),
            ("here", "label Volume or a pair"),
        ],
    )
    def test_a_box_that_makes_no_sense_is_an_error(self, within, message):
        with pytest.raises(InputError, match=message):
            self.explain(toys.cnn_model(3), toys.noise_volume((8, 7, 9)), within=within)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"stride": 4}, "stride must not be larger"),
            ({"window": 0}, "window must be one number of voxels.*, at least 1.*got 0"),
            ({"window": "big"}, "window must be one number of voxels.*, at least 1.*got 'big'"),
            ({"window": (3, 3, 3)}, "one per spatial axis"),
            ({"window_mm": 3.0}, "not both"),
            ({"baseline": "men"}, "'men'.*Did you mean 'mean'"),
            ({"baseline": float("nan")}, "finite"),
            ({"batch_size": 2.5}, "whole number"),
        ],
    )
    def test_wrong_options_say_what_is_wrong(self, options, message):
        with pytest.raises(InputError, match=message):
            self.explain(toys.cnn_model(2), toys.noise_volume((9, 8)), **options)

    def test_it_stops_within_one_batch(self):
        model, volume = toys.cnn_model(2), toys.noise_volume((9, 8))
        cancel = threading.Event()
        seen: list[float] = []

        def progress(fraction):
            seen.append(fraction)
            if fraction > 0:
                cancel.set()

        with pytest.raises(wb.explain.Cancelled):
            self.explain(model, volume, batch_size=2, progress=progress, cancel=cancel)
        assert seen == [0, 2 / 42]

    def test_intermediate_maps_are_complete_and_the_last_one_is_exact(self):
        model, volume = toys.energy_model(2), toys.blob_volume((12, 12), [0, -3, 0], 2.0, None)
        stages = list(wb.explain.progressive(model, volume, "occlusion", 1, window=2, stride=2, batch_size=1))
        fractions = [fraction for fraction, _ in stages]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
        exact = self.explain(model, volume, target=1, window=2, stride=2)
        assert np.allclose(stages[-1][1].data, exact.data, atol=1e-6)
        # what is not measured yet lies between what is
        early = stages[8][1].data
        assert np.unique(early).size > 1
        assert stages[-1][1].data.min() - 1e-6 <= early.min() <= early.max() <= stages[-1][1].data.max() + 1e-6

    def test_progress_with_two_arguments_gets_maps_on_the_inputs_grid(self):
        model, volume = toys.cnn_model(3, preprocess={"orientation": "RAS"}), toys.noise_volume((6, 7, 5), toys.OBLIQUE)
        maps = []

        def progress(fraction, preview):
            maps.append((fraction, preview))

        why = self.explain(model, volume, batch_size=4, progress=progress)
        shown = [preview for _, preview in maps if preview is not None]
        assert len(shown) >= 2
        assert all(preview.same_grid(volume) for preview in shown)
        assert np.array_equal(shown[-1].data, why.data)
        assert maps[0] == (0, None)

    @pytest.mark.parametrize(("shape", "windows"), [((32, 48), (15, 15)), ((16, 24, 32), (8, 8, 8))])
    def test_without_options_there_are_a_few_hundred_windows(self, shape, windows):
        why = wb.explain(toys.cnn_model(len(shape), width=2), toys.noise_volume(shape), "occlusion")
        assert why.native_resolution == windows

    def test_the_native_spacing_is_the_stride(self):
        volume = toys.noise_volume((8, 9), np.diag([2.0, 0.5, 1.0, 1.0]))
        why = self.explain(toys.cnn_model(2), volume, window=4, stride=(2, 3), within=((0, 0), (3, 3)))
        assert why.native_spacing == (4.0, 1.5)

    def test_a_map_of_zeros_says_so(self):
        state = toys.random_state(toys.define_cnn, {"ndim": 2, "channels": 1, "classes": 3, "width": 4})
        state["fc.weight"][1] = 0
        why = self.explain(toys.cnn_model(2, state=state), toys.noise_volume((9, 8)), target=1)
        assert any("map is zero" in note for note in why.notes)

    def test_windows_that_hold_what_hides_them_are_not_run(self, monkeypatch):
        model, passed = toys.cnn_model(2), 0
        data = toys.noise_volume((12, 12)).data.copy()
        data[:6] = 0  # air, of the value that hides
        volume = toys.noise_volume((12, 12)).with_data(data)
        really = model.framework.scores

        def counted(module, x, score):
            nonlocal passed
            passed += len(x)
            return really(module, x, score)

        monkeypatch.setattr(model.framework, "scores", counted)
        why = self.explain(model, volume, target=1, window=3, stride=3, baseline=0)
        assert any("8 of 16 windows hold what hides them already" in note for note in why.notes)
        assert (why.data[:6] == 0).all()
        assert passed == 1 + 1 + 8 or passed == 1 + 8
        expected = plain_loop(model, model.prepare(volume).batch, (3, 3), (3, 3), np.zeros((1, 12, 12), np.float32), 1)
        assert np.abs(why.data - expected).max() <= 1e-5

    def test_it_runs_the_folded_network_and_leaves_that_of_the_caller(self):
        torch = pytest.importorskip("torch")
        net = torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2),
        ).eval()  # fmt: skip
        with torch.no_grad():
            net[1].running_mean.normal_()
            net[1].running_var.uniform_(0.5, 2)
        volume = toys.noise_volume((16, 16))
        why = wb.explain(net, volume, "occlusion", 1, window=4, stride=2, baseline=0)
        assert all(layout.startswith("folded") for _, layout, _ in why.schedule)
        seen = []
        handle = net[0].register_forward_hook(lambda *_: seen.append(1))  # somebody looks: it is run as it is
        plain = wb.explain(net, volume, "occlusion", 1, window=4, stride=2, baseline=0)
        handle.remove()
        assert seen
        assert not any(layout.startswith("folded") for _, layout, _ in plain.schedule)
        assert np.abs(why.data - plain.data).max() <= 1e-5
        assert np.array_equal(why.replay().data, why.data)


class TestWindows:
    @pytest.mark.parametrize(
        ("shape", "window", "stride"), [((48,) * 3, (16,) * 3, (8,) * 3), ((7, 5), (3, 5), (2, 5))]
    )
    def test_every_voxel_is_covered_and_no_window_leaves_the_grid(self, shape, window, stride):
        windows, counts = list_windows(shape, window, stride)
        covered = np.zeros(shape, int)
        for place in windows:
            covered[place] += 1
            assert all(0 <= s.start < s.stop <= n for s, n in zip(place, shape, strict=True))
        assert covered.all()
        assert len(windows) == np.prod(counts) == len(set(map(str, windows)))

    def test_they_come_coarse_to_fine(self):
        windows, _ = list_windows((9,), (1,), (1,))
        assert [place[0].start for place in windows] == [0, 8, 4, 2, 6, 1, 3, 5, 7]

    def test_the_default_is_an_eighth_of_the_grid(self):
        assert window_shape({"window": None, "window_mm": None}, (64, 30, 5), (1, 1, 1)) == (8, 4, 1)


MAPS = [
    ("occlusion", {"window": 3, "stride": 2}),
    ("occlusion", {}),
    ("integrated-gradients", {"points": 7}),
    ("saliency", {}),
]


@pytest.mark.parametrize(("method", "options"), MAPS)
def test_the_passes_that_are_announced_are_those_that_are_made(method, options, monkeypatch):
    """An estimate of the time rests on them."""
    from workbench.explain.registry import get

    (model, *_), volume = toys.linear_model((9, 8)), toys.noise_volume((9, 8))
    passed = 0
    for name in ("scores", "input_gradient"):
        really = getattr(model.framework, name)

        def counted(module, x, score, really=really):
            nonlocal passed
            passed += len(x)
            return really(module, x, score)

        monkeypatch.setattr(model.framework, name, counted)
    wb.explain(model, volume, method, 1, **options)
    explainer = get(method)
    assert explainer.passes((9, 8), tuple(volume.spacing), explainer.check_options(options)) == passed


def test_very_many_points_are_refused_by_their_rule():
    with pytest.raises(InputError, match="points must be a whole number, at least 1 and at most 1000, got 1000000000"):
        wb.explain(toys.linear_model((9, 8))[0], toys.noise_volume((9, 8)), "integrated-gradients", 1, points=10**9)


@pytest.mark.skipif(
    get("torch").reduced(torch.nn.Conv2d(1, 1, 1)) is None,
    reason="this processor has no bfloat16",
)
class TestPrecision:
    def test_bfloat16_is_told_replayed_and_close(self):
        model = wb.zoo.create("3d-unet", num_classes=2, width=8, depth=2)
        volume = toys.noise_volume((24, 20, 22), toys.OBLIQUE)
        options = {"window": 6, "stride": 6, "baseline": 0}
        exact = wb.explain(model, volume, "occlusion", 1, **options)
        why = wb.explain(model, volume, "occlusion", 1, precision="bfloat16", **options)
        assert {form for _, form, _ in why.schedule} == {"bfloat16"}
        assert any(note.startswith("Computed in bfloat16: on 8 inputs") for note in why.notes)
        assert not np.array_equal(why.data, exact.data)
        assert np.corrcoef(why.data.ravel(), exact.data.ravel())[0, 1] > 0.9
        again = wb.explain.Request(
            model, volume, "occlusion", 1, options={**options, "precision": "bfloat16"}, schedule=why.schedule
        ).run()
        np.testing.assert_array_equal(again.data, why.data)

    def test_gradients_take_no_precision(self):
        with pytest.raises(InputError, match="precision"):
            wb.explain(toys.cnn_model(3), toys.noise_volume((8, 7, 9)), "saliency", precision="bfloat16")
