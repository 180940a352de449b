"""Which methods there are, and in which order."""

from __future__ import annotations

from typing import Any

from workbench.explain import Explainer, methods
from workbench.explain.registry import EXPLAINERS


def test_methods_stand_in_their_order_and_what_says_nothing_of_it_comes_last(plug_ins: Any) -> None:
    words = {"title": "Of a package", "summary": "nothing", "steps": lambda self, problem: iter(())}
    between = type("Between", (Explainer,), {**words, "name": "between", "order": 1.5})
    silent = type("Silent", (Explainer,), {**words, "name": "a-silent-one"})
    plug_ins(EXPLAINERS, a=silent, b=between)
    names = [method.name for method in methods()]
    assert names[:3] == ["grad-cam", "between", "occlusion"]
    assert names[-1] == "a-silent-one"
    assert names.index("guided-backprop") < names.index("xgrad-cam")
