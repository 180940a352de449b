"""What every explainer promises; the tests of each method inherit it, and so may those of other packages.

- The map is a Volume of scores with the spatial shape and affine of the input volume, whatever the network's grid is.
- The peak of a map lies, in mm, where the thing lies that made the score.
- The same call gives the same map (up to rounding, as batch sizes may differ); a replay gives the same array.
- A class that the network knows nothing about gets a zero map; twice the score gets twice the map.
- Another target gives another map, unless the method asks for none (`knows_target`). Both frameworks give the same one,
  or one is refused in words (`frameworks`).
- An unknown option is an error that names the nearest one. A cancelled explanation raises `Cancelled`.
"""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.testing import toys
from workbench.testing.marks import needs_mindspore

SHAPES = {2: (9, 8), 3: (6, 7, 5)}
AFFINES = {2: np.diag([0.7, -1.3, 1.0, 1.0]) + np.array([[0, 0, 0, 5.0], [0] * 4, [0] * 4, [0] * 4]), 3: toys.OBLIQUE}
PREPROCESS: dict[int, dict[str, Any]] = {
    2: {"orientation": "LA", "spacing": (1.0, 0.8), "size": (16, 16)},
    3: {"orientation": "RAS", "spacing": (1.1, 1.0, 1.6), "size": (20, 20, 20)},
}


