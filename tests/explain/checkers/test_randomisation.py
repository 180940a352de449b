"""Whether a map follows the weights."""

import numpy as np
import pytest

import workbench as wb
from workbench.explain import Explainer, Step
from workbench.explain.checkers.randomisation import _layers, randomised
from workbench.explain.registry import EXPLAINERS
from workbench.testing import CheckContract, toys


class Brightness(Explainer):
    """What the input looks like, whatever the network."""

    name, title, summary, reference = "brightness", "Brightness", "the input itself", "none"

    def steps(self, problem):
        yield Step(1.0, lambda: problem.input[0, 0], problem.spatial_shape)


@pytest.fixture
def brightness():
    EXPLAINERS.reset()
    wb.explain.register(Brightness)
    yield
    EXPLAINERS.reset()


def network(**options):
    return wb.zoo.create("2d-unet", width=2, depth=2, num_classes=3, seed=1, **options)


class TestRandomisation(CheckContract):
    name = "randomisation"
    options = {"stages": 1}

    @pytest.mark.usefixtures("brightness")
    def test_a_map_that_does_not_look_at_the_weights_is_found_out(self):
        why = wb.explain.explain(network(), toys.noise_volume((17, 12)), "brightness")
        found = wb.explain.score(why, checks=[self.name]).found[0].finding
        assert found.value == pytest.approx(1)
        assert found.verdict == "bad"
        assert found.sentence.endswith("the map hardly changes when the weights are random. Do not trust it here.")
        curve = found.curves["random weights"]
        assert (curve.x[0], curve.x[-1], curve.y[0]) == (0, 1, 1)
        assert len(curve.x) == 4

    def test_the_gradient_follows_the_weights(self):
        why = wb.explain.explain(network(), toys.noise_volume((17, 12)), "input-x-gradient", 1)
        assert abs(wb.explain.score(why, checks=[self.name]).rows[0]["value"]) < 0.9


@pytest.mark.parametrize("framework", ["torch", pytest.param("mindspore", marks=pytest.mark.slow)])
def test_the_layers_that_are_named_are_drawn_and_no_other(framework):
    pytest.importorskip(framework)
    model = network(framework=framework)
    before, layers = model.state(), _layers(model)
    drawn = randomised(model, layers[-2:], seed=9)
    assert drawn.classes == model.classes
    changed = {name for name, value in drawn.state().items() if not np.array_equal(value, before[name])}
    assert changed
    assert {name.rpartition(".")[0] for name in changed} <= {*layers[-2:]}
    assert all(np.array_equal(value, before[name]) for name, value in model.state().items()), "the model is what it was"
    again = randomised(model, layers[-2:], seed=9).state()
    assert all(np.array_equal(value, again[name]) for name, value in drawn.state().items())
