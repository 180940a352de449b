"""The example of docs/how-to/add-an-explainer.md: a package of its own, found by its entry point."""

from __future__ import annotations

import numpy as np

from tests.pages import Page, check_found, site_of
from workbench.explain import explain, methods, registry
from workbench.testing import toys

PAGE = Page("how-to/add-an-explainer.md")
site = site_of(PAGE, registry.EXPLAINERS.reset)


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """The whole contract."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert "noisy-gradient" in [method.name for method in methods()]


def test_it_is_tried_as_the_page_does() -> None:
    assert np.ptp(PAGE.run("try_it.py")["why"].data) > 0


def test_the_map_of_a_linear_network_is_its_weights_whatever_the_noise() -> None:
    model, weights = toys.linear_model((4, 5), classes=2)
    why = explain(model, toys.noise_volume((4, 5)), "noisy-gradient", 1, noise=0.5)
    np.testing.assert_allclose(why.data, np.abs(weights[1, 0]), atol=1e-6)
