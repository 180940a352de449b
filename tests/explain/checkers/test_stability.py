"""Whether a map stays the same where nothing of importance changes."""

import numpy as np
import pytest

import workbench as wb
from workbench.explain import Explainer, Step
from workbench.explain.registry import EXPLAINERS
from workbench.parameters import Parameter, by_name
from workbench.testing import CheckContract, toys


class Chance(Explainer):
    """Random numbers."""

    name, title, summary, reference = "chance", "Chance", "random numbers", "none"
    options = by_name(Parameter("seed", "integer", 0, "Of the numbers."))

    def steps(self, problem):
        drawn = np.random.default_rng(problem.options["seed"]).random(problem.spatial_shape)
        yield Step(1.0, lambda: drawn, problem.spatial_shape)


class TestMaxSensitivity(CheckContract):
    name = "max-sensitivity"
    options = {"samples": 2}

    def test_the_gradient_of_a_linear_network_does_not_change(self):
        model, _ = toys.linear_model((6, 5))
        why = wb.explain.explain(model, toys.noise_volume((6, 5)), "saliency", 1)
        assert wb.explain.score(why, checks=[self.name]).rows[0]["value"] == pytest.approx(0, abs=1e-6)

    def test_it_is_the_largest_change_as_a_share_of_the_map(self):
        model, weights = toys.linear_model((6, 5))
        volume = toys.noise_volume((6, 5))
        why = wb.explain.explain(model, volume, "input-x-gradient", 1)
        rng, radius = np.random.default_rng(4), 0.1 * volume.data.std()
        noise = [rng.uniform(-radius, radius, (6, 5)).astype(np.float32) for _ in range(3)]
        changes = [np.linalg.norm(one * weights[1, 0]) / np.linalg.norm(why.data) for one in noise]
        asked = {self.name: {"samples": 3, "radius": 0.1, "seed": 4}}
        assert wb.explain.score(why, checks=asked).rows[0]["value"] == pytest.approx(max(changes), rel=1e-4)


class TestRepeatability(CheckContract):
    name = "repeatability"
    options = {"repeats": 1}

    def test_a_method_that_draws_nothing_is_the_same_again(self):
        why = wb.explain.explain(toys.cnn_model(2), toys.noise_volume((9, 8)), "saliency", 1)
        (row,) = wb.explain.score(why, checks=[self.name]).rows
        assert row["value"] == pytest.approx(1)
        assert row["what it means"].startswith("Nothing in it is drawn")

    def test_a_map_of_chance_is_found_out(self):
        EXPLAINERS.reset()
        wb.explain.register(Chance)
        try:
            why = wb.explain.explain(toys.cnn_model(2), toys.noise_volume((30, 20)), "chance", 1)
            (row,) = wb.explain.score(why, checks=[self.name]).rows
        finally:
            EXPLAINERS.reset()
        numbers = [np.random.default_rng(seed).random((30, 20)).ravel() for seed in range(3)]
        ranks = [np.argsort(np.argsort(one)) for one in numbers]
        expected = np.mean([np.corrcoef(ranks[0], other)[0, 1] for other in ranks[1:]])
        assert row["value"] == pytest.approx(expected, abs=1e-6)
        assert row["verdict"] == "bad"
        assert row["what it means"].endswith("it is mostly chance: take many more samples.")
