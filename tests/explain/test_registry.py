"""Which methods there are, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from workbench import zoo
from workbench.errors import InputError
from workbench.explain import Explainer, Step, explain, methods
from workbench.explain.registry import EXPLAINERS
from workbench.testing import toys


def test_methods_stand_in_their_order_and_what_says_nothing_of_it_comes_last(plug_ins: Any) -> None:
    words = {"title": "Of a package", "summary": "nothing", "steps": lambda self, problem: iter(())}
    between = type("Between", (Explainer,), {**words, "name": "between", "order": 1.5})
    silent = type("Silent", (Explainer,), {**words, "name": "a-silent-one"})
    plug_ins(EXPLAINERS, a=silent, b=between)
    names = [method.name for method in methods()]
    assert names[:3] == ["grad-cam", "between", "occlusion"]
    assert names[-1] == "a-silent-one"
    assert names.index("guided-backprop") < names.index("xgrad-cam")


def test_the_methods_of_a_model_say_why_it_cannot_be_asked() -> None:
    model = toys.cnn_model(2)
    rows = {line.split()[0]: line for line in repr(methods(model)).splitlines()}
    assert "why not here" in rows["method"]
    assert "the network shows no attention" in rows["attention-rollout"]
    assert "no attention" not in rows["cam"]
    assert [one.name for one in methods(model)] == [one.name for one in methods()]
    assert "does not end in global average pooling" in repr(methods(toys.segmentation_model(3)))
    assert "why not" not in repr(methods())


def test_a_method_of_other_dimensions_is_refused_in_words(plug_ins: Any) -> None:
    words = {"title": "Flat", "summary": "nothing", "steps": lambda self, problem: iter(()), "dimensions": (2,)}
    plug_ins(EXPLAINERS, flat=type("Flat", (Explainer,), {**words, "name": "flat"}))
    model = zoo.create("3d-unet", num_classes=2, width=4, depth=2)
    with pytest.raises(InputError, match=r"'flat' cannot explain this model: for 2D alone, the model is for 3D\. Take"):
        explain(model, toys.noise_volume((8, 8, 8)), "flat", 1)


def test_what_is_sampled_has_a_seed() -> None:
    sampled = [one for one in methods() if one.sampled]
    assert {"rise", "smooth-grad", "kernel-shap"} <= {one.name for one in sampled}
    assert all({"seed", "samples"} <= set(one.options) for one in sampled)
    assert not any("seed" in one.options for one in methods() if not one.sampled)


@pytest.mark.parametrize(
    ("steps", "got"),
    [
        (lambda self, problem: iter(()), "got nothing"),
        (lambda self, problem: iter([problem.input[0, 0]]), "got ndarray"),
        (lambda self, problem: None, "got NoneType instead of a generator"),
    ],
)
def test_a_method_that_yields_no_step_is_told_what_to_yield(plug_ins: Any, steps: Any, got: str) -> None:
    words = {"title": "Odd", "summary": "nothing", "name": "odd", "steps": steps}
    plug_ins(EXPLAINERS, odd=type("Odd", (Explainer,), words))
    model = toys.segmentation_model(3)
    with pytest.raises(InputError, match=rf"'odd': steps must yield a Step at least once, {got}\. Yield Step\(1\.0"):
        explain(model, toys.noise_volume((8, 8, 8)), "odd", 1)


def test_what_a_method_declares_is_looked_at() -> None:
    with pytest.raises(InputError, match=r"make_map must be a function that returns the map, got list\. Give Step"):
        Step(1.0, [1.0], (1,))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"Odd: options must be Parameters by name, got list\. See by_name"):
        type("Odd", (Explainer,), {"options": []})
