"""What every check of explanations promises.

- It says what it is: name, title, what its number is, a reference; it is found by its name.
- It answers in 2D and 3D, of a classifier and of a segmentation, with a number (NaN only where the verdict is "open"),
  a verdict, and a sentence that ends.
- It changes nothing: asked again it answers the same, and the map is what it was.
- An unknown option is an error that names the nearest. One that runs the network tells its progress, and a stopped
  `Work` raises `Cancelled`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench.errors import Cancelled, InputError
from workbench.explain import Explanation, Subject
from workbench.explain.scoring import CHECKS
from workbench.testing import toys
from workbench.volume import Volume
from workbench.work import IDLE, Work

_NETWORKS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "covid-resnet": ((24, 20), {"depth": 18, "width": 4, "stem": "small"}),
    "3d-unet": ((9, 8, 10), {"width": 2, "depth": 2}),
}


class CheckContract:
    """Inherit, and set `name`; `options` makes the check quick."""

    name: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(params=[*_NETWORKS])
    def explanation(self, request: pytest.FixtureRequest) -> Explanation:
        """A map of a network with random weights, on a grid that is oblique where it has three axes."""
        shape, options = _NETWORKS[request.param]
        model = wb.zoo.create(request.param, num_classes=3, seed=3, **options)
        volume = toys.noise_volume(shape, toys.OBLIQUE if len(shape) == 3 else np.diag([0.7, -1.3, 1.0, 1.0]))
        return wb.explain.explain(model, volume, "input-x-gradient", target=1)

    @pytest.fixture
    def mask(self, explanation: Explanation) -> Volume:
        """A block of the volume."""
        data = np.zeros(explanation.shape, np.uint8)
        data[tuple(slice(size // 3, 2 * size // 3) for size in data.shape)] = 1
        return explanation.volume.with_data(data, kind="labels", labels={1: "block"})

    def score(self, explanation: Explanation, mask: Volume, work: Work = IDLE) -> Any:
        """Return what the check finds; a second map is there to be compared with."""
        other = wb.explain.explain(
            explanation.request.model, explanation.request.volume, "saliency", explanation.target
        )
        maps = [explanation, other] if CHECKS.get(self.name).needs_others else explanation
        return wb.explain.score(maps, mask, {self.name: self.options}, work=work).found[0].finding

    def test_it_says_what_it_is(self) -> None:
        check = CHECKS.get(self.name)
        assert check.name == self.name
        for told in (check.title, check.summary, check.reference):
            assert told.strip() == told != ""
        assert check in wb.explain.checks()
        assert self.name in repr(wb.explain.checks())
        assert all(option.help and option.name == name for name, option in check.options.items())

    def test_it_answers_the_same_again_and_changes_nothing(self, explanation: Explanation, mask: Volume) -> None:
        before = explanation.data.copy()
        found, again = self.score(explanation, mask), self.score(explanation, mask)
        assert found.verdict in ("good", "doubtful", "bad", "open")
        assert np.isfinite(found.value) or found.verdict == "open"
        assert found.sentence.endswith(".")
        assert found.sentence[0].isupper() or found.sentence[0].isdigit()
        assert np.array_equal(found.value, again.value, equal_nan=True)
        assert (found.verdict, found.sentence) == (again.verdict, again.sentence)
        for curve in found.curves.values():
            assert len(curve.x) == len(curve.y) > 1
        assert np.array_equal(explanation.data, before)

    def test_a_map_of_zeros_is_no_failure(self, explanation: Explanation, mask: Volume) -> None:
        empty = explanation.with_data(np.zeros(explanation.shape, np.float32))
        found = self.score(empty, mask)
        assert found.verdict != "good" or CHECKS.get(self.name).needs_model
        assert np.isfinite(found.value) or found.verdict == "open"

    def test_an_unknown_option_is_named(self, explanation: Explanation, mask: Volume) -> None:
        with pytest.raises(InputError, match=rf"check '{self.name}'.*sampels"):
            wb.explain.score([explanation, explanation], mask, {self.name: {"sampels": 1}})

    def test_it_can_be_stopped(self, explanation: Explanation, mask: Volume) -> None:
        told: list[float] = []
        work = Work(lambda fraction, _: told.append(fraction))
        self.score(explanation, mask, work)
        assert told == sorted(told)
        assert not CHECKS.get(self.name).needs_model or max(told) > 0
        work.stop()
        with pytest.raises(Cancelled):
            self.score(explanation, mask, work)

    def test_what_it_looks_at_is_asked_for(self, explanation: Explanation) -> None:
        check = CHECKS.get(self.name)
        if check.needs_mask:
            with pytest.raises(InputError, match=r"there is no(ne|\smask)"):
                Subject(explanation).inside  # noqa: B018 - it is the asking that fails
            with pytest.raises(InputError, match=r"there is no(ne|\smask)"):
                wb.explain.score(explanation, checks=[self.name])
        if check.needs_others:
            with pytest.raises(InputError, match="Give a list of several"):
                wb.explain.score(explanation, checks=[self.name])