class ExplainerContract:
    """Inherit, and set `method`."""

    #: What `explain` calls it.
    method: str
    #: Options that every test asks with.
    options: ClassVar[dict[str, Any]] = {}
    #: Layer of the contract's classifier (`toys.define_cnn`), such as ``"conv2"``, for methods that need one.
    layer: ClassVar[str | None] = None
    #: Layer of the network whose score is the energy of the input, ``"act"``, for methods that need one.
    energy_layer: ClassVar[str | None] = None
    #: Whether the map of twice the score is twice the map.
    proportional: bool = True
    #: How far in mm a peak may lie off, for methods that tell places apart by pieces or by samples alone.
    off_mm: ClassVar[float] = 0.0
    #: Whether the map depends on the target at all.
    knows_target: bool = True

    def explain(self, model, volume, **arguments):
        return wb.explain.explain(model, volume, self.method, **{**self.options, "layer": self.layer, **arguments})

    @pytest.mark.parametrize("segmentation", [False, True])
    @pytest.mark.parametrize("ndim", [2, 3])
    def test_the_map_is_on_the_grid_of_the_input(self, ndim, segmentation):
        make = toys.segmentation_model if segmentation else toys.cnn_model
        volume = toys.noise_volume(SHAPES[ndim], AFFINES[ndim])
        layer = "conv1" if self.layer else None
        why = self.explain(make(ndim, preprocess=PREPROCESS[ndim]), volume, layer=layer)
        assert why.shape == volume.shape, "the map is on the grid of the volume"
        assert np.array_equal(why.affine, volume.affine), "the map lies where the volume lies"
        assert why.volume.kind == "scores"
        assert np.isfinite(why.data).all()
        assert np.ptp(why.data) > 0

    @pytest.mark.parametrize("ndim", [2, 3])
    def test_the_peak_lies_where_the_blob_lies(self, ndim):
        shape, voxel = {2: ((17, 13), (4, 8)), 3: ((14, 12, 11), (4, 8, 7))}[ndim]
        affine = AFFINES[ndim]
        place = (affine @ [*voxel, *[0] * (3 - ndim), 1])[:3]
        volume = toys.blob_volume(shape, place, 1.5 if ndim == 2 else 2.5, affine)
        model = toys.energy_model(ndim, preprocess=PREPROCESS[ndim])
        why = self.explain(model, volume, target=1, layer=self.energy_layer)
        far = np.abs(toys.peak_mm(why) - place).max()
        assert far <= max(*volume.spacing, self.off_mm), f"the peak lies {far:.1f} mm from what made the score"
        assert np.linalg.norm(toys.centre_mm(why) - place) < max(0.5, self.off_mm)

    def test_several_input_channels_make_one_map(self):
        volume = toys.noise_volume((6, 7, 5, 2), toys.OBLIQUE)
        why = self.explain(toys.cnn_model(3, channels=2), volume)
        assert why.shape == (6, 7, 5)

    def test_the_same_call_gives_the_same_map(self):
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3], toys.OBLIQUE)
        first, second = self.explain(model, volume).data, self.explain(model, volume).data
        same = np.allclose(first, second, rtol=1e-4, atol=1e-6 * np.abs(first).max())
        assert same, "the same call gave another map: draw what is random from a seed among the options"

    @pytest.mark.parametrize("target", [None, 2, "class 1"])
    def test_a_replay_gives_the_same_array(self, target):
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3], toys.OBLIQUE)
        why = self.explain(model, volume, target=target)
        again = why.replay()
        assert np.array_equal(again.data, why.data)
        assert again.describe() == why.describe()

    def test_another_target_gives_another_map(self):
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3], toys.OBLIQUE)
        maps = [self.explain(model, volume, target=index).data for index in range(3)]
        if not self.knows_target:
            assert np.array_equal(maps[0], maps[1])
            assert np.array_equal(maps[1], maps[2])
            return
        assert not np.allclose(maps[0], maps[1])
        assert not np.allclose(maps[1], maps[2])

    def test_what_the_network_does_not_know_has_a_zero_map(self):
        if not self.knows_target:
            pytest.skip(f"{self.method} asks for no target")
        volume = toys.noise_volume(SHAPES[3], toys.OBLIQUE)
        why = self.explain(self._with_head(1, 0), volume, target=1)
        assert np.abs(why.data).max() < 1e-6

    def test_twice_the_score_has_twice_the_map(self):
        if not (self.proportional and self.knows_target):
            pytest.skip(f"{self.method} is not proportional to the score")
        volume = toys.noise_volume(SHAPES[3], toys.OBLIQUE)
        once, twice = (self.explain(self._with_head(1, factor), volume, target=1) for factor in (1, 2))
        assert np.abs(once.data).max() > 0
        assert np.allclose(2 * once.data, twice.data, rtol=1e-4, atol=1e-5 * np.abs(once.data).max())
        assert twice.score == pytest.approx(2 * once.score, rel=1e-4)

    def test_the_score_is_the_networks_own(self):
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3], toys.OBLIQUE)
        logits = model.forward(model.prepare(volume).batch)[0]
        assert self.explain(model, volume, target=2).score == pytest.approx(float(logits[2]), rel=1e-5)
        assert self.explain(model, volume).target.which == logits.argmax()

    @needs_mindspore
    @pytest.mark.parametrize("segmentation", [False, True])
    @pytest.mark.parametrize("ndim", [2, 3])
    def test_both_frameworks_give_the_same_map(self, ndim, segmentation):
        pytest.importorskip("mindspore")
        make = toys.segmentation_model if segmentation else toys.cnn_model
        volume = toys.noise_volume(SHAPES[ndim], AFFINES[ndim])
        layer = "conv1" if self.layer else None
        named = wb.explain.registry.get(self.method).frameworks
        if named and "mindspore" not in named:
            with pytest.raises(InputError, match=f"{self.method!r} is to be had on .* alone, .* on mindspore"):
                self.explain(make(ndim, framework="mindspore"), volume, target=1, layer=layer)
            return
        maps = [
            self.explain(make(ndim, framework=name), volume, target=1, layer=layer).data
            for name in ("torch", "mindspore")
        ]
        assert np.abs(maps[0]).max() > 1e-3
        assert np.abs(maps[0] - maps[1]).max() <= 1e-4

    def test_an_unknown_option_names_the_nearest(self):
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3])
        with pytest.raises(InputError, match=r"'activaton'.*Did you mean 'activation'"):
            self.explain(model, volume, activaton="softmax")
        with pytest.raises(InputError, match=r"'softmx'.*Did you mean 'softmax'"):
            self.explain(model, volume, activation="softmx")

    def test_options_are_recorded_with_their_defaults(self):
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3])
        why = self.explain(model, volume)
        assert set(why.options) == set(wb.explain.registry.get(self.method).check_options({}))
        assert {name: why.options[name] for name in self.options} == self.options

    def test_a_cancelled_explanation_raises(self):
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3])
        cancel = threading.Event()
        cancel.set()
        with pytest.raises(wb.explain.Cancelled, match="cancelled"):
            self.explain(model, volume, cancel=cancel)

    def test_progress_ends_at_one(self):
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3])
        seen: list[float] = []
        self.explain(model, volume, progress=seen.append)
        assert seen[0] == 0
        assert seen[-1] == 1
        assert seen == sorted(seen)

    def test_the_code_makes_the_same_map(self):
        model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3])
        why = self.explain(model, volume, target=1)
        names = {"net": model, "ct": volume}
        exec(why.code("net", "ct"), names)
        assert np.allclose(names["why"].data, why.data, rtol=1e-4, atol=1e-6)
        assert names["why"].options == why.options

    def _with_head(self, index, factor):
        state = toys.random_state(toys.define_cnn, {"ndim": 3, "channels": 1, "classes": 3, "width": 4})
        state["fc.weight"][index] *= factor
        state["fc.bias"][index] *= factor
        return toys.cnn_model(3, state=state)
