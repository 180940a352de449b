"""The lists that a model is chosen from."""

from __future__ import annotations

from workbench.widgets._model_lists import largeness, run_row
from workbench.widgets.choice import Choice


def test_a_run_of_an_algorithm_that_is_no_longer_installed_is_listed_and_not_offered():
    row = run_row({"value": "run", "label": "yesterday", "algorithm": "tiny-net"}, None)
    assert row == {"value": "run", "label": "yesterday", "enabled": False, "reason": "tiny-net is not installed"}


def test_a_run_that_cannot_be_read_says_so():
    assert run_row({"value": "run", "label": "yesterday", "algorithm": ""}, None)["reason"] == "unreadable"


def test_a_run_of_a_known_algorithm_is_offered():
    row = run_row({"value": "run", "label": "yesterday", "algorithm": "3d-unet"}, None)
    assert row["enabled"]
    assert not row["reason"]


def test_options_that_are_large_together_are_asked_about():
    told = largeness(Choice("3d-unet", options={"width": 128, "depth": 6}, in_channels=1, num_classes=2))
    assert told is not None
    assert told[0].startswith("It would have about 1.2e+09 weights: ")
    assert largeness(Choice("3d-unet", options={"width": 16, "depth": 6}, in_channels=1, num_classes=2)) is None
