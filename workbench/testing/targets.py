"""What every target of explanations owes: an answer that is known, the way into a file and back, code, words.

Inherit `TargetContract` in a test, fill in `target`, `model`, `volume` and `expected`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from workbench import explain
from workbench.explain.code import target_code
from workbench.explain.targets import from_description, points_with_a_volume
from workbench.volume import Volume


class TargetContract(ABC):
    """Inherit it, fill in what is abstract; each of its methods is a test."""

    #: How near the score must be to what is expected.
    tolerance = 1e-4
    #: A method that needs gradients alone.
    method = "saliency"

    @abstractmethod
    def model(self) -> Any:
        """Return the model, on any framework."""

    @abstractmethod
    def volume(self) -> Volume:
        """Return what it looks at; small, on axes that are not those of the world."""

    @abstractmethod
    def target(self, model: Any, volume: Volume) -> explain.Target:
        """Return the target."""

    @abstractmethod
    def expected(self, model: Any, volume: Volume) -> float:
        """Return the score as worked out by hand."""

    def wrong(self, model: Any, volume: Volume) -> list[explain.Target]:
        """Return targets of the kind that are to be refused, if there are any."""
        return []

    def test_the_score_is_the_one_that_was_worked_out(self) -> None:
        model, volume = self.model(), self.volume()
        why = explain.explain(model, volume, self.method, self.target(model, volume))
        assert abs(why.score - self.expected(model, volume)) <= self.tolerance * max(1.0, abs(why.score))
        assert why.volume.same_grid(volume)
        assert np.isfinite(why.data).all()
        assert np.any(why.data), "a map of nothing tells nothing of a target"

    def test_it_comes_back_from_its_description(self) -> None:
        model, volume = self.model(), self.volume()
        target = self.target(model, volume)
        known = target.describe()
        again = from_description(known, target.pointer if points_with_a_volume(known) else None)
        assert type(again) is type(target)
        assert again.describe() == known
        one, other = (explain.explain(model, volume, self.method, each) for each in (target, again))
        assert one.score == other.score
        assert np.array_equal(one.data, other.data)

    def test_what_was_resolved_explains_the_same(self) -> None:
        model, volume = self.model(), self.volume()
        first = explain.explain(model, volume, self.method, self.target(model, volume))
        again = explain.explain(model, volume, self.method, first.target)
        assert again.score == first.score
        assert str(again.target) == str(first.target)

    def test_its_code_is_code(self) -> None:
        model, volume = self.model(), self.volume()
        text = target_code(self.target(model, volume), "segmentation")
        assert text.startswith("wb.explain.")
        compile(text, "target", "eval")

    def test_it_tells_what_it_is_in_words(self) -> None:
        told = str(self.target(self.model(), self.volume()))
        assert told
        assert "object at 0x" not in told

    def test_what_is_wrong_is_refused_in_words(self) -> None:
        import pytest

        from workbench.errors import InputError

        model, volume = self.model(), self.volume()
        for target in self.wrong(model, volume):
            with pytest.raises(InputError) as refusal:
                explain.explain(model, volume, self.method, target)
            assert str(refusal.value).endswith(".")
